//! Housekeeping of sessions.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use super::store;
use crate::jobs::Job;

pub const FORGET_SESSIONS: Job = Job {
    kind: "forget_sessions",
    every: Duration::from_secs(3600),
    run: |database| {
        Box::pin(async move {
            store::delete_old_sessions(&mut *database.write().await?, Utc::now() - TimeDelta::days(30)).await?;
            Ok(())
        })
    },
};
