//! From tokens to a text's vector: convolutions over two, three and five tokens, the mean of what they find, and a few dense layers.
//!
//! The network is that of Google's Universal Sentence Encoder, multilingual, version 3 (Yang et al., "Multilingual Universal Sentence Encoder
//! for Semantic Retrieval", 2019, the smaller of its two encoders).
//!
//! The tokens of several texts are the rows of one matrix, so that a weight is fetched from memory once for all of them.

use super::weights::{BRANCH, Convolution, FEATURES, NARROW, Norm, ORDERS, WIDTH, Weights};
use crate::matrix::Rows;

/// The width of what the convolutions see, all together.
const PROJECTED: usize = ORDERS.len() * BRANCH;

/// How many rows of zeros are between texts when they are convolved: as many as the widest convolution looks to either side.
const GAP: usize = 2;

/// The tokens of several texts, one after another.
#[derive(Debug, Default)]
pub struct Batch {
    tokens: Vec<u32>,
    /// By text: how many of the tokens are its own. None is 0.
    lengths: Vec<usize>,
}

impl Batch {
    pub fn push(&mut self, tokens: impl IntoIterator<Item = u32>) {
        let before = self.tokens.len();
        self.tokens.extend(tokens);
        self.lengths.push(self.tokens.len() - before);
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn clear(&mut self) {
        self.tokens.clear();
        self.lengths.clear();
    }

    /// By token: its row in the outcome of a convolution, where there is a gap between texts.
    fn places(&self) -> impl Iterator<Item = usize> {
        let mut end = 0;
        self.lengths.iter().enumerate().flat_map(move |(text, &length)| {
            end += length;
            (end - length..end).map(move |token| token + text * GAP)
        })
    }
}

impl Weights {
    /// The vectors of the batch's texts, one after another: 512 numbers each, of length 1. Every token must have an embedding.
    pub fn embed(&self, batch: &Batch) -> Vec<f32> {
        let mut features = vec![0.0; batch.len() * FEATURES];
        for (row, &token) in features.chunks_exact_mut(FEATURES).zip(&batch.tokens) {
            self.embeddings.write(token, &mut row[..WIDTH]);
        }
        let mut projected = self.projection.product(Rows { values: &features, stride: FEATURES, count: batch.len() });
        for row in projected.chunks_exact_mut(PROJECTED) {
            row.iter_mut().zip(&self.projection_bias).for_each(|(value, bias)| *value += bias);
            let (mean, factor) = spread(row, self.epsilon);
            let Norm { gain, bias } = &self.projection_norm;
            for ((value, gain), bias) in row.iter_mut().zip(gain).zip(bias) {
                *value = (*value - mean) * factor * gain + bias;
            }
        }
        self.convolve(batch, &projected, &mut features);
        self.finish(&self.pool(batch, &features))
    }

    /// Each convolution reads its columns of `projected`, and writes its own of `features`.
    fn convolve(&self, batch: &Batch, projected: &[f32], features: &mut [f32]) {
        let places = batch.len() + GAP * batch.lengths.len().saturating_sub(1);
        let mut input = vec![0.0; (places + 2 * GAP) * BRANCH];
        let mut output = vec![0.0; places * BRANCH];
        for (index, (convolution, (_, left))) in self.convolutions.iter().zip(ORDERS).enumerate() {
            let Convolution { first, first_bias, second, second_bias } = convolution;
            // What is seen at a place begins that many rows before it, and goes on as long as the matrix is high.
            let seen = (GAP - left) * BRANCH;
            let projected = || batch.places().zip(projected.chunks_exact(PROJECTED).map(|row| &row[index * BRANCH..][..BRANCH]));
            for (place, projected) in projected() {
                input[(place + GAP) * BRANCH..][..BRANCH].copy_from_slice(projected);
            }
            output.fill(0.0);
            first.add_product(Rows { values: &input[seen..], stride: BRANCH, count: places }, &mut output);
            for (place, projected) in projected() {
                rectify(&mut input[(place + GAP) * BRANCH..][..BRANCH], &output[place * BRANCH..], first_bias, projected);
            }
            output.fill(0.0);
            second.add_product(Rows { values: &input[seen..], stride: BRANCH, count: places }, &mut output);
            for (place, features) in batch.places().zip(features.chunks_exact_mut(FEATURES)) {
                rectify(&mut features[WIDTH + index * BRANCH..][..BRANCH], &output[place * BRANCH..], second_bias, &input[(place + GAP) * BRANCH..]);
            }
        }
    }

