//! The floor below a search: the same terms and filters asked of tantivy alone, in this process, on the same index files.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Index, ReloadPolicy, Searcher, Term};
use zonebridge::search::fields::Fields;
use zonebridge::search::query::QueryTerms;

pub struct Floor {
    searcher: Searcher,
    fields: Fields,
}

impl Floor {
    /// Opens the generation in use.
    pub fn open(index_dir: &Path) -> Result<Self> {
        let name = std::fs::read_to_string(index_dir.join("CURRENT")).context("there is no index")?;
        let index = Index::open_in_dir(index_dir.join(name.trim()))?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { searcher: reader.searcher(), fields: Fields::new() })
    }

    pub fn documents(&self) -> u64 {
        self.searcher.num_docs()
    }

    pub fn segments(&self) -> usize {
        self.searcher.segment_readers().len()
    }

    /// The best twenty and the count of all that hold any of the terms, are technology offers and are for guests.
    fn ask(&self, question: &str) -> Result<usize> {
        let term = |field, text: &str, option| -> Box<dyn Query> { Box::new(TermQuery::new(Term::from_field_text(field, text), option)) };
        let any = QueryTerms::of(question).terms.iter().map(|(word, _)| (Occur::Should, term(self.fields.words, word, IndexRecordOption::WithFreqs))).collect();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, Box::new(BooleanQuery::new(any)))];
        for (field, value) in [(self.fields.audience, "public"), (self.fields.tags, "kind:technology"), (self.fields.tags, "direction:offer")] {
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(term(field, value, IndexRecordOption::Basic), 0.0))));
        }
        let (_, count) = self.searcher.search(&BooleanQuery::new(clauses), &(TopDocs::with_limit(20).order_by_score(), Count))?;
        Ok(count)
    }

    /// Asks the questions by turns for a time; the time of each answer, in order.
    pub fn measure(&self, questions: &[String], time: Duration) -> Result<Vec<Duration>> {
        let (started, mut times) = (Instant::now(), Vec::new());
        for question in questions.iter().cycle() {
            if started.elapsed() > time {
                break;
            }
            let began = Instant::now();
            std::hint::black_box(self.ask(question)?);
            times.push(began.elapsed());
        }
        times.sort();
        Ok(times)
    }
}
