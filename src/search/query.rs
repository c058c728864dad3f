//! From what people type to what the index is asked. The same code ranks for the service and for `evaluate`.

use std::collections::{HashMap, HashSet};

use tantivy::Term;
use tantivy::query::{BooleanQuery, BoostQuery, DisjunctionMaxQuery, EmptyQuery, Occur, Query, RegexQuery, TermQuery};
use tantivy::schema::IndexRecordOption;

use tantivy::query::Bm25StatisticsProvider;

use super::fields::{Fields, TextFields};
use super::statistics::PublicStatistics;
use super::synonyms::{Synonyms, synonyms};
use crate::text::fold::is_han;
use crate::text::function_words::is_function_word;
use crate::text::highlight::Marks;
use crate::text::profile::TITLE_WEIGHT;
use crate::text::segment::{TermKind, terms};

/// A word of the title counts this much more in a question; a description says nothing about titles.
const TITLE_BOOST: f32 = 0.6;
/// A query of at most so many terms is a question, a longer one a description.
const QUESTION: usize = 12;
/// What a term of Chinese counts that repeats others: a long word what its pairs say, a seam what the words on both of its sides say.
const LONG_WORD_WEIGHT: f32 = 0.2;
const SEAM_WEIGHT: f32 = 0.5;
/// Beyond this many different terms the most frequent ones of a text stand for it.
const MAX_TERMS: usize = 512;
/// Of a text so many terms are searched: more find what has little to do with it (recall of needs for offers fell).
const TELLING: usize = 80;

/// The terms of a query with their weights in the order of their first occurrence: a term that is repeated counts as often, as in BM25.
#[derive(Debug, Clone)]
pub struct QueryTerms {
    pub terms: Vec<(String, f32)>,
    /// What is searched in the place of a term, each with what it counts beside the term itself; the best first.
    similar: HashMap<String, Vec<(String, f32)>>,
    /// In how many public documents a term stands, as far as that was looked up before.
    frequencies: HashMap<String, u64>,
    /// Other words for the concepts that it names; only of questions.
    pub synonyms: Vec<Synonyms>,
}

/// What a document must hold to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breadth {
    /// Any term: for results in the order of relevance, where the best come first and nothing that fits is lost.
    Any,
    /// Most of the terms: for results in another order, where a chance match could come first.
    Most,
}

impl QueryTerms {
    pub fn of(text: &str) -> Self {
        Self::titled("", text)
    }

    /// Of a text with a title, which counts as it does in a listing.
    pub fn titled(title: &str, text: &str) -> Self {
        let mut counts: HashMap<String, f32> = HashMap::new();
        let mut order = Vec::new();
        for (part, times) in [(title, f32::from(TITLE_WEIGHT)), (text, 1.0)] {
            for term in terms(part) {
                let count = counts.entry(term.text.clone()).or_insert_with(|| {
                    order.push(term.text);
                    0.0
                });
                *count += times
                    * match term.kind {
                        TermKind::Seam => SEAM_WEIGHT,
                        TermKind::Han if term.end - term.start > 2 => LONG_WORD_WEIGHT,
                        TermKind::Han | TermKind::Bigram | TermKind::Latin => 1.0,
                    };
            }
        }
        if order.iter().any(|term| !is_function_word(term)) {
            order.retain(|term| !is_function_word(term));
        }
        let mut terms: Vec<(String, f32)> = order.into_iter().map(|term| (counts[&term], term)).map(|(count, term)| (term, count)).collect();
        if terms.len() > MAX_TERMS {
            terms.sort_by(|a, b| b.1.total_cmp(&a.1));
            terms.truncate(MAX_TERMS);
        }
        Self { terms, similar: HashMap::new(), frequencies: HashMap::new(), synonyms: Vec::new() }
    }

