//! What every endpoint shares: problem details, bodies and queries, paging, conditional requests and caching, the request's context and its measure.
//! Knows no domain.

pub mod body;
pub mod cache;
pub mod conditional;
pub mod context;
pub mod observe;
pub mod page;
pub mod problem;
pub mod strict;
pub mod trace;
