//! Organisations: who they are (USCC), where they are at home, whether a zone has verified them, who belongs to them.

pub mod actions;
pub mod http;
pub mod members_http;
pub mod model;
pub mod policy;
mod store;
pub mod uscc;
