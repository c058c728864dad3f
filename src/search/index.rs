//! The index on disk and the one in use.
//!
//! Each rebuild makes a generation, a folder of its own; the file `CURRENT` names the one in use. So an index is replaced while it serves,
//! by the service or by a command beside it, and a half-made one is never opened.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use arc_swap::ArcSwapOption;
use serde::{Deserialize, Serialize};
use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, Searcher, TantivyDocument, schema::Value};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

use super::allowed::Known;
use super::completion::Completed;
use super::fields::{Fields, VERSION};
use super::nearest::Nearest;
use super::rank::Ground;
use super::statistics::{Counts, Statistics};
use crate::embedding::embedder::{Embedder, in_background};
use crate::embedding::means::{Meaning, Means, Role};
use crate::feed::Position;
use crate::text_enum;

const CURRENT: &str = "CURRENT";
/// Matches read hundreds of documents that lie apart, and a block is unpacked whole for each: about one document a block.
const STORED_BLOCK: usize = 4 * 1024;

/// Up to so many documents the terms are counted whenever that is due; it takes some milliseconds.
const COUNTED_AT_ONCE: u64 = 20_000;

/// What a commit remembers: which database it follows, by which analysis, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub network: Uuid,
    pub version: u32,
    pub position: Position,
    /// The version of the means that its vectors are centred by.
    #[serde(default)]
    pub means: i32,
}

impl Progress {
    pub fn of(index: &Index) -> Option<Self> {
        serde_json::from_str(&index.load_metas().ok()?.payload?).ok()
    }

    pub fn fits(&self, network: Uuid, means: i32) -> bool {
        self.network == network && self.version == VERSION && self.means == means
    }
}

/// An open generation.
pub struct Generation {
    pub name: String,
    pub index: Index,
    pub reader: IndexReader,
}

impl Generation {
    pub fn create(dir: &Path, fields: &Fields) -> Result<Self> {
        let name = format!("generation-{}", Uuid::now_v7().simple());
        let folder = dir.join(&name);
        fs::create_dir_all(&folder).with_context(|| format!("the index folder {} cannot be made", folder.display()))?;
        let settings = IndexSettings { docstore_blocksize: STORED_BLOCK, ..IndexSettings::default() };
        let index = Index::create(MmapDirectory::open(&folder)?, fields.schema.clone(), settings)?;
        Self::open(name, index)
    }

    /// The generation that `CURRENT` names; `None` when there is none that can be opened.
    pub fn current(dir: &Path, fields: &Fields) -> Option<Self> {
        let name = current_name(dir)?;
        let index = Index::open_in_dir(dir.join(&name)).ok()?;
        if index.schema() != fields.schema {
            return None;
        }
        Self::open(name, index).ok()
    }

    fn open(name: String, index: Index) -> Result<Self> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { name, index, reader })
    }

    /// Makes this generation the current one, at once for whoever looks. The one before stays, since a service may be writing to it: it is
    /// forgotten by whoever leaves it, and those before it are forgotten now.
    pub fn make_current(&self, dir: &Path) -> Result<()> {
        let before = current_name(dir);
        let fresh = dir.join(format!("CURRENT.of-{}", self.name));
        fs::write(&fresh, &self.name)?;
        fs::File::open(&fresh)?.sync_all()?;
        fs::rename(&fresh, dir.join(CURRENT))?;
        forget_before(dir, before.as_deref().unwrap_or(&self.name));
        Ok(())
    }

    /// Forgets all that were made before this one. Files that are still being read live on until they are closed.
    pub fn forget_older(&self, dir: &Path) {
        forget_before(dir, &self.name);
    }
}

