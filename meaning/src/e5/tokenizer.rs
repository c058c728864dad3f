//! Unigram pieces: of all ways to cut a text into pieces of the vocabulary, the one with the highest sum of scores (Kudo 2018).

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use super::bytes::Bytes;
use crate::error::ModelError;

/// Stands for a space, and before the first word.
const SPACE: char = '\u{2581}';
/// A character that the vocabulary lacks costs this much more than its rarest piece.
const UNKNOWN_PENALTY: f32 = 10.0;

pub struct Vocabulary {
    pieces: Pieces,
    scores: Vec<f32>,
    longest: usize,
    unknown: u32,
    unknown_score: f32,
    pub begin: u32,
    pub end: u32,
    /// What a character is read as; most are read as they are.
    map: HashMap<char, Box<str>>,
}

impl Vocabulary {
    pub fn read(bytes: &mut Bytes<'_>) -> Result<Self, ModelError> {
        const PART: &str = "the vocabulary";
        bytes.enter(PART);
        let count = bytes.count("the number of pieces", 1_000_000)?;
        let [begin, end, _padding, unknown] = [bytes.u32()?, bytes.u32()?, bytes.u32()?, bytes.u32()?];
        if count == 0 || [begin, end, unknown].iter().any(|id| usize::try_from(*id).map_or(true, |id| id >= count)) {
            return Err(ModelError::malformed(PART, "a mark stands outside of it"));
        }
        let length = usize::try_from(bytes.u64()?).map_err(|_| ModelError::malformed(PART, "its text is too long"))?;
        let offsets = bytes.u32s(count + 1)?;
        let scores = bytes.f32s(count)?;
        let text = bytes.take(length)?;
        let fits = offsets.is_sorted() && offsets.last().is_some_and(|last| usize::try_from(*last).is_ok_and(|last| last <= text.len()));
        if !fits || scores.iter().any(|score| !score.is_finite()) {
            return Err(ModelError::malformed(PART, "its pieces do not lie in its text, or a score is no number"));
        }
        let longest = offsets.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let lowest = scores.iter().copied().fold(f32::INFINITY, f32::min);
        Ok(Self {
            pieces: Pieces::new(text.to_vec(), offsets),
            longest: usize::try_from(longest).unwrap_or(0),
            unknown,
            unknown_score: lowest - UNKNOWN_PENALTY,
            scores,
            begin,
            end,
            map: character_map(bytes)?,
        })
    }

    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// The pieces of a text, without the marks of its beginning and end.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        let text = self.normalised(text);
        let mut best = vec![Reached { score: f32::NEG_INFINITY, piece: self.unknown, from: 0 }; text.len() + 1];
        best[0].score = 0.0;
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        for (number, &start) in starts.iter().enumerate().take(starts.len() - 1) {
            let reached = best[start].score;
            for (length, &end) in starts[number + 1..].iter().enumerate() {
                if end - start > self.longest {
                    break;
                }
                if let Some(piece) = self.pieces.find(&text.as_bytes()[start..end]).filter(|piece| *piece != self.unknown) {
                    let score = reached + self.scores[piece as usize];
                    if score > best[end].score {
                        best[end] = Reached { score, piece, from: start };
                    }
                }
                let unknown = reached + self.unknown_score;
                if length == 0 && unknown > best[end].score {
                    best[end] = Reached { score: unknown, piece: self.unknown, from: start };
                }
            }
        }
        let mut tokens = Vec::new();
        let mut at = text.len();
        while at > 0 {
            tokens.push(best[at].piece);
            at = best[at].from;
        }
        tokens.reverse();
        tokens
    }

    /// Characters as the vocabulary writes them, one space between words and one before the first.
    fn normalised(&self, text: &str) -> String {
        let mut plain = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            match self.map.get(&c) {
                Some(read_as) => plain.push_str(read_as),
                None => plain.push(c),
            }
        }
        let mut marked = String::with_capacity(plain.len() + 16);
        if !plain.starts_with(' ') {
            marked.push(SPACE);
        }
        let mut after_space = false;
        for c in plain.chars() {
            if c != ' ' {
                marked.push(c);
            } else if !after_space {
                marked.push(SPACE);
            }
            after_space = c == ' ';
        }
        marked
    }
}

/// The best way to a place in the text.
#[derive(Clone, Copy)]
struct Reached {
    score: f32,
    piece: u32,
    from: usize,
}

fn character_map(bytes: &mut Bytes<'_>) -> Result<HashMap<char, Box<str>>, ModelError> {
    const PART: &str = "the map of characters";
    bytes.enter(PART);
    let count = bytes.count("the number of entries", 1_200_000)?;
    let size = bytes.count("the size", 1 << 26)?;
    let mut entries = Bytes::new(bytes.take(size)?, PART);
    let mut map = HashMap::with_capacity(count.min(size / 5));
    let character = |code: u32| char::from_u32(code).ok_or_else(|| ModelError::malformed(PART, format!("{code:#x} is no character")));
    for _ in 0..count {
        let from = entries.u32()?;
        let length = usize::from(entries.u8()?);
        let read_as = entries.u32s(length)?.into_iter().map(character).collect::<Result<String, _>>()?;
        // Halves of surrogate pairs occur in no text.
        if let Some(from) = char::from_u32(from) {
            map.insert(from, read_as.into_boxed_str());
        }
    }
    Ok(map)
}

/// A table of pieces by their bytes: open addressing, half empty. A text asks it for every stretch of it, so a look-up is to touch little.
struct Pieces {
    text: Vec<u8>,
    offsets: Vec<u32>,
    /// The number of a piece and 1, or 0 where there is none.
    slots: Vec<u32>,
    hasher: std::hash::BuildHasherDefault<Fnv>,
}

/// Fowler, Noll and Vo's hash, for byte strings of a few characters. The file is trusted by its digest, so nobody chooses what collides.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        // The low bits choose the slot: the high ones are folded in.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Pieces {
    fn new(text: Vec<u8>, offsets: Vec<u32>) -> Self {
        let size = (offsets.len() * 2).next_power_of_two();
        let mut pieces = Self { text, offsets, slots: vec![0; size], hasher: std::hash::BuildHasherDefault::default() };
        for number in 0..u32::try_from(pieces.offsets.len() - 1).unwrap_or(0) {
            let piece = pieces.piece(number).to_vec();
            if piece.is_empty() {
                continue;
            }
            let mut slot = pieces.slot(&piece);
            while pieces.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            pieces.slots[slot] = number + 1;
        }
        pieces
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits are used")]
    fn slot(&self, piece: &[u8]) -> usize {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(piece);
        hasher.finish() as usize & (self.slots.len() - 1)
    }

    fn piece(&self, number: u32) -> &[u8] {
        let number = number as usize;
        &self.text[self.offsets[number] as usize..self.offsets[number + 1] as usize]
    }

    fn find(&self, piece: &[u8]) -> Option<u32> {
        let mut slot = self.slot(piece);
        loop {
            let number = self.slots[slot].checked_sub(1)?;
            if self.piece(number) == piece {
                return Some(number);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}
