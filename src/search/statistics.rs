//! How many documents hold each term, kept in memory by the term's hash for the scorer.
//!
//! It is a snapshot that is renewed when the index has grown or shrunk by a hundredth: a weight that lags that little changes no order,
//! and two questions about the same pair get the same answer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

use quick_cache::sync::Cache;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
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

type ByHash<T> = HashMap<u32, T, BuildHasherDefault<AsIs>>;

/// In how many documents the terms of an index stand. Counting them reads every term, so it is kept beside the index for the next start.
#[derive(Debug, Serialize, Deserialize)]
pub struct Counts {
    /// How many documents there were in all.
    counted: u64,
    /// Those that everybody may read.
    public: u64,
    /// By the term's hash.
    terms: Vec<(u32, u32)>,
    /// The frequent words of letters from a to z.
    words: HashMap<String, u64>,
}

/// The file of the counts in an index's folder.
const KEPT: &str = "term-counts.json";

impl Counts {
    pub fn of(searcher: &Searcher, fields: &Fields) -> tantivy::Result<Self> {
        let in_segments = searcher.segment_readers().par_iter().map(|segment| {
            let index = segment.inverted_index(fields.words)?;
            let mut counts: Vec<(u32, u32)> = Vec::with_capacity(index.terms().num_terms());
            let mut stream = index.terms().stream()?;
            while stream.advance() {
                counts.extend(std::str::from_utf8(stream.key()).map(|term| (hash(term), stream.value().doc_freq)));
            }
            Ok(counts)
        });
        let mut terms: ByHash<u32> = HashMap::default();
        for (term, count) in in_segments.collect::<tantivy::Result<Vec<_>>>()?.into_iter().flatten() {
            *terms.entry(term).or_default() += count;
        }
        let words = frequent_words(searcher, fields, |word| terms.get(&hash(word)).is_some_and(|&count| u64::from(count) >= MANY_TIMES))?;
        let public = PublicStatistics { searcher, fields }.total_num_docs()?;
        Ok(Self { counted: searcher.num_docs(), public, terms: terms.into_iter().collect(), words })
    }

    #[cfg(test)]
    pub fn of_terms(public: u64, terms: Vec<(u32, u32)>) -> Self {
        Self { counted: public, public, terms, words: HashMap::new() }
    }

    /// Those kept in an index's folder. What cannot be read is counted anew.
    pub fn kept(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.join(KEPT)).ok()?).ok()
    }

    /// Keeps them in an index's folder, whole or not at all.
    pub fn keep(&self, folder: &Path) -> anyhow::Result<()> {
        let unfinished = folder.join(format!("{KEPT}.new"));
        std::fs::write(&unfinished, serde_json::to_vec(self)?)?;
        Ok(std::fs::rename(unfinished, folder.join(KEPT))?)
    }
}

#[derive(Debug)]
pub struct Statistics {
    /// How many there were in all when they were counted.
    counted: u64,
    /// The inverse document frequency of each term.
    idf: ByHash<f64>,
    /// That of a term that no document holds.
    idf_of_none: f64,
    /// The frequent words of other scripts than Chinese.
    pub frequent: Frequent,
    /// What the terms of a document weigh in all, in both languages: good for as long as these statistics are.
    totals: Cache<(SegmentId, DocId), (f64, f64)>,
}

/// How many documents' totals are remembered.
const REMEMBERED: usize = 200_000;

impl From<Counts> for Statistics {
    fn from(counts: Counts) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a count of documents stays far below 2^52")]
        let documents = counts.public as f64;
        let idf = counts.terms.into_iter().map(|(term, count)| (term, inverse_frequency(documents, f64::from(count)))).collect();
        Self { counted: counts.counted, idf, idf_of_none: inverse_frequency(documents, 0.0), frequent: Frequent::of(counts.words), totals: Cache::new(REMEMBERED) }
    }
}

impl Statistics {
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
fn frequent_words(searcher: &Searcher, fields: &Fields, is_frequent: impl Fn(&str) -> bool + Sync) -> tantivy::Result<HashMap<String, u64>> {
    let in_segments = searcher.segment_readers().par_iter().map(|segment| {
        let index = segment.inverted_index(fields.words)?;
        let mut counts = Vec::new();
        let mut stream = index.terms().range().ge("a").lt("{").into_stream()?;
        while stream.advance() {
            let word = stream.key();
            if word.iter().all(u8::is_ascii_lowercase)
                && let Ok(word) = std::str::from_utf8(word)
                && is_frequent(word)
            {
                counts.push((word.to_owned(), u64::from(stream.value().doc_freq)));
            }
        }
        Ok(counts)
    });
    let mut counts: HashMap<String, u64> = HashMap::new();
    for (word, count) in in_segments.collect::<tantivy::Result<Vec<_>>>()?.into_iter().flatten() {
        *counts.entry(word).or_default() += count;
    }
    Ok(counts)
}

fn inverse_frequency(documents: f64, holding: f64) -> f64 {
    let n = holding.min(documents);
    (1.0 + (documents - n + 0.5) / (n + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept gives the same weights, and what is no such file gives none.
    #[test]
    fn kept_counts_are_those_that_were_counted() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Counts::kept(folder.path()).is_none());
        let counts = || Counts { counted: 10, public: 8, terms: vec![(hash("lidar"), 2), (hash("雷达"), 5)], words: HashMap::from([("batteri".to_owned(), 200)]) };
        counts().keep(folder.path()).unwrap();
        let (kept, own) = (Statistics::from(Counts::kept(folder.path()).unwrap()), Statistics::from(counts()));
        for term in ["lidar", "雷达", "unheard"] {
            assert!((kept.idf(hash(term)) - own.idf(hash(term))).abs() < 1e-12, "{term}");
        }
        assert_eq!(kept.frequent.meant_by("bateri", 1), Some("batteri"));
        assert!(!kept.is_stale(10) && kept.is_stale(11));
        std::fs::write(folder.path().join(KEPT), "{").unwrap();
        assert!(Counts::kept(folder.path()).is_none());
    }
}
