//! What people type into a search: words, phrases in quotes, and words that must not be there.
//!
//! `"solid state"` (also “…”, 「…」, 『…』) must stand as it is written; `-radar` and `-"phased array"` must not stand anywhere. A sign that
//! makes no sense as an operator is an ordinary character, so nothing that people type is an error but too much of it.

use std::ops::Range;

use crate::error::{FieldError, Message};

/// Phrases and exclusions together: each is a condition of its own that every search has to check.
pub const MAX_OPERATORS: usize = 16;

/// A query, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// What is ranked by, in words and in meaning: everything but the exclusions, without the operators' signs.
    pub text: String,
    /// What must stand so in one field of a listing.
    pub phrases: Vec<String>,
    /// What must not stand in a listing.
    pub exclusions: Vec<String>,
    /// Where in what was typed the text stands that is looked for.
    pub looked_for: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Free,
    Phrase,
    Exclusion,
}

/// A part of what was typed, without its operator's signs.
struct Piece {
    kind: Kind,
    range: Range<usize>,
}

/// An operator, as it stands at some place: its content and where it ends, counted from that place.
struct Operator {
    kind: Kind,
    content: Range<usize>,
    end: usize,
}

/// Takes a query apart; an error where it has too many operators.
pub fn parse(typed: &str) -> Result<Typed, FieldError> {
    let mut parsed = Typed::default();
    let mut parts: Vec<&str> = Vec::new();
    let pieces = pieces(typed);
    let only = pieces.len() == 1;
    for Piece { kind, range } in pieces {
        let content = &typed[range.clone()];
        match kind {
            Kind::Exclusion => {
                parsed.exclusions.push(content.to_owned());
                continue;
            }
            Kind::Phrase => parsed.phrases.push(content.to_owned()),
            Kind::Free => {}
        }
        // Without operators the text is what was typed, to the letter.
        parts.push(if only { content } else { content.trim() });
        parsed.looked_for.push(range);
    }
    parts.retain(|part| !part.is_empty());
    parsed.text = parts.join(" ");
    if parsed.phrases.len() + parsed.exclusions.len() > MAX_OPERATORS {
        return Err(FieldError::new(
            "q",
            "too_many",
            Message::new(format!("has more than the {MAX_OPERATORS} phrases and exclusions allowed"), format!("短语与排除词合计超过了允许的{MAX_OPERATORS}个")),
        ));
    }
    Ok(parsed)
}

fn pieces(typed: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut free_from = 0;
    let mut at = 0;
    let mut before = None;
    while let Some(c) = typed[at..].chars().next() {
        let Some(Operator { kind, content, end }) = operator(&typed[at..], before) else {
            before = Some(c);
            at += c.len_utf8();
            continue;
        };
        if kind != Kind::Free {
            push_free(&mut pieces, free_from..at);
            pieces.push(Piece { kind, range: at + content.start..at + content.end });
            free_from = at + end;
        }
        before = typed[at..at + end].chars().next_back();
        at += end;
    }
    push_free(&mut pieces, free_from..typed.len());
    pieces
}

fn push_free(pieces: &mut Vec<Piece>, range: Range<usize>) {
    if !range.is_empty() {
        pieces.push(Piece { kind: Kind::Free, range });
    }
}

/// The operator at the beginning of `rest`, where one stands there.
fn operator(rest: &str, before: Option<char>) -> Option<Operator> {
    match rest.chars().next()? {
        '-' | '－' if before.is_none_or(char::is_whitespace) => exclusion(rest),
        _ => quoted(rest, before),
    }
}

/// An exclusion: its sign is followed directly by a letter, a Chinese character or a phrase. A digit makes it a number (-40 °C).
fn exclusion(rest: &str) -> Option<Operator> {
    let sign = rest.chars().next()?.len_utf8();
    let behind = &rest[sign..];
    if let Some(Operator { kind: Kind::Phrase, content, end }) = quoted(behind, None) {
        return Some(Operator { kind: Kind::Exclusion, content: sign + content.start..sign + content.end, end: sign + end });
    }
    let length = word(behind);
    (length > 0).then(|| Operator { kind: Kind::Exclusion, content: sign..sign + length, end: sign + length })
}

/// How far the word reaches that `rest` begins with; it may hold hyphens and what else stands within names (c++, r&d, 5.1).
fn word(rest: &str) -> usize {
    if !rest.starts_with(char::is_alphabetic) {
        return 0;
    }
    rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.' | '+' | '#' | '&' | '/' | '\'')).unwrap_or(rest.len())
}

