//! One ranking from words and meaning, for the service and for `evaluate` alike.
//!
//! What words find and what is near in meaning are candidates; each gets both measures, and one formula puts them in order.

use std::collections::HashMap;

use tantivy::collector::{Count, TopDocs};
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocAddress, DocSet, Score, Searcher, TERMINATED};

use super::blend::{Evidence, Mode, QuestionTraits, blend};
use super::collect::TagCounts;
use super::columns::Vectors;
use super::conditions::Conditions;
use super::fields::Fields;
use super::nearest::Nearest;
use super::query::{Breadth, QueryTerms};
use super::statistics::PublicStatistics;
use super::weights::Parts;
use crate::embedding::means::Meaning;
use crate::text::language::length_in_words;

/// How many candidates each side gives, unless a deeper page is asked for.
pub const POOL: usize = 200;
/// What shares no word with a question is found from this closeness on, both cosines added. Nineteen of twenty answers in the other language
/// are nearer (xquad); of documents that do not answer, one in thirty is, most of them about the same thing.
pub const LEAST_CLOSENESS: f32 = 0.4;

/// What is searched in.
pub struct Ground<'a> {
    pub searcher: &'a Searcher,
    pub fields: &'a Fields,
    pub nearest: &'a Nearest,
}

/// What is looked for.
pub struct Question<'a> {
    pub terms: QueryTerms,
    /// `None` where there are no models: then words alone rank.
    pub meaning: Option<&'a Meaning>,
    pub traits: QuestionTraits,
    pub verified: bool,
    /// What holds no word of the question must be at least so near, both cosines added, to count as found.
    pub least_closeness: f32,
}

/// A candidate with its score and what that is made of.
#[derive(Debug, Clone, Copy)]
pub struct Ranked {
    pub address: DocAddress,
    pub parts: Parts,
}

/// What words found in all: how many documents, and how many of each tag asked for.
#[derive(Default)]
pub struct Counted {
    pub total: usize,
    pub tags: HashMap<String, u64>,
}

impl<'a> Question<'a> {
    /// A question of some text, weighed by what the listings hold.
    pub fn new(ground: &Ground<'_>, terms: &QueryTerms, text: &str, mode: Mode, meaning: Option<&'a Meaning>, verified: bool) -> tantivy::Result<Self> {
        let (terms, weight) = terms.telling(&ground.statistics(), ground.fields)?;
        let traits = QuestionTraits { weight, words: length_in_words(text), mode };
        Ok(Self { terms, meaning, traits, verified, least_closeness: LEAST_CLOSENESS })
    }
}

impl Ground<'_> {
    pub fn statistics(&self) -> PublicStatistics<'_> {
        PublicStatistics { searcher: self.searcher, fields: self.fields }
    }
}

/// All candidates that fulfil the conditions, the best first: what words and meaning each find best, together. With them what words found in
/// all, and the counts of the tags named by `facets` in that.
pub fn rank(ground: &Ground<'_>, question: &Question<'_>, conditions: &Conditions, pool: usize, facets: &[String]) -> tantivy::Result<(Vec<Ranked>, Counted)> {
    let words = question.terms.ranking(ground.fields, Breadth::Any, question.verified);
    let by_meaning = || question.meaning.map_or(Ok(Vec::new()), |meaning| ground.nearest.find(ground.searcher, conditions, meaning, pool));
    let (by_words, by_meaning) = rayon::join(|| by_words(ground, question, conditions, 0, pool, facets), by_meaning);
    let (by_words, counted) = by_words?;
    let mut candidates: HashMap<DocAddress, Evidence> = HashMap::new();
    for (score, address) in by_words {
        candidates.entry(address).or_default().words = score;
    }
    for (closeness, address) in by_meaning? {
        candidates.entry(address).or_default().closeness = Some(closeness);
    }
    complete(ground, question, words.as_deref(), &mut candidates)?;
    candidates.retain(|_, evidence| evidence.words > 0.0 || evidence.closeness.is_some_and(|closeness| closeness.e5 + closeness.universal >= question.least_closeness));
    let mut ranked: Vec<Ranked> = blend(&question.traits, candidates.into_iter().collect()).into_iter().map(|(address, parts)| Ranked { address, parts }).collect();
    ranked.sort_by(|a, b| b.parts.score.total_cmp(&a.parts.score).then_with(|| a.address.cmp(&b.address)));
    Ok((ranked, counted))
}

/// What words find, the best first, and how much it is: one pass over the postings.
pub fn by_words(
    ground: &Ground<'_>,
    question: &Question<'_>,
    conditions: &Conditions,
    offset: usize,
    limit: usize,
    facets: &[String],
) -> tantivy::Result<(Vec<(Score, DocAddress)>, Counted)> {
    let Some(words) = question.terms.ranking(ground.fields, Breadth::Any, question.verified) else { return Ok((Vec::new(), Counted::default())) };
    let wanted = (TopDocs::with_limit(limit).and_offset(offset).order_by_score(), Count, TagCounts { names: facets.to_vec() });
    let (best, total, tags) = ground.searcher.search_with_statistics_provider(&conditions.with(Some(words)), &wanted, &ground.statistics())?;
    Ok((best, Counted { total, tags }))
}

/// Gives every candidate the measure by which it was not found.
fn complete(ground: &Ground<'_>, question: &Question<'_>, words: Option<&dyn Query>, candidates: &mut HashMap<DocAddress, Evidence>) -> tantivy::Result<()> {
    let Some(meaning) = question.meaning else { return Ok(()) };
    let statistics = ground.statistics();
    let weight = words.map(|words| words.weight(EnableScoring::enabled_from_statistics_provider(&statistics, ground.searcher))).transpose()?;
    let mut addresses: Vec<DocAddress> = candidates.keys().copied().collect();
    addresses.sort_unstable();
    for of_segment in addresses.chunk_by(|a, b| a.segment_ord == b.segment_ord) {
        let Some(first) = of_segment.first() else { continue };
        let segment = ground.searcher.segment_reader(first.segment_ord);
        let vectors = Vectors::of(segment)?;
        let mut scorer = weight.as_ref().map(|weight| weight.scorer(segment, 1.0)).transpose()?;
        for address in of_segment {
            let Some(evidence) = candidates.get_mut(address) else { continue };
            if evidence.closeness.is_none() {
                evidence.closeness = vectors.closeness(address.doc_id, meaning);
            } else if let Some(scorer) = scorer.as_mut()
                && scorer.doc() != TERMINATED
                && (scorer.doc() >= address.doc_id || scorer.seek(address.doc_id) != TERMINATED)
                && scorer.doc() == address.doc_id
            {
                evidence.words = scorer.score();
            }
        }
    }
    Ok(())
}
