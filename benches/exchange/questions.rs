//! What is asked: questions in the words of the generated listings, and the filters beside them.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use zonebridge_meaning::e5::Role;
use zonebridge_meaning::files::Models;

use super::corpus::Corpus;

/// Two filters, as most searches have.
pub const TWO_FILTERS: &str = "&kind=technology&direction=offer";
pub const THREE_FACETS: &str = "&facets=kind,zone,segment";
/// Leaves about one listing in nine hundred.
pub const SELECTIVE: &str = "&kind=technology&direction=offer&zone=zgc&segment=base.chips&trl_min=7";
/// Leaves half of all.
pub const UNSELECTIVE: &str = "&direction=offer";
/// The ranks between which people's words lie: not those that stand everywhere, and not those that stand nowhere.
const RANKS: std::ops::Range<usize> = 30..3_000;

impl Corpus {
    /// Questions of two words, in Chinese and English by turns.
    pub fn questions(&self, seed: u64, count: usize) -> Vec<String> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..count).map(|number| self.words(number, 2, &mut random)).collect()
    }

    /// Different questions of exactly so many pieces as e5 reads them, in Chinese and English by turns.
    pub fn questions_of_tokens(&self, models: &Models, tokens: usize, seed: u64, count: usize) -> Vec<String> {
        let mut random = StdRng::seed_from_u64(seed);
        let none = models.e5.tokens(Role::Query, "").len();
        let mut question = |number: usize| {
            loop {
                let words = random.random_range(2..=tokens);
                let text = self.words(number, words, &mut random);
                if models.e5.tokens(Role::Query, &text).len() == none + tokens {
                    return text;
                }
            }
        };
        (0..count).map(&mut question).collect()
    }

    /// The first characters of words, as they are typed.
    pub fn beginnings(&self, seed: u64, count: usize) -> Vec<String> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut beginning = |number: usize| {
            let characters = random.random_range(1..=4);
            self.words(number, 1, &mut random).chars().take(characters).collect::<String>()
        };
        (0..count).map(&mut beginning).collect()
    }

    fn words(&self, number: usize, count: usize, random: &mut StdRng) -> String {
        let language = if number.is_multiple_of(2) { &self.zh } else { &self.en };
        (0..count).map(|_| language.word(random.random_range(RANKS))).collect::<Vec<_>>().join(" ")
    }
}

/// Paths of searches with the questions and more parameters.
pub fn search_paths(questions: &[String], more: &str) -> Vec<String> {
    questions.iter().map(|question| format!("/v1/listings?q={}{more}", encode(question))).collect()
}

pub fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
