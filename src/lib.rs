//! Zonebridge: the exchange on which high-tech zones trade technology, funding, talent and industry capacity.
//!
//! Modules stand in the order of their dependence: each uses only those listed before it. A test reads the `use` lines and fails otherwise.

pub mod error;
pub mod config;
pub mod db;
pub mod jobs;
pub mod http;
pub mod text;
pub mod access;
pub mod audit;
pub mod idempotency;
pub mod feed;
pub mod zones;
pub mod accounts;
pub mod organizations;
pub mod moderation;
pub mod taxonomy;
pub mod listings;
pub mod embedding;
pub mod search;
pub mod matching;
pub mod evaluation;
pub mod operation;
pub mod api;
pub mod startup;
pub mod cli;
