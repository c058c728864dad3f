//! Folding: what is the same word to a reader becomes the same text. Width and compatibility forms (NFKC: ＡＩ = AI), case,
//! and traditional characters (to simplified). Never sound.

use std::sync::LazyLock;

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use unicode_normalization::UnicodeNormalization;

static SIMPLIFIER: LazyLock<Option<OpenCC>> = LazyLock::new(|| OpenCC::from_config(BuiltinConfig::T2s).ok());

pub fn fold(text: &str) -> String {
    let lowered = lower(text);
    simplify(&lowered).unwrap_or(lowered)
}

fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Traditional to simplified; `None` where the text has nothing to convert.
fn simplify(text: &str) -> Option<String> {
    if !text.chars().any(is_han) {
        return None;
    }
    SIMPLIFIER.as_ref().map(|simplifier| simplifier.convert(text))
}

/// Whether a character by itself is simplified to another. Words are simplified as wholes where that differs, but a text of them has others
/// that are, so that one look is enough to say that a text is in simplified characters.
fn is_traditional(c: char) -> bool {
    /// A bit for each of the common characters.
    static COMMON: LazyLock<Vec<u64>> = LazyLock::new(|| {
        let words = (COMMON_HAN.0 as u32..=COMMON_HAN.1 as u32).collect::<Vec<u32>>();
        words.chunks(64).map(|chunk| chunk.iter().enumerate().fold(0, |word, (bit, code)| word | (u64::from(char::from_u32(*code).is_some_and(changes)) << bit))).collect()
    });
    if !is_han(c) {
        return false;
    }
    match (c as u32).checked_sub(COMMON_HAN.0 as u32) {
        Some(place) if c <= COMMON_HAN.1 => COMMON.get(place as usize / 64).is_none_or(|word| word >> (place % 64) & 1 == 1),
        _ => changes(c),
    }
}

const COMMON_HAN: (char, char) = ('\u{4E00}', '\u{9FFF}');

fn changes(c: char) -> bool {
    let text = String::from(c);
    simplify(&text).is_some_and(|simple| simple != text)
}

pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3134F}' | '〇')
}

/// A folded text that still knows, for each of its characters, the byte range in the original that it came from.
pub struct Traced {
    pub text: String,
    pub origins: Vec<(usize, usize)>,
}

/// Folds character by character, so that found words can be shown in the original text.
pub fn fold_traced(text: &str) -> Traced {
    let mut folded = String::with_capacity(text.len());
    let mut origins = Vec::with_capacity(text.len());
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        // Most characters fold to themselves or to their lower case, and need no tables.
        if c.is_ascii() || matches!(c, '\u{4E00}'..='\u{9FFF}') {
            folded.push(c.to_ascii_lowercase());
            origins.push((start, end));
            continue;
        }
        for out in c.nfkc().flat_map(char::to_lowercase) {
            folded.push(out);
            origins.push((start, end));
        }
    }
    // Simplification exchanges one character for one; where it ever did not, the folded text is kept as it is. Most texts have nothing to
    // simplify, which a look at each character tells faster.
    if folded.chars().any(is_traditional)
        && let Some(simple) = simplify(&folded)
        && simple.chars().count() == origins.len()
    {
        folded = simple;
    }
    Traced { text: folded, origins }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn width_case_and_traditional_characters_are_folded() {
        assert_eq!(fold("ＡＩ芯片"), "ai芯片");
        assert_eq!(fold("激光雷達"), "激光雷达");
        assert_eq!(fold("CUDA"), "cuda");
        assert_eq!(fold("５ＮＭ"), "5nm");
    }

    #[test]
    fn texts_in_traditional_characters_are_told_from_others() {
        assert!("車規級激光雷達".chars().any(is_traditional) && "發展乾燥設備".chars().any(is_traditional));
        assert!(!"车规级激光雷达算法，用于5nm芯片的EUV光源".chars().any(is_traditional));
    }

    #[test]
    fn sound_is_never_folded() {
        // Both are read "shì yì": a match by sound would take them for one.
        assert_ne!(fold("示意"), fold("适意"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in "\\PC{0,60}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn case_and_width_never_matter(text in "[a-zA-Z0-9 ]{0,40}") {
            let wide: String = text.chars().map(|c| if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xFEE0).unwrap() } else { c }).collect();
            prop_assert_eq!(fold(&wide), fold(&text.to_uppercase()));
        }

        #[test]
        fn every_traced_character_points_into_the_original(text in "\\PC{0,60}") {
            let traced = fold_traced(&text);
            prop_assert_eq!(traced.text.chars().count(), traced.origins.len());
            for (start, end) in traced.origins {
                prop_assert!(text.get(start..end).is_some_and(|part| part.chars().count() == 1));
            }
        }
    }
}
