//! A page of what a search finds, with how much there is in all.

use std::collections::HashMap;

use tantivy::DocAddress;
use tantivy::columnar::Column;

use super::bits::Bits;
use super::blend::words_alone;
use super::conditions::Conditions;
use super::facets::count;
use super::fields::{PUBLISHED_AT, VALID_THROUGH};
use super::index::{SearchIndex, Snapshot};
use super::parameters::Sort;
use super::query::QueryTerms;
use super::rank::{Ground, POOL, Question, Ranking, Words, rank};
use super::weights::Parts;

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
    fn ground(&self) -> Ground<'_> {
        self.snapshot.ground(&self.index.fields)
    }

    /// In the order of relevance, by words and meaning where there are models: first the candidates of both together, then whatever else holds a
    /// word. What was found is what holds a word, and the candidates beside.
    pub fn by_relevance(&self, conditions: &Conditions) -> tantivy::Result<Found> {
        let ground = self.ground();
        let meaning = || self.index.meaning(self.snapshot, self.text);
        let question = Question::new(&ground, self.terms, self.text, &meaning, self.verified)?;
        let ranking = rank(&ground, &question, conditions, POOL)?;
        let hits = self.page_of(&ranking);
        let by_meaning_alone = ranking.by_meaning_alone();
        let total = ranking.heard.total() + by_meaning_alone.len();
        let counts = if self.facets.is_empty() { HashMap::new() } else { count(&ground, self.facets, &ranking.heard.found_with(&by_meaning_alone))? };
        Ok(Found { hits, total, counts })
    }

    fn page_of(&self, ranking: &Ranking) -> Vec<(Parts, DocAddress)> {
        let end = self.offset + self.page;
        let mut hits: Vec<(Parts, DocAddress)> = ranking.candidates.iter().map(|ranked| (ranked.parts, ranked.address)).collect();
        if end > hits.len() {
            let seen = ranking.seen();
            let rest = ranking.heard.best(end);
            // Nobody compares their scores with those of the candidates: they come after all of them.
            hits.extend(rest.into_iter().filter(|(_, address)| !seen.contains(address)).map(|(score, address)| (words_alone(score), address)));
        }
        hits.into_iter().skip(self.offset).take(self.page).collect()
    }

    /// In the order of time, where most of the words must be there: a chance match could come first.
    pub fn by_time(&self, conditions: &Conditions, sort: Sort) -> tantivy::Result<Found> {
        let ground = self.ground();
        let allowed = ground.allowed(conditions)?;
        let found = if self.terms.is_empty() { allowed } else { Words::with_most(&ground, self.terms, self.verified, &allowed)? };
        let hits = self.in_order(&ground, &found, sort)?;
        Ok(Found { hits, total: found.iter().map(Bits::count).sum(), counts: count(&ground, self.facets, &found)? })
    }

    fn in_order(&self, ground: &Ground<'_>, found: &[Bits], sort: Sort) -> tantivy::Result<Vec<(Parts, DocAddress)>> {
        let mut dated: Vec<(i64, DocAddress)> = Vec::new();
        for (ordinal, (segment, found)) in (0_u32..).zip(ground.searcher.segment_readers().iter().zip(found)) {
            // The last to expire come last, the last to be published first.
            let (column, sign): (Column<i64>, i64) = match sort {
                Sort::Expiring => (segment.fast_fields().i64(VALID_THROUGH)?, 1),
                Sort::Newest | Sort::Relevance => (segment.fast_fields().i64(PUBLISHED_AT)?, -1),
            };
            dated.extend(found.documents().map(|document| (sign * column.first(document).unwrap_or_default(), DocAddress::new(ordinal, document))));
        }
        let end = (self.offset + self.page).min(dated.len());
        if end > 0 && end < dated.len() {
            dated.select_nth_unstable(end - 1);
            dated.truncate(end);
        }
        dated.sort_unstable();
        Ok(dated.into_iter().skip(self.offset).map(|(_, address)| (Parts::default(), address)).collect())
    }
}
