//! Rows of listings and revisions.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use serde::Serialize;
use uuid::Uuid;

use super::content::Content;
use super::content::attributes::Attributes;
use super::content::kinds::{AiGenerated, CooperationMode, Currency, Direction, ExportControl, Kind};
use super::content::tiers::{Tier, TieredField};
use super::states::ListingState;
use crate::db::schema::{listing_revisions, listings};
use crate::error::{Error, FieldError, Result};
use crate::organizations::model::{Bilingual, Organization};
use crate::taxonomy::industry::IndustryCode;
use crate::taxonomy::segment::Segment;

/// A listing is valid for at most twelve months.
const MAX_VALID_MONTHS: u32 = 12;
const DEFAULT_VALID_DAYS: i64 = 180;

#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = listings)]
pub struct Listing {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub zone: String,
    pub kind: Kind,
    pub direction: Direction,
    pub state: ListingState,
    pub head_revision: i32,
    pub live_revision: Option<i32>,
    pub pending_revision: Option<i32>,
    pub state_before_removal: Option<ListingState>,
    pub valid_through: NaiveDate,
    pub version: i64,
    pub external_id: Option<String>,
    pub created_by: Option<Uuid>,
    pub submitted_by: Option<Uuid>,
    pub published_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = listing_revisions)]
pub struct RevisionRow {
    pub listing_id: Uuid,
    pub revision: i32,
    pub title_zh: Option<String>,
    pub title_en: Option<String>,
    pub summary_zh: Option<String>,
    pub summary_en: Option<String>,
    pub body_zh: Option<String>,
    pub body_en: Option<String>,
    pub zones_wanted: Vec<String>,
    pub segments: Vec<Segment>,
    pub industries: Vec<String>,
    pub keywords: Vec<String>,
    pub cooperation_modes: Vec<CooperationMode>,
    pub ai_generated: AiGenerated,
    pub export_control: ExportControl,
    pub excluded_organizations: Vec<Uuid>,
    pub tiers: serde_json::Value,
    pub attributes: serde_json::Value,
    pub created_by: Option<Uuid>,
    pub created_at: DateTime<Utc>,
}

impl RevisionRow {
    /// The content of the revision. It was checked on its way in, so a failure here is ours.
    pub fn into_content(self, kind: Kind, direction: Direction) -> Result<Content> {
        let industries =
            self.industries.iter().map(|code| IndustryCode::parse(code)).collect::<std::result::Result<_, _>>().map_err(|error| Error::internal(anyhow::anyhow!(error)))?;
        let tiers: BTreeMap<TieredField, Tier> = serde_json::from_value(self.tiers).map_err(Error::internal)?;
        let attributes =
            Attributes::parse(kind, self.attributes, "/attributes").map_err(|error| Error::internal(anyhow::anyhow!("stored attributes of {}: {error}", self.listing_id)))?;
        Ok(Content {
            direction,
            title: Bilingual { zh: self.title_zh, en: self.title_en },
            summary: Bilingual { zh: self.summary_zh, en: self.summary_en },
            body: Bilingual { zh: self.body_zh, en: self.body_en },
            zones_wanted: self.zones_wanted,
            segments: self.segments,
            industries,
            keywords: self.keywords,
            cooperation_modes: self.cooperation_modes,
            ai_generated: self.ai_generated,
            export_control: self.export_control,
            attributes,
            excluded_organizations: self.excluded_organizations,
            tiers,
        })
    }
}

/// A revision to be written: by an insert, or by the copy of an import.
#[derive(Debug, Insertable)]
#[diesel(table_name = listing_revisions)]
pub struct NewRevision {
    pub(super) listing_id: Uuid,
    pub(super) revision: i32,
    pub(super) title_zh: Option<String>,
    pub(super) title_en: Option<String>,
    pub(super) summary_zh: Option<String>,
    pub(super) summary_en: Option<String>,
    pub(super) body_zh: Option<String>,
    pub(super) body_en: Option<String>,
    pub(super) zones_wanted: Vec<String>,
    pub(super) segments: Vec<Segment>,
    pub(super) industries: Vec<String>,
    pub(super) keywords: Vec<String>,
    pub(super) cooperation_modes: Vec<CooperationMode>,
    pub(super) ai_generated: AiGenerated,
    pub(super) export_control: ExportControl,
    pub(super) excluded_organizations: Vec<Uuid>,
    pub(super) tiers: serde_json::Value,
    pub(super) attributes: serde_json::Value,
    pub(super) trl: Option<i16>,
    pub(super) amount_min: Option<BigDecimal>,
    pub(super) amount_max: Option<BigDecimal>,
    pub(super) currency: Option<Currency>,
    pub(super) created_by: Option<Uuid>,
}

impl NewRevision {
    pub fn of(listing_id: Uuid, revision: i32, content: &Content, created_by: Option<Uuid>) -> Result<Self> {
        let money = content.attributes.money();
        Ok(Self {
            listing_id,
            revision,
            title_zh: content.title.zh.clone(),
            title_en: content.title.en.clone(),
            summary_zh: content.summary.zh.clone(),
            summary_en: content.summary.en.clone(),
            body_zh: content.body.zh.clone(),
            body_en: content.body.en.clone(),
            zones_wanted: content.zones_wanted.clone(),
            segments: content.segments.clone(),
            industries: content.industries.iter().map(|code| code.as_str().to_owned()).collect(),
            keywords: content.keywords.clone(),
            cooperation_modes: content.cooperation_modes.clone(),
            ai_generated: content.ai_generated,
            export_control: content.export_control,
            excluded_organizations: content.excluded_organizations.clone(),
            tiers: serde_json::to_value(&content.tiers).map_err(Error::internal)?,
            attributes: content.attributes.to_value(),
            trl: content.attributes.trl(),
            amount_min: money.as_ref().and_then(|range| range.min.as_ref()).map(|amount| amount.decimal().clone()),
            amount_max: money.as_ref().and_then(|range| range.max.as_ref()).map(|amount| amount.decimal().clone()),
            currency: money.map(|range| range.currency),
            created_by,
        })
    }
}

/// A listing with one of its revisions and its organisation.
#[derive(Debug, Clone)]
pub struct Entry {
    pub listing: Listing,
    pub organization: Organization,
    pub revision: i32,
    pub content: Content,
}

/// Checks the last day of validity: from today to twelve months ahead. Absent means half a year.
pub fn parse_valid_through(given: Option<NaiveDate>, today: NaiveDate) -> Result<NaiveDate, FieldError> {
    let day = given.unwrap_or(today + chrono::Days::new(DEFAULT_VALID_DAYS.unsigned_abs()));
    let last = today.checked_add_months(chrono::Months::new(MAX_VALID_MONTHS)).unwrap_or(today);
    if (today..=last).contains(&day) { Ok(day) } else { Err(FieldError::out_of_range("/valid_through", today, last)) }
}

pub fn today() -> NaiveDate {
    Utc::now().date_naive()
}
