//! Matching: which offers serve a need, how well, and why.
//!
//! Every pair is judged by what each side may know of the other, and by nothing else: so both owners see the same score, and no score
//! lets anybody guess a field that is kept from them.

pub mod candidates;
pub mod explain;
pub mod factors;
pub mod gates;
pub mod http;
pub mod score;
pub mod side;
pub mod weighed;
pub mod weights;
