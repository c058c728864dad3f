//! What listings are classified by: segments of the AI chain, industries, and the concepts that their texts speak of.

pub mod industry;
pub mod segment;
pub mod concept;
pub mod spotter;
pub mod http;
