//! Counting the values of tags over all documents that a search finds.

use std::collections::HashMap;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::StrColumn;
use tantivy::{DocAddress, DocId, Score, Searcher, SegmentOrdinal, SegmentReader};

use super::fields::TAGS;

/// Counts per tag, `name:value`, for the names asked.
pub struct TagCounts {
    pub names: Vec<String>,
}

pub struct SegmentCounts {
    column: Option<StrColumn>,
    /// By the ordinal of the tag in this segment.
    counts: Vec<u32>,
    names: Vec<String>,
}

impl Collector for TagCounts {
    type Fruit = HashMap<String, u64>;
    type Child = SegmentCounts;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentCounts> {
        let column = if self.names.is_empty() { None } else { segment.fast_fields().str(TAGS)? };
        let terms = column.as_ref().map_or(0, |column| column.dictionary().num_terms());
        Ok(SegmentCounts { column, counts: vec![0; terms], names: self.names.clone() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<HashMap<String, u64>>) -> tantivy::Result<HashMap<String, u64>> {
        let mut all: HashMap<String, u64> = HashMap::new();
        for (tag, count) in fruits.into_iter().flatten() {
            *all.entry(tag).or_default() += count;
        }
        Ok(all)
    }
}

impl SegmentCollector for SegmentCounts {
    type Fruit = HashMap<String, u64>;

    fn collect(&mut self, doc: DocId, _: Score) {
        let Some(column) = &self.column else { return };
        for ordinal in column.ords().values_for_doc(doc) {
            if let Some(count) = usize::try_from(ordinal).ok().and_then(|ordinal| self.counts.get_mut(ordinal)) {
                *count += 1;
            }
        }
    }

    fn harvest(self) -> HashMap<String, u64> {
        let Some(column) = self.column else { return HashMap::new() };
        let mut named = HashMap::new();
        let mut tag = String::new();
        for (ordinal, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let found = column.ord_to_str(ordinal as u64, &mut tag).unwrap_or(false);
            if found && tag.split(':').next().is_some_and(|name| self.names.iter().any(|asked| asked == name)) {
                named.insert(tag.clone(), u64::from(count));
            }
        }
        named
    }
}

/// Adds the tags of some documents to counts.
pub fn count_tags(searcher: &Searcher, addresses: &[DocAddress], names: &[String], counts: &mut HashMap<String, u64>) -> tantivy::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let mut addresses = addresses.to_vec();
    addresses.sort_unstable();
    let all = TagCounts { names: names.to_vec() };
    for of_segment in addresses.chunk_by(|a, b| a.segment_ord == b.segment_ord) {
        let Some(first) = of_segment.first() else { continue };
        let mut segment = all.for_segment(first.segment_ord, searcher.segment_reader(first.segment_ord))?;
        for address in of_segment {
            segment.collect(address.doc_id, 0.0);
        }
        for (tag, count) in segment.harvest() {
            *counts.entry(tag).or_default() += count;
        }
    }
    Ok(())
}
