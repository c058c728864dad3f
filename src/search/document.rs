//! From a published listing to its documents: one for each audience that sees something different.
//!
//! A guest's document holds nothing that a guest may not see, neither stored nor indexed, so no query of a guest can find by it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use tantivy::TantivyDocument;
use tantivy::schema::Field;
use tantivy::tokenizer::{PreTokenizedString, Token};
use uuid::Uuid;
use zonebridge_meaning::vector::Direction;

use super::completion;
use super::fields::Fields;
use super::judged::{Facts, Judged};
use crate::embedding::means::{Meaning, Means};
use crate::embedding::texts::{ListingVector, asking_of, meaning_of};
use crate::error::{Error, Result};
use crate::listings::content::attributes::Attributes;
use crate::listings::content::money::Amount;
use crate::listings::content::tiers::Tier;
use crate::listings::model::Entry;
use crate::listings::view::ListingCard;
use crate::organizations::model::Bilingual;
use crate::taxonomy::spotter::codes_in;
use crate::text::fold::fold;
use crate::text::language::Language;
use crate::text::positions::positions;
use crate::text::profile::{Profile, ProfileBuilder, TITLE_WEIGHT};
use crate::text::segment::terms;

/// So many positions lie between two texts of a listing, so that no phrase is found across them.
const GAP: usize = 16;

/// A term with its position in its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub text: String,
    pub position: usize,
}

/// The terms of some texts, one text behind the other with a gap between.
pub fn placed<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Placed> {
    let (mut all, mut from) = (Vec::new(), 0);
    for text in texts {
        let terms = terms(text);
        let (positions, length) = positions(&terms);
        all.extend(terms.into_iter().zip(positions).map(|(term, position)| Placed { text: term.text, position: from + position }));
        from += length + GAP;
    }
    all
}

/// Everything that goes into one document, before the index's own types.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed {
    pub id: String,
    pub revision: u64,
    pub audiences: Vec<&'static str>,
    pub organization: String,
    pub tags: Vec<String>,
    /// Only of what guests see.
    pub completions: Vec<String>,
    pub title: Vec<Placed>,
    pub words: Vec<Placed>,
    pub published_at: i64,
    pub valid_through: i64,
    pub amount: Option<(f64, f64)>,
    pub trl: Option<i64>,
    /// The bytes of what a match is judged by.
    pub judged: Vec<u8>,
    pub card: Vec<u8>,
    /// What it means, once that is known.
    pub meaning: Option<Meaning>,
}

pub fn audience_of(verified: bool) -> &'static str {
    if verified { "verified" } else { "public" }
}

/// The documents of a published listing. One that cannot be made is left out, counted and told of.
pub fn documents(entry: &Entry, meanings: &Meanings) -> Vec<Indexed> {
    made(entry, meanings).unwrap_or_else(|error| {
        metrics::counter!("zonebridge_index_failures_total").increment(1);
        tracing::error!(listing = %entry.listing.id, cause = format!("{error:#}"), "a listing cannot be indexed; it is left out");
        Vec::new()
    })
}

fn made(entry: &Entry, meanings: &Meanings) -> Result<Vec<Indexed>> {
    if entry.content.has_more_for_verified() {
        return Ok(vec![indexed(entry, Tier::Public, vec!["public"], meanings)?, indexed(entry, Tier::Verified, vec!["verified"], meanings)?]);
    }
    Ok(vec![indexed(entry, Tier::Public, vec!["public", "verified"], meanings)?])
}

/// What some listings mean, as far as their vectors are made.
pub struct Meanings {
    pub means: Arc<Means>,
    pub vectors: HashMap<Uuid, Vec<ListingVector>>,
}

impl Meanings {
    /// What an audience's view of a listing means and what it asks for.
    fn of(&self, entry: &Entry, audience: &str) -> (Option<Meaning>, Option<Meaning>) {
        let vectors = self.vectors.get(&entry.listing.id).map(Vec::as_slice).unwrap_or_default();
        let own: Vec<&ListingVector> = vectors.iter().filter(|vector| vector.audience == audience && vector.revision == entry.revision).collect();
        (meaning_of(&own, &self.means), asking_of(&own, &self.means))
    }
}

