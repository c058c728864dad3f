//! What happens after a change: how long until a search sees it, how fast vectors are made, how long a start takes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;
use uuid::Uuid;
use zonebridge::config::Secret;
use zonebridge::db::Database;
use zonebridge::feed;

use super::corpus::MARK;
use super::figures::{Measure, at_share};
use super::service::{Commands, Owner, Service, total};
use super::vectors::connect;

/// Changes a second.
const PACE: u32 = 200;
/// Listings whose vectors are made anew.
const EMBEDDED: usize = 500;
const PATIENCE: Duration = Duration::from_secs(120);

/// The short listings of the first organisation: what changes here.
pub struct Changes<'a> {
    pub url: &'a Secret,
    pub owner: &'a Owner,
    ids: Vec<Uuid>,
}

impl<'a> Changes<'a> {
    pub async fn of(url: &'a Secret, owner: &'a Owner) -> Result<Self> {
        let statement = "SELECT l.id FROM listings l JOIN listing_revisions r ON r.listing_id = l.id AND r.revision = l.live_revision
            WHERE coalesce(r.title_zh, r.title_en) LIKE $1 AND l.state IN ('published', 'paused') ORDER BY l.id";
        let rows = connect(url).await?.query(statement, &[&format!("{MARK}%")]).await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        if ids.is_empty() {
            bail!("there are no short listings");
        }
        Ok(Self { url, owner, ids })
    }

