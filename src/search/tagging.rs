//! `POST /v1/listings/suggest-tags`: how a draft may be classified, by the concepts that its texts name and by what listings like it carry.
//! Nothing is stored.

use std::collections::{BTreeMap, HashMap, HashSet};

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use tantivy::DocAddress;
use utoipa::ToSchema;

use super::conditions::Conditions;
use super::document::{audience_of, days};
use super::hits::card;
use super::index::{SearchIndex, Snapshot};
use super::query::QueryTerms;
use super::rank::{Question, rank};
use crate::access::actor::Actor;
use crate::error::{Error, FieldError, Result};
use crate::http::body::Body;
use crate::listings::content::check::clean_list;
use crate::listings::content::input::{BODY, KEYWORDS, SUMMARY, TITLE};
use crate::listings::content::kinds::{Direction, Kind};
use crate::listings::model::today;
use crate::listings::view::ListingCard;
use crate::organizations::model::Bilingual;
use crate::taxonomy::concept::Concept;
use crate::taxonomy::industry::IndustryCode;
use crate::taxonomy::segment::Segment;
use crate::taxonomy::spotter::spot;
use crate::text::clean::{Lines, clip};
use crate::text::fold::fold;
use crate::text::segment::terms;

const MAX_SEGMENTS: usize = 5;
const MAX_INDUSTRIES: usize = 5;
const MAX_CONCEPTS: usize = 20;
const MAX_KEYWORDS: usize = 10;
/// A segment shows so many of its concepts as reasons.
const MAX_REASONS: usize = 3;
/// How much naming a concept says by where it stands: a title more than a sentence.
const IN_TITLE: f32 = 3.0;
const IN_KEYWORDS: f32 = 2.0;
const IN_TEXT: f32 = 1.0;
/// So many listings that are like the draft speak for it.
const NEIGHBOURS: usize = 10;
/// Of these, those whose score is far below the best one's are like it by chance.
const LEAST_SHARE: f32 = 0.4;
/// What the draft's own words count for a segment beside what others chose.
const OWN_WORDS: f32 = 0.6;
/// How much of a draft is compared with listings; its beginning says what it is about.
const COMPARED_CHARS: usize = 1_000;

/// The texts of a draft, as far as they are written.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftTexts {
    #[serde(default)]
    pub title: Option<Bilingual>,
    #[serde(default)]
    pub summary: Option<Bilingual>,
    #[serde(default)]
    pub body: Option<Bilingual>,
    #[serde(default)]
    #[schema(max_items = 20)]
    pub keywords: Option<Vec<String>>,
    /// Only listings of this kind are compared with.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Only listings of this direction are compared with.
    #[serde(default)]
    pub direction: Option<Direction>,
}

/// A segment that may fit.
#[derive(Debug, Serialize, ToSchema)]
pub struct SegmentSuggestion {
    pub segment: Segment,
    pub label: Bilingual,
    /// From 0 to 1.
    pub score: f32,
    pub reasons: Vec<Bilingual>,
}

/// An industry that may fit.
#[derive(Debug, Serialize, ToSchema)]
pub struct IndustrySuggestion {
    pub code: IndustryCode,
    /// The name of its division.
    pub label: Bilingual,
    /// From 0 to 1.
    pub score: f32,
    pub reasons: Vec<Bilingual>,
}

/// A concept that the draft names.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConceptSuggestion {
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    /// How the draft writes it.
    pub found_as: String,
}

/// How a draft may be classified, in each list what fits best first.
#[derive(Debug, Serialize, ToSchema)]
pub struct TagSuggestions {
    #[schema(max_items = 5)]
    pub segments: Vec<SegmentSuggestion>,
    #[schema(max_items = 5)]
    pub industries: Vec<IndustrySuggestion>,
    #[schema(max_items = 20)]
    pub concepts: Vec<ConceptSuggestion>,
    /// Words of the draft that would make keywords.
    #[schema(max_items = 10)]
    pub keywords: Vec<String>,
}

/// Suggests segments, industries, concepts and keywords for a draft, from its own words and from published listings like it that the caller
/// may see. Nothing is stored.
#[utoipa::path(tag = "listings", request_body = DraftTexts, responses((status = 200, body = TagSuggestions)), security(("bearer" = [])))]
#[post("/v1/listings/suggest-tags")]
async fn suggest_tags(actor: Actor, index: web::Data<SearchIndex>, body: Body<DraftTexts>) -> Result<HttpResponse> {
    let draft = Draft::checked(body.0)?;
    let snapshot = index.snapshot()?;
    let (shared, verified) = (index.get_ref().clone(), actor.is_verified());
    let suggestions = index.run(move || tags_for(&shared, &snapshot, &draft, verified)).await?;
    Ok(HttpResponse::Ok().json(suggestions))
}

