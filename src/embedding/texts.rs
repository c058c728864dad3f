//! Which texts of a listing are read for its meaning, and what came of it.

use uuid::Uuid;
use zonebridge_meaning::vector::Direction;

use super::embedder::Raw;
use super::means::{Meaning, Means, Role, together, with_title};
use crate::listings::content::tiers::Tier;
use crate::listings::model::Entry;
use crate::listings::view::ListingCard;
use crate::text::language::Language;

/// A text that means what a listing means to an audience, in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingText {
    pub audience: &'static str,
    pub language: Language,
    /// Read as a question: by it a listing looks for others.
    pub title: Option<String>,
    pub text: String,
}

/// The directions of a title by both models.
#[derive(Debug, Clone, PartialEq)]
pub struct TitleVector {
    pub e5: Direction,
    pub universal: Direction,
}

/// The directions of a text of a listing, as they are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingVector {
    pub listing_id: Uuid,
    pub audience: String,
    pub language: Language,
    pub revision: i32,
    pub chinese: f32,
    pub e5: Direction,
    pub universal: Direction,
    /// Of the text's pieces by the universal encoder.
    pub pieces: Vec<Direction>,
    /// Of the title as a question, where the text has one.
    pub title: Option<TitleVector>,
}

/// The texts of a listing: those that everybody may read, and once more with what is for verified organisations where there is such.
pub fn texts_of(entry: &Entry) -> Vec<ListingText> {
    let mut texts = of_audience(&ListingCard::of(entry, Tier::Public), "public");
    if entry.content.has_more_for_verified() {
        texts.extend(of_audience(&ListingCard::of(entry, Tier::Verified), "verified"));
    }
    texts
}

/// Each language by itself: so each vector has the middle of its own language.
fn of_audience(card: &ListingCard, audience: &'static str) -> Vec<ListingText> {
    let in_language = |language: Language| {
        let parts: Vec<&str> = [&card.title, &card.summary, &card.body]
            .into_iter()
            .filter_map(|text| match language {
                Language::Zh => text.zh.as_deref(),
                Language::En => text.en.as_deref(),
            })
            .collect();
        let title = match language {
            Language::Zh => card.title.zh.clone(),
            Language::En => card.title.en.clone(),
        };
        (!parts.is_empty()).then(|| ListingText { audience, language, title, text: parts.join("\n") })
    };
    [Language::Zh, Language::En].into_iter().filter_map(in_language).collect()
}

impl ListingVector {
    /// `None` where the models see nothing in a text.
    pub fn of(entry: &Entry, text: &ListingText, raw: &Raw, title: Option<&Raw>) -> Option<Self> {
        Some(Self {
            listing_id: entry.listing.id,
            audience: text.audience.to_owned(),
            language: text.language,
            revision: entry.revision,
            chinese: raw.chinese,
            e5: Direction::of(&raw.e5)?,
            universal: Direction::of(&raw.universal)?,
            pieces: raw.pieces.iter().filter_map(|piece| Direction::of(piece)).collect(),
            title: title.and_then(|title| Some(TitleVector { e5: Direction::of(&title.e5)?, universal: Direction::of(&title.universal)? })),
        })
    }

    pub fn raw(&self) -> Raw {
        Raw { e5: self.e5.to_unit(), universal: self.universal.to_unit(), pieces: self.pieces.iter().map(Direction::to_unit).collect(), chinese: self.chinese }
    }

    /// Of the title, which is taken to be in the language of the text.
    pub fn raw_title(&self) -> Option<Raw> {
        let title = self.title.as_ref()?;
        Some(Raw { e5: title.e5.to_unit(), universal: title.universal.to_unit(), pieces: Vec::new(), chinese: self.chinese })
    }
}

/// What a listing means by the vectors of its languages, each centred. `None` while they are not made.
pub fn meaning_of(vectors: &[&ListingVector], means: &Means) -> Option<Meaning> {
    together(&vectors.iter().filter_map(|vector| means.centre(Role::Passage, &vector.raw())).collect::<Vec<_>>())
}

/// What a listing asks for when it looks for partners: what it means, with its title as a question.
pub fn asking_of(vectors: &[&ListingVector], means: &Means) -> Option<Meaning> {
    let asking = |vector: &&ListingVector| {
        let whole = means.centre(Role::Passage, &Raw { pieces: Vec::new(), ..vector.raw() })?;
        match vector.raw_title().and_then(|title| means.centre(Role::Query, &title)) {
            Some(title) => with_title(&whole, &title),
            None => Some(whole),
        }
    };
    together(&vectors.iter().filter_map(asking).collect::<Vec<_>>())
}
