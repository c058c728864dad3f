//! `zonebridge learn …`: what the ranking knows from data, written into the source that is built next.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::evaluate::Embedding;
use crate::embedding::embedder::Raw;
use crate::embedding::means::{Means, Role, RoleMeans, Sum};
use crate::evaluation::dataset::Dataset;
use crate::evaluation::run::{Asked, Found, ask};
use crate::organizations::model::Bilingual;
use crate::search::blend::{Mode, Parts, QuestionTraits};

#[derive(clap::Subcommand)]
pub enum Command {
    /// The mean vectors of each language, from listings as `zonebridge import` reads them (JSON Lines).
    Means {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Where they are written.
        #[arg(long, default_value = "src/embedding/means.tsv")]
        output: PathBuf,
    },
    /// The measures of every candidate of sets with judgements, as a table: what weights are learned from.
    Features {
        #[arg(required = true)]
        dirs: Vec<PathBuf>,
        #[arg(long)]
        rerank_judged: bool,
        #[arg(long, value_name = "COUNT")]
        unjudged: Option<usize>,
        #[arg(long)]
        output: PathBuf,
    },
}

pub fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Means { files, output } => means(files, output)?,
        Command::Features { dirs, rerank_judged, unjudged, output } => features(dirs, *rerank_judged, *unjudged, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Of a listing, what its meaning is made of.
#[derive(Deserialize)]
struct Row {
    title: Bilingual,
    #[serde(default)]
    summary: Bilingual,
    #[serde(default)]
    body: Bilingual,
}

fn means(files: &[PathBuf], output: &PathBuf) -> Result<()> {
    let mut embedding = Embedding::open()?;
    let mut rows: Vec<Row> = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            rows.push(serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), number + 1))?);
        }
    }
    let chinese: Vec<[Option<&str>; 3]> = rows.iter().map(|row| [row.title.zh.as_deref(), row.summary.zh.as_deref(), row.body.zh.as_deref()]).collect();
    let english: Vec<[Option<&str>; 3]> = rows.iter().map(|row| [row.title.en.as_deref(), row.summary.en.as_deref(), row.body.en.as_deref()]).collect();
    let mut mean = |role: Role, texts: &[[Option<&str>; 3]]| -> Result<_> {
        let whole: Vec<String> = texts.iter().map(|parts| parts.iter().flatten().copied().collect::<Vec<_>>().join("\n")).collect();
        // What listings are called is the nearest to what people ask for that is no secret of theirs.
        let asked: Vec<&str> = match role {
            Role::Query => texts.iter().filter_map(|parts| parts[0]).collect(),
            Role::Passage => whole.iter().map(String::as_str).filter(|text| !text.is_empty()).collect(),
        };
        let mut sum = Sum::default();
        embedding.embed(role, &asked)?.iter().for_each(|raw: &Raw| sum.add(raw));
        sum.mean().context("there is no text in one of the languages")
    };
    let mut of_role = |role| -> Result<RoleMeans> { Ok(RoleMeans { zh: mean(role, &chinese)?, en: mean(role, &english)? }) };
    let means = Means { query: of_role(Role::Query)?, passage: of_role(Role::Passage)? };
    fs::write(output, means.to_text()).with_context(|| format!("{} cannot be written", output.display()))?;
    println!("the means of {} listings are in {}: build again to use them", rows.len(), output.display());
    Ok(())
}

fn features(dirs: &[PathBuf], rerank_judged: bool, unjudged: Option<usize>, output: &PathBuf) -> Result<()> {
    let mut embedding = Embedding::open()?;
    let mut file = BufWriter::new(File::create(output).with_context(|| format!("{} cannot be written", output.display()))?);
    for dir in dirs {
        let mut set = Dataset::read(dir)?;
        if let Some(count) = unjudged {
            set.keep_unjudged(count);
        }
        let meanings = embedding.meanings(&set)?;
        for Found { query, ranking, traits } in ask(&set, &Asked { mode: Mode::Hybrid, meanings: Some(&meanings), rerank_judged })? {
            let grades = set.judgements.get(&query);
            for (id, parts) in ranking {
                let grade = grades.and_then(|grades| grades.get(&id)).copied().unwrap_or(0);
                let Parts { words, e5, universal, .. } = parts;
                let QuestionTraits { known_weight, known, terms, words: length, .. } = traits;
                writeln!(file, "{}\t{query}\t{id}\t{grade}\t{words}\t{e5}\t{universal}\t{known_weight}\t{known}\t{terms}\t{length}", set.name)?;
            }
        }
    }
    file.flush()?;
    Ok(())
}
