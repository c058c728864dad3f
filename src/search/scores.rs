//! What words say of every document of a segment.
//!
//! Term after term, each posting adds to its document's place in a row of numbers. A question of eighty terms costs what reading their
//! postings costs, and the row then answers everything: who scores best, who was found at all, and what a document scores that was found by
//! its meaning.

use std::sync::Mutex;

use tantivy::{DocId, Score, Searcher, SegmentReader};

use super::allowed::documents;
use super::bits::Bits;
use super::fields::TextFields;
use super::phrase::single_character;
use super::terms::SegmentTerms;

/// What is asked of words.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// A term by its place among those looked up: what it counts anywhere, and once more in the title.
    Term { place: usize, weight: f32, in_title: f32 },
    /// What the parts count together.
    Sum(Vec<Wanted>),
    /// What the best of the parts counts.
    Best(Vec<Wanted>),
    /// What the parts count together, where a document holds all of them.
    All(Vec<Wanted>),
    /// One Chinese character: terms are pairs, so it is asked as either half of one.
    Character(String),
}

/// A score for each document of a segment, with the set of those that have one.
#[derive(Debug, Default)]
pub struct Scores {
    /// Of documents that were not found, whatever stood there before.
    scores: Vec<Score>,
    found: Bits,
}

/// Rows that were used before: touching fresh memory costs more than the postings of a short question.
static USED: Mutex<Vec<Scores>> = Mutex::new(Vec::new());
const KEPT: usize = 64;

/// Documents whose scores, lengths and bits fit into a megabyte of cache with the blocks of a hundred terms.
const WINDOW: u32 = if cfg!(test) { 8 } else { 1 << 16 };

/// A segment to be asked.
pub struct AskedSegment<'a> {
    pub searcher: &'a Searcher,
    pub segment: &'a SegmentReader,
    pub terms: SegmentTerms<'a>,
    pub readable: &'a [TextFields],
}

impl Scores {
    /// With nothing found among so many documents.
    pub fn for_documents(documents: u32) -> Self {
        let used = USED.lock().ok().and_then(|mut used| used.pop());
        let mut scores = used.unwrap_or_default();
        scores.found.clear_for(documents);
        scores.scores.resize(documents as usize, 0.0);
        scores
    }

    /// Who was found.
    pub fn found(&self) -> &Bits {
        &self.found
    }

    /// 0 for documents that were not found.
    pub fn of(&self, document: DocId) -> Score {
        if self.found.holds(document) { self.scores.get(document as usize).copied().unwrap_or_default() } else { 0.0 }
    }

    #[inline]
    fn add(&mut self, document: DocId, score: Score) {
        if let Some(sum) = self.scores.get_mut(document as usize) {
            // Without a branch: whether a document was found before is anybody's guess.
            let kept = u32::from(self.found.insert(document)).wrapping_neg();
            *sum = Score::from_bits(sum.to_bits() & kept) + score;
        }
    }

    /// Counts all that is wanted. Terms by themselves are counted in all of some documents before the next, so that their part of the row
    /// stays in the processor's cache: a text's terms come to each document again and again.
    pub fn count_all(&mut self, asked: &AskedSegment<'_>, wanted: &[Wanted]) -> tantivy::Result<()> {
        let mut all = Vec::new();
        for part in wanted {
            if let Wanted::Term { place, weight, in_title } = part {
                for (is_title, weight) in [(false, *weight), (true, *in_title)].into_iter().filter(|(_, weight)| *weight > 0.0) {
                    for postings in asked.terms.postings(*place, is_title) {
                        all.push((postings?, weight));
                    }
                }
            } else {
                self.count(asked, part)?;
            }
        }
        let mut end = 0;
        while !all.is_empty() {
            end += WINDOW;
            all.retain_mut(|(postings, weight)| postings.for_each_before(end, *weight, |document, score| self.add(document, score)));
        }
        Ok(())
    }

    /// Counts what is wanted in every document that has it.
    fn count(&mut self, asked: &AskedSegment<'_>, wanted: &Wanted) -> tantivy::Result<()> {
        match wanted {
            Wanted::Term { .. } => self.count_all(asked, std::slice::from_ref(wanted))?,
            Wanted::Sum(parts) => self.count_all(asked, parts)?,
            Wanted::Best(parts) => {
                let mut best = self.beside();
                for part in parts {
                    let other = self.of_part(asked, part)?;
                    for document in other.found.documents() {
                        let score = other.of(document).max(best.of(document));
                        best.set(document, score);
                    }
                }
                self.add_all(&best);
            }
            Wanted::All(parts) => {
                let mut all: Option<Self> = None;
                for part in parts {
                    let mut other = self.of_part(asked, part)?;
                    if let Some(before) = all {
                        other.found.keep(&before.found);
                        for document in other.found.documents().collect::<Vec<_>>() {
                            other.add(document, before.of(document));
                        }
                    }
                    all = Some(other);
                }
                if let Some(all) = all {
                    self.add_all(&all);
                }
            }
            Wanted::Character(character) => {
                let holding = documents(asked.searcher, asked.segment, single_character(asked.readable, character).as_ref())?;
                holding.documents().for_each(|document| self.add(document, 1.0));
            }
        }
        Ok(())
    }

