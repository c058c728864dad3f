//! The middle of each language, from listings and from what people ask.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::cli::evaluate::Embedding;
use crate::embedding::means::{Means, Role, RoleMeans, Sum};
use crate::organizations::model::Bilingual;

/// Of a listing, what its meaning is made of.
#[derive(Deserialize)]
struct Row {
    title: Bilingual,
    #[serde(default)]
    summary: Bilingual,
    #[serde(default)]
    body: Bilingual,
}

/// The texts of a language.
#[derive(Default)]
struct Texts {
    /// What people ask, and what listings are called, which is the nearest to it that is no secret of theirs.
    asked: Vec<String>,
    listings: Vec<String>,
}

pub fn learn(files: &[PathBuf], questions: Option<&Path>, output: &Path) -> Result<()> {
    let (mut zh, mut en) = (Texts::default(), Texts::default());
    let mut listings = 0;
    for path in files {
        for (number, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row: Row = serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), number + 1))?;
            zh.add([&row.title.zh, &row.summary.zh, &row.body.zh]);
            en.add([&row.title.en, &row.summary.en, &row.body.en]);
            listings += 1;
        }
    }
    if let Some(path) = questions {
        for (number, line) in read(path)?.lines().enumerate() {
            let (chinese, english) = line.split_once('\t').with_context(|| format!("{}, line {}: expected Chinese, a tab and English", path.display(), number + 1))?;
            zh.asked.push(chinese.to_owned());
            en.asked.push(english.to_owned());
        }
    }
    let mut embedding = Embedding::open()?;
    let mut mean = |role: Role, texts: &[String]| -> Result<_> {
        let mut sum = Sum::default();
        for raw in embedding.embed(role, &texts.iter().map(String::as_str).collect::<Vec<_>>())? {
            sum.add(&raw);
        }
        sum.mean().context("there is no text in one of the languages")
    };
    let query = RoleMeans { zh: mean(Role::Query, &zh.asked)?, en: mean(Role::Query, &en.asked)? };
    let passage = RoleMeans { zh: mean(Role::Passage, &zh.listings)?, en: mean(Role::Passage, &en.listings)? };
    fs::write(output, Means { query, passage }.to_text()).with_context(|| format!("{} cannot be written", output.display()))?;
    println!("the means of {listings} listings are in {}: build again to use them", output.display());
    Ok(())
}

impl Texts {
    fn add(&mut self, parts: [&Option<String>; 3]) {
        self.asked.extend(parts[0].clone());
        let whole = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n");
        if !whole.is_empty() {
            self.listings.push(whole);
        }
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
