//! The typed attributes of each kind. What is not known is left out; nothing else is taken.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::kinds::{Direction, Employment, Instrument, IpStatus, Kind, Seniority, SkillLevel, Stage, WorkMode};
use super::money::{Amount, MoneyRange, PayRange, Span};
use crate::error::Result;
use crate::http::body::parse_value;

/// A technology. Offers state `trl`, needs `min_trl` (ISO 16290, 1 to 9).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TechnologyAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9)]
    pub trl: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9)]
    pub min_trl: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_status: Option<IpStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub patents: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub application_fields: Vec<String>,
}

/// Money. A need states the whole amount sought, an offer the ticket for one company.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FundingAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<MoneyRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<MoneyRange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<Instrument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub sectors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valuation: Option<MoneyRange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Skill {
    #[schema(min_length = 1, max_length = 60)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<SkillLevel>,
}

/// People and what they can do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TalentAttributes {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 30)]
    pub skills: Vec<Skill>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seniority: Option<Seniority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 60)]
    pub years_min: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employment: Option<Employment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_mode: Option<WorkMode>,
    /// The code of a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay: Option<PayRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10000)]
    pub headcount: Option<i32>,
}

/// From when to when something is delivered; one end may be open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryWindow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

/// Capacity, supply, pilot lines, scenarios.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IndustryAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 300)]
    pub capacity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 60)]
    pub unit: Option<String>,
    /// What a need may cost; the price range of an offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<MoneyRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryWindow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 30)]
    pub certifications: Vec<String>,
}

/// The attributes of a listing with the kind that they belong to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", content = "attributes", rename_all = "lowercase")]
pub enum Attributes {
    Technology(TechnologyAttributes),
    Funding(FundingAttributes),
    Talent(TalentAttributes),
    Industry(IndustryAttributes),
}

impl Attributes {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Technology(_) => Kind::Technology,
            Self::Funding(_) => Kind::Funding,
            Self::Talent(_) => Kind::Talent,
            Self::Industry(_) => Kind::Industry,
        }
    }

    /// Reads the attributes of `kind`; errors point below `pointer`.
    pub fn parse(kind: Kind, value: Value, pointer: &str) -> Result<Self> {
        Ok(match kind {
            Kind::Technology => Self::Technology(parse_value(value, pointer)?),
            Kind::Funding => Self::Funding(parse_value(value, pointer)?),
            Kind::Talent => Self::Talent(parse_value(value, pointer)?),
            Kind::Industry => Self::Industry(parse_value(value, pointer)?),
        })
    }

    /// The attributes alone, without the kind.
    pub fn to_value(&self) -> Value {
        let value = match self {
            Self::Technology(attributes) => serde_json::to_value(attributes),
            Self::Funding(attributes) => serde_json::to_value(attributes),
            Self::Talent(attributes) => serde_json::to_value(attributes),
            Self::Industry(attributes) => serde_json::to_value(attributes),
        };
        value.unwrap_or_else(|_| Value::Object(Map::new()))
    }

    /// Empties one attribute by its name; true when it held something.
    pub fn clear(&mut self, name: &str) -> bool {
        let mut value = self.to_value();
        let held = value.as_object_mut().is_some_and(|object| object.remove(name).is_some());
        if held && let Ok(cleared) = Self::parse(self.kind(), value, "") {
            *self = cleared;
        }
        held
    }

    /// The words of the attributes that are worth searching.
    pub fn searchable_words(&self) -> Vec<&str> {
        match self {
            Self::Technology(a) => a.application_fields.iter().map(String::as_str).collect(),
            Self::Funding(a) => a.sectors.iter().map(String::as_str).collect(),
            Self::Talent(a) => a.skills.iter().map(|skill| skill.name.as_str()).collect(),
            Self::Industry(a) => a.capacity.iter().chain(&a.unit).chain(&a.certifications).map(String::as_str).collect(),
        }
    }

    /// The amounts that a search filters by: what is sought, a ticket, a budget, or pay a month.
    pub fn money(&self) -> Option<MoneyRange> {
        match self {
            Self::Technology(_) => None,
            Self::Funding(a) => a.ticket.clone().or_else(|| a.amount.clone()),
            Self::Talent(a) => a.pay.as_ref().map(|pay| MoneyRange { min: pay.min.clone(), max: pay.max.clone(), currency: pay.currency }),
            Self::Industry(a) => a.budget.clone(),
        }
    }

    /// The money that the two sides of a pair compare: the sum a company seeks, the ticket of a fund, a budget or price, pay.
    pub fn span(&self, direction: Direction) -> Option<Span> {
        match self {
            Self::Technology(_) => None,
            Self::Funding(a) => {
                let (first, second) = if direction == Direction::Need { (&a.amount, &a.ticket) } else { (&a.ticket, &a.amount) };
                first.as_ref().or(second.as_ref()).map(Span::from)
            }
            Self::Talent(a) => a.pay.as_ref().map(Span::from),
            Self::Industry(a) => a.budget.as_ref().map(Span::from),
        }
    }

    pub fn stages(&self) -> &[Stage] {
        match self {
            Self::Funding(a) => &a.stages,
            _ => &[],
        }
    }

    pub fn skills(&self) -> &[Skill] {
        match self {
            Self::Talent(a) => &a.skills,
            _ => &[],
        }
    }

    /// The TRL that an offer has or a need asks for.
    pub fn trl(&self) -> Option<i16> {
        match self {
            Self::Technology(a) => a.trl.or(a.min_trl),
            _ => None,
        }
    }
}
