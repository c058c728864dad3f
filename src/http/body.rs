//! Bodies, queries and paths that say which field is wrong.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::strict::{Strict, unique};
use crate::error::{Error, FieldError, Message, Result};

/// How large a body may be; put into the application's data at the start.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    pub fn of(request: &HttpRequest) -> usize {
        request.app_data::<Self>().map_or(256 * 1024, |limit| limit.0)
    }
}

/// A JSON body. Broken syntax is 400; a wrong type or an unknown field is 422 with the field's pointer.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = BodyLimit::of(request);
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

/// What of a body that is too large is still read, and thrown away: a client that is cut off while it sends sees a broken connection and
/// never the answer that says why.
const DRAINED: usize = 16 * 1024 * 1024;

/// The whole body, if it is no longer than `limit`.
pub async fn read(mut payload: Payload, limit: usize) -> Result<web::BytesMut> {
    let mut bytes = web::BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Error::malformed(FieldError::new("", "unreadable", Message::new("cannot be read to its end", "无法完整读取"))))?;
        length += chunk.len();
        if length > limit + DRAINED {
            break;
        }
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        }
    }
    if length > limit { Err(Error::TooLarge { limit }) } else { Ok(bytes) }
}

/// Parses JSON; errors point into the document, below `prefix`.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8], prefix: &str) -> Result<T> {
    let value = unique(bytes).map_err(|error| if error.is_data() { Error::malformed(repetition(&error)) } else { Error::malformed(syntax_error(&error)) })?;
    parse_value(value, prefix)
}

/// The same for a value that was parsed before.
pub fn parse_value<T: DeserializeOwned>(value: serde_json::Value, prefix: &str) -> Result<T> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| content_error(&error, prefix))
}

fn content_error(error: &serde_path_to_error::Error<serde_json::Error>, prefix: &str) -> Error {
    let mut pointer = prefix.to_owned();
    for segment in error.path() {
        use serde_path_to_error::Segment;
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let said: String = error.inner().to_string().chars().take(400).collect();
    let problem = Wording::of(&said);
    if let Wording::Missing(name) = problem {
        return Error::invalid(FieldError::required(format!("{pointer}/{}", escaped(name))));
    }
    Error::invalid(FieldError::new(pointer, problem.code(), problem.message()))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What a deserializer complains of, in words of ours.
enum Wording<'a> {
    Missing(&'a str),
    UnknownField(&'a str),
    UnknownValue(&'a str),
    WrongType(&'a str),
}

impl<'a> Wording<'a> {
    fn of(said: &'a str) -> Self {
        let named = || said.split('`').nth(1).unwrap_or_default();
        if said.starts_with("missing field") {
            Self::Missing(named())
        } else if said.starts_with("unknown field") {
            Self::UnknownField(said)
        } else if said.starts_with("unknown variant") {
            Self::UnknownValue(said)
        } else {
            Self::WrongType(said)
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "required",
            Self::UnknownField(_) => "unknown_field",
            Self::UnknownValue(_) => "unknown_value",
            Self::WrongType(_) => "wrong_type",
        }
    }

    fn message(&self) -> Message {
        let expected = |said: &str| said.split_once("expected ").map(|(_, expected)| plain(expected));
        match self {
            Self::Missing(_) => Message::new("is required", "为必填项"),
            Self::UnknownField(said) => {
                let known = expected(said).unwrap_or_default();
                Message::new(format!("is not a field here; known are {known}"), format!("不是此处的字段；可用字段：{known}"))
            }
            Self::UnknownValue(said) => {
                let (given, allowed) = (said.split('`').nth(1).unwrap_or_default(), expected(said).unwrap_or_default());
                Message::new(format!("`{given}` is not known here; allowed: {allowed}"), format!("“{given}”不在允许范围内；可用值：{allowed}"))
            }
            Self::WrongType(said) => match expected(said) {
                Some(expected) => Message::new(format!("is not right: {expected} was expected"), format!("类型有误，应为：{expected}")),
                None => Message::new(format!("is not right: {said}"), format!("有误：{said}")),
            },
        }
    }
}

/// Names of Rust's, in words that a client knows.
fn plain(expected: &str) -> String {
    let expected = expected.replace('`', "").replace("one of ", "").replace(" or ", ", ");
    match expected.as_str() {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other => other.to_owned(),
    }
}

/// Of two fields with one name either might be meant.
fn repetition(error: &serde_json::Error) -> FieldError {
    let (said, line, column) = (error.to_string(), error.line(), error.column());
    let name: String = said.split('`').nth(1).unwrap_or_default().chars().take(60).filter(|c| !c.is_control()).collect();
    FieldError::new(
        "",
        "duplicate_field",
        Message::new(format!("has the field `{name}` twice in one object, at line {line}, column {column}"), format!("同一对象中重复出现字段“{name}”（第{line}行第{column}列）")),
    )
}

fn syntax_error(error: &serde_json::Error) -> FieldError {
    let (line, column) = (error.line(), error.column());
    FieldError::new("", "json_syntax", Message::new(format!("is not JSON: an error at line {line}, column {column}"), format!("不是有效的 JSON：第{line}行第{column}列有误")))
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
        let problem = Wording::of(&said);
        let pointer = match (&problem, said.strip_prefix("duplicate field `")) {
            (Wording::UnknownField(said) | Wording::Missing(said), _) => said.split('`').nth(1).unwrap_or(said).chars().take(60).collect(),
            (_, Some(rest)) => rest.split('`').next().unwrap_or_default().to_owned(),
            _ => error.path().to_string(),
        };
        Error::malformed(FieldError::new(pointer, problem.code(), problem.message()))
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
