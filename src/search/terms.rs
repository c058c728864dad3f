//! The terms of a question as the index knows them: where their postings are, and what each weighs by BM25.
//!
//! Every term is looked up once for a question. Statistics are of what everybody may read, whoever asks: those of hidden words are told to
//! nobody, and the same document has one score whatever else is hidden.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{InvertedIndexReader, Searcher, SegmentReader, Term};

use super::fields::{Fields, TextFields};
use super::statistics::PublicStatistics;

/// The constants of BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009), as tantivy has them: how soon
/// repetition says nothing more, and how much a long text counts less.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Terms with what is known of them in each segment.
pub struct Terms {
    places: HashMap<String, usize>,
    /// In how many public documents each stands.
    frequencies: Vec<u64>,
    /// Public documents.
    pub documents: u64,
    fields: Vec<FieldTerms>,
}

/// The terms in one field.
struct FieldTerms {
    field: Field,
    is_title: bool,
    /// idf × (k1 + 1) of each term.
    weights: Vec<f32>,
    saturation: Arc<Saturation>,
    /// By segment and term.
    postings: Vec<Vec<Option<TermInfo>>>,
}

/// A term's postings in a field of a segment, with all that scores them.
pub struct Postings<'a> {
    blocks: BlockSegmentPostings,
    /// How many documents of the block were seen.
    at: usize,
    weight: f32,
    saturation: &'a Saturation,
    classes: &'a FieldNormReader,
}

/// The fields of terms of a segment, opened.
pub struct SegmentTerms<'a> {
    terms: &'a Terms,
    ordinal: usize,
    fields: Vec<(Arc<InvertedIndexReader>, FieldNormReader)>,
}

impl Terms {
    /// Looks terms up for a reader, in titles too where they count there.
    pub fn look_up<'t>(searcher: &Searcher, fields: &Fields, texts: impl IntoIterator<Item = &'t str>, verified: bool, with_titles: bool) -> tantivy::Result<Self> {
        let mut places = HashMap::new();
        let mut all = Vec::new();
        for text in texts {
            places.entry(text.to_owned()).or_insert_with(|| {
                all.push(text);
                all.len() - 1
            });
        }
        let statistics = PublicStatistics { searcher, fields };
        let documents = statistics.total_num_docs()?;
        let of_field = |field: Field| {
            let found = searcher.segment_readers().par_iter().map(|segment| postings_of(segment, field, &all));
            found.collect::<tantivy::Result<Vec<_>>>()
        };
        let mut found = Vec::new();
        let mut frequencies = Vec::new();
        for is_title in [false, true].into_iter().take(1 + usize::from(with_titles)) {
            let place = |text: TextFields| if is_title { text.title } else { text.words };
            let public = of_field(place(fields.of_document(true)))?;
            let own = frequencies_of(&public, all.len());
            let weights: Vec<f32> = own.iter().map(|&frequency| inverse_frequency(documents, frequency) * (K1 + 1.0)).collect();
            let saturation = Arc::new(Saturation::of_mean(statistics.total_num_tokens(place(fields.of_document(true)))?, documents));
            if verified {
                let field = place(fields.of_document(false));
                found.push(FieldTerms { field, is_title, weights: weights.clone(), saturation: Arc::clone(&saturation), postings: of_field(field)? });
            }
            found.push(FieldTerms { field: place(fields.of_document(true)), is_title, weights, saturation, postings: public });
            if !is_title {
                frequencies = own;
            }
        }
        Ok(Self { places, frequencies, documents, fields: found })
    }

    pub fn place(&self, term: &str) -> Option<usize> {
        self.places.get(term).copied()
    }

    /// In how many public documents a term stands.
    pub fn frequency(&self, term: &str) -> u64 {
        self.place(term).and_then(|place| self.frequencies.get(place)).copied().unwrap_or_default()
    }

    pub fn in_segment<'a>(&'a self, ordinal: usize, segment: &SegmentReader) -> tantivy::Result<SegmentTerms<'a>> {
        let open = |of_field: &FieldTerms| Ok((segment.inverted_index(of_field.field)?, segment.get_fieldnorms_reader(of_field.field)?));
        Ok(SegmentTerms { terms: self, ordinal, fields: self.fields.iter().map(open).collect::<tantivy::Result<_>>()? })
    }
}

