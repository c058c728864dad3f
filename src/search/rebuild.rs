//! A new generation of the index from the database, while the old one serves.

use std::sync::Arc;

use anyhow::{Context, Result};
use tantivy::{IndexWriter, TantivyDocument};
use uuid::Uuid;

use super::document::{Meanings, documents};
use super::fields::VERSION;
use super::index::{Generation, Progress, SearchIndex};
use crate::db::Database;
use crate::embedding::vectors;
use crate::feed;
use crate::listings::published::{self, Chunk};

const BATCH: i64 = 500;

/// Builds a generation and makes it the current one. `progress` hears of listings done and to do. What changes
/// meanwhile is in the feed behind the position taken first, and is caught up by whoever follows it.
pub async fn rebuild(database: &Database, index: &SearchIndex, writer_memory: usize, mut progress: impl FnMut(usize, usize)) -> Result<Generation> {
    let mut conn = database.read().await?;
    let network = feed::network_id(&mut conn).await?;
    let position = feed::start_position(&mut conn).await?;
    let stored = vectors::means(&mut conn).await?;
    let means = Arc::new(stored.means.context("this build has no means of the languages")?);
    let total = usize::try_from(published::count(&mut conn).await?)?;
    let generation = Generation::create(&index.dir, &index.fields)?;
    let mut writer: IndexWriter<TantivyDocument> = generation.index.writer_with_num_threads(1, writer_memory).context("the new index cannot be written")?;
    let (mut after, mut done) = (None, 0);
    loop {
        let Chunk { entries, last } = published::after(&mut conn, after, BATCH).await?;
        let Some(last) = last else { break };
        after = Some(last);
        done += entries.len();
        let ids: Vec<Uuid> = entries.iter().map(|entry| entry.listing.id).collect();
        let meanings = Meanings { means: Arc::clone(&means), vectors: vectors::of_listings(&mut conn, &ids).await? };
        let fields = index.fields.clone();
        // Segmentation takes a core; the async threads have requests to answer.
        writer = tokio::task::spawn_blocking(move || -> Result<_> {
            for entry in &entries {
                for document in documents(entry, &meanings) {
                    writer.add_document(document.into_document(&fields))?;
                }
            }
            Ok(writer)
        })
        .await??;
        progress(done, total);
    }
    let payload = serde_json::to_string(&Progress { network, version: VERSION, position, means: stored.version })?;
    tokio::task::spawn_blocking(move || -> Result<()> {
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        writer.wait_merging_threads()?;
        Ok(())
    })
    .await??;
    generation.reader.reload()?;
    generation.make_current(&index.dir)?;
    Ok(generation)
}