fn indexed(entry: &Entry, tier: Tier, audiences: Vec<&'static str>, meanings: &Meanings) -> Result<Indexed> {
    let card = ListingCard::of(entry, tier);
    // The first audience of a document is the one whose view was read for its meaning.
    let (meaning, asking) = meanings.of(entry, audiences.first().copied().unwrap_or_default());
    // Pay is compared by the month, whatever period it is stated for.
    let per_month = if let Attributes::Talent(talent) = &card.attributes { talent.pay.as_ref().map_or(1.0, |pay| pay.period.per_month()) } else { 1.0 };
    let end = |amount: Option<Amount>, open: f64| amount.map_or(open, |amount| amount.approximate() * per_month);
    let money = card.attributes.money().map(|range| (end(range.min, 0.0), end(range.max, f64::MAX)));
    let codes = concepts_of(&card);
    let completions = if audiences.contains(&audience_of(false)) { completion::entries(&card.keywords, &codes) } else { Vec::new() };
    Ok(Indexed {
        id: card.id.to_string(),
        revision: u64::try_from(card.revision).map_err(Error::internal)?,
        audiences,
        organization: card.organization.id.to_string(),
        tags: tags_of(&card, &codes),
        completions,
        title: title_terms(&card.title),
        words: all_terms(&card),
        published_at: card.published_at.map_or(0, |at| at.timestamp_micros()),
        valid_through: days(card.valid_through),
        amount: money,
        trl: card.attributes.trl().map(i64::from),
        judged: judged(entry, &card, asking.as_ref())?,
        card: serde_json::to_vec(&card).map_err(Error::internal)?,
        meaning,
    })
}

/// The bytes of what a match with an audience's view of a listing is judged by.
fn judged(entry: &Entry, card: &ListingCard, asking: Option<&Meaning>) -> Result<Vec<u8>> {
    let profile = profile_of(card).to_bytes();
    let asking = asking.map(|asking| (asking.e5.to_bytes(), asking.universal.to_bytes()));
    let asking = asking.as_ref().map(|(e5, universal)| (e5.as_slice(), universal.as_slice()));
    Judged { facts: Facts::of(card), excluded: entry.content.excluded_organizations.clone(), profile: &profile, asking }.to_bytes()
}

pub fn days(day: NaiveDate) -> i64 {
    i64::from(day.to_epoch_days())
}

/// The codes of the concepts that a card's texts speak of, and of the broader ones.
fn concepts_of(card: &ListingCard) -> Vec<&'static str> {
    let written = [&card.title, &card.summary, &card.body].into_iter().flat_map(texts).map(|(_, text)| text);
    codes_in(written.chain(card.keywords.iter().map(String::as_str)))
}

fn tags_of(card: &ListingCard, concepts: &[&str]) -> Vec<String> {
    let mut tags = vec![
        format!("kind:{}", card.attributes.kind()),
        format!("direction:{}", card.direction),
        format!("zone:{}", card.zone),
        format!("verified:{}", card.organization.verification == crate::organizations::model::Verification::Verified),
    ];
    tags.extend(card.segments.iter().map(|segment| format!("segment:{segment}")));
    tags.extend(card.industries.iter().flat_map(|code| code.prefixes().map(|prefix| format!("industry:{prefix}")).collect::<Vec<_>>()));
    tags.extend(card.attributes.stages().iter().map(|stage| format!("stage:{stage}")));
    tags.extend(card.attributes.skills().iter().map(|skill| format!("skill:{}", fold(&skill.name))));
    tags.extend(card.cooperation_modes.iter().map(|mode| format!("cooperation:{mode}")));
    tags.extend(concepts.iter().map(|code| format!("concept:{code}")));
    tags.extend(card.attributes.money().map(|range| format!("currency:{}", range.currency)));
    tags.sort();
    tags.dedup();
    tags
}

