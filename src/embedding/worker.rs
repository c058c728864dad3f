//! Makes the vectors of published listings in the background: first of all that have none, then of those that the change feed names.
//!
//! Vectors are written together with a change in the feed, so every index takes them up as it takes up anything else. An interruption loses
//! no more than a batch. One instance works at a time, by a lease.

use std::time::{Duration, Instant};

use chrono::Utc;
use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::embedder::{Embedder, Raw};
use super::means::{Means, Sum};
use super::texts::{ListingText, ListingVector, texts_of};
use super::vectors;
use crate::db::Database;
use crate::error::{Error, Result};
use crate::feed::{self, Position};
use crate::listings::model::Entry;
use crate::listings::published;
use crate::text::language::Language;

const BATCH: i64 = 32;
const CHANGES: i32 = 1_000;
const LEASE: Duration = Duration::from_secs(60);
/// A lease is renewed, or asked for again, no sooner than after this.
const RENEWED: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(300);
/// From this many vectors on a network has means of its own; of how many they are taken at most.
const ENOUGH: i64 = 200;
const SAMPLE: i64 = 20_000;
/// So many titles stand for what people ask, which is no business of ours to keep.
const TITLES: usize = 200;

pub struct Worker {
    database: Database,
    embedder: Embedder,
    holder: Uuid,
    /// How far the feed was followed; `None` while all listings are to be gone through first.
    position: Option<Position>,
    counted: Option<Instant>,
    /// When it last asked for the lease, and whether it got it.
    leased: Option<(Instant, bool)>,
}

impl Worker {
    pub fn new(database: Database, embedder: Embedder) -> Self {
        Self { database, embedder, holder: Uuid::now_v7(), position: None, counted: None, leased: None }
    }

