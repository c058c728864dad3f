//! The parts of the network beside its products of matrices.

use crate::kernel::{Machine, folded, nearest};
use crate::matrix::{Matrix, Rows};

/// Width of a head. All of this family have it, and a fixed width lets the compiler keep a head in registers.
pub const HEAD: usize = 32;

/// Each row of `values`, after `other` was added, brought to mean 0 and variance 1, then scaled and shifted.
#[inline(always)]
pub fn add_and_normalise<M: Machine>(machine: M, values: &mut [f32], other: Option<&[f32]>, scale: &[f32], shift: &[f32], epsilon: f32) {
    let width = scale.len();
    #[expect(clippy::cast_precision_loss, reason = "a width of at most 4,096")]
    let share = 1.0 / width as f32;
    for (number, row) in values.chunks_exact_mut(width).enumerate() {
        if let Some(other) = other {
            for (value, other) in row.iter_mut().zip(&other[number * width..]) {
                *value += other;
            }
        }
        let mean = folded(row, 0.0, |sum, value| sum + value) * share;
        for value in row.iter_mut() {
            *value -= mean;
        }
        let variance = squares(row) * share;
        let factor = 1.0 / (variance + epsilon).sqrt();
        for ((value, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
            *value = machine.fused(*value * factor, *scale, *shift);
        }
    }
}

#[inline(always)]
fn squares(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0_f32; 8];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value * value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
}

/// The Gaussian error linear unit, x · Φ(x), by formula 7.1.26 of Abramowitz and Stegun, which errs by at most 1.5e-7.
#[inline(always)]
pub fn gelu<M: Machine>(machine: M, values: &mut [f32]) {
    for value in values {
        let x = *value;
        let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let t = 1.0 / machine.fused(z, 0.327_591_1, 1.0);
        let polynomial = [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6].iter().fold(1.061_405_4, |sum, c| machine.fused(sum, t, *c)) * t;
        let erf = 1.0 - polynomial * exponential(machine, -z * z);
        *value = 0.5 * x * (1.0 + erf.copysign(x));
    }
}

/// e to the power of a number that is not above 0; what is below -87 gives nearly nothing.
#[inline(always)]
fn exponential<M: Machine>(machine: M, x: f32) -> f32 {
    let x = if x > -87.0 { x } else { -87.0 };
    let whole = nearest(x * std::f32::consts::LOG2_E);
    #[expect(clippy::cast_precision_loss, reason = "at most 126")]
    let rest = machine.fused(whole as f32, -std::f32::consts::LN_2, x);
    // The series of e^rest for |rest| ≤ ln(2)/2; its seventh term is below 2^-23.
    let power = [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0].iter().fold(1.0 / 720.0, |sum, c| machine.fused(sum, rest, *c));
    f32::from_bits(power.to_bits().wrapping_add_signed(whole << 23))
}

/// Queries that meet the keys together: their scores with as many tokens as a text may have stay in the cache.
const TOGETHER: usize = 48;

/// For each token of a text: the values of all its tokens, weighed by how well its query meets their keys (Vaswani 2017).
/// `qkv` holds rows of query, key and value, each `width` wide; the result, rows of `width`, goes into `output`.
#[inline(always)]
pub fn attend<M: Machine>(machine: M, qkv: &[f32], width: usize, output: &mut [f32]) {
    let (stride, count) = (3 * width, qkv.len() / (3 * width));
    let (mut scores, mut gathered) = (Vec::new(), Vec::new());
    for at in (0..width).step_by(HEAD) {
        let keys = Matrix::of_columns(Rows { values: &qkv[width + at..], stride, count }, HEAD);
        let values = Matrix::of_rows(Rows { values: &qkv[2 * width + at..], stride, count }, HEAD);
        for (queries, output) in qkv.chunks(stride * TOGETHER).zip(output.chunks_mut(width * TOGETHER)) {
            let together = queries.len() / stride;
            scores.clear();
            scores.resize(together * count, 0.0);
            keys.add_product(Rows { values: &queries[at..], stride, count: together }, &mut scores);
            gathered.clear();
            gathered.resize(together * HEAD, 0.0);
            let mut shares = [0.0; TOGETHER];
            for (share, scores) in shares.iter_mut().zip(scores.chunks_exact_mut(count)) {
                *share = soften(machine, scores);
            }
            values.add_product(Rows::dense(&scores, count), &mut gathered);
            for ((row, gathered), share) in output.chunks_exact_mut(width).zip(gathered.chunks_exact(HEAD)).zip(shares) {
                for (value, gathered) in row[at..][..HEAD].iter_mut().zip(gathered) {
                    *value = gathered * share;
                }
            }
        }
    }
}

/// Scores become weights: e to the power of the score over the root of the head's width. Gives one over their sum.
#[inline(always)]
fn soften<M: Machine>(machine: M, scores: &mut [f32]) -> f32 {
    const SCALE: f32 = 0.176_776_7;
    let highest = folded(scores, f32::MIN, |highest, score| if score > highest { score } else { highest });
    for score in scores.iter_mut() {
        *score = exponential(machine, (*score - highest) * SCALE);
    }
    1.0 / folded(scores, 0.0, |sum, weight| sum + weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Plain;

    #[test]
    fn exponentials_and_units_are_near_to_theirs() {
        for step in 0..2_000 {
            let x = -f32::from(u16::try_from(step).unwrap()) * 0.05;
            let exact = f64::from(x.max(-87.0)).exp();
            assert!((f64::from(exponential(Plain, x)) - exact).abs() <= exact * 2e-5, "{x}");
        }
        for (x, exact) in [(-3.0, -0.004_049_694), (-1.0, -0.158_655_25), (0.0, 0.0), (0.5, 0.345_731_23), (2.0, 1.954_499_7), (6.0, 6.0)] {
            let mut value = [x];
            gelu(Plain, &mut value);
            assert!((value[0] - exact).abs() < 2e-6, "{x}: {}", value[0]);
        }
    }
}
