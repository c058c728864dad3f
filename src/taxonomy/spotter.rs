//! Which concepts a text speaks of: all their words are looked for at once, and the longest that fit are taken.
//!
//! Words are compared folded, and it does not matter whether parts are joined by a space or a hyphen, nor whether a space stands between
//! Chinese and Latin. What is found must be meant: Latin words stand by themselves, short Chinese words are not made of the ends
//! of two others, and acronyms that are also ordinary words count only as they are written in the tables.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::concept::{Concept, all, named};
use crate::text::fold::{fold_traced, is_han};
use crate::text::segment::can_be_word;

/// What in small letters is, or is part of, an ordinary word or another thing: `rag`, `sic`, `slam`; a battery has a `SOC`, `LoRa` is a radio.
const AS_WRITTEN: [&str; 14] = ["RAG", "CoT", "SiC", "CIS", "SLAM", "MoE", "SoC", "LoRA", "PoC", "ESS", "TEE", "MIM", "DED", "EDM"];
/// Latin words up to this length are as ambiguous.
const SHORT_LATIN: usize = 2;
/// Chinese words up to this length arise by chance where two others meet.
const SHORT_HAN: usize = 3;
/// How many characters on each side tell whether they did.
const AROUND: usize = 6;

/// A concept where a text names it, in bytes of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spotted {
    pub concept: &'static Concept,
    pub start: usize,
    pub end: usize,
}

/// A word that is looked for.
struct Word {
    concept: &'static Concept,
    check: Check,
}

/// What must hold of a place where a word was found, beside that it stands by itself.
#[derive(Clone, Copy)]
enum Check {
    Nothing,
    /// It begins as the tables have it.
    Spelling(&'static str),
    /// It is no chance meeting of two other words.
    Cut,
}

struct Spotter {
    automaton: AhoCorasick,
    /// By the automaton's patterns.
    words: Vec<Word>,
}

/// `None` would be a fault of the tables, which a test would show.
static SPOTTER: LazyLock<Option<Spotter>> = LazyLock::new(Spotter::of_tables);

/// All concepts that a text names, in the order of their places; of those that overlap the first, and of these the longest.
pub fn spot(text: &str) -> Vec<Spotted> {
    SPOTTER.as_ref().map(|spotter| spotter.spot(text)).unwrap_or_default()
}

/// As [`spot`], for what somebody typed: a word alone is meant as a name, however it is written.
pub fn spot_in_question(text: &str) -> Vec<Spotted> {
    let typed = text.trim();
    let spotted = spot(text);
    match named(typed) {
        Some(concept) if spotted.is_empty() => {
            let start = text.len() - text.trim_start().len();
            vec![Spotted { concept, start, end: start + typed.len() }]
        }
        _ => spotted,
    }
}

/// The codes of all concepts that texts name, and of the broader ones, in order.
pub fn codes_in<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let found: HashSet<&str> = texts.flat_map(spot).flat_map(|spotted| spotted.concept.with_broader()).map(|concept| concept.code).collect();
    let mut codes: Vec<&str> = found.into_iter().collect();
    codes.sort_unstable();
    codes
}

/// A text as it is compared, with the place of each of its bytes in the original.
struct Readable {
    text: String,
    origins: Vec<(usize, usize)>,
}

impl Readable {
    fn of(text: &str) -> Self {
        let traced = fold_traced(text);
        let mut readable = Self { text: String::with_capacity(traced.text.len()), origins: Vec::with_capacity(traced.text.len()) };
        let (mut last, mut gap): (Option<char>, bool) = (None, false);
        for (c, origin) in traced.text.chars().zip(traced.origins) {
            if is_gap(c) {
                gap = true;
                continue;
            }
            if gap && last.is_some_and(|last| is_han(last) == is_han(c)) {
                readable.push(' ', origin);
            }
            readable.push(c, origin);
            (last, gap) = (Some(c), false);
        }
        readable
    }

    fn push(&mut self, c: char, origin: (usize, usize)) {
        self.text.push(c);
        self.origins.resize(self.text.len(), origin);
    }

    /// Where a found part stands in the original.
    fn original(&self, start: usize, end: usize) -> (usize, usize) {
        let place = |at: usize| self.origins.get(at).copied().unwrap_or_default();
        (place(start).0, place(end - 1).1)
    }
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}' | '\u{2011}' | '_')
}