/// A draft whose texts are clean.
struct Draft {
    /// Each text with what naming a concept there says; titles first.
    texts: Vec<(f32, String)>,
    keywords: Vec<String>,
    kind: Option<Kind>,
    direction: Option<Direction>,
}

impl Draft {
    fn checked(given: DraftTexts) -> Result<Self> {
        let (mut texts, mut wrong) = (Vec::new(), Vec::new());
        for (text, pointer, max, lines, weight) in
            [(given.title, "/title", TITLE, Lines::One, IN_TITLE), (given.summary, "/summary", SUMMARY, Lines::Many, IN_TEXT), (given.body, "/body", BODY, Lines::Many, IN_TEXT)]
        {
            match text.unwrap_or_default().cleaned(pointer, max, lines) {
                Ok(clean) => texts.extend([clean.zh, clean.en].into_iter().flatten().map(|text| (weight, text))),
                Err(errors) => wrong.extend(errors),
            }
        }
        let mut keywords = given.keywords.unwrap_or_default();
        clean_list(&mut keywords, "/keywords", KEYWORDS.0, KEYWORDS.1, &mut wrong);
        if texts.is_empty() && keywords.is_empty() && wrong.is_empty() {
            wrong.push(FieldError::required("/title"));
        }
        if wrong.is_empty() { Ok(Self { texts, keywords, kind: given.kind, direction: given.direction }) } else { Err(Error::Invalid(wrong)) }
    }

    fn weighted(&self) -> impl Iterator<Item = (f32, &str)> {
        let keywords = self.keywords.iter().map(|keyword| (IN_KEYWORDS, keyword.as_str()));
        self.texts.iter().map(|(weight, text)| (*weight, text.as_str())).chain(keywords)
    }

    /// What listings are compared with.
    fn compared(&self) -> String {
        let all: Vec<&str> = self.weighted().map(|(_, text)| text).collect();
        clip(&all.join("\n"), COMPARED_CHARS).to_owned()
    }
}

/// A concept that the draft names, with how much it does and how it is written.
struct Named {
    concept: &'static Concept,
    weight: f32,
    found_as: String,
}

fn tags_for(index: &SearchIndex, snapshot: &Snapshot, draft: &Draft, verified: bool) -> Result<TagSuggestions> {
    let named = named_in(draft);
    let like = neighbours(index, snapshot, draft, verified).map_err(|error| Error::internal(anyhow::Error::new(error)))?;
    let like = like.into_iter().map(|address| card(index, snapshot, address)).collect::<Result<Vec<ListingCard>>>()?;
    let keywords = keywords(draft, &named, &like);
    let concepts = named.iter().take(MAX_CONCEPTS).map(|named| {
        let Concept { code, zh, en, .. } = *named.concept;
        ConceptSuggestion { code, zh, en, found_as: named.found_as.clone() }
    });
    Ok(TagSuggestions { segments: segments(&named, &like), industries: industries(&like), concepts: concepts.collect(), keywords })
}

/// All concepts of the draft, those that it names most first.
fn named_in(draft: &Draft) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (weight, text) in draft.weighted() {
        for spotted in spot(text) {
            let place = *places.entry(spotted.concept.code).or_insert_with(|| {
                found.push(Named { concept: spotted.concept, weight: 0.0, found_as: text[spotted.start..spotted.end].to_owned() });
                found.len() - 1
            });
            found[place].weight += weight;
        }
    }
    // Stable: of equals the one that was named first.
    found.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    found
}

/// The listings most like the draft that the audience may see.
fn neighbours(index: &SearchIndex, snapshot: &Snapshot, draft: &Draft, verified: bool) -> tantivy::Result<Vec<DocAddress>> {
    let fields = &*index.fields;
    let mut conditions = Conditions::default();
    conditions.audience(fields, audience_of(verified));
    conditions.at_least_i64(fields.valid_through, days(today()));
    if let Some(kind) = draft.kind {
        conditions.tag(fields, "kind", &[kind.as_str()]);
    }
    if let Some(direction) = draft.direction {
        conditions.tag(fields, "direction", &[direction.as_str()]);
    }
    let text = draft.compared();
    let terms = QueryTerms::of(&text);
    let meaning = || index.meaning(snapshot, &text);
    let ground = snapshot.ground(fields);
    let question = Question::new(&ground, &terms, &text, &meaning, verified)?;
    let ranked = rank(&ground, &question, &conditions, NEIGHBOURS)?.candidates;
    let least = ranked.first().map_or(0.0, |best| best.parts.score * LEAST_SHARE);
    Ok(ranked.into_iter().filter(|ranked| ranked.parts.score >= least).take(NEIGHBOURS).map(|ranked| ranked.address).collect())
}

