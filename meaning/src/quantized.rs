//! The second look at many vectors: their components in 4 bits each, from which cosines are computed nearly as they are.
//!
//! The sixteen levels of a vector lie evenly around 0, a third of its root mean square apart: that errs least for components that are spread
//! as those of text are (Max, "Quantizing for Minimum Distortion", 1960, has 0.3352 for a normal distribution). What rounding does to a
//! vector's length and to its angle with itself is known when it is rounded and taken out again.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

use crate::pages::Pages;

/// The vectors of a row of documents, 4 bits a component; a document may have none.
#[derive(Debug, Default)]
pub struct Quantized {
    /// Bytes of a document.
    bytes: usize,
    /// Of each document its first half of components in the low halves of the bytes, and the second half in the high ones.
    packed: Pages,
    /// What the product with a document's levels is multiplied by; 0 for a document without a vector.
    scales: Vec<f32>,
}

/// The distance of two levels as a share of the root mean square.
const STEP: f32 = 0.3352;
/// Levels are odd numbers from -15 to 15: twice the number of 4 bits, less this.
const OFFSET: i32 = 15;
/// The step of levels where components are brought to whole numbers of it.
const FINE: i32 = 1 << 16;
/// So many documents are fetched at once.
const TOGETHER: usize = 16;

impl Quantized {
    /// For so many vectors of so many components, an even number.
    pub fn with_capacity(width: usize, documents: usize) -> Self {
        let bytes = width / 2;
        Self { bytes, packed: Pages::with_capacity(bytes * documents), scales: Vec::with_capacity(documents) }
    }

    /// The next document's vector, or that it has none.
    pub fn push(&mut self, vector: Option<&[i8]>) {
        let mut packed = vec![0; self.bytes];
        let vector = vector.filter(|vector| vector.len() == 2 * self.bytes);
        let scale = vector.map_or(0.0, |vector| dispatch!(Level::new(), simd => pack(simd, vector, &mut packed)));
        self.packed.extend_from_slice(&packed);
        self.scales.push(scale);
    }

    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        self.packed.len() + 4 * self.scales.len()
    }

    /// Nearly the cosines between a query and some documents, in the order of the documents.
    pub fn cosines(&self, query: &[i8], documents: impl Iterator<Item = u32>) -> Vec<(f32, u32)> {
        let query = Query::of(query);
        if query.low.len() != self.bytes || query.high.len() != self.bytes {
            return Vec::new();
        }
        match self.bytes {
            // A number of bytes that the compiler knows is unrolled, and fetched ahead.
            192 => dispatch!(Level::new(), simd => cosines::<_, 192>(simd, self, &query, documents)),
            _ => self.cosines_any(&query, documents),
        }
    }

    fn cosines_any(&self, query: &Query, documents: impl Iterator<Item = u32>) -> Vec<(f32, u32)> {
        let cosine = |document: u32| {
            let at = document as usize;
            let packed = self.packed.get(at * self.bytes..(at + 1) * self.bytes)?;
            let halves = packed.iter().zip(query.low.iter().zip(&query.high));
            let product = halves.map(|(byte, (low, high))| i32::from(byte & 15) * i32::from(*low) + i32::from(byte >> 4) * i32::from(*high)).sum();
            Some((query.cosine(product, *self.scales.get(at)?), document))
        };
        documents.filter_map(cosine).collect()
    }
}

/// A query with what all of its cosines need.
struct Query {
    low: Vec<i16>,
    high: Vec<i16>,
    sum: i32,
    /// One by its length.
    share: f32,
}

impl Query {
    fn of(values: &[i8]) -> Self {
        let wide: Vec<i16> = values.iter().map(|value| i16::from(*value)).collect();
        let (low, high) = wide.split_at(wide.len() / 2);
        let length = length(values);
        Self { low: low.to_vec(), high: high.to_vec(), sum: values.iter().map(|value| i32::from(*value)).sum(), share: if length > 0.0 { length.recip() } else { 0.0 } }
    }

    /// From the product with the numbers of 4 bits, which are half of the levels and some more.
    #[expect(clippy::cast_precision_loss, reason = "the sums are below 2^24")]
    #[expect(clippy::inline_always, reason = "part of the inner loop")]
    #[inline(always)]
    fn cosine(&self, product: i32, scale: f32) -> f32 {
        (2 * product - OFFSET * self.sum) as f32 * self.share * scale
    }
}

