//! Text of two languages as pure functions: what may be written, folding, segmentation, language, highlights.

pub mod clean;
pub mod fold;
pub mod function_words;
pub mod highlight;
pub mod language;
pub mod pieces;
pub mod positions;
pub mod profile;
pub mod segment;
