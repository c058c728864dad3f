//! Where a query's terms stand in a text, as pieces that a client can mark without reading markup.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clean::clip;
use super::fold::{fold_traced, is_han};
use super::segment::{Term, TermKind, pairs_that};

/// How much of a long text is shown around the first found words.
const FRAGMENT_CHARS: usize = 120;
/// How far into a text it looks: a page of a hundred results must not segment a hundred bodies.
const READ: usize = 2_000;

/// A piece of text; `hit` says that the query found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Piece {
    pub text: String,
    pub hit: bool,
}

/// What is marked.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Terms, wherever they stand.
    words: HashSet<String>,
    /// Terms that mean something only together: they are marked where a text holds all of a group.
    together: Vec<Vec<String>>,
    /// The first characters of all of them, in order.
    beginnings: Vec<char>,
    /// Those that are one character, in order.
    alone: Vec<char>,
}

impl Marks {
    pub fn new(words: HashSet<String>, together: Vec<Vec<String>>) -> Self {
        let ordered = |characters: HashSet<char>| {
            let mut ordered: Vec<char> = characters.into_iter().collect();
            ordered.sort_unstable();
            ordered
        };
        let beginnings = words.iter().chain(together.iter().flatten()).filter_map(|term| term.chars().next()).collect();
        let alone = words.iter().filter(|word| word.chars().nth(1).is_none()).filter_map(|word| word.chars().next()).collect();
        Self { beginnings: ordered(beginnings), alone: ordered(alone), words, together }
    }

    /// Whether nothing can be marked.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.together.is_empty()
    }

    /// The terms to be marked in a text that has these.
    fn in_text<'a>(&'a self, terms: &[Term]) -> Cow<'a, HashSet<String>> {
        let held: HashSet<&str> = if self.together.is_empty() { HashSet::new() } else { terms.iter().map(|term| term.text.as_str()).collect() };
        let groups: Vec<&Vec<String>> = self.together.iter().filter(|group| group.iter().all(|term| held.contains(term.as_str()))).collect();
        if groups.is_empty() { Cow::Borrowed(&self.words) } else { Cow::Owned(self.words.iter().chain(groups.into_iter().flatten()).cloned().collect()) }
    }

    /// Whether a pair or a word could be marked, by a look at its characters: most could not, and need not be made terms. Stemming keeps how a
    /// word begins.
    fn may_hold(&self, characters: &[char]) -> bool {
        let is_among = |some: &[char], character: char| some.binary_search(&character).is_ok();
        match characters {
            // A character that was asked for alone is marked in any pair.
            [first, second] if is_han(*first) => is_among(&self.beginnings, *first) || is_among(&self.alone, *second),
            [first, ..] => is_among(&self.beginnings, *first),
            [] => false,
        }
    }
}

/// The densest fragment of `text` with the found words marked; `None` where nothing is found.
pub fn highlight(text: &str, marks: &Marks) -> Option<Vec<Piece>> {
    let text = clip(text, READ);
    let traced = fold_traced(text);
    let terms = pairs_that(&traced.text, |characters| marks.may_hold(characters));
    let query = &*marks.in_text(&terms);
    let mut hits: Vec<(usize, usize)> =
        terms.into_iter().flat_map(|term| marked(&term, query)).filter_map(|(start, end)| Some((traced.origins.get(start)?.0, traced.origins.get(end - 1)?.1))).collect();
    hits.sort_unstable();
    let hits = merge(hits);
    let (from, to) = best_window(text, &hits)?;
    Some(cut(text, from, to, &hits))
}

/// What of a term the query found: all of it, or the one character of a pair that was asked for alone.
fn marked(term: &Term, query: &HashSet<String>) -> Vec<(usize, usize)> {
    if query.contains(&term.text) {
        return vec![(term.start, term.end)];
    }
    if !matches!(term.kind, TermKind::Bigram) {
        return Vec::new();
    }
    let asked = |c: char| query.contains(c.encode_utf8(&mut [0; 4]) as &str);
    term.text.chars().enumerate().filter(|&(_, c)| asked(c)).map(|(i, _)| (term.start + i, term.start + i + 1)).collect()
}

