//! Industry codes of GB/T 4754-2017: a section letter, then 2, 3 or 4 digits. Two codes are as close as their common prefix is long.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

use crate::organizations::model::Bilingual;

/// The divisions (first two digits) of each section.
const SECTIONS: [(char, u8, u8); 20] = [
    ('A', 1, 5),
    ('B', 6, 12),
    ('C', 13, 43),
    ('D', 44, 46),
    ('E', 47, 50),
    ('F', 51, 52),
    ('G', 53, 60),
    ('H', 61, 62),
    ('I', 63, 65),
    ('J', 66, 69),
    ('K', 70, 70),
    ('L', 71, 72),
    ('M', 73, 75),
    ('N', 76, 79),
    ('O', 80, 82),
    ('P', 83, 83),
    ('Q', 84, 85),
    ('R', 86, 90),
    ('S', 91, 96),
    ('T', 97, 97),
];

/// The names of sections and divisions, in Chinese and English.
static NAMES: LazyLock<HashMap<&'static str, (&'static str, &'static str)>> = LazyLock::new(|| {
    let name = |line: &'static str| {
        let mut columns = line.split('\t');
        Some((columns.next()?, (columns.next()?, columns.next()?)))
    };
    include_str!("divisions.tsv").lines().skip(1).filter_map(name).collect()
});

/// How close two codes are that agree in the section only, the division, the group, the class.
const CLOSENESS: [f64; 4] = [0.15, 0.5, 0.75, 1.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^[A-T]([0-9]{2,4})?$", example = "C3973")]
pub struct IndustryCode(String);

impl IndustryCode {
    pub fn parse(text: &str) -> Result<Self, String> {
        let code = text.trim().to_ascii_uppercase();
        let expected = || "expected an industry code of GB/T 4754-2017: a section letter A to T, then 2, 3 or 4 digits that belong to it, such as C3973".to_owned();
        let mut chars = code.chars();
        let section = chars.next().ok_or_else(expected)?;
        let digits = chars.as_str();
        let &(_, first, last) = SECTIONS.iter().find(|(letter, ..)| *letter == section).ok_or_else(expected)?;
        if digits.is_empty() {
            return Ok(Self(code));
        }
        if !(2..=4).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(expected());
        }
        let division: u8 = digits[..2].parse().map_err(|_| expected())?;
        if (first..=last).contains(&division) { Ok(Self(code)) } else { Err(format!("division {division:02} does not belong to section {section}: {}", expected())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its division, or of its section where it names no more.
    pub fn label(&self) -> Bilingual {
        let known = [3, 1].into_iter().find_map(|length| NAMES.get(self.0.get(..length)?));
        known.map_or_else(Bilingual::default, |(zh, en)| Bilingual { zh: Some((*zh).to_owned()), en: Some((*en).to_owned()) })
    }

    /// From 0 (nothing in common) to 1 (the same class), by the longest common prefix. A code that says less than the other
    /// is as close as what it says.
    pub fn closeness(&self, other: &Self) -> f64 {
        let common = self.0.bytes().zip(other.0.bytes()).take_while(|(a, b)| a == b).count();
        match common {
            0 => 0.0,
            1 | 2 => CLOSENESS[0],
            length => CLOSENESS[length - 2],
        }
    }

    /// Every prefix that a filter may name: section, division, group, class.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        [1, 3, 4, 5].into_iter().filter_map(|length| self.0.get(..length))
    }
}

impl<'de> Deserialize<'de> for IndustryCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> IndustryCode {
        IndustryCode::parse(text).unwrap()
    }

    #[test]
    fn codes_are_checked_against_their_section() {
        for good in ["C", "C39", "C397", "C3973", "I6513", "A01", "c3973"] {
            assert!(IndustryCode::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "U", "39", "C3", "C397345", "C65", "I39", "CX9", "Ｃ39"] {
            assert!(IndustryCode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_division_has_names() {
        let label = |text: &str| code(text).label();
        for (section, first, last) in SECTIONS {
            assert!(label(&section.to_string()).zh.is_some(), "{section}");
            for division in first..=last {
                let text = format!("{section}{division:02}");
                assert_ne!(label(&text), Bilingual::default(), "{text}");
                assert!(section == 'K' || section == 'P' || section == 'T' || label(&text) != label(&section.to_string()), "{text}");
            }
        }
        assert_eq!(label("C3973"), label("C39"));
    }

    #[test]
    fn closeness_grows_with_the_common_prefix() {
        let base = code("C3973");
        let steps: Vec<f64> = ["I6513", "C13", "C3911", "C3979", "C3973"].iter().map(|other| base.closeness(&code(other))).collect();
        assert_eq!(steps, [0.0, 0.15, 0.5, 0.75, 1.0]);
        assert_eq!(base.prefixes().collect::<Vec<_>>(), ["C", "C39", "C397", "C3973"]);
    }

    proptest! {
        #[test]
        fn closeness_is_symmetric(a in "C(1[3-9]|[23][0-9]|4[0-3])[0-9]{0,2}", b in "C(1[3-9]|[23][0-9]|4[0-3])[0-9]{0,2}") {
            prop_assert!((code(&a).closeness(&code(&b)) - code(&b).closeness(&code(&a))).abs() < 1e-12);
        }

        #[test]
        fn any_text_is_judged_without_a_panic(text in "\\PC{0,12}") {
            let _ = IndustryCode::parse(&text);
        }
    }
}
