//! Every statement on `listings` and `listing_revisions`.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::content::Content;
use super::content::kinds::{Direction, Kind};
use super::model::{Entry, Listing, NewRevision, RevisionRow};
use super::policy::{Drafting, EditableListing, MoveAuthority, OwnListingsReader};
use super::states::ListingState;
use crate::db::Connection;
use crate::db::schema::{listing_revisions, listings, organizations};
use crate::error::Result;
use crate::organizations::model::Organization;

/// A draft to be inserted.
pub struct NewListing<'a> {
    pub id: Uuid,
    pub zone: &'a str,
    pub content: &'a Content,
    pub valid_through: NaiveDate,
    pub created_by: Option<Uuid>,
}

/// Inserts a draft with its first revision.
pub async fn insert_draft(conn: &mut Connection, drafting: &Drafting, new: &NewListing<'_>) -> Result<Listing> {
    let row = (
        listings::id.eq(new.id),
        listings::organization_id.eq(drafting.organization()),
        listings::zone.eq(new.zone),
        listings::kind.eq(new.content.kind()),
        listings::direction.eq(new.content.direction),
        listings::state.eq(ListingState::Draft),
        listings::head_revision.eq(1),
        listings::valid_through.eq(new.valid_through),
        listings::created_by.eq(new.created_by),
    );
    let inserted = diesel::insert_into(listings::table).values(row).returning(Listing::as_returning()).get_result(conn).await?;
    diesel::insert_into(listing_revisions::table).values(NewRevision::of(new.id, 1, new.content, new.created_by)?).execute(conn).await?;
    Ok(inserted)
}

pub async fn insert_revision(conn: &mut Connection, target: &EditableListing, revision: i32, content: &Content, by: Option<Uuid>) -> Result<()> {
    diesel::insert_into(listing_revisions::table).values(NewRevision::of(target.listing().id, revision, content, by)?).execute(conn).await?;
    Ok(())
}

/// What an edit changes in the listing's own row.
#[derive(AsChangeset)]
#[diesel(table_name = listings)]
pub struct EditedColumns {
    pub head_revision: i32,
    pub live_revision: Option<i32>,
    pub pending_revision: Option<Option<i32>>,
    pub valid_through: NaiveDate,
    pub submitted_by: Option<Uuid>,
    pub version: i64,
    pub updated_at: DateTime<Utc>,
}

