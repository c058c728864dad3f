//! The index follows Postgres: it reads the change feed, writes documents, and commits with the position it has reached.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tantivy::{IndexWriter, TantivyDocument, Term};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::document::{Meanings, documents};
use super::fields::VERSION;
use super::index::{Generation, Progress, SearchIndex, current_name};
use super::rebuild::rebuild;
use super::statistics::Statistics;
use crate::config::SearchConfig;
use crate::db::{Connection, Database};
use crate::embedding::means::Means;
use crate::embedding::vectors;
use crate::feed::{self, Position};
use crate::listings::published;

const BATCH: i32 = 1000;

/// The one writer of the index in use.
pub struct Follower {
    database: Database,
    index: SearchIndex,
    config: SearchConfig,
    network: Uuid,
    /// What the vectors of the index are centred by, and its version.
    means: (Arc<Means>, i32),
    generation: Arc<Generation>,
    writer: Option<IndexWriter<TantivyDocument>>,
    position: Position,
    /// Terms that are being counted, while searches weigh them by the count before.
    counting: Option<JoinHandle<Result<Statistics>>>,
    /// Whether there is something indexed that requests do not see yet: also after a failure to show it.
    unshown: bool,
    /// When it last made sure that nothing after its position has been forgotten.
    checked: Instant,
}

impl Follower {
    /// Opens the current generation, or builds one where there is none that fits this database, and shows it to requests.
    pub async fn start(database: Database, index: SearchIndex, config: SearchConfig) -> Result<Self> {
        let mut conn = database.read().await?;
        let network = feed::network_id(&mut conn).await?;
        let means = means(&mut conn).await?;
        let mut opened = None;
        if let Some(generation) = Generation::current(&index.dir, &index.fields)
            && let Some(progress) = Progress::of(&generation.index)
            && progress.fits(network, means.1)
            && feed::is_readable_from(&mut conn, progress.position).await?
        {
            opened = Some((generation, progress.position));
        }
        drop(conn);
        let (generation, position) = if let Some(opened) = opened {
            opened
        } else {
            tracing::info!(folder = %index.dir.display(), "building the search index");
            let generation = rebuild(&database, &index, config.writer_memory, |_, _| {}).await?;
            let position = Progress::of(&generation.index).context("a new index has no progress")?.position;
            (generation, position)
        };
        let means = means_of(&database, &generation, means).await?;
        let mut follower =
            Self { database, index, config, network, means, generation: Arc::new(generation), writer: None, position, counting: None, unshown: true, checked: Instant::now() };
        follower.open_writer()?;
        follower.generation.forget_older(&follower.index.dir);
        // What happened while the service was down is caught up before the first request is answered.
        while follower.step().await? {}
        follower.index.publish(&follower.generation, follower.position, &follower.means.0)?;
        Ok(follower)
    }

    fn open_writer(&mut self) -> Result<()> {
        self.writer = None;
        let writer = self.generation.index.writer_with_num_threads(1, self.config.writer_memory);
        self.writer = Some(writer.with_context(|| format!("the index in {} is in use by another service: give each its own data folder", self.index.dir.display()))?);
        Ok(())
    }

