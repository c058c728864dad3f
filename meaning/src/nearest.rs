//! The first two looks at many vectors: by their signs alone, 64 of them in a word.
//!
//! Of two vectors the share of signs that differ grows with their angle, so the nearest are among those that differ in the fewest signs. All
//! are read, one after the other, which a filter makes only faster. Of those that are left the angle is estimated, by their signs and all of
//! the query (as Gao and Long do, "Quantizing High-Dimensional Vectors with a Theoretical Error Bound", 2024), with half of the error; who looks at some more of them exactly misses few.

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
    /// The cosine between each vector and its signs, of 255.
    spreads: Vec<u8>,
}

/// Components of the query in whole numbers of so many bits, a plane of bits each; an estimate needs no more.
const PLANES: usize = 6;
/// So many documents are estimated at once.
const TOGETHER: usize = 32;

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
        self.spreads.push(vector.map_or(0, spread));
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
        8 * (self.bits.len() + self.present.len()) + self.spreads.len()
    }

    /// What the cosines between a query and some documents are about, in the order of the documents.
    pub fn estimate(&self, query: &[i8], documents: impl Iterator<Item = u32>) -> Vec<(f32, u32)> {
        if query.len().div_ceil(64) != self.words {
            return Vec::new();
        }
        match self.words {
            6 => dispatch!(Level::new(), simd => estimate::<_, 6>(simd, self, query, documents)),
            8 => dispatch!(Level::new(), simd => estimate::<_, 8>(simd, self, query, documents)),
            _ => self.estimate_any(query, documents),
        }
    }

    fn estimate_any(&self, query: &[i8], documents: impl Iterator<Item = u32>) -> Vec<(f32, u32)> {
        let length = length_of(query);
        let estimated = documents.map(|document| {
            let (signs, spread) = self.of(document);
            let signed = |(at, value): (usize, &i8)| if signs.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1) { i32::from(*value) } else { -i32::from(*value) };
            (cosine(query.iter().enumerate().map(signed).sum(), length, spread), document)
        });
        estimated.collect()
    }

    #[inline]
    fn of(&self, document: u32) -> (&[u64], u8) {
        let at = document as usize;
        let signs = self.bits.get(at * self.words..(at + 1) * self.words).unwrap_or_default();
        (signs, self.spreads.get(at).copied().unwrap_or_default())
    }

    /// The `keep` documents with the fewest different signs among those allowed, a bit each; all of them where `allowed` is `None`. In no order.
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
        if self.found.len() > self.keep {
            self.found.select_nth_unstable(self.keep);
            self.found.truncate(self.keep);
        }
        self.found
    }
}

/// The cosine between a vector and its signs, of 255.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 255; the sums are below 2^24")]
fn spread(vector: &[i8]) -> u8 {
    let sum: i32 = vector.iter().map(|value| i32::from(*value).abs()).sum();
    let length = length_of(vector);
    if length > 0.0 { (sum as f32 / length * 255.0).round() as u8 } else { 0 }
}

/// The length of a vector times the root of the number of its components: the length of its signs.
#[expect(clippy::cast_precision_loss, reason = "the sums are below 2^24")]
fn length_of(vector: &[i8]) -> f32 {
    let squares: i32 = vector.iter().map(|value| i32::from(*value) * i32::from(*value)).sum();
    (squares as f32 * vector.len() as f32).sqrt()
}

/// ⟨query, signs⟩ ÷ (|query| · |signs| · the cosine between the document and its signs)
#[expect(clippy::cast_precision_loss, reason = "the sums are below 2^24")]
#[inline]
fn cosine(product: i32, length: f32, spread: u8) -> f32 {
    let of = length * (f32::from(spread) / 255.0);
    if of > 0.0 { product as f32 / of } else { 0.0 }
}

