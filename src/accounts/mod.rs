//! Accounts, sessions and the roles that accounts hold.

pub mod actions;
pub mod grants;
pub mod http;
pub mod jobs;
pub mod limiter;
pub mod model;
pub mod password;
pub mod policy;
pub mod roles_http;
mod store;
