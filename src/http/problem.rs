//! Errors as problem details (RFC 9457): the one place where an error meets HTTP.
//!
//! 401: the caller did not show who they are. 403: the caller may know of the thing, but not do this. 404: there is no such thing, or the
//! caller may not know of it. 400: the request is malformed (syntax, query, path). 422: well-formed, but its content breaks a rule.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Error, FieldError, Message};

pub const MEDIA_TYPE: &str = "application/problem+json";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    Zh,
    En,
}

impl Locale {
    fn of(self, message: &Message) -> String {
        match self {
            Self::Zh => message.zh.clone().into_owned(),
            Self::En => message.en.clone().into_owned(),
        }
    }
}

/// A failed request, as RFC 9457 has it, with a stable `code` for programs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind of problem it is, `code` says which.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub code: String,
    pub detail: String,
    /// Each thing wrong with the input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// The current state, where a move was illegal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The moves that the state allows, where a move was illegal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_moves: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// JSON Pointer into the body, or the name of a parameter.
    pub pointer: String,
    pub code: String,
    pub detail: String,
}

impl Problem {
    pub fn from_error(error: &Error, locale: Locale, request_id: Option<String>) -> Self {
        let status = status_of(error);
        let (code, message) = describe(error);
        let (state, allowed_moves) = match error {
            Error::IllegalMove { state, allowed_moves } => (Some(state.clone()), Some(allowed_moves.clone())),
            _ => (None, None),
        };
        let errors = match error {
            Error::Malformed(fields) | Error::Invalid(fields) => fields.iter().map(|field| ProblemField::from_field(field, locale)).collect(),
            _ => Vec::new(),
        };
        Self {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            code: code.into(),
            detail: locale.of(&message),
            errors,
            state,
            allowed_moves,
            request_id,
        }
    }
}

impl ProblemField {
    fn from_field(field: &FieldError, locale: Locale) -> Self {
        Self { pointer: field.pointer.clone(), code: field.code.into(), detail: locale.of(&field.message) }
    }
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
        Error::Forbidden { .. } => StatusCode::FORBIDDEN,
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::Malformed(_) => StatusCode::BAD_REQUEST,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict { .. } | Error::IllegalMove { .. } => StatusCode::CONFLICT,
        Error::PreconditionFailed { .. } => StatusCode::PRECONDITION_FAILED,
        Error::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn describe(error: &Error) -> (&'static str, Message) {
    match error {
        Error::Unauthenticated { code, message } | Error::Forbidden { code, message } | Error::Conflict { code, message } => (code, message.clone()),
        Error::NotFound => ("not_found", Message::new("there is nothing here that you may see", "此处没有您可以查看的内容")),
        Error::Malformed(fields) => ("malformed_request", summary("the request is malformed", "请求格式有误", fields)),
        Error::Invalid(fields) => ("invalid_content", summary("the content breaks a rule", "内容不符合规则", fields)),
        Error::IllegalMove { state, allowed_moves } => {
            let allowed = allowed_moves.join(", ");
            let en = if allowed.is_empty() { format!("the state `{state}` is final") } else { format!("the state is `{state}`; the moves allowed from here are {allowed}") };
            let zh = if allowed.is_empty() { format!("状态“{state}”是终态") } else { format!("当前状态为“{state}”，允许的操作：{allowed}") };
            ("illegal_move", Message::new(en, zh))
        }
        Error::PreconditionFailed { current } => (
            "version_changed",
            Message::new(format!("somebody changed it meanwhile; the current version is {current}: read it again"), format!("内容已被他人修改，当前版本为{current}，请重新读取")),
        ),
        Error::PreconditionRequired => {
            ("if_match_required", Message::new("this change needs the header If-Match with the ETag that you read", "此修改需要携带所读取 ETag 的 If-Match 请求头"))
        }
        Error::TooLarge { limit } => ("too_large", Message::new(format!("the body is larger than the {limit} bytes allowed"), format!("请求体超过允许的{limit}字节"))),
        Error::UnsupportedMediaType => ("unsupported_media_type", Message::new("the body must be application/json", "请求体必须是 application/json")),
        Error::MethodNotAllowed => ("method_not_allowed", Message::new("this method is not allowed here; see the header Allow", "此处不允许该方法，见 Allow 响应头")),
        Error::TooMany { retry_after_seconds } => {
            ("too_many_requests", Message::new(format!("too many attempts; try again in {retry_after_seconds} s"), format!("尝试过于频繁，请{retry_after_seconds}秒后再试")))
        }
        Error::Timeout => ("timeout", Message::new("the request took too long and was given up", "请求超时，已放弃处理")),
        Error::Unavailable(part) => ("unavailable", Message::new(format!("the service is not ready ({part}); try again soon"), format!("服务暂不可用（{part}），请稍后再试"))),
        Error::Internal(_) => ("internal", Message::new("something went wrong on our side; quote the request id when you report it", "服务内部出错，报告时请附上请求编号")),
    }
}

fn summary(en: &'static str, zh: &'static str, fields: &[FieldError]) -> Message {
    let Some(first) = fields.first() else { return Message::new(en, zh) };
    let name = if first.pointer.is_empty() { "body" } else { &first.pointer };
    Message::new(format!("{en}: `{name}` {}", first.message.en), format!("{zh}：“{name}”{}", first.message.zh))
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        status_of(self)
    }

    fn error_response(&self) -> HttpResponse {
        respond(self, Locale::En, None)
    }
}

/// The answer for an error. Called once more by `observe`, which knows the caller's language and the request id.
pub fn respond(error: &Error, locale: Locale, request_id: Option<String>) -> HttpResponse {
    let problem = Problem::from_error(error, locale, request_id);
    let mut response = HttpResponse::build(status_of(error)).content_type(MEDIA_TYPE).json(problem);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    match error {
        Error::Unauthenticated { .. } => {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Error::TooMany { retry_after_seconds } => {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
        }
        _ => {}
    }
    response
}
