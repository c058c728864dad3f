//! Vectors of meaning: their lengths and angles, and their short form.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

/// Brings a vector to length 1; one of nothing stays as it is.
pub fn make_unit(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 1e-12 {
        for value in vector {
            *value /= length;
        }
    }
}

/// The sum of the products; of unit vectors it is the cosine of their angle.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, rest_a) = a.as_chunks::<16>();
    let (b, rest_b) = b.as_chunks::<16>();
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum::<f32>()
}

/// A direction in whole numbers of 8 bits: what the index keeps. The largest component is ±127; cosines of two such vectors err by less
/// than a hundredth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direction(Vec<i8>);

impl Direction {
    /// `None` for a vector without a direction.
    #[expect(clippy::cast_possible_truncation, reason = "a share of 127")]
    pub fn of(vector: &[f32]) -> Option<Self> {
        let largest = vector.iter().fold(0_f32, |largest, value| largest.max(value.abs()));
        (largest > 1e-12 && largest.is_finite()).then(|| Self(vector.iter().map(|value| (value * (127.0 / largest)).round() as i8).collect()))
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.iter().any(|byte| *byte != 0).then(|| Self(bytes.iter().map(|byte| byte.cast_signed()).collect()))
    }

    /// `None` where all components are 0.
    pub fn of_values(values: &[i8]) -> Option<Self> {
        values.iter().any(|value| *value != 0).then(|| Self(values.to_vec()))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().map(|value| value.cast_unsigned()).collect()
    }

    pub fn values(&self) -> &[i8] {
        &self.0
    }

    /// The unit vector that it stands for.
    pub fn to_unit(&self) -> Vec<f32> {
        let mut vector: Vec<f32> = self.0.iter().map(|value| f32::from(*value)).collect();
        make_unit(&mut vector);
        vector
    }

    pub fn cosine(&self, other: &Self) -> f32 {
        cosine(&self.0, &other.0)
    }
}

/// The cosine of the angle of two vectors in whole numbers.
#[expect(clippy::cast_precision_loss, reason = "the sums are below 2^24 · 2, and an angle needs no more than 24 bits")]
pub fn cosine(a: &[i8], b: &[i8]) -> f32 {
    let [ab, aa, bb] = dispatch!(Level::new(), simd => products(simd, a, b));
    if aa == 0 || bb == 0 { 0.0 } else { ab as f32 / (aa as f32 * bb as f32).sqrt() }
}

/// The sums of a·b, a·a and b·b.
#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor's widest registers")]
#[inline(always)]
fn products<S: Simd>(_: S, a: &[i8], b: &[i8]) -> [i32; 3] {
    let mut sums = [0_i32; 3];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (i32::from(*a), i32::from(*b));
        sums[0] += a * b;
        sums[1] += a * a;
        sums[2] += b * b;
    }
    sums
}

/// The signs of a vector, a bit each, in words of 64: how many bits differ tells the angle roughly, at a sixty-fourth of the bytes.
pub fn signs(values: &[i8]) -> impl Iterator<Item = u64> + '_ {
    values.chunks(64).map(|chunk| chunk.iter().enumerate().fold(0, |word, (bit, value)| word | (u64::from(*value > 0) << bit)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_short_form_keeps_the_angle(a in prop::collection::vec(-1.0_f32..1.0, 384), b in prop::collection::vec(-1.0_f32..1.0, 384)) {
            let exact = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
            let (a, b) = (Direction::of(&a).unwrap(), Direction::of(&b).unwrap());
            prop_assert!((a.cosine(&b) - exact).abs() < 0.01);
            prop_assert!((dot(&a.to_unit(), &b.to_unit()) - a.cosine(&b)).abs() < 1e-4);
            prop_assert_eq!(Direction::from_bytes(&a.to_bytes()), Some(a));
        }
    }

    #[test]
    fn nothing_has_no_direction() {
        assert_eq!(Direction::of(&[0.0; 8]), None);
        assert_eq!(Direction::of(&[f32::INFINITY; 8]), None);
        assert_eq!(Direction::from_bytes(&[0; 8]), None);
        assert!((cosine(&[0; 8], &[1; 8])).abs() < f32::EPSILON);
    }

    #[test]
    fn signs_are_bits() {
        let words: Vec<u64> = signs(&[1, -1, 0, 5]).collect();
        assert_eq!(words, [0b1001]);
    }
}
