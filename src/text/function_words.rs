//! Words that hold a sentence together and say nothing of what it is about, as they are indexed: folded and stemmed.

const FUNCTION_WORDS: [&str; 62] = [
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my",
    "no", "not", "of", "on", "or", "our", "so", "than", "that", "the", "their", "there", "these", "they", "this", "to", "us", "was", "we", "were", "what", "which", "who", "will",
    "with", "you", "的", "了", "和", "与", "及", "在", "是", "为", "我", "有",
];

pub fn is_function_word(term: &str) -> bool {
    FUNCTION_WORDS.contains(&term)
}
