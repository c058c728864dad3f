//! The filters and facets of a search: from the words of a query string to conditions on the index, and from counts to answers.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use super::conditions::Conditions;
use super::document::{audience_of, days};
use super::index::SearchIndex;
use super::parameters::SearchQuery;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Error, FieldError, Message, Result};
use crate::listings::content::kinds::{Currency, Direction, Kind, Stage};
use crate::listings::content::money::Amount;
use crate::listings::model::today;
use crate::organizations::model::Bilingual;
use crate::taxonomy::concept::with_code;
use crate::taxonomy::industry::IndustryCode;
use crate::taxonomy::segment::Segment;
use crate::text::fold::fold;

const FACETS: [&str; 9] = ["kind", "direction", "zone", "segment", "concept", "industry", "stage", "verified", "cooperation"];
const MAX_FACET_VALUES: usize = 50;

/// All that must hold of what is found, whatever is looked for.
pub fn conditions(index: &SearchIndex, query: &SearchQuery, verified: bool) -> Result<Conditions> {
    let fields = &index.fields;
    let mut conditions = Conditions::default();
    conditions.audience(fields, audience_of(verified));
    conditions.at_least_i64(fields.valid_through, days(today()));
    tag_condition::<Kind>(&mut conditions, index, "kind", query.kind.as_deref(), Kind::WORDS)?;
    tag_condition::<Direction>(&mut conditions, index, "direction", query.direction.as_deref(), Direction::WORDS)?;
    tag_condition::<Segment>(&mut conditions, index, "segment", query.segment.as_deref(), Segment::WORDS)?;
    tag_condition::<Stage>(&mut conditions, index, "stage", query.stage.as_deref(), Stage::WORDS)?;
    if let Some(zones) = values(query.zone.as_deref(), "zone")? {
        conditions.tag(fields, "zone", &zones);
    }
    if let Some(codes) = values(query.industry.as_deref(), "industry")? {
        let codes = codes.iter().map(|code| IndustryCode::parse(code)).collect::<std::result::Result<Vec<_>, _>>();
        let codes = codes.map_err(|_| Error::malformed(FieldError::malformed("industry", "a code of GB/T 4754-2017, such as C39", "GB/T 4754-2017 行业代码，例如 C39")))?;
        conditions.tag(fields, "industry", &codes.iter().map(IndustryCode::as_str).collect::<Vec<_>>());
    }
    if let Some(codes) = values(query.concept.as_deref(), "concept")? {
        if let Some(unknown) = codes.iter().find(|code| with_code(code).is_none()) {
            return Err(Error::malformed(unknown_concept(unknown)));
        }
        conditions.tag(fields, "concept", &codes);
    }
    if let Some(skills) = values(query.skill.as_deref(), "skill")? {
        conditions.tag(fields, "skill", &skills.iter().map(|skill| fold(skill)).collect::<Vec<_>>());
    }
    if let Some(verified) = query.verified {
        conditions.tag(fields, "verified", &[verified.to_string()]);
    }
    amount_conditions(&mut conditions, index, query)?;
    if let Some(trl) = query.trl_min {
        if !(1..=9).contains(&trl) {
            return Err(Error::malformed(FieldError::out_of_range("trl_min", 1, 9)));
        }
        conditions.at_least_i64(fields.trl, trl);
    }
    Ok(conditions)
}

fn amount_conditions(conditions: &mut Conditions, index: &SearchIndex, query: &SearchQuery) -> Result<()> {
    let amount = |name: &'static str, text: Option<&str>| {
        let parsed = text.map(Amount::parse).transpose();
        parsed.map_err(|_| Error::malformed(FieldError::malformed(name, "a decimal, such as 1500000 or 1500000.00", "十进制金额，例如 1500000 或 1500000.00")))
    };
    let (min, max) = (amount("amount_min", query.amount_min.as_deref())?, amount("amount_max", query.amount_max.as_deref())?);
    if let (Some(min), Some(max)) = (&min, &max)
        && min > max
    {
        return Err(Error::malformed(FieldError::not_allowed("amount_max", "must not be less than amount_min", "不得小于 amount_min")));
    }
    let asked = min.is_some() || max.is_some();
    if let Some(currency) = query.currency.or(asked.then_some(Currency::Cny)) {
        conditions.tag(&index.fields, "currency", &[currency.as_str()]);
    }
    if let Some(min) = min {
        conditions.at_least_f64(index.fields.amount_max, min.approximate());
    }
    if let Some(max) = max {
        conditions.at_most_f64(index.fields.amount_min, max.approximate());
    }
    Ok(())
}