    /// The terms of what somebody typed. Where that is a question and no description, with other words for the concepts that it names.
    pub fn of_question(text: &str) -> Self {
        let mut question = Self::of(text);
        if question.terms.len() < QUESTION {
            question.synonyms = synonyms(text, &question.terms);
        }
        question
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// What is marked in what was found.
    pub fn marks(&self) -> Marks {
        let words: HashSet<String> = self.terms.iter().flat_map(|(term, _)| self.searched(term)).map(|(term, _)| term.to_owned()).collect();
        let together = self.synonyms.iter().flat_map(|synonyms| &synonyms.alternatives).map(|terms| terms.iter().map(|(term, _)| term.clone()).collect());
        Marks { words, together: together.collect() }
    }

    /// Searches others in the place of a term, each counting this much beside it; the best come first.
    pub fn replace(&mut self, term: &str, similar: Vec<(String, f32)>) {
        self.similar.insert(term.to_owned(), similar);
    }

    /// Keeps the number of a term's public documents for whoever asks next.
    pub fn remember(&mut self, term: &str, documents: u64) {
        self.frequencies.insert(term.to_owned(), documents);
    }

    /// What a term is searched by, the best first: itself, or others in its place.
    fn searched<'a>(&'a self, term: &'a str) -> Vec<(&'a str, f32)> {
        match self.similar.get(term) {
            Some(similar) => similar.iter().map(|(other, share)| (other.as_str(), *share)).collect(),
            None => vec![(term, 1.0)],
        }
    }

    /// Those of the terms that tell most, with what they weigh together: of a question all, of a text those by which it differs from others.
    pub fn telling(&self, statistics: &PublicStatistics<'_>, fields: &Fields) -> tantivy::Result<(Self, f32)> {
        let documents = statistics.total_num_docs()?;
        let field = fields.of_document(true).words;
        let is_text = self.terms.len() > TELLING;
        let mut weighed = Vec::with_capacity(self.terms.len());
        for (term, weight) in &self.terms {
            // Of several in a term's place a document is counted by one, most often by the best.
            let (searched, share) = self.searched(term).first().copied().unwrap_or((term, 1.0));
            let count = match self.frequencies.get(searched) {
                Some(&count) => count,
                None => statistics.doc_freq(&Term::from_field_text(field, searched))?,
            };
            // What nobody uses says of a question that the listings cannot answer it by words; a text always has such words.
            if count > 0 || !is_text {
                weighed.push((share * weight * inverse_frequency(documents, count), term, *weight));
            }
        }
        if is_text {
            weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            weighed.truncate(TELLING);
        }
        let weight = weighed.iter().map(|(telling, ..)| telling).sum();
        let terms = weighed.into_iter().map(|(_, term, weight)| (term.clone(), weight)).collect();
        Ok((Self { terms, ..self.clone() }, weight))
    }

    /// How many of the terms a document must hold.
    fn required(&self, breadth: Breadth) -> usize {
        match breadth {
            Breadth::Any => 1,
            Breadth::Most => (self.terms.len() * 3).div_ceil(5),
        }
    }

    /// The ranking query; `None` when the text holds no term.
    pub fn ranking(&self, fields: &Fields, breadth: Breadth, verified: bool) -> Option<Box<dyn Query>> {
        let readable = fields.of_reader(verified);
        if let [(only, _)] = self.terms.as_slice()
            && only.chars().count() == 1
            && only.chars().all(is_han)
        {
            return Some(single_character(&readable, only));
        }
        let of_term = |(term, weight): &(String, f32)| self.clause(&readable, term, *weight);
        // Other words widen what is found, and so have no part in what asks for most of the words.
        let synonyms: &[Synonyms] = if breadth == Breadth::Any { &self.synonyms } else { &[] };
        let (replaced, alone): (Vec<_>, Vec<_>) = self.terms.iter().partition(|(term, _)| synonyms.iter().any(|synonyms| synonyms.stands_for(term)));
        let groups = synonyms.iter().filter(|synonyms| !synonyms.typed.is_empty()).map(|synonyms| {
            let typed = replaced.iter().filter(|(term, _)| synonyms.typed.contains(term)).map(|term| of_term(term)).collect();
            best_of(&readable, any_of(typed), &synonyms.alternatives)
        });
        let clauses: Vec<(Occur, Box<dyn Query>)> = alone.into_iter().map(of_term).chain(groups).map(|clause| (Occur::Should, clause)).collect();
        if clauses.is_empty() {
            return None;
        }
        Some(Box::new(BooleanQuery::with_minimum_required_clauses(clauses, self.required(breadth))))
    }

