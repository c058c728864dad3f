//! The same listings in Postgres' own full text, in a cluster of its own: what one would have without a search engine.
//!
//! In its fairest form: one GIN index over the filters and the words together (`btree_gin`), so that a filter narrows the scan of the index;
//! the very terms of our own analysis as lexemes, so that Chinese is found; rank by `ts_rank_cd`; best twenty and count in one statement.

use std::time::{Duration, Instant};

use anyhow::Result;
use rayon::prelude::*;
use tokio_postgres::Client;
use uuid::Uuid;
use zonebridge::config::Secret;
use zonebridge::search::query::QueryTerms;
use zonebridge::text::segment::terms;

use super::documents;
use super::engines::Document;
use super::figures::{Load, Measure};
use super::prepare::rate;
use super::vectors::connect;

/// Memory for pages and for building the index, as one would set for a machine of this use.
pub const OPTIONS: &[(&str, &str)] =
    &[("shared_buffers", "2GB"), ("maintenance_work_mem", "512MB"), ("work_mem", "64MB"), ("max_wal_size", "512MB"), ("synchronous_commit", "off"), ("jit", "off")];
/// The table of the listings; a change of it makes it anew.
pub const TABLE: &str = "CREATE TABLE found (id UUID, kind TEXT NOT NULL, direction TEXT NOT NULL, words TSVECTOR NOT NULL)";
const INDEX: &str = "CREATE INDEX found_words ON found USING gin (kind, direction, words)";
const SEARCH: &str = "SELECT id, ts_rank_cd(words, $1::text::tsquery) AS score, count(*) OVER () FROM found
    WHERE kind = 'technology' AND direction = 'offer' AND words @@ $1::text::tsquery ORDER BY score DESC LIMIT 20";
/// Lexemes have places up to this one; later words are all there.
const LAST_PLACE: usize = 16_383;

/// Copies the published listings from the service's database.
pub async fn fill(source: &Secret, target: &Secret, listings: usize) -> Result<Vec<Measure>> {
    let (source, target) = (connect(source).await?, connect(target).await?);
    target.batch_execute("CREATE EXTENSION IF NOT EXISTS btree_gin; DROP TABLE IF EXISTS found").await?;
    target.batch_execute(TABLE).await?;
    let began = Instant::now();
    let mut after = Uuid::nil();
    loop {
        let rows = documents::next(&source, after).await?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        let words: Vec<String> = rows.par_iter().map(|(_, document)| lexemes(&text_of(document))).collect();
        let ids: Vec<Uuid> = rows.iter().map(|(id, _)| *id).collect();
        let (kinds, directions): (Vec<&str>, Vec<&str>) = rows.iter().map(|(_, document)| (document.kind.as_str(), document.direction.as_str())).unzip();
        let statement =
            "INSERT INTO found SELECT id, kind, direction, words::tsvector FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS t (id, kind, direction, words)";
        target.execute(statement, &[&ids, &kinds, &directions, &words]).await?;
    }
    target.batch_execute(INDEX).await?;
    let took = began.elapsed();
    target.batch_execute("VACUUM ANALYZE found").await?;
    let size = target.query_one("SELECT pg_total_relation_size('found')", &[]).await?.get::<_, i64>(0);
    Ok(vec![rate("Postgres full text: table and index made", listings, took), Measure::one("Postgres full text: size of table and index", "MiB", size as f64 / 1_048_576.0)])
}

/// All that is searched of a listing.
fn text_of(document: &Document) -> String {
    let Document { title_zh, title_en, summary_zh, summary_en, body_zh, body_en, keywords, .. } = document;
    [title_zh, title_en, summary_zh, summary_en, body_zh, body_en].into_iter().chain(keywords).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// A text as Postgres writes its lexemes.
fn lexemes(text: &str) -> String {
    let lexeme = |(place, term): (usize, String)| format!("{}:{}", quoted(&term), (place + 1).min(LAST_PLACE));
    terms(text).into_iter().map(|term| term.text).enumerate().map(lexeme).collect::<Vec<_>>().join(" ")
}

fn quoted(term: &str) -> String {
    format!("'{}'", term.replace('\\', "\\\\").replace('\'', "''"))
}

/// A connection that asks.
pub struct FullText {
    client: Client,
    statement: tokio_postgres::Statement,
}

impl FullText {
    pub async fn open(url: &Secret) -> Result<Self> {
        let client = connect(url).await?;
        let statement = client.prepare(SEARCH).await?;
        Ok(Self { client, statement })
    }

    /// Asks the questions by turns for a time.
    pub async fn measure(&self, questions: &[String], time: Duration) -> Result<Load> {
        let (started, mut times) = (Instant::now(), Vec::new());
        for question in questions.iter().cycle().take_while(|_| started.elapsed() < time) {
            let began = Instant::now();
            let any = QueryTerms::of(question).terms.iter().map(|(term, _)| quoted(term)).collect::<Vec<_>>().join(" | ");
            self.client.query(&self.statement, &[&any]).await?;
            times.push(began.elapsed());
        }
        Ok(Load::of_times(times))
    }
}
