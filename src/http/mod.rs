//! What every endpoint shares: problem details, bodies and queries, paging, conditional requests, the request's context and its measure.
//! Knows no domain.

pub mod body;
pub mod conditional;
pub mod context;
pub mod observe;
pub mod page;
pub mod problem;
pub mod strict;
pub mod trace;
