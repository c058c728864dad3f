//! The listings that mean nearly what a question means, among those that a filter allows.
//!
//! The index keeps each document's directions in columns. Of each segment the signs are held in memory, a sixty-fourth of the numbers that
//! the models gave; they choose who is looked at exactly. Segments never change, so a new snapshot reads the signs of new segments alone.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use tantivy::index::SegmentId;
use tantivy::{DocAddress, DocId, Searcher, SegmentReader};
use zonebridge_meaning::nearest::Signs;
use zonebridge_meaning::vector::cosine;

use super::allowed::{Allowed, Known};
use super::columns::{Closeness, Vectors};
use super::conditions::Conditions;
use crate::embedding::embedder::E5_WIDTH;
use crate::embedding::means::Meaning;

/// Of each segment so many are looked at exactly for each that is asked for. With ten of them, at a million listings in eight segments, a
/// filter of one in ten found 0.94 of the nearest hundred, no filter 0.98; an exact look costs a fifth of a microsecond.
const LOOKED_AT: usize = 24;
/// A filter that leaves no more than this is looked at exactly, all of it.
const FEW: usize = 4_096;

/// The signs of all segments of a snapshot.
#[derive(Default, Clone)]
pub struct Nearest {
    segments: HashMap<SegmentId, Arc<Signs>>,
    known: Known,
}

impl Nearest {
    /// Of a snapshot; what `before` knows of its segments is taken over.
    pub fn of(searcher: &Searcher, before: Option<&Self>) -> tantivy::Result<Self> {
        let known = |id: &SegmentId| before.and_then(|before| before.segments.get(id)).cloned();
        let segments = searcher.segment_readers().par_iter().map(|segment| {
            let id = segment.segment_id();
            let signs = if let Some(signs) = known(&id) { signs } else { Arc::new(signs_of(segment)?) };
            Ok((id, signs))
        });
        Ok(Self { segments: segments.collect::<tantivy::Result<_>>()?, known: before.map(|before| before.known.clone()).unwrap_or_default() })
    }

    /// Bytes of memory that it takes.
    pub fn size(&self) -> usize {
        self.segments.values().map(|signs| signs.size()).sum()
    }

    /// The `count` documents nearest to a meaning that the filter allows, the nearest first.
    pub fn find(&self, searcher: &Searcher, conditions: &Conditions, meaning: &Meaning, count: usize) -> tantivy::Result<Vec<(Closeness, DocAddress)>> {
        let mut found = Vec::new();
        for (ordinal, segment) in (0_u32..).zip(searcher.segment_readers()) {
            let Some(signs) = self.segments.get(&segment.segment_id()) else { continue };
            let documents = worth_a_look(signs, &self.known.allowed(searcher, segment, conditions)?, meaning, count);
            let vectors = Vectors::of(segment)?;
            let e5 = |document: DocId| Some((cosine(meaning.e5.values(), &vectors.e5(document)?), DocAddress::new(ordinal, document)));
            found.extend(documents.into_iter().filter_map(e5));
        }
        found.sort_by(|(a, at), (b, other)| b.total_cmp(a).then_with(|| at.cmp(other)));
        found.truncate(count);
        // The other model is read of the nearest alone.
        let segments: Vec<Vectors> = searcher.segment_readers().iter().map(Vectors::of).collect::<tantivy::Result<_>>()?;
        let closeness = |(_, address): (f32, DocAddress)| Some((segments.get(address.segment_ord as usize)?.closeness(address.doc_id, meaning)?, address));
        Ok(found.into_iter().filter_map(closeness).collect())
    }
}

/// Who is worth an exact look.
fn worth_a_look(signs: &Signs, allowed: &Allowed, meaning: &Meaning, count: usize) -> Vec<DocId> {
    if allowed.count() <= FEW {
        return allowed.documents().collect();
    }
    let mut documents: Vec<DocId> = signs.nearest(meaning.e5.values(), Some(allowed.words()), (count * LOOKED_AT).max(FEW / 4)).iter().map(|near| near.document).collect();
    // In their order, so that a page of the column that was fetched is used for all its documents.
    documents.sort_unstable();
    documents
}

fn signs_of(segment: &SegmentReader) -> tantivy::Result<Signs> {
    let mut signs = Signs::with_width(E5_WIDTH);
    let vectors = Vectors::of(segment)?;
    for document in 0..segment.max_doc() {
        signs.push(vectors.e5(document).as_ref().map(<[i8; E5_WIDTH]>::as_slice));
    }
    Ok(signs)
}
