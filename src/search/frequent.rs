//! Words that many listings hold, found by what is one step away from them.
//!
//! A rare word one step away from a frequent one is likely a slip of the keyboard. Most rare words are none, so asking must cost next to
//! nothing: the frequent ones are in memory, each under itself and under what is left of it without one of its letters. Two words that are
//! one step apart (a letter more, less or another, or two exchanged) share one of these.

use std::collections::HashMap;

use strsim::osa_distance;

use crate::text::profile::hash;

/// A word is taken for a slip when another, one step away, stands in so many times more documents; so what stands in fewer documents than
/// this is never the other.
pub const MANY_TIMES: u64 = 100;
/// Shorter words are one step away from too many others.
const LEAST_LETTERS: usize = 4;

/// The frequent words of an index.
#[derive(Debug, Default)]
pub struct Frequent {
    words: Vec<(String, u64)>,
    /// The hash of each variant with the place of its word, in order.
    variants: Vec<(u32, u32)>,
}

impl Frequent {
    /// Of words with the number of documents that hold each.
    pub fn of(counts: HashMap<String, u64>) -> Self {
        let mut words: Vec<(String, u64)> = counts.into_iter().filter(|(word, count)| *count >= MANY_TIMES && word.len() >= LEAST_LETTERS).collect();
        words.sort();
        let numbered = (0_u32..).zip(&words);
        let mut variants: Vec<(u32, u32)> = numbered.flat_map(|(place, (word, _))| variants(word).into_iter().map(move |variant| (hash(&variant), place))).collect();
        variants.sort_unstable();
        variants.dedup();
        Self { words, variants }
    }

    /// The most frequent word one step away that is so much more frequent than this one that this one is likely a slip.
    pub fn meant_by(&self, word: &str, count: u64) -> Option<&str> {
        let near = variants(word).into_iter().flat_map(|variant| self.under(hash(&variant)));
        let likely = near.filter(|(other, frequent)| *frequent >= count.saturating_mul(MANY_TIMES) && osa_distance(word, other) == 1);
        likely.max_by_key(|(word, count)| (*count, std::cmp::Reverse(word))).map(|(word, _)| word.as_str())
    }

    fn under(&self, variant: u32) -> impl Iterator<Item = &(String, u64)> {
        let from = self.variants.partition_point(|(other, _)| *other < variant);
        let same = self.variants.iter().skip(from).take_while(move |(other, _)| *other == variant);
        same.filter_map(|(_, place)| self.words.get(*place as usize))
    }
}

/// A word, and what is left of it without one of its letters.
fn variants(word: &str) -> Vec<String> {
    let without = |at: usize| word.char_indices().filter(|(other, _)| *other != at).map(|(_, c)| c).collect();
    word.char_indices().map(|(at, _)| without(at)).chain([word.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frequent(words: &[(&str, u64)]) -> Frequent {
        Frequent::of(words.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect())
    }

    #[test]
    fn a_slip_means_the_word_that_is_a_hundred_times_more_frequent() {
        let frequent = frequent(&[("batteri", 5_000), ("batter", 200), ("sensor", 900), ("lidar", 99)]);
        for (slip, meant) in [("bateri", "batteri"), ("battery", "batteri"), ("abtteri", "batteri"), ("batterie", "batteri"), ("sensr", "sensor")] {
            assert_eq!(frequent.meant_by(slip, 2), Some(meant), "{slip}");
        }
        assert_eq!(frequent.meant_by("sensr", 9), Some("sensor"));
        assert_eq!(frequent.meant_by("sensr", 10), None);
        // Itself, two steps away, and not frequent enough.
        for word in ["sensor", "senr", "lidra"] {
            assert_eq!(frequent.meant_by(word, 0), None, "{word}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_one_step_away_is_found(word in "[a-d]{4,8}", other in "[a-d]{4,8}") {
            let frequent = frequent(&[(&word, 100)]);
            prop_assert_eq!(frequent.meant_by(&other, 1).is_some(), osa_distance(&word, &other) == 1);
        }
    }
}
