//! Text as the tokens of a SentencePiece model of the unigram kind: of all ways to cut it into pieces, the one whose scores add up to the most.
//! After SentencePiece's `unigram_model.cc` and Kudo's "Subword Regularization" (2018).

use super::normalizer::{Normalizer, character_length};
use super::protobuf::{Fields, Value};
use crate::error::ModelError;

/// What errors call the file.
const FILE: &str = "the SentencePiece model";

/// The token of a character that no piece has.
pub const UNKNOWN: u32 = 0;
/// The token that begins every text.
pub const BEGIN: u32 = 1;
/// The token that ends every text.
pub const END: u32 = 2;

/// How much lower than the worst piece a character counts that no piece has.
const UNKNOWN_PENALTY: f64 = 10.0;

/// Cuts texts into tokens.
#[derive(Debug)]
pub struct Tokenizer {
    normalizer: Normalizer,
    pieces: Trie,
    /// By token: the logarithm of its probability.
    scores: Vec<f32>,
    unknown_score: f64,
}

impl Tokenizer {
    /// Reads a `ModelProto` as `sentencepiece_model.proto` describes it: pieces in field 1, how it was trained in field 2, how texts are
    /// normalised in field 3.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut texts = Vec::new();
        let mut scores = Vec::new();
        let mut normalizer = None;
        for field in Fields::new(FILE, bytes) {
            match field? {
                (1, Value::Bytes(piece)) => {
                    let (text, score) = read_piece(texts.len(), piece)?;
                    texts.push(text);
                    scores.push(score);
                }
                (2, Value::Bytes(training)) => check_training(training)?,
                (3, Value::Bytes(rules)) => normalizer = Some(read_normalizer(rules)?),
                _ => {}
            }
        }
        for (token, text) in [(UNKNOWN, "<unk>"), (BEGIN, "<s>"), (END, "</s>")] {
            if texts.get(token as usize) != Some(&text.as_bytes()) {
                return Err(ModelError::malformed(FILE, format!("its piece {token} is not {text}")));
            }
        }
        let worst = scores.iter().copied().fold(f32::INFINITY, f32::min);
        Ok(Self {
            normalizer: normalizer.ok_or_else(|| ModelError::missing(FILE, "normaliser"))?,
            pieces: Trie::build(&texts)?,
            scores,
            unknown_score: f64::from(worst) - UNKNOWN_PENALTY,
        })
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// The tokens of a text, without those that begin and end it. There is one at least: a text of which nothing is left is unknown.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        let text = self.normalizer.normalize(text);
        let best = self.best_cuts(&text);
        let mut tokens = Vec::new();
        let mut end = text.len();
        while let Some(cut) = best.get(end).filter(|cut| cut.start < end) {
            tokens.push(cut.token);
            end = cut.start;
        }
        if tokens.is_empty() {
            tokens.push(UNKNOWN);
        }
        tokens.reverse();
        tokens
    }

    /// By place in the text: the best way to cut what is before it (Viterbi's algorithm). Of two ways that are as good, the one whose last
    /// piece is longer stays.
    fn best_cuts(&self, text: &[u8]) -> Vec<Cut> {
        let mut best = vec![Cut { score: f64::NEG_INFINITY, start: 0, token: UNKNOWN }; text.len() + 1];
        best[0].score = 0.0;
        let mut start = 0;
        while start < text.len() {
            let score = best[start].score;
            let mut offer = |end: usize, score: f64, token: u32| {
                if score > best[end].score {
                    best[end] = Cut { score, start, token };
                }
            };
            let next = start + character_length(&text[start..]);
            let mut alone = false;
            for (length, token) in self.pieces.prefixes(&text[start..]) {
                offer(start + length, score + f64::from(self.scores[token as usize]), token);
                alone |= start + length == next;
            }
            if !alone {
                offer(next, score + self.unknown_score, UNKNOWN);
            }
            start = next;
        }
        best
    }
}

/// The best last piece of the text before some place.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// Of all pieces up to the place.
    score: f64,
    /// Where the last piece begins.
    start: usize,
    token: u32,
}

