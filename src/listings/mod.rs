//! Listings of four kinds, offers and needs: their content, states, moves, revisions and visibility.

pub mod actions;
pub mod content;
pub mod http;
pub mod import;
pub mod jobs;
pub mod model;
pub mod moves_http;
pub mod owner_http;
pub mod policy;
pub mod published;
pub mod review;
pub mod states;
mod store;
pub mod view;
