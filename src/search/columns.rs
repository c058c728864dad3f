//! The vectors of documents, in columns of the index: what a document means, and how near it is to a question.

use tantivy::columnar::Column;
use tantivy::{DocId, SegmentReader};
use zonebridge_meaning::vector::{Direction, cosine};

use super::fields::{ASKING_E5, ASKING_UNIVERSAL, E5, LANGUAGES, UNIVERSAL};
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

/// The directions of a segment's documents.
#[derive(Clone)]
pub struct Vectors {
    e5: Option<Column<u64>>,
    universal: Option<Column<u64>>,
    languages: Option<Column<u64>>,
    asking_e5: Option<Column<u64>>,
    asking_universal: Option<Column<u64>>,
}

impl Vectors {
    pub fn of(segment: &SegmentReader) -> tantivy::Result<Self> {
        let column = |name: &str| -> tantivy::Result<Option<Column<u64>>> { segment.fast_fields().column_opt(name) };
        Ok(Self { e5: column(E5)?, universal: column(UNIVERSAL)?, languages: column(LANGUAGES)?, asking_e5: column(ASKING_E5)?, asking_universal: column(ASKING_UNIVERSAL)? })
    }

    /// The vectors of a document as they are packed, nothing where it has none.
    pub fn numbers(&self, document: DocId) -> impl Iterator<Item = u64> + '_ {
        [&self.e5, &self.universal, &self.languages, &self.asking_e5, &self.asking_universal].into_iter().flatten().flat_map(move |column| column.values_for_doc(document))
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

    /// What a document asks for; `None` where it has no vectors.
    pub fn asking(&self, document: DocId) -> Option<Meaning> {
        let e5: [i8; E5_WIDTH] = first(self.asking_e5.as_ref()?, document)?;
        let universal: [i8; UNIVERSAL_WIDTH] = first(self.asking_universal.as_ref()?, document)?;
        let (e5, universal) = (Direction::of_values(&e5)?, Direction::of_values(&universal)?);
        Some(Meaning { e5, universal, pieces: Vec::new(), languages: self.languages(document) })
    }

    /// `None` where the document has no vectors.
    pub fn closeness(&self, document: DocId, meaning: &Meaning) -> Option<Closeness> {
        let e5 = cosine(meaning.e5.values(), &self.e5(document)?);
        let mut universal = self.universal(document).map(|direction| cosine(meaning.universal.values(), &direction));
        let whole = universal.next()?;
        let universal = universal.reduce(f32::max).map_or(whole, |nearest| f32::midpoint(whole, nearest));
        Some(Closeness { e5, universal, across: !meaning.languages.meet(self.languages(document)) })
    }

    /// The direction of a document by e5.
    pub fn e5(&self, document: DocId) -> Option<[i8; E5_WIDTH]> {
        first(self.e5.as_ref()?, document)
    }

    fn universal(&self, document: DocId) -> impl Iterator<Item = [i8; UNIVERSAL_WIDTH]> + '_ {
        let mut numbers = self.universal.iter().flat_map(move |column| column.values_for_doc(document));
        std::iter::from_fn(move || unpack(&mut numbers))
    }

    fn languages(&self, document: DocId) -> Languages {
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
