//! The formula that puts words and meaning into one score.

use serde::Serialize;
use tantivy::DocAddress;
use utoipa::ToSchema;

use super::nearest::Closeness;

/// What is known of a question before any document is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuestionTraits {
    /// The sum of the idf of those of its terms that the index holds, by their weights in the question.
    pub known_weight: f32,
    /// The share of that in the weight of all its terms: across languages it is small.
    pub known: f32,
    /// How many different terms it has.
    pub terms: f32,
    /// How long it is in words; two Chinese characters count as one.
    pub words: f32,
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

/// What the universal encoder counts across languages, and words on their own ground, beside e5, which counts 1. docs/relevance.md has how
/// they were found.
const UNIVERSAL: f32 = 0.7;
const WORDS: f32 = 0.55;
/// From this many terms on a question is a text, and that some are unknown tells nothing.
const MANY_TERMS: f32 = 80.0;
/// Up to four words the universal encoder counts as much as e5, from six on not at all, unless the languages differ.
const SHORT: (f32, f32) = (4.0, 6.0);

impl QuestionTraits {
    fn is_text(&self) -> bool {
        self.terms > MANY_TERMS
    }

    /// How far words can tell.
    fn trust_in_words(&self) -> f32 {
        if self.is_text() { 1.0 } else { self.known }
    }

    /// How far the universal encoder can: it is the better one on a few words and across languages, and the worse one on technical texts.
    fn trust_in_universal(&self) -> f32 {
        let short = ((SHORT.1 - self.words) / (SHORT.1 - SHORT.0)).clamp(0.0, 1.0);
        let across = if self.is_text() { 0.0 } else { UNIVERSAL * (1.0 - self.known) };
        short.max(across)
    }
}

/// Scores the candidates of one question.
///
/// score = e5 + u · universal + 0.55 · known · words / weight
///
/// The two cosines are of centred vectors, so that they mean the same in both languages. `words` is BM25; over the weight of the question's
/// known terms it is comparable between questions. `known` is the share of those terms' weight: a question in the other language holds next
/// to no word that the listings know, so chance words mislead nobody. `u` is 1 for up to four words, 0 from six on, but never less than
/// 0.7 · (1 − known).
pub fn blend(traits: &QuestionTraits, candidates: Vec<(DocAddress, Evidence)>) -> Vec<(DocAddress, Parts)> {
    let (of_words, of_universal) = (WORDS * traits.trust_in_words() / traits.known_weight.max(f32::MIN_POSITIVE), traits.trust_in_universal());
    let scored = |(address, evidence): (DocAddress, Evidence)| {
        let words = evidence.words;
        let (e5, universal) = evidence.closeness.map_or((0.0, 0.0), |closeness| (closeness.e5, closeness.universal));
        let score = match traits.mode {
            Mode::Words => words,
            Mode::Meaning => e5 + of_universal * universal,
            Mode::Hybrid => e5 + of_universal * universal + of_words * words,
        };
        (address, Parts { words, e5, universal, score })
    };
    candidates.into_iter().map(scored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u32, words: f32, e5: f32) -> (DocAddress, Evidence) {
        (DocAddress::new(0, number), Evidence { words, closeness: Some(Closeness { e5, universal: e5 }) })
    }

    fn best(traits: QuestionTraits) -> u32 {
        let traits = QuestionTraits { known_weight: 5.0, terms: 4.0, words: 10.0, ..traits };
        let scored = blend(&traits, vec![candidate(1, 9.0, 0.1), candidate(2, 1.0, 0.5)]);
        scored.into_iter().max_by(|a, b| a.1.score.total_cmp(&b.1.score)).unwrap().0.doc_id
    }

    #[test]
    fn words_count_as_far_as_they_are_known() {
        assert_eq!(best(QuestionTraits { mode: Mode::Words, ..QuestionTraits::default() }), 1);
        assert_eq!(best(QuestionTraits { mode: Mode::Meaning, known: 1.0, ..QuestionTraits::default() }), 2);
        // Across languages a chance word does not outweigh meaning.
        assert_eq!(best(QuestionTraits { mode: Mode::Hybrid, known: 0.05, ..QuestionTraits::default() }), 2);
    }

    #[test]
    fn without_vectors_the_order_is_that_of_words() {
        let traits = QuestionTraits { mode: Mode::Hybrid, known: 1.0, known_weight: 5.0, terms: 4.0, ..QuestionTraits::default() };
        let scored = blend(&traits, vec![(DocAddress::new(0, 1), Evidence { words: 2.0, closeness: None }), (DocAddress::new(0, 2), Evidence { words: 3.0, closeness: None })]);
        assert!(scored[0].1.score < scored[1].1.score && scored[0].1.score > 0.0);
    }
}