/// A text in quotes that `rest` begins with. One without a word is no phrase, but its quotes belong together: it is passed over as a whole.
fn quoted(rest: &str, before: Option<char>) -> Option<Operator> {
    let open = rest.chars().next()?;
    let close = match open {
        // Behind a digit it says inches.
        '"' if before.is_none_or(|before| !before.is_ascii_digit()) => '"',
        '“' => '”',
        '「' => '」',
        '『' => '』',
        _ => return None,
    };
    let start = open.len_utf8();
    let length = rest[start..].find(close)?;
    let content = start..start + length;
    let kind = if rest[content.clone()].contains(char::is_alphanumeric) { Kind::Phrase } else { Kind::Free };
    Some(Operator { kind, end: content.end + close.len_utf8(), content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The text, the phrases and the exclusions, each list joined.
    fn parsed(typed: &str) -> (String, String, String) {
        let Typed { text, phrases, exclusions, .. } = parse(typed).unwrap();
        (text, phrases.join("|"), exclusions.join("|"))
    }

    fn says(typed: &str, text: &str, phrases: &str, exclusions: &str) {
        assert_eq!(parsed(typed), (text.to_owned(), phrases.to_owned(), exclusions.to_owned()), "{typed}");
    }

    #[test]
    fn phrases_stand_in_quotes_of_both_languages() {
        says("\"solid state\" lidar", "solid state lidar", "solid state", "");
        says("找“激光雷达”供应商", "找 激光雷达 供应商", "激光雷达", "");
        says("「激光雷达」『毫米波』", "激光雷达 毫米波", "激光雷达|毫米波", "");
        says("\"a b\"\"c\"", "a b c", "a b|c", "");
    }

    #[test]
    fn a_quote_that_is_never_closed_is_a_character() {
        for typed in ["\"solid state", "12\" wafer", "“激光", "「a』", "lidar\"", "12\" and 8\" wafer", "\"\"", "\"…\" lidar", "-\"lidar", "激光”"] {
            says(typed, typed, "", "");
        }
        says("\"!!\" lidar \"solid state\"", "\"!!\" lidar solid state", "solid state", "");
        says("“激光 \"solid state\"", "“激光 solid state", "solid state", "");
    }

    #[test]
    fn exclusions_follow_white_space_and_begin_with_a_letter() {
        says("lidar -radar", "lidar", "", "radar");
        says("激光 －雷达，毫米波", "激光 ，毫米波", "", "雷达");
        says("-\"phased array\" lidar -“相控阵”", "lidar", "", "phased array|相控阵");
        says("-GPU-based -c++ x", "x", "", "GPU-based|c++");
        for typed in ["GPU-based", "-40 °C", "--", "-- lidar", "a -", "--radar", "lidar - radar", "5-axis", "激光-雷达", "- \"a\""] {
            assert_eq!(parsed(typed).2, "", "{typed}");
        }
    }

    #[test]
    fn only_exclusions_leave_nothing_to_look_for() {
        says("-radar", "", "", "radar");
        says(" -radar\u{3000}－雷达 ", "", "", "radar|雷达");
    }

    #[test]
    fn too_many_operators_are_refused() {
        let some = "-a \"b\" ".repeat(MAX_OPERATORS / 2);
        assert!(parse(&some).is_ok());
        let error = parse(&format!("{some} -c")).unwrap_err();
        assert_eq!((error.pointer.as_str(), error.code), ("q", "too_many"));
    }

    fn letters(text: &str) -> Vec<char> {
        let mut all: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
        all.sort_unstable();
        all
    }

    proptest! {
        #[test]
        fn whatever_is_typed_ends_in_one_of_the_three(typed in "[a-z0-9激光雷达 \"“”「」『』－\u{3000}.,!-]{0,60}") {
            if let Ok(parsed) = parse(&typed) {
                prop_assert_eq!(letters(&typed), letters(&format!("{} {}", parsed.text, parsed.exclusions.join(" "))));
                for phrase in &parsed.phrases {
                    prop_assert!(parsed.text.contains(phrase.trim()));
                }
                let looked_for: String = parsed.looked_for.iter().map(|range| &typed[range.clone()]).collect();
                prop_assert_eq!(letters(&looked_for), letters(&parsed.text));
            }
        }

        #[test]
        fn anything_can_be_typed(typed in "\\PC{0,80}") {
            let _ = parse(&typed);
        }

        #[test]
        fn a_query_without_operators_is_left_as_it_is(typed in "[a-z激光 ，.!]{0,40}") {
            prop_assert_eq!(parse(&typed).unwrap().text, typed);
        }
    }
}
