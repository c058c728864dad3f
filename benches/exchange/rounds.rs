//! All requests that are measured by turns: each round goes through all of them, so that what changes on the machine meanwhile meets all alike.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::runtime::Handle;
use zonebridge_meaning::files::Models;

use super::corpus::Corpus;
use super::engines::Engine;
use super::figures::{Load, Series};
use super::floor::Floor;
use super::handlers::Handlers;
use super::load::Wrk;
use super::postgres::FullText;
use super::questions::{SELECTIVE, THREE_FACETS, TWO_FILTERS, UNSELECTIVE, encode, search_paths};
use super::service::Owner;

/// So deep lies the deep page, where there is as much.
const DEEP: usize = 1_000;
const DEEP_QUESTIONS: usize = 20;
/// More than the service answers on this machine, so that no question comes twice: its meaning would be remembered.
const UNCACHED_A_SECOND: usize = 600;
/// Questions to the engines beside are asked over one connection.
const ONE: u32 = 1;
const SIXTEEN: u32 = 16;

/// What takes part.
pub struct Rounds<'a> {
    pub runtime: &'a Handle,
    pub wrk: Wrk<'a>,
    /// How many rounds.
    pub count: usize,
    pub seed: u64,
    pub corpus: &'a Corpus,
    pub models: &'a Models,
    pub floor: &'a Floor,
    pub handlers: &'a Handlers,
    pub full_text: &'a FullText,
    pub engines: &'a [Engine],
    /// The address of the service without models.
    pub words: &'a str,
    pub owner: &'a Owner,
}

/// One thing that is measured, by the number of the round.
struct Work<'a> {
    name: String,
    measure: Box<dyn Fn(usize) -> Result<Load> + 'a>,
}

