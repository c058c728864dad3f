//! Where the terms of a text stand, counted so that phrases can be asked exactly.
//!
//! A Chinese character and a word of another script each take one position; what lies between them takes none. So the pairs of a phrase stand
//! in a text at the same distances as in the phrase, whatever the dictionary made of either.

use super::segment::{Term, TermKind};

/// A run of Chinese characters that is being counted.
#[derive(Clone, Copy)]
struct Run {
    /// Its first character in the text, and the one behind its last.
    start: usize,
    end: usize,
}

/// The position of each of a text's terms, as they came from segmentation, and how many positions the text takes. A term of several
/// characters stands on the position of its first.
pub fn positions(terms: &[Term]) -> (Vec<usize>, usize) {
    let mut out = Vec::with_capacity(terms.len());
    // Where the open run begins, or what comes next where none is open.
    let mut at = 0;
    let mut open: Option<Run> = None;
    for term in terms {
        // The terms of a run overlap or touch inside it; what begins at its end or behind is another run, or a word.
        if let Some(run) = open
            && (term.kind == TermKind::Latin || term.start >= run.end)
        {
            at += run.end - run.start;
            open = None;
        }
        if term.kind == TermKind::Latin {
            out.push(at);
            at += 1;
            continue;
        }
        let run = open.get_or_insert(Run { start: term.start, end: term.end });
        run.end = run.end.max(term.end);
        out.push(at + (term.start - run.start));
    }
    (out, at + open.map_or(0, |run| run.end - run.start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold::fold;
    use crate::text::segment::{pairs_of_folded, terms};
    use proptest::prelude::*;

    fn placed(text: &str) -> Vec<(String, usize)> {
        let terms = terms(text);
        let (positions, _) = positions(&terms);
        terms.into_iter().map(|term| term.text).zip(positions).collect()
    }

    fn at(text: &str, term: &str) -> Option<usize> {
        placed(text).into_iter().find(|(other, _)| other == term).map(|(_, at)| at)
    }

    #[test]
    fn characters_and_words_take_one_position_each() {
        let text = "固态激光雷达 for 5nm芯片，量产";
        for (term, position) in [("固态", 0), ("激光", 2), ("光雷", 3), ("雷达", 4), ("for", 6), ("5nm", 7), ("芯片", 8), ("量产", 10)] {
            assert_eq!(at(text, term), Some(position), "{term}");
        }
        assert_eq!(positions(&terms(text)).1, 12);
        assert_eq!(positions(&[]), (Vec::new(), 0));
    }

    #[test]
    fn a_long_word_stands_on_its_first_character() {
        for (term, position) in placed("半导体制造设备") {
            let start = "半导体制造设备".chars().collect::<Vec<_>>().windows(term.chars().count()).position(|part| part.iter().collect::<String>() == term);
            assert_eq!(Some(position), start, "{term}");
        }
    }

    proptest! {
        #[test]
        fn no_two_places_of_a_text_share_a_position(text in "[\\p{Han}a-z0-9 ，.+-]{0,60}") {
            let terms = pairs_of_folded(&fold(&text));
            let (positions, length) = positions(&terms);
            prop_assert!(positions.windows(2).all(|two| two[0] < two[1]));
            prop_assert!(positions.iter().all(|&position| position < length));
        }

        #[test]
        fn words_of_the_dictionary_move_nothing(text in "[\\p{Han}a-z ，]{0,40}") {
            let folded = fold(&text);
            let pairs = pairs_of_folded(&folded);
            let (of_pairs, length) = positions(&pairs);
            let all = terms(&text);
            let (of_all, length_of_all) = positions(&all);
            prop_assert_eq!(length, length_of_all);
            for (pair, position) in pairs.iter().zip(of_pairs) {
                let same = all.iter().zip(&of_all).find(|(term, _)| (term.start, term.end) == (pair.start, pair.end));
                prop_assert_eq!(same.map(|(_, &position)| position), Some(position));
            }
        }
    }
}
