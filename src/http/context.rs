//! What a handler may want to know of the request beside its content.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tracing_actix_web::RequestId;

use super::problem::Locale;
use crate::error::Error;

/// The request's id (also a header of the answer), the caller's language and address.
#[derive(Debug, Clone)]
pub struct RequestContext {
    pub request_id: String,
    pub locale: Locale,
    /// The peer's address; the service does not trust forwarding headers.
    pub address: Option<IpAddr>,
}

impl RequestContext {
    pub fn of(request: &HttpRequest) -> Self {
        Self { request_id: request_id(request).unwrap_or_default(), locale: locale_of(request), address: request.peer_addr().map(|peer| peer.ip()) }
    }
}

impl FromRequest for RequestContext {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

pub fn request_id(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<RequestId>().map(ToString::to_string)
}

/// What `Accept-Language` prefers of `zh` and `en`; English where it names neither.
pub fn locale_of(request: &HttpRequest) -> Locale {
    let Some(accepted) = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else { return Locale::En };
    let weighted = accepted.split(',').filter_map(|range| {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight: f32 = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok())?;
        match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("zh") => Some((weight, Locale::Zh)),
            Some("en") => Some((weight, Locale::En)),
            _ => None,
        }
    });
    // The first of the heaviest.
    weighted.rev().max_by(|a, b| a.0.total_cmp(&b.0)).map_or(Locale::En, |(_, locale)| locale)
}
