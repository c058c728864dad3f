//! What can go wrong, said without HTTP. `http::problem` turns it into an answer.

use std::borrow::Cow;
use std::fmt;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A sentence for people, in both languages of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub zh: Cow<'static, str>,
    pub en: Cow<'static, str>,
}

impl Message {
    pub fn new(en: impl Into<Cow<'static, str>>, zh: impl Into<Cow<'static, str>>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// One thing wrong with one field of the input. `pointer` is a JSON Pointer into the body (RFC 6901), or the name of a query or path parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub pointer: String,
    pub code: &'static str,
    pub message: Message,
}

impl FieldError {
    pub fn new(pointer: impl Into<String>, code: &'static str, message: Message) -> Self {
        Self { pointer: pointer.into(), code, message }
    }

    pub fn required(pointer: impl Into<String>) -> Self {
        Self::new(pointer, "required", Message::new("is required", "必填"))
    }

    pub fn too_long(pointer: impl Into<String>, max: usize) -> Self {
        Self::new(pointer, "too_long", Message::new(format!("is longer than the {max} characters allowed"), format!("超过了允许的{max}个字符")))
    }

    pub fn too_many(pointer: impl Into<String>, max: usize) -> Self {
        Self::new(pointer, "too_many", Message::new(format!("has more than the {max} entries allowed"), format!("超过了允许的{max}项")))
    }

    pub fn out_of_range(pointer: impl Into<String>, min: impl fmt::Display, max: impl fmt::Display) -> Self {
        Self::new(pointer, "out_of_range", Message::new(format!("must be between {min} and {max}"), format!("必须在{min}与{max}之间")))
    }

    pub fn malformed(pointer: impl Into<String>, expected_en: impl fmt::Display, expected_zh: impl fmt::Display) -> Self {
        Self::new(pointer, "malformed", Message::new(format!("is not {expected_en}"), format!("不是{expected_zh}")))
    }

    pub fn unknown_value(pointer: impl Into<String>, value: &str, allowed: &[&str]) -> Self {
        let shown: String = value.chars().take(60).filter(|c| !c.is_control()).collect();
        let allowed = allowed.join(", ");
        Self::new(pointer, "unknown_value", Message::new(format!("`{shown}` is not known here; allowed: {allowed}"), format!("不认识“{shown}”；允许的值：{allowed}")))
    }

    pub fn not_allowed(pointer: impl Into<String>, en: impl Into<Cow<'static, str>>, zh: impl Into<Cow<'static, str>>) -> Self {
        Self::new(pointer, "not_allowed", Message::new(en, zh))
    }
}

/// Every failure of the service. The variants are what a caller can do something about; all else is `Internal`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller did not show who they are, or what they showed is no longer good.
    #[error("not authenticated ({code})")]
    Unauthenticated { code: &'static str, message: Message },
    /// The caller may know of the thing, but may not do this to it.
    #[error("forbidden ({code})")]
    Forbidden { code: &'static str, message: Message },
    /// There is no such thing, or the caller may not know of it.
    #[error("not found")]
    NotFound,
    /// The request itself is malformed: its syntax, a query parameter, a path.
    #[error("malformed request: {0:?}")]
    Malformed(Vec<FieldError>),
    /// The request is well-formed, but its content breaks a rule.
    #[error("invalid content: {0:?}")]
    Invalid(Vec<FieldError>),
    /// The thing is in another state than the request needs.
    #[error("conflict ({code})")]
    Conflict { code: &'static str, message: Message },
    /// A named move is not one that this state allows.
    #[error("illegal move from {state}")]
    IllegalMove { state: String, allowed_moves: Vec<String> },
    #[error("the version given is not the current one")]
    PreconditionFailed { current: String },
    #[error("a precondition is required")]
    PreconditionRequired,
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the media type is not supported")]
    UnsupportedMediaType,
    #[error("the method is not allowed here")]
    MethodNotAllowed,
    #[error("too many requests")]
    TooMany { retry_after_seconds: u64 },
    #[error("the request took too long")]
    Timeout,
    #[error("not ready: {0}")]
    Unavailable(&'static str),
    /// A fault of ours. The cause is logged once and never shown.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

impl Error {
    pub fn invalid(field: FieldError) -> Self {
        Self::Invalid(vec![field])
    }

    pub fn malformed(field: FieldError) -> Self {
        Self::Malformed(vec![field])
    }

    pub fn forbidden(code: &'static str, en: &'static str, zh: &'static str) -> Self {
        Self::Forbidden { code, message: Message::new(en, zh) }
    }

    pub fn conflict(code: &'static str, en: &'static str, zh: &'static str) -> Self {
        Self::Conflict { code, message: Message::new(en, zh) }
    }

    pub fn unauthenticated(code: &'static str, en: &'static str, zh: &'static str) -> Self {
        Self::Unauthenticated { code, message: Message::new(en, zh) }
    }

    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(cause.into())
    }
}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Self::Internal(cause)
    }
}

/// Unique violations are told apart by the constraint's name; every other database error is ours.
impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => match info.constraint_name() {
                Some("organizations_uscc_key") => {
                    Self::conflict("uscc_taken", "an organisation with this unified social credit code is registered already", "该统一社会信用代码已被登记")
                }
                Some("role_grants_key") => Self::conflict("role_held", "the account holds this role already", "该账号已拥有此角色"),
                Some("listings_external_id_key") => {
                    Self::conflict("external_id_taken", "the organisation has a listing with this external id already", "该机构已有相同外部编号的供需")
                }
                Some("cases_one_live_key") => Self::conflict("case_open", "there is an open case on this subject already", "该对象已有未结的审核单"),
                name => Self::Internal(anyhow::anyhow!("unique violation of {name:?}: {}", info.message())),
            },
            other => Self::Internal(other.into()),
        }
    }
}

impl From<diesel_async::pooled_connection::deadpool::PoolError> for Error {
    fn from(error: diesel_async::pooled_connection::deadpool::PoolError) -> Self {
        tracing::error!(cause = %error, "no database connection");
        Self::Unavailable("database")
    }
}
