//! The listings that mean nearly what a question means, among those that a filter allows.
//!
//! The index keeps each document's directions in columns. Of each segment the signs are held in memory, a sixty-fourth of the numbers that
//! the models gave; they choose who is looked at exactly. Segments never change, so a new snapshot reads the signs of new segments alone.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use tantivy::index::SegmentId;
use tantivy::{DocAddress, DocId, Searcher, SegmentReader};
use zonebridge_meaning::nearest::Signs;
use zonebridge_meaning::vector::cosine;

use super::bits::Bits;
use super::columns::{Closeness, Vectors};
use crate::embedding::embedder::E5_WIDTH;
use crate::embedding::means::Meaning;

/// For each that is asked for the angles of so many are estimated, of each segment in the measure of what a filter leaves of it, but so many
/// at least; and of all segments together the best so many are looked at exactly. docs/benchmarks.md has the recall at a million listings.
const ESTIMATED: usize = 100;
const LEAST_ESTIMATED: usize = 4;
const LOOKED_AT: usize = 24;
/// Of a segment of which a filter leaves no more than this the angles of all are estimated, and where it leaves no more in all segments
/// together, all are looked at exactly.
const FEW: usize = 4_096;

/// The vectors of all segments of a snapshot.
#[derive(Default, Clone)]
pub struct Nearest {
    segments: HashMap<SegmentId, Arc<OfSegment>>,
}

/// The signs of a segment, in memory, and its columns, opened.
struct OfSegment {
    signs: Signs,
    vectors: Vectors,
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
        self.segments.values().map(|segment| segment.signs.size()).sum()
    }

    /// The vectors of a segment.
    pub fn vectors(&self, segment: &SegmentReader) -> Option<&Vectors> {
        self.segments.get(&segment.segment_id()).map(|segment| &segment.vectors)
    }

    /// The `count` documents nearest to a meaning among those allowed, a set for each segment; the nearest first.
    pub fn find(&self, searcher: &Searcher, allowed: &[Bits], meaning: &Meaning, count: usize) -> Vec<(Closeness, DocAddress)> {
        let segments: Vec<Option<&OfSegment>> = searcher.segment_readers().iter().map(|segment| self.segments.get(&segment.segment_id()).map(AsRef::as_ref)).collect();
        let of_segment = |address: DocAddress| segments.get(address.segment_ord as usize).copied().flatten();
        let left: usize = allowed.iter().map(Bits::count).sum();
        let estimate = |(ordinal, (of_segment, allowed)): (usize, (Option<&OfSegment>, &Bits))| {
            let share = count * ESTIMATED * allowed.count() / left.max(1);
            let estimated = of_segment.map(|of_segment| of_segment.estimated(allowed, meaning, share.max(count * LEAST_ESTIMATED))).unwrap_or_default();
            let ordinal = u32::try_from(ordinal).unwrap_or(u32::MAX);
            estimated.into_iter().map(move |(cosine, document)| (cosine, DocAddress::new(ordinal, document))).collect::<Vec<_>>()
        };
        let mut near: Vec<(f32, DocAddress)> = segments.par_iter().copied().zip(allowed).enumerate().flat_map_iter(estimate).collect();
        keep_nearest(&mut near, (count * LOOKED_AT).max(FEW));
        // In their order, so that a page of the column that was fetched is used for all its documents.
        near.sort_unstable_by_key(|(_, address)| *address);
        let exactly = |(_, address): &(f32, DocAddress)| Some((cosine(meaning.e5.values(), &of_segment(*address)?.vectors.e5(address.doc_id)?), *address));
        let mut found: Vec<(f32, DocAddress)> = near.par_iter().with_min_len(256).filter_map(exactly).collect();
        keep_nearest(&mut found, count);
        found.sort_unstable_by(nearest_first);
        // The other model is read of the nearest alone.
        found.into_iter().filter_map(|(_, address)| Some((of_segment(address)?.vectors.closeness(address.doc_id, meaning)?, address))).collect()
    }
}

fn nearest_first(a: &(f32, DocAddress), b: &(f32, DocAddress)) -> Ordering {
    b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1))
}

fn keep_nearest(all: &mut Vec<(f32, DocAddress)>, count: usize) {
    if all.len() > count {
        all.select_nth_unstable_by(count, nearest_first);
        all.truncate(count);
    }
}

impl OfSegment {
    fn read(segment: &SegmentReader) -> tantivy::Result<Self> {
        let mut signs = Signs::with_width(E5_WIDTH);
        let vectors = Vectors::of(segment)?;
        for document in 0..segment.max_doc() {
            signs.push(vectors.e5(document).as_ref().map(<[i8; E5_WIDTH]>::as_slice));
        }
        Ok(Self { signs, vectors })
    }

    /// Some that may be among the nearest, with what their cosines are about.
    fn estimated(&self, allowed: &Bits, meaning: &Meaning, count: usize) -> Vec<(f32, DocId)> {
        let query = meaning.e5.values();
        if allowed.count() <= FEW {
            return self.signs.estimate(query, allowed.documents());
        }
        let near = self.signs.nearest(query, Some(allowed.words()), count.max(FEW / 4));
        self.signs.estimate(query, near.iter().map(|near| near.document))
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
            let (mut found_of, mut asked) = (0, 0);
            for _ in 0..20 {
                let e5 = direction(&mut random, &middles);
                let mut expected: Vec<(f32, u32)> = allowed.documents().map(|document| (cosine(e5.values(), all[document as usize].values()), document)).collect();
                expected.sort_by(|a, b| b.0.total_cmp(&a.0));
                let meaning = Meaning { e5, universal: other.clone(), pieces: Vec::new(), languages: Languages::default() };
                let found = nearest.find(&searcher, std::slice::from_ref(&allowed), &meaning, 20);
                assert!(found.iter().all(|(_, address)| allowed.holds(address.doc_id)) && found.len() == 20);
                assert!(found.windows(2).all(|two| two[0].0.e5 >= two[1].0.e5));
                found_of += expected[..20].iter().filter(|(_, document)| found.iter().any(|(_, address)| address.doc_id == *document)).count();
                asked += 20;
            }
            assert!(found_of * 100 >= asked * 97, "of every {every}th {found_of} of {asked}");
        }
    }
}
