//! The conditions of a search, all of which must hold.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::excluded::Excluded;
use super::fields::Fields;

/// A condition. Its name says all of it, so that what is known of one of the same name is known of this one; those that are seldom asked twice
/// have none.
struct Condition {
    occur: Occur,
    query: Box<dyn Query>,
    name: Option<String>,
}

/// A condition of more values has no name.
const NAMED: usize = 32;

/// The conditions of a search, all of which must hold.
#[derive(Default)]
pub struct Conditions {
    all: Vec<Condition>,
}

impl Conditions {
    pub fn audience(&mut self, fields: &Fields, audience: &str) {
        self.exact(fields.audience, &[audience]);
    }

    /// One of the values of a tag.
    pub fn tag<S: AsRef<str>>(&mut self, fields: &Fields, name: &str, values: &[S]) {
        let tags: Vec<String> = values.iter().map(|value| format!("{name}:{}", value.as_ref())).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        self.exact(fields.tags, &tags);
    }

    pub fn exact(&mut self, field: Field, values: &[&str]) {
        let any: Vec<(Occur, Box<dyn Query>)> = values.iter().map(|value| (Occur::Should, exact_term(field, value))).collect();
        // Lists of ids are asked once.
        let name = (values.len() <= NAMED).then(|| exact_name(field, values));
        if !any.is_empty() {
            self.must(Box::new(BooleanQuery::new(any)), name);
        }
    }

    pub fn not(&mut self, field: Field, value: &str) {
        self.all.push(Condition { occur: Occur::MustNot, query: exact_term(field, value), name: None });
    }

    /// Something that must be there, without counting in a score.
    pub fn present(&mut self, query: Box<dyn Query>) {
        self.must(query, None);
    }

    /// Something that must not be there.
    pub fn absent(&mut self, query: Box<dyn Query>) {
        self.all.push(Condition { occur: Occur::MustNot, query: Box::new(Excluded(query)), name: None });
    }

    pub fn at_least_i64(&mut self, field: Field, value: i64) {
        self.must(Box::new(RangeQuery::new(Bound::Included(Term::from_field_i64(field, value)), Bound::Unbounded)), Some(format!("{} from {value}", field.field_id())));
    }

    pub fn at_least_f64(&mut self, field: Field, value: f64) {
        self.must(Box::new(RangeQuery::new(Bound::Included(Term::from_field_f64(field, value)), Bound::Unbounded)), None);
    }

    pub fn at_most_f64(&mut self, field: Field, value: f64) {
        self.must(Box::new(RangeQuery::new(Bound::Unbounded, Bound::Included(Term::from_field_f64(field, value)))), None);
    }

    /// Conditions filter and never score.
    fn must(&mut self, query: Box<dyn Query>, name: Option<String>) {
        self.all.push(Condition { occur: Occur::Must, query: Box::new(ConstScoreQuery::new(query, 0.0)), name });
    }

    /// Each condition with its name.
    pub fn named(&self) -> impl Iterator<Item = (Occur, &dyn Query, Option<&str>)> {
        self.all.iter().map(|condition| (condition.occur, condition.query.as_ref(), condition.name.as_deref()))
    }

    /// The conditions with a ranking, or with every document where there is none.
    pub fn with(&self, ranking: Option<Box<dyn Query>>) -> BooleanQuery {
        let mut clauses = self.clauses();
        clauses.push((Occur::Must, ranking.unwrap_or_else(|| Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0)))));
        BooleanQuery::new(clauses)
    }

    /// The conditions alone.
    pub fn filter(&self) -> BooleanQuery {
        if self.all.iter().any(|condition| condition.occur == Occur::Must) { BooleanQuery::new(self.clauses()) } else { self.with(None) }
    }

    fn clauses(&self) -> Vec<(Occur, Box<dyn Query>)> {
        self.all.iter().map(|condition| (condition.occur, condition.query.box_clone())).collect()
    }
}

/// The name of the condition that a field has one of the values.
pub fn exact_name(field: Field, values: &[&str]) -> String {
    // Quoted, since a value may hold any character.
    format!("{} is {values:?}", field.field_id())
}

pub fn exact_term(field: Field, value: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, value), IndexRecordOption::Basic))
}
