//! The listings that mean nearly what a question means, among those that a filter allows.
//!
//! The index keeps each document's directions in columns. Of each segment a short form is held in memory: the signs of all components, of
//! which those of all documents are compared with the question's, and the components in 4 bits each, by which the best of them are put in
//! order. The first few of these are looked at exactly. Segments never change, so a new snapshot reads new segments alone.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use tantivy::index::SegmentId;
use tantivy::{DocAddress, DocId, Searcher, SegmentReader};
use zonebridge_meaning::nearest::Signs;
use zonebridge_meaning::quantized::Quantized;
use zonebridge_meaning::vector::cosine;

use super::bits::{Bits, count_of, documents_of};
use super::columns::{Closeness, Columns};
use crate::embedding::embedder::E5_WIDTH;
use crate::embedding::means::Meaning;

/// For each that is asked for so many are looked at in 4 bits, of each part in the measure of what a filter leaves of it, but so many at
/// least; and of all parts together the best so many exactly. docs/benchmarks.md has the recall at a million listings.
const BY_SIGNS: usize = 40;
const LEAST_BY_SIGNS: usize = 4;
const LOOKED_AT: usize = 2;
/// Documents of a part: parts are shared among the cores, whatever the sizes of the segments.
const PART: u32 = if cfg!(test) { 1 << 12 } else { 1 << 16 };

/// The vectors of all segments of a snapshot.
#[derive(Default, Clone)]
pub struct Nearest {
    segments: HashMap<SegmentId, Arc<OfSegment>>,
}

/// The vectors of a segment: in short forms, in memory, and in columns, opened.
struct OfSegment {
    parts: Vec<Part>,
    columns: Columns,
}

/// The short forms of the vectors of some documents that follow each other.
struct Part {
    /// A multiple of 64.
    first: DocId,
    signs: Signs,
    quantized: Quantized,
}

impl Nearest {
    /// Of a snapshot; what `before` knows of its segments is taken over.
    pub fn of(searcher: &Searcher, before: Option<&Self>) -> tantivy::Result<Self> {
        let known = |id: &SegmentId| before.and_then(|before| before.segments.get(id)).cloned();
        let segments = searcher.segment_readers().par_iter().map(|segment| {
            let id = segment.segment_id();
            let of_segment = if let Some(known) = known(&id) { known } else { Arc::new(OfSegment::read(segment)?) };
            Ok((id, of_segment))
        });
        Ok(Self { segments: segments.collect::<tantivy::Result<_>>()? })
    }

    /// Bytes of memory that it takes.
    pub fn size(&self) -> usize {
        self.segments.values().flat_map(|segment| &segment.parts).map(|part| part.signs.size() + part.quantized.size()).sum()
    }

    /// The columns of a segment.
    pub fn columns(&self, segment: &SegmentReader) -> Option<&Columns> {
        self.segments.get(&segment.segment_id()).map(|segment| &segment.columns)
    }

    /// The `count` documents nearest to a meaning among those allowed, a set for each segment; the nearest first.
    pub fn find(&self, searcher: &Searcher, allowed: &[Bits], meaning: &Meaning, count: usize) -> Vec<(Closeness, DocAddress)> {
        let segments = self.segments_of(searcher);
        let of_segment = |address: DocAddress| segments.get(address.segment_ord as usize).copied().flatten();
        let mut near = choose(&segments, allowed, meaning, count, count * LOOKED_AT);
        // In their order, so that a page of the column that was fetched is used for all its documents.
        near.sort_unstable_by_key(|(_, address)| *address);
        let exactly = |(_, address): &(f32, DocAddress)| Some((cosine(meaning.e5.values(), &of_segment(*address)?.columns.e5(address.doc_id)?), *address));
        let mut found: Vec<(f32, DocAddress)> = near.par_iter().with_min_len(64).filter_map(exactly).collect();
        keep_nearest(&mut found, count);
        found.sort_unstable_by(nearest_first);
        // The other model is read of the nearest alone.
        found.into_par_iter().with_min_len(64).filter_map(|(_, address)| Some((of_segment(address)?.columns.closeness(address.doc_id, meaning)?, address))).collect()
    }