    /// Adds one for each part that a document has.
    pub fn count_parts(&mut self, asked: &AskedSegment<'_>, parts: &[Wanted]) -> tantivy::Result<()> {
        for part in parts {
            let holding = self.of_part(asked, part)?;
            holding.found.documents().for_each(|document| self.add(document, 1.0));
        }
        Ok(())
    }

    /// Of the documents allowed that were found, the best `keep`; of equals the first. In no order.
    pub fn best(&self, allowed: &Bits, keep: usize) -> Vec<(Score, DocId)> {
        let mut best = Best { keep, found: Vec::new(), least: Score::NEG_INFINITY };
        for document in self.found.common(allowed) {
            if let Some(&score) = self.scores.get(document as usize)
                && score > best.least
            {
                best.add(score, document);
            }
        }
        best.finish()
    }

    fn beside(&self) -> Self {
        Self::for_documents(u32::try_from(self.scores.len()).unwrap_or(u32::MAX))
    }

    fn of_part(&self, asked: &AskedSegment<'_>, part: &Wanted) -> tantivy::Result<Self> {
        let mut beside = self.beside();
        beside.count(asked, part)?;
        Ok(beside)
    }

    fn set(&mut self, document: DocId, score: Score) {
        if let Some(place) = self.scores.get_mut(document as usize) {
            self.found.insert(document);
            *place = score;
        }
    }

    fn add_all(&mut self, other: &Self) {
        other.found.documents().for_each(|document| self.add(document, other.of(document)));
    }
}

impl Drop for Scores {
    fn drop(&mut self) {
        if let Ok(mut used) = USED.lock()
            && used.len() < KEPT
            && !self.scores.is_empty()
        {
            used.push(Self { scores: std::mem::take(&mut self.scores), found: std::mem::take(&mut self.found) });
        }
    }
}

/// The best so far: up to twice as many as are kept, of which the worse half is dropped whenever they are full.
struct Best {
    keep: usize,
    found: Vec<(Score, DocId)>,
    /// What scores no more than this is not among the best.
    least: Score,
}

impl Best {
    fn add(&mut self, score: Score, document: DocId) {
        self.found.push((score, document));
        if self.found.len() >= 2 * self.keep.max(1) {
            self.drop_worse();
        }
    }

