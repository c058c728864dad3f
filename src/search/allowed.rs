//! Which documents of a segment fulfil conditions.
//!
//! The same few conditions are asked again and again: an audience, a kind, a zone, what is still valid today. Segments never change but for
//! deletions, so the documents of each condition are kept by segment, and several conditions are a few operations on bits.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tantivy::index::SegmentId;
use tantivy::query::{EnableScoring, Occur, Query};
use tantivy::{Searcher, SegmentReader};

use super::bits::Bits;
use super::conditions::{Conditions, exact_name, exact_term};
use super::fields::Fields;

/// How much memory the kept conditions take at most, and how many there may be.
const BYTES: u64 = 64 * 1024 * 1024;
const ENTRIES: usize = 1_000;

type Key = (SegmentId, String);

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Bits>> for Bytes {
    fn weight(&self, (_, key): &Key, bits: &Arc<Bits>) -> u64 {
        (key.len() + bits.size() + 64) as u64
    }
}

/// What is known of conditions on segments. Cloning shares it.
#[derive(Clone)]
pub struct Known(Arc<Cache<Key, Arc<Bits>, Bytes>>);

impl Default for Known {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(ENTRIES, BYTES, Bytes)))
    }
}

impl Known {
    /// The documents of a segment that are not deleted and fulfil all conditions.
    pub fn allowed(&self, searcher: &Searcher, segment: &SegmentReader, conditions: &Conditions) -> tantivy::Result<Bits> {
        let mut allowed = self.alive(segment).as_ref().clone();
        for (occur, query, name) in conditions.named() {
            let of_condition = match name {
                Some(name) => self.kept(segment, name, || documents(searcher, segment, query))?,
                None => Arc::new(documents(searcher, segment, query)?),
            };
            if occur == Occur::MustNot { allowed.remove(&of_condition) } else { allowed.keep(&of_condition) }
        }
        Ok(allowed)
    }

    /// The documents of a segment with a tag, `name:value`, those that are deleted too.
    pub fn tagged(&self, searcher: &Searcher, segment: &SegmentReader, fields: &Fields, tag: &str) -> tantivy::Result<Arc<Bits>> {
        self.kept(segment, &exact_name(fields.tags, &[tag]), || documents(searcher, segment, exact_term(fields.tags, tag).as_ref()))
    }

    /// All documents that are not deleted: their number says whether more were since it was asked last.
    fn alive(&self, segment: &SegmentReader) -> Arc<Bits> {
        let name = format!("alive {}", segment.num_docs());
        let alive = || {
            let mut alive = Bits::none_of(segment.max_doc());
            for document in segment.doc_ids_alive() {
                alive.insert(document);
            }
            Ok(alive)
        };
        self.kept(segment, &name, alive).unwrap_or_default()
    }

    fn kept(&self, segment: &SegmentReader, name: &str, make: impl FnOnce() -> tantivy::Result<Bits>) -> tantivy::Result<Arc<Bits>> {
        let key = (segment.segment_id(), name.to_owned());
        if let Some(kept) = self.0.get(&key) {
            return Ok(kept);
        }
        let bits = Arc::new(make()?);
        self.0.insert(key, Arc::clone(&bits));
        Ok(bits)
    }
}

/// The documents that a query finds in a segment, those that are deleted too.
pub fn documents(searcher: &Searcher, segment: &SegmentReader, query: &dyn Query) -> tantivy::Result<Bits> {
    let mut found = Bits::none_of(segment.max_doc());
    let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
    weight.for_each_no_score(segment, &mut |documents| {
        for document in documents {
            found.insert(*document);
        }
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use tantivy::{Index, IndexWriter, TantivyDocument, Term};

    use super::*;

    fn held(known: &Known, searcher: &Searcher, conditions: &Conditions) -> Vec<usize> {
        searcher.segment_readers().iter().map(|segment| known.allowed(searcher, segment, conditions).unwrap().count()).collect()
    }

    /// What is kept of a condition stays right when documents are deleted, and when their segment is merged away.
    #[test]
    fn kept_conditions_follow_deletions() {
        let fields = Fields::new();
        let index = Index::create_in_ram(fields.schema.clone());
        let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, 15_000_000).unwrap();
        for number in 0..100 {
            let mut document = TantivyDocument::default();
            document.add_text(fields.id, number.to_string());
            document.add_text(fields.tags, if number % 2 == 0 { "zone:hefei" } else { "zone:wuhan" });
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
        let (reader, known) = (index.reader().unwrap(), Known::default());
        let mut hefei = Conditions::default();
        hefei.tag(&fields, "zone", &["hefei"]);
        let mut others = Conditions::default();
        others.not(fields.tags, "zone:hefei");
        assert_eq!((held(&known, &reader.searcher(), &hefei), held(&known, &reader.searcher(), &others)), (vec![50], vec![50]));
        for deleted in ["0", "1", "2"] {
            writer.delete_term(Term::from_field_text(fields.id, deleted));
        }
        writer.commit().unwrap();
        reader.reload().unwrap();
        assert_eq!((held(&known, &reader.searcher(), &hefei), held(&known, &reader.searcher(), &others)), (vec![48], vec![49]));
        let all = index.searchable_segment_ids().unwrap();
        writer.merge(&all).wait().unwrap();
        reader.reload().unwrap();
        assert_eq!((held(&known, &reader.searcher(), &hefei), held(&known, &reader.searcher(), &others)), (vec![48], vec![49]));
    }

    #[test]
    fn conditions_of_several_values_are_not_taken_for_one_whose_value_looks_like_them() {
        let fields = Fields::new();
        assert_ne!(exact_name(fields.tags, &["skill:a", "skill:b"]), exact_name(fields.tags, &["skill:a|skill:b"]));
        assert_ne!(exact_name(fields.tags, &["skill:a", "skill:b"]), exact_name(fields.tags, &["skill:a\", \"skill:b"]));
    }
}
