//! How many documents hold each term, kept in memory by the term's hash for the scorer.
//!
//! It is a snapshot that is renewed when the index has grown or shrunk by a hundredth: a weight that lags that little changes no order,
//! and two questions about the same pair get the same answer.

use std::collections::HashMap;

use tantivy::Searcher;

use super::fields::Fields;
use crate::text::profile::hash;

#[derive(Debug, Default)]
pub struct Statistics {
    documents: f64,
    frequencies: HashMap<u32, u32>,
}

impl Statistics {
    pub fn of(searcher: &Searcher, fields: &Fields) -> tantivy::Result<Self> {
        let mut frequencies: HashMap<u32, u32> = HashMap::new();
        for segment in searcher.segment_readers() {
            let index = segment.inverted_index(fields.words)?;
            let mut stream = index.terms().stream()?;
            while stream.advance() {
                if let Ok(term) = std::str::from_utf8(stream.key()) {
                    *frequencies.entry(hash(term)).or_default() += stream.value().doc_freq;
                }
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of documents stays far below 2^52")]
        Ok(Self { documents: searcher.num_docs() as f64, frequencies })
    }

    pub fn is_stale(&self, documents: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a count of documents stays far below 2^52")]
        let documents = documents as f64;
        (documents - self.documents).abs() >= (self.documents / 100.0).max(1.0)
    }

    /// The inverse document frequency as BM25 has it: ln(1 + (N − n + ½) / (n + ½)).
    pub fn idf(&self, term: u32) -> f64 {
        let n = f64::from(self.frequencies.get(&term).copied().unwrap_or(0)).min(self.documents);
        (1.0 + (self.documents - n + 0.5) / (n + 0.5)).ln()
    }
}
