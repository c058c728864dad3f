//! What a side says, with what it weighs in all: added up once a listing and not once a pair.

use std::sync::LazyLock;

use crate::search::statistics::Statistics;
use crate::text::profile::{Profile, Terms};

/// The terms of both languages, and the sum of their weights in each.
#[derive(Debug, Clone, Default)]
pub struct Weighed {
    pub zh: WeighedTerms,
    pub en: WeighedTerms,
}

/// Terms in the order of their hashes, with their counts.
#[derive(Debug, Clone, Default)]
pub struct WeighedTerms {
    pub terms: Terms,
    total: f64,
}

impl Weighed {
    pub fn of(profile: Profile, statistics: &Statistics) -> Self {
        let totals = Self::totals(&profile, statistics);
        Self::with_totals(profile, totals)
    }

    /// With the sums that [`Weighed::totals`] gave before.
    pub fn with_totals(profile: Profile, (zh, en): (f64, f64)) -> Self {
        Self { zh: WeighedTerms { terms: profile.zh, total: zh }, en: WeighedTerms { terms: profile.en, total: en } }
    }

    pub fn totals(profile: &Profile, statistics: &Statistics) -> (f64, f64) {
        (total(&profile.zh, statistics), total(&profile.en, statistics))
    }
}

fn total(terms: &Terms, statistics: &Statistics) -> f64 {
    terms.iter().map(|&(term, count)| weight(term, count, statistics)).sum()
}

/// A term weighs by the square of its idf, as in the cosine of tf-idf vectors, and by 1 + ln(count).
fn weight(term: u32, count: u16, statistics: &Statistics) -> f64 {
    repeated(count) * statistics.idf(term).powi(2)
}

fn repeated(count: u16) -> f64 {
    REPETITION.get(usize::from(count)).copied().unwrap_or_else(|| repetition(count))
}

/// 1 + ln(count), ready for the counts that occur.
static REPETITION: LazyLock<[f64; 64]> = LazyLock::new(|| std::array::from_fn(|count| repetition(u16::try_from(count).unwrap_or(u16::MAX))));

fn repetition(count: u16) -> f64 {
    1.0 + f64::from(count).ln()
}

impl WeighedTerms {
    pub fn holds(&self, term: u32) -> bool {
        self.terms.binary_search_by_key(&term, |(other, _)| *other).is_ok()
    }

    /// The share of the weight of each side's terms that the other side has too, where each side counts as if it said `more` beside.
    pub fn coverage(&self, other: &Self, more: f64, statistics: &Statistics) -> (f64, f64) {
        let (mut common_a, mut common_b) = (0.0, 0.0);
        let (mut i, mut j) = (0, 0);
        // Both are in the order of their terms: one walk meets all that they share. Which of the two is behind is anybody's guess, so both
        // steps are computed; that they meet is rare.
        while let (Some(a), Some(b)) = (self.terms.get(i), other.terms.get(j)) {
            if a.0 == b.0 {
                let rarity = statistics.idf(a.0).powi(2);
                common_a += repeated(a.1) * rarity;
                common_b += repeated(b.1) * rarity;
            }
            (i, j) = (i + usize::from(a.0 <= b.0), j + usize::from(b.0 <= a.0));
        }
        let share = |common: f64, total: f64| (common / (total + more)).clamp(0.0, 1.0);
        (share(common_a, self.total), share(common_b, other.total))
    }
}
