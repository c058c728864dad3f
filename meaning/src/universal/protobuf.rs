//! As much of the wire format of protocol buffers as a SentencePiece model needs: <https://protobuf.dev/programming-guides/encoding/>.

use crate::error::ModelError;

/// What a field holds, by its wire type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    /// A string, bytes or a message within the message.
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// The fields of a message in the order they are stored, each with its number. It ends after the first error.
#[derive(Debug)]
pub struct Fields<'a> {
    /// What errors call the message.
    part: &'a str,
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Fields<'a> {
    pub fn new(part: &'a str, bytes: &'a [u8]) -> Self {
        Self { part, bytes, position: 0 }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ModelError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let taken = rest.get(..count).ok_or_else(|| ModelError::truncated(self.part, self.bytes.len(), self.position.saturating_add(count)))?;
        self.position += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow. Sixty-four bits need ten bytes at most.
    fn varint(&mut self) -> Result<u64, ModelError> {
        let start = self.position;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ModelError::malformed(self.part, format!("the number at byte {start} is longer than ten bytes")))
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), ModelError> {
        let start = self.position;
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.array()?),
            2 => {
                let count = self.varint()?;
                Value::Bytes(self.take(usize::try_from(count).unwrap_or(usize::MAX))?)
            }
            5 => Value::Fixed32(self.array()?),
            wire => return Err(ModelError::malformed(self.part, format!("the field at byte {start} has the wire type {wire}"))),
        };
        match key >> 3 {
            0 => Err(ModelError::malformed(self.part, format!("the field at byte {start} has the number 0"))),
            number => Ok((number, value)),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), ModelError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.bytes.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.position = self.bytes.len();
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"\x0a\x03abc\x15\x00\x00\x80\x3f\x18\x96\x01\x21\x01\x02\x03\x04\x05\x06\x07\x08\x82\x01\x00";

    #[test]
    fn reads_every_wire_type() {
        let fields: Vec<_> = Fields::new("message", MESSAGE).map(Result::unwrap).collect();
        let expected =
            [(1, Value::Bytes(b"abc")), (2, Value::Fixed32([0, 0, 0x80, 0x3f])), (3, Value::Varint(150)), (4, Value::Fixed64([1, 2, 3, 4, 5, 6, 7, 8])), (16, Value::Bytes(b""))];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_cut_message_ends_at_a_field_or_says_so() {
        for end in 0..MESSAGE.len() {
            let whole = [0, 5, 10, 13, 22].contains(&end);
            assert_eq!(Fields::new("message", &MESSAGE[..end]).all(|field| field.is_ok()), whole, "cut at {end}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [&b"\x0b"[..], b"\x02\x00", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"] {
            assert!(Fields::new("message", bytes).any(|field| field.is_err()), "{bytes:?}");
            assert!(Fields::new("message", bytes).count() <= 1);
        }
    }
}