    /// Pauses all, then resumes them, both at the pace; from each acknowledged resumption until a search finds so many more.
    pub async fn publish_to_searchable(&self) -> Result<Vec<Measure>> {
        eprintln!("listings are paused and resumed");
        let search = format!("&sort=newest&q={MARK}");
        self.moved("resume", true).await?;
        self.moved("pause", false).await?;
        let began = Instant::now();
        while total(&self.owner.base, &search).await? > 0 {
            if began.elapsed() > PATIENCE {
                bail!("paused listings are still found");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (base, wanted) = (self.owner.base.clone(), self.ids.len() as u64);
        let watching = tokio::spawn(async move { watch(&base, &search, wanted).await });
        let began = Instant::now();
        let mut acknowledged = self.moved("resume", false).await?;
        let took = began.elapsed();
        let seen = watching.await??;
        acknowledged.sort();
        // Changes become searchable in the order of their transactions, so the n-th that was acknowledged is there when n are.
        let mut delays: Vec<Duration> = acknowledged
            .iter()
            .zip(1_u64..)
            .filter_map(|(at, count)| seen.iter().find(|(_, total)| *total >= count).map(|(then, _)| then.saturating_duration_since(*at)))
            .collect();
        delays.sort();
        Ok(vec![
            Measure::one("changes a second while publishing", "changes/s", acknowledged.len() as f64 / took.as_secs_f64()),
            Measure::one("publish to searchable, p50", "ms", at_share(&delays, 0.5)),
            Measure::one("publish to searchable, p99", "ms", at_share(&delays, 0.99)),
            Measure::one("publish to searchable, the slowest", "ms", at_share(&delays, 1.0)),
        ])
    }

    /// Moves all listings at the pace; when each was acknowledged. `any` takes a refusal for an answer: they may be there already.
    async fn moved(&self, mv: &'static str, any: bool) -> Result<Vec<Instant>> {
        let client = reqwest::Client::new();
        let (mut running, mut acknowledged) = (JoinSet::new(), Vec::with_capacity(self.ids.len()));
        let mut clock = tokio::time::interval(Duration::from_secs(1) / PACE);
        for id in &self.ids {
            clock.tick().await;
            let request = client.post(format!("{}/v1/listings/{id}/{mv}", self.owner.base)).bearer_auth(&self.owner.token);
            running.spawn(async move {
                let answer = request.send().await?;
                if !any && !answer.status().is_success() {
                    bail!("{mv}: {}", answer.text().await?);
                }
                Ok(Instant::now())
            });
            // No more wait at once than a busy service would have to bear.
            while running.len() >= 64 {
                acknowledged.extend(running.join_next().await.transpose()?.transpose()?);
            }
        }
        while let Some(done) = running.join_next().await {
            acknowledged.push(done??);
        }
        Ok(acknowledged)
    }

    /// How fast the service's own worker makes vectors anew, of texts of some hundred tokens. Those that were there are put back: what is
    /// measured on stays the same, and the next service that starts has nothing to do.
    pub async fn embedding_rate(&self) -> Result<Vec<Measure>> {
        eprintln!("vectors are made anew");
        let (database, client) = (Database::new(self.url, 2)?, connect(self.url).await?);
        let ids = &self.ids[..self.ids.len().min(EMBEDDED)];
        client.batch_execute("CREATE TEMPORARY TABLE kept (LIKE listing_vectors)").await?;
        client.execute("INSERT INTO kept SELECT * FROM listing_vectors WHERE listing_id = ANY($1)", &[&ids]).await?;
        let before = embedded(&self.owner.base).await?;
        client.execute("DELETE FROM listing_vectors WHERE listing_id = ANY($1)", &[&ids]).await?;
        feed::listings_changed(&mut *database.write().await?, ids).await?;
        let rate = self.watch_worker(before, ids.len() as f64).await;
        client.execute("DELETE FROM listing_vectors WHERE listing_id = ANY($1)", &[&ids]).await?;
        client.batch_execute("INSERT INTO listing_vectors SELECT * FROM kept ON CONFLICT DO NOTHING").await?;
        feed::listings_changed(&mut *database.write().await?, ids).await?;
        Ok(vec![Measure::one("vectors made by the worker, short listings in one or two languages", "listings/s", rate?)])
    }

    /// The rate from the first to the last batch, until all are done or patience ends.
    async fn watch_worker(&self, before: f64, wanted: f64) -> Result<f64> {
        let began = Instant::now();
        let (mut first, mut last) = (None, (Instant::now(), 0.0));
        while last.1 < wanted && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let done = embedded(&self.owner.base).await? - before;
            if done > last.1 {
                last = (Instant::now(), done);
                first.get_or_insert(last);
            }
        }
        let first = first.context("the worker makes no vectors")?;
        Ok((last.1 - first.1) / last.0.duration_since(first.0).as_secs_f64().max(1e-9))
    }
}

/// The totals of a search, as often as it answers, until the total is there.
async fn watch(base: &str, search: &str, wanted: u64) -> Result<Vec<(Instant, u64)>> {
    let (began, mut seen) = (Instant::now(), Vec::new());
    loop {
        let found = total(base, search).await?;
        // What an answer tells was true at the latest when it came.
        seen.push((Instant::now(), found));
        if found >= wanted {
            return Ok(seen);
        }
        if began.elapsed() > PATIENCE {
            bail!("of {wanted} published listings {found} became searchable");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many listings the worker has embedded, by the service's own measure.
async fn embedded(base: &str) -> Result<f64> {
    let text = reqwest::get(format!("{base}/metrics")).await?.text().await?;
    Ok(text.lines().find_map(|line| line.strip_prefix("zonebridge_embedded_listings_total ")?.trim().parse().ok()).unwrap_or(0.0))
}

/// Starts on an index that is there, several times; each service ends before the next begins, the last is left.
pub async fn starts(commands: &Commands, times: usize) -> Result<(Service, Measure)> {
    let (mut seconds, mut running) = (Vec::new(), None);
    for _ in 0..times.max(1) {
        drop(running.take());
        let service = commands.serve().await?;
        seconds.push(service.started_in.as_secs_f64());
        running = Some(service);
    }
    let service = running.context("nothing was started")?;
    Ok((service, Measure::several("start on an index that is there, until ready", "s", seconds)))
}