/// A piece's text is its field 1, its score field 2.
fn read_piece(token: usize, bytes: &[u8]) -> Result<(&[u8], f32), ModelError> {
    let mut text = None;
    let mut score = 0.0;
    for field in Fields::new("a piece of the SentencePiece model", bytes) {
        match field? {
            (1, Value::Bytes(bytes)) => text = Some(bytes),
            (2, Value::Fixed32(bytes)) => score = f32::from_le_bytes(bytes),
            _ => {}
        }
    }
    let text = text.filter(|text| std::str::from_utf8(text).is_ok_and(|text| !text.is_empty()));
    let text = text.ok_or_else(|| ModelError::malformed(FILE, format!("its piece {token} has no text")))?;
    if !score.is_finite() {
        return Err(ModelError::malformed(FILE, format!("its piece {token} has the score {score}")));
    }
    Ok((text, score))
}

/// The kind of the model is field 3: 1, which is the default, is unigram.
fn check_training(bytes: &[u8]) -> Result<(), ModelError> {
    for field in Fields::new("the training of the SentencePiece model", bytes) {
        if let (3, Value::Varint(kind)) = field?
            && kind != 1
        {
            return Err(ModelError::malformed(FILE, format!("it is of the kind {kind}, not unigram")));
        }
    }
    Ok(())
}

/// The charsmap is field 2. Whether to begin with a blank, to join blanks, and to write them as `▁` are fields 3 to 5, all of which are so by
/// default, and must be.
fn read_normalizer(bytes: &[u8]) -> Result<Normalizer, ModelError> {
    let mut normalizer = None;
    for field in Fields::new("the normaliser of the SentencePiece model", bytes) {
        match field? {
            (2, Value::Bytes(charsmap)) => normalizer = Some(Normalizer::read("the charsmap of the SentencePiece model", charsmap)?),
            (number @ 3..=5, Value::Varint(0)) => return Err(ModelError::malformed(FILE, format!("its normaliser has switched off field {number}, which is not supported"))),
            _ => {}
        }
    }
    normalizer.ok_or_else(|| ModelError::missing(FILE, "charsmap"))
}

/// The pieces by their bytes: a tree whose nodes lie by depth, so that the children of a node are a range, in the order of their bytes.
#[derive(Debug)]
struct Trie {
    /// By node: the byte that leads to it.
    bytes: Vec<u8>,
    /// By node: the token of the piece that ends here, or [`Trie::NONE`].
    tokens: Vec<u32>,
    /// By node: its first child. Its children end where the next node's begin, so there is one entry more than nodes.
    children: Vec<u32>,
}

impl Trie {
    const NONE: u32 = u32::MAX;

    fn build(texts: &[&[u8]]) -> Result<Self, ModelError> {
        let too_many = || ModelError::malformed(FILE, "it has too many pieces");
        let tokens = u32::try_from(texts.len()).map_err(|_| too_many())?;
        let mut sorted: Vec<(&[u8], u32)> = texts.iter().copied().zip(0..tokens).collect();
        sorted.sort_unstable();
        let mut trie = Self { bytes: vec![0], tokens: vec![Self::NONE], children: Vec::new() };
        // By node whose children are yet to come: its depth, and the pieces that pass through it.
        let mut waiting = std::collections::VecDeque::from([(0, &sorted[..])]);
        while let Some((depth, pieces)) = waiting.pop_front() {
            trie.children.push(u32::try_from(trie.bytes.len()).map_err(|_| too_many())?);
            // The shortest come first. Should a piece be there twice, the later token holds.
            let longer = pieces.iter().take_while(|(text, _)| text.len() == depth).count();
            for child in pieces[longer..].chunk_by(|a, b| a.0[depth] == b.0[depth]) {
                trie.bytes.push(child[0].0[depth]);
                trie.tokens.push(child.iter().take_while(|(text, _)| text.len() == depth + 1).last().map_or(Self::NONE, |&(_, token)| token));
                waiting.push_back((depth + 1, child));
            }
        }
        trie.children.push(u32::try_from(trie.bytes.len()).map_err(|_| too_many())?);
        Ok(trie)
    }

