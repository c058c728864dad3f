//! What takes more than one statement: drafting, editing and the moves. Each is one transaction with its audit entry and, where
//! others see the change, its row in the change feed.

use chrono::{NaiveDate, Utc};
use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::content::Content;
use super::content::check::check_complete;
use super::model::{Entry, Listing};
use super::policy::{Drafting, EditableListing, MoveAuthority};
use super::states::{ListingMove, ListingState};
use super::store::{self, EditedColumns, MovedColumns, NewListing};
use super::view::ListingSnapshot;
use crate::access::actor::Actor;
use crate::audit::model::{self as audit_model, By, SubjectType};
use crate::audit::store as audit;
use crate::db::{Connection, Database};
use crate::error::{Error, Result};
use crate::feed;
use crate::moderation::actions as moderation;
use crate::moderation::model::{CaseState, CaseSubjectType, CaseTrigger, NewCase, Review, SubjectRef};
use crate::organizations::actions as organizations;
use crate::zones::actions as zones;

pub async fn find(conn: &mut Connection, id: Uuid) -> Result<Listing> {
    store::find(conn, id).await?.ok_or(Error::NotFound)
}

/// The listing with its newest revision.
pub async fn head(conn: &mut Connection, listing: Listing) -> Result<Entry> {
    let revision = listing.head_revision;
    store::with_organization(conn, listing, revision).await
}

/// The listing with the revision that others see.
pub async fn live(conn: &mut Connection, listing: Listing) -> Result<Entry> {
    let revision = listing.live_revision.ok_or(Error::NotFound)?;
    store::with_organization(conn, listing, revision).await
}

pub async fn draft(database: &Database, actor: &Actor, drafting: &Drafting, content: &Content, valid_through: NaiveDate) -> Result<Entry> {
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let organization = organizations::find(conn, drafting.organization()).await?;
        let new = NewListing { id: Uuid::now_v7(), zone: &organization.home_zone, content, valid_through, created_by: Some(actor.account_id) };
        let listing = store::insert_draft(conn, drafting, &new).await?;
        audit::record(conn, &By::from(actor), entry("draft", &listing).states(None, Some(&content.recorded(valid_through)))).await?;
        Ok(Entry { revision: listing.head_revision, listing, organization, content: content.clone() })
    })
    .await
}

/// Writes a new revision. A draft just changes; a live listing keeps its live revision until the new one is reviewed, or under
/// the policy `post` shows it at once. Validity alone is no matter for review.
pub async fn edit(database: &Database, actor: &Actor, target: &EditableListing, content: &Content, valid_through: NaiveDate) -> Result<Entry> {
    let before = target.listing();
    if !before.state.is_editable() {
        return Err(illegal_move(before.state));
    }
    let by = By::from(actor);
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        // Writers of the same version come one after the other, and all but the first find it changed.
        let now = store::find_locked(conn, before.id).await?.ok_or(Error::NotFound)?;
        if now.version != before.version {
            return Err(Error::PreconditionFailed { current: crate::http::conditional::etag(now.version) });
        }
        let old = store::content(conn, before, before.head_revision).await?;
        let changed = old != *content || old.tiers != content.tiers || old.excluded_organizations != content.excluded_organizations;
        if !changed && before.valid_through == valid_through {
            return head(conn, before.clone()).await;
        }
        let revision = before.head_revision + i32::from(changed);
        if changed {
            store::insert_revision(conn, target, revision, content, Some(actor.account_id)).await?;
        }
        let live = matches!(before.state, ListingState::Published | ListingState::Paused);
        let mut columns = EditedColumns {
            head_revision: revision,
            live_revision: None,
            pending_revision: None,
            valid_through,
            submitted_by: live.then_some(actor.account_id),
            version: before.version + 1,
            updated_at: Utc::now(),
        };
        let at_once = if live && changed { Some(check_live_edit(conn, before, content).await?) } else { None };
        match at_once {
            Some(true) => columns.live_revision = Some(revision),
            Some(false) => columns.pending_revision = Some(Some(revision)),
            None => {}
        }
        let listing = store::edit(conn, target, columns).await?.ok_or_else(|| Error::PreconditionFailed { current: "newer".into() })?;
        audit::record(
            conn,
            &by,
            entry("edit", &listing).states(Some(&old.recorded(before.valid_through)), Some(&content.recorded(valid_through))).change(
                "revision",
                Some(&before.head_revision.to_string()),
                Some(&revision.to_string()),
            ),
        )
        .await?;
        let after = head(conn, listing).await?;
        if let Some(at_once) = at_once {
            moderation::close_of_subject(conn, &by, CaseSubjectType::Listing, after.listing.id).await?;
            open_case(conn, &by, &after, actor.account_id, at_once).await?;
        }
        if live {
            feed::listings_changed(conn, &[after.listing.id]).await?;
        }
        Ok(after)
    })
    .await
}

/// Whether an edit of a live listing is shown at once. One revision waits for review at a time.
async fn check_live_edit(conn: &mut Connection, listing: &Listing, content: &Content) -> Result<bool> {
    if listing.pending_revision.is_some() {
        return Err(Error::conflict("revision_under_review", "a revision of this listing is under review: wait for its decision", "该供需的一个修订版正在审核，请等待审核结果"));
    }
    let missing = check_complete(content);
    if !missing.is_empty() {
        return Err(Error::Invalid(missing));
    }
    let at_once = publishes_at_once(conn, listing).await?;
    check_case_allows_edit(conn, listing.id, at_once).await?;
    Ok(at_once)
}