    /// By text: its normalised features summed over its tokens, projected, and divided by the root of their number.
    ///
    /// The model projects before it sums. The outcome is the same, since the projection is linear, and there are fewer rows. In the same way, what
    /// is the same for all tokens, the gain and the bias of the normalisation, is done to the sum.
    fn pool(&self, batch: &Batch, features: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; batch.lengths.len() * FEATURES];
        let mut tokens = features.chunks_exact(FEATURES);
        for (sum, &length) in sums.chunks_exact_mut(FEATURES).zip(&batch.lengths) {
            for row in tokens.by_ref().take(length) {
                let (mean, factor) = spread(row, self.epsilon);
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += (value - mean) * factor);
            }
            let Norm { gain, bias } = &self.feature_norm;
            for ((sum, gain), bias) in sum.iter_mut().zip(gain).zip(bias) {
                *sum = *sum * gain + bias * count(length);
            }
        }
        let mut pooled = self.pooled.product(Rows::dense(&sums, FEATURES));
        for (row, &length) in pooled.chunks_exact_mut(WIDTH).zip(&batch.lengths) {
            for (value, bias) in row.iter_mut().zip(&self.pooled_bias) {
                *value = (*value + bias * count(length)) / count(length).sqrt();
            }
        }
        pooled
    }

    /// Four dense layers; what comes into the first and into the third also goes past it, by a matrix of its own.
    fn finish(&self, pooled: &[f32]) -> Vec<f32> {
        let ([first, second, third, fourth], [past_first, past_third]) = (&self.deep, &self.past);
        let positive = |mut values: Vec<f32>| {
            for value in &mut values {
                *value = value.max(0.0);
            }
            values
        };
        let pooled = Rows::dense(pooled, WIDTH);
        let mut hidden = past_first.product(pooled);
        second.add_product(Rows::dense(&positive(first.product(pooled)), NARROW), &mut hidden);
        let hidden = positive(hidden);
        let hidden = Rows::dense(&hidden, NARROW);
        let mut vectors = past_third.product(hidden);
        fourth.add_product(Rows::dense(&positive(third.product(hidden)), WIDTH), &mut vectors);
        for value in &mut vectors {
            *value = value.tanh();
        }
        vectors.chunks_exact_mut(WIDTH).for_each(|vector| normalize(vector, self.epsilon));
        vectors
    }
}

/// Divides a vector by its length, unless the square of that is less than `least`.
pub fn normalize(vector: &mut [f32], least: f32) {
    let length = sum(vector, |value| value * value).max(least).sqrt();
    for value in vector {
        *value /= length;
    }
}

/// `target = max(0, values + bias) + residual`.
fn rectify(target: &mut [f32], values: &[f32], bias: &[f32], residual: &[f32]) {
    for (((target, value), bias), residual) in target.iter_mut().zip(values).zip(bias).zip(residual) {
        *target = (value + bias).max(0.0) + residual;
    }
}

/// The mean of values that are not empty, and what makes their variance 1 if they are multiplied by it.
fn spread(values: &[f32], epsilon: f32) -> (f32, f32) {
    let mean = sum(values, |value| value) / count(values.len());
    let variance = sum(values, |value| (value - mean) * (value - mean)) / count(values.len());
    (mean, (variance + epsilon).sqrt().recip())
}

/// The sum of a function of each value, in sixteen sums that the compiler keeps in wide registers: it may not change the order of additions
/// by itself.
fn sum(values: &[f32], function: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<16>();
    let mut sums = [0.0; 16];
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += function(value);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&value| function(value)).sum::<f32>()
}

#[expect(clippy::cast_precision_loss, reason = "rows have far fewer than 2²⁴ places, and texts fewer tokens")]
fn count(number: usize) -> f32 {
    number as f32
}