    /// About the same documents by the short forms alone, in no order: for whoever looks at each of them more closely anyway.
    pub fn about(&self, searcher: &Searcher, allowed: &[Bits], meaning: &Meaning, count: usize) -> Vec<DocAddress> {
        choose(&self.segments_of(searcher), allowed, meaning, count, count).into_iter().map(|(_, address)| address).collect()
    }

    /// What is known of each segment of a snapshot, in its order.
    fn segments_of(&self, searcher: &Searcher) -> Vec<Option<&OfSegment>> {
        searcher.segment_readers().iter().map(|segment| self.segments.get(&segment.segment_id()).map(AsRef::as_ref)).collect()
    }
}

/// Of the documents allowed the `keep` that the short forms say are nearest, with nearly their cosines, in no order; `count` are wanted.
fn choose(segments: &[Option<&OfSegment>], allowed: &[Bits], meaning: &Meaning, count: usize, keep: usize) -> Vec<(f32, DocAddress)> {
    let left: usize = allowed.iter().map(Bits::count).sum();
    let parts: Vec<(u32, &Part, &[u64])> = (0_u32..)
        .zip(segments.iter().zip(allowed))
        .flat_map(|(ordinal, (of_segment, allowed))| of_segment.iter().flat_map(|of_segment| &of_segment.parts).map(move |part| (ordinal, part, part.of(allowed))))
        .collect();
    let of_part = |&(ordinal, part, allowed): &(u32, &Part, &[u64])| {
        let by_signs = (count * BY_SIGNS * count_of(allowed) / left.max(1)).max(count * LEAST_BY_SIGNS);
        let chosen = part.choose(allowed, meaning, by_signs, keep);
        chosen.into_iter().map(move |(cosine, document)| (cosine, DocAddress::new(ordinal, document)))
    };
    let mut near: Vec<(f32, DocAddress)> = parts.par_iter().with_max_len(1).flat_map_iter(of_part).collect();
    keep_nearest(&mut near, keep);
    near
}

fn nearest_first<D: Ord>(a: &(f32, D), b: &(f32, D)) -> Ordering {
    b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1))
}

fn keep_nearest<D: Ord>(all: &mut Vec<(f32, D)>, count: usize) {
    if all.len() > count {
        all.select_nth_unstable_by(count, nearest_first);
        all.truncate(count);
    }
}

impl OfSegment {
    fn read(segment: &SegmentReader) -> tantivy::Result<Self> {
        let columns = Columns::of(segment)?;
        let firsts: Vec<DocId> = (0..segment.max_doc()).step_by(PART as usize).collect();
        let parts = firsts.into_par_iter().map(|first| Part::read(&columns, first, segment.max_doc().min(first + PART)));
        Ok(Self { parts: parts.collect(), columns })
    }
}

impl Part {
    fn read(columns: &Columns, first: DocId, end: DocId) -> Self {
        let documents = (end - first) as usize;
        let (mut signs, mut quantized) = (Signs::with_capacity(E5_WIDTH, documents), Quantized::with_capacity(E5_WIDTH, documents));
        for document in first..end {
            let direction = columns.e5(document);
            let values = direction.as_ref().map(<[i8; E5_WIDTH]>::as_slice);
            signs.push(values);
            quantized.push(values);
        }
        Self { first, signs, quantized }
    }

