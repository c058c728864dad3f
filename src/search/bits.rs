//! Sets of documents of a segment, a bit each: what fulfils a condition, what was found. Operations on several sets are operations on
//! 64 documents at once.

use std::cmp::Reverse;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};
use tantivy::DocId;

/// A set of documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// The empty set among so many documents.
    pub fn none_of(documents: u32) -> Self {
        Self(vec![0; words_of(documents)])
    }

    /// Makes it the empty set among so many documents, in the memory that it has.
    pub fn clear_for(&mut self, documents: u32) {
        self.0.clear();
        self.0.resize(words_of(documents), 0);
    }

    /// Adds a document; whether it was there already. One beyond the set's end is left out.
    #[inline]
    pub fn insert(&mut self, document: DocId) -> bool {
        let (word, bit) = place(document);
        let Some(word) = self.0.get_mut(word) else { return false };
        let held = *word & bit != 0;
        *word |= bit;
        held
    }

    #[inline]
    pub fn holds(&self, document: DocId) -> bool {
        let (word, bit) = place(document);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Keeps what the other set holds too.
    pub fn keep(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    /// Takes out what the other set holds.
    pub fn remove(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
    }

    pub fn count(&self) -> usize {
        self.count_common(self)
    }

    /// How many documents both sets hold.
    pub fn count_common(&self, other: &Self) -> usize {
        dispatch!(Level::new(), simd => count_common(simd, &self.0, &other.0))
    }

    /// In their order.
    pub fn documents(&self) -> impl Iterator<Item = DocId> + '_ {
        documents_of(&self.0)
    }

    /// What both sets hold, in its order.
    pub fn common<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = DocId> + 'a {
        (0_u32..).zip(self.0.iter().zip(&other.0)).flat_map(|(block, (a, b))| BitsOf(a & b).map(move |bit| block * 64 + bit))
    }

    /// 64 documents a word, the first in the lowest bit.
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        8 * self.0.len()
    }
}

/// The documents of some words of a set, in their order, counted from the first word on.
pub fn documents_of(words: &[u64]) -> impl Iterator<Item = DocId> + '_ {
    (0_u32..).zip(words).flat_map(|(block, &word)| BitsOf(word).map(move |bit| block * 64 + bit))
}

/// How many documents some words of a set hold.
pub fn count_of(words: &[u64]) -> usize {
    dispatch!(Level::new(), simd => count_common(simd, words, words))
}

/// The places of a word's bits, the lowest first.
struct BitsOf(u64);

