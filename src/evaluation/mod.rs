//! Measuring relevance on sets with human judgements (BEIR layout), by the very code that serves requests.

pub mod dataset;
pub mod metrics;
pub mod meanings;
pub mod run;
pub mod train;
