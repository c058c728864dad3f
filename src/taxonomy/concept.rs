//! The concepts of the AI chain in both languages, with the words that people use for each: tables in `concepts/`, to be read and mended by
//! people of the trade.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Serialize;
use utoipa::ToSchema;

use super::segment::Segment;
use crate::text::fold::fold;

const TABLES: [&str; 3] = [include_str!("concepts/base.tsv"), include_str!("concepts/models.tsv"), include_str!("concepts/applications.tsv")];
/// No concept lies deeper below its segment.
const MAX_DEPTH: usize = 8;

/// A concept. Its code is that of its segment and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concept {
    pub code: &'static str,
    pub segment: Segment,
    /// The code of the concept that this one is part of; `None` directly below the segment.
    pub broader: Option<&'static str>,
    pub zh: &'static str,
    pub en: &'static str,
    /// Other words for the same, in either language.
    pub alternatives: Vec<&'static str>,
}

/// A concept by its code and its names, as answers show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConceptName {
    #[schema(example = "base.chips.gpu")]
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
}

static ALL: LazyLock<Vec<Concept>> = LazyLock::new(|| TABLES.iter().flat_map(|table| table.lines().skip(1)).filter_map(concept).collect());

/// By folded word.
static BY_WORD: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let words = ALL.iter().enumerate().flat_map(|(number, concept)| concept.words().map(move |word| (fold(word), number)));
    words.collect()
});

static BY_CODE: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| ALL.iter().enumerate().map(|(number, concept)| (concept.code, number)).collect());

/// All concepts, in the order of the tables.
pub fn all() -> &'static [Concept] {
    &ALL
}

/// The concept that a word names, in whatever case or width it is written.
pub fn named(word: &str) -> Option<&'static Concept> {
    BY_WORD.get(&fold(word)).and_then(|number| ALL.get(*number))
}

/// The concept of a code.
pub fn with_code(code: &str) -> Option<&'static Concept> {
    place_of(code).and_then(|place| ALL.get(place))
}

/// Where a concept stands among all.
pub fn place_of(code: &str) -> Option<usize> {
    BY_CODE.get(code).copied()
}

impl Concept {
    /// All words for it, the preferred ones first.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        [self.zh, self.en].into_iter().chain(self.alternatives.iter().copied())
    }

    /// The concept and all that it is part of, from the narrow to the broad.
    pub fn with_broader(&'static self) -> impl Iterator<Item = &'static Self> {
        std::iter::successors(Some(self), |concept| concept.broader.and_then(with_code)).take(MAX_DEPTH)
    }

    /// Its code and names.
    pub fn name(&self) -> ConceptName {
        ConceptName { code: self.code, zh: self.zh, en: self.en }
    }
}

/// code, broader, zh, en, alternatives in zh and in en.
fn concept(line: &'static str) -> Option<Concept> {
    let mut columns = line.split('\t');
    let mut next = || columns.next();
    let (code, broader, zh, en) = (next()?, next()?, next()?, next()?);
    let alternatives = [next()?, next()?].into_iter().flat_map(|words| words.split('|')).filter(|word| !word.is_empty()).collect();
    let (segment, _) = code.rsplit_once('.')?;
    Some(Concept { code, segment: Segment::from_str(segment).ok()?, broader: (!broader.is_empty()).then_some(broader), zh, en, alternatives })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_line_is_a_concept_and_every_word_names_one() {
        assert_eq!(all().len(), TABLES.iter().map(|table| table.lines().count() - 1).sum::<usize>());
        assert!(all().len() >= 400);
        let codes: HashSet<&str> = all().iter().map(|concept| concept.code).collect();
        assert_eq!(codes.len(), all().len());
        let mut words: HashMap<String, &str> = HashMap::new();
        for concept in all() {
            assert!(concept.broader.is_none_or(|broader| codes.contains(broader) && broader != concept.code), "{}", concept.code);
            for word in concept.words() {
                let before = words.insert(fold(word), concept.code);
                assert!(before.is_none_or(|before| before == concept.code), "{word} names {} and {before:?}", concept.code);
            }
        }
        assert_eq!(named("LLM").map(|concept| concept.zh), named("大语言模型").map(|concept| concept.zh));
        assert!(named("ＨＢＭ").is_some() && named("nothing of the kind").is_none());
    }

    #[test]
    fn no_concept_is_part_of_itself() {
        for concept in all() {
            let chain: Vec<&str> = concept.with_broader().map(|concept| concept.code).collect();
            assert!(chain.len() < MAX_DEPTH, "{chain:?}");
            assert_eq!(chain.iter().collect::<HashSet<_>>().len(), chain.len(), "{chain:?}");
        }
        let chain = with_code("base.chips.gpgpu").map(|concept| concept.with_broader().map(|concept| concept.code).collect::<Vec<_>>());
        assert_eq!(chain, Some(vec!["base.chips.gpgpu", "base.chips.gpu", "base.chips.ai_chip"]));
    }
}
