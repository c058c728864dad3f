//! What may be offered to somebody who types: words of concepts and keywords of listings, those of the documents that guests see.
//!
//! Each such document has entries in a field of its own, so that a prefix is a range of the field's dictionary: `c` and the code of a
//! concept; `k` and a folded keyword; `l` and the rest of it from a later word on. Keywords have their spelling behind a separator.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, Searcher, SegmentReader, TERMINATED};

use crate::taxonomy::concept::{Concept, all, named};
use crate::text::fold::{fold, is_han};
use crate::text::segment::word_starts;

const CONCEPT: char = 'c';
const KEYWORD: char = 'k';
const LATER: char = 'l';
/// Text is cleaned of control characters, so none has this one.
const SEPARATOR: char = '\u{1f}';
/// A keyword is found from so many of its words on.
const MAX_STARTS: usize = 8;
/// So many entries of all segments together are looked at: a prefix that begins more is too short to tell what is meant.
const WALKED: usize = 3_000;
/// So many words are offered at most.
pub const MOST: usize = 10;
/// Of the first so many it is counted who still holds them.
const RECOUNTED: usize = 40;
/// Up to so many documents are counted one by one where some were deleted; of more, the share that is left is assumed.
const COUNTED: u32 = 256;

/// The entries of a document that guests see.
pub fn entries(keywords: &[String], concepts: &[&str]) -> Vec<String> {
    let mut entries: Vec<String> = concepts.iter().map(|code| concept_entry(code)).collect();
    let mut seen = HashSet::new();
    for keyword in keywords {
        let folded = fold(keyword);
        for at in starts(&folded).into_iter().take(MAX_STARTS) {
            let marker = if at == 0 { KEYWORD } else { LATER };
            if seen.insert((at, folded.clone())) {
                entries.push(format!("{marker}{}{SEPARATOR}{keyword}", &folded[at..]));
            }
        }
    }
    entries
}

fn concept_entry(code: &str) -> String {
    format!("{CONCEPT}{code}")
}

