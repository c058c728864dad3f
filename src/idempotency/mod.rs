//! `Idempotency-Key`: a POST that is sent again by its sender gets the answer of the first time and does nothing.
//!
//! Keys belong to an account and are kept for a day in the database, so that it does not matter which instance the repetition reaches.
//! The answer is stored after the work is done. Where an instance dies in between, the audit log, which is written in the transaction of
//! every deed, says whether the deed was done; it is never done twice.

pub mod jobs;
mod store;

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::stream;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::store::{Begun, KeptAnswer};
use crate::access::extract::authenticate;
use crate::audit::model::SubjectType;
use crate::audit::store as audit;
use crate::db::Database;
use crate::error::{Error, FieldError, Message, Result};
use crate::http::body::{BodyLimit, read};
use crate::http::context::request_id;
use crate::http::observe::{RequestTimeout, localised};
use crate::http::trace::Route;

pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is a repeated one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;
/// An attempt that has not answered this long after its time limit is taken for dead.
const GRACE: Duration = Duration::from_secs(30);
/// What is kept of an answer's headers. The others belong to the transport or to the single request.
const KEPT_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::LINK];

/// Refusals that say nothing about what was asked for, and so are not what a repetition should get.
const UNKEPT_STATUS: [StatusCode; 4] = [StatusCode::UNAUTHORIZED, StatusCode::METHOD_NOT_ALLOWED, StatusCode::UNSUPPORTED_MEDIA_TYPE, StatusCode::TOO_MANY_REQUESTS];

/// The POSTs that keep no answers: whoever calls them has no account yet, and their answers hold tokens. Put into the application's data.
#[derive(Debug, Clone, Copy)]
pub struct Unkept(pub &'static [(&'static str, &'static str)]);

/// The first attempt of a key, which works on it.
struct Attempt {
    account: Uuid,
    key: String,
    request_id: String,
}

/// The middleware.
pub async fn keep(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(key) = key_of(&request) else { return Ok(next.call(request).await?.map_into_boxed_body()) };
    let beginning = match key {
        Ok(key) => begin(&mut request, key).await,
        Err(error) => Err(error),
    };
    let attempt = match beginning {
        Ok(Beginning::First(attempt)) => attempt,
        Ok(Beginning::Answered(answer)) => return Ok(request.into_response(answer)),
        Err(error) => return Ok(request.error_response(error)),
    };
    let database = database(request.request())?;
    let limit = RequestTimeout::of(&request);
    // The work goes on to its end, and its answer is kept, also where the client has hung up meanwhile: it will ask again. It has its own
    // time limit for that. What runs into it keeps the key locked for the rest of its time, since a commit may still be on its way.
    let working = actix_web::rt::spawn(async move {
        let answer = tokio::time::timeout(limit, next.call(request)).await.map_err(|_| Error::Timeout)?;
        kept(localised(answer?.map_into_boxed_body()), &database, &attempt).await
    });
    working.await.map_err(Error::internal)?
}

/// The key of a request that carries one and whose answer may be kept.
fn key_of(request: &ServiceRequest) -> Option<Result<String>> {
    let value = request.headers().get(KEY)?;
    let route = Route::known(request);
    let unkept = request.app_data::<Unkept>().is_some_and(|unkept| unkept.0.contains(&("post", route.as_str())));
    if request.method() != Method::POST || unkept || !request.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    let key = value.to_str().ok().map(|text| text.trim().trim_matches('"')).filter(|text| (1..=MAX_KEY).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic()));
    Some(
        key.map(str::to_owned).ok_or_else(|| {
            Error::malformed(FieldError::malformed("Idempotency-Key", "1 to 255 visible ASCII characters, such as a UUID", "1 至 255 个可见 ASCII 字符，例如 UUID"))
        }),
    )
}

enum Beginning {
    First(Attempt),
    Answered(HttpResponse),
}

