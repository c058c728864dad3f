//! From what people type to what the index is asked. The same code ranks for the service and for `evaluate`.

use std::collections::{HashMap, HashSet};

use super::scores::Wanted;
use super::synonyms::{Synonyms, synonyms};
use super::terms::Terms;
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
    /// Other words for the concepts that it names; only of questions.
    pub synonyms: Vec<Synonyms>,
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
        Self { terms, similar: HashMap::new(), synonyms: Vec::new() }
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
        Marks::new(words, together.collect())
    }

    /// Searches others in the place of a term, each counting this much beside it; the best come first.
    pub fn replace(&mut self, term: &str, similar: Vec<(String, f32)>) {
        self.similar.insert(term.to_owned(), similar);
    }

    /// What a term is searched by, the best first: itself, or others in its place.
    fn searched<'a>(&'a self, term: &'a str) -> Vec<(&'a str, f32)> {
        match self.similar.get(term) {
            Some(similar) => similar.iter().map(|(other, share)| (other.as_str(), *share)).collect(),
            None => vec![(term, 1.0)],
        }
    }

    /// Whether words of titles count more: a description says nothing about titles.
    pub fn is_question(&self) -> bool {
        self.terms.len() <= QUESTION
    }

    /// Every term that the index is asked for.
    pub fn looked_up(&self) -> impl Iterator<Item = &str> {
        let alternatives = self.synonyms.iter().flat_map(|synonyms| &synonyms.alternatives).flatten();
        self.terms.iter().flat_map(|(term, _)| self.searched(term)).map(|(term, _)| term).chain(alternatives.map(|(term, _)| term.as_str()))
    }

    /// Those of the terms that tell most, with what they weigh together: of a question all, of a text those by which it differs from others.
    pub fn telling(&self, known: &Terms) -> (Self, f32) {
        let is_text = self.terms.len() > TELLING;
        let mut weighed = Vec::with_capacity(self.terms.len());
        for (term, weight) in &self.terms {
            // Of several in a term's place a document is counted by one, most often by the best.
            let (searched, share) = self.searched(term).first().copied().unwrap_or((term, 1.0));
            let count = known.frequency(searched);
            // What nobody uses says of a question that the listings cannot answer it by words; a text always has such words.
            if count > 0 || !is_text {
                weighed.push((share * weight * inverse_frequency(known.documents, count), term, *weight));
            }
        }
        if is_text {
            weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            weighed.truncate(TELLING);
        }
        let weight = weighed.iter().map(|(telling, ..)| telling).sum();
        let terms = weighed.into_iter().map(|(_, term, weight)| (term.clone(), weight)).collect();
        (Self { terms, ..self.clone() }, weight)
    }

    /// How many of the terms a document must hold where results have another order than relevance: there a chance match could come first.
    pub fn most(&self) -> usize {
        (self.terms.len() * 3).div_ceil(5)
    }

    /// What the ranking counts, a part for each term or concept, of the terms that were looked up.
    pub fn wanted(&self, known: &Terms) -> Vec<Wanted> {
        let (replaced, alone): (Vec<_>, Vec<_>) = self.terms.iter().partition(|(term, _)| self.synonyms.iter().any(|synonyms| synonyms.stands_for(term)));
        let groups = self.synonyms.iter().filter(|synonyms| !synonyms.typed.is_empty()).map(|synonyms| {
            let typed = replaced.iter().filter(|(term, _)| synonyms.typed.contains(term)).map(|(term, weight)| self.part(known, term, *weight)).collect();
            best_of(known, Wanted::Sum(typed), &synonyms.alternatives)
        });
        alone.into_iter().map(|(term, weight)| self.part(known, term, *weight)).chain(groups).collect()
    }

    /// The same without other words for concepts: they widen what is found, and so have no part where most of the words must be there.
    pub fn wanted_as_typed(&self, known: &Terms) -> Vec<Wanted> {
        self.terms.iter().map(|(term, weight)| self.part(known, term, *weight)).collect()
    }

    /// A term, or what is searched in its place: of that the best in a document counts, as one word.
    fn part(&self, known: &Terms, term: &str, weight: f32) -> Wanted {
        let mut characters = term.chars();
        if let (1, Some(only), None) = (self.terms.len(), characters.next(), characters.next())
            && is_han(only)
        {
            return Wanted::Character(term.to_owned());
        }
        let in_title = if self.is_question() { TITLE_BOOST } else { 0.0 };
        let mut searched: Vec<Wanted> = self.searched(term).into_iter().map(|(other, share)| wanted(known, other, weight * share, in_title)).collect();
        if searched.len() == 1 { searched.remove(0) } else { Wanted::Best(searched) }
    }
}

/// A term anywhere and once more in the title.
fn wanted(known: &Terms, term: &str, weight: f32, in_title: f32) -> Wanted {
    match known.place(term) {
        Some(place) => Wanted::Term { place, weight, in_title: weight * in_title },
        None => Wanted::Sum(Vec::new()),
    }
}

/// A word as it was typed or one of the other words for the same, whichever speaks more for a document: who says it in two ways does not say
/// it twice.
fn best_of(known: &Terms, typed: Wanted, alternatives: &[Vec<(String, f32)>]) -> Wanted {
    if alternatives.is_empty() {
        return typed;
    }
    let together = |terms: &Vec<(String, f32)>| Wanted::All(terms.iter().map(|(term, weight)| wanted(known, term, *weight, TITLE_BOOST)).collect());
    Wanted::Best(std::iter::once(typed).chain(alternatives.iter().map(together)).collect())
}

/// As in BM25: ln(1 + (N - n) / (n + 0.5)).
#[expect(clippy::cast_precision_loss, reason = "counts of documents, of which a weight needs few digits")]
fn inverse_frequency(documents: u64, count: u64) -> f32 {
    let (documents, count) = (documents as f32, count as f32);
    ((documents - count).max(0.0) / (count + 0.5) + 1.0).ln()
}