    fn drop_worse(&mut self) {
        if self.keep == 0 {
            self.found.clear();
        } else if self.found.len() > self.keep {
            let (_, last, _) = self.found.select_nth_unstable_by(self.keep - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            self.least = last.0;
            self.found.truncate(self.keep);
        }
    }

    fn finish(mut self) -> Vec<(Score, DocId)> {
        self.drop_worse();
        self.found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tantivy::collector::TopDocs;
    use tantivy::query::{BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, Query, TermQuery};
    use tantivy::schema::{Field, IndexRecordOption};
    use tantivy::{DocAddress, Index, IndexWriter, TantivyDocument, Term};

    use super::*;
    use crate::search::fields::Fields;
    use crate::search::statistics::PublicStatistics;
    use crate::search::terms::Terms;

    const WORDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    /// A listing: its title, its text, whether guests see it.
    type Listing = (Vec<usize>, Vec<usize>, bool);

    fn index(fields: &Fields, listings: &[Listing], at_once: usize) -> Searcher {
        let index = Index::create_in_ram(fields.schema.clone());
        let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, 15_000_000).unwrap();
        writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
        for listings in listings.chunks(at_once) {
            for (title, text, is_public) in listings {
                writer.add_document(document(fields, title, text, *is_public)).unwrap();
            }
            writer.commit().unwrap();
        }
        index.reader().unwrap().searcher()
    }

    fn document(fields: &Fields, title: &[usize], text: &[usize], is_public: bool) -> TantivyDocument {
        let of_document = fields.of_document(is_public);
        let mut document = TantivyDocument::default();
        document.add_text(fields.audience, if is_public { "public" } else { "verified" });
        for &word in title {
            document.add_text(of_document.title, WORDS[word]);
        }
        for &word in title.iter().chain(text) {
            document.add_text(of_document.words, WORDS[word]);
        }
        document
    }

    /// The same question put to tantivy.
    fn query(fields: &Fields, verified: bool, wanted: &Wanted) -> Box<dyn Query> {
        let term = |field: Field, place: usize, weight: f32| -> Box<dyn Query> {
            Box::new(BoostQuery::new(Box::new(TermQuery::new(Term::from_field_text(field, WORDS[place]), IndexRecordOption::WithFreqs)), weight))
        };
        let of_all = |occur: Occur, parts: &[Wanted]| parts.iter().map(|part| (occur, query(fields, verified, part))).collect();
        match wanted {
            Wanted::Term { place, weight, in_title } => {
                let readable = fields.of_reader(verified);
                let places = readable.iter().flat_map(|text| [(text.words, *weight), (text.title, *in_title)]).filter(|(_, weight)| *weight > 0.0);
                Box::new(BooleanQuery::new(places.map(|(field, weight)| (Occur::Should, term(field, *place, weight))).collect()))
            }
            Wanted::Sum(parts) => Box::new(BooleanQuery::new(of_all(Occur::Should, parts))),
            Wanted::All(parts) => Box::new(BooleanQuery::new(of_all(Occur::Must, parts))),
            Wanted::Best(parts) => Box::new(DisjunctionMaxQuery::new(parts.iter().map(|part| query(fields, verified, part)).collect())),
            Wanted::Character(_) => unreachable!(),
        }
    }

    fn wanted() -> impl Strategy<Value = Wanted> {
        let term = (0..WORDS.len(), 0.2_f32..3.0, 0.0_f32..1.0).prop_map(|(place, weight, in_title)| Wanted::Term { place, weight, in_title });
        term.prop_recursive(3, 12, 4, |inner| {
            let parts = prop::collection::vec(inner, 1..4);
            prop_oneof![parts.clone().prop_map(Wanted::Sum), parts.clone().prop_map(Wanted::Best), parts.prop_map(Wanted::All)]
        })
    }

    fn listing() -> impl Strategy<Value = Listing> {
        (prop::collection::vec(0..WORDS.len(), 0..3), prop::collection::vec(0..WORDS.len(), 0..9), prop::bool::weighted(0.7))
    }

    fn by_rows(searcher: &Searcher, fields: &Fields, wanted: &Wanted, verified: bool) -> Vec<(DocAddress, Score)> {
        let terms = Terms::look_up(searcher, fields, WORDS, verified, true).unwrap();
        let readable = fields.of_reader(verified);
        let mut found = Vec::new();
        for (ordinal, segment) in searcher.segment_readers().iter().enumerate() {
            let asked = AskedSegment { searcher, segment, terms: terms.in_segment(ordinal, segment).unwrap(), readable: &readable };
            let mut scores = Scores::for_documents(segment.max_doc());
            let parts = if let Wanted::Sum(parts) = wanted { parts.as_slice() } else { std::slice::from_ref(wanted) };
            scores.count_all(&asked, parts).unwrap();
            found.extend(scores.found().documents().map(|document| (DocAddress::new(u32::try_from(ordinal).unwrap(), document), scores.of(document))));
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        /// Whatever is wanted, every document scores what tantivy scores it.
        #[test]
        fn scores_are_those_of_tantivy(listings in prop::collection::vec(listing(), 1..40), wanted in wanted(), verified: bool) {
            let fields = Fields::new();
            let searcher = index(&fields, &listings, 15);
            let statistics = PublicStatistics { searcher: &searcher, fields: &fields };
            prop_assume!(listings.iter().any(|(_, _, is_public)| *is_public));
            let top = TopDocs::with_limit(100).order_by_score();
            let mut expected = searcher.search_with_statistics_provider(&*query(&fields, verified, &wanted), &top, &statistics).unwrap();
            expected.sort_by_key(|(_, address)| *address);
            let found = by_rows(&searcher, &fields, &wanted, verified);
            prop_assert_eq!(found.iter().map(|(address, _)| *address).collect::<Vec<_>>(), expected.iter().map(|(_, address)| *address).collect::<Vec<_>>());
            for ((_, score), (other, _)) in found.iter().zip(&expected) {
                prop_assert!((score - other).abs() <= 1e-4 * other.abs().max(1.0), "{} is not {}", score, other);
            }
        }

        #[test]
        fn the_best_are_those_with_the_highest_scores(all in prop::collection::vec((0_u32..500, 0_u8..20), 0..300), allowed in prop::collection::btree_set(0_u32..500, 0..400), keep in 0_usize..40) {
            let mut scores = Scores::for_documents(500);
            let mut bits = Bits::none_of(500);
            for &document in &allowed {
                bits.insert(document);
            }
            let mut sums = std::collections::BTreeMap::new();
            for &(document, score) in &all {
                scores.add(document, f32::from(score));
                *sums.entry(document).or_insert(0.0_f32) += f32::from(score);
            }
            let mut expected: Vec<(Score, DocId)> = sums.into_iter().filter(|(document, _)| allowed.contains(document)).map(|(document, score)| (score, document)).collect();
            let order = |a: &(Score, DocId), b: &(Score, DocId)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            expected.sort_by(order);
            expected.truncate(keep);
            let mut found = scores.best(&bits, keep);
            found.sort_by(order);
            prop_assert_eq!(found, expected);
        }
    }
}
