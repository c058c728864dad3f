//! The service from outside: real HTTP, a real Postgres, a database a test.

mod accounts;
mod audit;
mod commands;
mod contract;
mod index;
mod judged;
mod listings;
mod local_cluster;
mod matching;
mod operation;
mod organizations;
mod policies;
mod review;
mod search;
mod structure;
mod support;
