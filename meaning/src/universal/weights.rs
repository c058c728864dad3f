//! The model's numbers, from a zip archive of arrays as NumPy's `savez` writes it:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::error::ModelError;
use crate::matrix::Matrix;

/// What errors call the file.
const FILE: &str = "the archive of weights";

/// The width of a token's embedding, and of a text's vector.
pub const WIDTH: usize = 512;
/// The width of each convolution.
pub const BRANCH: usize = 256;
/// The convolutions: how many tokens each sees at once, and how many of them are to the left of the one it is at.
pub const ORDERS: [(usize, usize); 3] = [(2, 0), (3, 1), (5, 2)];
/// The width of what is known of a token in the end: its embedding, and the outcome of each convolution.
pub const FEATURES: usize = WIDTH + ORDERS.len() * BRANCH;
/// Into how many chunks the embeddings are dealt out, token by token. Each has its own scale.
pub const CHUNKS: usize = 17;
/// The width of the narrow layers at the end.
pub const NARROW: usize = 320;

/// The most embeddings that a chunk may have, twice as many as it has, so that a broken archive cannot fill the memory.
const MOST_ROWS: usize = 1 << 14;
/// The most bytes that may be before an array's values. A header is padded to 128 bytes.
const LONGEST_HEADER: usize = 1 << 12;

/// The embeddings of tokens in 8 bits: a value is `scale · byte + low`.
#[derive(Debug)]
pub struct Embeddings {
    /// By chunk, its embeddings one after another. Token `t` is in chunk `t mod 17`, at place `t div 17`.
    chunks: Vec<Vec<u8>>,
    scales: Vec<f32>,
    lows: Vec<f32>,
}

impl Embeddings {
    /// How many tokens have one, from the first on.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len() / WIDTH).min().unwrap_or_default() * CHUNKS
    }

    /// Writes a token's embedding to `row`, which has [`WIDTH`] places.
    pub fn write(&self, token: u32, row: &mut [f32]) {
        let token = token as usize;
        let (chunk, start) = (token % CHUNKS, token / CHUNKS * WIDTH);
        let (scale, low) = (self.scales[chunk], self.lows[chunk]);
        for (value, &byte) in row.iter_mut().zip(&self.chunks[chunk][start..start + WIDTH]) {
            *value = f32::from(byte) * scale + low;
        }
    }
}

/// What a layer's normalised values are multiplied by, and what is added to them.
#[derive(Debug)]
pub struct Norm {
    pub gain: Vec<f32>,
    pub bias: Vec<f32>,
}

/// A convolution: two layers, each a matrix of `order · 256` rows, 256 for each token it sees, and 256 columns.
#[derive(Debug)]
pub struct Convolution {
    pub first: Matrix,
    pub first_bias: Vec<f32>,
    pub second: Matrix,
    pub second_bias: Vec<f32>,
}

/// All of the model's numbers. Matrices have a row for each value that comes in, and a column for each that goes out.
#[derive(Debug)]
pub struct Weights {
    pub embeddings: Embeddings,
    /// 512 by 3 · 256: from the embedding to what the convolutions see.
    pub projection: Matrix,
    pub projection_bias: Vec<f32>,
    pub projection_norm: Norm,
    /// By [`ORDERS`].
    pub convolutions: Vec<Convolution>,
    pub feature_norm: Norm,
    /// 1280 by 512: from a text's features to its mean.
    pub pooled: Matrix,
    pub pooled_bias: Vec<f32>,
    /// 512 by 320, 320 by 320, 320 by 512, 512 by 512: the layers at the end.
    pub deep: [Matrix; 4],
    /// 512 by 320, 320 by 512: what goes past the first of each two of them.
    pub past: [Matrix; 2],
    /// The least variance that is divided by.
    pub epsilon: f32,
}

