//! Append-only entries: who did what to which subject, written in the transaction of the deed.

pub mod http;
pub mod model;
pub mod policy;
pub mod store;
