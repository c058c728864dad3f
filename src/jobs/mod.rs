//! Recurring work: a row a kind, claimed by one instance at a time. Knows no job.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel_async::RunQueryDsl;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::db::Database;
use crate::db::schema::jobs;
use crate::error::Result;

/// How long a claim lasts: an instance that dies in its work is followed by another after this time.
const CLAIM_SECONDS: i32 = 300;
const TICK: Duration = Duration::from_secs(1);

/// Work that is done again and again. It must be idempotent: a claim that runs out is taken by another.
#[derive(Clone, Copy)]
pub struct Job {
    pub kind: &'static str,
    pub every: Duration,
    pub run: fn(Database) -> BoxFuture<'static, Result<()>>,
}

/// Works until the token is cancelled; finishes the job in hand.
pub async fn work(database: Database, all: Vec<Job>, stop: CancellationToken) {
    for job in &all {
        metrics::counter!("zonebridge_job_failures_total", "job" => job.kind).increment(0);
    }
    loop {
        for job in &all {
            if stop.is_cancelled() {
                return;
            }
            if let Err(error) = run_if_due(&database, job).await {
                tracing::warn!(job = job.kind, cause = %error, "the job queue cannot be used");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

async fn run_if_due(database: &Database, job: &Job) -> Result<()> {
    if !claim(database, job).await? {
        return Ok(());
    }
    let outcome = (job.run)(database.clone()).await;
    let mut conn = database.write().await?;
    match outcome {
        Ok(()) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            metrics::gauge!("zonebridge_job_last_success_timestamp_seconds", "job" => job.kind).set(now.as_secs_f64());
            finish(&mut conn, job).await
        }
        Err(error) => {
            tracing::error!(job = job.kind, cause = ?error, "a job failed; it will be tried again");
            metrics::counter!("zonebridge_job_failures_total", "job" => job.kind).increment(1);
            postpone(&mut conn, job, &error.to_string()).await
        }
    }
}

async fn claim(database: &Database, job: &Job) -> Result<bool> {
    let mut conn = database.write().await?;
    diesel::insert_into(jobs::table).values(jobs::kind.eq(job.kind)).on_conflict_do_nothing().execute(&mut conn).await?;
    let claimed = diesel::sql_query(
        "UPDATE jobs SET locked_until = now() + make_interval(secs => $2::double precision), attempts = attempts + 1
         WHERE kind = $1 AND run_at <= now() AND (locked_until IS NULL OR locked_until < now())",
    )
    .bind::<Text, _>(job.kind)
    .bind::<Integer, _>(CLAIM_SECONDS)
    .execute(&mut conn)
    .await?;
    Ok(claimed == 1)
}

async fn finish(conn: &mut crate::db::Connection, job: &Job) -> Result<()> {
    let seconds = i64::try_from(job.every.as_secs()).unwrap_or(i64::MAX);
    diesel::sql_query(
        "UPDATE jobs SET locked_until = NULL, attempts = 0, last_error = NULL, last_run_at = now(), run_at = now() + make_interval(secs => $2::double precision) WHERE kind = $1",
    )
    .bind::<Text, _>(job.kind)
    .bind::<BigInt, _>(seconds)
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits 2, 4, 8 … seconds, at most five minutes.
async fn postpone(conn: &mut crate::db::Connection, job: &Job, error: &str) -> Result<()> {
    diesel::sql_query("UPDATE jobs SET locked_until = NULL, last_error = $2, run_at = now() + make_interval(secs => least(300, power(2, least(attempts, 10)))) WHERE kind = $1")
        .bind::<Text, _>(job.kind)
        .bind::<Text, _>(error)
        .execute(conn)
        .await?;
    Ok(())
}
