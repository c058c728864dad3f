//! What can be wrong with a model's files.

/// Why a model cannot be read. Every message names the file, or the member of it, that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("{part} cannot be read as a zip archive: {reason}")]
    Archive { part: String, reason: String },
    #[error("{part} has no {member}")]
    Missing { part: String, member: String },
    #[error("{part} has {have} bytes where {need} are needed")]
    Truncated { part: String, have: usize, need: usize },
    #[error("{part} has the shape {found:?}, not {expected:?}")]
    Shape { part: String, found: Vec<usize>, expected: Vec<usize> },
    #[error("{part} holds values of the type {found}, not {expected}")]
    Type { part: String, found: String, expected: String },
    #[error("{part} is malformed: {reason}")]
    Malformed { part: String, reason: String },
}

impl ModelError {
    pub(crate) fn malformed(part: &str, reason: impl Into<String>) -> Self {
        Self::Malformed { part: part.to_owned(), reason: reason.into() }
    }

    pub(crate) fn missing(part: &str, member: &str) -> Self {
        Self::Missing { part: part.to_owned(), member: member.to_owned() }
    }

    pub(crate) fn truncated(part: &str, have: usize, need: usize) -> Self {
        Self::Truncated { part: part.to_owned(), have, need }
    }
}
