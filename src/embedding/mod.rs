//! What listings and questions mean: vectors of two language models, brought to a common middle in both languages.

pub mod means;
pub mod embedder;
pub mod cache;
pub mod texts;
pub mod vectors;
pub mod worker;
