//! The formula that puts words and meaning into one score.

use tantivy::DocAddress;

use super::columns::Closeness;
use super::weights::{FIRST, Measures, Parts};

/// What is known of a question before any document is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuestionTraits {
    /// The sum of the idf of its terms by their weights in the question: what BM25 is compared with. Terms that nobody uses count in it too,
    /// so a question in a language that the listings are not in trusts no chance word.
    pub weight: f32,
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

/// Up to so many words a question is short, from so many on not at all.
const SHORT: (f32, f32) = (4.0, 6.0);
/// Up to so many words a text is not long, from so many on wholly.
const LONG: (f32, f32) = (200.0, 400.0);

impl QuestionTraits {
    pub fn measures(&self, evidence: Evidence) -> Measures {
        let short = ((SHORT.1 - self.words) / (SHORT.1 - SHORT.0)).clamp(0.0, 1.0);
        let long = ((self.words - LONG.0) / (LONG.1 - LONG.0)).clamp(0.0, 1.0);
        let closeness = evidence.closeness.unwrap_or(Closeness { e5: 0.0, universal: 0.0, across: false });
        let words = evidence.words / self.weight.max(f32::MIN_POSITIVE);
        Measures { words, e5: closeness.e5, universal: closeness.universal, company: 0.0, short, long, across: closeness.across }
    }
}

/// Scores the candidates of one question, each by itself. One whose vectors are not made yet counts as near as those usually are that hold
/// words of the question, so that what was published a moment ago stands where its words put it.
pub fn blend(traits: &QuestionTraits, candidates: Vec<(DocAddress, Evidence)>) -> Vec<(DocAddress, Parts)> {
    let usual = usual(&candidates);
    let scored = |(address, evidence): (DocAddress, Evidence)| {
        let measures = traits.measures(Evidence { closeness: evidence.closeness.or(usual), ..evidence });
        let parts = match traits.mode {
            Mode::Hybrid => FIRST.score(measures),
            Mode::Meaning => FIRST.score(Measures { words: 0.0, ..measures }),
            Mode::Words => words_alone(evidence.words),
        };
        (address, parts)
    };
    candidates.into_iter().map(scored).collect()
}

/// The mean closeness of those that hold words of the question; `None` where none of them has vectors.
fn usual(candidates: &[(DocAddress, Evidence)]) -> Option<Closeness> {
    let known: Vec<Closeness> = candidates.iter().filter(|(_, evidence)| evidence.words > 0.0).filter_map(|(_, evidence)| evidence.closeness).collect();
    let mean = |of: fn(&Closeness) -> f32| mean(known.iter().map(of));
    Some(Closeness { e5: mean(|closeness| closeness.e5)?, universal: mean(|closeness| closeness.universal)?, across: false })
}

/// `None` of nothing.
pub fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        (sum, count) = (sum + value, count + 1.0);
    }
    (count > 0.0).then_some(sum / count)
}

/// The score where only words are known: BM25 as it is.
pub fn words_alone(words: f32) -> Parts {
    Parts { words, score: words, ..Parts::default() }
}

/// How near two listings are in meaning, from -1 to 1: by both models, as the ranking counts them for texts.
pub fn closeness_of_texts(e5: f32, universal: f32, across: bool) -> f64 {
    let share = f64::from(FIRST.universal(across, 0.0));
    (f64::from(e5) + share * f64::from(universal)) / (1.0 + share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u32, words: f32, e5: f32, across: bool) -> (DocAddress, Evidence) {
        (DocAddress::new(0, number), Evidence { words, closeness: Some(Closeness { e5, universal: e5, across }) })
    }

    fn best(mode: Mode, weight: f32, candidates: Vec<(DocAddress, Evidence)>) -> u32 {
        let scored = blend(&QuestionTraits { weight, words: 10.0, mode }, candidates);
        scored.into_iter().max_by(|a, b| a.1.score.total_cmp(&b.1.score)).unwrap().0.doc_id
    }

    #[test]
    fn words_count_as_far_as_they_are_known() {
        let two = || vec![candidate(1, 9.0, 0.1, false), candidate(2, 1.0, 0.5, false)];
        assert_eq!(best(Mode::Words, 5.0, two()), 1);
        assert_eq!(best(Mode::Meaning, 5.0, two()), 2);
        // Where most of a question's words are known to nobody, a chance word does not outweigh meaning.
        assert_eq!(best(Mode::Hybrid, 100.0, two()), 2);
    }

    #[test]
    fn of_two_that_are_equally_near_the_other_language_was_the_farther_way() {
        assert_eq!(best(Mode::Hybrid, 5.0, vec![candidate(1, 0.0, 0.4, false), candidate(2, 0.0, 0.4, true)]), 2);
    }

    #[test]
    fn in_long_texts_words_count_more_than_in_short_ones() {
        let order = |words: f32| {
            let scored = blend(&QuestionTraits { weight: 10.0, words, mode: Mode::Hybrid }, vec![candidate(1, 3.0, 0.1, false), candidate(2, 1.0, 0.5, false)]);
            scored[0].1.score > scored[1].1.score
        };
        assert!(order(500.0) && !order(100.0));
    }

    /// A minute after an import some have vectors and others not.
    #[test]
    fn what_has_no_vectors_yet_stands_where_its_words_put_it() {
        let unknown = |number: u32, words: f32| (DocAddress::new(0, number), Evidence { words, closeness: None });
        let all = vec![candidate(1, 3.0, 0.4, false), unknown(2, 5.0), unknown(3, 1.0), candidate(4, 0.0, 0.3, false)];
        let mut scored = blend(&QuestionTraits { weight: 10.0, words: 10.0, mode: Mode::Hybrid }, all);
        scored.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        assert_eq!(scored.iter().map(|(address, _)| address.doc_id).collect::<Vec<_>>(), [2, 1, 3, 4]);
    }

    #[test]
    fn without_vectors_the_order_is_that_of_words() {
        let traits = QuestionTraits { weight: 5.0, words: 4.0, mode: Mode::Hybrid };
        let scored = blend(&traits, vec![(DocAddress::new(0, 1), Evidence { words: 2.0, closeness: None }), (DocAddress::new(0, 2), Evidence { words: 3.0, closeness: None })]);
        assert!(scored[0].1.score < scored[1].1.score && scored[0].1.score > 0.0);
    }
}