impl Iterator for BitsOf {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

const fn words_of(documents: u32) -> usize {
    (documents as usize).div_ceil(64)
}

#[inline]
const fn place(document: DocId) -> (usize, u64) {
    (document as usize / 64, 1 << (document % 64))
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor's instructions")]
#[inline(always)]
fn count_common<S: Simd>(_: S, a: &[u64], b: &[u64]) -> usize {
    let mut count = 0;
    for (a, b) in a.iter().zip(b) {
        count += (a & b).count_ones();
    }
    count as usize
}

/// Of the documents allowed, the `keep` that are in most of the sets, each with their number; of equals the first. Those in none are left out.
pub fn in_most(sets: &[&Bits], allowed: &Bits, keep: usize) -> Vec<(u32, DocId)> {
    match sets.len() {
        // A number of digits that the compiler knows stays in registers.
        0..=15 => in_most_of::<4>(sets, allowed, keep),
        _ => in_most_of::<16>(sets, allowed, keep),
    }
}

fn in_most_of<const DIGITS: usize>(sets: &[&Bits], allowed: &Bits, keep: usize) -> Vec<(u32, DocId)> {
    let mut best = InMost::new(sets.len(), keep);
    for (block, &allowed) in (0_u32..).zip(&allowed.0) {
        // In how many sets each of 64 documents is, in binary: a word for each digit.
        let mut digits = [0_u64; DIGITS];
        for set in sets {
            let mut carry = set.0.get(block as usize).copied().unwrap_or_default() & allowed;
            for digit in &mut digits {
                (*digit, carry) = (*digit ^ carry, *digit & carry);
            }
        }
        for bit in BitsOf(at_least(&digits, best.wanted)) {
            let number = digits.iter().rev().fold(0, |number, digit| number << 1 | (digit >> bit & 1) as usize);
            best.see(number, block * 64 + bit);
        }
    }
    best.finish()
}

/// Which of 64 numbers, given by their digits, are not below a limit.
#[inline]
fn at_least<const DIGITS: usize>(digits: &[u64; DIGITS], limit: usize) -> u64 {
    if limit >> DIGITS != 0 {
        return 0;
    }
    let (mut above, mut equal) = (0, u64::MAX);
    for (place, digit) in digits.iter().enumerate().rev() {
        if limit >> place & 1 == 1 {
            equal &= digit;
        } else {
            above |= equal & digit;
        }
    }
    above | equal
}

/// Those in most sets so far, in the order of their documents, with some that are not among them any more.
struct InMost {
    keep: usize,
    found: Vec<(usize, DocId)>,
    /// How many were found in each number of sets.
    counts: Vec<usize>,
    /// Nobody in fewer sets is wanted any more: of those in so many and more there are fewer than are kept, of those in one less enough.
    wanted: usize,
    in_so_many: usize,
}

impl InMost {
    fn new(sets: usize, keep: usize) -> Self {
        let wanted = if keep == 0 { sets + 1 } else { 1 };
        Self { keep, found: Vec::new(), counts: vec![0; sets + 1], wanted, in_so_many: 0 }
    }

    /// Of somebody in less than is wanted it is never asked.
    fn see(&mut self, number: usize, document: DocId) {
        if number < self.wanted {
            return;
        }
        self.found.push((number, document));
        self.counts[number] += 1;
        self.in_so_many += 1;
        while self.in_so_many >= self.keep {
            self.in_so_many -= self.counts[self.wanted];
            self.wanted += 1;
        }
        if self.found.len() >= 4 * self.keep {
            let least = self.wanted - 1;
            self.found.retain(|(number, _)| *number >= least);
        }
    }

    fn finish(self) -> Vec<(u32, DocId)> {
        let Self { keep, mut found, .. } = self;
        found.sort_unstable_by_key(|&(number, document)| (Reverse(number), document));
        found.into_iter().take(keep).map(|(number, document)| (u32::try_from(number).unwrap_or(u32::MAX), document)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(documents: &BTreeSet<u32>) -> Bits {
        let mut bits = Bits::none_of(200);
        for &document in documents {
            bits.insert(document);
        }
        bits
    }

    proptest! {
        #[test]
        fn they_behave_as_sets(a in prop::collection::btree_set(0_u32..200, 0..80), b in prop::collection::btree_set(0_u32..200, 0..80)) {
            let (x, y) = (bits(&a), bits(&b));
            prop_assert_eq!(x.documents().collect::<Vec<_>>(), a.iter().copied().collect::<Vec<_>>());
            let common: Vec<u32> = a.intersection(&b).copied().collect();
            prop_assert_eq!(x.common(&y).collect::<Vec<_>>(), common.clone());
            prop_assert_eq!(x.count_common(&y), common.len());
            let (mut kept, mut rest) = (x.clone(), x.clone());
            kept.keep(&y);
            rest.remove(&y);
            prop_assert_eq!(kept.documents().collect::<Vec<_>>(), common);
            prop_assert_eq!(rest.documents().collect::<Vec<_>>(), a.difference(&b).copied().collect::<Vec<_>>());
            prop_assert!((0..200).all(|document| x.holds(document) == a.contains(&document)));
        }

        #[test]
        fn those_in_most_sets_come_first(sets in prop::collection::vec(prop::collection::btree_set(0_u32..200, 0..120), 0..20), allowed in prop::collection::btree_set(0_u32..200, 0..150), keep in 0_usize..60) {
            let all: Vec<Bits> = sets.iter().map(bits).collect();
            let found = in_most(&all.iter().collect::<Vec<_>>(), &bits(&allowed), keep);
            let number = |document: u32| u32::try_from(sets.iter().filter(|set| set.contains(&document)).count()).unwrap();
            let mut expected: Vec<(u32, u32)> = allowed.iter().map(|&document| (number(document), document)).filter(|(number, _)| *number > 0).collect();
            expected.sort_by_key(|&(number, document)| (std::cmp::Reverse(number), document));
            expected.truncate(keep);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_lies_beyond_the_end_is_left_out() {
        let mut bits = Bits::none_of(10);
        assert!(!bits.insert(64) && !bits.holds(64) && bits.count() == 0);
        assert!(!bits.insert(9) && bits.insert(9) && bits.holds(9));
    }
}
