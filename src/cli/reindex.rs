//! `zonebridge reindex [--check]`

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::progress::Progress;
use crate::config::Config;
use crate::feed;
use crate::search::check::{Report, check};
use crate::search::index::{self, Generation, SearchIndex};
use crate::search::rebuild::rebuild;
use crate::startup::Connected;

#[derive(clap::Args)]
pub struct Arguments {
    /// Changes nothing: compares ids, revisions, content digests and postings of the index with the database.
    #[arg(long)]
    check: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    // A check changes nothing, not even the schema.
    let connected = if arguments.check { Connected::as_reader(config).await? } else { Connected::as_command(config).await? };
    let outcome = if arguments.check { prove(config, &connected).await } else { build(config, &connected).await };
    connected.close();
    outcome
}

async fn build(config: &Config, connected: &Connected) -> Result<ExitCode> {
    let index = SearchIndex::new(&config.search.dir)?;
    let started = Instant::now();
    let (mut progress, mut indexed) = (None, 0);
    let generation = rebuild(&connected.database, &index, config.search.writer_memory, |done, total| {
        indexed = done as u64;
        progress.get_or_insert_with(|| Progress::new("the search index", "listings", total as u64)).at(indexed, indexed);
    })
    .await?;
    if let Some(progress) = progress {
        progress.finish(indexed);
    }
    println!(
        "{} holds {} documents, built in {:.1} s; a running service takes it up by itself",
        generation.name,
        generation.reader.searcher().num_docs(),
        started.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

/// Compares until index and database stand still on the same position, at most ten times.
async fn prove(config: &Config, connected: &Connected) -> Result<ExitCode> {
    let search = SearchIndex::new(&config.search.dir)?;
    let mut last = Report::default();
    for attempt in 0..10 {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let generation = Generation::current(&search.dir, &search.fields).context("there is no index yet: run `zonebridge reindex`, or start the service")?;
        let progress = index::Progress::of(&generation.index).context("the index has no position: run `zonebridge reindex`")?;
        let mut conn = connected.database.read().await?;
        if !progress.fits(feed::network_id(&mut conn).await?, progress.means) {
            bail!("the index belongs to another database or another version: run `zonebridge reindex`");
        }
        last = check(&connected.database, &generation.reader.searcher(), &search.fields).await?;
        if last.differences.is_empty() {
            println!("index and database are equal: {} listings in {} documents; ids, revisions, contents and postings agree", last.listings, last.documents);
            return Ok(ExitCode::SUCCESS);
        }
        // Differences may be changes on their way; without any, they are real.
        if !feed::has_newer(&mut conn, progress.position).await? && attempt > 0 {
            break;
        }
    }
    for difference in last.differences.iter().take(100) {
        println!("{difference}");
    }
    println!("index and database differ in {} places; `zonebridge reindex` builds the index anew", last.differences.len());
    Ok(ExitCode::FAILURE)
}
