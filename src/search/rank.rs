//! One ranking from words and meaning, for the service and for `evaluate` alike.
//!
//! What words find and what is near in meaning are candidates; each gets both measures, and one formula puts them in order. The first of them
//! are then put in order once more, by how like the very first ones they are.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use tantivy::{DocAddress, Score, Searcher};

use super::allowed::Known;
use super::bits::Bits;
use super::blend::{Evidence, Mode, QuestionTraits, blend};
use super::columns::{Closeness, Columns};
use super::company::{best_first, reorder};
use super::conditions::Conditions;
use super::fields::Fields;
use super::nearest::Nearest;
use super::query::QueryTerms;
use super::scores::{AskedSegment, Scores, Wanted};
use super::terms::Terms;
use super::weights::Parts;
use crate::embedding::means::Meaning;
use crate::text::language::length_in_words;

/// How many candidates each side gives, unless a deeper page is asked for.
pub const POOL: usize = 200;
/// What shares no word with a question is found from this closeness on, both cosines added. Nineteen of twenty answers in the other language
/// are nearer (xquad); of documents that do not answer, one in thirty is, most of them about the same thing.
pub const LEAST_CLOSENESS: f32 = 0.4;

/// What is searched in.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    pub searcher: &'a Searcher,
    pub fields: &'a Fields,
    pub nearest: &'a Nearest,
    pub known: &'a Known,
}

/// What is looked for by words.
pub struct Words {
    terms: Terms,
    pub wanted: Vec<Wanted>,
    /// The sum of the idf of the terms by their weights in the question.
    pub weight: f32,
    verified: bool,
}

/// What words say of every document, and which documents may be found: a row and a set for each segment.
pub struct Heard {
    pub scores: Vec<Scores>,
    pub allowed: Vec<Bits>,
}

/// What is looked for.
pub struct Question<'a> {
    pub words: Words,
    /// What it means; `None` where there are no models: then words alone rank. Asked while the words are being looked for.
    pub meaning: &'a (dyn Fn() -> Option<Meaning> + Sync),
    /// How long it is in words.
    pub length: f32,
    pub mode: Mode,
    /// What holds no word of the question must be at least so near, both cosines added, to count as found.
    pub least_closeness: f32,
}

/// A candidate with its score and what that is made of.
#[derive(Debug, Clone, Copy)]
pub struct Ranked {
    pub address: DocAddress,
    pub parts: Parts,
}

/// What was found.
pub struct Ranking {
    /// What words and meaning each find best, together in one order, the best first.
    pub candidates: Vec<Ranked>,
    pub heard: Heard,
}

impl Ground<'_> {
    /// Who fulfils conditions, a set for each segment.
    pub fn allowed(&self, conditions: &Conditions) -> tantivy::Result<Vec<Bits>> {
        self.searcher.segment_readers().par_iter().map(|segment| self.known.allowed(self.searcher, segment, conditions)).collect()
    }

    fn columns(&self, address: DocAddress) -> Option<&Columns> {
        self.nearest.columns(self.searcher.segment_reader(address.segment_ord))
    }

    fn closeness(&self, address: DocAddress, meaning: &Meaning) -> Option<Closeness> {
        self.columns(address)?.closeness(address.doc_id, meaning)
    }
}

impl Words {
    /// The words of a question, weighed by what the listings hold.
    pub fn of(ground: &Ground<'_>, terms: &QueryTerms, verified: bool) -> tantivy::Result<Self> {
        let known = Terms::look_up(ground.searcher, ground.fields, terms.looked_up(), verified, terms.is_question())?;
        let (telling, weight) = terms.telling(&known);
        Ok(Self { wanted: telling.wanted(&known), terms: known, weight, verified })
    }

    /// What the words say of all documents.
    pub fn hear(&self, ground: &Ground<'_>, allowed: Vec<Bits>) -> tantivy::Result<Heard> {
        let scores = self.in_segments(ground, |scores, asked| scores.count_all(asked, &self.wanted))?;
        Ok(Heard { scores, allowed })
    }

    /// Who, of those allowed, holds at least so many of a question's terms as they were typed.
    pub fn with_most(ground: &Ground<'_>, terms: &QueryTerms, verified: bool, allowed: &[Bits]) -> tantivy::Result<Vec<Bits>> {
        let known = Terms::look_up(ground.searcher, ground.fields, terms.looked_up(), verified, false)?;
        let parts = terms.wanted_as_typed(&known);
        let words = Self { wanted: parts, terms: known, weight: 0.0, verified };
        let counts = words.in_segments(ground, |scores, asked| scores.count_parts(asked, &words.wanted))?;
        #[expect(clippy::cast_precision_loss, reason = "a question has some hundred terms at most")]
        let most = terms.most() as Score;
        let enough = counts.iter().zip(allowed).zip(ground.searcher.segment_readers()).map(|((counts, allowed), segment)| {
            let mut enough = Bits::none_of(segment.max_doc());
            counts.found().common(allowed).filter(|&document| counts.of(document) >= most).for_each(|document| {
                enough.insert(document);
            });
            enough
        });
        Ok(enough.collect())
    }