fn texts(bilingual: &Bilingual) -> impl Iterator<Item = (Language, &str)> {
    [(Language::Zh, &bilingual.zh), (Language::En, &bilingual.en)].into_iter().filter_map(|(language, text)| Some((language, text.as_deref()?)))
}

fn title_terms(title: &Bilingual) -> Vec<Placed> {
    placed(texts(title).map(|(_, text)| text))
}

fn all_terms(card: &ListingCard) -> Vec<Placed> {
    let written = [&card.title, &card.summary, &card.body].into_iter().flat_map(texts).map(|(_, text)| text);
    placed(written.chain(card.keywords.iter().map(String::as_str)).chain(card.attributes.searchable_words()))
}

/// The profile by which a listing is matched, as somebody who reads this card may know it.
pub fn profile_of(card: &ListingCard) -> Profile {
    let mut builder = ProfileBuilder::default();
    for (language, text) in texts(&card.title) {
        builder.add(language, text, TITLE_WEIGHT);
    }
    for (language, text) in texts(&card.summary).chain(texts(&card.body)) {
        builder.add(language, text, 1);
    }
    for keyword in card.keywords.iter().map(String::as_str).chain(card.attributes.searchable_words()) {
        builder.add_to_all(keyword, TITLE_WEIGHT - 1);
    }
    builder.finish()
}

impl Indexed {
    pub fn is_for_guests(&self) -> bool {
        self.audiences.contains(&audience_of(false))
    }

    pub fn into_document(self, fields: &Fields) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        let text = fields.of_document(self.is_for_guests());
        document.add_text(fields.id, self.id);
        document.add_u64(fields.revision, self.revision);
        for audience in self.audiences {
            document.add_text(fields.audience, audience);
        }
        document.add_text(fields.organization, self.organization);
        for tag in self.tags {
            document.add_text(fields.tags, tag);
        }
        for entry in self.completions {
            document.add_text(fields.completions, entry);
        }
        document.add_pre_tokenized_text(text.title, ready_made(self.title));
        document.add_pre_tokenized_text(text.words, ready_made(self.words));
        document.add_i64(fields.published_at, self.published_at);
        document.add_i64(fields.valid_through, self.valid_through);
        if let Some((min, max)) = self.amount {
            document.add_f64(fields.amount_min, min);
            document.add_f64(fields.amount_max, max);
        }
        if let Some(trl) = self.trl {
            document.add_i64(fields.trl, trl);
        }
        if let Some(meaning) = &self.meaning {
            for direction in [&meaning.universal].into_iter().chain(&meaning.pieces) {
                add_direction(&mut document, fields.universal, direction);
            }
            add_direction(&mut document, fields.e5, &meaning.e5);
            document.add_u64(fields.languages, meaning.languages.to_bits().into());
        }
        for number in pack_bytes(&self.judged) {
            document.add_u64(fields.judged, number);
        }
        document.add_bytes(fields.card, &self.card);
        document
    }
}

pub fn add_direction(document: &mut TantivyDocument, field: Field, direction: &Direction) {
    for number in pack(direction.values()) {
        document.add_u64(field, number);
    }
}

/// Components of a direction as numbers, eight in each.
pub fn pack(values: &[i8]) -> impl Iterator<Item = u64> {
    values.as_chunks::<8>().0.iter().map(|eight| u64::from_le_bytes(eight.map(i8::cast_unsigned)))
}

/// Bytes as numbers, eight in each, with zeros behind the last.
pub fn pack_bytes(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks(8).map(|chunk| {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(eight)
    })
}

fn ready_made(mut terms: Vec<Placed>) -> PreTokenizedString {
    // The index keeps the differences between a term's positions, so they must rise.
    terms.sort_by_key(|term| term.position);
    let tokens = terms.into_iter().map(|term| Token { offset_from: 0, offset_to: 0, position: term.position, text: term.text, position_length: 1 }).collect();
    PreTokenizedString { text: String::new(), tokens }
}
