//! Who is calling and what roles they hold. The policies of the domains decide what follows from that.

pub mod actor;
pub mod extract;
mod store;
pub mod tokens;
