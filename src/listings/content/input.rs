//! Content as a client or an import writes it, and its way into `Content`.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};

use super::Content;
use super::attributes::Attributes;
use super::check::{clean_list, distinct};
use super::kinds::{AiGenerated, Direction, ExportControl, Kind};
use crate::error::{Error, FieldError, Result};
use crate::organizations::model::Bilingual;
use crate::text::clean::Lines;

/// How many characters each text may have.
pub const TITLE: usize = 300;
pub const SUMMARY: usize = 2_000;
pub const BODY: usize = 20_000;
/// How many keywords there may be, and how many characters each may have.
pub const KEYWORDS: (usize, usize) = (20, 60);

/// One of the four schemas of attributes; which, the field `kind` says.
pub fn attributes_schema() -> RefOr<Schema> {
    let one_of = ["TechnologyAttributes", "FundingAttributes", "TalentAttributes", "IndustryAttributes"]
        .into_iter()
        .fold(OneOfBuilder::new(), |builder, name| builder.item(Ref::from_schema_name(name)));
    RefOr::T(Schema::OneOf(one_of.build()))
}

/// Declares a wire type with the fields of a listing's content beside its own. Written once, since flattening would lose both the
/// refusal of unknown fields and the pointers to wrong ones.
macro_rules! with_content_fields {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// In Chinese, English or both.
            #[serde(default)]
            pub title: Option<$crate::organizations::model::Bilingual>,
            #[serde(default)]
            pub summary: Option<$crate::organizations::model::Bilingual>,
            #[serde(default)]
            pub body: Option<$crate::organizations::model::Bilingual>,
            /// Codes of zones that partners should come from; empty for no wish.
            #[serde(default)]
            #[schema(max_items = 11)]
            pub zones_wanted: Option<Vec<String>>,
            #[serde(default)]
            #[schema(max_items = 23)]
            pub segments: Option<Vec<$crate::taxonomy::segment::Segment>>,
            #[serde(default)]
            #[schema(max_items = 20)]
            pub industries: Option<Vec<$crate::taxonomy::industry::IndustryCode>>,
            #[serde(default)]
            #[schema(max_items = 20)]
            pub keywords: Option<Vec<String>>,
            #[serde(default)]
            #[schema(max_items = 9)]
            pub cooperation_modes: Option<Vec<$crate::listings::content::kinds::CooperationMode>>,
            #[serde(default)]
            pub ai_generated: Option<$crate::listings::content::kinds::AiGenerated>,
            #[serde(default)]
            pub export_control: Option<$crate::listings::content::kinds::ExportControl>,
            /// Organisations never to be matched with; nobody else sees them.
            #[serde(default)]
            #[schema(max_items = 50)]
            pub excluded_organizations: Option<Vec<uuid::Uuid>>,
            /// Who sees a field, by its name; what is not named is public (patents and valuation: introduced).
            #[serde(default)]
            #[schema(value_type = Option<std::collections::HashMap<String, $crate::listings::content::tiers::Tier>>)]
            pub tiers: Option<std::collections::BTreeMap<$crate::listings::content::tiers::TieredField, $crate::listings::content::tiers::Tier>>,
            /// The attributes of the listing's kind.
            #[serde(default)]
            #[schema(schema_with = $crate::listings::content::input::attributes_schema)]
            pub attributes: Option<serde_json::Value>,
        }

        impl $name {
            /// The content alone.
            pub fn content(self) -> $crate::listings::content::input::ContentInput {
                $crate::listings::content::input::ContentInput {
                    title: self.title,
                    summary: self.summary,
                    body: self.body,
                    zones_wanted: self.zones_wanted,
                    segments: self.segments,
                    industries: self.industries,
                    keywords: self.keywords,
                    cooperation_modes: self.cooperation_modes,
                    ai_generated: self.ai_generated,
                    export_control: self.export_control,
                    excluded_organizations: self.excluded_organizations,
                    tiers: self.tiers,
                    attributes: self.attributes,
                }
            }
        }
    };
}
pub(crate) use with_content_fields;

with_content_fields! {
    /// The parts of a listing's content, each optional: absent means unchanged in an edit and empty in a new draft.
    pub struct ContentInput {}
}

