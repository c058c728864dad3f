//! A query whose documents are kept out.
//!
//! The index asks what is to be kept out whether it holds one document after another, without looking where it stands already. Phrases take
//! that amiss once they are at their end or ahead, so they are asked through this, which looks first.

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, Term};

/// Any query, to be kept out.
#[derive(Debug)]
pub struct Excluded(pub Box<dyn Query>);

impl Clone for Excluded {
    fn clone(&self) -> Self {
        Self(self.0.box_clone())
    }
}

impl Query for Excluded {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(ExcludedWeight(self.0.weight(scoring)?)))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.0.query_terms(visitor);
    }
}

struct ExcludedWeight(Box<dyn Weight>);

impl Weight for ExcludedWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(ExcludedDocuments(self.0.scorer(segment, boost)?)))
    }

    fn explain(&self, segment: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.0.explain(segment, document)
    }
}

/// The documents to keep out, in order. That it does not hand `seek_danger` on is its purpose: the usual one looks where it stands, and only
/// ever seeks ahead.
struct ExcludedDocuments(Box<dyn Scorer>);

impl DocSet for ExcludedDocuments {
    fn advance(&mut self) -> DocId {
        self.0.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.0.seek(target)
    }

    fn doc(&self) -> DocId {
        self.0.doc()
    }

    fn size_hint(&self) -> u32 {
        self.0.size_hint()
    }

    fn cost(&self) -> u64 {
        self.0.cost()
    }
}

impl Scorer for ExcludedDocuments {
    fn score(&mut self) -> Score {
        self.0.score()
    }
}

#[cfg(test)]
mod tests {
    use tantivy::collector::Count;
    use tantivy::query::PhraseQuery;
    use tantivy::schema::{Schema, TEXT};
    use tantivy::{Index, IndexWriter, doc};

    use super::*;
    use crate::search::conditions::Conditions;

    #[test]
    fn phrases_are_kept_out_wherever_they_stand() {
        for texts in [["a b", "b a", "c", "a c b"], ["b a", "c", "a c b", "a b"], ["c", "c", "a b", "c"], ["a b", "c", "c", "c"]] {
            let mut schema = Schema::builder();
            let field = schema.add_text_field("text", TEXT);
            let index = Index::create_in_ram(schema.build());
            let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
            for text in texts {
                writer.add_document(doc!(field => text)).unwrap();
            }
            writer.commit().unwrap();
            let searcher = index.reader().unwrap().searcher();
            let mut conditions = Conditions::default();
            conditions.absent(Box::new(PhraseQuery::new(vec![Term::from_field_text(field, "a"), Term::from_field_text(field, "b")])));
            assert_eq!(searcher.search(&conditions.filter(), &Count).unwrap(), 3, "{texts:?}");
        }
    }
}
