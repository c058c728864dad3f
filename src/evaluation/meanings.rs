//! The vectors of a set's texts, centred as the service centres those of its listings.

use std::collections::HashMap;

use anyhow::Result;

use super::dataset::Dataset;
use crate::embedding::cache::VectorCache;
use crate::embedding::embedder::{Embedder, Raw};
use crate::embedding::means::{Meaning, Means, Role, Sum};
use crate::text::language::{Language, detect};

pub struct Meanings {
    means: Means,
    documents: HashMap<String, Raw>,
    queries: HashMap<String, Raw>,
}

impl Meanings {
    /// Embeds what the cache does not know. The means are moved by the set's documents, as by those of a network; nothing is learned from
    /// its queries.
    pub fn of(set: &Dataset, embedder: &Embedder, cache: &mut VectorCache, mut progress: impl FnMut(usize, usize)) -> Result<Self> {
        let (documents, queries): (Vec<String>, Vec<String>) =
            (set.corpus.iter().map(super::dataset::Text::whole).collect(), set.queries.iter().map(super::dataset::Text::whole).collect());
        let mut embed = |role, texts: &[String]| -> Result<HashMap<String, Raw>> {
            let raw = cache.embed(embedder, role, &texts.iter().map(String::as_str).collect::<Vec<_>>(), &mut progress)?;
            Ok(texts.iter().cloned().zip(raw).collect())
        };
        let (documents, queries) = (embed(Role::Passage, &documents)?, embed(Role::Query, &queries)?);
        let mut means = Means::default_means();
        for language in [Language::Zh, Language::En] {
            let mut sum = Sum::default();
            documents.iter().filter(|(text, _)| detect(text) == language).for_each(|(_, raw)| sum.add(raw));
            if let Some(means) = &mut means {
                means.moved(Role::Passage, language, &sum);
            }
        }
        Ok(Self { means: means.ok_or_else(|| anyhow::anyhow!("this build has no means: write them with `zonebridge learn means`"))?, documents, queries })
    }

    pub fn of_document(&self, text: &str) -> Option<Meaning> {
        self.means.centre(Role::Passage, self.documents.get(text)?)
    }

    pub fn of_query(&self, text: &str) -> Option<Meaning> {
        self.means.centre(Role::Query, self.queries.get(text)?)
    }
}
