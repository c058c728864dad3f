//! From folded text to the terms that are indexed and searched.
//!
//! Chinese: the words of jieba's search cut and all bigrams of characters, so that 处理 finds 待处理 whatever the cut made of it. Other
//! scripts: words, stemmed as English where they are Latin. "5nm芯片" gives 5nm and 芯片.

use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};
use jieba_rs::Jieba;

use super::fold::{fold, is_han};
use super::function_words::is_function_word;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);
static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::English));

/// Longer words are noise (addresses, base64), and the index would refuse them.
const MAX_WORD_CHARS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// A word of a script with spaces, stemmed.
    Latin,
    /// A Chinese word of the search cut that is no bigram, or a character that stands alone.
    Han,
    /// Two neighbouring Chinese characters of one word.
    Bigram,
    /// Two neighbouring Chinese characters of different words, by the cut.
    Seam,
}

/// A term with the range of folded characters that it covers, and its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub text: String,
    pub kind: TermKind,
    pub start: usize,
    pub end: usize,
}

/// The terms of a text as people wrote it.
pub fn terms(text: &str) -> Vec<Term> {
    terms_of_folded(&fold(text))
}

/// The terms of a text that was folded before; ranges count its characters.
pub fn terms_of_folded(folded: &str) -> Vec<Term> {
    scan(folded, latin_term, han_terms)
}

/// The same without the words of the dictionary: enough to show where a query was found, since its pairs cover what its words cover, and
/// much faster.
pub fn pairs_of_folded(folded: &str) -> Vec<Term> {
    pairs_that(folded, |_| true)
}

/// Of the pairs and words of a folded text those whose characters are worth it: nothing is made of the others. A word's characters are those
/// of its stem at the beginning at least.
pub fn pairs_that(folded: &str, are_worth_it: impl Fn(&[char]) -> bool) -> Vec<Term> {
    let latin = |word: &[char], start: usize, out: &mut Vec<Term>| {
        if are_worth_it(word) {
            latin_term(word, start, out);
        }
    };
    let han = |run: &[char], start: usize, out: &mut Vec<Term>| match run {
        [alone] if are_worth_it(run) => out.push(Term { text: alone.to_string(), kind: TermKind::Han, start, end: start + 1 }),
        _ => {
            let pairs = run.windows(2).enumerate().filter(|(_, pair)| are_worth_it(pair));
            out.extend(pairs.map(|(i, pair)| Term { text: pair.iter().collect(), kind: TermKind::Bigram, start: start + i, end: start + i + 2 }));
        }
    };
    scan(folded, latin, han)
}

/// Goes over the runs of one script.
fn scan(folded: &str, latin: impl Fn(&[char], usize, &mut Vec<Term>), han: impl Fn(&[char], usize, &mut Vec<Term>)) -> Vec<Term> {
    let chars: Vec<char> = folded.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        if is_han(chars[at]) {
            while at < chars.len() && is_han(chars[at]) {
                at += 1;
            }
            han(&chars[start..at], start, &mut out);
        } else if chars[at].is_alphanumeric() {
            while at < chars.len() && belongs_to_word(&chars, at) {
                at += 1;
            }
            latin(&chars[start..at], start, &mut out);
        } else {
            at += 1;
        }
    }
    out
}

/// Letters and digits; `+` and `#` behind a letter (c++, c#); a point between digits (5.1).
fn belongs_to_word(chars: &[char], at: usize) -> bool {
    let c = chars[at];
    let before = at.checked_sub(1).map(|i| chars[i]);
    match c {
        _ if is_han(c) => false,
        _ if c.is_alphanumeric() => true,
        '+' | '#' => before.is_some_and(|b| b.is_alphanumeric() || b == c),
        '.' => before.is_some_and(|b| b.is_ascii_digit()) && chars.get(at + 1).is_some_and(char::is_ascii_digit),
        _ => false,
    }
}

fn latin_term(chars: &[char], start: usize, out: &mut Vec<Term>) {
    let end = start + chars.len();
    let kept: String = chars.iter().take(MAX_WORD_CHARS).collect();
    let text = if kept.bytes().all(|b| b.is_ascii_lowercase()) { ENGLISH.stem(&kept).into_owned() } else { kept };
    out.push(Term { text, kind: TermKind::Latin, start, end });
}

fn han_terms(run: &[char], start: usize, out: &mut Vec<Term>) {
    if run.len() == 1 {
        out.push(Term { text: run[0].to_string(), kind: TermKind::Han, start, end: start + 1 });
        return;
    }
    let text: String = run.iter().collect();
    let mut inside = vec![false; run.len() - 1];
    let mut long = Vec::new();
    for word in JIEBA.cut_for_search(&text, true) {
        let length = word.word.chars().count();
        inside[word.start..word.start + length - 1].fill(true);
        // A word of two characters is a bigram already; one of one says little and is found by the bigrams around it.
        if length > 2 {
            long.push(Term { text: word.word.to_owned(), kind: TermKind::Han, start: start + word.start, end: start + word.start + length });
        }
    }
    for (i, pair) in run.windows(2).enumerate() {
        let kind = if inside[i] { TermKind::Bigram } else { TermKind::Seam };
        out.push(Term { text: pair.iter().collect(), kind, start: start + i, end: start + i + 2 });
    }
    out.append(&mut long);
}