/// An edit replaces the case on the revision before it, but only one that waits, came from a submission and may decide as much: an owner
/// must not edit their way out of a case that a reviewer has taken up.
async fn check_case_allows_edit(conn: &mut Connection, id: Uuid, at_once: bool) -> Result<()> {
    let Some(case) = moderation::find_undecided(conn, CaseSubjectType::Listing, id).await? else { return Ok(()) };
    let replaceable = case.state == CaseState::Open && case.opened_by_trigger == CaseTrigger::Submission && (at_once || case.review == Review::BeforePublication);
    if replaceable {
        return Ok(());
    }
    Err(Error::conflict("under_review", "a reviewer is looking at this listing: wait for the decision", "审核员正在审核该供需，请等待审核结果"))
}

async fn publishes_at_once(conn: &mut Connection, listing: &Listing) -> Result<bool> {
    let zone = zones::find(conn, &listing.zone).await?;
    let organization = organizations::find(conn, listing.organization_id).await?;
    Ok(zone.policy.publishes_at_once(organization.is_verified()))
}

async fn open_case(conn: &mut Connection, by: &By, entry: &Entry, submitted_by: Uuid, published_already: bool) -> Result<()> {
    let review = if published_already { Review::AfterPublication } else { Review::BeforePublication };
    let new = new_case(entry, Some(submitted_by), CaseTrigger::Submission, review)?;
    moderation::open(conn, by, &new).await?;
    Ok(())
}

/// A case on the listing as it stands in `entry`.
pub fn new_case(entry: &Entry, submitted_by: Option<Uuid>, trigger: CaseTrigger, review: Review) -> Result<NewCase> {
    Ok(NewCase {
        zone: entry.listing.zone.clone(),
        subject: SubjectRef { kind: CaseSubjectType::Listing, id: entry.listing.id },
        subject_revision: entry.revision,
        organization_id: entry.listing.organization_id,
        submitted_by,
        trigger,
        review,
        snapshot: serde_json::to_value(ListingSnapshot::of(entry)).map_err(Error::internal)?,
    })
}

/// Submits a draft: checks that it is complete, opens its case, and publishes it at once where the zone's policy says so.
pub async fn submit(database: &Database, actor: &Actor, authority: &MoveAuthority) -> Result<Entry> {
    let by = By::from(actor);
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let before = store::find_locked(conn, authority.listing().id).await?.ok_or(Error::NotFound)?;
        let authority = &authority.over(before.clone());
        if !ListingMove::Submit.from().contains(&before.state) {
            return Err(illegal_move(before.state));
        }
        let content = store::content(conn, &before, before.head_revision).await?;
        let mut missing = check_complete(&content);
        if before.valid_through < super::model::today() {
            missing.push(crate::error::FieldError::not_allowed("/valid_through", "has passed: choose a later day", "已过期，请选择更晚的日期"));
        }
        if !missing.is_empty() {
            return Err(Error::Invalid(missing));
        }
        let at_once = publishes_at_once(conn, &before).await?;
        let target = if at_once { ListingState::Published } else { ListingState::Submitted };
        let columns = MovedColumns {
            submitted_by: Some(actor.account_id),
            live_revision: at_once.then_some(before.head_revision),
            published_at: (at_once && before.published_at.is_none()).then(Utc::now),
            ..MovedColumns::default()
        };
        let listing = moved(conn, &by, authority, target, columns).await?;
        let entry = head(conn, listing).await?;
        open_case(conn, &by, &entry, actor.account_id, at_once).await?;
        Ok(entry)
    })
    .await
}

/// The owner's other moves, and an administrator's restoration. `valid_through` is for a renewal.
pub async fn move_listing(database: &Database, actor: &Actor, authority: &MoveAuthority, valid_through: Option<NaiveDate>) -> Result<Entry> {
    let by = By::from(actor);
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let before = store::find_locked(conn, authority.listing().id).await?.ok_or(Error::NotFound)?;
        let authority = &authority.over(before.clone());
        let mv = authority.mv();
        if !mv.from().contains(&before.state) {
            return Err(illegal_move(before.state));
        }
        let target = if mv == ListingMove::Restore { before.state_before_removal.unwrap_or(ListingState::Paused) } else { mv.target() };
        let columns = MovedColumns {
            valid_through,
            state_before_removal: (mv == ListingMove::Restore).then_some(None),
            pending_revision: matches!(mv, ListingMove::Withdraw | ListingMove::Fulfil).then_some(None),
            ..MovedColumns::default()
        };
        let listing = moved(conn, &by, authority, target, columns).await?;
        if matches!(mv, ListingMove::Withdraw | ListingMove::Fulfil) {
            moderation::close_of_subject(conn, &by, CaseSubjectType::Listing, listing.id).await?;
        }
        head(conn, listing).await
    })
    .await
}

/// Makes a move with its audit entry and its row in the feed. Call it in a transaction.
pub async fn moved(conn: &mut Connection, by: &By, authority: &MoveAuthority, target: ListingState, columns: MovedColumns) -> Result<Listing> {
    let before = authority.listing();
    let Some(after) = store::apply(conn, authority, target, columns).await? else { return Err(illegal_move(find(conn, before.id).await?.state)) };
    let entry = entry(authority.mv().as_str(), &after).change("state", Some(before.state.as_str()), Some(after.state.as_str())).states(Some(before), Some(&after));
    audit::record(conn, by, entry).await?;
    if after.live_revision.is_some() {
        feed::listings_changed(conn, &[after.id]).await?;
    }
    Ok(after)
}

pub fn entry(action: &'static str, listing: &Listing) -> audit_model::Entry {
    audit_model::Entry::new(action, SubjectType::Listing, listing.id).organization(listing.organization_id).zone(&listing.zone)
}

pub fn illegal_move(state: ListingState) -> Error {
    Error::IllegalMove { state: state.to_string(), allowed_moves: ListingMove::calls_from(state).iter().map(ToString::to_string).collect() }
}
