//! The closed lists that listings are classified by: segments of the AI chain and industries.

pub mod industry;
pub mod segment;
pub mod concept;
pub mod spotter;
