//! Words that no listing holds, taken for the words that were meant.
//!
//! Only words of letters from a to z and five letters or more: shorter ones are near too many others, numbers mean what they say, and
//! Chinese is not typed letter by letter. The index holds stems, so stems are compared; what is shown to people is spelt as listings spell it.
//! A reader's question is mended by what that reader may find, so nothing hidden shows in it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde::Serialize;
use strsim::osa_distance;
use tantivy::collector::TopDocs;
use tantivy::query::{Bm25StatisticsProvider, FuzzyTermQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, Term};
use utoipa::ToSchema;

use super::conditions::Conditions;
use super::hits::card;
use super::index::{SearchIndex, Snapshot};
use super::phrase::any_of;
use super::query::QueryTerms;
use super::statistics::PublicStatistics;
use super::typed::Typed;
use crate::error::{Error, Result};
use crate::listings::view::ListingCard;
use crate::text::fold::{fold, fold_traced};
use crate::text::function_words::is_function_word;
use crate::text::segment::{Term as Segment, TermKind, pairs_of_folded};

/// How long a word must be to be mended by one step, and by two. Longer than the last is no word.
const ONE_STEP: usize = 5;
const TWO_STEPS: usize = 8;
const LONGEST: usize = 32;
/// What a similar word counts beside the one that was typed, by how many steps it is away.
const NEAR: f32 = 0.7;
const FAR: f32 = 0.5;
/// How many words are searched in the place of one.
const SIMILAR: usize = 3;
/// For how many words of a question others are looked for: with more unknown ones it is in another language, or none.
const MENDED: usize = 8;
/// How many terms of a dictionary are looked at for a word, and how many of them are asked for in the listings.
const SEEN: usize = 1_000;
const TRIED: usize = 8;
/// How many listings tell how a word is spelt.
const READ: usize = 5;

/// A word of a question that was searched by others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Correction {
    /// As it was typed.
    #[schema(example = "litium")]
    pub typed: String,
    /// What was searched in its place, the best first, as the index holds it: without endings.
    #[schema(example = json!(["lithium"]))]
    pub searched: Vec<String>,
}

/// What became of the words of a question.
#[derive(Debug, Clone, Default)]
pub struct Spelling {
    pub corrections: Vec<Correction>,
    /// The whole query with other words in the places of misspelt ones.
    pub did_you_mean: Option<String>,
}

/// Who asks, and what they may find.
pub struct Reader<'a> {
    pub index: &'a SearchIndex,
    pub snapshot: &'a Snapshot,
    /// What must hold of whatever is found, the audience above all.
    pub conditions: &'a Conditions,
    pub verified: bool,
}

/// A word of a query that could be misspelt.
struct Word {
    stem: String,
    /// Folded, as it was typed.
    spelling: String,
    /// Where it stands in what was typed.
    range: Range<usize>,
}

/// A term of the index that could have been meant.
struct Candidate {
    term: String,
    steps: usize,
    merit: f64,
}

/// Finds the misspelt words of a query, lets others be searched in their places, and says what was probably meant.
pub fn mend(reader: &Reader<'_>, typed: &str, parsed: &Typed, terms: &mut QueryTerms) -> Result<Spelling> {
    let words: Vec<Word> = parsed.looked_for.iter().flat_map(|range| words_of(typed, range)).collect();
    if words.is_empty() {
        return Ok(Spelling::default());
    }
    // Words that say nothing are not asked for, and need no mending.
    let mut asked: HashSet<String> = terms.terms.iter().map(|(term, _)| term.clone()).collect();
    let mut mending = Mending { reader, typed, terms, corrections: Vec::new(), unknown: 0 };
    let mut meant: HashMap<String, String> = HashMap::new();
    for word in words.iter().filter(|word| asked.remove(&word.stem)) {
        if let Some(spelt) = mending.meant_by(word)? {
            meant.insert(word.stem.clone(), spelt);
        }
    }
    Ok(Spelling { corrections: mending.corrections, did_you_mean: rewritten(typed, &words, &meant) })
}

/// A query that is being mended, word by word.
struct Mending<'a> {
    reader: &'a Reader<'a>,
    typed: &'a str,
    terms: &'a mut QueryTerms,
    corrections: Vec<Correction>,
    unknown: usize,
}

impl Mending<'_> {
    /// What a word was probably meant to be, as people spell it. Where no listing holds the word, others are searched in its place.
    fn meant_by(&mut self, word: &Word) -> Result<Option<String>> {
        let count = self.reader.documents_with(&word.stem)?;
        if count > 0 {
            return self.reader.frequent_beside(word, count);
        }
        self.unknown += 1;
        if self.unknown > MENDED {
            return Ok(None);
        }
        let similar = self.reader.similar(word)?;
        let Some((best, listings)) = similar.first() else { return Ok(None) };
        let spelt = self.reader.spelt(&best.term, listings, &word.spelling)?;
        let searched = similar.iter().map(|(candidate, _)| candidate.term.clone()).collect();
        self.corrections.push(Correction { typed: self.typed[word.range.clone()].to_owned(), searched });
        let weighed = similar.into_iter().map(|(candidate, _)| (candidate.term, if candidate.steps > 1 { FAR } else { NEAR }));
        self.terms.replace(&word.stem, weighed.collect());
        Ok(spelt)
    }
}

