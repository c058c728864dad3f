//! What a match is judged by: a listing without its texts, in a form that is read in one piece.
//!
//! Hundreds of candidates are judged for one answer. So what is needed of each stands in one column of the index, in the binary form of
//! `postcard`, and its text only as the profile of its terms; the card is unpacked for the few that are shown.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::listings::content::attributes::{Attributes, DeliveryWindow, FundingAttributes, IndustryAttributes, Skill, TalentAttributes, TechnologyAttributes};
use crate::listings::content::kinds::{AiGenerated, CooperationMode, Direction, ExportControl, Instrument, SkillLevel, Stage, WorkMode};
use crate::listings::content::money::Span;
use crate::listings::view::{ListingCard, OrganizationBrief};
use crate::organizations::model::{Bilingual, OrganizationKind, Verification};
use crate::taxonomy::industry::IndustryCode;
use crate::taxonomy::segment::Segment;

/// All that a candidate is judged by.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged<'a> {
    pub facts: Facts,
    /// Organisations that it shall not be matched with: nobody reads them.
    pub excluded: Vec<Uuid>,
    /// The bytes of its [`Profile`](crate::text::profile::Profile).
    #[serde(borrow)]
    pub profile: &'a [u8],
    /// What it asks for, by each model; nothing where it has no vectors.
    #[serde(borrow)]
    pub asking: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Judged<'a> {
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self).map_err(Error::internal)
    }

    /// What follows its end is not looked at: a column holds whole numbers of eight bytes.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self> {
        postcard::take_from_bytes(bytes).map(|(judged, _)| judged).map_err(Error::internal)
    }
}

/// A card without its texts, and of its attributes those that count in a match.
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
    valid_through: Day,
    /// Microseconds since 1970.
    published_at: Option<i64>,
    /// Ready to be compared: as decimals it would be read again for every pair.
    money: Option<Span>,
    traits: Traits,
}

/// Days since 1970-01-01.
type Day = i32;

/// What counts of the attributes of each kind, beside money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Traits {
    Technology { trl: Option<i16>, min_trl: Option<i16> },
    Funding { stages: Vec<Stage>, instruments: Vec<Instrument> },
    Talent { skills: Vec<(String, Option<SkillLevel>)>, work_mode: Option<WorkMode>, place: Option<String> },
    Industry { delivery: Option<(Option<Day>, Option<Day>)> },
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
            valid_through: card.valid_through.to_epoch_days(),
            published_at: card.published_at.map(|at| at.timestamp_micros()),
            money: card.attributes.span(card.direction),
            traits: Traits::of(&card.attributes),
        }
    }

    pub fn money(&self) -> Option<Span> {
        self.money
    }

    /// The card with its texts and its money left empty, for whoever judges.
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
            attributes: self.traits.into_attributes(),
            valid_through: day(self.valid_through).unwrap_or_default(),
            published_at: self.published_at.and_then(DateTime::<Utc>::from_timestamp_micros),
            withheld: Vec::new(),
        }
    }
}

fn day(days: Day) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(days)
}

impl Traits {
    fn of(attributes: &Attributes) -> Self {
        match attributes {
            Attributes::Technology(a) => Self::Technology { trl: a.trl, min_trl: a.min_trl },
            Attributes::Funding(a) => Self::Funding { stages: a.stages.clone(), instruments: a.instruments.clone() },
            Attributes::Talent(a) => {
                Self::Talent { skills: a.skills.iter().map(|skill| (skill.name.clone(), skill.level)).collect(), work_mode: a.work_mode, place: a.place.clone() }
            }
            Attributes::Industry(a) => {
                let days = |date: Option<NaiveDate>| date.map(|date| date.to_epoch_days());
                Self::Industry { delivery: a.delivery.as_ref().map(|window| (days(window.from), days(window.to))) }
            }
        }
    }

