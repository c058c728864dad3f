//! Proves that the index holds what the database says: ids, revisions, content digests, and the postings themselves.
//!
//! Each document's stored content is digested anew, never taken from a stored digest; and every posting of the inverted index is added
//! up by document and compared with the terms that the analysis gives today, so a document that shows right but is found wrong fails too.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::Arc;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use tantivy::postings::Postings;
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{DocSet, Searcher, TERMINATED, TantivyDocument};
use uuid::Uuid;

use super::columns::Columns;
use super::document::{Indexed, Meanings, Placed, documents, pack, pack_bytes};
use super::fields::Fields;
use super::index::{Progress, stored_bytes};
use crate::db::Database;
use crate::embedding::means::Meaning;
use crate::embedding::vectors;
use crate::listings::published::{self, Chunk};

/// What a document is compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    revision: u64,
    digest: [u8; 32],
    postings: u64,
}

/// What was found wrong. The fast fields, by which is filtered and sorted, are made from the same values as the card and the tags and are
/// not compared by themselves.
#[derive(Debug, Default)]
pub struct Report {
    pub listings: usize,
    pub documents: usize,
    pub differences: Vec<String>,
}

/// Compares a snapshot with the database as it is now. Nothing may be written to the database meanwhile, or the caller compares again.
pub async fn check(database: &Database, searcher: &Searcher, fields: &Fields) -> Result<Report> {
    let mut expected: BTreeMap<String, Mark> = BTreeMap::new();
    let mut conn = database.read().await?;
    let mut report = Report::default();
    let version = Progress::of(searcher.index()).context("the index does not say how it was made")?.means;
    let means = Arc::new(vectors::means_of_version(&mut conn, version).await?.context("the means that the index was made with are forgotten")?);
    let mut after = None;
    loop {
        let Chunk { entries, last } = published::after(&mut conn, after, 500).await?;
        let Some(last) = last else { break };
        after = Some(last);
        report.listings += entries.len();
        let ids: Vec<Uuid> = entries.iter().map(|entry| entry.listing.id).collect();
        let meanings = Meanings { means: Arc::clone(&means), vectors: vectors::of_listings(&mut conn, &ids).await? };
        for entry in &entries {
            for document in documents(entry, &meanings) {
                expected.insert(key(&document.id, document.audiences.iter().copied()), mark_of(&document, fields));
            }
        }
    }
    let found = found_marks(searcher, fields, &mut report)?;
    report.documents = found.len();
    for (key, mark) in &expected {
        match found.get(key) {
            None => report.differences.push(format!("{key}: missing in the index")),
            Some(other) if other.revision != mark.revision => {
                report.differences.push(format!("{key}: revision {} in the index, {} in the database", other.revision, mark.revision));
            }
            Some(other) if other.digest != mark.digest => report.differences.push(format!("{key}: the content differs")),
            Some(other) if other.postings != mark.postings => report.differences.push(format!("{key}: the terms differ")),
            Some(_) => {}
        }
    }
    for key in found.keys().filter(|key| !expected.contains_key(*key)) {
        report.differences.push(format!("{key}: in the index, but not published in the database"));
    }
    Ok(report)
}

fn key<'a>(id: &str, audiences: impl Iterator<Item = &'a str>) -> String {
    let mut audiences: Vec<&str> = audiences.collect();
    audiences.sort_unstable();
    format!("{id} ({})", audiences.join("+"))
}

fn digest(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    sha.finalize().into()
}

/// A posting as a number; a document's postings are the wrapping sum of theirs, in whatever order they come. Positions are those of a field of
/// text, and there are as many as the term is frequent.
fn posting(field: Field, term: &[u8], positions: &[u32]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write_u32(field.field_id());
    hasher.write(term);
    for &position in positions {
        hasher.write_u32(position);
    }
    hasher.finish()
}