impl Weights {
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut archive = Archive::open(bytes)?;
        let scales = archive.floats("scale", &[CHUNKS])?;
        let lows = archive.floats("lo", &[CHUNKS])?;
        let chunks = (1..=CHUNKS).map(|chunk| archive.bytes(&format!("q{chunk}"))).collect::<Result<_, _>>()?;
        let mut convolutions = Vec::new();
        // The matrices before the convolutions become one, beside each other.
        let mut projection = vec![[[0.0; BRANCH]; ORDERS.len()]; WIDTH];
        let (mut projection_bias, mut gain, mut bias) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (order, _)) in ORDERS.into_iter().enumerate() {
            let values = archive.floats(&format!("proj{order}"), &[WIDTH, BRANCH])?;
            projection.iter_mut().zip(values.as_chunks().0).for_each(|(row, values)| row[index] = *values);
            projection_bias.extend(archive.floats(&format!("proj_b{order}"), &[BRANCH])?);
            gain.extend(archive.floats(&format!("ln_g{order}"), &[BRANCH])?);
            bias.extend(archive.floats(&format!("ln_b{order}"), &[BRANCH])?);
            convolutions.push(Convolution {
                first: archive.matrix(&format!("w1_{order}"), order * BRANCH, BRANCH)?,
                first_bias: archive.floats(&format!("b1_{order}"), &[BRANCH])?,
                second: archive.matrix(&format!("w2_{order}"), order * BRANCH, BRANCH)?,
                second_bias: archive.floats(&format!("b2_{order}"), &[BRANCH])?,
            });
        }
        Ok(Self {
            embeddings: Embeddings { chunks, scales, lows },
            projection: Matrix::new(projection.as_flattened().as_flattened(), ORDERS.len() * BRANCH),
            projection_bias,
            projection_norm: Norm { gain, bias },
            convolutions,
            feature_norm: Norm { gain: archive.floats("ln_g", &[FEATURES])?, bias: archive.floats("ln_b", &[FEATURES])? },
            pooled: archive.matrix("cnn_W", FEATURES, WIDTH)?,
            pooled_bias: archive.floats("cnn_b", &[WIDTH])?,
            deep: [archive.matrix("d0", WIDTH, NARROW)?, archive.matrix("d1", NARROW, NARROW)?, archive.matrix("d2", NARROW, WIDTH)?, archive.matrix("d3", WIDTH, WIDTH)?],
            past: [archive.matrix("p1", WIDTH, NARROW)?, archive.matrix("p3", NARROW, WIDTH)?],
            epsilon: archive.double("eps")?,
        })
    }
}

/// Arrays by name.
struct Archive<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Archive<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, ModelError> {
        ZipArchive::new(Cursor::new(bytes)).map(Self).map_err(|error| ModelError::Archive { part: FILE.to_owned(), reason: error.to_string() })
    }

    /// The whole of a member, which has `most` bytes at most. However much the archive says that there is, no more is read. The archive's
    /// checksum is compared at a member's end.
    fn member(&mut self, name: &str, most: usize) -> Result<Vec<u8>, ModelError> {
        let part = format!("{name}.npy");
        let broken = |reason: String| ModelError::Archive { part: format!("{part} in {FILE}"), reason };
        let file = match self.0.by_name(&part) {
            Ok(file) => file,
            Err(zip::result::ZipError::FileNotFound) => return Err(ModelError::missing(FILE, &part)),
            Err(error) => return Err(broken(error.to_string())),
        };
        let mut bytes = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| broken(error.to_string()))?;
        if bytes.len() > most {
            return Err(ModelError::malformed(&part, format!("it is longer than {most} bytes")));
        }
        Ok(bytes)
    }

    fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let bytes = self.member(name, LONGEST_HEADER + 4 * shape.iter().product::<usize>())?;
        let array = Npy::parse(name, &bytes)?;
        if array.shape != shape {
            return Err(ModelError::Shape { part: name.to_owned(), found: array.shape, expected: shape.to_vec() });
        }
        let values = array.values::<4>(name, "<f4")?.iter().map(|&value| f32::from_le_bytes(value)).collect();
        finite(name, values)
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Matrix, ModelError> {
        Ok(Matrix::new(&self.floats(name, &[rows, columns])?, columns))
    }

    /// The bytes of a chunk of embeddings, as many rows as it has.
    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, ModelError> {
        let bytes = self.member(name, LONGEST_HEADER + MOST_ROWS * WIDTH)?;
        let array = Npy::parse(name, &bytes)?;
        match array.shape[..] {
            [_, WIDTH] => Ok(array.values::<1>(name, "|u1")?.as_flattened().to_vec()),
            [rows, _] => Err(ModelError::Shape { part: name.to_owned(), found: array.shape, expected: vec![rows, WIDTH] }),
            _ => Err(ModelError::Shape { part: name.to_owned(), found: array.shape, expected: vec![MOST_ROWS, WIDTH] }),
        }
    }

    /// A single number.
    fn double(&mut self, name: &str) -> Result<f32, ModelError> {
        let bytes = self.member(name, LONGEST_HEADER)?;
        let array = Npy::parse(name, &bytes)?;
        if !array.shape.is_empty() {
            return Err(ModelError::Shape { part: name.to_owned(), found: array.shape, expected: Vec::new() });
        }
        #[expect(clippy::cast_possible_truncation, reason = "values are in 32 bits everywhere else")]
        let values = array.values::<8>(name, "<f8")?.iter().map(|&value| f64::from_le_bytes(value) as f32).collect();
        finite(name, values)?.first().copied().filter(|&value| value > 0.0).ok_or_else(|| ModelError::malformed(name, "it is not above 0"))
    }
}

fn finite(name: &str, values: Vec<f32>) -> Result<Vec<f32>, ModelError> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(ModelError::malformed(name, format!("it has the value {value}"))),
        None => Ok(values),
    }
}

/// An array as it is stored.
#[derive(Debug)]
struct Npy<'a> {
    kind: String,
    shape: Vec<usize>,
    values: &'a [u8],
}

