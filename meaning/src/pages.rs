//! Memory for tables that are read at many places that lie apart.
//!
//! Each place is then on another page, and finding a page costs as much as reading it: on large pages, where the system has them, a table is a
//! few hundred pages instead of some ten thousand.

use std::ops::Deref;

use memmap2::{Advice, MmapMut};

/// Bytes that grow at their end.
#[derive(Debug)]
pub enum Pages {
    Ordinary(Vec<u8>),
    /// So many bytes of the whole are in use.
    Large(MmapMut, usize),
}

/// The size of a large page on common processors; less is not worth one.
const LARGE: usize = 2 << 20;

impl Default for Pages {
    fn default() -> Self {
        Self::Ordinary(Vec::new())
    }
}

impl Pages {
    /// For so many bytes. More have room too, on ordinary pages.
    pub fn with_capacity(bytes: usize) -> Self {
        if bytes >= LARGE
            && let Ok(map) = MmapMut::map_anon(bytes)
        {
            // Where the system has none, ordinary pages do.
            let _ = map.advise(Advice::HugePage);
            return Self::Large(map, 0);
        }
        Self::Ordinary(Vec::with_capacity(bytes))
    }

    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        if let Self::Large(map, used) = self
            && let Some(free) = map.get_mut(*used..*used + bytes.len())
        {
            free.copy_from_slice(bytes);
            *used += bytes.len();
            return;
        }
        if matches!(self, Self::Large(..)) {
            *self = Self::Ordinary(self.to_vec());
        }
        if let Self::Ordinary(all) = self {
            all.extend_from_slice(bytes);
        }
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Ordinary(bytes) => bytes,
            Self::Large(map, used) => map.get(..*used).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_on_pages_of_any_kind_and_beyond_them() {
        for capacity in [0, 10, LARGE] {
            let mut pages = Pages::with_capacity(capacity);
            let mut expected = Vec::new();
            while expected.len() < capacity + 1_000 {
                let bytes: Vec<u8> = (0..777_u32).map(|at| at.wrapping_mul(31).to_le_bytes()[0]).collect();
                pages.extend_from_slice(&bytes);
                expected.extend(bytes);
            }
            assert!(*pages == *expected, "{capacity}");
        }
    }
}