#[expect(clippy::cast_precision_loss, reason = "of ten listings")]
fn share(part: usize, whole: usize) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

fn of_listings(part: usize, whole: usize) -> Bilingual {
    Bilingual { en: Some(format!("listings like this: {part} of {whole}")), zh: Some(format!("相似供需：{whole}条中有{part}条")) }
}

fn segments(named: &[Named], like: &[ListingCard]) -> Vec<SegmentSuggestion> {
    let all: f32 = named.iter().map(|named| named.weight).sum();
    let mut suggestions: Vec<SegmentSuggestion> = Vec::new();
    for &segment in Segment::ALL {
        let own: Vec<&Named> = named.iter().filter(|named| named.concept.segment == segment).collect();
        let carried = like.iter().filter(|card| card.segments.contains(&segment)).count();
        let by_words = if all > 0.0 { own.iter().map(|named| named.weight).sum::<f32>() / all } else { 0.0 };
        let by_others = share(carried, like.len());
        // Where one side knows nothing, the other decides.
        let of_words = if like.is_empty() {
            1.0
        } else if named.is_empty() {
            0.0
        } else {
            OWN_WORDS
        };
        let score = of_words * by_words + (1.0 - of_words) * by_others;
        if score <= 0.0 {
            continue;
        }
        let mut reasons: Vec<Bilingual> = own.iter().take(MAX_REASONS).map(|named| concept_reason(named)).collect();
        if carried > 0 {
            reasons.push(of_listings(carried, like.len()));
        }
        let label = Bilingual { zh: Some(segment.label_zh().to_owned()), en: Some(segment.label_en().to_owned()) };
        suggestions.push(SegmentSuggestion { segment, label, score, reasons });
    }
    suggestions.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.segment.cmp(&b.segment)));
    suggestions.truncate(MAX_SEGMENTS);
    suggestions
}

fn concept_reason(named: &Named) -> Bilingual {
    Bilingual { en: Some(format!("concept: {}", named.found_as)), zh: Some(format!("概念：{}", named.found_as)) }
}

/// What texts do not tell, others who said the like have chosen.
fn industries(like: &[ListingCard]) -> Vec<IndustrySuggestion> {
    let mut counts: BTreeMap<&IndustryCode, usize> = BTreeMap::new();
    for code in like.iter().flat_map(|card| &card.industries) {
        *counts.entry(code).or_default() += 1;
    }
    let suggestion = |(code, count): (&IndustryCode, usize)| IndustrySuggestion {
        code: code.clone(),
        label: code.label(),
        score: share(count, like.len()),
        reasons: vec![of_listings(count, like.len())],
    };
    let mut suggestions: Vec<IndustrySuggestion> = counts.into_iter().map(suggestion).collect();
    suggestions.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.code.cmp(&b.code)));
    suggestions.truncate(MAX_INDUSTRIES);
    suggestions
}

/// What the draft says of itself and has not among its keywords: the concepts that it names, then keywords of listings like it whose words
/// it uses.
fn keywords(draft: &Draft, named: &[Named], like: &[ListingCard]) -> Vec<String> {
    let said: HashSet<String> = draft.texts.iter().flat_map(|(_, text)| terms(text)).map(|term| term.text).collect();
    let is_said = |keyword: &str| {
        let terms = terms(keyword);
        !terms.is_empty() && terms.iter().all(|term| said.contains(&term.text))
    };
    let mut taken: HashSet<String> = draft.keywords.iter().map(|keyword| fold(keyword)).collect();
    let of_concepts = named.iter().map(|named| named.found_as.as_str()).filter(|word| word.chars().count() <= KEYWORDS.1);
    let of_others = like.iter().flat_map(|card| &card.keywords).map(String::as_str).filter(|keyword| is_said(keyword));
    of_concepts.chain(of_others).filter(|keyword| taken.insert(fold(keyword))).take(MAX_KEYWORDS).map(str::to_owned).collect()
}

/// The routes of suggestions for drafts.
pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(suggest_tags);
}
