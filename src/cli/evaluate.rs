//! `zonebridge evaluate DIR…`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::progress::Progress;
use crate::config::cache_folder;
use crate::embedding::cache::VectorCache;
use crate::embedding::embedder::{Embedder, Raw};
use crate::embedding::means::Role;
use crate::evaluation::dataset::Dataset;
use crate::evaluation::meanings::Meanings;
use crate::evaluation::run::{Asked, evaluate};
use crate::search::blend;
use crate::text::language::{Language, detect};

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Mode {
    Words,
    Meaning,
    Hybrid,
}

impl From<Mode> for blend::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Words => Self::Words,
            Mode::Meaning => Self::Meaning,
            Mode::Hybrid => Self::Hybrid,
        }
    }
}

#[derive(clap::Args)]
pub struct Arguments {
    /// Folders with corpus.jsonl, queries.jsonl and qrels.tsv.
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// What the ranking is made from. Meaning and hybrid need the models, see `make models`.
    #[arg(long, value_enum, default_value = "words")]
    mode: Mode,
    /// Only the first so many documents that nobody judged, beside all that were: a slice of a large set, for a measurement in little time.
    #[arg(long, value_name = "COUNT")]
    unjudged: Option<usize>,
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
    let mut file = arguments.run.as_ref().map(|path| File::create(path).map(BufWriter::new).with_context(|| format!("{} cannot be written", path.display()))).transpose()?;
    let mut embedding = if arguments.mode == Mode::Words { None } else { Some(Embedding::open()?) };
    if !arguments.json {
        println!("{:<24} {:>7} {:>8} {:>8} {:>15} {:>8} {:>11}", "set", "mode", "queries", "nDCG@10", "95 %", "MRR@10", "recall@100");
    }
    let mut code = ExitCode::SUCCESS;
    for dir in &arguments.dirs {
        let mut set = Dataset::read(dir)?;
        if let Some(count) = arguments.unjudged {
            set.keep_unjudged(count);
        }
        let meanings = embedding.as_mut().map(|embedding| embedding.meanings(&set)).transpose()?;
        let asked = Asked { mode: arguments.mode.into(), meanings: meanings.as_ref(), rerank_judged: arguments.rerank_judged };
        let outcome = evaluate(&set, &asked, file.as_mut().map(|file| file as &mut dyn Write))?;
        if let Some(floor) = arguments.min_ndcg.filter(|floor| outcome.metrics.ndcg_at_10 < *floor) {
            eprintln!("{}: nDCG@10 is {:.4}, below {floor}", outcome.set, outcome.metrics.ndcg_at_10);
            code = ExitCode::FAILURE;
        }
        if arguments.json {
            println!("{}", serde_json::to_string(&outcome)?);
            continue;
        }
        let (metrics, interval) = (outcome.metrics, outcome.ndcg_interval);
        let note = if arguments.mode == Mode::Words && crosses_languages(&set) { "  across languages: words alone find next to nothing" } else { "" };
        let interval = format!("{:.3} to {:.3}", interval.low, interval.high);
        println!(
            "{:<24} {:>7} {:>8} {:>8.3} {interval:>15} {:>8.3} {:>11.3}{note}",
            outcome.set, outcome.mode, outcome.queries, metrics.ndcg_at_10, metrics.mrr_at_10, metrics.recall_at_100
        );
    }
    if let Some(mut file) = file {
        file.flush()?;
    }
    Ok(code)
}

/// The models, with the vectors that were made before.
pub struct Embedding {
    embedder: Embedder,
    cache: VectorCache,
}

impl Embedding {
    pub fn open() -> Result<Self> {
        let folder = std::env::var_os("ZONEBRIDGE_MODELS").map_or_else(cache_folder, PathBuf::from);
        let embedder = Embedder::of_folder(&folder).context("this needs the language models: fetch them with `make models`")?;
        Ok(Self { embedder, cache: VectorCache::open(&folder)? })
    }

    pub fn meanings(&mut self, set: &Dataset) -> Result<Meanings> {
        let mut progress: Option<Progress> = None;
        let meanings = Meanings::of(set, &self.embedder, &mut self.cache, |done, of| {
            progress.get_or_insert_with(|| Progress::new(&format!("vectors of {}", set.name), "texts", of as u64)).at(done as u64, done as u64);
        })?;
        Ok(meanings)
    }

    /// The vectors of some texts, in their order.
    pub fn embed(&mut self, role: Role, texts: &[&str]) -> Result<Vec<Raw>> {
        self.cache.embed(&self.embedder, role, texts, |_, _| {})
    }
}

/// True when the queries are mostly in another language than the documents.
fn crosses_languages(set: &Dataset) -> bool {
    let is_chinese = |texts: &[crate::evaluation::dataset::Text]| texts.iter().take(200).filter(|text| detect(&text.whole()) == Language::Zh).count() * 2 > texts.len().min(200);
    is_chinese(&set.queries) != is_chinese(&set.corpus)
}
