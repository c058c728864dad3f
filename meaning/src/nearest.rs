//! The first look at many vectors: by their signs alone, 64 of them in a word.
//!
//! Of two vectors the share of signs that differ grows with their angle, so the nearest are among those that differ in the fewest signs. All
//! are read, one after the other, which a filter makes only faster; who looks more closely at many times as many as are wanted misses few.

use std::cmp::Ordering;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

use crate::pages::Pages;

/// The signs of the vectors of a row of documents, as many words each, and whether a document has a vector.
#[derive(Debug, Default)]
pub struct Signs {
    /// Words of a document.
    words: usize,
    bits: Pages,
    /// A bit a document: whether it has a vector.
    present: Vec<u64>,
}

/// A document that was found, with the number of signs in which it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near {
    pub distance: u32,
    pub document: u32,
}

impl Signs {
    /// For so many vectors of so many components.
    pub fn with_capacity(width: usize, documents: usize) -> Self {
        let words = width.div_ceil(64);
        Self { words, bits: Pages::with_capacity(8 * words * documents), present: Vec::with_capacity(documents.div_ceil(64)) }
    }

    /// The next document's vector, or that it has none.
    pub fn push(&mut self, vector: Option<&[i8]>) {
        let number = self.len();
        if number.is_multiple_of(64) {
            self.present.push(0);
        }
        if vector.is_some() {
            self.present[number / 64] |= 1 << (number % 64);
        }
        let signs = crate::vector::signs(vector.unwrap_or_default());
        for word in signs.chain(std::iter::repeat(0)).take(self.words) {
            self.bits.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// Documents, with and without vectors.
    pub fn len(&self) -> usize {
        self.bits.len() / (8 * self.words.max(1))
    }

    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        self.bits.len() + 8 * self.present.len()
    }

    /// The `keep` documents with the fewest different signs among those allowed, a bit each; all of them where `allowed` is `None`. In
    /// the order of the documents; of equals the first.
    pub fn nearest(&self, query: &[i8], allowed: Option<&[u64]>, keep: usize) -> Vec<Near> {
        let query: Vec<u64> = crate::vector::signs(query).collect();
        if query.len() != self.words || keep == 0 {
            return Vec::new();
        }
        match self.words {
            // A number of words that the compiler knows is unrolled.
            6 => dispatch!(Level::new(), simd => scan::<_, 48>(simd, self, &query, allowed, keep)),
            8 => dispatch!(Level::new(), simd => scan::<_, 64>(simd, self, &query, allowed, keep)),
            _ => self.scan_any(&query, allowed, keep),
        }
    }

    fn scan_any(&self, query: &[u64], allowed: Option<&[u64]>, keep: usize) -> Vec<Near> {
        let mut best = Best::new(keep, self.words);
        for (number, signs) in self.bits.chunks_exact(8 * self.words).enumerate() {
            if self.asked(number / 64, allowed) >> (number % 64) & 1 == 1 {
                best.see(signs.as_chunks().0.iter().zip(query).map(|(a, b)| (u64::from_le_bytes(*a) ^ b).count_ones()).sum(), number);
            }
        }
        best.finish()
    }

    /// Which of 64 documents are to be looked at.
    #[expect(clippy::inline_always, reason = "part of the inner loop")]
    #[inline(always)]
    fn asked(&self, block: usize, allowed: Option<&[u64]>) -> u64 {
        self.present[block] & allowed.map_or(u64::MAX, |allowed| allowed.get(block).copied().unwrap_or(0))
    }
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor's instructions")]
#[inline(always)]
fn scan<S: Simd, const BYTES: usize>(_: S, documents: &Signs, query: &[u64], allowed: Option<&[u64]>, keep: usize) -> Vec<Near> {
    let mut own = [0; BYTES];
    for (bytes, word) in own.as_chunks_mut().0.iter_mut().zip(query) {
        *bytes = word.to_le_bytes();
    }
    let mut best = Best::new(keep, query.len());
    let signs = documents.bits.as_chunks::<BYTES>().0;
    for (block, signs) in signs.chunks(64).enumerate() {
        let mut asked = documents.asked(block, allowed);
        if asked == u64::MAX && signs.len() == 64 {
            for (number, signs) in signs.iter().enumerate() {
                best.see(different(signs, &own), block * 64 + number);
            }
            continue;
        }
        while asked != 0 {
            let number = asked.trailing_zeros() as usize;
            if let Some(signs) = signs.get(number) {
                best.see(different(signs, &own), block * 64 + number);
            }
            asked &= asked - 1;
        }
    }
    best.finish()
}

#[expect(clippy::inline_always, reason = "part of the inner loop")]
#[inline(always)]
fn different<const BYTES: usize>(a: &[u8; BYTES], b: &[u8; BYTES]) -> u32 {
    let mut count = 0;
    for (a, b) in a.as_chunks().0.iter().zip(b.as_chunks().0) {
        count += (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)).count_ones();
    }
    count
}

/// The nearest so far, in the order of their documents, with some that are not among them any more.
struct Best {
    keep: usize,
    found: Vec<Near>,
    /// How many were found at each distance.
    counts: Vec<usize>,
    /// From this distance on nothing more is wanted: of what is nearer there are fewer than are kept, of what is as far enough.
    limit: u32,
    nearer: usize,
}

impl Best {
    fn new(keep: usize, words: usize) -> Self {
        let distances = 64 * words + 1;
        Self { keep, found: Vec::with_capacity(4 * keep), counts: vec![0; distances], limit: u32::try_from(distances).unwrap_or(u32::MAX), nearer: 0 }
    }