/// The values of a filter that takes several; at most fifty.
pub fn values(given: Option<&str>, name: &'static str) -> Result<Option<Vec<String>>> {
    let Some(given) = given else { return Ok(None) };
    let values: Vec<String> = given.split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect();
    match values.len() {
        0 => Ok(None),
        1..=50 => Ok(Some(values)),
        _ => Err(Error::malformed(FieldError::too_many(name, 50))),
    }
}

/// There are too many codes to name them all.
fn unknown_concept(code: &str) -> FieldError {
    let shown: String = code.chars().take(60).filter(|c| !c.is_control()).collect();
    let (en, zh) = ("a code that GET /v1/concepts lists, such as base.chips.gpu", "请使用 GET /v1/concepts 列出的代码，例如 base.chips.gpu");
    FieldError::new("concept", "unknown_value", Message::new(format!("`{shown}` is not known here; allowed: {en}"), format!("不认识“{shown}”；{zh}")))
}

fn tag_condition<T: FromStr>(conditions: &mut Conditions, index: &SearchIndex, name: &'static str, given: Option<&str>, allowed: &[&str]) -> Result<()> {
    let Some(values) = values(given, name)? else { return Ok(()) };
    if let Some(unknown) = values.iter().find(|value| value.parse::<T>().is_err()) {
        return Err(Error::malformed(FieldError::unknown_value(name, unknown, allowed)));
    }
    conditions.tag(&index.fields, name, &values);
    Ok(())
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FacetCount {
    pub value: String,
    pub count: u64,
    /// What a code stands for: of concepts, segments and industries (the name of their division).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Bilingual>,
}

/// The facets asked for, in order.
pub fn facet_names(given: Option<&str>) -> Result<Vec<String>> {
    let mut names = values(given, "facets")?.unwrap_or_default();
    if let Some(unknown) = names.iter().find(|name| !FACETS.contains(&name.as_str())) {
        return Err(Error::malformed(FieldError::unknown_value("facets", unknown, &FACETS)));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The counts of each facet, most frequent first.
pub fn facet_counts(names: &[String], counts: HashMap<String, u64>) -> BTreeMap<String, Vec<FacetCount>> {
    let mut facets: BTreeMap<String, Vec<FacetCount>> = names.iter().map(|name| (name.clone(), Vec::new())).collect();
    for (tag, count) in counts {
        if let Some((name, value)) = tag.split_once(':')
            && let Some(list) = facets.get_mut(name)
        {
            list.push(FacetCount { value: value.to_owned(), count, label: None });
        }
    }
    for list in facets.values_mut() {
        list.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        list.truncate(MAX_FACET_VALUES);
    }
    for (name, list) in &mut facets {
        for value in list {
            value.label = label_of(name, &value.value);
        }
    }
    facets
}

/// The names of a value that is a code.
fn label_of(facet: &str, value: &str) -> Option<Bilingual> {
    let label = |zh: &str, en: &str| Bilingual { zh: Some(zh.to_owned()), en: Some(en.to_owned()) };
    match facet {
        "concept" => with_code(value).map(|concept| label(concept.zh, concept.en)),
        "industry" => IndustryCode::parse(value).ok().map(|code| code.label()),
        "segment" => value.parse::<Segment>().ok().map(|segment| label(segment.label_zh(), segment.label_en())),
        _ => None,
    }
}
