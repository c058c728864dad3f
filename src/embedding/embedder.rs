//! From texts to their vectors.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use quick_cache::sync::Cache;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use zonebridge_meaning::files::{FilesError, Models};

use super::means::Role;
use crate::text::clean::clip;
use crate::text::language::chinese_share;
use crate::text::pieces::pieces;

/// Names the models and which vectors a listing has of them. It changes with anything that changes these, which then are made anew.
pub const MODEL: &str = "e5-small-q4+use-m3/3";
/// Names the models and how they read a text.
pub const READING: &str = "e5-small-q4+use-m3-2";
/// Components of the vectors of both models.
pub const E5_WIDTH: usize = 384;
pub const UNIVERSAL_WIDTH: usize = 512;
/// So many texts go through a model together, on one core.
const TOGETHER: usize = 8;
/// The models read texts of any length in windows; beyond so many characters a text says nothing new.
const READ: usize = 20_000;

/// Runs work on threads that give way to all that somebody waits for.
pub fn in_background<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*BACKGROUND {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// A text's vectors as the models make them, of length 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    pub e5: Vec<f32>,
    pub universal: Vec<f32>,
    /// The universal encoder's of the text's pieces, none where there is one piece or they were not asked for.
    pub pieces: Vec<Vec<f32>>,
    /// The share of Chinese characters among the text's letters.
    pub chinese: f32,
}

/// The models in use. Cloning shares them.
#[derive(Clone)]
pub struct Embedder {
    models: Arc<Models>,
    /// What was asked a moment ago is asked again for the next page, or by somebody else.
    asked: Arc<Cache<String, Arc<Raw>>>,
}

/// How many questions' vectors are remembered, some 4 kB each.
const REMEMBERED: usize = 4_096;

/// Threads that give way to those that somebody waits for.
static BACKGROUND: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let builder = ThreadPoolBuilder::new().thread_name(|number| format!("embedding-{number}")).start_handler(|_| {
        // On Linux this is the priority of the thread alone. Where it is not granted, the work is as urgent as any.
        let _ = rustix::process::nice(10);
    });
    builder.build().inspect_err(|error| tracing::warn!(cause = %error, "vectors are made at the priority of requests")).ok()
});

impl Embedder {
    /// Reads the models from a folder, once for the whole process.
    pub fn of_folder(folder: &Path) -> Result<Self, FilesError> {
        static READ_BEFORE: Mutex<Option<HashMap<PathBuf, Arc<Models>>>> = Mutex::new(None);
        let mut read_before = READ_BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        let all = read_before.get_or_insert_default();
        if let Some(models) = all.get(folder) {
            return Ok(Self::with(Arc::clone(models)));
        }
        let models = Arc::new(Models::read(folder)?);
        all.insert(folder.to_path_buf(), Arc::clone(&models));
        Ok(Self::with(models))
    }

    fn with(models: Arc<Models>) -> Self {
        Self { models, asked: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// The vectors of texts as wholes, on all cores. Takes tens of milliseconds a text: nothing for an async thread.
    pub fn embed(&self, role: Role, texts: &[&str]) -> Vec<Raw> {
        texts.par_chunks(TOGETHER).flat_map_iter(|texts| self.embed_together(role, texts)).collect()
    }

    /// The universal encoder's vectors of pieces of texts, on all cores.
    pub fn embed_pieces(&self, pieces: &[&str]) -> Vec<Vec<f32>> {
        pieces.par_chunks(TOGETHER).flat_map_iter(|pieces| self.models.universal.embed(pieces)).collect()
    }

    /// Passages as wholes and in pieces, giving way to all other work of this machine.
    pub fn embed_in_background(&self, passages: &[&str]) -> Vec<Raw> {
        let embed = || {
            let read: Vec<Cow<'_, str>> = passages.iter().map(|passage| as_read(passage)).collect();
            let pieces: Vec<Vec<&str>> = read.iter().map(|passage| pieces(passage)).collect();
            let mut of_pieces = self.embed_pieces(&pieces.concat()).into_iter();
            let whole = self.embed(Role::Passage, passages).into_iter().zip(&pieces);
            whole.map(|(raw, pieces)| Raw { pieces: of_pieces.by_ref().take(pieces.len()).collect(), ..raw }).collect()
        };
        in_background(embed)
    }

    /// Short texts as questions, giving way to all other work of this machine.
    pub fn embed_titles_in_background(&self, titles: &[&str]) -> Vec<Raw> {
        in_background(|| self.embed(Role::Query, titles))
    }

    /// The vectors of a question: some milliseconds the first time.
    pub fn embed_question(&self, text: &str) -> Option<Arc<Raw>> {
        if let Some(known) = self.asked.get(text) {
            return Some(known);
        }
        let raw = Arc::new(self.embed_together(Role::Query, &[text]).pop()?);
        self.asked.insert(text.to_owned(), Arc::clone(&raw));
        Some(raw)
    }

    fn embed_together(&self, role: Role, texts: &[&str]) -> Vec<Raw> {
        let texts: Vec<Cow<'_, str>> = texts.iter().map(|text| as_read(text)).collect();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        // Somebody may be waiting for a question's vectors: where a core is idle it makes one of them.
        let (e5, universal) = rayon::join(|| self.models.e5.embed(role.into(), &texts), || self.models.universal.embed(&texts));
        let both = e5.into_iter().zip(universal).zip(&texts);
        both.map(|((e5, universal), text)| Raw { e5, universal, pieces: Vec::new(), chinese: chinese_share(text) }).collect()
    }
}

/// What of a text the models read.
pub fn as_read(text: &str) -> Cow<'_, str> {
    without_shouting(clip(text, READ))
}

/// Capitals throughout are read letter by letter by the models, which learned from ordinary texts: such a text is read in small letters.
fn without_shouting(text: &str) -> Cow<'_, str> {
    let (mut capitals, mut others) = (0_usize, 0_usize);
    for c in text.chars() {
        if c.is_uppercase() {
            capitals += 1;
        } else if c.is_lowercase() {
            others += 1;
        }
    }
    // An acronym alone is not shouted.
    if capitals > 12 && capitals * 2 > others * 3 { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_capitals_are_read_in_small_letters() {
        assert_eq!(without_shouting("MICROWAVE SPECTROSCOPY OF GASES"), "microwave spectroscopy of gases");
        for text in ["GPU", "FPGA SerDes PHY IP", "需要GPU与FPGA", "NVIDIA H100 servers for training"] {
            assert_eq!(without_shouting(text), text);
        }
    }
}