    fn in_segments(&self, ground: &Ground<'_>, count: impl Fn(&mut Scores, &AskedSegment<'_>) -> tantivy::Result<()> + Sync) -> tantivy::Result<Vec<Scores>> {
        let readable = ground.fields.of_reader(self.verified);
        let in_segment = |(ordinal, segment)| {
            let mut scores = Scores::for_documents(tantivy::SegmentReader::max_doc(segment));
            let asked = AskedSegment { searcher: ground.searcher, segment, terms: self.terms.in_segment(ordinal, segment)?, readable: &readable };
            count(&mut scores, &asked)?;
            Ok(scores)
        };
        ground.searcher.segment_readers().par_iter().enumerate().with_max_len(1).map(in_segment).collect()
    }
}

impl Heard {
    /// The best by words among those allowed, in order.
    pub fn best(&self, keep: usize) -> Vec<(Score, DocAddress)> {
        let of_segment = |(ordinal, (scores, allowed)): (u32, (&Scores, &Bits))| {
            scores.best(allowed, keep).into_iter().map(move |(score, document)| (score, DocAddress::new(ordinal, document)))
        };
        let mut best: Vec<(Score, DocAddress)> = (0_u32..).zip(self.scores.iter().zip(&self.allowed)).flat_map(of_segment).collect();
        best.sort_unstable_by(by_score);
        best.truncate(keep);
        best
    }

    /// How many hold a word, of those allowed.
    pub fn total(&self) -> usize {
        self.scores.iter().zip(&self.allowed).map(|(scores, allowed)| scores.found().count_common(allowed)).sum()
    }

    /// Who holds a word of those allowed, and some more documents.
    pub fn found_with(self, more: &[DocAddress]) -> Vec<Bits> {
        let mut found = self.allowed;
        for (found, scores) in found.iter_mut().zip(&self.scores) {
            found.keep(scores.found());
        }
        for address in more {
            if let Some(found) = found.get_mut(address.segment_ord as usize) {
                found.insert(address.doc_id);
            }
        }
        found
    }

    fn of(&self, address: DocAddress) -> Score {
        self.scores.get(address.segment_ord as usize).map_or(0.0, |scores| scores.of(address.doc_id))
    }
}

fn by_score(a: &(Score, DocAddress), b: &(Score, DocAddress)) -> Ordering {
    b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1))
}

impl<'a> Question<'a> {
    pub fn new(ground: &Ground<'_>, terms: &QueryTerms, text: &str, meaning: &'a (dyn Fn() -> Option<Meaning> + Sync), verified: bool) -> tantivy::Result<Self> {
        Ok(Self { words: Words::of(ground, terms, verified)?, meaning, length: length_in_words(text), mode: Mode::Hybrid, least_closeness: LEAST_CLOSENESS })
    }
}

/// Ranks what fulfils the conditions: what words and what meaning find best, so many of each.
pub fn rank(ground: &Ground<'_>, question: &Question<'_>, conditions: &Conditions, pool: usize) -> tantivy::Result<Ranking> {
    let allowed = ground.allowed(conditions)?;
    let by_meaning = || {
        let meaning = (question.meaning)()?;
        let found = ground.nearest.find(ground.searcher, &allowed, &meaning, pool);
        Some((meaning, found))
    };
    let (heard, by_meaning) = rayon::join(|| question.words.hear(ground, allowed.clone()), by_meaning);
    let heard = heard?;
    let by_words = heard.best(pool);
    let traits = |mode| QuestionTraits { weight: question.words.weight, words: question.length, mode };
    let Some((meaning, near)) = by_meaning else {
        let ranked = blend(&traits(Mode::Words), by_words.into_iter().map(|(words, address)| (address, Evidence { words, closeness: None })).collect());
        return Ok(Ranking { candidates: ranked.into_iter().map(|(address, parts)| Ranked { address, parts }).collect(), heard });
    };
    let mut candidates: HashMap<DocAddress, Evidence> = HashMap::with_capacity(by_words.len() + near.len());
    for (closeness, address) in near {
        candidates.insert(address, Evidence { words: heard.of(address), closeness: Some(closeness) });
    }
    for (words, address) in by_words {
        candidates.entry(address).or_insert_with(|| Evidence { words, closeness: ground.closeness(address, &meaning) });
    }
    candidates.retain(|_, evidence| evidence.words > 0.0 || evidence.closeness.is_some_and(|closeness| closeness.e5 + closeness.universal >= question.least_closeness));
    let mut scored = blend(&traits(question.mode), candidates.into_iter().collect());
    scored.sort_unstable_by(best_first);
    if question.mode == Mode::Hybrid {
        reorder(&mut scored, |address| ground.columns(address));
    }
    let candidates: Vec<Ranked> = scored.into_iter().map(|(address, parts)| Ranked { address, parts }).collect();
    Ok(Ranking { candidates, heard })
}

impl Ranking {
    /// Who was found by meaning alone.
    pub fn by_meaning_alone(&self) -> Vec<DocAddress> {
        self.candidates.iter().filter(|ranked| self.heard.of(ranked.address) <= 0.0).map(|ranked| ranked.address).collect()
    }

    /// Where the candidates stand in the ranking.
    pub fn seen(&self) -> HashSet<DocAddress> {
        self.candidates.iter().map(|ranked| ranked.address).collect()
    }
}
