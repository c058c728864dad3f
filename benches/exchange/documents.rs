//! The published listings as other engines get them, read from the service's database.

use anyhow::Result;
use tokio_postgres::{Client, Row};
use uuid::Uuid;
use zonebridge::config::Secret;

use super::engines::{Document, Engine};
use super::vectors::connect;

const BATCH: i64 = 1_000;

/// The next listings in the order of ids.
pub async fn next(source: &Client, after: Uuid) -> Result<Vec<(Uuid, Document)>> {
    let statement = "SELECT l.id, l.kind, l.direction, l.zone, r.segments, r.keywords, r.title_zh, r.title_en, r.summary_zh, r.summary_en, r.body_zh, r.body_en
        FROM listings l JOIN listing_revisions r ON r.listing_id = l.id AND r.revision = l.live_revision
        WHERE l.state = 'published' AND l.id > $1 ORDER BY l.id LIMIT $2";
    let rows = source.query(statement, &[&after, &BATCH]).await?;
    Ok(rows.iter().map(|row| (row.get(0), document(row))).collect())
}

fn document(row: &Row) -> Document {
    let text = |place: usize| row.get::<_, Option<String>>(place).unwrap_or_default();
    Document {
        id: row.get::<_, Uuid>(0).to_string(),
        kind: row.get(1),
        direction: row.get(2),
        zone: row.get(3),
        segments: row.get(4),
        keywords: row.get(5),
        title_zh: text(6),
        title_en: text(7),
        summary_zh: text(8),
        summary_en: text(9),
        body_zh: text(10),
        body_en: text(11),
    }
}

/// Gives an engine all listings, unless it has them.
pub async fn fill(engine: &Engine, url: &Secret, listings: usize) -> Result<()> {
    if engine.count().await? as usize == listings {
        return Ok(());
    }
    eprintln!("the listings go to {}", engine.name());
    engine.begin().await?;
    let (source, mut after) = (connect(url).await?, Uuid::nil());
    loop {
        let batch = next(&source, after).await?;
        let Some((last, _)) = batch.last() else { return Ok(()) };
        after = *last;
        engine.add(&batch.into_iter().map(|(_, document)| document).collect::<Vec<_>>()).await?;
    }
}
