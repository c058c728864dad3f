//! Reading numbers off a file's bytes, which may end anywhere.

use crate::error::ModelError;

/// What is left to read of a part of the file.
pub struct Bytes<'a> {
    whole: &'a [u8],
    at: usize,
    part: &'static str,
}

impl<'a> Bytes<'a> {
    pub fn new(whole: &'a [u8], part: &'static str) -> Self {
        Self { whole, at: 0, part }
    }

    /// From here on errors name another part.
    pub fn enter(&mut self, part: &'static str) {
        self.part = part;
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], ModelError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.whole.len());
        let end = end.ok_or(ModelError::truncated(self.part, self.whole.len(), self.at.saturating_add(count)))?;
        let taken = &self.whole[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn u8(&mut self) -> Result<u8, ModelError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, ModelError> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, ModelError> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, ModelError> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn f32(&mut self) -> Result<f32, ModelError> {
        self.array().map(f32::from_le_bytes)
    }

    /// A count or size, at most `limit`: what is allocated by it stays bounded by what a real file has.
    pub fn count(&mut self, name: &str, limit: usize) -> Result<usize, ModelError> {
        let value = self.u32()?;
        let count = usize::try_from(value).ok().filter(|count| *count <= limit);
        count.ok_or_else(|| ModelError::malformed(self.part, format!("{name} is {value}, at most {limit} is known")))
    }

    pub fn u32s(&mut self, count: usize) -> Result<Vec<u32>, ModelError> {
        Ok(self.numbers(count)?.map(u32::from_le_bytes).collect())
    }

    pub fn f32s(&mut self, count: usize) -> Result<Vec<f32>, ModelError> {
        Ok(self.numbers(count)?.map(f32::from_le_bytes).collect())
    }

    fn numbers(&mut self, count: usize) -> Result<impl Iterator<Item = [u8; 4]> + use<'a>, ModelError> {
        let size = count.checked_mul(4).ok_or_else(|| ModelError::malformed(self.part, "a length overflows"))?;
        Ok(self.take(size)?.as_chunks::<4>().0.iter().copied())
    }
}
