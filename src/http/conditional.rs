//! Conditional writes (RFC 9110): `If-Match` reads the row's version, with which the `ETag` begins; see `cache` for what stands behind it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};

use crate::error::{Error, FieldError, Result};

pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The versions that the caller's change is meant for. Required: an answer 428 asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    Any,
    /// Tags that are not ours are kept as no version: they match nothing.
    Versions(Vec<Option<i64>>),
}

impl IfMatch {
    pub fn parse(value: &str) -> Result<Self> {
        if value.trim() == "*" {
            return Ok(Self::Any);
        }
        // Behind the version a tag of a read has a digest of what was read, see `cache`.
        let version = |tag: &str| Some(tag.trim().strip_prefix('"')?.strip_suffix('"')?.split('.').next()?.parse().ok());
        let versions: Option<Vec<Option<i64>>> = value.split(',').map(version).collect();
        versions.map(Self::Versions).ok_or_else(|| Error::malformed(FieldError::malformed("If-Match", "an ETag of this service, such as \"3\"", "本服务的 ETag，例如 \"3\"")))
    }

    /// Fails unless `current` is one of the versions meant.
    pub fn check(&self, current: i64) -> Result<()> {
        match self {
            Self::Versions(versions) if !versions.contains(&Some(current)) => Err(Error::PreconditionFailed { current: etag(current) }),
            _ => Ok(()),
        }
    }
}

impl FromRequest for IfMatch {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.headers().get(header::IF_MATCH) {
            None => Err(Error::PreconditionRequired),
            Some(value) => value.to_str().map_err(|_| Error::malformed(FieldError::malformed("If-Match", "an ETag", "ETag"))).and_then(Self::parse),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_takes_our_tags_and_refuses_others() {
        assert!(IfMatch::parse("\"3\"").unwrap().check(3).is_ok());
        assert!(IfMatch::parse("\"2\", \"3\"").unwrap().check(3).is_ok());
        assert!(IfMatch::parse("*").unwrap().check(9).is_ok());
        assert!(IfMatch::parse("\"3.0f2c44-gzip\"").unwrap().check(3).is_ok());
        assert!(matches!(IfMatch::parse("\"2\"").unwrap().check(3), Err(Error::PreconditionFailed { .. })));
        assert!(matches!(IfMatch::parse("\"another's\"").unwrap().check(3), Err(Error::PreconditionFailed { .. })));
        for wrong in ["3", "W/\"3\"", ""] {
            assert!(IfMatch::parse(wrong).is_err(), "{wrong}");
        }
    }
}