/// The names of generations have the order of their making.
fn forget_before(dir: &Path, kept: &str) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("generation-") && *name < *kept {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

pub fn current_name(dir: &Path) -> Option<String> {
    let name = fs::read_to_string(dir.join(CURRENT)).ok()?;
    (name.starts_with("generation-") && !name.contains(['/', '.'])).then(|| name.trim().to_owned())
}

/// What searches use: a snapshot of the index with its statistics.
#[derive(Clone)]
pub struct Snapshot {
    pub searcher: Searcher,
    pub statistics: Arc<Statistics>,
    pub nearest: Nearest,
    /// Who fulfils the conditions that were asked before.
    known: Known,
    pub completed: Arc<Completed>,
    /// What the vectors of the index are centred by, and so must be those of questions.
    pub means: Arc<Means>,
    pub position: Position,
}

impl Snapshot {
    pub fn ground<'a>(&'a self, fields: &'a Fields) -> Ground<'a> {
        Ground { searcher: &self.searcher, fields, nearest: &self.nearest, known: &self.known }
    }
}

/// The index as requests see it. Cloning shares it.
#[derive(Clone)]
pub struct SearchIndex {
    pub fields: Arc<Fields>,
    pub dir: PathBuf,
    /// `None` where there are no models: words alone then.
    pub embedder: Option<Embedder>,
    snapshot: Arc<ArcSwapOption<Snapshot>>,
    /// Searches and matches take a core each: more at once than this wait their turn.
    turns: Arc<Semaphore>,
}

impl SearchIndex {
    /// The index of a folder, without models.
    pub fn new(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("the index folder {} cannot be made", dir.display()))?;
        // It holds what is for verified organisations only.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).with_context(|| format!("the index folder {} cannot be closed to others", dir.display()))?;
        let turns = 2 * std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self { fields: Arc::new(Fields::new()), dir: dir.to_path_buf(), embedder: None, snapshot: Arc::new(ArcSwapOption::empty()), turns: Arc::new(Semaphore::new(turns)) })
    }

    /// The same index, where questions are embedded if there are models.
    pub fn with(self, embedder: Option<Embedder>) -> Self {
        Self { embedder, ..self }
    }

    /// The newest snapshot; an error until the index has been opened or built.
    pub fn snapshot(&self) -> crate::error::Result<Arc<Snapshot>> {
        self.snapshot.load_full().ok_or(crate::error::Error::Unavailable("index"))
    }

    /// Runs work on the index off the async threads, a bounded number at once, and on the threads that share its parts among them, so that
    /// none of them has to be woken for each. The turn is the work's: it ends with it, also where the caller has gone away.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> crate::error::Result<T> + Send + 'static) -> crate::error::Result<T> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(crate::error::Error::internal)?;
        let (done, outcome) = oneshot::channel();
        rayon::spawn(move || {
            // A panic that left this thread would end the process.
            let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(crate::error::Error::internal(anyhow::anyhow!("work on the index panicked"))));
            drop(turn);
            let _ = done.send(result);
        });
        outcome.await.map_err(crate::error::Error::internal)?
    }

    pub fn is_ready(&self) -> bool {
        self.snapshot.load().is_some()
    }

    /// Shows what the reader sees now. Of a small index the statistics are counted anew when they have aged; of a large one that takes
    /// seconds, and is left to [`SearchIndex::take_statistics`].
    pub fn publish(&self, generation: &Generation, position: Position, means: &Arc<Means>) -> Result<()> {
        generation.reader.reload()?;
        let searcher = generation.reader.searcher();
        let previous = self.snapshot.load_full();
        let nearest = Nearest::of(&searcher, previous.as_ref().map(|previous| &previous.nearest))?;
        let known = previous.as_ref().map(|previous| previous.known.clone()).unwrap_or_default();
        let documents = searcher.num_docs();
        let statistics = match previous {
            Some(previous) if !previous.statistics.is_stale(documents) || documents > COUNTED_AT_ONCE => Arc::clone(&previous.statistics),
            Some(_) => Arc::new(Statistics::from(Counts::of(&searcher, &self.fields)?)),
            None => Arc::new(self.first_statistics(generation, &searcher)?),
        };
        self.snapshot.store(Some(Arc::new(Snapshot { searcher, statistics, nearest, known, completed: Arc::default(), means: Arc::clone(means), position })));
        Ok(())
    }

    /// Those kept beside the index where they are young enough, and counted otherwise.
    fn first_statistics(&self, generation: &Generation, searcher: &Searcher) -> Result<Statistics> {
        let folder = self.dir.join(&generation.name);
        if let Some(kept) = Counts::kept(&folder).map(Statistics::from)
            && !kept.is_stale(searcher.num_docs())
        {
            return Ok(kept);
        }
        let counts = Counts::of(searcher, &self.fields)?;
        keep_counts(&counts, &folder);
        Ok(counts.into())
    }

    /// Counts the terms of a generation. Takes seconds where there are many, so not on the threads that searches share.
    pub fn count_terms(&self, generation: &Generation) -> Result<Statistics> {
        let counts = in_background(|| Counts::of(&generation.reader.searcher(), &self.fields))?;
        keep_counts(&counts, &self.dir.join(&generation.name));
        Ok(counts.into())
    }

    /// Shows the newest snapshot with other statistics.
    pub fn take_statistics(&self, statistics: Statistics) {
        if let Some(snapshot) = self.snapshot.load_full() {
            self.snapshot.store(Some(Arc::new(Snapshot { statistics: Arc::new(statistics), ..Snapshot::clone(&snapshot) })));
        }
    }
}

/// Without them the next start takes longer, and nothing else.
fn keep_counts(counts: &Counts, folder: &Path) {
    if let Err(error) = counts.keep(folder) {
        tracing::warn!(cause = format!("{error:#}"), folder = %folder.display(), "the counts of terms cannot be kept beside the index");
    }
}

impl SearchIndex {
    /// What the ranking is made from.
    pub fn mode(&self) -> SearchMode {
        if self.embedder.is_some() { SearchMode::Hybrid } else { SearchMode::Words }
    }

    /// What a question means, as a snapshot's listings are compared. Takes some milliseconds of a core.
    pub fn meaning(&self, snapshot: &Snapshot, question: &str) -> Option<Meaning> {
        snapshot.means.centre(Role::Query, &*self.embedder.as_ref()?.embed_question(question)?)
    }
}

text_enum! {
    /// What the ranking is made from.
    pub enum SearchMode {
        Words = "words",
        Hybrid = "hybrid",
    }
}

/// A stored bytes field of a document.
pub fn stored_bytes(document: &TantivyDocument, field: tantivy::schema::Field) -> Option<&[u8]> {
    document.get_first(field).and_then(|value| value.as_bytes())
}