fn merge(sorted: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(sorted.len());
    for (start, end) in sorted {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// The window of the fragment's length that covers the most found text and starts a little before a hit.
fn best_window(text: &str, hits: &[(usize, usize)]) -> Option<(usize, usize)> {
    let covered = |from: usize, to: usize| hits.iter().filter(|hit| hit.0 >= from && hit.1 <= to).map(|hit| hit.1 - hit.0).sum::<usize>();
    let window = |hit: &(usize, usize)| {
        let lead = text[..hit.0].char_indices().rev().take(20).last().map_or(hit.0, |(at, _)| at);
        let to = text[lead..].char_indices().nth(FRAGMENT_CHARS).map_or(text.len(), |(at, _)| lead + at);
        (lead, to.max(hit.1))
    };
    // The first of equals wins: readers expect the beginning.
    hits.iter().take(64).map(window).rev().max_by_key(|&(from, to)| covered(from, to))
}

fn cut(text: &str, from: usize, to: usize, hits: &[(usize, usize)]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = from;
    let mut push = |part: &str, hit: bool| {
        if !part.is_empty() {
            pieces.push(Piece { text: part.to_owned(), hit });
        }
    };
    for &(start, end) in hits.iter().filter(|hit| hit.0 >= from && hit.1 <= to) {
        push(&text[at..start], false);
        push(&text[start..end], true);
        at = end;
    }
    push(&text[at..to], false);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::segment::terms;
    use proptest::prelude::*;

    fn query(text: &str) -> Marks {
        Marks::new(terms(text).into_iter().map(|term| term.text).collect(), Vec::new())
    }

    #[test]
    fn found_words_are_marked_in_the_original_spelling() {
        let pieces = highlight("寻求車規級激光雷達算法", &query("激光雷达")).unwrap();
        let hit: String = pieces.iter().filter(|piece| piece.hit).map(|piece| piece.text.as_str()).collect();
        assert_eq!(hit, "激光雷達");
        assert_eq!(highlight("别的内容", &query("激光雷达")), None);
    }

    #[test]
    fn stemmed_words_are_marked_whole() {
        let pieces = highlight("Two pilot lines for ＭＥＭＳ", &query("line mems")).unwrap();
        let hits: Vec<&str> = pieces.iter().filter(|piece| piece.hit).map(|piece| piece.text.as_str()).collect();
        assert_eq!(hits, ["lines", "ＭＥＭＳ"]);
    }

    #[test]
    fn terms_that_belong_together_are_marked_where_all_are_there() {
        let marks = Marks::new(HashSet::from(["gpu".to_owned()]), vec![vec!["图形".to_owned(), "形处".to_owned(), "处理".to_owned()]]);
        assert_eq!(highlight("待处理的图形", &marks), None);
        let pieces = highlight("图形处理卡", &marks).unwrap();
        assert_eq!(pieces.iter().find(|piece| piece.hit).map(|piece| piece.text.as_str()), Some("图形处理"));
    }

    proptest! {
        /// Terms that cannot be marked are never made; those that can are never missed.
        #[test]
        fn no_term_that_is_marked_is_passed_over(text in "[\\p{Han}a-zA-Z0-9+# ，]{0,80}", asked in "[\\p{Han}a-z+# ]{1,12}") {
            let marks = query(&asked);
            let folded = fold_traced(&text).text;
            let found = |terms: Vec<Term>| terms.into_iter().flat_map(|term| marked(&term, &marks.words)).collect::<Vec<_>>();
            prop_assert_eq!(found(pairs_that(&folded, |characters| marks.may_hold(characters))), found(pairs_that(&folded, |_| true)));
        }

        #[test]
        fn pieces_are_a_part_of_the_text(text in "[\\p{Han}a-z ，]{1,300}", asked in "[\\p{Han}a-z]{1,6}") {
            if let Some(pieces) = highlight(&text, &query(&asked)) {
                let joined: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
                prop_assert!(text.contains(&joined));
                prop_assert!(pieces.iter().any(|piece| piece.hit));
            }
        }
    }
}
