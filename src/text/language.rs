//! Which of the two languages a text is written in, by its share of Chinese characters.

use serde::Serialize;
use utoipa::ToSchema;

use super::fold::is_han;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Zh,
    En,
}

/// Some of the languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Languages(u8);

impl Languages {
    pub const fn only(language: Language) -> Self {
        Self(match language {
            Language::Zh => 1,
            Language::En => 2,
        })
    }

    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is a language in both.
    pub const fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn to_bits(self) -> u8 {
        self.0
    }

    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 3)
    }
}

/// Chinese from one Chinese character in five letters on: a Chinese sentence full of product names is still Chinese.
pub fn detect(text: &str) -> Language {
    of_share(chinese_share(text))
}

/// The language of a text with such a share of Chinese characters.
pub fn of_share(chinese: f32) -> Language {
    if chinese >= 0.2 { Language::Zh } else { Language::En }
}

/// The share of Chinese characters among the letters of a text, 0 where there are none.
#[expect(clippy::cast_precision_loss, reason = "a text has fewer letters than 2^24, and a share needs no more")]
pub fn chinese_share(text: &str) -> f32 {
    let (mut han, mut letters) = (0_usize, 0_usize);
    for c in text.chars() {
        if is_han(c) {
            han += 1;
        } else if c.is_alphabetic() {
            letters += 1;
        }
    }
    if han == 0 { 0.0 } else { han as f32 / (han + letters) as f32 }
}

/// How long a text is in words, where two Chinese characters count as one.
#[expect(clippy::cast_precision_loss, reason = "a text has fewer words than 2^24")]
pub fn length_in_words(text: &str) -> f32 {
    let han = text.chars().filter(|c| is_han(*c)).count();
    let others = text.split(|c: char| !c.is_alphanumeric() || is_han(c)).filter(|word| !word.is_empty()).count();
    han as f32 / 2.0 + others as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_chinese_characters_decides() {
        assert_eq!(detect("熟悉CUDA与TensorRT的推理优化"), Language::Zh);
        assert_eq!(detect("Chip for edge inference (边缘)"), Language::En);
        assert_eq!(detect(""), Language::En);
    }

    #[test]
    fn length_counts_words_of_both_languages() {
        for (text, length) in [("", 0.0), ("激光雷达", 2.0), ("low-cost lidar", 3.0), ("熟悉CUDA与TensorRT", 3.5)] {
            assert!((length_in_words(text) - length).abs() < f32::EPSILON, "{text}");
        }
    }
}
