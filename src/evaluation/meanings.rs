//! The vectors of a set's texts, centred as the service centres those of its listings.

use std::collections::HashMap;

use anyhow::{Context, Result};

use super::dataset::{Dataset, Text};
use crate::embedding::cache::VectorCache;
use crate::embedding::embedder::{Embedder, Raw};
use crate::embedding::means::{ASKED, Meaning, Means, Role, Sum, with_title};
use crate::text::clean::clip;
use crate::text::language::{Language, detect};

/// How long what a document without a title is called may be; a Chinese character says as much as three letters.
const OPENING: [(Language, usize); 2] = [(Language::Zh, 40), (Language::En, 100)];

pub struct Meanings {
    means: Means,
    documents: HashMap<String, Raw>,
    queries: HashMap<String, Raw>,
}

impl Meanings {
    /// Embeds what the cache does not know. The means are moved by the set's documents, as by the listings of a network; nothing is learned
    /// from its queries.
    pub fn of(set: &Dataset, embedder: &Embedder, cache: &mut VectorCache, mut progress: impl FnMut(usize, usize)) -> Result<Self> {
        let mut embed = |role, texts: &[String]| -> Result<HashMap<String, Raw>> {
            let raw = cache.embed(embedder, role, &texts.iter().map(String::as_str).collect::<Vec<_>>(), &mut progress)?;
            Ok(texts.iter().cloned().zip(raw).collect())
        };
        let documents = embed(Role::Passage, &set.corpus.iter().map(Text::whole).collect::<Vec<_>>())?;
        let queries =
            embed(Role::Query, &set.queries.iter().flat_map(|query| [query.whole()].into_iter().chain(has_title(query).then(|| query.title.clone()))).collect::<Vec<_>>())?;
        let mut means = Means::default_means().context("this build has no means: write them with `zonebridge learn means`")?;
        for (language, at_most) in OPENING {
            let of_language: Vec<&Text> = set.corpus.iter().filter(|text| detect(&text.whole()) == language).collect();
            let mut passages = Sum::default();
            for raw in of_language.iter().filter_map(|text| documents.get(&text.whole())) {
                passages.add(raw);
            }
            means.move_passages(language, &passages);
            // Evenly over the set, whose first documents may be of one kind.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of texts")]
            let step = (of_language.len() / ASKED as usize).max(1);
            let called: Vec<String> = of_language.iter().step_by(step).map(|text| opening(text, at_most)).collect();
            let mut titles = Sum::default();
            for raw in embed(Role::Query, &called)?.values() {
                titles.add(raw);
            }
            means.move_queries(language, &titles);
        }
        Ok(Self { means, documents, queries })
    }

    pub fn of_document(&self, document: &Text) -> Option<Meaning> {
        self.means.centre(Role::Passage, self.documents.get(&document.whole())?)
    }

    /// What a query means, with its title as a listing that looks for partners has.
    pub fn of_query(&self, query: &Text) -> Option<Meaning> {
        let of = |text: &str| self.means.centre(Role::Query, self.queries.get(text)?);
        let whole = of(&query.whole())?;
        if has_title(query) { with_title(&whole, &of(&query.title)?) } else { Some(whole) }
    }
}

/// Whether a query is a text with a title.
fn has_title(query: &Text) -> bool {
    !query.title.is_empty() && !query.text.is_empty()
}

/// What a document is called: its title, or how it begins.
fn opening(document: &Text, at_most: usize) -> String {
    let whole = if document.title.is_empty() { &document.text } else { &document.title };
    let line = whole.trim().replace('\n', " ");
    let cut = clip(&line, at_most);
    let ends_in_a_word = cut.len() < line.len() && at_most > 40;
    cut.rfind(' ').filter(|_| ends_in_a_word).map_or(cut, |space| &cut[..space]).to_owned()
}
