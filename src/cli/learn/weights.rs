//! What words and each model count, from sets with judgements.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::evaluate::Embedding;
use crate::evaluation::dataset::{Dataset, pooled};
use crate::evaluation::run::{Asked, Found, ask};
use crate::evaluation::train::{Judged, Outcome, Set, cross_validated};
use crate::search::blend::Mode;
use crate::search::weights::{WEIGHTS, Weights};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folders with corpus.jsonl, queries.jsonl and qrels.tsv. Two whose documents say the same in two languages are also taken as one.
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// Sets of which only the judged documents are ranked, by name: the others were never judged.
    #[arg(long, value_delimiter = ',')]
    rerank_judged: Vec<String>,
    /// Only the first so many documents of a set that nobody judged, beside all that were.
    #[arg(long, value_name = "COUNT")]
    unjudged: Option<usize>,
    /// Where the weights are written.
    #[arg(long, default_value = "src/search/weights.in")]
    output: PathBuf,
}

pub fn learn(arguments: &Arguments) -> Result<()> {
    let mut datasets = arguments.dirs.iter().map(|dir| Dataset::read(dir)).collect::<Result<Vec<_>>>()?;
    if let Some(count) = arguments.unjudged {
        for set in &mut datasets {
            set.keep_unjudged(count);
        }
    }
    let pairs: Vec<Dataset> = datasets.iter().enumerate().flat_map(|(number, one)| datasets[number + 1..].iter().filter_map(|other| pooled(one, other))).collect();
    let mut embedding = Embedding::open()?;
    let mut sets = Vec::new();
    for dataset in datasets.iter().chain(&pairs) {
        sets.push(measured(dataset, &mut embedding, arguments.rerank_judged.contains(&dataset.name))?);
    }
    let (learned, outcomes) = cross_validated(&sets, WEIGHTS);
    write(&arguments.output, &learned)?;
    report(&learned, &outcomes, &arguments.output);
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
    let Weights { words, words_long, universal_across, universal_short, universal_else, across } = weights;
    let text = format!(
        "Weights {{ words: {words:.3}, words_long: {words_long:.3}, universal_across: {universal_across:.3}, universal_short: {universal_short:.3}, universal_else: {universal_else:.3}, across: {across:.3} }}\n"
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
