//! Listings as others read them: wire types, without what the reader may not see.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::content::attributes::Attributes;
use super::content::kinds::{AiGenerated, CooperationMode, Direction, ExportControl};
use super::content::tiers::{Tier, TieredField};
use super::content::{Content, Withheld};
use super::model::Entry;
use super::states::{ListingMove, ListingState};
use crate::organizations::model::{Bilingual, Organization, OrganizationKind, Verification};
use crate::taxonomy::industry::IndustryCode;
use crate::taxonomy::segment::Segment;

/// Whose listing it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrganizationBrief {
    pub id: Uuid,
    pub name: Bilingual,
    pub kind: OrganizationKind,
    pub verification: Verification,
}

impl From<&Organization> for OrganizationBrief {
    fn from(organization: &Organization) -> Self {
        Self { id: organization.id, name: organization.name(), kind: organization.kind, verification: organization.verification }
    }
}

/// A listing as others see it: the live revision up to the reader's tier. Also what the search index keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListingCard {
    pub id: Uuid,
    pub revision: i32,
    pub zone: String,
    pub organization: OrganizationBrief,
    pub direction: Direction,
    pub title: Bilingual,
    #[serde(default, skip_serializing_if = "Bilingual::is_empty")]
    pub summary: Bilingual,
    #[serde(default, skip_serializing_if = "Bilingual::is_empty")]
    pub body: Bilingual,
    pub zones_wanted: Vec<String>,
    pub segments: Vec<Segment>,
    pub industries: Vec<IndustryCode>,
    pub keywords: Vec<String>,
    pub cooperation_modes: Vec<CooperationMode>,
    pub ai_generated: AiGenerated,
    pub export_control: ExportControl,
    #[serde(flatten)]
    pub attributes: Attributes,
    pub valid_through: NaiveDate,
    pub published_at: Option<DateTime<Utc>>,
    /// Fields that hold something which this reader may not see yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

impl ListingCard {
    pub fn of(entry: &Entry, tier: Tier) -> Self {
        let (content, withheld) = entry.content.seen_at(tier);
        Self::assemble(entry, content, withheld)
    }

    fn assemble(entry: &Entry, content: Content, withheld: Vec<Withheld>) -> Self {
        Self {
            id: entry.listing.id,
            revision: entry.revision,
            zone: entry.listing.zone.clone(),
            organization: OrganizationBrief::from(&entry.organization),
            direction: content.direction,
            title: content.title,
            summary: content.summary,
            body: content.body,
            zones_wanted: content.zones_wanted,
            segments: content.segments,
            industries: content.industries,
            keywords: content.keywords,
            cooperation_modes: content.cooperation_modes,
            ai_generated: content.ai_generated,
            export_control: content.export_control,
            attributes: content.attributes,
            valid_through: entry.listing.valid_through,
            published_at: entry.listing.published_at,
            withheld,
        }
    }
}

/// A listing in full. What follows `state` is there for its own people, its zone's reviewers and the auditor only.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListingView {
    #[serde(flatten)]
    pub card: ListingCard,
    pub state: ListingState,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::HashMap<String, Tier>>)]
    pub tiers: Option<BTreeMap<TieredField, Tier>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded_organizations: Option<Vec<Uuid>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_moves: Option<Vec<ListingMove>>,
    /// The revision that others see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_revision: Option<i32>,
    /// A newer revision that waits for review while the live one stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_revision: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
}

impl ListingView {
    pub fn live(entry: &Entry, tier: Tier) -> Self {
        Self {
            card: ListingCard::of(entry, tier),
            state: entry.listing.state,
            tiers: None,
            excluded_organizations: None,
            allowed_moves: None,
            live_revision: None,
            pending_revision: None,
            external_id: None,
            created_at: None,
            updated_at: None,
        }
    }

    pub fn inside(entry: &Entry) -> Self {
        let listing = &entry.listing;
        Self {
            card: ListingCard::of(entry, Tier::Introduced),
            state: listing.state,
            tiers: Some(entry.content.tiers.clone()),
            excluded_organizations: Some(entry.content.excluded_organizations.clone()),
            allowed_moves: Some(ListingMove::calls_from(listing.state)),
            live_revision: listing.live_revision,
            pending_revision: listing.pending_revision,
            external_id: listing.external_id.clone(),
            created_at: Some(listing.created_at),
            updated_at: Some(listing.updated_at),
        }
    }
}

/// A listing as a reviewer judges it: everything that was submitted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ListingSnapshot {
    #[serde(flatten)]
    pub card: ListingCard,
    #[schema(value_type = std::collections::HashMap<String, Tier>)]
    pub tiers: BTreeMap<TieredField, Tier>,
}

impl ListingSnapshot {
    pub fn of(entry: &Entry) -> Self {
        Self { card: ListingCard::of(entry, Tier::Introduced), tiers: entry.content.tiers.clone() }
    }
}
