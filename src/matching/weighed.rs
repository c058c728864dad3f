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
    /// Of a side that is compared with many.
    sought: Option<Box<Sought>>,
}

/// What tells quickly which of another's terms a side has too.
#[derive(Debug, Clone)]
struct Sought {
    /// A bit for the last twelve of each hash: nine of ten terms of others have none.
    marks: [u64; 64],
    /// What each term weighs where it is said once.
    rarities: Vec<f64>,
}

impl Weighed {
    /// Of a side that is compared with many.
    pub fn of(profile: Profile, statistics: &Statistics) -> Self {
        let sought = |terms: Terms| WeighedTerms { total: total(&terms, statistics), sought: Some(Box::new(Sought::of(&terms, statistics))), terms };
        Self { zh: sought(profile.zh), en: sought(profile.en) }
    }

    /// With the sums that [`Weighed::totals`] gave before.
    pub fn with_totals(profile: Profile, (zh, en): (f64, f64)) -> Self {
        Self { zh: WeighedTerms { terms: profile.zh, total: zh, sought: None }, en: WeighedTerms { terms: profile.en, total: en, sought: None } }
    }

    pub fn totals(profile: &Profile, statistics: &Statistics) -> (f64, f64) {
        (total(&profile.zh, statistics), total(&profile.en, statistics))
    }
}

fn total(terms: &Terms, statistics: &Statistics) -> f64 {
    terms.iter().map(|&(term, count)| repeated(count) * rarity(term, statistics)).sum()
}

/// A term weighs by the square of its idf, as in the cosine of tf-idf vectors, and by 1 + ln(count).
fn rarity(term: u32, statistics: &Statistics) -> f64 {
    statistics.idf(term).powi(2)
}

fn repeated(count: u16) -> f64 {
    REPETITION.get(usize::from(count)).copied().unwrap_or_else(|| repetition(count))
}

/// 1 + ln(count), ready for the counts that occur.
static REPETITION: LazyLock<[f64; 64]> = LazyLock::new(|| std::array::from_fn(|count| repetition(u16::try_from(count).unwrap_or(u16::MAX))));

fn repetition(count: u16) -> f64 {
    1.0 + f64::from(count).ln()
}

impl Sought {
    fn of(terms: &Terms, statistics: &Statistics) -> Self {
        let mut marks = [0; 64];
        for &(term, _) in terms {
            let (word, bit) = mark(term);
            marks[word] |= bit;
        }
        Self { marks, rarities: terms.iter().map(|&(term, _)| rarity(term, statistics)).collect() }
    }

    fn may_hold(&self, term: u32) -> bool {
        let (word, bit) = mark(term);
        self.marks[word] & bit != 0
    }
}

const fn mark(term: u32) -> (usize, u64) {
    (term as usize / 64 % 64, 1 << (term % 64))
}

impl WeighedTerms {
    pub fn holds(&self, term: u32) -> bool {
        self.terms.binary_search_by_key(&term, |(other, _)| *other).is_ok()
    }

    /// The share of the weight of each side's terms that the other side has too, where each side counts as if it said `more` beside.
    pub fn coverage(&self, other: &Self, more: f64, statistics: &Statistics) -> (f64, f64) {
        let (own, others) = match (&self.sought, &other.sought) {
            (Some(sought), _) => self.common(sought, other),
            (None, Some(sought)) => swapped(other.common(sought, self)),
            (None, None) => self.common(&Sought::of(&self.terms, statistics), other),
        };
        let share = |common: f64, total: f64| (common / (total + more)).clamp(0.0, 1.0);
        (share(own, self.total), share(others, other.total))
    }

    /// What the terms of both weigh, as often as each says them. They are added up in the order of their hashes, whoever looks for whose.
    fn common(&self, sought: &Sought, other: &Self) -> (f64, f64) {
        let (mut own, mut others) = (0.0, 0.0);
        for &(term, count) in other.terms.iter().filter(|(term, _)| sought.may_hold(*term)) {
            if let Ok(place) = self.terms.binary_search_by_key(&term, |(own, _)| *own) {
                own += repeated(self.terms[place].1) * sought.rarities[place];
                others += repeated(count) * sought.rarities[place];
            }
        }
        (own, others)
    }
}

fn swapped<A, B>((a, b): (A, B)) -> (B, A) {
    (b, a)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::search::statistics::Counts;

    fn terms() -> impl Strategy<Value = Terms> {
        // Some hashes have the same last bits.
        prop::collection::btree_map(prop_oneof![0_u32..60, (0_u32..40).prop_map(|hash| hash << 16 | 7)], 1_u16..90, 0..60).prop_map(|terms| terms.into_iter().collect())
    }

    proptest! {
        /// Whoever of the two is compared with many, both are told the same, to the last bit.
        #[test]
        fn what_is_covered_is_what_both_hold(a in terms(), b in terms()) {
            let statistics = Statistics::from(Counts::of_terms(100, (0..30).map(|term| (term, term + 1)).collect()));
            let of_many = |terms: &Terms| Weighed::of(Profile { zh: terms.clone(), en: Vec::new() }, &statistics).zh;
            let of_one = |terms: &Terms| WeighedTerms { terms: terms.clone(), total: total(terms, &statistics), sought: None };
            let found = of_many(&a).coverage(&of_one(&b), 2.0, &statistics);
            prop_assert_eq!(found, of_one(&a).coverage(&of_many(&b), 2.0, &statistics));
            prop_assert_eq!(found, swapped(of_one(&b).coverage(&of_many(&a), 2.0, &statistics)));
            prop_assert_eq!(found, of_one(&a).coverage(&of_one(&b), 2.0, &statistics));
            let share = |own: &Terms, other: &Terms| {
                let common = own.iter().filter(|(term, _)| other.iter().any(|(other, _)| other == term)).copied().collect();
                (total(&common, &statistics) / (total(own, &statistics) + 2.0)).clamp(0.0, 1.0)
            };
            prop_assert!((found.0 - share(&a, &b)).abs() < 1e-9 && (found.1 - share(&b, &a)).abs() < 1e-9, "{:?}", found);
        }
    }
}