    /// Follows until the token is cancelled, then closes the index.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let worked = match self.follow_once().await {
                Ok(worked) => worked,
                Err(error) => {
                    tracing::error!(cause = format!("{error:#}"), "the index cannot follow the database; it tries again");
                    self.recover().await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    false
                }
            };
            let pause = if worked { Duration::ZERO } else { self.config.poll_interval };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Some(writer) = self.writer.take() {
            let _ = tokio::task::spawn_blocking(move || writer.wait_merging_threads()).await;
        }
    }

    async fn follow_once(&mut self) -> Result<bool> {
        if self.checked.elapsed() > Duration::from_secs(60) {
            self.checked = Instant::now();
            self.rebuild_if_left_behind().await?;
        }
        self.change_generation().await?;
        let worked = self.step().await?;
        if self.unshown {
            self.index.publish(&self.generation, self.position, &self.means.0)?;
            self.unshown = false;
        }
        self.keep_statistics_young().await;
        let lag = feed::lag_seconds(&mut *self.database.read().await?, self.position).await?;
        metrics::gauge!("zonebridge_index_lag_seconds").set(lag);
        Ok(worked)
    }

    /// Has the terms counted anew when the counts have aged, beside everything else: with a million listings it takes seconds.
    async fn keep_statistics_young(&mut self) {
        if let Some(counting) = self.counting.take_if(|counting| counting.is_finished()) {
            match counting.await {
                Ok(Ok(statistics)) => self.index.take_statistics(statistics),
                Ok(Err(error)) => tracing::error!(cause = format!("{error:#}"), "the terms of the index cannot be counted; the counts before go on"),
                Err(error) => tracing::error!(%error, "counting the terms of the index was cut off"),
            }
        }
        let aged = self.index.snapshot().is_ok_and(|snapshot| snapshot.statistics.is_stale(snapshot.searcher.num_docs()));
        if aged && self.counting.is_none() {
            let (index, generation) = (self.index.clone(), Arc::clone(&self.generation));
            self.counting = Some(tokio::task::spawn_blocking(move || index.count_terms(&generation)));
        }
    }

    /// A failed write leaves the writer unusable; a new one begins at the last commit, or the index anew where it has failed for so long
    /// that changes after the last commit are forgotten.
    async fn recover(&mut self) {
        if let Some(progress) = Progress::of(&self.generation.index) {
            self.position = progress.position;
        }
        if let Err(error) = self.open_writer() {
            tracing::error!(cause = format!("{error:#}"), "the index cannot be written");
        }
        if let Err(error) = self.rebuild_if_left_behind().await {
            tracing::error!(cause = format!("{error:#}"), "the index cannot be built anew");
        }
    }

    async fn rebuild_if_left_behind(&mut self) -> Result<()> {
        let mut conn = self.database.read().await?;
        // Another process may have found that the database has come to another place.
        let network = feed::network_id(&mut conn).await?;
        let readable = network == self.network && feed::is_readable_from(&mut conn, self.position).await?;
        let has_new_means = vectors::means(&mut conn).await?.version != self.means.1;
        drop(conn);
        if has_new_means {
            tracing::info!("the means of the languages have changed; building the index anew");
            rebuild(&self.database, &self.index, self.config.writer_memory, |_, _| {}).await?;
        } else if !readable {
            self.network = network;
            tracing::warn!("the index has been left behind by the change feed; building it anew");
            rebuild(&self.database, &self.index, self.config.writer_memory, |_, _| {}).await?;
        }
        Ok(())
    }

    /// Takes up a generation that a rebuild has put in the place of ours.
    async fn change_generation(&mut self) -> Result<()> {
        if current_name(&self.index.dir).is_none_or(|name| name == self.generation.name) {
            return Ok(());
        }
        let Some(generation) = Generation::current(&self.index.dir, &self.index.fields) else { return Ok(()) };
        let Some(progress) = Progress::of(&generation.index).filter(|progress| progress.network == self.network && progress.version == VERSION) else { return Ok(()) };
        tracing::info!(generation = generation.name, "taking up a rebuilt index");
        self.means = means_of(&self.database, &generation, self.means.clone()).await?;
        self.generation = Arc::new(generation);
        self.position = progress.position;
        self.unshown = true;
        self.open_writer()?;
        self.generation.forget_older(&self.index.dir);
        // Caught up before it is shown: what was withdrawn during the rebuild must not come back for a moment.
        while self.step().await? {}
        Ok(())
    }

    /// Indexes the next batch of changes; false when there was none.
    async fn step(&mut self) -> Result<bool> {
        let mut conn = self.database.read().await?;
        let changes = feed::read_after(&mut conn, self.position, BATCH).await?;
        let Some(last) = changes.last() else { return Ok(false) };
        let position = Position { txid: last.txid, seq: last.seq };
        let mut ids: BTreeSet<Uuid> = changes.iter().filter(|change| change.subject_type == "listing").map(|change| change.subject_id).collect();
        let organizations: Vec<Uuid> = changes.iter().filter(|change| change.subject_type == "organization").map(|change| change.subject_id).collect();
        if !organizations.is_empty() {
            ids.extend(published::ids_of(&mut conn, &organizations).await?);
        }
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let entries = published::among(&mut conn, &ids).await?;
        let meanings = Meanings { means: Arc::clone(&self.means.0), vectors: vectors::of_listings(&mut conn, &ids).await? };
        drop(conn);
        let mut writer = self.writer.take().context("the index has no writer")?;
        let fields = Arc::clone(&self.index.fields);
        let payload = serde_json::to_string(&Progress { network: self.network, version: VERSION, position, means: self.means.1 })?;
        self.writer = Some(
            tokio::task::spawn_blocking(move || -> Result<_> {
                for id in &ids {
                    writer.delete_term(Term::from_field_text(fields.id, &id.to_string()));
                }
                for document in entries.iter().flat_map(|entry| documents(entry, &meanings)) {
                    writer.add_document(document.into_document(&fields))?;
                }
                let mut prepared = writer.prepare_commit()?;
                prepared.set_payload(&payload);
                prepared.commit()?;
                Ok(writer)
            })
            .await??,
        );
        self.position = position;
        self.unshown = true;
        Ok(true)
    }
}

/// The newest means and their version.
async fn means(conn: &mut Connection) -> Result<(Arc<Means>, i32)> {
    let stored = vectors::means(conn).await?;
    Ok((Arc::new(stored.means.context("this build has no means of the languages")?), stored.version))
}

/// The means that a generation was made with: those known, or read by their version. Where they are forgotten the newest serve until the
/// generation is made anew, which has been asked for then.
async fn means_of(database: &Database, generation: &Generation, known: (Arc<Means>, i32)) -> Result<(Arc<Means>, i32)> {
    let Some(version) = Progress::of(&generation.index).map(|progress| progress.means).filter(|version| *version != known.1) else { return Ok(known) };
    let mut conn = database.read().await?;
    match vectors::means_of_version(&mut conn, version).await? {
        Some(means) => Ok((Arc::new(means), version)),
        None => means(&mut conn).await,
    }
}
