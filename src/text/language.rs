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

/// Chinese from one Chinese character in five letters on: a Chinese sentence full of product names is still Chinese.
pub fn detect(text: &str) -> Language {
    if chinese_share(text) >= 0.2 { Language::Zh } else { Language::En }
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
