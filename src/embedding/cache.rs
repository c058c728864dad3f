//! Vectors of texts that were met before, for measurements: kept by model and text in the user's cache folder.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use zonebridge_meaning::vector::Direction;

use super::embedder::{E5_WIDTH, Embedder, MODEL, Raw, UNIVERSAL_WIDTH};
use super::means::Role;
use crate::text::language::chinese_share;

const KEY: usize = 32;
const RECORD: usize = KEY + E5_WIDTH + UNIVERSAL_WIDTH;
/// So many texts are embedded between two writes, so that an interruption loses little.
const BATCH: usize = 128;

/// Records of a key and the directions of both models, one after the other in a file that only grows.
pub struct VectorCache {
    file: File,
    known: HashMap<[u8; KEY], Box<[u8]>>,
}

impl VectorCache {
    pub fn open(folder: &Path) -> Result<Self> {
        let folder = folder.join("vectors");
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let path = folder.join(format!("{}.bin", MODEL.replace('/', "-")));
        let file = OpenOptions::new().create(true).read(true).append(true).open(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
        let bytes = fs::read(&path)?;
        let (records, rest) = bytes.as_chunks::<RECORD>();
        // What was cut short is cut off, or all that comes after it would be out of step.
        file.set_len((bytes.len() - rest.len()) as u64)?;
        let known = records.iter().filter_map(|record| Some((*record.first_chunk()?, record[KEY..].into()))).collect();
        Ok(Self { file, known })
    }

    /// The vectors of texts in their order. Those that are not known are made; `progress` hears of texts done and to do.
    pub fn embed(&mut self, embedder: &Embedder, role: Role, texts: &[&str], mut progress: impl FnMut(usize, usize)) -> Result<Vec<Raw>> {
        let keys: Vec<[u8; KEY]> = texts.iter().map(|text| key(role, text)).collect();
        let mut missing: Vec<usize> = (0..texts.len()).filter(|number| !self.known.contains_key(&keys[*number])).collect();
        // Of like length together, the longest first: the rest takes less than it seems.
        missing.sort_by_key(|number| std::cmp::Reverse(texts[*number].len()));
        for (batch, numbers) in missing.chunks(BATCH).enumerate() {
            progress(batch * BATCH, missing.len());
            let of_batch: Vec<&str> = numbers.iter().map(|number| texts[*number]).collect();
            let mut written = Vec::new();
            for (number, raw) in numbers.iter().zip(embedder.embed(role, &of_batch)) {
                let (Some(e5), Some(universal)) = (Direction::of(&raw.e5), Direction::of(&raw.universal)) else { continue };
                let record = [e5.to_bytes(), universal.to_bytes()].concat();
                written.extend_from_slice(&keys[*number]);
                written.extend_from_slice(&record);
                self.known.insert(keys[*number], record.into());
            }
            self.file.write_all(&written)?;
        }
        let all = keys.iter().zip(texts).map(|(key, text)| self.known.get(key).and_then(|record| raw(record, text)).context("a text has no vector"));
        all.collect()
    }
}

fn raw(record: &[u8], text: &str) -> Option<Raw> {
    let (e5, universal) = record.split_at_checked(E5_WIDTH)?;
    Some(Raw { e5: Direction::from_bytes(e5)?.to_unit(), universal: Direction::from_bytes(universal)?.to_unit(), chinese: chinese_share(text) })
}

fn key(role: Role, text: &str) -> [u8; KEY] {
    let role: &[u8] = match role {
        Role::Query => b"query",
        Role::Passage => b"passage",
    };
    let mut sha = Sha256::new();
    sha.update(role);
    sha.update([0]);
    sha.update(text);
    sha.finalize().into()
}
