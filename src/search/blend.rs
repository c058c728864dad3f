//! The formula that puts words and meaning into one score.

use serde::Serialize;
use tantivy::DocAddress;
use utoipa::ToSchema;

use super::nearest::Closeness;

/// What is known of a question before any document is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuestionTraits {
    /// What a document would score by words that holds every term of the question, many times.
    pub most_words: f32,
    /// The share of the weight of its terms that the index knows at all: across languages it is small.
    pub known: f32,
    /// How many different terms it has.
    pub terms: f32,
    /// The share of Chinese characters among its letters.
    pub chinese: f32,
    pub mode: Mode,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    Words,
    Meaning,
    #[default]
    Hybrid,
}

/// What is known of a candidate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence {
    pub words: f32,
    pub closeness: Option<Closeness>,
}

/// A score and what it is made of.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct Parts {
    pub words: f32,
    pub e5: f32,
    pub universal: f32,
    pub score: f32,
}

pub fn blend(traits: &QuestionTraits, candidates: Vec<(DocAddress, Evidence)>) -> Vec<(DocAddress, Parts)> {
    let all = candidates.into_iter().map(|(address, evidence)| {
        let words = evidence.words;
        let (e5, universal) = evidence.closeness.map_or((0.0, 0.0), |closeness| (closeness.e5, closeness.universal));
        let score = match traits.mode {
            Mode::Words => words,
            Mode::Meaning => e5 + universal,
            Mode::Hybrid => e5 + universal + words / traits.most_words.max(1e-6),
        };
        (address, Parts { words, e5, universal, score })
    });
    all.collect()
}
