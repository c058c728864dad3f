//! What was found, as it is shown: the listing as its audience sees it, and where the question stands in it.

use serde::Serialize;
use tantivy::{DocAddress, TantivyDocument};
use utoipa::ToSchema;

use super::index::{SearchIndex, Snapshot, stored_bytes};
use super::weights::Parts;
use crate::error::{Error, Result};
use crate::listings::view::ListingCard;
use crate::organizations::model::Bilingual;
use crate::text::highlight::{Marks, Piece, highlight};

/// Where the query was found in a field.
#[derive(Debug, Serialize, ToSchema)]
pub struct Highlight {
    #[schema(example = "title.zh")]
    pub field: String,
    pub pieces: Vec<Piece>,
}

/// A found listing. The body is left out; the listing itself has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchHit {
    #[serde(flatten)]
    pub listing: ListingCard,
    /// Comparable within one answer only; 0 when browsing.
    pub score: f32,
    pub highlights: Vec<Highlight>,
    /// What the score is made of, where `explain` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Parts>,
}

pub fn hit(index: &SearchIndex, snapshot: &Snapshot, address: DocAddress, parts: Parts, explain: bool, marks: &Marks) -> Result<SearchHit> {
    let mut listing = card(index, snapshot, address)?;
    let mut highlights = Vec::new();
    if !marks.is_empty() {
        for (name, texts) in [("title", &listing.title), ("summary", &listing.summary), ("body", &listing.body)] {
            for (language, text) in [("zh", &texts.zh), ("en", &texts.en)] {
                if let Some(pieces) = text.as_deref().and_then(|text| highlight(text, marks)) {
                    highlights.push(Highlight { field: format!("{name}.{language}"), pieces });
                }
            }
        }
        for keyword in &listing.keywords {
            if let Some(pieces) = highlight(keyword, marks) {
                highlights.push(Highlight { field: "keywords".into(), pieces });
            }
        }
    }
    listing.body = Bilingual::default();
    Ok(SearchHit { listing, score: parts.score, highlights, parts: explain.then_some(parts) })
}

/// The listing as it was indexed for its audience.
pub fn card(index: &SearchIndex, snapshot: &Snapshot, address: DocAddress) -> Result<ListingCard> {
    let document: TantivyDocument = snapshot.searcher.doc(address).map_err(|error| Error::internal(anyhow::Error::new(error)))?;
    let bytes = stored_bytes(&document, index.fields.card).ok_or_else(|| Error::internal(anyhow::anyhow!("a document without its listing")))?;
    serde_json::from_slice(bytes).map_err(Error::internal)
}
