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

/// The first of `zh` and `en` that `Accept-Language` names; English otherwise.
pub fn locale_of(request: &HttpRequest) -> Locale {
    let Some(accepted) = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else { return Locale::En };
    for range in accepted.split(',') {
        match range.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("zh") => return Locale::Zh,
            Some("en") => return Locale::En,
            _ => {}
        }
    }
    Locale::En
}
