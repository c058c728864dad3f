//! What documents are compared by, in columns of the index: what each means, how near it is to a question, and what a match is judged by.

use tantivy::columnar::Column;
use tantivy::{DocId, SegmentReader};
use zonebridge_meaning::vector::{Direction, cosine};

use super::fields::{E5, JUDGED, LANGUAGES, UNIVERSAL};
use crate::embedding::embedder::{E5_WIDTH, UNIVERSAL_WIDTH};
use crate::embedding::means::Meaning;
use crate::text::language::Languages;

/// How near a document is to a question, by each model: cosines of centred vectors, from -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closeness {
    pub e5: f32,
    /// Of a document in pieces the mean of the whole's and the nearest piece's.
    pub universal: f32,
    /// Whether the two have no language in common.
    pub across: bool,
}

/// The columns of a segment that say how documents compare.
#[derive(Clone)]
pub struct Columns {
    e5: Option<Column<u64>>,
    universal: Option<Column<u64>>,
    languages: Option<Column<u64>>,
    judged: Option<Column<u64>>,
}

impl Columns {
    pub fn of(segment: &SegmentReader) -> tantivy::Result<Self> {
        let column = |name: &str| -> tantivy::Result<Option<Column<u64>>> { segment.fast_fields().column_opt(name) };
        Ok(Self { e5: column(E5)?, universal: column(UNIVERSAL)?, languages: column(LANGUAGES)?, judged: column(JUDGED)? })
    }

    /// The vectors of a document as they are packed, nothing where it has none.
    pub fn numbers(&self, document: DocId) -> impl Iterator<Item = u64> + '_ {
        [&self.e5, &self.universal, &self.languages].into_iter().flatten().flat_map(move |column| column.values_for_doc(document))
    }

    /// What a document means as a whole, to ask by it; `None` where it has no vectors.
    pub fn meaning(&self, document: DocId) -> Option<Meaning> {
        Some(Meaning {
            e5: Direction::of_values(&self.e5(document)?)?,
            universal: Direction::of_values(&first::<UNIVERSAL_WIDTH>(self.universal.as_ref()?, document)?)?,
            pieces: Vec::new(),
            languages: self.languages(document),
        })
    }

    /// The bytes of what a match is judged by, see [`Judged`](super::judged::Judged), with some zeros behind them.
    pub fn judged(&self, document: DocId) -> Vec<u8> {
        let Some(column) = &self.judged else { return Vec::new() };
        let rows = column.index.value_row_ids(document);
        let mut numbers = vec![0; rows.len()];
        column.values.get_range(rows.start.into(), &mut numbers);
        let mut bytes = vec![0; 8 * numbers.len()];
        for (eight, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *eight = number.to_le_bytes();
        }
        bytes
    }

    /// `None` where the document has no vectors.
    pub fn closeness(&self, document: DocId, meaning: &Meaning) -> Option<Closeness> {
        let e5 = cosine(meaning.e5.values(), &self.e5(document)?);
        let mut universal = self.universal(document).map(|direction| cosine(meaning.universal.values(), &direction));
        let whole = universal.next()?;
        let universal = universal.reduce(f32::max).map_or(whole, |nearest| f32::midpoint(whole, nearest));
        Some(Closeness { e5, universal, across: !meaning.languages.meet(self.languages(document)) })
    }

    /// How near a document as a whole is to a meaning: the mean of both models.
    pub fn likeness(&self, document: DocId, meaning: &Meaning) -> Option<f32> {
        let universal: [i8; UNIVERSAL_WIDTH] = first(self.universal.as_ref()?, document)?;
        Some(f32::midpoint(cosine(meaning.e5.values(), &self.e5(document)?), cosine(meaning.universal.values(), &universal)))
    }

    /// The direction of a document by e5.
    pub fn e5(&self, document: DocId) -> Option<[i8; E5_WIDTH]> {
        first(self.e5.as_ref()?, document)
    }

    fn universal(&self, document: DocId) -> impl Iterator<Item = [i8; UNIVERSAL_WIDTH]> + '_ {
        let mut numbers = self.universal.iter().flat_map(move |column| column.values_for_doc(document));
        std::iter::from_fn(move || unpack(&mut numbers))
    }

    pub fn languages(&self, document: DocId) -> Languages {
        let bits = self.languages.as_ref().and_then(|column| column.first(document)).unwrap_or_default();
        Languages::from_bits(u8::try_from(bits).unwrap_or_default())
    }
}

/// The first direction of a document, read in one piece: `None` where it has none.
fn first<const WIDTH: usize>(column: &Column<u64>, document: DocId) -> Option<[i8; WIDTH]> {
    let rows = column.index.value_row_ids(document);
    let mut numbers = [0_u64; UNIVERSAL_WIDTH / 8];
    let numbers = numbers.get_mut(..WIDTH / 8)?;
    if rows.len() < numbers.len() {
        return None;
    }
    column.values.get_range(rows.start.into(), numbers);
    unpack(&mut numbers.iter().copied())
}

/// The next direction as it was packed; `None` where there is none.
fn unpack<const WIDTH: usize>(numbers: &mut impl Iterator<Item = u64>) -> Option<[i8; WIDTH]> {
    let mut values = [0_i8; WIDTH];
    for eight in values.as_chunks_mut::<8>().0 {
        *eight = numbers.next()?.to_le_bytes().map(u8::cast_signed);
    }
    Some(values)
}
