//! A page of what a search finds, with how much there is in all.

use std::collections::{HashMap, HashSet};

use tantivy::collector::{Count, TopDocs};
use tantivy::query::BooleanQuery;
use tantivy::{DocAddress, Order};

use super::blend::{Mode, words_alone};
use super::collect::{TagCounts, count_tags};
use super::conditions::Conditions;
use super::fields::{PUBLISHED_AT, VALID_THROUGH};
use super::http::Sort;
use super::index::{SearchIndex, Snapshot};
use super::query::{Breadth, QueryTerms};
use super::rank::{Counted, Ground, POOL, Question, by_words, rank};
use super::weights::Parts;
use crate::embedding::means::Meaning;

pub struct Asked<'a> {
    pub index: &'a SearchIndex,
    pub snapshot: &'a Snapshot,
    pub terms: &'a QueryTerms,
    pub text: &'a str,
    pub verified: bool,
    pub offset: usize,
    pub page: usize,
    /// Names of tags to count.
    pub facets: &'a [String],
}

pub struct Found {
    pub hits: Vec<(Parts, DocAddress)>,
    pub total: usize,
    pub counts: HashMap<String, u64>,
}

impl Asked<'_> {
    /// In the order of relevance, by words and meaning where there are models.
    pub fn by_relevance(&self, conditions: &Conditions) -> tantivy::Result<Found> {
        let ground = Ground { searcher: &self.snapshot.searcher, fields: &self.index.fields, nearest: &self.snapshot.nearest };
        match self.index.meaning(self.snapshot, self.text) {
            Some(meaning) => self.by_words_and_meaning(&ground, conditions, &meaning),
            None => self.by_words_alone(&ground, conditions),
        }
    }

    fn by_words_alone(&self, ground: &Ground<'_>, conditions: &Conditions) -> tantivy::Result<Found> {
        let question = Question::new(ground, self.terms, self.text, Mode::Words, None, self.verified)?;
        let (hits, Counted { total, tags }) = by_words(ground, &question, conditions, self.offset, self.page, self.facets)?;
        Ok(Found { hits: hits.into_iter().map(|(score, address)| (words_alone(score), address)).collect(), total, counts: tags })
    }

    /// First the candidates of words and meaning together, then whatever else holds a word. What was found is what holds a word, and the
    /// candidates beside.
    fn by_words_and_meaning(&self, ground: &Ground<'_>, conditions: &Conditions, meaning: &Meaning) -> tantivy::Result<Found> {
        let question = Question::new(ground, self.terms, self.text, Mode::Hybrid, Some(meaning), self.verified)?;
        let (candidates, Counted { total, tags: mut counts }) = rank(ground, &question, conditions, POOL, self.facets)?;
        let by_meaning_alone: Vec<DocAddress> = candidates.iter().filter(|ranked| ranked.parts.measures.words <= 0.0).map(|ranked| ranked.address).collect();
        count_tags(ground.searcher, &by_meaning_alone, self.facets, &mut counts)?;
        let end = self.offset + self.page;
        let seen: HashSet<DocAddress> = candidates.iter().map(|ranked| ranked.address).collect();
        let mut hits: Vec<(Parts, DocAddress)> = candidates.into_iter().map(|ranked| (ranked.parts, ranked.address)).collect();
        if end > hits.len() {
            let (rest, _) = by_words(ground, &question, conditions, 0, end, &[])?;
            // Nobody compares their scores with those of the candidates: they come after all of them.
            hits.extend(rest.into_iter().filter(|(_, address)| !seen.contains(address)).map(|(score, address)| (words_alone(score), address)));
        }
        Ok(Found { hits: hits.into_iter().skip(self.offset).take(self.page).collect(), total: total + by_meaning_alone.len(), counts })
    }

    /// In the order of time, where most of the words must be there: a chance match could come first.
    pub fn by_time(&self, conditions: &Conditions, sort: Sort) -> tantivy::Result<Found> {
        let query = conditions.with(self.terms.ranking(&self.index.fields, Breadth::Most, self.verified));
        let (column, order) = if sort == Sort::Expiring { (VALID_THROUGH, Order::Asc) } else { (PUBLISHED_AT, Order::Desc) };
        self.in_order(&query, column, order)
    }

    fn in_order(&self, query: &BooleanQuery, column: &str, order: Order) -> tantivy::Result<Found> {
        let top = TopDocs::with_limit(self.page).and_offset(self.offset).order_by_fast_field::<i64>(column, order);
        let (hits, total, counts) = self.snapshot.searcher.search(query, &(top, Count, TagCounts { names: self.facets.to_vec() }))?;
        Ok(Found { hits: hits.into_iter().map(|(_, address)| (Parts::default(), address)).collect(), total, counts })
    }
}
