//! The terms of a listing by language, as short hashes with weights: what matching compares without reading the texts again.

use std::collections::HashMap;

use super::language::Language;
use super::segment::terms;

/// The terms of one language, ordered by hash.
pub type Terms = Vec<(u32, u16)>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub zh: Terms,
    pub en: Terms,
}

/// How often a title counts, in words and in meaning: it says more than a sentence of the body.
pub const TITLE_WEIGHT: u16 = 3;
/// Beyond this many terms a text has said what it is about.
const MAX_TERMS: usize = 1_000;
const WIDTH: usize = 6;

/// FNV-1a, 32 bits: stable over versions and machines, since it is stored. A collision makes two words look alike; with a
/// thousand terms in a text that happens once in four thousand pairs.
pub fn hash(term: &str) -> u32 {
    term.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Counts the terms of texts; `weight` is how much an occurrence counts.
#[derive(Default)]
pub struct ProfileBuilder {
    zh: HashMap<u32, u16>,
    en: HashMap<u32, u16>,
}

impl ProfileBuilder {
    pub fn add(&mut self, language: Language, text: &str, weight: u16) {
        let counts = match language {
            Language::Zh => &mut self.zh,
            Language::En => &mut self.en,
        };
        for term in terms(text) {
            let count = counts.entry(hash(&term.text)).or_default();
            *count = count.saturating_add(weight);
        }
    }

    /// Keywords and names that belong to no language count in each that the listing has texts in.
    pub fn add_to_all(&mut self, text: &str, weight: u16) {
        let (zh, en) = (!self.zh.is_empty(), !self.en.is_empty());
        if zh {
            self.add(Language::Zh, text, weight);
        }
        if en {
            self.add(Language::En, text, weight);
        }
    }

    pub fn finish(self) -> Profile {
        Profile { zh: ordered(self.zh), en: ordered(self.en) }
    }
}

fn ordered(counts: HashMap<u32, u16>) -> Terms {
    let mut terms: Terms = counts.into_iter().collect();
    if terms.len() > MAX_TERMS {
        terms.sort_unstable_by_key(|&(hash, count)| (std::cmp::Reverse(count), hash));
        terms.truncate(MAX_TERMS);
    }
    terms.sort_unstable();
    terms
}

impl Profile {
    /// Number of Chinese terms (u16), then both lists, each term as hash (u32) and count (u16), little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 + (self.zh.len() + self.en.len()) * WIDTH);
        bytes.extend_from_slice(&u16::try_from(self.zh.len()).unwrap_or(u16::MAX).to_le_bytes());
        for (hash, count) in self.zh.iter().chain(&self.en) {
            bytes.extend_from_slice(&hash.to_le_bytes());
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        bytes
    }

    /// `None` when the bytes are not a profile.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(2)?;
        let zh = usize::from(u16::from_le_bytes(head.try_into().ok()?)) * WIDTH;
        if body.len() % WIDTH != 0 || zh > body.len() {
            return None;
        }
        let read = |part: &[u8]| part.chunks_exact(WIDTH).map(|term| (u32::from_le_bytes([term[0], term[1], term[2], term[3]]), u16::from_le_bytes([term[4], term[5]]))).collect();
        Some(Self { zh: read(&body[..zh]), en: read(&body[zh..]) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_profile_comes_back_from_its_bytes(zh in "[\\p{Han}a-z ]{0,80}", en in "[a-z ]{0,80}") {
            let mut builder = ProfileBuilder::default();
            builder.add(Language::Zh, &zh, 1);
            builder.add(Language::En, &en, 3);
            let profile = builder.finish();
            prop_assert_eq!(Profile::from_bytes(&profile.to_bytes()), Some(profile));
        }

        #[test]
        fn other_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Profile::from_bytes(&bytes);
        }
    }
}