    /// Works until the token is cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let worked = match self.work_once(&stop).await {
                Ok(worked) => worked,
                Err(error) => {
                    tracing::error!(cause = format!("{error:#}"), "vectors cannot be made; it tries again");
                    (self.position, self.leased) = (None, None);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    false
                }
            };
            let pause = if worked { Duration::ZERO } else { PAUSE };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Err(error) = self.end_lease().await {
            tracing::warn!(cause = format!("{error:#}"), "another instance waits a minute before it makes vectors");
        }
    }

    async fn end_lease(&self) -> Result<()> {
        Ok(vectors::end_lease(&mut *self.database.write().await?, self.holder).await?)
    }

    /// True when there may be more to do at once.
    async fn work_once(&mut self, stop: &CancellationToken) -> Result<bool> {
        if !self.lease().await? {
            self.position = None;
            return Ok(false);
        }
        self.count().await?;
        let Some(position) = self.position else {
            let start = feed::start_position(&mut *self.database.read().await?).await?;
            if self.go_through_all(stop).await? {
                self.position = Some(start);
            }
            return Ok(true);
        };
        let mut conn = self.database.read().await?;
        if !feed::is_readable_from(&mut conn, position).await? {
            self.position = None;
            return Ok(true);
        }
        let changes = feed::read_after(&mut conn, position, CHANGES).await?;
        let Some(last) = changes.last() else { return Ok(false) };
        let next = Position { txid: last.txid, seq: last.seq };
        let ids: Vec<Uuid> = changes.iter().filter(|change| change.subject_type == "listing").map(|change| change.subject_id).collect();
        let pending = vectors::pending_among(&mut conn, &ids).await?;
        drop(conn);
        for ids in pending.chunks(BATCH.unsigned_abs().try_into().unwrap_or(1)) {
            self.embed(ids).await?;
            self.count().await?;
            if stop.is_cancelled() || !self.lease().await? {
                return Ok(false);
            }
        }
        self.position = Some(next);
        if !pending.is_empty() {
            self.renew_means().await?;
        }
        Ok(true)
    }

    /// Whether this instance is the one that works.
    async fn lease(&mut self) -> Result<bool> {
        if let Some((at, got)) = self.leased
            && at.elapsed() < RENEWED
        {
            return Ok(got);
        }
        let until = Utc::now() + LEASE;
        let got = vectors::lease(&mut *self.database.write().await?, self.holder, until).await?;
        self.leased = Some((Instant::now(), got));
        Ok(got)
    }

    /// False when it was asked to stop, or lost the lease, before the end.
    async fn go_through_all(&mut self, stop: &CancellationToken) -> Result<bool> {
        let mut after = Uuid::nil();
        loop {
            let ids = vectors::pending_after(&mut *self.database.read().await?, after, BATCH).await?;
            let Some(last) = ids.last() else { break };
            after = *last;
            self.embed(&ids).await?;
            self.count().await?;
            if stop.is_cancelled() || !self.lease().await? {
                return Ok(false);
            }
        }
        self.renew_means().await?;
        Ok(true)
    }

    async fn embed(&self, ids: &[Uuid]) -> Result<()> {
        let entries = published::among(&mut *self.database.read().await?, ids).await?;
        let embedder = self.embedder.clone();
        let vectors = tokio::task::spawn_blocking(move || vectors_of(&embedder, &entries)).await.map_err(Error::internal)?;
        let mut conn = self.database.write().await?;
        conn.transaction(async |conn| {
            vectors::replace(conn, ids, &vectors).await?;
            feed::listings_changed(conn, ids).await
        })
        .await?;
        metrics::counter!("zonebridge_embedded_listings_total").increment(ids.len() as u64);
        Ok(())
    }

    /// Tells how many wait, now and then.
    async fn count(&mut self) -> Result<()> {
        if self.counted.is_none_or(|at| at.elapsed() > Duration::from_secs(15)) {
            let pending = vectors::count_pending(&mut *self.database.read().await?).await?;
            #[expect(clippy::cast_precision_loss, reason = "a measure")]
            metrics::gauge!("zonebridge_embedding_pending").set(pending as f64);
            self.counted = Some(Instant::now());
        }
        Ok(())
    }

    /// Computes the means anew when there are twice as many vectors as when they were computed last: each time all indexes are built anew,
    /// which so happens a few times in a network's life.
    async fn renew_means(&self) -> Result<()> {
        let mut conn = self.database.write().await?;
        let (stored, count) = (vectors::means(&mut conn).await?, vectors::count_vectors(&mut conn).await?);
        if count < ENOUGH || count < 2 * stored.counted {
            return Ok(());
        }
        let Some(mut means) = Means::default_means() else { return Ok(()) };
        for language in [Language::Zh, Language::En] {
            let newest = vectors::newest(&mut conn, language, SAMPLE).await?;
            let (mut passages, mut titles) = (Sum::default(), Sum::default());
            for vector in &newest {
                passages.add(&vector.raw());
            }
            for title in newest.iter().filter_map(ListingVector::raw_title).take(TITLES) {
                titles.add(&title);
            }
            means.move_passages(language, &passages);
            means.move_queries(language, &titles);
        }
        if vectors::keep_means(&mut conn, &means, stored.version, count).await? {
            tracing::info!(vectors = count, version = stored.version + 1, "the means of the languages were computed anew");
        }
        Ok(())
    }
}

fn vectors_of(embedder: &Embedder, entries: &[Entry]) -> Vec<ListingVector> {
    let texts: Vec<(&Entry, ListingText)> = entries.iter().flat_map(|entry| texts_of(entry).into_iter().map(move |text| (entry, text))).collect();
    let raw = embedder.embed_in_background(&texts.iter().map(|(_, text)| text.text.as_str()).collect::<Vec<_>>());
    let mut titles = embedder.embed_titles_in_background(&texts.iter().filter_map(|(_, text)| text.title.as_deref()).collect::<Vec<_>>()).into_iter();
    let vector = |((entry, text), raw): (&(&Entry, ListingText), &Raw)| {
        let title = text.title.as_ref().and_then(|_| titles.next());
        ListingVector::of(entry, text, raw, title.as_ref())
    };
    texts.iter().zip(&raw).filter_map(vector).collect()
}
