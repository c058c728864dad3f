//! An organisation.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::uscc::{Uscc, UsccError};
use crate::db::schema::organizations;
use crate::error::FieldError;
use crate::text::clean::{Lines, clean};
use crate::text_enum;

text_enum! {
    pub enum OrganizationKind {
        Startup = "startup",
        Enterprise = "enterprise",
        ResearchInstitute = "research_institute",
        University = "university",
        Investor = "investor",
        ServiceProvider = "service_provider",
        ZoneBody = "zone_body",
    }
}

text_enum! {
    /// What the home zone has found out about the organisation; recognised by all zones.
    pub enum Verification {
        Unverified = "unverified",
        Pending = "pending",
        Verified = "verified",
        Expired = "expired",
        Suspended = "suspended",
        Revoked = "revoked",
    }
}

text_enum! {
    /// The moves of a verification.
    pub enum VerificationMove {
        Verify = "verify",
        Suspend = "suspend",
        Revoke = "revoke",
    }
}

impl VerificationMove {
    pub const fn target(self) -> Verification {
        match self {
            Self::Verify => Verification::Verified,
            Self::Suspend => Verification::Suspended,
            Self::Revoke => Verification::Revoked,
        }
    }

    pub fn allowed_from(state: Verification) -> Vec<Self> {
        match state {
            Verification::Unverified | Verification::Pending | Verification::Expired => vec![Self::Verify],
            Verification::Verified => vec![Self::Suspend, Self::Revoke],
            Verification::Suspended => vec![Self::Verify, Self::Revoke],
            Verification::Revoked => vec![],
        }
    }
}

/// A text in Chinese, English or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Bilingual {
    pub fn is_empty(&self) -> bool {
        self.zh.is_none() && self.en.is_none()
    }

    /// Cleans both texts; errors point to the one that is wrong.
    pub fn cleaned(&self, pointer: &str, max_chars: usize, lines: Lines) -> Result<Self, Vec<FieldError>> {
        let one = |text: &Option<String>, key: &str| text.as_deref().map(|text| clean(&format!("{pointer}/{key}"), text, max_chars, lines)).transpose();
        match (one(&self.zh, "zh"), one(&self.en, "en")) {
            (Ok(zh), Ok(en)) => Ok(Self { zh, en }),
            (zh, en) => Err([zh.err(), en.err()].into_iter().flatten().collect()),
        }
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = organizations)]
pub struct Organization {
    pub id: Uuid,
    pub name_zh: Option<String>,
    pub name_en: Option<String>,
    pub kind: OrganizationKind,
    pub uscc: String,
    pub home_zone: String,
    pub website: Option<String>,
    pub verification: Verification,
    pub verified_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Organization {
    pub fn name(&self) -> Bilingual {
        Bilingual { zh: self.name_zh.clone(), en: self.name_en.clone() }
    }

    pub fn is_verified(&self) -> bool {
        self.verification == Verification::Verified
    }
}

pub struct NewOrganization {
    pub name: Bilingual,
    pub kind: OrganizationKind,
    pub uscc: Uscc,
    pub home_zone: String,
    pub website: Option<String>,
}

pub fn parse_uscc(pointer: &str, text: &str) -> Result<Uscc, FieldError> {
    use crate::error::Message;
    Uscc::parse(text).map_err(|error| match error {
        UsccError::Length => FieldError::new(pointer, "wrong_length", Message::new("must have 18 characters", "必须为18位")),
        UsccError::Character => FieldError::new(
            pointer,
            "wrong_character",
            Message::new("has a character outside 0-9 and A-Z without I, O, S, V, Z", "含有不允许的字符（仅限0-9及除I、O、S、V、Z外的大写字母）"),
        ),
        UsccError::Check => FieldError::new(
            pointer,
            "wrong_check_digit",
            Message::new("is not a valid code: its last character does not fit the others (GB 32100-2015)", "校验码不正确（GB 32100-2015）"),
        ),
    })
}

pub fn parse_name(pointer: &str, name: &Bilingual) -> Result<Bilingual, Vec<FieldError>> {
    if name.is_empty() {
        return Err(vec![FieldError::required(pointer)]);
    }
    name.cleaned(pointer, 120, Lines::One)
}

/// An http or https address with a host.
pub fn parse_website(pointer: &str, text: &str) -> Result<String, FieldError> {
    let text = clean(pointer, text, 300, Lines::One)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    if host.contains('.') && !host.contains(['@', ' ', '<', '>', '"']) && !text.contains([' ', '<', '>', '"']) {
        Ok(text)
    } else {
        Err(FieldError::malformed(pointer, "an address that begins with https:// or http://", "以 https:// 或 http:// 开头的网址"))
    }
}
