//! A page of what a search finds, with how much there is in all.

use std::collections::{HashMap, HashSet};

use tantivy::collector::{Count, TopDocs};
use tantivy::query::BooleanQuery;
use tantivy::{DocAddress, Order};

use super::blend::{Mode, Parts};
use super::collect::{TagCounts, count_tags};
use super::fields::{PUBLISHED_AT, VALID_THROUGH};
use super::http::Sort;
use super::index::{SearchIndex, Snapshot};
use super::query::{Breadth, Conditions, QueryTerms};
use super::rank::{Ground, LEAST_CLOSENESS, POOL, Question, by_words, rank};
use super::statistics::PublicStatistics;

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
    /// In the order of relevance: first the candidates of words and meaning together, then whatever else holds a word. What was found is what
    /// holds a word, and the candidates beside.
    pub fn by_relevance(&self, conditions: &Conditions) -> tantivy::Result<Found> {
        let (searcher, fields) = (&self.snapshot.searcher, &*self.index.fields);
        let ground = Ground { searcher, fields, nearest: &self.snapshot.nearest };
        let statistics = PublicStatistics { searcher, fields };
        let (candidates, counted) = rayon::join(
            || -> tantivy::Result<_> {
                let meaning = self.index.meaning(self.snapshot, self.text);
                let mode = if meaning.is_some() { Mode::Hybrid } else { Mode::Words };
                let question = Question {
                    terms: self.terms,
                    meaning: meaning.as_ref(),
                    traits: self.terms.traits(&statistics, fields, mode, self.text)?,
                    verified: self.verified,
                    least_closeness: LEAST_CLOSENESS,
                };
                let candidates = rank(&ground, &question, conditions, POOL)?;
                let end = self.offset + self.page;
                let mut hits: Vec<(Parts, DocAddress)> = candidates.iter().map(|ranked| (ranked.parts, ranked.address)).collect();
                if end > hits.len() {
                    let seen: HashSet<DocAddress> = candidates.iter().map(|ranked| ranked.address).collect();
                    let rest = by_words(&ground, &question, conditions, 0, end)?.into_iter().filter(|(_, address)| !seen.contains(address));
                    // Nobody compares them with what came before: they come after all of it.
                    hits.extend(rest.map(|(words, address)| (Parts { words, ..Parts::default() }, address)));
                }
                Ok((hits, candidates))
            },
            || -> tantivy::Result<_> {
                let Some(words) = self.terms.ranking(fields, Breadth::Any, self.verified) else { return Ok((0, HashMap::new())) };
                searcher.search(&conditions.with(Some(words)), &(Count, TagCounts { names: self.facets.to_vec() }))
            },
        );
        let ((hits, candidates), (total, mut counts)) = (candidates?, counted?);
        let by_meaning_alone: Vec<DocAddress> = candidates.iter().filter(|ranked| ranked.parts.words <= 0.0).map(|ranked| ranked.address).collect();
        count_tags(searcher, &by_meaning_alone, self.facets, &mut counts)?;
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
