//! What a listing says: the common part, the typed attributes of its kind, and who may see which field.

pub mod attributes;
pub mod check;
pub mod input;
pub mod kinds;
pub mod money;
pub mod tiers;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use self::attributes::Attributes;
use self::kinds::{AiGenerated, CooperationMode, Direction, ExportControl, Kind};
use self::tiers::{Tier, TieredField};
use crate::organizations::model::Bilingual;
use crate::taxonomy::industry::IndustryCode;
use crate::taxonomy::segment::Segment;

/// The content of one revision. Immutable once stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Content {
    pub direction: Direction,
    pub title: Bilingual,
    #[serde(skip_serializing_if = "Bilingual::is_empty")]
    pub summary: Bilingual,
    #[serde(skip_serializing_if = "Bilingual::is_empty")]
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
    /// Never shown to others, never indexed: organisations that this listing is not to be matched with.
    #[serde(skip)]
    pub excluded_organizations: Vec<Uuid>,
    #[serde(skip)]
    pub tiers: BTreeMap<TieredField, Tier>,
}

/// All that a revision says, for the digests of the audit log: also what others never see.
#[derive(Serialize)]
pub struct Recorded<'a> {
    content: &'a Content,
    tiers: &'a BTreeMap<TieredField, Tier>,
    excluded_organizations: &'a [Uuid],
    valid_through: NaiveDate,
}

impl Content {
    pub fn recorded(&self, valid_through: NaiveDate) -> Recorded<'_> {
        Recorded { content: self, tiers: &self.tiers, excluded_organizations: &self.excluded_organizations, valid_through }
    }

    pub fn kind(&self) -> Kind {
        self.attributes.kind()
    }

    pub fn tier_of(&self, field: TieredField) -> Tier {
        self.tiers.get(&field).copied().unwrap_or_else(|| field.default_tier())
    }

    /// What somebody who sees up to `tier` may see, and the names of the fields that hold more.
    pub fn seen_at(&self, tier: Tier) -> (Self, Vec<Withheld>) {
        let mut seen = self.clone();
        let mut withheld = Vec::new();
        for &field in TieredField::ALL {
            let needed = self.tier_of(field);
            if needed > tier && seen.clear(field) {
                withheld.push(Withheld { field, tier: needed });
            }
        }
        (seen, withheld)
    }

    /// Empties a field; true when it held something.
    fn clear(&mut self, field: TieredField) -> bool {
        fn empty<T>(list: &mut Vec<T>) -> bool {
            !std::mem::take(list).is_empty()
        }
        match field {
            TieredField::Summary => !std::mem::take(&mut self.summary).is_empty(),
            TieredField::Body => !std::mem::take(&mut self.body).is_empty(),
            TieredField::ZonesWanted => empty(&mut self.zones_wanted),
            TieredField::Segments => empty(&mut self.segments),
            TieredField::Industries => empty(&mut self.industries),
            TieredField::Keywords => empty(&mut self.keywords),
            TieredField::CooperationModes => empty(&mut self.cooperation_modes),
            attribute => self.attributes.clear(attribute.as_str()),
        }
    }

    /// True when any field is for verified organisations only.
    pub fn has_more_for_verified(&self) -> bool {
        TieredField::ALL.iter().any(|&field| self.tier_of(field) == Tier::Verified && self.clone().clear(field))
    }
}

/// A field that holds something which the reader may not see yet, and what would let them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Withheld {
    pub field: TieredField,
    pub tier: Tier,
}