fn mark_of(document: &Indexed, fields: &Fields) -> Mark {
    let text = fields.of_document(document.is_for_guests());
    let mut postings = 0_u64;
    let mut add = |field: Field, term: &str, positions: &[u32]| postings = postings.wrapping_add(posting(field, term.as_bytes(), positions));
    add(fields.id, &document.id, &[]);
    add(fields.organization, &document.organization, &[]);
    for audience in &document.audiences {
        add(fields.audience, audience, &[]);
    }
    for tag in &document.tags {
        add(fields.tags, tag, &[]);
    }
    for (field, placed) in [(text.title, &document.title), (text.words, &document.words)] {
        for (term, positions) in positions_of(placed) {
            add(field, term, &positions);
        }
    }
    for completion in &document.completions {
        add(fields.completions, completion, &[]);
    }
    let meaning = document.meaning.as_ref().map(|meaning| bytes_of(numbers_of(meaning))).unwrap_or_default();
    Mark { revision: document.revision, digest: digest([&document.card, &bytes_of(pack_bytes(&document.judged)), &meaning]), postings }
}

/// Where each term of a field stands, in rising order.
fn positions_of(placed: &[Placed]) -> BTreeMap<&str, Vec<u32>> {
    let mut all: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for term in placed {
        all.entry(&term.text).or_default().push(u32::try_from(term.position).unwrap_or(u32::MAX));
    }
    for positions in all.values_mut() {
        positions.sort_unstable();
    }
    all
}

fn found_marks(searcher: &Searcher, fields: &Fields, report: &mut Report) -> Result<BTreeMap<String, Mark>> {
    let mut found = BTreeMap::new();
    for segment in searcher.segment_readers() {
        let mut sums = vec![0_u64; segment.max_doc() as usize];
        for field in [fields.id, fields.audience, fields.organization, fields.tags, fields.completions] {
            add_postings(segment, field, false, &mut sums)?;
        }
        for text in fields.of_reader(true) {
            add_postings(segment, text.title, true, &mut sums)?;
            add_postings(segment, text.words, true, &mut sums)?;
        }
        let columns = Columns::of(segment)?;
        let store = segment.get_store_reader(10)?;
        for doc in segment.doc_ids_alive() {
            let document: TantivyDocument = store.get(doc)?;
            let id = document.get_first(fields.id).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
            let audiences: Vec<String> = document.get_all(fields.audience).filter_map(|value| value.as_str().map(str::to_owned)).collect();
            let mark = Mark {
                revision: document.get_first(fields.revision).and_then(|value| value.as_u64()).unwrap_or_default(),
                digest: digest([stored_bytes(&document, fields.card).unwrap_or_default(), &columns.judged(doc), &bytes_of(columns.numbers(doc))]),
                postings: sums[doc as usize],
            };
            let key = key(&id, audiences.iter().map(String::as_str));
            if found.insert(key.clone(), mark).is_some() {
                report.differences.push(format!("{key}: twice in the index"));
            }
        }
    }
    Ok(found)
}

/// The numbers of what a listing means, as the columns have them.
fn numbers_of(meaning: &Meaning) -> impl Iterator<Item = u64> {
    let whole = [&meaning.e5, &meaning.universal].into_iter().chain(&meaning.pieces);
    whole.flat_map(|direction| pack(direction.values())).chain([meaning.languages.to_bits().into()])
}

fn bytes_of(numbers: impl Iterator<Item = u64>) -> Vec<u8> {
    numbers.flat_map(u64::to_le_bytes).collect()
}

fn add_postings(segment: &tantivy::SegmentReader, field: Field, with_positions: bool, sums: &mut [u64]) -> Result<()> {
    let index = segment.inverted_index(field)?;
    let mut stream = index.terms().stream()?;
    let option = if with_positions { IndexRecordOption::WithFreqsAndPositions } else { IndexRecordOption::Basic };
    let mut positions = Vec::new();
    while stream.advance() {
        let mut postings = index.read_postings_from_terminfo(stream.value(), option)?;
        let mut doc = postings.doc();
        while doc != TERMINATED {
            if with_positions {
                postings.positions(&mut positions);
            }
            if let Some(sum) = sums.get_mut(doc as usize) {
                *sum = sum.wrapping_add(posting(field, stream.key(), &positions));
            }
            doc = postings.advance();
        }
    }
    Ok(())
}