    /// What a set of the segment's documents holds of these.
    fn of<'a>(&self, allowed: &'a Bits) -> &'a [u64] {
        let (words, from) = (allowed.words(), self.first as usize / 64);
        words.get(from..words.len().min(from + self.signs.len().div_ceil(64))).unwrap_or_default()
    }

    /// Some that may be among the nearest, with nearly their cosines: the best `keep` of so many by signs.
    fn choose(&self, allowed: &[u64], meaning: &Meaning, by_signs: usize, keep: usize) -> Vec<(f32, DocId)> {
        let query = meaning.e5.values();
        let mut chosen = if count_of(allowed) <= by_signs {
            self.quantized.cosines(query, documents_of(allowed))
        } else {
            self.quantized.cosines(query, self.signs.nearest(query, Some(allowed), by_signs).iter().map(|near| near.document))
        };
        keep_nearest(&mut chosen, keep);
        chosen.into_iter().map(|(cosine, document)| (cosine, self.first + document)).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    use tantivy::{Index, IndexWriter, TantivyDocument};
    use zonebridge_meaning::vector::Direction;

    use super::*;
    use crate::embedding::embedder::UNIVERSAL_WIDTH;
    use crate::search::document::add_direction;
    use crate::search::fields::Fields;
    use crate::text::language::Languages;

    const DOCUMENTS: u32 = 12_000;

    /// Something near one of sixty middles, as texts are near their subjects.
    fn direction(random: &mut StdRng, middles: &[Vec<f32>]) -> Direction {
        let middle = &middles[random.random_range(0..middles.len())];
        Direction::of(&middle.iter().map(|value| value + random.random_range(-1.6..1.6)).collect::<Vec<f32>>()).unwrap()
    }

    /// More than are looked at exactly lie in the segment, with filters that leave more than that and less.
    #[test]
    fn the_nearest_are_found_whatever_is_allowed() {
        let mut random = StdRng::seed_from_u64(7);
        let middles: Vec<Vec<f32>> = (0..60).map(|_| (0..E5_WIDTH).map(|_| random.random_range(-1.0..1.0)).collect()).collect();
        let all: Vec<Direction> = (0..DOCUMENTS).map(|_| direction(&mut random, &middles)).collect();
        let other = Direction::of(&[1.0; UNIVERSAL_WIDTH]).unwrap();
        let fields = Fields::new();
        let index = Index::create_in_ram(fields.schema.clone());
        let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, 200_000_000).unwrap();
        for vector in &all {
            let mut document = TantivyDocument::default();
            add_direction(&mut document, fields.e5, vector);
            add_direction(&mut document, fields.universal, &other);
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
        let searcher = index.reader().unwrap().searcher();
        assert_eq!(searcher.segment_readers().len(), 1);
        let nearest = Nearest::of(&searcher, None).unwrap();
        for every in [1, 2, 5, 40] {
            let mut allowed = Bits::none_of(DOCUMENTS);
            (0..DOCUMENTS).filter(|document| document % every == 0).for_each(|document| {
                allowed.insert(document);
            });
            let (mut found_of, mut about_of, mut asked) = (0, 0, 0);
            for _ in 0..20 {
                let e5 = direction(&mut random, &middles);
                let mut expected: Vec<(f32, u32)> = allowed.documents().map(|document| (cosine(e5.values(), all[document as usize].values()), document)).collect();
                expected.sort_by(|a, b| b.0.total_cmp(&a.0));
                let meaning = Meaning { e5, universal: other.clone(), pieces: Vec::new(), languages: Languages::default() };
                let found = nearest.find(&searcher, std::slice::from_ref(&allowed), &meaning, 20);
                assert!(found.iter().all(|(_, address)| allowed.holds(address.doc_id)) && found.len() == 20);
                assert!(found.windows(2).all(|two| two[0].0.e5 >= two[1].0.e5));
                found_of += expected[..20].iter().filter(|(_, document)| found.iter().any(|(_, address)| address.doc_id == *document)).count();
                let about = nearest.about(&searcher, std::slice::from_ref(&allowed), &meaning, 20);
                assert!(about.len() == 20 && about.iter().all(|address| allowed.holds(address.doc_id)));
                about_of += expected[..20].iter().filter(|(_, document)| about.iter().any(|address| address.doc_id == *document)).count();
                asked += 20;
            }
            assert!(found_of * 100 >= asked * 97, "of every {every}th {found_of} of {asked}");
            assert!(about_of * 100 >= asked * 85, "of every {every}th about {about_of} of {asked}");
        }
    }
}
