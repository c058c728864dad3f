//! What a text means, as vectors of numbers whose angles say how near two texts are, in Chinese and English alike.
//!
//! A crate of its own for one reason: its inner loops are compiled with all optimisation in every build, tests too, where the rest of the
//! service is compiled fast. It knows nothing of listings, of the database or of HTTP.

#![expect(clippy::inline_always, reason = "an inner loop is compiled for the widest registers only where it is inlined")]

pub mod error;
pub mod windows;
pub mod kernel;
mod matrix;
pub mod e5;
pub mod universal;
pub mod files;
pub mod vector;
mod pages;
pub mod nearest;
pub mod quantized;
