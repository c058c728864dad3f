//! A long text in pieces of whole sentences: a question is answered by a part of a text, which the whole hides.

use super::fold::is_han;

/// A piece has about so many letters; a Chinese character says as much as three.
const LENGTH: usize = 260;
const HAN: usize = 3;
/// A longer text has longer pieces, not more of them.
const MOST: usize = 6;

/// The pieces of a text in their order, none where it is but one. Together they are the text.
pub fn pieces(text: &str) -> Vec<&str> {
    let length = text.chars().map(letters).sum::<usize>();
    let at_most = LENGTH.max(length.div_ceil(MOST - 1));
    let (mut pieces, mut start, mut filled) = (Vec::new(), 0, 0);
    let mut at = 0;
    for sentence in sentences(text) {
        let letters = sentence.chars().map(letters).sum::<usize>();
        if filled > 0 && filled + letters > at_most {
            pieces.push(&text[start..at]);
            (start, filled) = (at, 0);
        }
        at += sentence.len();
        filled += letters;
    }
    if start == 0 {
        return Vec::new();
    }
    pieces.push(&text[start..]);
    pieces
}

fn letters(c: char) -> usize {
    if is_han(c) { HAN } else { 1 }
}

/// A text cut behind each mark that ends a sentence, and at the end of each line.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut before = '\0';
    text.split_inclusive(move |c: char| {
        // A full stop within a number or a name ends nothing.
        let ends = matches!(c, '。' | '！' | '？' | '；' | '!' | '?' | ';' | '\n') || (before == '.' && c.is_whitespace());
        before = c;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_text_is_its_own_piece() {
        assert!(pieces("").is_empty());
        assert!(pieces("我们提供激光雷达。测距二百米。").is_empty());
    }

    #[test]
    fn pieces_end_where_sentences_do() {
        let text = "The first sentence has version 2.0 of something in it. ".repeat(12);
        let found = pieces(&text);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|piece| piece.trim_end().ends_with("in it.") && piece.len() <= LENGTH));
        assert!(pieces(&"我们提供激光雷达与毫米波雷达的融合算法。".repeat(12)).len() >= 3);
    }

    proptest! {
        #[test]
        fn together_they_are_the_text(text in "[\\p{Han}a-zA-Z0-9 .。！\n]{0,3000}") {
            let found = pieces(&text);
            prop_assert!(found.is_empty() || found.concat() == text);
            prop_assert!(found.len() <= 2 * MOST && found.len() != 1);
        }
    }
}
