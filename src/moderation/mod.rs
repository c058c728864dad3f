//! Cases and decisions on any subject. Knows no subject: listings and later organisations implement `CaseSubject`, `api` wires them.

pub mod actions;
pub mod http;
pub mod model;
pub mod policy;
mod store;
pub mod subject;