impl Spotter {
    fn of_tables() -> Option<Self> {
        let (mut patterns, mut words) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let mut add = |pattern: String, concept: &'static Concept, check: Check| {
            if seen.insert(pattern.clone()) {
                patterns.push(pattern);
                words.push(Word { concept, check });
            }
        };
        let every = || all().iter().flat_map(|concept| concept.words().map(move |word| (concept, word)));
        let every = || every().map(|(concept, word)| (concept, word, Readable::of(word).text)).filter(|(_, _, pattern)| pattern.chars().count() > 1);
        for (concept, word, pattern) in every() {
            add(pattern, concept, check_of(word));
        }
        // After all words as they are: a plural must not take what is a word by itself.
        for (concept, word, pattern) in every() {
            if let Some(plural) = plural(&pattern) {
                add(plural, concept, check_of(word));
            }
        }
        Some(Self { automaton: AhoCorasick::new(&patterns).ok()?, words })
    }

    fn spot(&self, text: &str) -> Vec<Spotted> {
        let readable = Readable::of(text);
        let mut candidates: Vec<(usize, usize, usize)> = self
            .automaton
            .find_overlapping_iter(&readable.text)
            .filter(|found| stands_alone(&readable.text, found.start(), found.end()))
            .map(|found| (found.start(), found.end(), found.pattern().as_usize()))
            .collect();
        candidates.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut spotted = Vec::new();
        let mut free_from = 0;
        for (start, end, pattern) in candidates {
            let Some(word) = self.words.get(pattern).filter(|_| start >= free_from) else { continue };
            let (from, to) = readable.original(start, end);
            if word.check.holds(text, from, &readable.text, start, end) {
                spotted.push(Spotted { concept: word.concept, start: from, end: to });
                free_from = end;
            }
        }
        spotted
    }
}

fn check_of(word: &'static str) -> Check {
    let length = word.chars().count();
    if length <= SHORT_HAN && word.chars().all(is_han) {
        Check::Cut
    } else if length <= SHORT_LATIN || AS_WRITTEN.contains(&word) {
        Check::Spelling(word)
    } else {
        Check::Nothing
    }
}

impl Check {
    /// `from` is the place in the original text, `start` and `end` those in the readable one.
    fn holds(self, original: &str, from: usize, readable: &str, start: usize, end: usize) -> bool {
        match self {
            Self::Nothing => true,
            Self::Spelling(word) => original.get(from..).is_some_and(|rest| rest.starts_with(word)),
            Self::Cut => {
                let before = readable[..start].char_indices().rev().take(AROUND).take_while(|(_, c)| is_han(*c)).last().map_or(start, |(at, _)| at);
                let after = readable[end..].char_indices().take(AROUND).take_while(|(_, c)| is_han(*c)).last().map_or(end, |(at, c)| end + at + c.len_utf8());
                can_be_word(&readable[before..after], start - before, end - before)
            }
        }
    }
}

/// A letter or digit of a script that sets spaces between words.
fn is_spaced(c: char) -> bool {
    c.is_alphanumeric() && !is_han(c)
}

/// Whether a Latin end of what was found is the end of a word.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let (before, found, after) = (&text[..start], &text[start..end], &text[end..]);
    let joined = |left: Option<char>, right: Option<char>| left.is_some_and(is_spaced) && right.is_some_and(is_spaced);
    !joined(before.chars().next_back(), found.chars().next()) && !joined(found.chars().next_back(), after.chars().next())
}

