//! Expiry: a listing whose last day has passed leaves the market by itself.

use std::time::Duration;

use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::actions::moved;
use super::model::today;
use super::policy::expire_by_system;
use super::states::{ListingMove, ListingState};
use super::store::{self, MovedColumns};
use crate::audit::model::By;
use crate::db::{Connection, Database};
use crate::error::Result;
use crate::jobs::Job;

pub const EXPIRE_LISTINGS: Job = Job { kind: "expire_listings", every: Duration::from_secs(60), run: |database| Box::pin(expire_overdue(database)) };

const BATCH: i64 = 200;

/// Looks at the row again under a lock: its owner may have been faster with a renewal or another move.
async fn expire(conn: &mut Connection, id: Uuid) -> Result<()> {
    let Some(listing) = store::find_locked(conn, id).await? else { return Ok(()) };
    if !ListingMove::Expire.from().contains(&listing.state) {
        return Ok(());
    }
    if let Some(authority) = expire_by_system(listing, today()) {
        moved(conn, &By::system(), &authority, ListingState::Expired, MovedColumns::default()).await?;
    }
    Ok(())
}

/// Expires all that is overdue, each in a transaction of its own.
pub async fn expire_overdue(database: Database) -> Result<()> {
    let mut conn = database.write().await?;
    loop {
        let overdue = store::overdue(&mut conn, today(), BATCH).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        for listing in overdue {
            conn.transaction(async |conn| expire(conn, listing.id).await).await?;
        }
    }
}
