//! The zones of the network: rows, each with its names and its policy of publication.

pub mod actions;
pub mod http;
pub mod model;
pub mod policy;
mod store;