impl<'a> Npy<'a> {
    /// A magic number, a version, the length of the header in two bytes, or four from version 2 on, the header, and the values row by row.
    fn parse(name: &str, bytes: &'a [u8]) -> Result<Self, ModelError> {
        let truncated = |need: usize| ModelError::truncated(name, bytes.len(), need);
        let (start, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| truncated(8))?;
        let (length, rest) = match start {
            [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _] => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_le_bytes(*length)), rest)),
            [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _] => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest)),
            _ => return Err(ModelError::malformed(name, "it is no array of NumPy")),
        }
        .ok_or_else(|| truncated(12))?;
        let (header, values) = rest.split_at_checked(length).ok_or_else(|| truncated(length.saturating_add(bytes.len() - rest.len())))?;
        let (kind, shape) =
            std::str::from_utf8(header).ok().and_then(parse_header).ok_or_else(|| ModelError::malformed(name, "its header is not that of an array with its values row by row"))?;
        Ok(Self { kind, shape, values })
    }

    /// The values, each as `N` bytes, if they are of the kind and there are as many as the shape says.
    fn values<const N: usize>(&self, name: &str, kind: &str) -> Result<&'a [[u8; N]], ModelError> {
        if self.kind != kind {
            return Err(ModelError::Type { part: name.to_owned(), found: self.kind.clone(), expected: kind.to_owned() });
        }
        let expected = self.shape.iter().try_fold(N, |product, &length| product.checked_mul(length));
        let (values, rest) = self.values.as_chunks::<N>();
        match expected {
            Some(expected) if expected == self.values.len() && rest.is_empty() => Ok(values),
            Some(expected) if expected > self.values.len() => Err(ModelError::truncated(&format!("the array of values of {name}"), self.values.len(), expected)),
            _ => Err(ModelError::malformed(name, format!("{} bytes of values do not fit the shape {:?}", self.values.len(), self.shape))),
        }
    }
}

/// The kind of values and the shape, from a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (512, 256), }`. Nothing if they
/// are not there, or the values lie column by column.
fn parse_header(header: &str) -> Option<(String, Vec<usize>)> {
    let after = |key: &str| Some(header.split_once(key)?.1.trim_start());
    let (kind, _) = after("'descr':")?.strip_prefix('\'')?.split_once('\'')?;
    after("'fortran_order':")?.strip_prefix("False")?;
    let (shape, _) = after("'shape':")?.strip_prefix('(')?.split_once(')')?;
    let lengths = shape.split(',').map(str::trim).filter(|length| !length.is_empty());
    Some((kind.to_owned(), lengths.map(|length| length.parse().ok()).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";

    fn npy(version: u8, header: &str, values: &[u8]) -> Vec<u8> {
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        [&[0x93], &b"NUMPY"[..], &[version, 0], &length[..if version == 1 { 2 } else { 4 }], header.as_bytes(), values].concat()
    }

    #[test]
    fn arrays_of_every_version_are_read() {
        for version in 1..=3 {
            let bytes = npy(version, HEADER, &[1; 24]);
            let array = Npy::parse("array", &bytes).unwrap();
            assert_eq!(array.shape, [2, 3]);
            assert_eq!(array.values::<4>("array", "<f4").unwrap(), [[1; 4]; 6]);
            for end in 0..bytes.len() {
                assert!(Npy::parse("array", &bytes[..end]).and_then(|array| array.values::<4>("array", "<f4").map(<[_]>::len)).is_err(), "cut at {end}");
            }
        }
        assert_eq!(parse_header("{'descr': '<f8', 'fortran_order': False, 'shape': (), }"), Some(("<f8".to_owned(), vec![])));
        assert_eq!(parse_header("{'descr': '|u1', 'fortran_order': False, 'shape': (17,), }"), Some(("|u1".to_owned(), vec![17])));
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let message = |bytes: &[u8], kind: &str| Npy::parse("d0", bytes).and_then(|array| array.values::<4>("d0", kind).map(<[_]>::len)).unwrap_err().to_string();
        assert_eq!(message(b"PK\x03\x04abcdefgh", "<f4"), "d0 is malformed: it is no array of NumPy");
        assert_eq!(message(&npy(1, HEADER, &[0; 24]), "<f8"), "d0 holds values of the type <f4, not <f8");
        assert_eq!(message(&npy(1, HEADER, &[0; 20]), "<f4"), "the array of values of d0 has 20 bytes where 24 are needed");
        assert_eq!(message(&npy(1, HEADER, &[0; 25]), "<f4"), "d0 is malformed: 25 bytes of values do not fit the shape [2, 3]");
        for header in [HEADER.replace("False", "True"), HEADER.replace("(2, 3)", "(2, -3)"), HEADER.replace("shape", "form"), String::new()] {
            assert!(message(&npy(1, &header, &[0; 24]), "<f4").contains("its header is not"), "{header}");
        }
        let endless = HEADER.replace("(2, 3)", "(4294967296, 4294967296)");
        assert!(message(&npy(1, &endless, &[0; 24]), "<f4").contains("do not fit"));
        assert_eq!(message(&npy(2, HEADER, &[])[..60], "<f4"), "d0 has 60 bytes where 71 are needed");
    }
}