    fn into_attributes(self) -> Attributes {
        match self {
            Self::Technology { trl, min_trl } => Attributes::Technology(TechnologyAttributes { trl, min_trl, ..Default::default() }),
            Self::Funding { stages, instruments } => Attributes::Funding(FundingAttributes { stages, instruments, ..Default::default() }),
            Self::Talent { skills, work_mode, place } => {
                Attributes::Talent(TalentAttributes { skills: skills.into_iter().map(|(name, level)| Skill { name, level }).collect(), work_mode, place, ..Default::default() })
            }
            Self::Industry { delivery } => Attributes::Industry(IndustryAttributes {
                delivery: delivery.map(|(from, to)| DeliveryWindow { from: from.and_then(day), to: to.and_then(day) }),
                ..Default::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::listings::content::kinds::Currency;

    fn card(kind: &str, attributes: &Value) -> ListingCard {
        serde_json::from_value(json!({
            "id": "01900000-0000-7000-8000-000000000001", "revision": 3, "zone": "hefei", "direction": "offer",
            "organization": {"id": "01900000-0000-7000-8000-000000000002", "name": {"en": "Institute"}, "kind": "startup", "verification": "verified"},
            "title": {"zh": "激光雷达"}, "zones_wanted": ["xian", "wuhan"], "segments": ["base.sensors"], "industries": ["C3973", "I65"], "keywords": ["lidar"],
            "cooperation_modes": ["licence"], "ai_generated": "none", "export_control": "restricted", "kind": kind, "attributes": attributes,
            "valid_through": "2026-12-31", "published_at": "2026-11-01T02:03:04.000005Z"
        }))
        .unwrap()
    }

    fn through_bytes(facts: Facts) -> Facts {
        let judged = Judged { facts, excluded: vec![Uuid::nil()], profile: &[7; 200], asking: Some((&[1, 0, 255], &[9])) };
        let mut bytes = judged.to_bytes().unwrap();
        // As a column gives them back.
        bytes.extend([0; 7]);
        let read = Judged::from_bytes(&bytes).unwrap();
        assert_eq!(read, judged);
        read.facts
    }

    /// All attributes that count, beside money.
    fn whole() -> [(&'static str, Value); 4] {
        [
            ("technology", json!({"trl": 6, "min_trl": 4})),
            ("funding", json!({"stages": ["seed", "angel"], "instruments": ["equity"]})),
            ("talent", json!({"skills": [{"name": "C++", "level": "expert"}, {"name": "光学"}], "work_mode": "hybrid", "place": "hefei"})),
            ("industry", json!({"delivery": {"from": "2026-12-01", "to": "2027-02-28"}})),
        ]
    }

    #[test]
    fn what_counts_comes_back_and_texts_do_not() {
        for (kind, attributes) in whole() {
            let full = card(kind, &attributes);
            let read = through_bytes(Facts::of(&full)).into_card();
            assert_eq!(
                read,
                ListingCard {
                    title: Bilingual::default(),
                    keywords: Vec::new(),
                    organization: OrganizationBrief { name: Bilingual::default(), ..full.organization.clone() },
                    ..full
                }
            );
        }
    }

    #[test]
    fn money_comes_back_as_it_is_compared() {
        let range = json!({"min": "1.50", "max": "900000000000000.00", "currency": "CNY"});
        let whole = Some(Span { min: 1.5, max: 9e14, currency: Currency::Cny });
        let cases = [
            ("technology", json!({}), None),
            ("funding", json!({"amount": range, "ticket": {"max": "7.00", "currency": "USD"}}), Some(Span { min: 0.0, max: 7.0, currency: Currency::Usd })),
            ("funding", json!({"amount": range}), whole),
            ("talent", json!({"pay": {"min": "120000.00", "currency": "CNY", "period": "year"}}), Some(Span { min: 10_000.0, max: f64::INFINITY, currency: Currency::Cny })),
            ("industry", json!({"budget": range}), whole),
        ];
        for (kind, attributes, expected) in cases {
            assert_eq!(through_bytes(Facts::of(&card(kind, &attributes))).money(), expected, "{kind}");
        }
    }

    #[test]
    fn nothing_known_is_nothing_known() {
        for (kind, _) in whole() {
            let read = through_bytes(Facts::of(&card(kind, &json!({})))).into_card();
            assert_eq!(read.attributes, card(kind, &json!({})).attributes);
        }
    }

    #[test]
    fn other_bytes_are_an_error() {
        let bytes = Judged { facts: Facts::of(&card("technology", &json!({}))), excluded: Vec::new(), profile: &[], asking: None }.to_bytes().unwrap();
        for length in 0..bytes.len() {
            assert!(Judged::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Judged::from_bytes(&[0xff; 400]).is_err());
    }

    /// Indexes on disk are read by this form: where this digest changes, so must [`VERSION`](crate::search::fields::VERSION). A word that is put
    /// between others in one of the lists changes it too.
    #[test]
    fn the_form_is_that_of_this_version() {
        let all: Vec<u8> = whole()
            .iter()
            .flat_map(|(kind, attributes)| Judged { facts: Facts::of(&card(kind, attributes)), excluded: Vec::new(), profile: &[1, 2], asking: None }.to_bytes().unwrap())
            .collect();
        let lists = [
            Segment::WORDS,
            CooperationMode::WORDS,
            Stage::WORDS,
            Instrument::WORDS,
            SkillLevel::WORDS,
            WorkMode::WORDS,
            Currency::WORDS,
            Direction::WORDS,
            ExportControl::WORDS,
            AiGenerated::WORDS,
            OrganizationKind::WORDS,
            Verification::WORDS,
        ];
        let words = lists.concat().join(" ");
        assert_eq!(
            (crate::search::fields::VERSION, crate::text::profile::hash(&words), all.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))),
            (9, 995_391_600, 574_936_473)
        );
    }
}
