//! Words that stand one behind the other in one field, as a query.
//!
//! Chinese is indexed in pairs of characters, so a phrase is asked by its pairs, which leaves nothing to the dictionary. A character that
//! stands alone at an end of a phrase (A轮) may be half of a pair in a listing (A轮融资), and is asked as either.

use tantivy::Term;
use tantivy::query::{BooleanQuery, EmptyQuery, Occur, PhraseQuery, Query, RegexPhraseQuery, RegexQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::fields::TextFields;
use crate::text::fold::fold;
use crate::text::positions::positions;
use crate::text::segment::{TermKind, pairs_of_folded};

/// A term of a phrase with its place in it.
struct Placed {
    text: String,
    kind: TermKind,
    at: usize,
}

impl Placed {
    fn is_lone_character(&self) -> bool {
        self.kind == TermKind::Han
    }
}

/// What holds a phrase in one of the fields that a reader may search; `None` where the phrase has no term.
pub fn phrase_query(readable: &[TextFields], phrase: &str) -> Option<Box<dyn Query>> {
    let terms = pairs_of_folded(&fold(phrase));
    let (offsets, _) = positions(&terms);
    let placed: Vec<Placed> = terms.into_iter().zip(offsets).map(|(term, at)| Placed { text: term.text, kind: term.kind, at }).collect();
    match placed.as_slice() {
        [] => None,
        [only] if only.is_lone_character() => Some(single_character(readable, &only.text)),
        [only] => Some(any_of(readable.iter().map(|fields| term_query(fields.words, &only.text)).collect())),
        several => Some(any_of(readable.iter().flat_map(|fields| in_field(fields.words, several)).collect())),
    }
}

fn term_query(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

fn in_field(field: Field, placed: &[Placed]) -> Vec<Box<dyn Query>> {
    let lone = |end: Option<&Placed>| end.is_some_and(Placed::is_lone_character);
    let (first, last) = (lone(placed.first()), lone(placed.last()));
    if !first && !last {
        let terms = placed.iter().map(|term| (term.at, Term::from_field_text(field, &term.text))).collect();
        return vec![Box::new(PhraseQuery::new_with_offset(terms))];
    }
    // All one place later, since what the first character may end begins one place before it.
    let mut patterns: Vec<(usize, String)> = placed.iter().map(|term| (term.at + 1, escaped(&term.text))).collect();
    if last && let Some((_, pattern)) = patterns.last_mut() {
        pattern.push_str(".?");
    }
    let mut queries: Vec<Box<dyn Query>> = vec![Box::new(RegexPhraseQuery::new_with_offset(field, patterns.clone()))];
    if first && let Some((at, pattern)) = patterns.first_mut() {
        *at = 0;
        pattern.insert(0, '.');
        queries.push(Box::new(RegexPhraseQuery::new_with_offset(field, patterns)));
    }
    queries
}

/// What fulfils any of the queries.
pub fn any_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.pop() {
        Some(only) if queries.is_empty() => only,
        Some(last) => Box::new(BooleanQuery::new(queries.into_iter().chain([last]).map(|query| (Occur::Should, query)).collect())),
        None => Box::new(EmptyQuery),
    }
}

/// Characters are indexed in pairs, so one alone is asked as either half of a pair.
pub fn single_character(readable: &[TextFields], character: &str) -> Box<dyn Query> {
    let half = |text: &TextFields| RegexQuery::from_pattern(&format!(".?{character}.?"), text.words).ok().map(|query| Box::new(query) as Box<dyn Query>);
    any_of(readable.iter().filter_map(half).collect())
}

/// A term as a pattern that it alone fits: of the signs that words may hold, two mean something in patterns.
fn escaped(term: &str) -> String {
    term.replace('.', "\\.").replace('+', "\\+")
}

#[cfg(test)]
mod tests {
    use tantivy::collector::Count;
    use tantivy::{Index, IndexWriter, TantivyDocument};

    use super::*;
    use crate::search::document::{Indexed, placed};
    use crate::search::fields::Fields;

    fn listing(texts: &[&str]) -> Indexed {
        Indexed {
            id: String::new(),
            revision: 1,
            audiences: vec!["public"],
            organization: String::new(),
            tags: Vec::new(),
            completions: Vec::new(),
            title: Vec::new(),
            words: placed(texts.iter().copied()),
            published_at: 0,
            valid_through: 0,
            amount: None,
            trl: None,
            judged: Vec::new(),
            card: Vec::new(),
            meaning: None,
        }
    }

    /// Whether a listing of these texts holds the phrase.
    fn holds(texts: &[&str], phrase: &str) -> bool {
        let fields = Fields::new();
        let index = Index::create_in_ram(fields.schema.clone());
        let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, 15_000_000).unwrap();
        writer.add_document(listing(texts).into_document(&fields)).unwrap();
        writer.commit().unwrap();
        let searcher = index.reader().unwrap().searcher();
        let query = phrase_query(&fields.of_reader(false), phrase).unwrap();
        searcher.search(&query, &Count).unwrap() == 1
    }

    #[test]
    fn a_phrase_holds_in_its_order_only() {
        for (text, phrase, expected) in [
            ("车载固态激光雷达模组", "激光雷达", true),
            ("车载固态激光雷达模组", "雷达激光", false),
            ("激光雷達", "激光雷达", true),
            ("激光与毫米波雷达", "激光雷达", false),
            ("半导体制造设备", "半导体制造", true),
            ("solid-state lidars for cars", "solid state lidar", true),
            ("solid-state lidars for cars", "state solid", false),
            ("solid and liquid state", "solid state", false),
            ("state of the art", "state of the art", true),
            ("用于5nm芯片的EUV光源", "5nm芯片", true),
            ("用于5nm芯片的EUV光源", "芯片的EUV", true),
            ("用于5nm芯片的EUV光源", "芯片EUV", false),
            ("written in C++ and C#", "c++ and c#", true),
            ("哈哈哈哈", "哈哈哈", true),
        ] {
            assert_eq!(holds(&[text], phrase), expected, "{text}: {phrase}");
        }
    }

    #[test]
    fn a_lone_character_at_an_end_is_half_of_a_pair_too() {
        for (text, phrase, expected) in [
            ("完成A轮融资", "A轮", true),
            ("完成A轮", "A轮", true),
            ("完成B轮融资，A股上市", "A轮", false),
            ("我的GPU集群", "的GPU", true),
            ("的GPU集群", "的GPU", true),
            ("的是GPU集群", "的GPU", false),
            ("投资A轮融资", "资A轮", true),
            ("水稻片", "片", true),
        ] {
            assert_eq!(holds(&[text], phrase), expected, "{text}: {phrase}");
        }
    }

    #[test]
    fn no_phrase_is_found_across_texts() {
        assert!(!holds(&["激光", "雷达"], "激光雷达"));
        assert!(!holds(&["Solid", "state"], "solid state"));
        assert!(holds(&["Solid", "state", "solid state"], "solid state"));
        assert!(!holds(&["A", "轮融资"], "A轮"));
    }
}
