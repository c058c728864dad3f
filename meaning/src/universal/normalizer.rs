//! Text as the pieces of a SentencePiece model are cut from: each character replaced as the model says (here NFKC with a few rules for
//! translation), blanks joined, and each blank shown as `▁`. After SentencePiece's `normalizer.cc`.

use crate::error::ModelError;

/// How SentencePiece writes a blank, so that blanks can be parts of pieces (U+2581).
const BLANK: &[u8] = "▁".as_bytes();

/// The longest replacement that is believed, in bytes. NFKC's longest is U+FDFA's, 33 bytes; without a limit a broken model could make a
/// short text endless.
const LONGEST_REPLACEMENT: usize = 256;

/// The replacements of characters, and of sequences of characters.
///
/// They come as `precompiled_charsmap`: the size of a trie in bytes, the trie, and replacements that end with NUL each. The trie is a double
/// array as `darts-clone` makes it; each unit has 32 bits:
/// * bits 0 to 7 and 31: the byte that leads here (bit 31 is set in a unit that holds a value, which is therefore led to by none),
/// * bit 8: whether a key ends here, and its value lies in this unit's first child,
/// * bits 10 to 30: how far the children are, in steps of 256 if bit 9 is set.
#[derive(Debug)]
pub struct Normalizer {
    units: Vec<u32>,
    replacements: Vec<u8>,
}

impl Normalizer {
    /// Reads a `precompiled_charsmap`; `part` is what errors call it.
    pub fn read(part: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        let (size, rest) = bytes.split_first_chunk().ok_or_else(|| ModelError::truncated(part, bytes.len(), 4))?;
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let (trie, replacements) = rest.split_at_checked(size).ok_or_else(|| ModelError::truncated(part, bytes.len(), size.saturating_add(4)))?;
        let (units, remainder) = trie.as_chunks();
        if units.is_empty() || !remainder.is_empty() {
            return Err(ModelError::malformed(part, format!("a trie of {size} bytes has no whole number of units")));
        }
        if std::str::from_utf8(replacements).is_err() || replacements.last().is_some_and(|&last| last != 0) {
            return Err(ModelError::malformed(part, "the replacements are not texts that end with NUL each"));
        }
        if replacements.split(|&byte| byte == 0).any(|text| text.len() > LONGEST_REPLACEMENT) {
            return Err(ModelError::malformed(part, format!("a replacement is longer than {LONGEST_REPLACEMENT} bytes")));
        }
        Ok(Self { units: units.iter().map(|&unit| u32::from_le_bytes(unit)).collect(), replacements: replacements.to_vec() })
    }

    /// The text as bytes of UTF-8. It begins with a blank, even if the text does not, so that a word has the same pieces at a text's beginning
    /// and within it; it has no other blanks at either end, and none beside each other. A text of nothing but blanks has no bytes.
    pub fn normalize(&self, text: &str) -> Vec<u8> {
        let mut rest = text.as_bytes();
        let mut normal = Vec::with_capacity(rest.len() + rest.len() / 4 + BLANK.len());
        normal.extend_from_slice(BLANK);
        let mut after_blank = true;
        while !rest.is_empty() {
            let (mut replacement, consumed) = self.replace(rest);
            rest = &rest[consumed..];
            while after_blank && let [b' ', others @ ..] = replacement {
                replacement = others;
            }
            for &byte in replacement {
                match byte {
                    b' ' => normal.extend_from_slice(BLANK),
                    _ => normal.push(byte),
                }
            }
            // A character that vanishes, such as a zero-width joiner, leaves a blank before it the last of what is seen.
            if let Some(&last) = replacement.last() {
                after_blank = last == b' ';
            }
        }
        while normal.ends_with(BLANK) {
            normal.truncate(normal.len() - BLANK.len());
        }
        normal
    }

