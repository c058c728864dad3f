//! What others may read of all listings without asking who asks: the published ones. The search index is made from these.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{Entry, Listing, RevisionRow};
use super::states::ListingState;
use super::store::{Joined, entry};
use crate::db::Connection;
use crate::db::schema::{listing_revisions, listings, organizations};
use crate::organizations::model::Organization;

/// One join for all readers: a published listing with its organisation and its live revision.
macro_rules! published {
    () => {
        listings::table
            .inner_join(organizations::table)
            .inner_join(listing_revisions::table.on(listing_revisions::listing_id.eq(listings::id).and(listing_revisions::revision.nullable().eq(listings::live_revision))))
            .filter(listings::state.eq(ListingState::Published))
            .select((Listing::as_select(), Organization::as_select(), RevisionRow::as_select()))
    };
}

/// Listings that were read, and how far the reading came.
pub struct Chunk {
    pub entries: Vec<Entry>,
    /// The last id that was read, `None` at the end.
    pub last: Option<Uuid>,
}

impl Chunk {
    /// A row that cannot be understood is left out, counted and told of: it must not keep all others from being found.
    fn of(rows: Vec<Joined>) -> Self {
        let last = rows.last().map(|(listing, ..)| listing.id);
        let readable = |row: Joined| {
            let id = row.0.id;
            entry(row)
                .inspect_err(|error| {
                    metrics::counter!("zonebridge_index_failures_total").increment(1);
                    tracing::error!(listing = %id, cause = format!("{error:#}"), "a published listing cannot be read; it is left out of the index");
                })
                .ok()
        };
        Self { entries: rows.into_iter().filter_map(readable).collect(), last }
    }
}

/// The published listings among `ids`.
pub async fn among(conn: &mut Connection, ids: &[Uuid]) -> QueryResult<Vec<Entry>> {
    let rows: Vec<Joined> = published!().filter(listings::id.eq_any(ids)).load(conn).await?;
    Ok(Chunk::of(rows).entries)
}

/// The next published listings in the order of ids, for whoever reads them all.
pub async fn after(conn: &mut Connection, after: Option<Uuid>, limit: i64) -> QueryResult<Chunk> {
    let rows: Vec<Joined> = published!().filter(listings::id.gt(after.unwrap_or(Uuid::nil()))).order(listings::id).limit(limit).load(conn).await?;
    Ok(Chunk::of(rows))
}

pub async fn count(conn: &mut Connection) -> QueryResult<i64> {
    listings::table.filter(listings::state.eq(ListingState::Published)).count().get_result(conn).await
}

pub async fn ids_of(conn: &mut Connection, organizations: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    listings::table.filter(listings::organization_id.eq_any(organizations).and(listings::state.eq(ListingState::Published))).select(listings::id).load(conn).await
}
