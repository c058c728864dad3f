//! The span around a request: its id, method and route. Never the query, which may hold what somebody is looking for in confidence, and
//! never an address.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

pub struct QuietSpans;

/// The pattern of the route that a request takes. Never the path, which has ids in it. Looked up once and left with the request, since the
/// router tries one pattern after the other.
#[derive(Debug, Clone)]
pub struct Route(pub String);

impl Route {
    fn of(request: &ServiceRequest) -> Self {
        Self(request.match_pattern().unwrap_or_else(|| "unmatched".to_owned()))
    }

    /// The route that was looked up when the request came in.
    pub fn known(request: &ServiceRequest) -> String {
        request.extensions().get::<Self>().map_or_else(|| Self::of(request).0, |route| route.0.clone())
    }
}

impl RootSpanBuilder for QuietSpans {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<RequestId>().map(ToString::to_string);
        let route = Route::of(request);
        let span = tracing::info_span!("request", request_id = id, method = %request.method(), route = route.0);
        request.extensions_mut().insert(route);
        span
    }

    /// `observe` writes the line; it knows how long the request took.
    fn on_request_end<B: MessageBody>(_: Span, _: &Result<ServiceResponse<B>, Error>) {}
}
