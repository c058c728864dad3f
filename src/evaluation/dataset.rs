//! A set in BEIR layout: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::text::language::detect;

#[derive(Debug, Clone, Deserialize)]
pub struct Text {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub text: String,
}

impl Text {
    /// Title and text as one.
    pub fn whole(&self) -> String {
        format!("{}\n{}", self.title, self.text).trim().to_owned()
    }
}

pub struct Dataset {
    pub name: String,
    pub corpus: Vec<Text>,
    pub queries: Vec<Text>,
    /// Grades by query, then by document. A pair that is not listed is unjudged.
    pub judgements: HashMap<String, HashMap<String, u32>>,
}

impl Dataset {
    pub fn read(dir: &Path) -> Result<Self> {
        let name = dir.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned());
        let mut judgements: HashMap<String, HashMap<String, u32>> = HashMap::new();
        for (number, line) in lines(&dir.join("qrels.tsv"))?.enumerate().skip(1) {
            let line = line?;
            let mut columns = line.split('\t');
            let (Some(query), Some(document), Some(grade)) = (columns.next(), columns.next(), columns.next().and_then(|grade| grade.trim().parse::<i64>().ok())) else {
                anyhow::bail!("{}/qrels.tsv, line {}: expected query-id, corpus-id and score, separated by tabs", dir.display(), number + 1);
            };
            judgements.entry(query.into()).or_default().insert(document.into(), u32::try_from(grade.max(0))?);
        }
        Ok(Self { name, corpus: texts(&dir.join("corpus.jsonl"))?, queries: texts(&dir.join("queries.jsonl"))?, judgements })
    }
}

impl Dataset {
    /// Leaves only the first `count` documents that nobody judged, beside all that were.
    pub fn keep_unjudged(&mut self, count: usize) {
        let judged: HashSet<&String> = self.judgements.values().flat_map(HashMap::keys).collect();
        let mut unjudged = 0;
        self.corpus.retain(|text| {
            let is_judged = judged.contains(&text.id);
            unjudged += usize::from(!is_judged);
            is_judged || unjudged <= count
        });
    }
}

/// Two sets whose documents say the same in two languages, as one: each question is answered by both documents of an id. `None` where the
/// ids are not the same, or the languages are.
pub fn pooled(one: &Dataset, other: &Dataset) -> Option<Dataset> {
    let ids = |set: &Dataset| set.corpus.iter().map(|text| text.id.clone()).collect::<HashSet<String>>();
    let language = |set: &Dataset| set.corpus.first().map(|text| detect(&text.whole()));
    if ids(one) != ids(other) || language(one) == language(other) {
        return None;
    }
    let both = |id: &str| [format!("0:{id}"), format!("1:{id}")];
    let mut pool = Dataset { name: format!("{}+{}", one.name, other.name), corpus: Vec::new(), queries: Vec::new(), judgements: HashMap::new() };
    for (number, set) in [one, other].into_iter().enumerate() {
        pool.corpus.extend(set.corpus.iter().map(|text| Text { id: both(&text.id)[number].clone(), ..text.clone() }));
        pool.queries.extend(set.queries.iter().map(|query| Text { id: format!("{number}:{}", query.id), ..query.clone() }));
        for (query, grades) in &set.judgements {
            let grades = grades.iter().flat_map(|(document, grade)| both(document).map(|document| (document, *grade))).collect();
            pool.judgements.insert(format!("{number}:{query}"), grades);
        }
    }
    Some(pool)
}

fn lines(path: &Path) -> Result<std::io::Lines<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(BufReader::new(file).lines())
}

fn texts(path: &Path) -> Result<Vec<Text>> {
    lines(path)?
        .enumerate()
        .filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()))
        .map(|(number, line)| serde_json::from_str(&line?).with_context(|| format!("{}, line {}", path.display(), number + 1)))
        .collect()
}