impl SegmentTerms<'_> {
    /// Where a term stands in texts, or in titles; in a field for each audience.
    pub fn postings(&self, place: usize, is_title: bool) -> impl Iterator<Item = tantivy::Result<Postings<'_>>> {
        self.terms.fields.iter().zip(&self.fields).filter(move |(terms, _)| terms.is_title == is_title).filter_map(move |(terms, (index, classes))| {
            let info = terms.postings.get(self.ordinal)?.get(place)?.as_ref()?;
            let weight = terms.weights.get(place).copied().unwrap_or_default();
            let blocks = index.read_block_postings_from_terminfo(info, IndexRecordOption::WithFreqs);
            Some(blocks.map(|blocks| Postings { blocks, at: 0, weight, saturation: &terms.saturation, classes }).map_err(Into::into))
        })
    }
}

impl Postings<'_> {
    /// What the next documents before `end` score by the term, `weight` times BM25; whether there are more behind it.
    #[inline]
    pub fn for_each_before(&mut self, end: u32, weight: f32, mut see: impl FnMut(u32, f32)) -> bool {
        let weight = weight * self.weight;
        loop {
            let documents = self.blocks.docs().get(self.at..).unwrap_or_default();
            let Some(last) = documents.last() else { return false };
            let within = if *last < end { documents.len() } else { documents.partition_point(|document| *document < end) };
            let frequencies = self.blocks.freqs().get(self.at..).unwrap_or_default();
            for (&document, &frequency) in documents.iter().zip(frequencies).take(within) {
                see(document, weight * self.saturation.of(frequency, self.classes.fieldnorm_id(document)));
            }
            if within < documents.len() {
                self.at += within;
                return true;
            }
            self.blocks.advance();
            self.at = 0;
        }
    }
}

/// f ÷ (f + k1 × (1 − b + b × length ÷ mean length)): what a term that stands f times says, for each class of lengths that the index tells
/// apart.
struct Saturation {
    lengths: [f32; 256],
    /// Of terms that stand once to four times, as most do: a division a posting is saved.
    few: [[f32; 256]; 4],
}

impl Saturation {
    #[expect(clippy::cast_precision_loss, reason = "of counts a mean needs few digits")]
    fn of_mean(tokens: u64, documents: u64) -> Self {
        let mean = tokens as f32 / documents.max(1) as f32;
        let lengths = std::array::from_fn(|class| {
            let length = FieldNormReader::id_to_fieldnorm(u8::try_from(class).unwrap_or(u8::MAX)) as f32;
            K1 * (1.0 - B + B * length / mean.max(f32::MIN_POSITIVE))
        });
        Self { lengths, few: [1.0, 2.0, 3.0, 4.0].map(|frequency| lengths.map(|length| frequency / (frequency + length))) }
    }

    #[inline]
    fn of(&self, frequency: u32, class: u8) -> f32 {
        if let Some(few) = self.few.get((frequency as usize).wrapping_sub(1)) {
            return few[usize::from(class)];
        }
        #[expect(clippy::cast_precision_loss, reason = "a term is not repeated that often")]
        let frequency = frequency as f32;
        frequency / (frequency + self.lengths[usize::from(class)])
    }
}

fn postings_of(segment: &SegmentReader, field: Field, terms: &[&str]) -> tantivy::Result<Vec<Option<TermInfo>>> {
    let index = segment.inverted_index(field)?;
    terms.iter().map(|term| Ok(index.get_term_info(&Term::from_field_text(field, term))?)).collect()
}

fn frequencies_of(segments: &[Vec<Option<TermInfo>>], terms: usize) -> Vec<u64> {
    let mut frequencies = vec![0; terms];
    for (frequency, info) in segments.iter().flat_map(|of_segment| (0..).zip(of_segment)).filter_map(|(place, info): (usize, _)| Some((place, info.as_ref()?))) {
        frequencies[frequency] += u64::from(info.doc_freq);
    }
    frequencies
}

/// ln(1 + (N − n + ½) ÷ (n + ½)) of N documents of which n hold the term.
#[expect(clippy::cast_precision_loss, reason = "counts of documents, of which a weight needs few digits")]
fn inverse_frequency(documents: u64, holding: u64) -> f32 {
    let rest = documents.saturating_sub(holding) as f32;
    ((rest + 0.5) / (holding as f32 + 0.5)).ln_1p()
}
