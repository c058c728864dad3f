//! How many documents hold each term, kept in memory by the term's hash for the scorer.
//!
//! It is a snapshot that is renewed when the index has grown or shrunk by a hundredth: a weight that lags that little changes no order,
//! and two questions about the same pair get the same answer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use quick_cache::sync::Cache;
use tantivy::index::SegmentId;
use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::Field;
use tantivy::{DocAddress, DocId, Searcher, Term};

use super::document::audience_of;
use super::fields::Fields;
use super::frequent::{Frequent, MANY_TIMES};
use crate::text::profile::hash;

/// The statistics of what everybody may read, for every score: those of hidden words are told to nobody, and the same document has one
/// score whatever else is hidden.
pub struct PublicStatistics<'a> {
    pub searcher: &'a Searcher,
    pub fields: &'a Fields,
}

impl PublicStatistics<'_> {
    fn public(&self, field: Field) -> Field {
        let hidden = self.fields.of_document(false);
        let shown = self.fields.of_document(true);
        match field {
            field if field == hidden.words => shown.words,
            field if field == hidden.title => shown.title,
            other => other,
        }
    }
}

impl Bm25StatisticsProvider for PublicStatistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        self.searcher.total_num_tokens(self.public(field))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.searcher.doc_freq(&Term::from_field_text(self.fields.audience, audience_of(false)))
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let public = self.public(term.field());
        if public == term.field() {
            return Bm25StatisticsProvider::doc_freq(self.searcher, term);
        }
        let text = term.value().as_str().unwrap_or_default().to_owned();
        Bm25StatisticsProvider::doc_freq(self.searcher, &Term::from_field_text(public, &text))
    }
}

/// Term hashes are spread evenly already: hashing them again would be most of a look-up.
#[derive(Debug, Default, Clone, Copy)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        // The table takes its bucket from the low bits and its tag from the high ones.
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u32(&mut self, hash: u32) {
        self.0 = u64::from(hash);
    }
}

#[derive(Debug)]
pub struct Statistics {
    /// How many there were in all when they were counted.
    counted: u64,
    /// The inverse document frequency of each term.
    idf: HashMap<u32, f64, BuildHasherDefault<AsIs>>,
    /// That of a term that no document holds.
    idf_of_none: f64,
    /// The frequent words of other scripts than Chinese.
    pub frequent: Frequent,
    /// What the terms of a document weigh in all, in both languages: good for as long as these statistics are.
    totals: Cache<(SegmentId, DocId), (f64, f64)>,
}

/// How many documents' totals are remembered.
const REMEMBERED: usize = 200_000;

impl Statistics {
    pub fn of(searcher: &Searcher, fields: &Fields) -> tantivy::Result<Self> {
        let mut frequencies: HashMap<u32, u32, BuildHasherDefault<AsIs>> = HashMap::default();
        for segment in searcher.segment_readers() {
            let index = segment.inverted_index(fields.words)?;
            let mut stream = index.terms().stream()?;
            while stream.advance() {
                if let Ok(term) = std::str::from_utf8(stream.key()) {
                    *frequencies.entry(hash(term)).or_default() += stream.value().doc_freq;
                }
            }
        }
        let frequent = Frequent::of(frequent_words(searcher, fields, |word| frequencies.get(&hash(word)).is_some_and(|&count| u64::from(count) >= MANY_TIMES))?);
        #[expect(clippy::cast_precision_loss, reason = "a count of documents stays far below 2^52")]
        let documents = PublicStatistics { searcher, fields }.total_num_docs()? as f64;
        let idf = frequencies.into_iter().map(|(term, count)| (term, inverse_frequency(documents, f64::from(count)))).collect();
        Ok(Self { counted: searcher.num_docs(), idf, idf_of_none: inverse_frequency(documents, 0.0), frequent, totals: Cache::new(REMEMBERED) })
    }

    pub fn is_stale(&self, documents: u64) -> bool {
        documents.abs_diff(self.counted) >= (self.counted / 100).max(1)
    }

    /// The totals of a document as they were added up before, or by `add_up`.
    pub fn totals_of(&self, searcher: &Searcher, address: DocAddress, add_up: impl FnOnce() -> (f64, f64)) -> (f64, f64) {
        let key = (searcher.segment_reader(address.segment_ord).segment_id(), address.doc_id);
        self.totals.get(&key).unwrap_or_else(|| {
            let totals = add_up();
            self.totals.insert(key, totals);
            totals
        })
    }

    /// The inverse document frequency as BM25 has it: ln(1 + (N − n + ½) / (n + ½)).
    pub fn idf(&self, term: u32) -> f64 {
        self.idf.get(&term).copied().unwrap_or(self.idf_of_none)
    }
}

/// The public words of letters from a to z that `is_frequent` holds of, each with the number of its documents. Everybody's questions are
/// answered by them, so hidden words are not among them.
fn frequent_words(searcher: &Searcher, fields: &Fields, is_frequent: impl Fn(&str) -> bool) -> tantivy::Result<HashMap<String, u64>> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.words)?;
        let mut stream = index.terms().range().ge("a").lt("{").into_stream()?;
        while stream.advance() {
            let word = stream.key();
            if word.iter().all(u8::is_ascii_lowercase)
                && let Ok(word) = std::str::from_utf8(word)
                && is_frequent(word)
            {
                *counts.entry(word.to_owned()).or_default() += u64::from(stream.value().doc_freq);
            }
        }
    }
    Ok(counts)
}

fn inverse_frequency(documents: f64, holding: f64) -> f64 {
    let n = holding.min(documents);
    (1.0 + (documents - n + 0.5) / (n + 0.5)).ln()
}