    /// What the beginning of a text that is not empty becomes, and how many of its bytes are consumed by this: the longest sequence that has
    /// a replacement, or else one character, which stays.
    fn replace<'a>(&'a self, text: &'a [u8]) -> (&'a [u8], usize) {
        let mut found = None;
        let mut at = children(self.unit(0));
        for (index, &byte) in text.iter().enumerate() {
            at ^= u32::from(byte);
            let unit = self.unit(at);
            if unit & 0x8000_00ff != u32::from(byte) {
                break;
            }
            at ^= children(unit);
            if unit & 0x100 != 0 {
                found = Some((self.unit(at) & 0x7fff_ffff, index + 1));
            }
        }
        found.and_then(|(start, consumed)| Some((self.replacement(start)?, consumed))).unwrap_or_else(|| {
            let length = character_length(text);
            (&text[..length], length)
        })
    }

    /// A unit of the trie. One that is not there is like one that no byte leads to.
    fn unit(&self, index: u32) -> u32 {
        usize::try_from(index).ok().and_then(|index| self.units.get(index)).copied().unwrap_or(0x8000_0000)
    }

    fn replacement(&self, start: u32) -> Option<&[u8]> {
        let rest = self.replacements.get(usize::try_from(start).ok()?..).filter(|rest| !rest.is_empty())?;
        rest.split(|&byte| byte == 0).next()
    }
}

/// By which number the place of a unit is combined with a byte to find the child that the byte leads to.
fn children(unit: u32) -> u32 {
    (unit >> 10) << ((unit & 0x200) >> 6)
}

/// The length in bytes of the first character of a text that is not empty, of which no more is supposed than that it should be UTF-8.
pub fn character_length(text: &[u8]) -> usize {
    let length = match text.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    length.min(text.len())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A charsmap of characters of one byte, each with what replaces it.
    pub fn charsmap(pairs: &[(u8, &str)]) -> Vec<u8> {
        // The root's children lie from 256 on, and the value of each 512 after it. What is not used, no byte leads to.
        let mut units = vec![0x8000_0000_u32; 1024];
        units[0] = 256 << 10;
        let mut replacements = Vec::new();
        for &(byte, replacement) in pairs {
            units[256 + usize::from(byte)] = 512 << 10 | 0x100 | u32::from(byte);
            units[768 + usize::from(byte)] = 0x8000_0000 | u32::try_from(replacements.len()).unwrap();
            replacements.extend_from_slice(replacement.as_bytes());
            replacements.push(0);
        }
        let mut bytes = u32::try_from(4 * units.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        bytes.extend(replacements);
        bytes
    }

    const PAIRS: &[(u8, &str)] = &[(b'\t', " "), (b'A', "a"), (b'B', "ß"), (b'C', " c c "), (b'D', "")];

    #[test]
    fn blanks_are_joined_and_seen() {
        let normalizer = Normalizer::read("charsmap", &charsmap(PAIRS)).unwrap();
        for (text, expected) in [
            ("", ""),
            (" \t ", ""),
            ("D D", ""),
            ("a", "▁a"),
            ("  x \t y  ", "▁x▁y"),
            ("ABé中", "▁aßé中"),
            ("C", "▁c▁c"),
            ("xCCy", "▁x▁c▁c▁c▁c▁y"),
            ("x D y", "▁x▁y"),
            ("xDy", "▁xy"),
            ("▁x▁", "▁▁x"),
        ] {
            assert_eq!(String::from_utf8(normalizer.normalize(text)).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_broken_charsmap_is_an_error_or_harmless() {
        let whole = charsmap(PAIRS);
        let texts = 4 + 4 * 1024;
        for end in 0..whole.len() {
            let read = Normalizer::read("charsmap", &whole[..end]);
            assert!(read.is_err() || end >= texts, "cut at {end}");
        }
        for at in 0..whole.len() {
            for flip in [1, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[at] ^= flip;
                if let Ok(normalizer) = Normalizer::read("charsmap", &broken) {
                    normalizer.normalize("xABCD \t中é🤖");
                }
            }
        }
        let mut endless = whole.clone();
        endless.extend([b'x'; 1_000]);
        endless.push(0);
        assert!(Normalizer::read("charsmap", &endless).unwrap_err().to_string().contains("longer than 256 bytes"));
    }
}
