//! A new generation of the index from the database, while the old one serves.
//!
//! Three things go on at once, so that no core waits for another: the next listings are read, documents are made of those that were read
//! before, and the index writes what was made before that. No more than two chunks of listings are in memory, however many there are.

use std::sync::Arc;

use anyhow::{Context, Result};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tantivy::{IndexWriter, TantivyDocument};
use uuid::Uuid;

use super::document::{Meanings, documents};
use super::fields::{Fields, VERSION};
use super::index::{Generation, Progress, SearchIndex};
use crate::db::{Connection, Database};
use crate::embedding::means::Means;
use crate::embedding::vectors;
use crate::feed;
use crate::listings::model::Entry;
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
    let writer: IndexWriter<TantivyDocument> = generation.index.writer_with_num_threads(1, writer_memory).context("the new index cannot be written")?;
    let mut making = Making { pool: threads()?, fields: Arc::clone(&index.fields), writer };
    let mut done = 0;
    let mut next = read(&mut conn, None, &means).await?;
    while let Some(chunk) = next {
        let (after, count) = (chunk.last, chunk.entries.len());
        let (made, read) = tokio::join!(tokio::task::spawn_blocking(move || making.add(&chunk)), read(&mut conn, Some(after), &means));
        (making, next) = (made??, read?);
        done += count;
        progress(done, total);
    }
    let (payload, mut writer) = (serde_json::to_string(&Progress { network, version: VERSION, position, means: stored.version })?, making.writer);
    tokio::task::spawn_blocking(move || -> Result<()> {
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        writer.wait_merging_threads()?;
        Ok(())
    })
    .await??;
    generation.reader.reload()?;
    let generation = Arc::new(generation);
    let (counted, of) = (index.clone(), Arc::clone(&generation));
    // For the first start on it.
    tokio::task::spawn_blocking(move || counted.count_terms(&of)).await??;
    generation.make_current(&index.dir)?;
    Arc::into_inner(generation).context("the new index is in use")
}

/// Listings with what they mean.
struct Read {
    entries: Vec<Entry>,
    meanings: Meanings,
    last: Uuid,
}

/// The next listings in the order of their ids; `None` at the end.
async fn read(conn: &mut Connection, after: Option<Uuid>, means: &Arc<Means>) -> Result<Option<Read>> {
    let Chunk { entries, last } = published::after(conn, after, BATCH).await?;
    let Some(last) = last else { return Ok(None) };
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.listing.id).collect();
    let meanings = Meanings { means: Arc::clone(means), vectors: vectors::of_listings(conn, &ids).await? };
    Ok(Some(Read { entries, meanings, last }))
}

/// What documents are made with.
struct Making {
    pool: ThreadPool,
    fields: Arc<Fields>,
    writer: IndexWriter<TantivyDocument>,
}

impl Making {
    /// Makes the documents of a chunk on all cores and gives them to the writer in the order of the listings, which writes them on a thread
    /// of its own.
    fn add(self, chunk: &Read) -> Result<Self> {
        let of = |entry: &Entry| -> Vec<TantivyDocument> { documents(entry, &chunk.meanings).into_iter().map(|document| document.into_document(&self.fields)).collect() };
        let made: Vec<Vec<TantivyDocument>> = self.pool.install(|| chunk.entries.par_iter().map(of).collect());
        for document in made.into_iter().flatten() {
            self.writer.add_document(document)?;
        }
        Ok(self)
    }
}

/// Threads for one rebuild, which give way to those that answer requests: on the threads that searches share, a search would wait until a
/// whole chunk is done.
fn threads() -> Result<ThreadPool> {
    let builder = ThreadPoolBuilder::new().thread_name(|number| format!("rebuild-{number}")).start_handler(|_| {
        // On Linux this is the priority of the thread alone. Where it is not granted, the work is as urgent as any.
        let _ = rustix::process::nice(10);
    });
    builder.build().context("no threads for the new index")
}
