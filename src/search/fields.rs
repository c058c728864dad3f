//! The fields of the index.

use tantivy::schema::{BytesOptions, Field, IndexRecordOption, NumericOptions, STORED, STRING, Schema, TextFieldIndexing, TextOptions};

/// Changes whenever the fields, the text analysis or the form of what is [`Judged`](super::judged::Judged) do: an index of another version is
/// rebuilt.
pub const VERSION: u32 = 9;

pub const TAGS: &str = "tags";
pub const PUBLISHED_AT: &str = "published_at";
/// The vectors of meaning, eight components in a number.
pub const E5: &str = "e5";
pub const UNIVERSAL: &str = "universal";
pub const LANGUAGES: &str = "languages";
pub const JUDGED: &str = "judged";
pub const VALID_THROUGH: &str = "valid_through";

/// These fields get their terms ready-made, so the tokenizer that tantivy wants to hear of does nothing.
const READY_MADE: &str = "raw";

#[derive(Clone)]
pub struct Fields {
    pub schema: Schema,
    /// The listing's id; a listing has one document for everybody, or one for guests and one for verified organisations.
    pub id: Field,
    pub revision: Field,
    /// `public` and `verified`: who may see and find the document.
    pub audience: Field,
    pub organization: Field,
    /// Exact values as `name:value`; also counted for facets.
    pub tags: Field,
    /// What guests may be offered while they type, see `completion`; documents that they do not see have none.
    pub completions: Field,
    /// The terms of the title alone.
    pub title: Field,
    /// All terms: title, summary, body, keywords, words of attributes.
    pub words: Field,
    /// The same of documents that guests do not see. Apart, because a field's statistics count in the scores of all who ask it: a guest's
    /// scores must not tell that a word stands in something hidden.
    pub verified_title: Field,
    pub verified_words: Field,
    pub published_at: Field,
    /// Days since 1970-01-01.
    pub valid_through: Field,
    pub amount_min: Field,
    pub amount_max: Field,
    pub trl: Field,
    /// What the listing means, by each model: the bytes of a direction, eight in a number. A column keeps them side by side, on disk and in
    /// memory only where they are read; documents without vectors have none.
    pub e5: Field,
    /// That of the whole text first, then those of its pieces.
    pub universal: Field,
    /// The languages of these texts, as bits.
    pub languages: Field,
    /// What a match is judged by, see `stored`: bytes, eight in a number. Read for hundreds of candidates, where the card is read for the few
    /// that are shown.
    pub judged: Field,
    /// The listing as this audience sees it, JSON.
    pub card: Field,
}

impl Fields {
    pub fn new() -> Self {
        let mut builder = Schema::builder();
        // With positions: phrases are asked by them.
        let terms = TextOptions::default().set_indexing_options(TextFieldIndexing::default().set_tokenizer(READY_MADE).set_index_option(IndexRecordOption::WithFreqsAndPositions));
        let sortable = NumericOptions::default().set_fast();
        let id = builder.add_text_field("id", STRING | STORED);
        let revision = builder.add_u64_field("revision", STORED);
        let audience = builder.add_text_field("audience", STRING | STORED);
        let organization = builder.add_text_field("organization", STRING);
        let tags = builder.add_text_field(TAGS, STRING.set_fast("raw"));
        let completions = builder.add_text_field("completions", STRING);
        let title = builder.add_text_field("title", terms.clone());
        let words = builder.add_text_field("words", terms.clone());
        let verified_title = builder.add_text_field("verified_title", terms.clone());
        let verified_words = builder.add_text_field("verified_words", terms);
        let published_at = builder.add_i64_field(PUBLISHED_AT, sortable.clone());
        let valid_through = builder.add_i64_field(VALID_THROUGH, sortable.clone());
        let amount_min = builder.add_f64_field("amount_min", sortable.clone());
        let amount_max = builder.add_f64_field("amount_max", sortable.clone());
        let trl = builder.add_i64_field("trl", sortable.clone());
        let e5 = builder.add_u64_field(E5, sortable.clone());
        let universal = builder.add_u64_field(UNIVERSAL, sortable.clone());
        let languages = builder.add_u64_field(LANGUAGES, sortable.clone());
        let judged = builder.add_u64_field(JUDGED, sortable);
        let card = builder.add_bytes_field("card", BytesOptions::default().set_stored());
        Self {
            schema: builder.build(),
            id,
            revision,
            audience,
            organization,
            tags,
            completions,
            title,
            words,
            verified_title,
            verified_words,
            published_at,
            valid_through,
            amount_min,
            amount_max,
            trl,
            e5,
            universal,
            languages,
            judged,
            card,
        }
    }
}

/// The fields of ready-made terms that a document, or a question, uses.
#[derive(Debug, Clone, Copy)]
pub struct TextFields {
    pub title: Field,
    pub words: Field,
}

impl Fields {
    /// Where the terms of a document stand, by whether guests see it.
    pub fn of_document(&self, for_guests: bool) -> TextFields {
        if for_guests { TextFields { title: self.title, words: self.words } } else { TextFields { title: self.verified_title, words: self.verified_words } }
    }

    /// Where a reader's question looks.
    pub fn of_reader(&self, verified: bool) -> Vec<TextFields> {
        let mut fields = vec![self.of_document(true)];
        if verified {
            fields.push(self.of_document(false));
        }
        fields
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::new()
    }
}
