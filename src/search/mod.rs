//! Full text in process: what is indexed, how it is asked, how the index follows the database.

pub mod check;
pub mod collect;
pub mod document;
pub mod fields;
pub mod filters;
pub mod follow;
pub mod http;
pub mod index;
pub mod query;
pub mod typed;
pub mod excluded;
pub mod phrase;
pub mod spelling;
pub mod nearest;
pub mod blend;
pub mod rank;
pub mod find;
pub mod similar;
pub mod rebuild;
pub mod frequent;
pub mod statistics;
pub mod stored;