async fn begin(request: &mut ServiceRequest, key: String) -> Result<Beginning> {
    let limit = BodyLimit::of(request.request());
    let timeout = RequestTimeout::of(request);
    let body = read(request.take_payload(), limit).await?.freeze();
    let fingerprint = fingerprint(request.request(), &body);
    request.set_payload(Payload::Stream { payload: Box::pin(stream::once(std::future::ready(Ok(body)))) });
    let account = authenticate(request.request()).await?.account_id;
    let database = database(request.request())?;
    let attempt = Attempt { account, key, request_id: request_id(request.request()).unwrap_or_default() };
    let mut conn = database.write().await?;
    let lock = timeout + GRACE;
    match store::begin(&mut conn, &attempt, &fingerprint, lock).await? {
        Begun::First => Ok(Beginning::First(attempt)),
        Begun::OtherRequest => Err(Error::invalid(FieldError::new(
            "Idempotency-Key",
            "idempotency_key_reused",
            Message::new("was used for another request in the last 24 hours: take a new key", "在过去 24 小时内已用于另一请求，请使用新的键"),
        ))),
        Begun::Running => Err(in_progress()),
        Begun::Answered(answer) => {
            metrics::counter!("zonebridge_idempotency_replays_total").increment(1);
            Ok(Beginning::Answered(answer.into_response()))
        }
        Begun::Abandoned { request_id } => match audit::subject_of_request(&mut conn, &request_id).await? {
            // The deed stands, and the key keeps the name of the attempt that did it.
            Some((subject, id)) => Err(answer_lost(subject, &id)),
            None if store::take_over(&mut conn, &attempt, &request_id, lock).await? => Ok(Beginning::First(attempt)),
            None => Err(in_progress()),
        },
    }
}

fn in_progress() -> Error {
    Error::conflict("request_in_progress", "the first request with this key is still being worked on: ask again in a moment", "使用该键的首个请求仍在处理，请稍后再试")
}

/// An instance died between the deed and the answer. The deed stands; only its answer is gone.
fn answer_lost(subject: SubjectType, id: &str) -> Error {
    let code = "answer_lost";
    let en = format!("the first request with this key took effect, but its answer was lost: read the {subject} {id}");
    let zh = format!("使用该键的首个请求已生效，但其应答已丢失，请读取 {subject} {id}");
    Error::Conflict { code, message: Message::new(en, zh) }
}

fn fingerprint(request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    let media_type = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    for part in [request.method().as_str().as_bytes(), request.uri().to_string().as_bytes(), media_type, body] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

fn database(request: &HttpRequest) -> Result<web::Data<Database>> {
    request.app_data::<web::Data<Database>>().cloned().ok_or_else(|| Error::internal(anyhow::anyhow!("no database in the application")))
}

/// Stores the answer, or frees the key where the answer says nothing about the request itself.
async fn kept(response: ServiceResponse<BoxBody>, database: &Database, attempt: &Attempt) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|error| Error::internal(anyhow::anyhow!("an answer cannot be read: {error}")))?;
    let status = head.status();
    let mut conn = database.write().await?;
    if status.is_server_error() || UNKEPT_STATUS.contains(&status) {
        store::unlock(&mut conn, attempt).await.map_err(Error::from)?;
    } else {
        let headers = KEPT_HEADERS.iter().filter_map(|name| Some((name.to_string(), head.headers().get(name)?.to_str().ok()?.to_owned()))).collect();
        let answer = KeptAnswer { status: status.as_u16(), headers, body: body.to_vec() };
        store::keep(&mut conn, attempt, &answer).await?;
    }
    Ok(ServiceResponse::new(request, head.set_body(BoxBody::new(body))))
}

impl KeptAnswer {
    fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        for (name, value) in self.headers {
            response.insert_header((name, value));
        }
        response.insert_header((REPLAYED, HeaderValue::from_static("true"))).body(self.body)
    }
}
