//! Bodies, queries and paths that say which field is wrong.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{Error, FieldError, Message, Result};

/// How large a body may be; put into the application's data at the start.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// A JSON body. Broken syntax is 400; a wrong type or an unknown field is 422 with the field's pointer.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data::<BodyLimit>().map_or(64 * 1024, |limit| limit.0);
        let is_json = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json);
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(Error::UnsupportedMediaType);
            }
            let bytes = read(payload, limit).await?;
            parse_json(&bytes, "").map(Self)
        })
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json")
}

async fn read(mut payload: Payload, limit: usize) -> Result<web::BytesMut> {
    let mut bytes = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Error::malformed(FieldError::new("", "unreadable", Message::new("cannot be read to its end", "无法完整读取"))))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Parses JSON; errors point into the document, below `prefix`.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8], prefix: &str) -> Result<T> {
    // Serde would take an array for a struct, field by field; no client means that.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Error::malformed(FieldError::malformed(prefix, "a JSON object", "JSON 对象")));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| json_error(&error, prefix))?;
    deserializer.end().map_err(|error| Error::malformed(syntax_error(&error)))?;
    Ok(value)
}

/// The same for a value that was parsed before.
pub fn parse_value<T: DeserializeOwned>(value: serde_json::Value, prefix: &str) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| json_error(&error, prefix))
}

fn json_error(error: &serde_path_to_error::Error<serde_json::Error>, prefix: &str) -> Error {
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() || inner.is_io() {
        return Error::malformed(syntax_error(inner));
    }
    let mut pointer = prefix.to_owned();
    for segment in error.path() {
        use serde_path_to_error::Segment;
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let said = without_position(&inner.to_string());
    Error::invalid(FieldError::new(pointer, code_of(&said), Message::new(format!("is not right: {said}"), format!("有误：{said}"))))
}

fn code_of(said: &str) -> &'static str {
    if said.starts_with("missing field") {
        "required"
    } else if said.starts_with("unknown field") {
        "unknown_field"
    } else if said.starts_with("unknown variant") {
        "unknown_value"
    } else {
        "wrong_type"
    }
}

fn syntax_error(error: &serde_json::Error) -> FieldError {
    let (line, column) = (error.line(), error.column());
    FieldError::new("", "json_syntax", Message::new(format!("is not JSON: an error at line {line}, column {column}"), format!("不是有效的 JSON：第{line}行第{column}列有误")))
}

fn without_position(said: &str) -> String {
    said.rsplit_once(" at line ").map_or(said, |(head, _)| head).chars().take(300).collect()
}

/// Query parameters. Anything wrong with them, an unknown name included, is 400.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse_query(request.query_string()).map(Self))
    }
}

pub fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(query).map_err(|_| Error::malformed(FieldError::malformed("query", "a readable query string", "可读取的查询串")))?;
    for (name, value) in &pairs {
        if name.chars().chain(value.chars()).any(|c| (c.is_control() && c != '\n' && c != '\t') || c == char::REPLACEMENT_CHARACTER) {
            return Err(Error::malformed(FieldError::malformed(name.replace(char::is_control, ""), "clean UTF-8 text without control characters", "不含控制字符的 UTF-8 文本")));
        }
    }
    let encoded = serde_urlencoded::to_string(&pairs).map_err(Error::internal)?;
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(form_urlencoded::parse(encoded.as_bytes()))).map_err(|error| {
        let said = error.inner().to_string();
        let pointer = match said.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next()) {
            Some(name) => name.chars().take(60).collect(),
            None => error.path().to_string(),
        };
        Error::malformed(FieldError::new(pointer, code_of(&said), Message::new(format!("is not right: {said}"), format!("有误：{said}"))))
    })
}

/// An id from the path (`{id}`, or another name through `of`).
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub Uuid);

impl PathId {
    pub fn of(request: &HttpRequest, name: &str) -> Result<Uuid> {
        Uuid::try_parse(request.match_info().query(name)).map_err(|_| Error::malformed(FieldError::malformed(name.to_owned(), "a UUID", "UUID")))
    }
}

impl FromRequest for PathId {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request, "id").map(Self))
    }
}
