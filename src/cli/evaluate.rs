//! `zonebridge evaluate DIR…`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::evaluation::dataset::Dataset;
use crate::evaluation::run::evaluate;
use crate::text::language::{Language, detect};

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Words,
}

#[derive(clap::Args)]
pub struct Arguments {
    /// Folders with corpus.jsonl, queries.jsonl and qrels.tsv.
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// What the ranking is made from; this version knows words.
    #[arg(long, value_enum, default_value = "words")]
    mode: Mode,
    /// Ranks only the judged documents of each query.
    #[arg(long)]
    rerank_judged: bool,
    /// Writes a TREC run file: query Q0 document rank score tag.
    #[arg(long)]
    run: Option<PathBuf>,
    /// Prints one JSON object a set.
    #[arg(long)]
    json: bool,
    /// Fails when a set's nDCG@10 is lower.
    #[arg(long, value_name = "VALUE")]
    min_ndcg: Option<f64>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Mode::Words = arguments.mode;
    let mut file = arguments.run.as_ref().map(|path| File::create(path).map(BufWriter::new).with_context(|| format!("{} cannot be written", path.display()))).transpose()?;
    if !arguments.json {
        println!("{:<24} {:>5} {:>8} {:>8} {:>8} {:>11}", "set", "mode", "queries", "nDCG@10", "MRR@10", "recall@100");
    }
    let mut code = ExitCode::SUCCESS;
    for dir in &arguments.dirs {
        let set = Dataset::read(dir)?;
        let outcome = evaluate(&set, arguments.rerank_judged, file.as_mut().map(|file| file as &mut dyn Write))?;
        if let Some(floor) = arguments.min_ndcg.filter(|floor| outcome.metrics.ndcg_at_10 < *floor) {
            eprintln!("{}: nDCG@10 is {:.4}, below {floor}", outcome.set, outcome.metrics.ndcg_at_10);
            code = ExitCode::FAILURE;
        }
        if arguments.json {
            println!("{}", serde_json::to_string(&outcome)?);
            continue;
        }
        let metrics = outcome.metrics;
        let note = if crosses_languages(&set) { "  across languages: words alone find next to nothing" } else { "" };
        println!("{:<24} {:>5} {:>8} {:>8.3} {:>8.3} {:>11.3}{note}", outcome.set, outcome.mode, outcome.queries, metrics.ndcg_at_10, metrics.mrr_at_10, metrics.recall_at_100);
    }
    if let Some(mut file) = file {
        file.flush()?;
    }
    Ok(code)
}

/// True when the queries are mostly in another language than the documents.
fn crosses_languages(set: &Dataset) -> bool {
    let is_chinese = |texts: &[crate::evaluation::dataset::Text]| texts.iter().take(200).filter(|text| detect(&text.whole()) == Language::Zh).count() * 2 > texts.len().min(200);
    is_chinese(&set.queries) != is_chinese(&set.corpus)
}
