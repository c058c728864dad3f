//! What a side says, with the weight of each of its terms: looked up once a listing and not once a pair.

use std::sync::LazyLock;

use crate::search::statistics::Statistics;
use crate::text::profile::{Profile, Terms};

/// The terms of both languages with their weights.
#[derive(Debug, Clone, Default)]
pub struct Weighed {
    pub zh: WeighedTerms,
    pub en: WeighedTerms,
}

impl Weighed {
    pub fn of(profile: &Profile, statistics: &Statistics) -> Self {
        Self { zh: WeighedTerms::of(&profile.zh, statistics), en: WeighedTerms::of(&profile.en, statistics) }
    }
}

/// Terms in the order of their hashes. A term weighs by the square of its idf, as in the cosine of tf-idf vectors, and by 1 + ln(count).
#[derive(Debug, Clone, Default)]
pub struct WeighedTerms {
    pub terms: Vec<(u32, f64)>,
    total: f64,
}

/// 1 + ln(count), ready for the counts that occur.
static REPETITION: LazyLock<[f64; 64]> = LazyLock::new(|| std::array::from_fn(|count| repetition(u16::try_from(count).unwrap_or(u16::MAX))));

fn repetition(count: u16) -> f64 {
    1.0 + f64::from(count).ln()
}

impl WeighedTerms {
    fn of(terms: &Terms, statistics: &Statistics) -> Self {
        let repeated = |count: u16| REPETITION.get(usize::from(count)).copied().unwrap_or_else(|| repetition(count));
        let terms: Vec<(u32, f64)> = terms.iter().map(|&(term, count)| (term, repeated(count) * statistics.idf(term).powi(2))).collect();
        let total = terms.iter().map(|(_, weight)| weight).sum();
        Self { terms, total }
    }

    pub fn holds(&self, term: u32) -> bool {
        self.terms.binary_search_by_key(&term, |(other, _)| *other).is_ok()
    }

    /// The share of the weight of each side's terms that the other side has too, where each side counts as if it said `more` beside.
    pub fn coverage(&self, other: &Self, more: f64) -> (f64, f64) {
        let (mut common_a, mut common_b) = (0.0, 0.0);
        let (mut i, mut j) = (0, 0);
        // Both are in the order of their terms: one walk meets all that they share.
        while let (Some(a), Some(b)) = (self.terms.get(i), other.terms.get(j)) {
            match a.0.cmp(&b.0) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    common_a += a.1;
                    common_b += b.1;
                    (i, j) = (i + 1, j + 1);
                }
            }
        }
        let share = |common: f64, total: f64| (common / (total + more)).clamp(0.0, 1.0);
        (share(common_a, self.total), share(common_b, other.total))
    }
}