/// Writes the numbers of 4 bits for a vector's components; |vector| ÷ ⟨vector, its levels⟩. A start does this for every listing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "numbers from 0 to 15, and sums below 2^24")]
#[inline(always)]
fn pack<S: Simd>(_: S, vector: &[i8], packed: &mut [u8]) -> f32 {
    let mut squares = 0;
    for value in vector {
        squares += i32::from(*value) * i32::from(*value);
    }
    let length = (squares as f32).sqrt();
    let step = STEP * length / (vector.len() as f32).sqrt();
    // In whole numbers, of which several are worked on at once: a step is 2^16.
    let share = if step > 0.0 { (FINE as f32 / step) as i32 } else { 0 };
    let (first, second) = vector.split_at(packed.len());
    let mut product = 0;
    for ((byte, first), second) in packed.iter_mut().zip(first).zip(second) {
        let low = ((i32::from(*first) * share + 8 * FINE) / FINE).clamp(0, 15);
        let high = ((i32::from(*second) * share + 8 * FINE) / FINE).clamp(0, 15);
        *byte = (low | high << 4) as u8;
        product += (2 * low - OFFSET) * i32::from(*first) + (2 * high - OFFSET) * i32::from(*second);
    }
    if product > 0 { length / product as f32 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "the sums are below 2^24")]
fn length(values: &[i8]) -> f32 {
    (values.iter().map(|value| i32::from(*value) * i32::from(*value)).sum::<i32>() as f32).sqrt()
}

#[inline(always)]
fn cosines<S: Simd, const BYTES: usize>(_: S, documents: &Quantized, query: &Query, asked: impl Iterator<Item = u32>) -> Vec<(f32, u32)> {
    let (mut low, mut high) = ([0_i16; BYTES], [0_i16; BYTES]);
    low.copy_from_slice(&query.low);
    high.copy_from_slice(&query.high);
    let rows = documents.packed.as_chunks::<BYTES>().0;
    let mut found = Vec::with_capacity(asked.size_hint().0);
    let mut numbers = [0_u32; TOGETHER];
    let mut fetched = [[0_u8; BYTES]; TOGETHER];
    let mut scales = [0.0; TOGETHER];
    let mut asked = asked.filter(|document| (*document as usize) < rows.len());
    loop {
        // Fetched for several documents before any is worked on: the memory then fetches for all of them at once.
        let mut count = 0;
        for document in asked.by_ref().take(TOGETHER) {
            numbers[count] = document;
            fetched[count] = rows[document as usize];
            scales[count] = documents.scales[document as usize];
            count += 1;
        }
        if count == 0 {
            break;
        }
        for ((document, row), scale) in numbers.iter().zip(&fetched).zip(&scales).take(count) {
            let mut product = 0_i32;
            for at in 0..BYTES {
                product += i32::from(i16::from(row[at] & 15)) * i32::from(low[at]) + i32::from(i16::from(row[at] >> 4)) * i32::from(high[at]);
            }
            found.push((query.cosine(product, *scale), *document));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vector::cosine;

    /// Components as those of text: sums of several chances, so most are small.
    fn vector(next: &mut impl FnMut() -> u64, width: usize) -> Vec<i8> {
        (0..width).map(|_| i8::try_from((0..4).map(|shift| i64::from((next() >> (8 * shift)).to_le_bytes()[0].cast_signed())).sum::<i64>() / 4).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn cosines_are_nearly_those_of_the_vectors(width in prop::sample::select(vec![384_usize, 512]), seed in any::<u64>()) {
            let mut state = seed | 1;
            let mut next = || { state ^= state << 13; state ^= state >> 7; state ^= state << 17; state };
            let all: Vec<Option<Vec<i8>>> = (0..50).map(|_| (next() % 5 != 0).then(|| vector(&mut next, width))).collect();
            let mut quantized = Quantized::with_capacity(width, all.len());
            for vector in &all {
                quantized.push(vector.as_deref());
            }
            let query = vector(&mut next, width);
            // Every other one, and some that are not there.
            let asked = || (0..60).step_by(2);
            let found = quantized.cosines(&query, asked());
            let twin = quantized.cosines_any(&Query::of(&query), asked());
            prop_assert_eq!(&found, &twin);
            prop_assert_eq!(found.iter().map(|(_, document)| *document).collect::<Vec<_>>(), (0..50).step_by(2).collect::<Vec<u32>>());
            for (near, document) in found {
                let exact = all[document as usize].as_ref().map_or(0.0, |vector| cosine(&query, vector));
                // Rounding errs by a tenth of a vector's length, most of it across the query.
                prop_assert!((near - exact).abs() < 0.03, "{} is not {}", near, exact);
            }
        }
    }

    #[test]
    fn a_vector_is_as_near_to_itself_as_can_be() {
        let values: Vec<i8> = (0..384).map(|at: i32| i8::try_from(at * 37 % 101 - 50).unwrap()).collect();
        let mut quantized = Quantized::with_capacity(384, 2);
        quantized.push(Some(&values));
        quantized.push(Some(&[0; 384]));
        quantized.push(Some(&[1; 3]));
        let found = quantized.cosines(&values, 0..3);
        assert!((found[0].0 - 1.0).abs() < 1e-5, "{found:?}");
        assert!(found[1].0.abs() < f32::EPSILON && found[2].0.abs() < f32::EPSILON);
        assert!(quantized.cosines(&[1; 3], 0..3).is_empty());
    }
}
