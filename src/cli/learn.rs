//! `zonebridge learn …`: what the ranking knows from data, written into the source that is built next.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::evaluate::Embedding;
use crate::embedding::embedder::Raw;
use crate::embedding::means::{Means, Role, RoleMeans, Sum};
use crate::organizations::model::Bilingual;

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
}

pub fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Means { files, output } => means(files, output).map(|()| ExitCode::SUCCESS),
    }
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