/// The beginning of a text, and where its later words begin: in Chinese each character, since people agree less on words than a dictionary.
fn starts(folded: &str) -> Vec<usize> {
    let characters = folded.char_indices().filter(|(_, c)| is_han(*c)).map(|(at, _)| at);
    let mut starts: Vec<usize> = std::iter::once(0).chain(word_starts(folded)).chain(characters).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// A word that completes what was typed.
#[derive(Debug, Clone)]
pub struct Completion {
    pub text: String,
    /// What it names; `None` of a keyword.
    pub concept: Option<&'static Concept>,
    /// How many listings that guests see carry it.
    pub count: u64,
    /// Whether what was typed begins a later word of it.
    later: bool,
    /// Its entries in the index.
    entries: Vec<String>,
}

impl Completion {
    /// The language that is typed comes first, then what more listings carry.
    fn order(&self, typed_han: bool) -> impl Ord + use<> {
        (self.later, has_han(&self.text) != typed_han, Reverse(self.count), self.text.chars().count(), self.text.clone())
    }
}

fn has_han(text: &str) -> bool {
    text.chars().any(is_han)
}

/// What was typed before on the same snapshot of the index: everybody begins with the same few letters, and these take longest.
pub struct Completed(Cache<String, Arc<[Completion]>>);

/// How many beginnings are remembered.
const REMEMBERED: usize = 4_096;

impl Default for Completed {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Completed {
    /// At most [`MOST`] words that complete what was typed, the best first.
    pub fn complete(&self, searcher: &Searcher, field: Field, typed: &str) -> tantivy::Result<Arc<[Completion]>> {
        self.0.get_or_insert_with(typed, || Ok(complete(searcher, field, typed, MOST)?.into()))
    }
}

/// At most `limit` words that complete what was typed, the best first.
fn complete(searcher: &Searcher, field: Field, typed: &str, limit: usize) -> tantivy::Result<Vec<Completion>> {
    let (prefix, typed_han) = (fold(typed.trim()), has_han(typed));
    let segments = segments(searcher, field)?;
    let mut found = Vec::new();
    for later in [false, true] {
        if found.len() < limit {
            let more = candidates(&segments, &prefix, typed_han, later)?;
            add_new(&mut found, more);
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// What comes first stays: a keyword that is a word of a concept, or that was found from its beginning, is not offered twice.
fn add_new(found: &mut Vec<Completion>, more: Vec<Completion>) {
    let mut seen: HashSet<String> = found.iter().map(|completion| fold(&completion.text)).collect();
    let mut concepts: HashSet<&str> = found.iter().chain(&more).filter_map(|completion| completion.concept).map(|concept| concept.code).collect();
    let before: HashSet<&str> = found.iter().filter_map(|completion| completion.concept).map(|concept| concept.code).collect();
    for completion in more {
        let is_new = match completion.concept {
            Some(concept) => !before.contains(concept.code),
            None => named(&completion.text).is_none_or(|concept| concepts.insert(concept.code)),
        };
        if seen.insert(fold(&completion.text)) && is_new {
            found.push(completion);
        }
    }
}

type Segment<'a> = (&'a SegmentReader, Arc<InvertedIndexReader>);

fn segments(searcher: &Searcher, field: Field) -> tantivy::Result<Vec<Segment<'_>>> {
    searcher.segment_readers().iter().map(|segment| Ok((segment, segment.inverted_index(field)?))).collect()
}

/// The best of what begins so, or has a later word that does, with how many hold it now.
fn candidates(segments: &[Segment<'_>], prefix: &str, typed_han: bool, later: bool) -> tantivy::Result<Vec<Completion>> {
    let mut all = concepts(prefix, typed_han, later);
    for concept in &mut all {
        concept.count = frequency(segments, &concept.entries)?;
    }
    all.extend(keywords(segments, prefix, later)?);
    all.retain(|completion| completion.count > 0);
    all.sort_by_cached_key(|completion| completion.order(typed_han));
    all.truncate(RECOUNTED);
    for completion in &mut all {
        completion.count = alive(segments, &completion.entries)?;
    }
    all.retain(|completion| completion.count > 0);
    all.sort_by_cached_key(|completion| completion.order(typed_han));
    Ok(all)
}

/// A word of a concept from one of its own words on.
struct ConceptWord {
    folded: String,
    later: bool,
    word: &'static str,
    /// Its place among the words of the concept, the preferred ones first.
    place: usize,
    concept: &'static Concept,
}

/// In the order of the folded texts.
static CONCEPT_WORDS: LazyLock<Vec<ConceptWord>> = LazyLock::new(|| {
    let mut words = Vec::new();
    for concept in all() {
        for (place, word) in concept.words().enumerate() {
            let folded = fold(word);
            words.extend(starts(&folded).into_iter().map(|at| ConceptWord { folded: folded[at..].to_owned(), later: at > 0, word, place, concept }));
        }
    }
    words.sort_by(|a, b| a.folded.cmp(&b.folded));
    words
});

/// Of each concept the word that fits best what was typed.
fn concepts(prefix: &str, typed_han: bool, later: bool) -> Vec<Completion> {
    let from = CONCEPT_WORDS.partition_point(|word| word.folded.as_str() < prefix);
    let fitting = CONCEPT_WORDS[from..].iter().take_while(|word| word.folded.starts_with(prefix)).filter(|word| word.later == later);
    let mut best: HashMap<&str, &ConceptWord> = HashMap::new();
    let order = |word: &ConceptWord| (has_han(word.word) != typed_han, word.place);
    for word in fitting {
        let kept = best.entry(word.concept.code).or_insert(word);
        if order(word) < order(kept) {
            *kept = word;
        }
    }
    let completion = |word: &ConceptWord| Completion { text: word.word.to_owned(), concept: Some(word.concept), count: 0, later, entries: vec![concept_entry(word.concept.code)] };
    best.into_values().map(completion).collect()
}

/// The keywords of the index, a bounded walk of its dictionaries.
fn keywords(segments: &[Segment<'_>], prefix: &str, later: bool) -> tantivy::Result<Vec<Completion>> {
    let start = format!("{}{prefix}", if later { LATER } else { KEYWORD });
    let budget = (WALKED / segments.len().max(1)).max(1);
    let mut found: HashMap<String, Completion> = HashMap::new();
    for (_, index) in segments {
        let mut stream = index.terms().range().ge(start.as_bytes()).into_stream()?;
        let mut walked = 0;
        while walked < budget && stream.advance() && stream.key().starts_with(start.as_bytes()) {
            walked += 1;
            let Ok(entry) = std::str::from_utf8(stream.key()) else { continue };
            let Some((folded, written)) = entry.split_once(SEPARATOR) else { continue };
            // From its beginning on a keyword is one whatever its case; which it is from a later word on, only all of it tells.
            let key = if later { written } else { folded };
            let empty = || Completion { text: written.to_owned(), concept: None, count: 0, later, entries: Vec::new() };
            let completion = found.entry(key.to_owned()).or_insert_with(empty);
            completion.count += u64::from(stream.value().doc_freq);
            if !completion.entries.iter().any(|other| other == entry) {
                completion.entries.push(entry.to_owned());
            }
        }
    }
    Ok(found.into_values().collect())
}

/// How many documents have had one of the entries, those that are deleted by now too.
fn frequency(segments: &[Segment<'_>], entries: &[String]) -> tantivy::Result<u64> {
    let mut sum = 0;
    for (_, index) in segments {
        for entry in entries {
            sum += index.terms().get(entry.as_bytes())?.map_or(0, |info| u64::from(info.doc_freq));
        }
    }
    Ok(sum)
}

/// How many documents hold one of the entries now. Segments tell of deleted documents too until they are merged.
fn alive(segments: &[Segment<'_>], entries: &[String]) -> tantivy::Result<u64> {
    let mut sum = 0;
    for (segment, index) in segments {
        for entry in entries {
            let Some(info) = index.terms().get(entry.as_bytes())? else { continue };
            let Some(alive) = segment.alive_bitset() else {
                sum += u64::from(info.doc_freq);
                continue;
            };
            if info.doc_freq > COUNTED {
                sum += u64::from(info.doc_freq) * u64::from(segment.num_docs()) / u64::from(segment.max_doc().max(1));
                continue;
            }
            let mut postings = index.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
            while postings.doc() != TERMINATED {
                sum += u64::from(alive.is_alive(postings.doc()));
                postings.advance();
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use tantivy::{Index, IndexWriter, TantivyDocument};

    use super::*;
    use crate::search::fields::Fields;

    #[test]
    fn a_keyword_has_an_entry_for_each_of_its_words() {
        let made = entries(&["Edge GPU".to_owned(), "edge gpu".to_owned(), "芯片设计".to_owned()], &["base.chips.gpu"]);
        assert_eq!(
            made,
            ["cbase.chips.gpu", "kedge gpu\u{1f}Edge GPU", "lgpu\u{1f}Edge GPU", "k芯片设计\u{1f}芯片设计", "l片设计\u{1f}芯片设计", "l设计\u{1f}芯片设计", "l计\u{1f}芯片设计"]
        );
    }

    #[test]
    fn what_was_typed_before_is_remembered() {
        let fields = Fields::new();
        let index = Index::create_in_ram(fields.schema.clone());
        let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, 15_000_000).unwrap();
        let mut document = TantivyDocument::default();
        for entry in entries(&["Edge GPU".to_owned(), "Edgeless".to_owned()], &[]) {
            document.add_text(fields.completions, entry);
        }
        writer.add_document(document).unwrap();
        writer.commit().unwrap();
        let searcher = index.reader().unwrap().searcher();
        let completed = Completed::default();
        let ask = |typed: &str| completed.complete(&searcher, fields.completions, typed).unwrap();
        let texts = |found: &[Completion]| found.iter().map(|completion| completion.text.clone()).collect::<Vec<_>>();
        let first = ask("edge");
        assert_eq!(texts(&first).len(), 2, "{:?}", texts(&first));
        assert!(Arc::ptr_eq(&first, &ask("edge")), "the same answer, not one like it");
        assert_eq!(texts(&ask("edgel")), ["Edgeless"]);
    }

    #[test]
    fn of_a_concept_the_word_in_the_typed_language_is_offered() {
        let offered = |typed: &str, code: &str| {
            concepts(typed, has_han(typed), false).into_iter().find(|found| found.concept.is_some_and(|concept| concept.code == code)).map(|found| found.text)
        };
        assert_eq!(offered("ai", "base.chips.ai_chip").as_deref(), Some("AI chip"));
        assert_eq!(offered("图形", "base.chips.gpu").as_deref(), Some("图形处理器"));
        assert_eq!(offered("gp", "base.chips.gpu").as_deref(), Some("GPU"));
        assert_eq!(offered("处理器", "base.chips.gpu"), None);
    }
}