impl ContentInput {
    /// The content of a new draft.
    pub fn into_content(self, kind: Kind, direction: Direction, zones: &[String]) -> Result<Content> {
        let empty = Content {
            direction,
            title: Bilingual::default(),
            summary: Bilingual::default(),
            body: Bilingual::default(),
            zones_wanted: Vec::new(),
            segments: Vec::new(),
            industries: Vec::new(),
            keywords: Vec::new(),
            cooperation_modes: Vec::new(),
            ai_generated: AiGenerated::None,
            export_control: ExportControl::Unassessed,
            attributes: Attributes::parse(kind, Value::Object(serde_json::Map::new()), "/attributes")?,
            excluded_organizations: Vec::new(),
            tiers: BTreeMap::new(),
        };
        self.apply_to(empty, zones)
    }

    /// The content after an edit: what is given replaces what was there. Reports everything that is wrong at once.
    pub fn apply_to(self, mut content: Content, zones: &[String]) -> Result<Content> {
        let mut wrong = Vec::new();
        self.apply_texts(&mut content, &mut wrong);
        if let Some(keywords) = self.keywords {
            content.keywords = keywords;
            clean_list(&mut content.keywords, "/keywords", KEYWORDS.0, KEYWORDS.1, &mut wrong);
        }
        if let Some(wanted) = self.zones_wanted {
            check_zones(&wanted, zones, &mut wrong);
            content.zones_wanted = wanted;
            distinct(&mut content.zones_wanted);
        }
        replace_list(&mut content.segments, self.segments, "/segments", 23, &mut wrong);
        replace_list(&mut content.industries, self.industries, "/industries", 20, &mut wrong);
        replace_list(&mut content.cooperation_modes, self.cooperation_modes, "/cooperation_modes", 9, &mut wrong);
        replace_list(&mut content.excluded_organizations, self.excluded_organizations, "/excluded_organizations", 50, &mut wrong);
        content.ai_generated = self.ai_generated.unwrap_or(content.ai_generated);
        content.export_control = self.export_control.unwrap_or(content.export_control);
        content.tiers = self.tiers.unwrap_or(content.tiers);
        if let Some(attributes) = self.attributes.filter(|value| !value.is_null()) {
            match Attributes::parse(content.kind(), attributes, "/attributes") {
                Ok(attributes) => content.attributes = attributes,
                Err(Error::Invalid(errors)) => wrong.extend(errors),
                Err(other) => return Err(other),
            }
        }
        content.attributes.check(content.direction, &mut wrong);
        if let Attributes::Talent(talent) = &content.attributes
            && let Some(place) = &talent.place
            && !zones.contains(place)
        {
            let allowed: Vec<&str> = zones.iter().map(String::as_str).collect();
            wrong.push(FieldError::unknown_value("/attributes/place", place, &allowed));
        }
        if wrong.is_empty() { Ok(content) } else { Err(Error::Invalid(wrong)) }
    }

    fn apply_texts(&self, content: &mut Content, wrong: &mut Vec<FieldError>) {
        for (given, target, pointer, max, lines) in [
            (&self.title, &mut content.title, "/title", TITLE, Lines::One),
            (&self.summary, &mut content.summary, "/summary", SUMMARY, Lines::Many),
            (&self.body, &mut content.body, "/body", BODY, Lines::Many),
        ] {
            if let Some(given) = given {
                match given.cleaned(pointer, max, lines) {
                    Ok(text) => *target = text,
                    Err(errors) => wrong.extend(errors),
                }
            }
        }
        if content.title.is_empty() && !wrong.iter().any(|error| error.pointer.starts_with("/title")) {
            wrong.push(FieldError::required("/title"));
        }
    }
}

fn replace_list<T: Clone + Eq + std::hash::Hash>(target: &mut Vec<T>, given: Option<Vec<T>>, pointer: &str, max: usize, wrong: &mut Vec<FieldError>) {
    let Some(given) = given else { return };
    if given.len() > max {
        wrong.push(FieldError::too_many(pointer, max));
    }
    *target = given;
    distinct(target);
}

fn check_zones(wanted: &[String], zones: &[String], wrong: &mut Vec<FieldError>) {
    let allowed: Vec<&str> = zones.iter().map(String::as_str).collect();
    if wanted.len() > zones.len() {
        wrong.push(FieldError::too_many("/zones_wanted", zones.len()));
        return;
    }
    for (i, zone) in wanted.iter().enumerate() {
        if !zones.contains(zone) {
            wrong.push(FieldError::unknown_value(format!("/zones_wanted/{i}"), zone, &allowed));
        }
    }
}
