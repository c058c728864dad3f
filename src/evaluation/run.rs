//! One set, indexed by itself in memory and asked with each of its queries.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;

use anyhow::{Context, Result};
use serde::Serialize;
use tantivy::schema::Value;
use tantivy::{Index, IndexWriter, Searcher, TantivyDocument};

use super::dataset::{Dataset, Text};
use super::meanings::Meanings;
use super::metrics::{self, Interval, Metrics};
use crate::embedding::means::Meaning;
use crate::search::allowed::Known;
use crate::search::blend::Mode;
use crate::search::conditions::Conditions;
use crate::search::document::{Indexed, placed};
use crate::search::fields::Fields;
use crate::search::nearest::Nearest;
use crate::search::query::QueryTerms;
use crate::search::rank::{Ground, Question, rank};
use crate::search::weights::Parts;

const DEPTH: usize = 1_000;
const WRITER_MEMORY: usize = 200_000_000;

/// What came out for one set.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub set: String,
    pub mode: &'static str,
    pub documents: usize,
    pub queries: usize,
    pub rerank_judged: bool,
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Where nDCG@10 lies with 95 % for other queries of this kind.
    pub ndcg_interval: Interval,
}

/// How a set is to be asked.
pub struct Asked<'a> {
    pub mode: Mode,
    /// The vectors of its texts; needed by every mode but words.
    pub meanings: Option<&'a Meanings>,
    pub rerank_judged: bool,
}

/// What one query found.
pub struct Found {
    pub query: String,
    pub ranking: Vec<(String, Parts)>,
}

pub const fn name_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Words => "words",
        Mode::Meaning => "meaning",
        Mode::Hybrid => "hybrid",
    }
}

/// Ranks every query of the set, only its judged documents if asked so, and writes a TREC run where asked.
pub fn evaluate(set: &Dataset, asked: &Asked<'_>, mut run: Option<&mut dyn Write>) -> Result<Outcome> {
    let mut all = Vec::new();
    for found in ask(set, asked)? {
        if let Some(run) = run.as_mut() {
            for (place, (id, parts)) in found.ranking.iter().enumerate() {
                writeln!(run, "{} Q0 {id} {} {} zonebridge-{}", found.query, place + 1, parts.score, name_of(asked.mode))?;
            }
        }
        let ids: Vec<String> = found.ranking.into_iter().map(|(id, _)| id).collect();
        all.extend(set.judgements.get(&found.query).and_then(|grades| metrics::of_query(&ids, grades)));
    }
    Ok(Outcome {
        set: set.name.clone(),
        mode: name_of(asked.mode),
        documents: set.corpus.len(),
        queries: all.len(),
        rerank_judged: asked.rerank_judged,
        metrics: metrics::mean(&all),
        ndcg_interval: metrics::interval(&all),
    })
}

/// The rankings of all queries that were judged.
pub fn ask(set: &Dataset, asked: &Asked<'_>) -> Result<Vec<Found>> {
    let fields = Fields::new();
    let searcher = index(set, &fields, asked.meanings)?;
    let nearest = Nearest::of(&searcher, None)?;
    let known = Known::default();
    let ground = Ground { searcher: &searcher, fields: &fields, nearest: &nearest, known: &known };
    let mut all = Vec::new();
    for query in &set.queries {
        let Some(grades) = set.judgements.get(&query.id) else { continue };
        let meaning = asked.meanings.map(|meanings| meanings.of_query(query).context("a query without its vectors")).transpose()?;
        let judged = asked.rerank_judged.then_some(grades);
        let ranking = ranking(&ground, query, asked.mode, meaning.as_ref(), judged)?;
        all.push(Found { query: query.id.clone(), ranking });
    }
    Ok(all)
}

fn index(set: &Dataset, fields: &Fields, meanings: Option<&Meanings>) -> Result<Searcher> {
    let index = Index::create_in_ram(fields.schema.clone());
    let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, WRITER_MEMORY)?;
    for text in &set.corpus {
        let meaning = meanings.and_then(|meanings| meanings.of_document(text));
        writer.add_document(indexed(text, meaning).into_document(fields))?;
    }
    writer.commit()?;
    Ok(index.reader()?.searcher())
}

/// The text as if it were a listing with a title and a body.
fn indexed(text: &Text, meaning: Option<Meaning>) -> Indexed {
    Indexed {
        id: text.id.clone(),
        revision: 1,
        audiences: vec!["public"],
        organization: String::new(),
        tags: Vec::new(),
        completions: Vec::new(),
        title: placed([text.title.as_str()]),
        words: placed([text.title.as_str(), text.text.as_str()]),
        published_at: 0,
        valid_through: 0,
        amount: None,
        trl: None,
        card: Vec::new(),
        judged: Vec::new(),
        meaning,
    }
}

fn ranking(ground: &Ground<'_>, query: &Text, mode: Mode, meaning: Option<&Meaning>, judged: Option<&HashMap<String, u32>>) -> Result<Vec<(String, Parts)>> {
    let Ground { searcher, fields, .. } = *ground;
    let mut conditions = Conditions::default();
    conditions.audience(fields, "public");
    if let Some(judged) = judged {
        conditions.exact(fields.id, &judged.keys().map(String::as_str).collect::<Vec<_>>());
    }
    let text = query.whole();
    let terms = if query.title.is_empty() { QueryTerms::of_question(&text) } else { QueryTerms::titled(&query.title, &query.text) };
    let meaning = || meaning.filter(|_| mode != Mode::Words).cloned();
    let question = Question { least_closeness: f32::MIN, mode, ..Question::new(ground, &terms, &text, &meaning, false)? };
    let mut ranking = Vec::new();
    for ranked in rank(ground, &question, &conditions, DEPTH)?.candidates.into_iter().take(DEPTH) {
        let document: TantivyDocument = searcher.doc(ranked.address)?;
        if let Some(id) = document.get_first(fields.id).and_then(|value| value.as_str().map(str::to_owned)) {
            ranking.push((id, ranked.parts));
        }
    }
    // A rerank orders all judged documents: those that nothing speaks for come last, in the order of their ids.
    if let Some(judged) = judged {
        let found: BTreeSet<String> = ranking.iter().map(|(id, _)| id.clone()).collect();
        let mut rest: Vec<&String> = judged.keys().filter(|id| !found.contains(*id)).collect();
        rest.sort();
        ranking.extend(rest.into_iter().map(|id| (id.clone(), Parts::default())));
    }
    Ok(ranking)
}
