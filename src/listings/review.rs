//! Listings as subjects of cases: what a claim and a decision do to them, inside the case's own transaction.

use chrono::Utc;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::actions::{self, entry, moved, new_case};
use super::model::Listing;
use super::policy::{self, MoveAuthority};
use super::states::{ListingMove, ListingState};
use super::store::{self, MovedColumns};
use crate::access::actor::Actor;
use crate::audit::model::By;
use crate::audit::store as audit;
use crate::db::Connection;
use crate::error::{Error, Result};
use crate::feed;
use crate::moderation::model::{Case, CaseSubjectType, CaseTrigger, DecisionAction, NewCase, Review, Verdict};
use crate::moderation::policy as moderation;
use crate::moderation::subject::CaseSubject;

pub struct ListingSubject;

impl CaseSubject for ListingSubject {
    fn kind(&self) -> CaseSubjectType {
        CaseSubjectType::Listing
    }

    fn open<'a>(&'a self, conn: &'a mut Connection, actor: &'a Actor, id: Uuid) -> BoxFuture<'a, Result<NewCase>> {
        Box::pin(async move {
            let listing = locked(conn, id).await?;
            moderation::open(actor, &listing.zone, listing.organization_id)?;
            if !ListingMove::Remove.from().contains(&listing.state) {
                return Err(actions::illegal_move(listing.state));
            }
            let entry = actions::live(conn, listing).await?;
            new_case(&entry, None, CaseTrigger::OwnInitiative, Review::AfterPublication)
        })
    }

    fn lock<'a>(&'a self, conn: &'a mut Connection, id: Uuid) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { locked(conn, id).await.map(|_| ()) })
    }

    fn claimed<'a>(&'a self, conn: &'a mut Connection, by: &'a By, case: &'a Case) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let listing = locked(conn, case.subject_id).await?;
            if moves_with_its_case(case, &listing) {
                let authority = policy::claim_by_case(case, listing).ok_or(Error::NotFound)?;
                moved(conn, by, &authority, ListingState::InReview, MovedColumns::default()).await?;
            }
            Ok(())
        })
    }

    fn released<'a>(&'a self, conn: &'a mut Connection, by: &'a By, case: &'a Case) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let listing = locked(conn, case.subject_id).await?;
            if moves_with_its_case(case, &listing) {
                let authority = policy::release_by_case(case, listing).ok_or(Error::NotFound)?;
                moved(conn, by, &authority, ListingState::Submitted, MovedColumns::default()).await?;
            }
            Ok(())
        })
    }

    fn decided<'a>(&'a self, conn: &'a mut Connection, by: &'a By, case: &'a Case, verdict: &'a Verdict) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let listing = locked(conn, case.subject_id).await?;
            let pending = listing.pending_revision == Some(case.subject_revision);
            let authority = policy::decide_by_case(case, listing, verdict).ok_or(Error::NotFound)?;
            match (case.review, pending) {
                (Review::AfterPublication, _) if verdict.action == DecisionAction::Publish => kept(conn, by, &authority).await,
                (Review::AfterPublication, _) => removed(conn, by, &authority).await,
                (Review::BeforePublication, true) => settled(conn, by, case, &authority, verdict).await,
                (Review::BeforePublication, false) => reviewed(conn, by, case, &authority, verdict).await,
            }
        })
    }
}

async fn locked(conn: &mut Connection, id: Uuid) -> Result<Listing> {
    store::find_locked(conn, id).await?.ok_or(Error::NotFound)
}

/// A listing's state follows its case only before its first publication; a live one stays live while a newer revision is judged.
fn moves_with_its_case(case: &Case, listing: &Listing) -> bool {
    case.review == Review::BeforePublication && listing.pending_revision != Some(case.subject_revision)
}

async fn reviewed(conn: &mut Connection, by: &By, case: &Case, authority: &MoveAuthority, verdict: &Verdict) -> Result<()> {
    let publish = verdict.action == DecisionAction::Publish;
    let columns = MovedColumns {
        live_revision: publish.then_some(case.subject_revision),
        published_at: (publish && authority.listing().published_at.is_none()).then(Utc::now),
        ..MovedColumns::default()
    };
    moved(conn, by, authority, authority.mv().target(), columns).await?;
    Ok(())
}

/// A newer revision of a live listing was judged: it becomes the live one, or the old one stays.
async fn settled(conn: &mut Connection, by: &By, case: &Case, authority: &MoveAuthority, verdict: &Verdict) -> Result<()> {
    let before = authority.listing();
    let publish = verdict.action == DecisionAction::Publish;
    let after = store::settle_pending(conn, authority, case.subject_revision, publish).await?.ok_or_else(|| actions::illegal_move(before.state))?;
    let revision = case.subject_revision.to_string();
    audit::record(conn, by, entry(authority.mv().as_str(), &after).change("pending_revision", Some(&revision), None).states(Some(before), Some(&after))).await?;
    feed::listings_changed(conn, &[after.id]).await?;
    Ok(())
}

async fn kept(conn: &mut Connection, by: &By, authority: &MoveAuthority) -> Result<()> {
    audit::record(conn, by, entry("keep", authority.listing())).await?;
    Ok(())
}

async fn removed(conn: &mut Connection, by: &By, authority: &MoveAuthority) -> Result<()> {
    let columns = MovedColumns { state_before_removal: Some(Some(authority.listing().state)), pending_revision: Some(None), ..MovedColumns::default() };
    moved(conn, by, authority, ListingState::Removed, columns).await?;
    Ok(())
}
