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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_chinese_characters_decides() {
        assert_eq!(detect("熟悉CUDA与TensorRT的推理优化"), Language::Zh);
        assert_eq!(detect("Chip for edge inference (边缘)"), Language::En);
        assert_eq!(detect(""), Language::En);
    }
}