/// `None` when the listing was changed since it was read.
pub async fn edit(conn: &mut Connection, target: &EditableListing, columns: EditedColumns) -> QueryResult<Option<Listing>> {
    let before = target.listing();
    diesel::update(listings::table.find(before.id).filter(listings::version.eq(before.version).and(listings::state.eq(before.state))))
        .set(columns)
        .returning(Listing::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// What a move changes beside the state; `None` leaves a column as it is.
#[derive(Default, AsChangeset)]
#[diesel(table_name = listings)]
pub struct MovedColumns {
    pub live_revision: Option<i32>,
    pub pending_revision: Option<Option<i32>>,
    pub state_before_removal: Option<Option<ListingState>>,
    pub valid_through: Option<NaiveDate>,
    pub submitted_by: Option<Uuid>,
    pub published_at: Option<DateTime<Utc>>,
}

/// Makes a move. The state is guarded here: `None` when it is no longer one that allows the move.
pub async fn apply(conn: &mut Connection, authority: &MoveAuthority, target: ListingState, columns: MovedColumns) -> QueryResult<Option<Listing>> {
    diesel::update(listings::table.find(authority.listing().id).filter(listings::state.eq_any(authority.mv().from())))
        .set((columns, listings::state.eq(target), listings::version.eq(listings::version + 1), listings::updated_at.eq(Utc::now())))
        .returning(Listing::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Ends the review of a new revision of a live listing, whose state stays. `None` when that revision no longer waits.
pub async fn settle_pending(conn: &mut Connection, authority: &MoveAuthority, revision: i32, publish: bool) -> QueryResult<Option<Listing>> {
    let pending = listings::table.find(authority.listing().id).filter(listings::pending_revision.eq(revision));
    diesel::update(pending)
        .set((
            MovedColumns { live_revision: publish.then_some(revision), pending_revision: Some(None), ..MovedColumns::default() },
            listings::version.eq(listings::version + 1),
            listings::updated_at.eq(Utc::now()),
        ))
        .returning(Listing::as_returning())
        .get_result(conn)
        .await
        .optional()
}

pub async fn find(conn: &mut Connection, id: Uuid) -> QueryResult<Option<Listing>> {
    listings::table.find(id).select(Listing::as_select()).first(conn).await.optional()
}

/// The listing with its newest revision and its organisation, in one question that may be on its way together with others.
pub async fn find_head(conn: &mut &Connection, id: Uuid) -> Result<Option<Entry>> {
    let found: Option<Joined> = listings::table
        .inner_join(organizations::table)
        .inner_join(listing_revisions::table.on(listing_revisions::listing_id.eq(listings::id).and(listing_revisions::revision.eq(listings::head_revision))))
        .filter(listings::id.eq(id))
        .select((Listing::as_select(), Organization::as_select(), RevisionRow::as_select()))
        .first(conn)
        .await
        .optional()?;
    found.map(entry).transpose()
}

/// The listing, locked until the end of the transaction.
pub async fn find_locked(conn: &mut Connection, id: Uuid) -> QueryResult<Option<Listing>> {
    listings::table.find(id).select(Listing::as_select()).for_update().first(conn).await.optional()
}

pub async fn content(conn: &mut Connection, listing: &Listing, revision: i32) -> Result<Content> {
    let row: RevisionRow = listing_revisions::table.find((listing.id, revision)).select(RevisionRow::as_select()).first(conn).await?;
    row.into_content(listing.kind, listing.direction)
}

/// The newest first, at most a hundred.
pub async fn revisions(conn: &mut Connection, listing: &Listing) -> Result<Vec<(i32, DateTime<Utc>, Content)>> {
    let rows: Vec<RevisionRow> = listing_revisions::table
        .filter(listing_revisions::listing_id.eq(listing.id))
        .order(listing_revisions::revision.desc())
        .limit(100)
        .select(RevisionRow::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(|row| Ok((row.revision, row.created_at, row.into_content(listing.kind, listing.direction)?))).collect()
}

pub(super) type Joined = (Listing, Organization, RevisionRow);

pub(super) fn entry((listing, organization, row): Joined) -> Result<Entry> {
    let (kind, direction): (Kind, Direction) = (listing.kind, listing.direction);
    Ok(Entry { revision: row.revision, content: row.into_content(kind, direction)?, listing, organization })
}

/// An organisation's listings with their newest revisions, newest first.
pub async fn owned(conn: &mut Connection, reader: &OwnListingsReader, state: Option<ListingState>, before: Option<Uuid>, limit: i64) -> Result<Vec<Entry>> {
    let mut page = listings::table
        .filter(listings::organization_id.eq(reader.organization()).and(listings::id.lt(before.unwrap_or(Uuid::max()))))
        .order(listings::id.desc())
        .limit(limit + 1)
        .select(listings::id)
        .into_boxed();
    if let Some(state) = state {
        page = page.filter(listings::state.eq(state));
    }
    let ids: Vec<Uuid> = page.load(conn).await?;
    let rows: Vec<Joined> = listings::table
        .inner_join(organizations::table)
        .inner_join(listing_revisions::table.on(listing_revisions::listing_id.eq(listings::id).and(listing_revisions::revision.eq(listings::head_revision))))
        .filter(listings::id.eq_any(ids))
        .order(listings::id.desc())
        .select((Listing::as_select(), Organization::as_select(), RevisionRow::as_select()))
        .load(conn)
        .await?;
    rows.into_iter().map(entry).collect()
}

/// Listings whose last day has passed.
pub async fn overdue(conn: &mut Connection, today: NaiveDate, limit: i64) -> QueryResult<Vec<Listing>> {
    listings::table
        .filter(listings::state.eq_any([ListingState::Published, ListingState::Paused]).and(listings::valid_through.lt(today)))
        .order(listings::valid_through)
        .limit(limit)
        .select(Listing::as_select())
        .load(conn)
        .await
}

pub async fn with_organization(conn: &mut Connection, listing: Listing, revision: i32) -> Result<Entry> {
    let organization = organizations::table.find(listing.organization_id).select(Organization::as_select()).first(conn).await?;
    let content = content(conn, &listing, revision).await?;
    Ok(Entry { listing, organization, revision, content })
}