/// Where words begin in a folded text, in bytes: behind what is no letter, where the script changes, and where the dictionary cuts Chinese.
pub fn word_starts(folded: &str) -> Vec<usize> {
    let cut = JIEBA.cut(folded, false).into_iter().filter(|word| word.word.starts_with(is_han)).map(|word| word.byte_start);
    let mut starts: Vec<usize> = cut.collect();
    let mut before = None;
    for (at, c) in folded.char_indices() {
        let follows_its_like = before.is_some_and(|before: char| before.is_alphanumeric() && is_han(before) == is_han(c));
        if c.is_alphanumeric() && !follows_its_like {
            starts.push(at);
        }
        before = Some(c);
    }
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// Whether a part of a run of Chinese, given in bytes, can be a word there: by the dictionary's cut no other word reaches over its ends. So 核能
/// is none in 审核能力, and 电池 is one in 蓄电池.
pub fn can_be_word(run: &str, start: usize, end: usize) -> bool {
    JIEBA.cut(run, false).iter().all(|word| {
        let apart = word.byte_end <= start || word.byte_start >= end;
        let inside = word.byte_start >= start && word.byte_end <= end;
        let around = word.byte_start <= start && word.byte_end >= end;
        apart || inside || around
    })
}

/// Neither a function word nor a bare number.
fn is_telling(term: &str) -> bool {
    !is_function_word(term) && term.chars().any(char::is_alphabetic)
}

/// The words of a text as people would name them, each with the term that it is indexed by: words of other scripts as they are spelt, and
/// Chinese words of two characters and more.
pub fn words(text: &str) -> Vec<(String, String)> {
    let folded = fold(text);
    let chars: Vec<char> = folded.chars().collect();
    let mut out = Vec::new();
    for term in scan(&folded, latin_term, |_, _, _| {}) {
        if term.end - term.start > 1 && is_telling(&term.text) {
            out.push((term.text, chars[term.start..term.end].iter().collect()));
        }
    }
    // Without guesses at new words: they find more, but some are none, and these are shown to people.
    for word in JIEBA.cut_for_search(&folded, false) {
        if word.word.chars().count() > 1 && word.word.chars().all(is_han) {
            out.push((word.word.to_owned(), word.word.to_owned()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<String> {
        terms(text).into_iter().map(|term| term.text).collect()
    }

    #[test]
    fn a_part_of_a_word_finds_the_word() {
        assert!(texts("待处理").contains(&"处理".to_owned()));
        assert_eq!(texts("处理"), ["处理"]);
    }

    #[test]
    fn mixed_text_keeps_both_parts() {
        assert_eq!(texts("5nm芯片"), ["5nm", "芯片"]);
        assert!(texts("ＣＵＤＡ工程师").contains(&"cuda".to_owned()));
        assert_eq!(texts("c++ 与 c#"), ["c++", "与", "c#"]);
    }

    #[test]
    fn english_is_stemmed() {
        assert_eq!(texts("Pilot lines"), texts("pilot line"));
        assert_eq!(texts("packaging"), texts("packaged"));
    }

    #[test]
    fn traditional_characters_find_simplified_ones() {
        assert_eq!(texts("激光雷達"), texts("激光雷达"));
    }

    #[test]
    fn short_words_are_told_from_parts_of_two() {
        let can = |run: &str, word: &str| run.find(word).map(|at| can_be_word(run, at, at + word.len()));
        for (run, word) in [("审核能力", "核能"), ("特征信息", "征信"), ("集中试验", "中试"), ("光电芯片", "电芯"), ("存储能力", "储能")] {
            assert_eq!(can(run, word), Some(false), "{word} in {run}");
        }
        for (run, word) in [("核能发电", "核能"), ("蓄电池", "电池"), ("中试线", "中试"), ("储能电站", "储能"), ("储能", "储能")] {
            assert_eq!(can(run, word), Some(true), "{word} in {run}");
        }
    }

    #[test]
    fn words_begin_behind_signs_where_the_script_changes_and_where_the_dictionary_cuts() {
        for (text, words) in [("deep-learning box", vec!["deep-learning box", "learning box", "box"]), ("ai芯片设计", vec!["ai芯片设计", "芯片设计", "设计"])] {
            assert_eq!(word_starts(text).into_iter().map(|at| &text[at..]).collect::<Vec<_>>(), words);
        }
    }

    proptest! {
        #[test]
        fn ranges_lie_in_the_folded_text(text in "[\\p{Han}a-zA-Z0-9 +#.，。]{0,60}") {
            let folded = fold(&text);
            let count = folded.chars().count();
            for term in terms_of_folded(&folded) {
                prop_assert!(term.start < term.end && term.end <= count);
                prop_assert!(!term.text.is_empty());
            }
        }

        #[test]
        fn any_two_neighbours_are_found(text in "[\\p{Han}]{2,30}") {
            let folded = fold(&text);
            let chars: Vec<char> = folded.chars().collect();
            let found = texts(&text);
            for pair in chars.windows(2).filter(|pair| pair.iter().all(|&c| is_han(c))) {
                prop_assert!(found.contains(&pair.iter().collect::<String>()));
            }
        }
    }
}
