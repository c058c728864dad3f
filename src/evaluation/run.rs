//! One set, indexed by itself in memory and asked with each of its queries.

use std::collections::HashMap;
use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use tantivy::collector::TopDocs;
use tantivy::schema::Value;
use tantivy::{Index, IndexWriter, Searcher, TantivyDocument};

use super::dataset::{Dataset, Text};
use super::metrics::{self, Metrics};
use crate::search::document::Indexed;
use crate::search::fields::Fields;
use crate::search::query::{Breadth, Conditions, QueryTerms};
use crate::search::statistics::PublicStatistics;
use crate::text::segment::terms;

const DEPTH: usize = 1_000;
const WRITER_MEMORY: usize = 200_000_000;
const TAG: &str = "zonebridge-words";

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
}

/// Ranks every query of the set, only its judged documents if `rerank_judged`, and writes a TREC run where asked.
pub fn evaluate(set: &Dataset, rerank_judged: bool, mut run: Option<&mut dyn Write>) -> Result<Outcome> {
    let fields = Fields::new();
    let searcher = index(set, &fields)?;
    let mut all = Vec::new();
    for query in &set.queries {
        let Some(grades) = set.judgements.get(&query.id) else { continue };
        let ranking = rank(&searcher, &fields, query, rerank_judged.then_some(grades))?;
        if let Some(run) = run.as_mut() {
            for (place, (id, score)) in ranking.iter().enumerate() {
                writeln!(run, "{} Q0 {id} {} {score} {TAG}", query.id, place + 1)?;
            }
        }
        let ids: Vec<String> = ranking.into_iter().map(|(id, _)| id).collect();
        all.extend(metrics::of_query(&ids, grades));
    }
    Ok(Outcome { set: set.name.clone(), mode: "words", documents: set.corpus.len(), queries: all.len(), rerank_judged, metrics: metrics::mean(&all) })
}

fn index(set: &Dataset, fields: &Fields) -> Result<Searcher> {
    let index = Index::create_in_ram(fields.schema.clone());
    let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, WRITER_MEMORY)?;
    for text in &set.corpus {
        writer.add_document(indexed(text).into_document(fields))?;
    }
    writer.commit()?;
    Ok(index.reader()?.searcher())
}

/// The text as if it were a listing with a title and a body.
fn indexed(text: &Text) -> Indexed {
    let of = |text: &str| terms(text).into_iter().map(|term| term.text).collect::<Vec<_>>();
    let title = of(&text.title);
    let mut words = title.clone();
    words.extend(of(&text.text));
    Indexed {
        id: text.id.clone(),
        revision: 1,
        audiences: vec!["public"],
        organization: String::new(),
        tags: Vec::new(),
        title,
        words,
        published_at: 0,
        valid_through: 0,
        amount: None,
        trl: None,
        facts: Vec::new(),
        card: Vec::new(),
        profile: Vec::new(),
        hidden: Vec::new(),
    }
}

fn rank(searcher: &Searcher, fields: &Fields, query: &Text, judged: Option<&HashMap<String, u32>>) -> Result<Vec<(String, f32)>> {
    let mut conditions = Conditions::default();
    conditions.audience(fields, "public");
    if let Some(judged) = judged {
        conditions.exact(fields.id, &judged.keys().map(String::as_str).collect::<Vec<_>>());
    }
    let mut ranking = Vec::new();
    if let Some(terms) = QueryTerms::of(&query.whole()).ranking(fields, Breadth::Any, false) {
        for (score, address) in
            searcher.search_with_statistics_provider(&conditions.with(Some(terms)), &TopDocs::with_limit(DEPTH).order_by_score(), &PublicStatistics { searcher, fields })?
        {
            let document: TantivyDocument = searcher.doc(address)?;
            if let Some(id) = document.get_first(fields.id).and_then(|value| value.as_str().map(str::to_owned)) {
                ranking.push((id, score));
            }
        }
    }
    // A rerank orders all judged documents: those that share no word come last, in the order of their ids.
    if let Some(judged) = judged {
        let found: std::collections::HashSet<String> = ranking.iter().map(|(id, _)| id.clone()).collect();
        let mut rest: Vec<&String> = judged.keys().filter(|id| !found.contains(*id)).collect();
        rest.sort();
        ranking.extend(rest.into_iter().map(|id| (id.clone(), 0.0)));
    }
    Ok(ranking)
}
