//! How many of what was found have each value of a tag.

use std::collections::HashMap;

use tantivy::columnar::StrColumn;
use tantivy::{DocId, SegmentReader};

use super::bits::Bits;
use super::fields::TAGS;
use super::rank::Ground;

/// Reading a document's tags, whose names lie in packed blocks, takes about as long as counting so many words of two sets of bits.
const READING: usize = 20_000;
/// Sets are kept for names of no more values than this.
const VALUES: usize = 100;

/// The counts of each tag, `name:value`, of the names asked for, over what was found in each segment.
pub fn count(ground: &Ground<'_>, names: &[String], found: &[Bits]) -> tantivy::Result<HashMap<String, u64>> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    if names.is_empty() {
        return Ok(counts);
    }
    for (segment, found) in ground.searcher.segment_readers().iter().zip(found) {
        let documents = found.count();
        let tags = if documents == 0 { Vec::new() } else { tags_of(ground, segment, names)? };
        let by_sets = tags.len() * found.words().len();
        if tags.len() <= VALUES && by_sets <= documents * READING {
            for tag in tags {
                let count = ground.known.tagged(ground.searcher, segment, ground.fields, &tag)?.count_common(found);
                *counts.entry(tag).or_default() += count as u64;
            }
        } else if let Some(column) = segment.fast_fields().str(TAGS)? {
            read(&column, found.documents(), names, &mut counts)?;
        }
    }
    counts.retain(|_, count| *count > 0);
    Ok(counts)
}

/// All tags of some names in a segment.
fn tags_of(ground: &Ground<'_>, segment: &SegmentReader, names: &[String]) -> tantivy::Result<Vec<String>> {
    let index = segment.inverted_index(ground.fields.tags)?;
    let mut tags = Vec::new();
    for name in names {
        // The sign behind the colon ends the range.
        let mut stream = index.terms().range().ge(format!("{name}:")).lt(format!("{name};")).into_stream()?;
        while stream.advance() {
            tags.extend(std::str::from_utf8(stream.key()).map(str::to_owned));
        }
    }
    Ok(tags)
}

/// Counts the tags of a few documents by reading them.
fn read(column: &StrColumn, documents: impl Iterator<Item = DocId>, names: &[String], counts: &mut HashMap<String, u64>) -> tantivy::Result<()> {
    let mut by_ordinal: HashMap<u64, u64> = HashMap::new();
    for ordinal in documents.flat_map(|document| column.ords().values_for_doc(document)) {
        *by_ordinal.entry(ordinal).or_default() += 1;
    }
    let mut tag = String::new();
    for (ordinal, count) in by_ordinal {
        let found = column.ord_to_str(ordinal, &mut tag)?;
        if found && tag.split(':').next().is_some_and(|name| names.iter().any(|asked| asked == name)) {
            *counts.entry(tag.clone()).or_default() += count;
        }
    }
    Ok(())
}
