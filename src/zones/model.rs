//! A zone.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use crate::db::schema::zones;
use crate::text_enum;

text_enum! {
    /// When a zone publishes: after review, at once, or at once for verified organisations only.
    pub enum PublicationPolicy {
        Pre = "pre",
        Post = "post",
        Trusted = "trusted",
    }
}

impl PublicationPolicy {
    /// Whether a listing of such an organisation is published at its submission, and reviewed after.
    pub const fn publishes_at_once(self, organization_verified: bool) -> bool {
        match self {
            Self::Pre => false,
            Self::Post => true,
            Self::Trusted => organization_verified,
        }
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = zones)]
pub struct Zone {
    pub code: String,
    pub name_zh: String,
    pub name_en: String,
    pub gb2260_prefix: String,
    pub policy: PublicationPolicy,
    pub version: i64,
    pub updated_at: DateTime<Utc>,
}