#[inline(always)]
fn estimate<S: Simd, const WORDS: usize>(_: S, documents: &Signs, query: &[i8], asked: impl Iterator<Item = u32>) -> Vec<(f32, u32)> {
    // From 0 to 63, so that each component is the sum of its planes.
    const LEAST: i32 = 1 << (PLANES - 1);
    let values: Vec<i32> = query.iter().map(|value| i32::from(value >> (8 - PLANES)) + LEAST).collect();
    let mut planes = [[0_u64; WORDS]; PLANES];
    for (at, value) in values.iter().enumerate() {
        for (number, plane) in planes.iter_mut().enumerate() {
            plane[at / 64] |= u64::from(value >> number & 1 == 1) << (at % 64);
        }
    }
    let rounded: Vec<i8> = query.iter().map(|value| value >> (8 - PLANES)).collect();
    let (length, all) = (length_of(&rounded), rounded.iter().map(|value| i32::from(*value)).sum::<i32>());
    let mut estimated = Vec::with_capacity(asked.size_hint().0);
    let rows = documents.bits.as_chunks::<WORDS>().0;
    let mut numbers = [0_u32; TOGETHER];
    let mut signs = [[0_u64; WORDS]; TOGETHER];
    let mut spreads = [0_u8; TOGETHER];
    let mut asked = asked.filter(|document| (*document as usize) < rows.len());
    loop {
        // Fetched for several documents before any is worked on: the memory then fetches for all of them at once.
        let mut count = 0;
        for document in asked.by_ref().take(TOGETHER) {
            numbers[count] = document;
            signs[count] = rows[document as usize];
            spreads[count] = documents.spreads[document as usize];
            count += 1;
        }
        if count == 0 {
            break;
        }
        for ((document, own), spread) in numbers.iter().zip(&signs).zip(&spreads).take(count) {
            // The sum of the components where the document's sign is positive.
            let mut positive = 0;
            for (number, plane) in planes.iter().enumerate() {
                let mut ones = 0;
                for (word, plane) in own.iter().zip(plane) {
                    ones += (word & plane).count_ones();
                }
                positive += ones.cast_signed() << number;
            }
            let mut ones = 0;
            for word in own {
                ones += word.count_ones();
            }
            positive -= LEAST * ones.cast_signed();
            estimated.push((cosine(2 * positive - all, length, *spread), *document));
        }
    }
    estimated
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
            let mut found = signs.nearest(&query, filtered.then_some(allowed.as_slice()), keep);
            found.sort_unstable();
            prop_assert_eq!(found.iter().map(|near| near.distance).collect::<Vec<_>>(), expected);
            prop_assert!(found.iter().all(|near| is_allowed(near.document as usize) && all[near.document as usize].is_some()));
        }

        /// By planes of bits as by one component after the other, but for what rounding to six bits costs.
        #[test]
        fn estimates_are_those_of_the_scalar_twin(width in prop::sample::select(vec![384_usize, 512]), seed in any::<u64>()) {
            let mut state = seed | 1;
            let mut next = || { state ^= state << 13; state ^= state >> 7; state ^= state << 17; state };
            let mut vector = || (0..width).map(|_| next().to_le_bytes()[3].cast_signed()).collect::<Vec<i8>>();
            let mut signs = Signs::with_width(width);
            let all: Vec<Vec<i8>> = (0..40).map(|_| vector()).collect();
            for vector in &all {
                signs.push(Some(vector));
            }
            let query = vector();
            let rounded: Vec<i8> = query.iter().map(|value| value >> 2).collect();
            for ((found, document), (expected, other)) in signs.estimate(&query, 0..40).into_iter().zip(signs.estimate_any(&rounded, 0..40)) {
                prop_assert!(document == other && (found - expected).abs() < 1e-5, "{} is not {}", found, expected);
            }
            // Six bits say nearly what eight say, and the estimate nearly what the vectors say.
            for ((found, _), (expected, _)) in signs.estimate(&query, 0..40).into_iter().zip(signs.estimate_any(&query, 0..40)) {
                prop_assert!((found - expected).abs() < 0.02);
            }
            let itself = Signs { spreads: vec![super::spread(&query)], ..Signs::with_width(width) };
            let itself = Signs { bits: crate::vector::signs(&query).collect(), ..itself };
            prop_assert!((itself.estimate(&query, 0..1)[0].0 - 1.0).abs() < 0.02);
        }
    }
}
