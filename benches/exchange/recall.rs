//! How many of the really nearest the search by meaning finds: it looks at short forms first, and exactly only at some.
//!
//! The questions are listings that are not there, made as those that are; the truth is the cosine to every listing that the filter allows.

use std::time::Instant;

use anyhow::{Context, Result};
use rayon::prelude::*;
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocAddress, Searcher};
use zonebridge::config::Secret;
use zonebridge::db::Database;
use zonebridge::embedding::embedder::E5_WIDTH;
use zonebridge::embedding::means::{Meaning, Means, Role};
use zonebridge::embedding::vectors;
use zonebridge::search::allowed::Known;
use zonebridge::search::columns::Columns;
use zonebridge::search::conditions::Conditions;
use zonebridge::search::fields::Fields;
use zonebridge::search::nearest::Nearest;
use zonebridge::search::rank::Ground;
use zonebridge::text::language::Language;
use zonebridge_meaning::vector::cosine;

use super::clusters::Clusters;
use super::figures::{Load, Measure, Series};
use super::floor::Floor;

const QUESTIONS: u64 = 200;
const WANTED: usize = 100;
/// Numbers that no listing has.
const UNUSED: u64 = 1 << 40;

/// A filter with what it is called.
type Filter = (&'static str, &'static [&'static str]);

/// Each leaves a smaller share.
const FILTERS: [Filter; 4] = [
    ("no filter", &[]),
    ("a filter of about 1 in 10", &["zone:zgc"]),
    ("a filter of about 1 in 100", &["zone:zgc", "kind:funding", "direction:offer"]),
    ("a filter of about 1 in 1000", &["zone:zgc", "kind:funding", "direction:offer", "segment:base.chips"]),
];

/// Every vector of the index, in the order of its documents.
struct Truth {
    addresses: Vec<DocAddress>,
    values: Vec<[i8; E5_WIDTH]>,
}

/// The share of the nearest hundred that is found, and the time of finding, for each filter.
pub async fn measure(floor: &Floor, clusters: &Clusters, url: &Secret) -> Result<(Vec<Series>, Vec<Measure>)> {
    let means = vectors::means(&mut *Database::new(url, 2)?.read().await?).await?.means.context("this build has no means of the languages")?;
    let questions: Vec<Meaning> = (0..QUESTIONS).filter_map(|number| question(clusters, &means, UNUSED + number)).collect();
    let (searcher, fields) = (&floor.searcher, &floor.fields);
    let began = Instant::now();
    let nearest = Nearest::of(searcher, None)?;
    let mut measures = vec![
        Measure::one("short forms of all vectors read from the index", "s", began.elapsed().as_secs_f64()),
        Measure::one("memory of the short forms", "MiB", nearest.size() as f64 / 1_048_576.0),
    ];
    let truth = Truth::of(searcher)?;
    let mut series = Vec::new();
    let known = Known::default();
    let ground = Ground { searcher, fields, nearest: &nearest, known: &known };
    for (name, tags) in FILTERS {
        let conditions = filter(fields, tags);
        let allowed = truth.allowed(searcher, &conditions.filter())?;
        let share = allowed.iter().filter(|allowed| **allowed).count() as f64 / allowed.len().max(1) as f64;
        let mut times = Vec::with_capacity(questions.len());
        let mut found = Vec::with_capacity(questions.len());
        for question in &questions {
            let began = Instant::now();
            found.push(nearest.find(searcher, &ground.allowed(&conditions)?, question, WANTED));
            times.push(began.elapsed());
        }
        let recalls: Vec<f64> = questions
            .par_iter()
            .zip(&found)
            .map(|(question, found)| truth.recall(question, &allowed, &found.iter().map(|(closeness, _)| closeness.e5).collect::<Vec<_>>()))
            .collect();
        measures.push(Measure::one(&format!("recall@100, {name}"), "", recalls.iter().sum::<f64>() / recalls.len().max(1) as f64));
        measures.push(Measure::one(&format!("the least of {QUESTIONS} questions, {name}"), "", recalls.iter().copied().fold(1.0, f64::min)));
        measures.push(Measure::one(&format!("share of the listings, {name}"), "", share));
        series.push(Series { name: format!("the nearest 100 in process, {name}"), rounds: vec![Load::of_times(times)] });
    }
    Ok((series, measures))
}

fn question(clusters: &Clusters, means: &Means, number: u64) -> Option<Meaning> {
    let language = if number.is_multiple_of(2) { Language::Zh } else { Language::En };
    means.centre(Role::Passage, &clusters.said_in(&clusters.listing(number), language))
}

fn filter(fields: &Fields, tags: &[&str]) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.audience(fields, "public");
    for tag in tags {
        conditions.exact(fields.tags, &[*tag]);
    }
    conditions
}

impl Truth {
    fn of(searcher: &Searcher) -> Result<Self> {
        let (mut addresses, mut values) = (Vec::new(), Vec::new());
        for (ordinal, segment) in (0_u32..).zip(searcher.segment_readers()) {
            let vectors = Columns::of(segment)?;
            for document in segment.doc_ids_alive() {
                let Some(meaning) = vectors.meaning(document) else { continue };
                addresses.push(DocAddress::new(ordinal, document));
                values.push(*meaning.e5.values().first_chunk().context("a vector of another width")?);
            }
        }
        Ok(Self { addresses, values })
    }

    /// Which of the vectors a filter allows.
    fn allowed(&self, searcher: &Searcher, query: &dyn Query) -> Result<Vec<bool>> {
        let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
        let mut by_segment: Vec<Vec<bool>> = searcher.segment_readers().iter().map(|segment| vec![false; segment.max_doc() as usize]).collect();
        for (segment, allowed) in searcher.segment_readers().iter().zip(&mut by_segment) {
            weight.for_each_no_score(segment, &mut |documents| {
                for document in documents {
                    allowed[*document as usize] = true;
                }
            })?;
        }
        Ok(self.addresses.iter().map(|address| by_segment[address.segment_ord as usize][address.doc_id as usize]).collect())
    }

    /// What of the nearest is among those found. What is as near as the last of the nearest is as good.
    fn recall(&self, question: &Meaning, allowed: &[bool], found: &[f32]) -> f64 {
        let mut all: Vec<f32> = self.values.iter().zip(allowed).filter(|(_, allowed)| **allowed).map(|(values, _)| cosine(question.e5.values(), values)).collect();
        let wanted = WANTED.min(all.len());
        if wanted == 0 {
            return 1.0;
        }
        let (_, last, _) = all.select_nth_unstable_by(wanted - 1, |a, b| b.total_cmp(a));
        let last = *last;
        found.iter().filter(|cosine| **cosine >= last - 1e-6).count().min(wanted) as f64 / wanted as f64
    }
}
