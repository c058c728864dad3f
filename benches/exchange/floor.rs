//! The floor below a search: the same terms and filters asked of tantivy alone, in this process, on the same index files.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocAddress, Index, ReloadPolicy, Searcher, TantivyDocument, Term};
use zonebridge::search::fields::Fields;
use zonebridge::search::query::QueryTerms;

use super::figures::Load;

pub struct Floor {
    pub searcher: Searcher,
    pub fields: Fields,
}

impl Floor {
    /// Opens the generation in use.
    pub fn open(index_dir: &Path) -> Result<Self> {
        let name = std::fs::read_to_string(index_dir.join("CURRENT")).context("there is no index")?;
        let index = Index::open_in_dir(index_dir.join(name.trim()))?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { searcher: reader.searcher(), fields: Fields::new() })
    }

    /// The best twenty and the count of all that hold any of the terms, are technology offers and are for guests.
    fn ask(&self, question: &str) -> tantivy::Result<(Vec<DocAddress>, usize)> {
        let term = |field, text: &str, option| -> Box<dyn Query> { Box::new(TermQuery::new(Term::from_field_text(field, text), option)) };
        let any = QueryTerms::of(question).terms.iter().map(|(word, _)| (Occur::Should, term(self.fields.words, word, IndexRecordOption::WithFreqs))).collect();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, Box::new(BooleanQuery::new(any)))];
        for (field, value) in [(self.fields.audience, "public"), (self.fields.tags, "kind:technology"), (self.fields.tags, "direction:offer")] {
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(term(field, value, IndexRecordOption::Basic), 0.0))));
        }
        let (hits, count) = self.searcher.search(&BooleanQuery::new(clauses), &(TopDocs::with_limit(20).order_by_score(), Count))?;
        Ok((hits.into_iter().map(|(_, address)| address).collect(), count))
    }

    /// The same with the ids of the twenty, which are stored.
    pub fn ids(&self, question: &str) -> tantivy::Result<(Vec<String>, usize)> {
        let (hits, count) = self.ask(question)?;
        let mut ids = Vec::with_capacity(hits.len());
        for address in hits {
            let document: TantivyDocument = self.searcher.doc(address)?;
            ids.extend(document.get_first(self.fields.id).and_then(|id| id.as_str()).map(str::to_owned));
        }
        Ok((ids, count))
    }

    /// Asks the questions by turns for a time.
    pub fn measure(&self, questions: &[String], time: Duration) -> Result<Load> {
        let (started, mut times) = (Instant::now(), Vec::new());
        for question in questions.iter().cycle().take_while(|_| started.elapsed() < time) {
            let began = Instant::now();
            std::hint::black_box(self.ask(question)?);
            times.push(began.elapsed());
        }
        Ok(Load::of_times(times))
    }
}
