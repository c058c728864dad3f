//! What a client or a proxy may keep of an answer, and for how long (RFC 9110 and 9111).
//!
//! Every cacheable answer is tagged with a digest of what it says, so a tag is right whoever asks and whatever the answer is made from. Where a
//! handler has set a tag with the version of a row, that stands before the digest: `"3.0f2c…"`, and `If-Match` reads the version.

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use sha2::{Digest, Sha256};

use super::trace::Route;

/// How long an answer to a guest is good without asking again. Answers to an account are always asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It may be kept, and is shown only after the service has said that it still holds.
    Revalidated,
    Seconds(u32),
}

/// The routes whose answers may be kept; no other answer is. Put into the application's data at the start.
#[derive(Debug, Clone, Copy)]
pub struct CacheRules(pub &'static [(&'static str, Freshness)]);

impl CacheRules {
    fn of(self, pattern: &str) -> Option<Freshness> {
        self.0.iter().find(|(known, _)| *known == pattern).map(|(_, freshness)| *freshness)
    }
}

/// The middleware: tags answers, and answers 304 to who has them already.
pub async fn conditional(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let rule = request.app_data::<CacheRules>().and_then(|rules| rules.of(&Route::known(&request)));
    let asks_known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let (is_read, by_account) = (request.method() == Method::GET, request.headers().contains_key(header::AUTHORIZATION));
    let response = next.call(request).await?.map_into_boxed_body();
    match rule {
        Some(freshness) if is_read && response.status() == StatusCode::OK => Ok(tagged(response, freshness, by_account, asks_known.as_ref())),
        // A write answers with what a read would answer now, and so with its tag.
        _ if response.status().is_success() && response.headers().contains_key(header::ETAG) => Ok(retagged(response)),
        _ => Ok(response),
    }
}

fn retagged(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(bytes) => {
            let tag = tag_of(head.headers(), &bytes);
            if let Ok(value) = HeaderValue::try_from(format!("\"{tag}\"")) {
                head.headers_mut().insert(header::ETAG, value);
            }
            BoxBody::new(bytes)
        }
        Err(body) => body,
    };
    ServiceResponse::new(request, head.set_body(body))
}

fn tagged(response: ServiceResponse<BoxBody>, freshness: Freshness, by_account: bool, asks_known: Option<&HeaderValue>) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        // A stream has no digest before its end.
        Err(body) => return ServiceResponse::new(request, head.set_body(body)),
    };
    let tag = tag_of(head.headers(), &body);
    let known = asks_known.and_then(|value| value.to_str().ok()).and_then(|given| matching(given, &tag));
    let is_known = known.is_some();
    set_headers(head.headers_mut(), known.as_deref().unwrap_or(&tag), freshness, by_account);
    if !is_known {
        return ServiceResponse::new(request, head.set_body(BoxBody::new(body)));
    }
    let mut unchanged = HttpResponse::NotModified();
    for name in [header::ETAG, header::CACHE_CONTROL, header::VARY] {
        if let Some(value) = head.headers().get(&name) {
            unchanged.insert_header((name, value.clone()));
        }
    }
    ServiceResponse::new(request, unchanged.finish())
}

/// The opaque part of the tag, without quotes.
fn tag_of(headers: &HeaderMap, body: &[u8]) -> String {
    let digest: String = Sha256::digest(body).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let version = headers.get(header::ETAG).and_then(|value| value.to_str().ok()).map(|value| value.trim_matches('"'));
    version.map_or_else(|| digest.clone(), |version| format!("{version}.{digest}"))
}

fn set_headers(headers: &mut HeaderMap, tag: &str, freshness: Freshness, by_account: bool) {
    let control = match (by_account, freshness) {
        (true, _) => "private, no-cache".to_owned(),
        (false, Freshness::Revalidated) => "public, no-cache".to_owned(),
        (false, Freshness::Seconds(seconds)) => format!("public, max-age={seconds}"),
    };
    for (name, value) in [(header::ETAG, format!("\"{tag}\"")), (header::CACHE_CONTROL, control)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers.append(header::VARY, HeaderValue::from_static("authorization"));
}

/// The one of the given tags that is ours, compared weakly, as `If-None-Match` is.
fn matching(given: &str, tag: &str) -> Option<String> {
    if given.trim() == "*" {
        return Some(tag.to_owned());
    }
    given.split(',').find_map(|one| {
        let one = one.trim();
        let opaque = one.strip_prefix("W/").unwrap_or(one).strip_prefix('"')?.strip_suffix('"')?;
        (without_encoding(opaque) == tag).then(|| opaque.to_owned())
    })
}

/// Encodings of one answer differ in their bytes, and so need tags of their own.
const ENCODINGS: [&str; 4] = ["-gzip", "-br", "-deflate", "-zstd"];

fn without_encoding(tag: &str) -> &str {
    ENCODINGS.iter().find_map(|encoding| tag.strip_suffix(encoding)).unwrap_or(tag)
}

/// The outermost middleware: marks the tag of a compressed answer.
pub async fn tag_encoding(request: ServiceRequest, next: Next<impl MessageBody>) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let encoding = response.headers().get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()).filter(|encoding| *encoding != "identity").map(str::to_owned);
    let tag = response.headers().get(header::ETAG).and_then(|value| value.to_str().ok()?.strip_suffix('"').map(str::to_owned));
    if let (Some(encoding), Some(tag)) = (encoding, tag)
        && let Ok(value) = HeaderValue::try_from(format!("{tag}-{encoding}\""))
    {
        response.headers_mut().insert(header::ETAG, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_match_weakly_in_lists_and_whatever_the_encoding() {
        for (given, matches) in
            [("\"3.ab\"", true), ("W/\"3.ab\"", true), ("\"x\", W/\"3.ab-gzip\"", true), ("*", true), ("\"3.ac\"", false), ("3.ab", false), ("", false), ("\"3\"", false)]
        {
            assert_eq!(matching(given, "3.ab").is_some(), matches, "{given}");
        }
    }
}
