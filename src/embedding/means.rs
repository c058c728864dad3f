//! The middle of each language.
//!
//! Vectors of one language lie together, so raw angles say first which language a text is in: in a pool of both, an English question finds
//! English texts. Taking the mean vector of the text's language away, and bringing what is left to length 1, removes that. Texts in both
//! languages get a mean in the proportion of their Chinese characters.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zonebridge_meaning::vector::{Direction, make_unit};

use super::embedder::Raw;
use crate::text::language::{Language, Languages, of_share};
use crate::text::profile::TITLE_WEIGHT;

/// What the model was told that a text is. The universal encoder makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Query,
    Passage,
}

impl From<Role> for zonebridge_meaning::e5::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Query => Self::Query,
            Role::Passage => Self::Passage,
        }
    }
}

/// The means of one role, of both models in both languages.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleMeans {
    pub zh: Mean,
    pub en: Mean,
}

/// The mean vector of the texts of a language, one of each model.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    pub e5: Vec<f32>,
    pub universal: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Means {
    pub query: RoleMeans,
    pub passage: RoleMeans,
}

/// What a text means, as it is compared: centred, in whole numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    pub e5: Direction,
    pub universal: Direction,
    /// The universal encoder's of the text's pieces.
    pub pieces: Vec<Direction>,
    pub languages: Languages,
}

/// A new network has no texts to take means of: these are the means of the demonstration's, written by `zonebridge learn means`.
static DEFAULT: LazyLock<Option<Means>> = LazyLock::new(|| Means::parse(include_str!("means.tsv")));

/// So many texts of one's own count as much as the default.
const PRIOR: f32 = 50.0;
/// What titles of one's own count in the mean of questions, from [`ASKED`] on.
const OWN_QUESTIONS: f32 = 0.6;
pub const ASKED: f32 = 200.0;

impl RoleMeans {
    fn of(&mut self, language: Language) -> &mut Mean {
        match language {
            Language::Zh => &mut self.zh,
            Language::En => &mut self.en,
        }
    }
}

impl Mean {
    fn move_by(&mut self, texts: &Sum, share: f32) {
        if texts.count > 0.0 {
            for (mean, sum) in [(&mut self.e5, &texts.e5), (&mut self.universal, &texts.universal)] {
                mean.iter_mut().zip(sum).for_each(|(mean, sum)| *mean += share * (sum / texts.count - *mean));
            }
        }
    }
}

impl Means {
    /// `None` only while the file is being made.
    pub fn default_means() -> Option<Self> {
        DEFAULT.clone()
    }

    pub fn of(&self, role: Role) -> &RoleMeans {
        match role {
            Role::Query => &self.query,
            Role::Passage => &self.passage,
        }
    }

    /// A vector relative to the middle of its language.
    pub fn centre(&self, role: Role, raw: &Raw) -> Option<Meaning> {
        let RoleMeans { zh, en } = self.of(role);
        let centred = |vector: &[f32], zh: &[f32], en: &[f32]| {
            let values: Vec<f32> = vector.iter().zip(zh).zip(en).map(|((value, zh), en)| value - raw.chinese * zh - (1.0 - raw.chinese) * en).collect();
            Direction::of(&values)
        };
        let universal = |vector: &Vec<f32>| centred(vector, &zh.universal, &en.universal);
        Some(Meaning {
            e5: centred(&raw.e5, &zh.e5, &en.e5)?,
            universal: universal(&raw.universal)?,
            pieces: raw.pieces.iter().filter_map(universal).collect(),
            languages: Languages::only(of_share(raw.chinese)),
        })
    }

    /// Moves the mean of a language by passages of a corpus: the more there are, the more they count.
    pub fn move_passages(&mut self, language: Language, passages: &Sum) {
        self.passage.of(language).move_by(passages, passages.count / (PRIOR + passages.count));
    }

    /// Moves the mean of questions by what the texts of a corpus are called, read as questions. However many there are, people ask for other
    /// things too.
    pub fn move_queries(&mut self, language: Language, titles: &Sum) {
        self.query.of(language).move_by(titles, OWN_QUESTIONS * (titles.count / ASKED).min(1.0));
    }

    /// A line for each mean: role, language, and the vectors of both models, base64 of little-endian numbers of 32 bits.
    pub fn to_text(&self) -> String {
        let encode = |vector: &[f32]| STANDARD.encode(vector.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        let line = |role: &str, language: &str, mean: &Mean| format!("{role}\t{language}\t{}\t{}\n", encode(&mean.e5), encode(&mean.universal));
        [("query", &self.query), ("passage", &self.passage)].iter().map(|(role, means)| line(role, "zh", &means.zh) + &line(role, "en", &means.en)).collect()
    }

    pub fn parse(text: &str) -> Option<Self> {
        let decode = |text: &str| -> Option<Vec<f32>> { Some(STANDARD.decode(text).ok()?.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()) };
        let find = |role: &str, language: &str| {
            let mut columns = text.lines().find_map(|line| line.strip_prefix(&format!("{role}\t{language}\t")))?.split('\t');
            Some(Mean { e5: decode(columns.next()?)?, universal: decode(columns.next()?)? })
        };
        let both = |role: &str| Some(RoleMeans { zh: find(role, "zh")?, en: find(role, "en")? });
        Some(Self { query: both("query")?, passage: both("passage")? })
    }
}

/// Texts of one language, added up.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    pub count: f32,
    pub e5: Vec<f32>,
    pub universal: Vec<f32>,
}

impl Sum {
    pub fn add(&mut self, raw: &Raw) {
        self.count += 1.0;
        for (sum, vector) in [(&mut self.e5, &raw.e5), (&mut self.universal, &raw.universal)] {
            sum.resize(vector.len(), 0.0);
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        }
    }

    /// The mean of the texts alone; `None` of no texts.
    pub fn mean(&self) -> Option<Mean> {
        let share = |sum: &[f32]| sum.iter().map(|sum| sum / self.count).collect();
        (self.count > 0.0).then(|| Mean { e5: share(&self.e5), universal: share(&self.universal) })
    }
}

/// Several meanings as one: the direction of their sum.
pub fn together(all: &[Meaning]) -> Option<Meaning> {
    let sum = |pick: fn(&Meaning) -> &Direction| {
        let mut sum: Vec<f32> = Vec::new();
        for vector in all.iter().map(|meaning| pick(meaning).to_unit()) {
            sum.resize(vector.len(), 0.0);
            sum.iter_mut().zip(&vector).for_each(|(sum, value)| *sum += value);
        }
        make_unit(&mut sum);
        Direction::of(&sum)
    };
    match all {
        [] => None,
        [only] => Some(only.clone()),
        _ => Some(Meaning {
            e5: sum(|meaning| &meaning.e5)?,
            universal: sum(|meaning| &meaning.universal)?,
            pieces: all.iter().flat_map(|meaning| meaning.pieces.iter().cloned()).collect(),
            languages: all.iter().fold(Languages::default(), |languages, meaning| languages.and(meaning.languages)),
        }),
    }
}

/// What a text with a title asks for: the title counts as often as its words do.
pub fn with_title(whole: &Meaning, title: &Meaning) -> Option<Meaning> {
    let mut parts = vec![title.clone(); TITLE_WEIGHT.into()];
    parts.push(whole.clone());
    together(&parts)
}