impl Rounds<'_> {
    pub fn measure(&self) -> Result<Vec<Series>> {
        let questions = self.corpus.questions(self.seed + 1, 400);
        let deep = self.runtime.block_on(deep_pages(&self.owner.base, &questions))?;
        let mut all = self.by_one(&questions, &deep);
        all.extend(self.beside(&questions));
        all.extend(self.by_sixteen(&questions));
        let mut series: Vec<Series> = all.iter().map(|work| Series { name: work.name.clone(), rounds: Vec::new() }).collect();
        for round in 0..self.count {
            for (work, series) in all.iter().zip(&mut series) {
                eprintln!("round {} of {}: {}", round + 1, self.count, work.name);
                series.rounds.push((work.measure)(round).with_context(|| work.name.clone())?);
            }
        }
        Ok(series)
    }

    fn by_one<'a>(&'a self, questions: &'a [String], deep: &[String]) -> Vec<Work<'a>> {
        let (words, hybrid) = (self.words, self.owner.base.as_str());
        let searches = |more: &str| search_paths(questions, more);
        let beginnings = self.corpus.beginnings(self.seed + 2, 400).iter().map(|typed| format!("/v1/suggestions?q={}", encode(typed))).collect();
        vec![
            self.same("a bare answer of the framework", &self.handlers.base, vec!["/bare".to_owned()], ONE, false),
            self.same("`/health/live`", hybrid, vec!["/health/live".to_owned()], ONE, false),
            self.same("words: two terms, two filters", words, searches(TWO_FILTERS), ONE, false),
            self.same("words: the same with three facets", words, searches(&format!("{TWO_FILTERS}{THREE_FACETS}")), ONE, false),
            self.same("words: two terms, page at 1,000", words, deep.to_vec(), ONE, false),
            self.fresh("hybrid: eight tokens", "", ONE),
            self.same("hybrid: two terms, two filters, asked before", hybrid, searches(TWO_FILTERS), ONE, false),
            self.fresh("hybrid: eight tokens, filter of 1 in 900", SELECTIVE, ONE),
            self.fresh("hybrid: eight tokens, filter of 1 in 2", UNSELECTIVE, ONE),
            self.fresh("hybrid: eight tokens, three facets", THREE_FACETS, ONE),
            self.same("hybrid: two terms, page at 1,000", hybrid, deep.to_vec(), ONE, false),
            self.same("matches, top 20", hybrid, self.owner.paths("/matches?limit=20"), ONE, true),
            self.same("similar, top 20", hybrid, self.owner.paths("/similar?limit=20"), ONE, false),
            self.same("suggestions for one to four characters", hybrid, beginnings, ONE, false),
            self.same("a listing read by its owner", hybrid, self.owner.paths(""), ONE, true),
        ]
    }

    /// What stands beside the service: tantivy, Postgres and other engines, asked the same two terms with the same two filters.
    fn beside<'a>(&'a self, questions: &'a [String]) -> Vec<Work<'a>> {
        let time = Duration::from_secs(self.wrk.seconds);
        let mut all = vec![
            Work { name: "tantivy called in process: two terms, two filters".to_owned(), measure: Box::new(move |_| self.floor.measure(questions, time)) },
            Work { name: "Postgres full text: two terms, two filters".to_owned(), measure: Box::new(move |_| self.runtime.block_on(self.full_text.measure(questions, time))) },
        ];
        for engine in self.engines {
            for typing_errors in [false, true] {
                let name = format!("{}: two terms, two filters, three facets, typing errors {}", engine.name(), if typing_errors { "allowed" } else { "not allowed" });
                all.push(Work { name, measure: Box::new(move |_| Ok(Load::of_times(self.runtime.block_on(engine.measure(questions, typing_errors, time))?))) });
            }
        }
        all
    }

    fn by_sixteen<'a>(&'a self, questions: &'a [String]) -> Vec<Work<'a>> {
        let bare = questions.iter().map(|question| format!("/words?q={}", encode(question))).collect();
        vec![
            self.same("a bare answer of the framework, 16 connections", &self.handlers.base, vec!["/bare".to_owned()], SIXTEEN, false),
            self.same("a bare handler that calls tantivy, 16 connections", &self.handlers.base, bare, SIXTEEN, false),
            self.same("words: two terms, two filters, 16 connections", self.words, search_paths(questions, TWO_FILTERS), SIXTEEN, false),
            self.fresh("hybrid: eight tokens, 16 connections", "", SIXTEEN),
            self.same("a listing read by its owner, 16 connections", &self.owner.base, self.owner.paths(""), SIXTEEN, true),
        ]
    }

    /// The same paths each round.
    fn same<'a>(&'a self, name: &str, base: &'a str, paths: Vec<String>, connections: u32, by_owner: bool) -> Work<'a> {
        let token = by_owner.then_some(self.owner.token.as_str());
        Work { name: name.to_owned(), measure: Box::new(move |_| self.wrk.load(base, &paths, token, connections)) }
    }

    /// Questions of eight tokens to the service with models, each asked once.
    fn fresh<'a>(&'a self, name: &str, more: &'static str, connections: u32) -> Work<'a> {
        let count = UNCACHED_A_SECOND * usize::try_from(self.wrk.seconds).unwrap_or(1);
        // Each kind of request has questions of its own.
        let own = name.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let measure = move |round: usize| {
            let questions = self.corpus.questions_of_tokens(self.models, 8, self.seed ^ own.wrapping_add(round as u64), count);
            self.wrk.load(&self.owner.base, &search_paths(&questions, more), None, connections)
        };
        Work { name: name.to_owned(), measure: Box::new(measure) }
    }
}

/// Pages of twenty at the depth, or at the last there is. The service gives the cursors.
async fn deep_pages(base: &str, questions: &[String]) -> Result<Vec<String>> {
    let client = reqwest::Client::new();
    let mut paths = Vec::new();
    for question in &questions[..DEEP_QUESTIONS.min(questions.len())] {
        let path = format!("/v1/listings?q={}", encode(question));
        let mut cursor: Option<String> = None;
        for _ in 0..DEEP / 100 {
            let more = cursor.as_ref().map_or_else(String::new, |cursor| format!("&cursor={}", encode(cursor)));
            let page: Value = client.get(format!("{base}{path}&limit=100{more}")).send().await?.json().await?;
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = Some(next.to_owned());
        }
        paths.extend(cursor.map(|cursor| format!("{path}&limit=20&cursor={}", encode(&cursor))));
    }
    Ok(paths)
}