    #[expect(clippy::inline_always, reason = "part of the inner loop")]
    #[inline(always)]
    fn see(&mut self, distance: u32, document: usize) {
        if distance < self.limit {
            self.add(distance, document);
        }
    }

    #[inline(never)]
    fn add(&mut self, distance: u32, document: usize) {
        self.found.push(Near { distance, document: u32::try_from(document).unwrap_or(u32::MAX) });
        self.counts[distance as usize] += 1;
        self.nearer += 1;
        while self.nearer >= self.keep {
            self.limit -= 1;
            self.nearer -= self.counts[self.limit as usize];
        }
        if self.found.len() == 4 * self.keep {
            self.found.retain(|near| near.distance <= self.limit);
        }
    }

    /// Of those at the limit the first.
    fn finish(self) -> Vec<Near> {
        let Self { keep, mut found, limit, nearer, .. } = self;
        let mut at_limit = keep - nearer;
        found.retain(|near| match near.distance.cmp(&limit) {
            Ordering::Less => true,
            Ordering::Equal if at_limit > 0 => {
                at_limit -= 1;
                true
            }
            _ => false,
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_sort_finds(width in prop::sample::select(vec![64_usize, 384, 512]), count in 0_usize..300, keep in 0_usize..20, seed in any::<u64>(), filtered in any::<bool>()) {
            let mut state = seed | 1;
            let mut next = || { state ^= state << 13; state ^= state >> 7; state ^= state << 17; state };
            let mut signs = Signs::with_capacity(width, count);
            let mut all: Vec<Option<Vec<i8>>> = Vec::new();
            for _ in 0..count {
                let vector = (next() % 7 != 0).then(|| (0..width).map(|_| next().to_le_bytes()[3].cast_signed()).collect::<Vec<i8>>());
                signs.push(vector.as_deref());
                all.push(vector);
            }
            let query: Vec<i8> = (0..width).map(|_| next().to_le_bytes()[3].cast_signed()).collect();
            let allowed: Vec<u64> = (0..count.div_ceil(64)).map(|_| next()).collect();
            let is_allowed = |number: usize| !filtered || allowed[number / 64] >> (number % 64) & 1 == 1;
            let mut expected: Vec<u32> = all.iter().enumerate().filter(|(number, _)| is_allowed(*number)).filter_map(|(_, vector)| {
                u32::try_from(vector.as_ref()?.iter().zip(&query).filter(|(a, b)| (**a > 0) != (**b > 0)).count()).ok()
            }).collect();
            expected.sort_unstable();
            expected.truncate(keep);
            let mut found = signs.nearest(&query, filtered.then_some(allowed.as_slice()), keep);
            prop_assert!(found.windows(2).all(|two| two[0].document < two[1].document));
            found.sort_unstable();
            prop_assert_eq!(found.iter().map(|near| near.distance).collect::<Vec<_>>(), expected);
            prop_assert!(found.iter().all(|near| is_allowed(near.document as usize) && all[near.document as usize].is_some()));
        }
    }
}
