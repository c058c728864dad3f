//! The service from outside: real HTTP, a real Postgres, a database a test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test fails by a panic, and reads better with plain values"
)]

mod accounts;
mod audit;
mod caching;
mod commands;
mod concepts;
mod contract;
mod crashes;
mod demonstration;
mod hostile;
mod idempotency;
mod importing;
mod index;
mod instances;
mod judged;
mod listings;
mod local_cluster;
mod matching;
mod meaning;
mod logs;
mod operation;
mod organizations;
mod policies;
mod review;
mod search;
mod structure;
mod support;
mod typed;
