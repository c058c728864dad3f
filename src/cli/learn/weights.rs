//! What words and each model count, from sets with judgements.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::evaluate::Embedding;
use crate::evaluation::dataset::{Dataset, pooled};
use crate::evaluation::run::{Asked, Found, ask};
use crate::evaluation::train::{Judged, Outcome, Set, cross_validated};
use crate::search::blend::Mode;
use crate::search::weights::{FIRST, WEIGHTS, Weights};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folders with corpus.jsonl, queries.jsonl and qrels.tsv. Two whose documents say the same in two languages are also taken as one.
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// Sets of which only the judged documents are ranked, by name: the others were never judged.
    #[arg(long, value_delimiter = ',')]
    rerank_judged: Vec<String>,
    /// Of a large set only the first so many documents that nobody judged, beside all that were.
    #[arg(long, value_name = "SET=COUNT", value_delimiter = ',', value_parser = of_set)]
    unjudged: Vec<(String, usize)>,
    /// Learns who is among the first, by the measures of a pair alone; otherwise the score, by the company of these too.
    #[arg(long)]
    first: bool,
    /// Where the weights are written, `src/search/first.in` or `src/search/weights.in` if not said.
    #[arg(long)]
    output: Option<PathBuf>,
}

fn of_set(text: &str) -> Result<(String, usize), String> {
    let parsed = text.split_once('=').and_then(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
    parsed.ok_or_else(|| "expected SET=COUNT, such as a-large-set=1500".to_owned())
}

pub fn learn(arguments: &Arguments) -> Result<()> {
    let mut datasets = arguments.dirs.iter().map(|dir| Dataset::read(dir)).collect::<Result<Vec<_>>>()?;
    for (name, count) in &arguments.unjudged {
        let set = datasets.iter_mut().find(|set| set.name == *name).with_context(|| format!("--unjudged names {name}, which is not among the sets"))?;
        set.keep_unjudged(*count);
    }
    let pairs: Vec<Dataset> = datasets.iter().enumerate().flat_map(|(number, one)| datasets[number + 1..].iter().filter_map(|other| pooled(one, other))).collect();
    let mut embedding = Embedding::open()?;
    let mut sets = Vec::new();
    for dataset in datasets.iter().chain(&pairs) {
        sets.push(measured(dataset, &mut embedding, arguments.rerank_judged.contains(&dataset.name))?);
    }
    let (start, place) = if arguments.first { (FIRST, "src/search/first.in") } else { (WEIGHTS, "src/search/weights.in") };
    let output = arguments.output.clone().unwrap_or_else(|| PathBuf::from(place));
    let (learned, outcomes) = cross_validated(&sets, start, !arguments.first);
    write(&output, &learned)?;
    report(&learned, &outcomes, &output);
    Ok(())
}

/// The candidates of each question of a set, with their measures and grades.
fn measured(set: &Dataset, embedding: &mut Embedding, rerank_judged: bool) -> Result<Set> {
    let meanings = embedding.meanings(set)?;
    let mut questions = Vec::new();
    for Found { query, ranking } in ask(set, &Asked { mode: Mode::Hybrid, meanings: Some(&meanings), rerank_judged })? {
        let Some(grades) = set.judgements.get(&query).filter(|grades| grades.values().any(|grade| *grade > 0)) else { continue };
        let candidates = ranking.into_iter().map(|(id, parts)| (parts.measures, grades.get(&id).copied().unwrap_or(0))).collect();
        questions.push(Judged::new(candidates, grades));
    }
    Ok(Set { name: set.name.clone(), questions })
}

fn write(output: &Path, weights: &Weights) -> Result<()> {
    let Weights { words, words_long, universal_across, universal_short, universal_else, across, company_across, company_short, company_else } = weights;
    let text = format!(
        "Weights {{ words: {words:.3}, words_long: {words_long:.3}, universal_across: {universal_across:.3}, universal_short: {universal_short:.3}, universal_else: {universal_else:.3}, across: {across:.3}, company_across: {company_across:.3}, company_short: {company_short:.3}, company_else: {company_else:.3} }}\n"
    );
    fs::write(output, text).with_context(|| format!("{} cannot be written", output.display()))
}

fn report(learned: &Weights, outcomes: &[Outcome], output: &Path) {
    println!("| set | questions | before | learned | by other questions | by other sets |\n|---|---|---|---|---|---|");
    for Outcome { name, questions, before, learned, other_questions, other_sets } in outcomes {
        println!("| {name} | {questions} | {before:.3} | {learned:.3} | {other_questions:.3} | {other_sets:.3} |");
    }
    println!("\n{learned:?}\nwritten to {}: build again to use them", output.display());
}
