//! Vectors of texts that were met before, for measurements: kept by model and text in the user's cache folder.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use zonebridge_meaning::vector::Direction;

use super::embedder::{E5_WIDTH, Embedder, READING, Raw, UNIVERSAL_WIDTH, as_read};
use super::means::Role;
use crate::text::language::chinese_share;
use crate::text::pieces::pieces;

const KEY: usize = 32;
/// So many texts are embedded between two writes, so that an interruption loses little.
const BATCH: usize = 128;

/// Texts as wholes by both models, and pieces of texts by the universal encoder alone.
pub struct VectorCache {
    whole: Store,
    pieces: Store,
}

impl VectorCache {
    pub fn open(folder: &Path) -> Result<Self> {
        let folder = folder.join("vectors");
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self {
            whole: Store::open(&folder.join(format!("{READING}.bin")), E5_WIDTH + UNIVERSAL_WIDTH)?,
            pieces: Store::open(&folder.join(format!("{READING}-pieces.bin")), UNIVERSAL_WIDTH)?,
        })
    }

    /// The vectors of texts in their order, of passages those of their pieces too. Those that are not known are made; `progress` hears of
    /// texts done and to do.
    pub fn embed(&mut self, embedder: &Embedder, role: Role, texts: &[&str], mut progress: impl FnMut(usize, usize)) -> Result<Vec<Raw>> {
        let record = |raw: Raw| Some([Direction::of(&raw.e5)?.to_bytes(), Direction::of(&raw.universal)?.to_bytes()].concat());
        let mark: &[u8] = match role {
            Role::Query => b"query",
            Role::Passage => b"passage",
        };
        let whole = self.whole.records(mark, texts, &mut progress, |texts| embedder.embed(role, texts).into_iter().map(record).collect())?;
        let whole: Vec<Raw> = whole.iter().zip(texts).map(|(record, text)| raw(record, text).context("a text has no vector")).collect::<Result<_>>()?;
        if role == Role::Query {
            return Ok(whole);
        }
        let read: Vec<Cow<'_, str>> = texts.iter().map(|text| as_read(text)).collect();
        let cut: Vec<Vec<&str>> = read.iter().map(|text| pieces(text)).collect();
        let record = |vector: Vec<f32>| Some(Direction::of(&vector)?.to_bytes());
        let records = self.pieces.records(b"piece", &cut.concat(), &mut progress, |pieces| embedder.embed_pieces(pieces).into_iter().map(record).collect())?;
        let mut records = records.iter();
        let with_pieces = |(raw, cut): (Raw, &Vec<&str>)| {
            let pieces = records.by_ref().take(cut.len()).filter_map(|record| Some(Direction::from_bytes(record)?.to_unit())).collect();
            Raw { pieces, ..raw }
        };
        Ok(whole.into_iter().zip(&cut).map(with_pieces).collect())
    }
}

/// Records of a key and the bytes of vectors, one after the other in a file that only grows.
struct Store {
    file: File,
    known: HashMap<[u8; KEY], Box<[u8]>>,
}

impl Store {
    fn open(path: &Path, length: usize) -> Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        let bytes = fs::read(path)?;
        let records = bytes.chunks_exact(KEY + length);
        // What was cut short is cut off, or all that comes after it would be out of step.
        file.set_len((bytes.len() - records.remainder().len()) as u64)?;
        let known = records.filter_map(|record| Some((*record.first_chunk()?, record.get(KEY..)?.into()))).collect();
        Ok(Self { file, known })
    }

    /// The records of texts in their order, empty ones of texts that have no vector.
    fn records(&mut self, mark: &[u8], texts: &[&str], progress: &mut impl FnMut(usize, usize), embed: impl Fn(&[&str]) -> Vec<Option<Vec<u8>>>) -> Result<Vec<Box<[u8]>>> {
        let keys: Vec<[u8; KEY]> = texts.iter().map(|text| key(mark, text)).collect();
        let mut missing: Vec<usize> = (0..texts.len()).filter(|number| !self.known.contains_key(&keys[*number])).collect();
        // Of like length together, the longest first: the rest takes less than it seems.
        missing.sort_by_key(|number| std::cmp::Reverse(texts[*number].len()));
        for (batch, numbers) in missing.chunks(BATCH).enumerate() {
            progress(batch * BATCH, missing.len());
            let of_batch: Vec<&str> = numbers.iter().map(|number| texts[*number]).collect();
            let mut written = Vec::new();
            for (number, record) in numbers.iter().zip(embed(&of_batch)) {
                let Some(record) = record else { continue };
                written.extend_from_slice(&keys[*number]);
                written.extend_from_slice(&record);
                self.known.insert(keys[*number], record.into());
            }
            self.file.write_all(&written)?;
        }
        Ok(keys.iter().map(|key| self.known.get(key).cloned().unwrap_or_default()).collect())
    }
}

fn raw(record: &[u8], text: &str) -> Option<Raw> {
    let (e5, universal) = record.split_at_checked(E5_WIDTH)?;
    Some(Raw { e5: Direction::from_bytes(e5)?.to_unit(), universal: Direction::from_bytes(universal)?.to_unit(), pieces: Vec::new(), chinese: chinese_share(text) })
}

fn key(mark: &[u8], text: &str) -> [u8; KEY] {
    let mut sha = Sha256::new();
    sha.update(mark);
    sha.update([0]);
    sha.update(text);
    sha.finalize().into()
}
