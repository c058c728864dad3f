//! Expiry: a listing whose last day has passed leaves the market by itself.

use std::time::Duration;

use diesel_async::AsyncConnection;

use super::actions::moved;
use super::model::today;
use super::policy::expire_by_system;
use super::states::ListingState;
use super::store::{self, MovedColumns};
use crate::audit::model::By;
use crate::db::Database;
use crate::error::{Error, Result};
use crate::jobs::Job;

pub const EXPIRE_LISTINGS: Job = Job { kind: "expire_listings", every: Duration::from_secs(60), run: |database| Box::pin(expire_overdue(database)) };

const BATCH: i64 = 200;

/// Expires all that is overdue, each in a transaction of its own.
pub async fn expire_overdue(database: Database) -> Result<()> {
    let mut conn = database.write().await?;
    loop {
        let overdue = store::overdue(&mut conn, today(), BATCH).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        for listing in overdue {
            let Some(authority) = expire_by_system(listing, today()) else { continue };
            let done = conn.transaction(async |conn| moved(conn, &By::system(), &authority, ListingState::Expired, MovedColumns::default()).await).await;
            match done {
                // The owner was faster with a move of their own.
                Ok(_) | Err(Error::IllegalMove { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