/// The words of a part of a query that may be misspelt.
fn words_of(typed: &str, range: &Range<usize>) -> Vec<Word> {
    let traced = fold_traced(&typed[range.clone()]);
    let spelt = latin_words(&traced.text);
    let found = spelt.filter(|(_, spelling)| (ONE_STEP..=LONGEST).contains(&spelling.len())).filter_map(|(term, spelling)| {
        let (from, to) = (traced.origins.get(term.start)?.0, traced.origins.get(term.end - 1)?.1);
        Some(Word { stem: term.text, spelling, range: range.start + from..range.start + to })
    });
    found.collect()
}

/// The words of letters from a to z in a folded text, each with its spelling.
fn latin_words(folded: &str) -> impl Iterator<Item = (Segment, String)> + use<> {
    let chars: Vec<char> = folded.chars().collect();
    pairs_of_folded(folded).into_iter().filter(|term| term.kind == TermKind::Latin).filter_map(move |term| {
        let spelling: String = chars.get(term.start..term.end)?.iter().collect();
        spelling.bytes().all(|letter| letter.is_ascii_lowercase()).then_some((term, spelling))
    })
}

impl Reader<'_> {
    /// How many documents hold a term, of those that the reader may find.
    fn documents_with(&self, term: &str) -> Result<u64> {
        let (searcher, fields) = (&self.snapshot.searcher, &*self.index.fields);
        let statistics = PublicStatistics { searcher, fields };
        let public = statistics.doc_freq(&Term::from_field_text(fields.of_document(true).words, term)).map_err(internal)?;
        if public > 0 || !self.verified {
            return Ok(public);
        }
        searcher.doc_freq(&Term::from_field_text(fields.of_document(false).words, term)).map_err(internal)
    }

    /// The word that was probably meant by one that few documents hold, as people spell it.
    fn frequent_beside(&self, word: &Word, count: u64) -> Result<Option<String>> {
        let Some(other) = self.snapshot.statistics.frequent.meant_by(&word.stem, count) else { return Ok(None) };
        self.spelt(other, &self.listings_with(other)?, &word.spelling)
    }

    /// What a misspelt word could be, the likeliest first, each with listings that hold it.
    fn similar(&self, word: &Word) -> Result<Vec<(Candidate, Vec<DocAddress>)>> {
        let mut found = Vec::new();
        for candidate in self.candidates(word).map_err(internal)?.into_iter().take(TRIED) {
            let listings = self.listings_with(&candidate.term)?;
            // Where a word is one step away, those two steps away are noise.
            let nearest = found.first().map_or(candidate.steps, |(first, _): &(Candidate, _)| first.steps);
            if !listings.is_empty() && candidate.steps <= nearest {
                found.push((candidate, listings));
            }
            if found.len() == SIMILAR {
                break;
            }
        }
        Ok(found)
    }

    /// The terms of the index that are near a word, the likeliest first: the nearer and the more frequent.
    fn candidates(&self, word: &Word) -> tantivy::Result<Vec<Candidate>> {
        let steps: u8 = if word.spelling.len() >= TWO_STEPS { 2 } else { 1 };
        let mut counts: HashMap<String, u64> = HashMap::new();
        for text in self.index.fields.of_reader(self.verified) {
            let asked = FuzzyTermQuery::new(Term::from_field_text(text.words, &word.stem), steps, true);
            for segment in self.snapshot.searcher.segment_readers() {
                let index = segment.inverted_index(text.words)?;
                // Chinese terms are short, so many would be within reach of the automaton until their end: they are left out by their first byte.
                let mut stream = index.terms().search(asked.automaton()?).ge("a").lt("{").into_stream()?;
                while counts.len() < SEEN && stream.advance() {
                    if let Ok(term) = std::str::from_utf8(stream.key()) {
                        *counts.entry(term.to_owned()).or_default() += u64::from(stream.value().doc_freq);
                    }
                }
            }
        }
        Ok(in_order(&word.stem, counts))
    }

    /// Some of the listings that the reader may find and that hold a term.
    fn listings_with(&self, term: &str) -> Result<Vec<DocAddress>> {
        let holds = |text| -> Box<dyn Query> { Box::new(TermQuery::new(Term::from_field_text(text, term), IndexRecordOption::Basic)) };
        let any = any_of(self.index.fields.of_reader(self.verified).iter().map(|text| holds(text.words)).collect());
        let found = self.snapshot.searcher.search(&self.conditions.with(Some(any)), &TopDocs::with_limit(READ).order_by_score()).map_err(internal)?;
        Ok(found.into_iter().map(|(_, address)| address).collect())
    }

    /// How a term is spelt in some listings: as nearly as possible to what was typed, and as often.
    fn spelt(&self, term: &str, listings: &[DocAddress], typed: &str) -> Result<Option<String>> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for &address in listings {
            for spelling in spellings(&card(self.index, self.snapshot, address)?, term) {
                *counts.entry(spelling).or_default() += 1;
            }
        }
        let best = counts.into_iter().min_by_key(|(spelling, count)| (osa_distance(typed, spelling), std::cmp::Reverse(*count), spelling.clone()));
        Ok(best.map(|(spelling, _)| spelling))
    }
}

