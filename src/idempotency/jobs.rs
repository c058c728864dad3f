//! Answers are kept for a day and no longer.

use std::time::Duration;

use super::store;
use crate::db::Database;
use crate::error::Result;
use crate::jobs::Job;

pub const FORGET_ANSWERS: Job = Job { kind: "forget_idempotent_answers", every: Duration::from_secs(600), run: |database| Box::pin(forget(database)) };

const BATCH: i32 = 1_000;

async fn forget(database: Database) -> Result<()> {
    let mut conn = database.write().await?;
    while store::forget_old(&mut conn, BATCH).await? > 0 {}
    Ok(())
}
