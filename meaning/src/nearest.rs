//! The first look at many vectors: by their signs alone, 64 of them in a word.
//!
//! Of two vectors the share of signs that differ grows with their angle, so the nearest are among those that differ in the fewest signs;
//! who looks at some more of them exactly misses few. All are read, one after the other, which a filter makes only faster.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

/// The signs of the vectors of a row of documents, as many words each, and whether a document has a vector.
#[derive(Debug, Clone, Default)]
pub struct Signs {
    /// Words of a document.
    words: usize,
    bits: Vec<u64>,
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
    /// For vectors of so many components.
    pub fn with_width(width: usize) -> Self {
        Self { words: width.div_ceil(64), ..Self::default() }
    }

    /// The next document's vector, or that it has none.
    pub fn push(&mut self, vector: Option<&[i8]>) {
        let number = self.len();
        if number.is_multiple_of(64) {
            self.present.push(0);
        }
        let before = self.bits.len();
        if let Some(vector) = vector {
            self.present[number / 64] |= 1 << (number % 64);
            self.bits.extend(crate::vector::signs(vector));
        }
        self.bits.resize(before + self.words, 0);
    }

    /// Documents, with and without vectors.
    pub fn len(&self) -> usize {
        self.bits.len() / self.words.max(1)
    }

    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        8 * (self.bits.len() + self.present.len())
    }

    /// The `keep` documents with the fewest different signs among those allowed, a bit each; all of them where `allowed` is `None`.
    pub fn nearest(&self, query: &[i8], allowed: Option<&[u64]>, keep: usize) -> Vec<Near> {
        let query: Vec<u64> = crate::vector::signs(query).collect();
        if query.len() != self.words || keep == 0 {
            return Vec::new();
        }
        match self.words {
            // A number of words that the compiler knows is unrolled.
            6 => dispatch!(Level::new(), simd => scan::<_, 6>(simd, self, &query, allowed, keep)),
            8 => dispatch!(Level::new(), simd => scan::<_, 8>(simd, self, &query, allowed, keep)),
            _ => self.scan_any(&query, allowed, keep),
        }
    }

    fn scan_any(&self, query: &[u64], allowed: Option<&[u64]>, keep: usize) -> Vec<Near> {
        let mut best = Best::new(keep);
        for (number, signs) in self.bits.chunks_exact(self.words).enumerate() {
            if self.asked(number / 64, allowed) >> (number % 64) & 1 == 1 {
                best.see(signs.iter().zip(query).map(|(a, b)| (a ^ b).count_ones()).sum(), number);
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
fn scan<S: Simd, const WORDS: usize>(_: S, documents: &Signs, query: &[u64], allowed: Option<&[u64]>, keep: usize) -> Vec<Near> {
    let mut own = [0; WORDS];
    own.copy_from_slice(query);
    let mut best = Best::new(keep);
    let signs = documents.bits.as_chunks::<WORDS>().0;
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
fn different<const WORDS: usize>(a: &[u64; WORDS], b: &[u64; WORDS]) -> u32 {
    let mut count = 0;
    for (a, b) in a.iter().zip(b) {
        count += (a ^ b).count_ones();
    }
    count
}

/// The nearest so far: twice as many as asked for, of which the farther half is dropped whenever they are full.
struct Best {
    keep: usize,
    found: Vec<Near>,
    /// What is not nearer than this is not among the nearest.
    limit: u32,
}

impl Best {
    fn new(keep: usize) -> Self {
        Self { keep, found: Vec::with_capacity(2 * keep), limit: u32::MAX }
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
        if self.found.len() == 2 * self.keep {
            let (_, last, _) = self.found.select_nth_unstable(self.keep - 1);
            self.limit = last.distance;
            self.found.truncate(self.keep);
        }
    }

    fn finish(mut self) -> Vec<Near> {
        self.found.sort_unstable();
        self.found.truncate(self.keep);
        self.found
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
            let mut signs = Signs::with_width(width);
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
            let found = signs.nearest(&query, filtered.then_some(allowed.as_slice()), keep);
            prop_assert_eq!(found.iter().map(|near| near.distance).collect::<Vec<_>>(), expected);
            prop_assert!(found.iter().all(|near| is_allowed(near.document as usize) && all[near.document as usize].is_some()));
        }
    }
}