/// The plural of what ends in a Latin letter.
fn plural(word: &str) -> Option<String> {
    let mut backwards = word.chars().rev();
    let (last, before) = (backwards.next()?, backwards.next()?);
    if !last.is_ascii_lowercase() {
        return None;
    }
    let after_vowel = matches!(before, 'a' | 'e' | 'i' | 'o' | 'u');
    Some(match last {
        's' | 'x' | 'z' => format!("{word}es"),
        'h' if matches!(before, 's' | 'c') => format!("{word}es"),
        'y' if !after_vowel => format!("{}ies", &word[..word.len() - 1]),
        _ => format!("{word}s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold::fold;
    use proptest::prelude::*;

    fn codes(text: &str) -> Vec<&'static str> {
        spot(text).into_iter().map(|spotted| spotted.concept.code).collect()
    }

    fn parts(text: &str) -> Vec<&str> {
        spot(text).into_iter().map(|spotted| &text[spotted.start..spotted.end]).collect()
    }

    #[test]
    fn words_of_both_languages_are_found_in_every_spelling() {
        for text in ["GPU", "gpu", "ＧＰＵ", "GPUs", "图形处理器", "圖形處理器", "一颗GPU芯片", "graphics processing units", "Graphics-processing unit"] {
            assert_eq!(codes(text), ["base.chips.gpu"], "{text}");
        }
        assert_eq!(parts("寻求 AI 芯片 与ＧＰＵ"), ["AI 芯片", "ＧＰＵ"]);
        assert_eq!(parts("We need deep-learning frameworks."), ["deep-learning frameworks"]);
    }

    #[test]
    fn the_longest_word_is_meant() {
        assert_eq!(codes("自动驾驶芯片"), ["base.chips.driving_chip"]);
        assert_eq!(codes("通用GPU"), ["base.chips.gpgpu"]);
    }

    #[test]
    fn latin_words_stand_by_themselves() {
        for text in ["GPUx", "xGPU", "agpus", "7nmGPU8"] {
            assert!(codes(text).is_empty(), "{text}: {:?}", codes(text));
        }
        assert_eq!(parts("(GPU)/GPU、GPU。"), ["GPU", "GPU", "GPU"]);
    }

    #[test]
    fn ordinary_words_and_chance_meetings_are_no_concepts() {
        for text in [
            "a rag for cleaning",
            "sic!",
            "a grand slam",
            "charged to 80 % SOC",
            "vr",
            "审核能力",
            "特征信息",
            "集中试验",
            "在规模具有优势",
            "物流片区",
            "智能体验",
            "数字人民",
            "分区调光芯片",
        ] {
            assert!(codes(text).is_empty(), "{text}: {:?}", codes(text));
        }
        for (text, code) in
            [("RAG systems", "model.agents.retrieval_augmented_generation"), ("SiC power", "base.chips.silicon_carbide"), ("VR", "application.education.virtual_reality")]
        {
            assert!(codes(text).contains(&code), "{text}");
        }
    }

    #[test]
    fn a_word_that_was_typed_alone_is_meant_as_a_name() {
        let found = spot_in_question(" rag ");
        assert_eq!(found.iter().map(|spotted| (spotted.concept.code, spotted.start, spotted.end)).collect::<Vec<_>>(), [("model.agents.retrieval_augmented_generation", 1, 4)]);
        assert!(spot_in_question("rag doll").is_empty());
    }

    #[test]
    fn broader_concepts_come_along() {
        assert_eq!(codes_in(["通用GPU", "a GPGPU"].into_iter()), ["base.chips.ai_chip", "base.chips.gpgpu", "base.chips.gpu"]);
    }

    #[test]
    fn every_word_of_the_tables_is_found_as_it_is_written() {
        let lost: Vec<&str> = all().iter().flat_map(|concept| concept.words().filter(move |word| !spot(word).iter().any(|spotted| spotted.concept == concept))).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }

    proptest! {
        #[test]
        fn what_is_found_is_a_word_of_its_concept_and_places_follow_each_other(text in "([a-zA-Z ]|GPU|LLM|芯片|人工智能|激光雷达|大模型|[\\p{Han}]|-){0,40}") {
            let mut at = 0;
            for spotted in spot(&text) {
                prop_assert!(spotted.start >= at && spotted.end > spotted.start);
                at = spotted.end;
                let part = Readable::of(&text[spotted.start..spotted.end]).text;
                let known = |word: &str| { let word = Readable::of(word).text; part == word || plural(&word).as_ref() == Some(&part) };
                prop_assert!(spotted.concept.words().any(known), "{}", part);
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,80}") {
            let _ = spot(&text);
            let _ = spot_in_question(&text);
        }

        #[test]
        fn width_and_traditional_characters_never_matter(place in 0_usize..2_000) {
            let concept = &all()[place % all().len()];
            prop_assert_eq!(spot(concept.zh), spot(&fold(concept.zh)).into_iter().map(|spotted| Spotted { ..spotted }).collect::<Vec<_>>());
        }
    }
}
