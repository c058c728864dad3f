//! The file of weights, `E5S1`: a header, the vocabulary, the map of characters, and a directory of tensors.
//!
//! Numbers are little-endian. A matrix is stored by rows in blocks (`Q4_0`) of 32 weights: a half-precision scale and 16 bytes, of which byte j
//! holds weight j in its low half and weight j + 16 in its high half, each minus 8.

use std::collections::HashMap;

use super::bytes::Bytes;
use super::tokenizer::Vocabulary;
use crate::error::ModelError;
use crate::kernel::BLOCK;

/// The bytes of a block of weights.
pub const BLOCK_BYTES: usize = 18;

const F32: u8 = 0;
const Q4: u8 = 1;

/// What the network's shape is.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Width of a token's vector.
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// Width between the two steps of a layer's feed-forward part.
    pub inner: usize,
    pub vocabulary: usize,
    /// Tokens that the network reads at once, the two marks of beginning and end among them.
    pub positions: usize,
    /// Kinds of tokens, of which texts use the first.
    pub types: usize,
    pub epsilon: f32,
}

/// A file's content, tensors not yet read.
pub struct File<'a> {
    pub shape: Shape,
    pub vocabulary: Vocabulary,
    whole: &'a [u8],
    tensors: HashMap<String, Tensor>,
}

struct Tensor {
    kind: u8,
    values: usize,
    offset: usize,
}

impl<'a> File<'a> {
    pub fn read(whole: &'a [u8]) -> Result<Self, ModelError> {
        let mut bytes = Bytes::new(whole, "the header");
        if bytes.take(4)? != b"E5S1" {
            return Err(ModelError::malformed("the header", "it does not begin with E5S1"));
        }
        let version = bytes.u32()?;
        if version != 1 {
            return Err(ModelError::malformed("the header", format!("version {version} is not known, 1 is")));
        }
        let width = bytes.count("the width", 4_096)?;
        let layers = bytes.count("the number of layers", 64)?;
        let heads = bytes.count("the number of heads", 64)?;
        let inner = bytes.count("the inner width", 16_384)?;
        let vocabulary = bytes.count("the size of the vocabulary", 1_000_000)?;
        let positions = bytes.count("the number of positions", 8_192)?;
        let types = bytes.count("the number of kinds of tokens", 16)?;
        let epsilon = bytes.f32()?;
        let block = bytes.u32()?;
        let fits = width > 0 && heads > 0 && width % (heads * 8) == 0 && width % BLOCK == 0 && inner % BLOCK == 0 && inner > 0 && positions > 2 && types > 0;
        if !fits || block != 32 || !(epsilon > 0.0 && epsilon < 1.0) {
            return Err(ModelError::malformed("the header", format!("the shape is not one that can be computed: {width} wide, {heads} heads, {inner} inner, blocks of {block}")));
        }
        let shape = Shape { width, layers, heads, inner, vocabulary, positions, types, epsilon };
        let words = Vocabulary::read(&mut bytes)?;
        if words.len() > vocabulary {
            return Err(ModelError::malformed("the vocabulary", "it has more pieces than the network has vectors for"));
        }
        Ok(Self { shape, vocabulary: words, whole, tensors: directory(&mut bytes)? })
    }

    /// A tensor's bytes, checked to be `values` numbers of its kind.
    fn tensor(&self, name: &str, kind: u8, values: usize) -> Result<&'a [u8], ModelError> {
        let tensor = self.tensors.get(name).ok_or_else(|| ModelError::missing("the directory of tensors", name))?;
        if tensor.kind != kind || tensor.values != values {
            let what = format!("{name} has {} values of kind {}, {values} of kind {kind} were expected", tensor.values, tensor.kind);
            return Err(ModelError::malformed("the tensors", what));
        }
        let size = if kind == Q4 { values / BLOCK * BLOCK_BYTES } else { values * 4 };
        let end = tensor.offset.checked_add(size).filter(|end| *end <= self.whole.len());
        let end = end.ok_or(ModelError::truncated("the tensors", self.whole.len(), tensor.offset.saturating_add(size)))?;
        Ok(&self.whole[tensor.offset..end])
    }

    pub fn floats(&self, name: &str, count: usize) -> Result<Vec<f32>, ModelError> {
        let values = Bytes::new(self.tensor(name, F32, count)?, "the tensors").f32s(count)?;
        if values.iter().all(|value| value.is_finite()) { Ok(values) } else { Err(ModelError::malformed("the tensors", format!("{name} holds what is no number"))) }
    }

    /// The blocks of a matrix of `rows` × `columns`.
    pub fn blocks(&self, name: &str, rows: usize, columns: usize) -> Result<&'a [u8], ModelError> {
        self.tensor(name, Q4, rows * columns)
    }
}

fn directory(bytes: &mut Bytes<'_>) -> Result<HashMap<String, Tensor>, ModelError> {
    bytes.enter("the directory of tensors");
    let count = bytes.count("the number of tensors", 4_096)?;
    let mut tensors = HashMap::with_capacity(count);
    for _ in 0..count {
        let length = usize::from(bytes.u16()?);
        let name = String::from_utf8_lossy(bytes.take(length)?).into_owned();
        let kind = bytes.u8()?;
        let values = bytes.count("the number of values", 1 << 30)?;
        let offset = bytes.u64()?;
        let _size = bytes.u64()?;
        let offset = usize::try_from(offset).map_err(|_| ModelError::malformed("the directory of tensors", format!("{name} begins too far")))?;
        tensors.insert(name, Tensor { kind, values, offset });
    }
    Ok(tensors)
}

/// The scale and the weights of each block of a row, each weight larger by 8 than what it stands for.
pub fn weights(blocks: &[u8]) -> impl Iterator<Item = (f32, [u8; BLOCK])> {
    blocks.as_chunks::<BLOCK_BYTES>().0.iter().map(|block| {
        let (halves, packed) = (u16::from_le_bytes([block[0], block[1]]), &block[2..]);
        (half(halves), std::array::from_fn(|number| if number < BLOCK / 2 { packed[number] & 0x0f } else { packed[number - BLOCK / 2] >> 4 }))
    })
}

/// IEEE 754 half precision. What is no number counts as nothing, so that no weight can spoil a whole text.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1f), f32::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2_f32.powi(-24),
        31 => 0.0,
        _ => sign * (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (0x0001, 5.960_464_5e-8), (0x0000, 0.0), (0x7bff, 65504.0)] {
            assert!((half(bits) - value).abs() <= value.abs() * 1e-6, "{bits:x}");
        }
    }
}
