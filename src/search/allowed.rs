//! Which documents of a segment fulfil conditions, a bit each.
//!
//! The same few conditions are asked again and again: an audience, a kind, a zone, what is still valid today. Segments never change but for
//! deletions, so the documents of each condition are kept by segment, and several conditions are one operation on bits for 64 documents.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tantivy::index::SegmentId;
use tantivy::query::{EnableScoring, Occur, Query};
use tantivy::{DocId, Searcher, SegmentReader};

use super::conditions::Conditions;

/// How much memory the kept conditions take at most, and how many there may be.
const BYTES: u64 = 64 * 1024 * 1024;
const ENTRIES: usize = 1_000;

type Key = (SegmentId, String);
type Words = Arc<Vec<u64>>;

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Words> for Bytes {
    fn weight(&self, (_, key): &Key, words: &Words) -> u64 {
        (key.len() + 8 * words.len() + 64) as u64
    }
}

/// What is known of conditions on segments. Cloning shares it.
#[derive(Clone)]
pub struct Known(Arc<Cache<Key, Words, Bytes>>);

impl Default for Known {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(ENTRIES, BYTES, Bytes)))
    }
}

/// The documents of a segment that fulfil all conditions.
pub struct Allowed {
    words: Vec<u64>,
    count: usize,
}

impl Known {
    pub fn allowed(&self, searcher: &Searcher, segment: &SegmentReader, conditions: &Conditions) -> tantivy::Result<Allowed> {
        let mut words = self.alive(segment).as_ref().clone();
        for (occur, query, name) in conditions.named() {
            let of_condition = match name {
                Some(name) => self.kept(segment, name, || documents(searcher, segment, query))?,
                None => Arc::new(documents(searcher, segment, query)?),
            };
            for (word, other) in words.iter_mut().zip(of_condition.iter()) {
                *word &= if occur == Occur::MustNot { !other } else { *other };
            }
        }
        let count = words.iter().map(|word| word.count_ones() as usize).sum();
        Ok(Allowed { words, count })
    }

    /// All documents that are not deleted: their number says whether more were since it was asked last.
    fn alive(&self, segment: &SegmentReader) -> Words {
        let name = format!("alive {}", segment.num_docs());
        let alive = || {
            let mut words = vec![0_u64; words_of(segment)];
            for document in segment.doc_ids_alive() {
                set(&mut words, document);
            }
            Ok(words)
        };
        self.kept(segment, &name, alive).unwrap_or_default()
    }

    fn kept(&self, segment: &SegmentReader, name: &str, make: impl FnOnce() -> tantivy::Result<Vec<u64>>) -> tantivy::Result<Words> {
        let key = (segment.segment_id(), name.to_owned());
        if let Some(words) = self.0.get(&key) {
            return Ok(words);
        }
        let words = Arc::new(make()?);
        self.0.insert(key, Arc::clone(&words));
        Ok(words)
    }
}

impl Allowed {
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn documents(&self) -> impl Iterator<Item = DocId> + '_ {
        (0_u32..).zip(&self.words).flat_map(|(block, word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| block * 64 + bit))
    }
}

fn words_of(segment: &SegmentReader) -> usize {
    (segment.max_doc() as usize).div_ceil(64)
}

fn set(words: &mut [u64], document: DocId) {
    if let Some(word) = words.get_mut(document as usize / 64) {
        *word |= 1 << (document % 64);
    }
}

/// The documents that a query finds in a segment, those that are deleted too.
fn documents(searcher: &Searcher, segment: &SegmentReader, query: &dyn Query) -> tantivy::Result<Vec<u64>> {
    let mut words = vec![0_u64; words_of(segment)];
    let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
    weight.for_each_no_score(segment, &mut |documents| {
        for document in documents {
            set(&mut words, *document);
        }
    })?;
    Ok(words)
}
