//! The middleware around every request: its time limit, its id in the answer, its measure, its problem in the caller's language.

use std::time::{Duration, Instant};

use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use metrics::{counter, histogram};
use tracing_actix_web::RequestId;

use super::context::locale_of;
use super::problem;
use super::trace::Route;
use crate::error::Error;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a request may take; put into the application's data at the start.
#[derive(Debug, Clone, Copy)]
pub struct RequestTimeout(pub Duration);

impl RequestTimeout {
    pub fn of(request: &ServiceRequest) -> Duration {
        request.app_data::<Self>().map_or(Duration::from_secs(30), |timeout| timeout.0)
    }
}

pub async fn observe(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let method = label_of(request.method());
    // HEAD is GET without its body, which the server leaves out by itself.
    if *request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let limit = RequestTimeout::of(&request);
    // Read now: routing needs the request for itself alone.
    let route = Route::known(&request);
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let locale = locale_of(request.request());
    let outcome = match tokio::time::timeout(limit, next.call(request)).await {
        Ok(Ok(response)) => Ok(with_headers(localised(response.map_into_boxed_body()), id.as_deref())),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let mut response = problem::respond(&Error::Timeout, locale, id.clone());
            add_headers(response.headers_mut(), id.as_deref());
            Err(InternalError::from_response(Error::Timeout, response).into())
        }
    };
    let status = outcome.as_ref().map_or_else(|error| error.as_response_error().status_code(), ServiceResponse::status);
    let labels = [("method", method.to_owned()), ("route", route), ("status", status.as_u16().to_string())];
    let took = started.elapsed();
    counter!("zonebridge_http_requests_total", &labels).increment(1);
    histogram!("zonebridge_http_request_duration_seconds", &labels).record(took.as_secs_f64());
    log(method, status, took);
    outcome
}

/// One line a request, inside its span, which has the id, the method and the route. Reads are many and stand in the measures: they are told
/// at `debug` only.
fn log(method: &str, status: StatusCode, took: Duration) {
    let (status, millis) = (status.as_u16(), took.as_secs_f64() * 1000.0);
    if status >= 500 {
        tracing::warn!(status, millis, "answered");
    } else if matches!(method, "GET" | "HEAD" | "OPTIONS") {
        tracing::debug!(status, millis, "answered");
    } else {
        tracing::info!(status, millis, "answered");
    }
}

/// Anybody may invent a method; each would be a series that is never forgotten.
fn label_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn with_headers(mut response: ServiceResponse<BoxBody>, id: Option<&str>) -> ServiceResponse<BoxBody> {
    add_headers(response.headers_mut(), id);
    response
}

fn add_headers(headers: &mut HeaderMap, id: Option<&str>) {
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Writes a problem again, in the caller's language and with the request id, and logs an internal cause, once.
pub fn localised(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = response.request();
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let Some(failure) = response.response().error() else { return response };
    let rendered = match failure.as_error::<Error>() {
        Some(error) => {
            if let Error::Internal(cause) = error {
                tracing::error!(request_id = id.as_deref(), cause = format!("{cause:#}"), "request failed");
            }
            problem::respond(error, locale_of(request), id)
        }
        // Failures of the framework itself, such as a body that breaks off.
        None if response.status().is_server_error() => {
            tracing::error!(request_id = id.as_deref(), cause = %failure, "request failed");
            problem::respond(&Error::Internal(anyhow::anyhow!("framework")), locale_of(request), id)
        }
        None => return response,
    };
    let (request, old) = response.into_parts();
    let mut rendered = rendered;
    for (name, value) in old.headers() {
        if !rendered.headers().contains_key(name) {
            rendered.headers_mut().insert(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, rendered)
}
