//! Other words for what a question names, in both languages: 图形处理器 finds what speaks of a GPU.
//!
//! They are evidence that is weaker than the word that was typed, and never more than it: of the typed word and the others the best counts.

use std::collections::HashSet;

use crate::taxonomy::concept::Concept;
use crate::taxonomy::spotter::spot_in_question;
use crate::text::fold::{fold, is_han};
use crate::text::function_words::is_function_word;
use crate::text::segment::{pairs_of_folded, terms};

/// What another word counts beside the one that was typed.
const WEIGHT: f32 = 0.4;
/// Bounds of what a question is widened by.
const MAX_CONCEPTS: usize = 4;
const MAX_ALTERNATIVES: usize = 8;

/// A concept that a question names, with its other words.
#[derive(Debug, Clone, PartialEq)]
pub struct Synonyms {
    pub concept: &'static Concept,
    /// The terms of the question by which it names the concept.
    pub typed: Vec<String>,
    /// The terms of each other word with their weights; those of one word count only together.
    pub alternatives: Vec<Vec<(String, f32)>>,
}

impl Synonyms {
    /// Whether a term of the question is part of the concept's name there.
    pub fn stands_for(&self, term: &str) -> bool {
        self.typed.iter().any(|typed| typed == term)
    }
}

/// The concepts that a question names. `terms` are the question's, with their weights; each belongs to one concept at most.
pub fn synonyms(question: &str, asked: &[(String, f32)]) -> Vec<Synonyms> {
    let mut found: Vec<Synonyms> = Vec::new();
    for spotted in spot_in_question(question) {
        if found.len() == MAX_CONCEPTS {
            break;
        }
        if found.iter().any(|other| other.concept == spotted.concept) {
            continue;
        }
        let name = &question[spotted.start..spotted.end];
        let of_name: HashSet<String> = terms(name).into_iter().map(|term| term.text).collect();
        let typed: Vec<&(String, f32)> = asked.iter().filter(|(term, _)| of_name.contains(term) && !found.iter().any(|other| other.stands_for(term))).collect();
        let weight: f32 = typed.iter().map(|(_, weight)| weight).sum();
        let alternatives = if typed.is_empty() { Vec::new() } else { others(spotted.concept, name) };
        let alternatives = alternatives.into_iter().map(|terms| weighed(terms, weight)).collect();
        found.push(Synonyms { concept: spotted.concept, typed: typed.into_iter().map(|(term, _)| term.clone()).collect(), alternatives });
    }
    found
}

/// So that a word of many terms counts no more than one of a single term.
fn weighed(terms: Vec<String>, typed: f32) -> Vec<(String, f32)> {
    #[expect(clippy::cast_precision_loss, reason = "a word has a few terms")]
    let each = WEIGHT * typed / terms.len() as f32;
    terms.into_iter().map(|term| (term, each)).collect()
}

/// The terms of the other words for a concept, both languages by turns, the shortest first: a word that holds all of another finds nothing
/// that the other does not.
fn others(concept: &Concept, name: &str) -> Vec<Vec<String>> {
    let (mut chinese, mut latin): (Vec<&str>, Vec<&str>) = concept.words().partition(|word| word.chars().any(is_han));
    for words in [&mut chinese, &mut latin] {
        words.sort_by_key(|word| word.chars().count());
    }
    let longest = chinese.len().max(latin.len());
    let by_turns = (0..longest).flat_map(|place| [chinese.get(place), latin.get(place)]).flatten();
    let mut kept: Vec<Vec<String>> = vec![term_texts(name)];
    for word in by_turns {
        let terms = term_texts(word);
        let says_more = kept.iter().any(|shorter| !shorter.is_empty() && shorter.iter().all(|term| terms.contains(term)));
        if !terms.is_empty() && !says_more {
            kept.push(terms);
        }
        if kept.len() > MAX_ALTERNATIVES {
            break;
        }
    }
    kept.split_off(1)
}

/// The terms that a document must hold to hold the word: pairs of Chinese, words of other scripts.
fn term_texts(word: &str) -> Vec<String> {
    let mut texts: Vec<String> = pairs_of_folded(&fold(word)).into_iter().map(|term| term.text).filter(|term| !is_function_word(term)).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::query::QueryTerms;
    use proptest::prelude::*;

    fn alternatives(question: &str) -> Vec<Vec<String>> {
        let found = QueryTerms::of_question(question).synonyms;
        found.iter().flat_map(|synonyms| &synonyms.alternatives).map(|terms| terms.iter().map(|(term, _)| term.clone()).collect()).collect()
    }

    #[test]
    fn a_word_brings_those_of_the_other_language() {
        assert!(alternatives("图形处理器").contains(&vec!["gpu".to_owned()]));
        assert!(alternatives("gpu").iter().any(|terms| terms.contains(&"图形".to_owned())));
        // What holds GPU芯片 holds GPU.
        assert!(!alternatives("gpu").iter().any(|terms| terms.contains(&"gpu".to_owned())));
        assert!(alternatives("looking for something").is_empty());
    }

    #[test]
    fn descriptions_are_not_widened() {
        let long = "we look for a company that makes GPU boards, tests them under load, packs them well and ships them to our customers every month";
        assert!(QueryTerms::of_question(long).synonyms.is_empty());
        assert!(QueryTerms::of("gpu").synonyms.is_empty());
    }

    proptest! {
        #[test]
        fn other_words_count_less_than_the_typed_one_and_are_bounded(question in "(GPU|LLM|激光雷达|大模型|机器人|lidar|robot|[a-z]{1,6}| |[\\p{Han}]){1,12}") {
            let query = QueryTerms::of_question(&question);
            prop_assert!(query.synonyms.len() <= MAX_CONCEPTS);
            for synonyms in &query.synonyms {
                prop_assert!(synonyms.alternatives.len() <= MAX_ALTERNATIVES);
                let typed: f32 = query.terms.iter().filter(|(term, _)| synonyms.stands_for(term)).map(|(_, weight)| weight).sum();
                for terms in &synonyms.alternatives {
                    prop_assert!(terms.iter().map(|(_, weight)| weight).sum::<f32>() < typed);
                }
            }
        }
    }
}