    /// The pieces that a text begins with, shortest first, as their length in bytes and their token.
    fn prefixes(&self, text: &[u8]) -> impl Iterator<Item = (usize, u32)> {
        let mut node = 0;
        let path = text.iter().map_while(move |byte| {
            let (first, end) = (self.children[node] as usize, self.children[node + 1] as usize);
            node = first + self.bytes[first..end].binary_search(byte).ok()?;
            Some(self.tokens[node])
        });
        (1..).zip(path).filter(|&(_, token)| token != Self::NONE)
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::normalizer::tests::charsmap;
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = bytes.len();
        let mut message = vec![number << 3 | 2];
        message.extend([length & 0x7f | 0x80, length >> 7 & 0x7f | 0x80, length >> 14].map(|part| u8::try_from(part).unwrap()));
        message.extend(bytes);
        message
    }

    /// A model of the pieces with which every model begins, and of others with their scores.
    pub fn model(pieces: &[(&str, f32)]) -> Vec<u8> {
        let begin = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)];
        let piece = |&(text, score): &(&str, f32)| field(1, &[field(1, text.as_bytes()), vec![0x15], score.to_le_bytes().to_vec()].concat());
        let mut message: Vec<u8> = begin.iter().chain(pieces).flat_map(piece).collect();
        message.extend(field(2, &[0x18, 1]));
        message.extend(field(3, &field(2, &charsmap(&[(b'A', "a")]))));
        message
    }

    pub const PIECES: &[(&str, f32)] =
        &[("▁", -2.0), ("a", -3.0), ("▁a", -4.0), ("b", -3.0), ("ab", -5.5), ("▁ab", -9.0), ("中", -4.0), ("中国", -5.0), ("aaa", -9.0), ("aa", -6.0)];

    #[test]
    fn the_best_cut_wins() {
        let tokenizer = Tokenizer::read(&model(PIECES)).unwrap();
        assert_eq!(tokenizer.len(), 13);
        for (text, expected) in [
            ("", &[0][..]),
            ("   ", &[0]),
            ("a", &[5]),
            ("A b", &[5, 3, 6]),
            // `▁a b` for 7 rather than `▁ ab` for 7.5.
            ("ab", &[5, 6]),
            ("中国中", &[3, 10, 9]),
            ("x中", &[3, 0, 9]),
            ("🤖🤖", &[3, 0, 0]),
            // Pieces of control are pieces like others, as in the package whose weights these are.
            ("</s>", &[3, 2]),
            // `aaa` is as good as `aa a` and `a a a`: the first found, whose last piece is the longest, stays.
            ("baaa", &[3, 6, 11]),
        ] {
            assert_eq!(tokenizer.tokens(text), expected, "{text:?}");
        }
    }

    #[test]
    fn later_pieces_of_the_same_text_hold() {
        let tokenizer = Tokenizer::read(&model(&[("▁", -1.0), ("a", -1.0), ("b", -1.0), ("a", -2.0)])).unwrap();
        assert_eq!(tokenizer.tokens("a"), [3, 6]);
    }

    #[test]
    fn a_broken_model_is_an_error_or_harmless() {
        let whole = model(PIECES);
        for end in 0..whole.len() {
            assert!(Tokenizer::read(&whole[..end]).is_err(), "cut at {end}");
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 1 << (at % 8);
            if let Ok(tokenizer) = Tokenizer::read(&broken) {
                assert!(!tokenizer.tokens("ab 中国 xA🤖").is_empty());
            }
        }
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let message = |bytes: &[u8]| Tokenizer::read(bytes).unwrap_err().to_string();
        assert_eq!(message(b""), "the SentencePiece model is malformed: its piece 0 is not <unk>");
        assert_eq!(message(&model(&[("", 0.0)])), "the SentencePiece model is malformed: its piece 3 has no text");
        assert_eq!(message(&model(&[("a", f32::NAN)])), "the SentencePiece model is malformed: its piece 3 has the score NaN");
        assert_eq!(message(&[model(PIECES), field(2, &[0x18, 2])].concat()), "the SentencePiece model is malformed: it is of the kind 2, not unigram");
        let whole = model(PIECES);
        let rules = field(3, &field(2, &charsmap(&[(b'A', "a")]))).len();
        assert_eq!(message(&whole[..whole.len() - rules]), "the SentencePiece model has no normaliser");
        assert!(message(&[whole, field(3, &[0x20, 0])].concat()).contains("switched off field 4"));
    }
}