    /// A term, or what is searched in its place: of that the best in a document counts, as one word.
    fn clause(&self, readable: &[TextFields], term: &str, weight: f32) -> Box<dyn Query> {
        let is_question = self.terms.len() <= QUESTION;
        let mut searched: Vec<Box<dyn Query>> = self.searched(term).into_iter().map(|(other, share)| term_clause(readable, other, weight * share, is_question)).collect();
        match searched.pop() {
            Some(only) if searched.is_empty() => only,
            Some(last) => Box::new(DisjunctionMaxQuery::new(searched.into_iter().chain([last]).collect())),
            None => Box::new(EmptyQuery),
        }
    }
}

/// A term anywhere and, in a question, once more in the title.
fn term_clause(readable: &[TextFields], term: &str, weight: f32, is_question: bool) -> Box<dyn Query> {
    let query = |field, weight| -> Box<dyn Query> { Box::new(BoostQuery::new(Box::new(TermQuery::new(Term::from_field_text(field, term), IndexRecordOption::WithFreqs)), weight)) };
    let mut places: Vec<Box<dyn Query>> = readable.iter().map(|text| query(text.words, weight)).collect();
    if is_question {
        places.extend(readable.iter().map(|text| query(text.title, weight * TITLE_BOOST)));
    }
    any_of(places)
}

/// A word as it was typed or one of the other words for the same, whichever speaks more for a document: who says it in two ways does not say
/// it twice.
fn best_of(readable: &[TextFields], typed: Box<dyn Query>, alternatives: &[Vec<(String, f32)>]) -> Box<dyn Query> {
    if alternatives.is_empty() {
        return typed;
    }
    let others = alternatives.iter().flat_map(|terms| readable.iter().map(|text| all_of(*text, terms)));
    Box::new(DisjunctionMaxQuery::new(std::iter::once(typed).chain(others).collect()))
}

/// Terms that count only together, and once more in the title.
fn all_of(text: TextFields, terms: &[(String, f32)]) -> Box<dyn Query> {
    let query = |field, term: &str, weight| -> Box<dyn Query> {
        Box::new(BoostQuery::new(Box::new(TermQuery::new(Term::from_field_text(field, term), IndexRecordOption::WithFreqs)), weight))
    };
    let everywhere = terms.iter().map(|(term, weight)| (Occur::Must, query(text.words, term, *weight)));
    let in_title = terms.iter().map(|(term, weight)| (Occur::Should, query(text.title, term, weight * TITLE_BOOST)));
    Box::new(BooleanQuery::new(everywhere.chain(in_title).collect()))
}

/// What fulfils any of the queries.
pub(super) fn any_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.pop() {
        Some(only) if queries.is_empty() => only,
        Some(last) => Box::new(BooleanQuery::new(queries.into_iter().chain([last]).map(|query| (Occur::Should, query)).collect())),
        None => Box::new(EmptyQuery),
    }
}

/// Characters are indexed in pairs, so one alone is asked as either half of a pair.
pub(super) fn single_character(readable: &[TextFields], character: &str) -> Box<dyn Query> {
    let half = |text: &TextFields| RegexQuery::from_pattern(&format!(".?{character}.?"), text.words).ok().map(|query| Box::new(query) as Box<dyn Query>);
    any_of(readable.iter().filter_map(half).collect())
}

/// As in BM25: ln(1 + (N - n + 0.5) / (n + 0.5)).
#[expect(clippy::cast_precision_loss, reason = "counts of documents, of which a weight needs few digits")]
fn inverse_frequency(documents: u64, count: u64) -> f32 {
    let (documents, count) = (documents as f32, count as f32);
    ((documents - count).max(0.0) / (count + 0.5) + 1.0).ln()
}
