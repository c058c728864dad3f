//! What the measures of words and meaning count in a score: learned from judgements, see docs/relevance.md.

use serde::Serialize;
use utoipa::ToSchema;

/// The measures of a pair of question and document, each by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct Measures {
    /// BM25 as a share of what the question's words weigh.
    pub words: f32,
    /// The cosine by e5.
    pub e5: f32,
    /// The cosine by the universal encoder.
    pub universal: f32,
    /// How like the first ones it is, see `company`: the cosine to their middle by both models, where that is not below 0.
    pub company: f32,
    /// 1 for a question of up to four words, 0 from six on.
    pub short: f32,
    /// 1 for a text of 400 words and more, 0 up to 200.
    pub long: f32,
    /// Whether the listing is not in the question's language.
    pub across: bool,
}

/// A score and what it is made of: the contributions add up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct Parts {
    pub words: f32,
    pub e5: f32,
    pub universal: f32,
    /// Listings in the other language are farther by both models than those that say the same in the question's; this makes them equal.
    pub across: f32,
    /// What serves a question lies together.
    pub company: f32,
    pub score: f32,
    pub measures: Measures,
}

/// What each measure counts, e5 being 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    pub words: f32,
    /// A vector says less of hundreds of words than they do by themselves.
    pub words_long: f32,
    /// The universal encoder is a good judge across languages, and of a few words, and a bad one of technical texts.
    pub universal_across: f32,
    pub universal_short: f32,
    pub universal_else: f32,
    pub across: f32,
    /// Questions with one answer, as most across languages are in the sets, gain nothing by company.
    pub company_across: f32,
    pub company_short: f32,
    pub company_else: f32,
}

/// Of the measures of a pair alone: who is among the first, and what meaning counts in a match. Written by `zonebridge learn weights --first`.
pub const FIRST: Weights = include!("first.in");

/// With the company of those that were among the first: the score. Written by `zonebridge learn weights`.
pub const WEIGHTS: Weights = include!("weights.in");

impl Weights {
    /// What the universal encoder counts for a pair.
    pub fn universal(&self, across: bool, short: f32) -> f32 {
        if across { self.universal_across } else { self.universal_short * short + self.universal_else * (1.0 - short) }
    }

    /// What company counts for a pair.
    pub fn company(&self, across: bool, short: f32) -> f32 {
        if across { self.company_across } else { self.company_short * short + self.company_else * (1.0 - short) }
    }

    /// What words count for a question.
    pub fn words(&self, long: f32) -> f32 {
        self.words_long * long + self.words * (1.0 - long)
    }

    /// score = e5 + words · BM25 / weight + u · universal + (across, if the languages differ) + c · company
    pub fn score(&self, measures: Measures) -> Parts {
        let universal = self.universal(measures.across, measures.short) * measures.universal;
        let (words, e5, across) = (self.words(measures.long) * measures.words, measures.e5, if measures.across { self.across } else { 0.0 });
        let company = self.company(measures.across, measures.short) * measures.company;
        Parts { words, e5, universal, across, company, score: words + e5 + universal + across + company, measures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_add_up_to_the_score() {
        for (across, weights) in [(false, FIRST), (true, FIRST), (false, WEIGHTS), (true, WEIGHTS)] {
            let parts = weights.score(Measures { words: 0.7, e5: 0.4, universal: 0.5, company: 0.6, short: 0.5, long: 0.25, across });
            assert!((parts.words + parts.e5 + parts.universal + parts.across + parts.company - parts.score).abs() < 1e-6);
        }
    }
}
