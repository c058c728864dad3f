//! What others may read of all listings without asking who asks: the published ones. The search index is made from these.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{Entry, Listing, RevisionRow};
use super::states::ListingState;
use super::store::{Joined, entry};
use crate::db::Connection;
use crate::db::schema::{listing_revisions, listings, organizations};
use crate::error::Result;
use crate::organizations::model::Organization;

/// The published listings among `ids`, with their live revisions.
pub async fn among(conn: &mut Connection, ids: &[Uuid]) -> Result<Vec<Entry>> {
    let rows: Vec<Joined> = listings::table
        .inner_join(organizations::table)
        .inner_join(listing_revisions::table.on(listing_revisions::listing_id.eq(listings::id).and(listing_revisions::revision.nullable().eq(listings::live_revision))))
        .filter(listings::id.eq_any(ids).and(listings::state.eq(ListingState::Published)))
        .select((Listing::as_select(), Organization::as_select(), RevisionRow::as_select()))
        .load(conn)
        .await?;
    rows.into_iter().map(entry).collect()
}

/// The next published listings in the order of ids, for whoever reads them all.
pub async fn after(conn: &mut Connection, after: Option<Uuid>, limit: i64) -> Result<Vec<Entry>> {
    let rows: Vec<Joined> = listings::table
        .inner_join(organizations::table)
        .inner_join(listing_revisions::table.on(listing_revisions::listing_id.eq(listings::id).and(listing_revisions::revision.nullable().eq(listings::live_revision))))
        .filter(listings::state.eq(ListingState::Published).and(listings::id.gt(after.unwrap_or(Uuid::nil()))))
        .order(listings::id)
        .limit(limit)
        .select((Listing::as_select(), Organization::as_select(), RevisionRow::as_select()))
        .load(conn)
        .await?;
    rows.into_iter().map(entry).collect()
}

pub async fn count(conn: &mut Connection) -> QueryResult<i64> {
    listings::table.filter(listings::state.eq(ListingState::Published)).count().get_result(conn).await
}

pub async fn ids_of(conn: &mut Connection, organizations: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    listings::table.filter(listings::organization_id.eq_any(organizations).and(listings::state.eq(ListingState::Published))).select(listings::id).load(conn).await
}