/// Candidates in the order of their merit. A word near one that says nothing, such as `from`, is most likely that: then there is none.
fn in_order(stem: &str, counts: HashMap<String, u64>) -> Vec<Candidate> {
    let words = counts.into_iter().filter(|(term, _)| term != stem && term.bytes().all(|letter| letter.is_ascii_lowercase()));
    let mut candidates: Vec<Candidate> = words.map(|(term, count)| Candidate { steps: osa_distance(stem, &term), merit: merit(stem, &term, count), term }).collect();
    if candidates.iter().any(|candidate| candidate.steps == 1 && is_function_word(&candidate.term)) {
        return Vec::new();
    }
    candidates.retain(|candidate| !is_function_word(&candidate.term));
    candidates.sort_by(|a, b| b.merit.total_cmp(&a.merit).then_with(|| a.term.cmp(&b.term)));
    candidates
}

/// How likely a term is what was meant: people know how a word begins, and mostly slip once.
fn merit(stem: &str, term: &str, count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of documents stays far below 2^52")]
    let frequent = (count as f64).ln_1p();
    let near = if osa_distance(stem, term) > 1 { 0.25 } else { 1.0 };
    let begins = if stem.as_bytes().first() == term.as_bytes().first() { 1.0 } else { 0.5 };
    frequent * near * begins
}

/// Every word of a listing that is indexed by a term, as it is spelt there.
fn spellings(card: &ListingCard, term: &str) -> Vec<String> {
    let written = [&card.title, &card.summary, &card.body].into_iter().flat_map(|text| [text.zh.as_deref(), text.en.as_deref()]).flatten();
    let texts = written.chain(card.keywords.iter().map(String::as_str)).chain(card.attributes.searchable_words());
    texts.flat_map(|text| latin_words(&fold(text))).filter(|(word, _)| word.text == term).map(|(_, spelling)| spelling).collect()
}

/// What was typed with other words in the places of some; `None` where nothing changes.
fn rewritten(typed: &str, words: &[Word], meant: &HashMap<String, String>) -> Option<String> {
    let (mut text, mut from) = (String::new(), 0);
    for word in words {
        let Some(other) = meant.get(&word.stem).filter(|other| **other != word.spelling) else { continue };
        text.push_str(typed.get(from..word.range.start)?);
        text.push_str(other);
        from = word.range.end;
    }
    (from > 0).then(|| text + &typed[from..])
}

fn internal(error: tantivy::TantivyError) -> Error {
    Error::internal(anyhow::Error::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::typed::parse;

    fn words(typed: &str) -> Vec<(String, String)> {
        let parsed = parse(typed).unwrap();
        parsed.looked_for.iter().flat_map(|range| words_of(typed, range)).map(|word| (word.stem, typed[word.range].to_owned())).collect()
    }

    fn candidates(stem: &str, counts: &[(&str, u64)]) -> Vec<String> {
        in_order(stem, counts.iter().map(|(term, count)| ((*term).to_owned(), *count)).collect()).into_iter().map(|candidate| candidate.term).collect()
    }

    #[test]
    fn only_words_of_five_letters_and_more_are_mended() {
        assert_eq!(
            words("Ｂatery lidr 5nm-chips c++ 激光雷达 batteries2 -radars"),
            [("bateri".into(), "Ｂatery".into()), ("chip".into(), "chips".into())] as [(String, String); 2]
        );
        assert_eq!(words("\"solid stat\" -\"phased array\" 固态batery"), [("solid".into(), "solid".into()), ("bateri".into(), "batery".into())] as [(String, String); 2]);
    }

    #[test]
    fn near_and_frequent_words_come_first() {
        assert_eq!(candidates("litium", &[("lithium", 3), ("titium", 9), ("ltium", 1)]), ["lithium", "titium", "ltium"]);
        assert_eq!(candidates("manufacturng", &[("manufactur", 5), ("manufacturn", 1)]), ["manufacturn", "manufactur"]);
        assert_eq!(candidates("batteri", &[("batteri", 5), ("bat2eri", 4)]), [] as [&str; 0]);
        // Most likely a slip of a word that says nothing.
        assert_eq!(candidates("thier", &[("their", 1), ("tier", 50)]), [] as [&str; 0]);
    }

    #[test]
    fn a_query_is_rewritten_where_words_were_meant_otherwise() {
        let typed = "Litium 电池 \"litium batery\" -litium";
        let parsed = parse(typed).unwrap();
        let words: Vec<Word> = parsed.looked_for.iter().flat_map(|range| words_of(typed, range)).collect();
        let meant = HashMap::from([("litium".to_owned(), "lithium".to_owned()), ("bateri".to_owned(), "battery".to_owned())]);
        assert_eq!(rewritten(typed, &words, &meant).as_deref(), Some("lithium 电池 \"lithium battery\" -litium"));
        assert_eq!(rewritten(typed, &words, &HashMap::new()), None);
    }
}
