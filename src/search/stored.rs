//! What a match is judged by, read from a document without the texts that it does not need.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tantivy::schema::document::{DeserializeError, DocumentDeserialize, DocumentDeserializer};
use tantivy::schema::{Field, OwnedValue};
use uuid::Uuid;

use super::fields::Fields;
use crate::error::{Error, Result};
use crate::listings::content::attributes::Attributes;
use crate::listings::content::kinds::{AiGenerated, CooperationMode, Direction, ExportControl};
use crate::listings::view::{ListingCard, OrganizationBrief};
use crate::organizations::model::{Bilingual, OrganizationKind, Verification};
use crate::taxonomy::industry::IndustryCode;
use crate::taxonomy::segment::Segment;

/// A card without its texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    id: Uuid,
    revision: i32,
    zone: String,
    organization_id: Uuid,
    organization_kind: OrganizationKind,
    verification: Verification,
    direction: Direction,
    zones_wanted: Vec<String>,
    segments: Vec<Segment>,
    industries: Vec<IndustryCode>,
    cooperation_modes: Vec<CooperationMode>,
    ai_generated: AiGenerated,
    export_control: ExportControl,
    valid_through: NaiveDate,
    published_at: Option<DateTime<Utc>>,
    traits: Attributes,
}

impl Facts {
    pub fn of(card: &ListingCard) -> Self {
        Self {
            id: card.id,
            revision: card.revision,
            zone: card.zone.clone(),
            organization_id: card.organization.id,
            organization_kind: card.organization.kind,
            verification: card.organization.verification,
            direction: card.direction,
            zones_wanted: card.zones_wanted.clone(),
            segments: card.segments.clone(),
            industries: card.industries.clone(),
            cooperation_modes: card.cooperation_modes.clone(),
            ai_generated: card.ai_generated,
            export_control: card.export_control,
            valid_through: card.valid_through,
            published_at: card.published_at,
            traits: card.attributes.clone(),
        }
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(Error::internal)
    }

    /// The card with its texts left empty, for whoever judges.
    pub fn into_card(self) -> ListingCard {
        ListingCard {
            id: self.id,
            revision: self.revision,
            zone: self.zone,
            organization: OrganizationBrief { id: self.organization_id, name: Bilingual::default(), kind: self.organization_kind, verification: self.verification },
            direction: self.direction,
            title: Bilingual::default(),
            summary: Bilingual::default(),
            body: Bilingual::default(),
            zones_wanted: self.zones_wanted,
            segments: self.segments,
            industries: self.industries,
            keywords: Vec::new(),
            cooperation_modes: self.cooperation_modes,
            ai_generated: self.ai_generated,
            export_control: self.export_control,
            attributes: self.traits,
            valid_through: self.valid_through,
            published_at: self.published_at,
            withheld: Vec::new(),
        }
    }
}

/// The stored fields of a document up to its card, as they were written: facts, profile, hidden.
pub struct Judged {
    fields: Vec<(Field, Vec<u8>)>,
}

/// Of the stored fields these are bytes and stand before the card.
const BYTES_BEFORE_CARD: usize = 3;

impl DocumentDeserialize for Judged {
    fn deserialize<'de, D: DocumentDeserializer<'de>>(mut document: D) -> Result<Self, DeserializeError> {
        let mut fields = Vec::with_capacity(BYTES_BEFORE_CARD);
        while fields.len() < BYTES_BEFORE_CARD {
            match document.next_field::<OwnedValue>()? {
                Some((field, OwnedValue::Bytes(bytes))) => fields.push((field, bytes)),
                Some(_) => {}
                None => break,
            }
        }
        Ok(Self { fields })
    }
}

impl Judged {
    fn part(&self, field: Field) -> Result<&[u8]> {
        let found = self.fields.iter().find(|(other, _)| *other == field);
        found.map(|(_, bytes)| bytes.as_slice()).ok_or_else(|| Error::internal(anyhow::anyhow!("a document without its parts")))
    }

    pub fn facts(&self, fields: &Fields) -> Result<Facts> {
        serde_json::from_slice(self.part(fields.facts)?).map_err(Error::internal)
    }

    pub fn profile(&self, fields: &Fields) -> Result<&[u8]> {
        self.part(fields.profile)
    }

    pub fn hidden(&self, fields: &Fields) -> Result<&[u8]> {
        self.part(fields.hidden)
    }
}
