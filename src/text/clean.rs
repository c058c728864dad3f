//! What people may write: no control characters, no characters that turn the direction of reading, no more than the field holds.

use unicode_normalization::UnicodeNormalization;

use crate::error::FieldError;

/// Whether a text may have more than one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    One,
    Many,
}

/// Trims and normalises (NFC) a text of people's. Empty is an error: leave the field out instead.
pub fn clean(pointer: &str, text: &str, max_chars: usize, lines: Lines) -> Result<String, FieldError> {
    let text: String = text.nfc().collect();
    let text = text.trim();
    if text.is_empty() {
        return Err(FieldError::required(pointer));
    }
    if text.chars().count() > max_chars {
        return Err(FieldError::too_long(pointer, max_chars));
    }
    // A few characters unfold to many when they are searched (U+FDFA to 18): more work than the length of the text tells.
    if text.nfkc().take(2 * max_chars + 1).count() > 2 * max_chars {
        return Err(FieldError::too_long(pointer, max_chars));
    }
    match text.chars().find(|&c| is_forbidden(c, lines)) {
        Some(c) => Err(FieldError::not_allowed(
            pointer,
            format!("has the character U+{:04X}, which is not allowed in text", u32::from(c)),
            format!("含有不允许的字符 U+{:04X}", u32::from(c)),
        )),
        None => Ok(text.to_owned()),
    }
}

/// The first `max` characters.
pub fn clip(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end])
}

fn is_forbidden(c: char, lines: Lines) -> bool {
    match c {
        '\n' | '\t' => lines == Lines::One,
        // Bidirectional controls can make a text read otherwise than it is stored; line separators, invisible spaces, U+FEFF and the non-characters have no business in it.
        '\u{202A}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{061C}'
        | '\u{FEFF}'
        | '\u{200B}'
        | '\u{2060}'
        | '\u{180E}'
        | '\u{FFF9}'..='\u{FFFB}'
        | '\u{2028}'
        | '\u{2029}' => true,
        c if c.is_control() => true,
        c => (u32::from(c) & 0xFFFE) == 0xFFFE || ('\u{FDD0}'..='\u{FDEF}').contains(&c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(clean("/t", "  激光雷达 \n", 4, Lines::One).unwrap(), "激光雷达");
        assert_eq!(clean("/t", "激光雷达们", 4, Lines::One).unwrap_err().code, "too_long");
        assert_eq!(clean("/t", " ", 4, Lines::One).unwrap_err().code, "required");
    }

    #[test]
    fn characters_that_deceive_or_break_are_refused() {
        for text in ["a\0b", "a\u{202E}b", "a\u{2066}b", "a\u{1b}[31mb", "a\u{FFFF}b", "a\nb"] {
            assert_eq!(clean("/t", text, 40, Lines::One).unwrap_err().code, "not_allowed", "{text:?}");
        }
        assert!(clean("/t", "a\nb", 40, Lines::Many).is_ok());
    }
}
