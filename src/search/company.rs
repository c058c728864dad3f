//! The company that a candidate is in: how like the first ones it is.
//!
//! What serves a question lies together. So the middle of what ranks first is a better question than the one that was asked, and those of the
//! first hundred that lie near it are moved up: relevance feedback as Rocchio described it, in vectors, with nobody's judgement asked. Who is
//! among the first is told by weights of its own, so that what is learned of company does not change who keeps it.

use std::cmp::Ordering;

use tantivy::DocAddress;
use zonebridge_meaning::vector::Direction;

use super::blend::mean;
use super::columns::Columns;
use super::weights::{Measures, Parts, WEIGHTS};
use crate::embedding::means::Meaning;
use crate::text::language::Languages;

/// So many make the middle.
const FIRST: usize = 10;
/// The company of so many is looked at; those behind have none.
const LOOKED_AT: usize = 100;
/// How much more the best of the first count in the middle: one whose score is lower by an eighth counts e times less.
const SHARPNESS: f32 = 8.0;

type Scored = (DocAddress, Parts);

pub fn best_first(a: &Scored, b: &Scored) -> Ordering {
    b.1.score.total_cmp(&a.1.score).then_with(|| a.0.cmp(&b.0))
}

/// Scores a ranking once more, the first of it by their company too.
pub fn reorder<'a>(ranking: &mut [Scored], columns: impl Fn(DocAddress) -> Option<&'a Columns>) {
    let middle = middle(&ranking[..ranking.len().min(FIRST)], |address| columns(address)?.meaning(address.doc_id));
    let likeness = |address: DocAddress| columns(address)?.likeness(address.doc_id, middle.as_ref()?);
    let likenesses: Vec<Option<f32>> = ranking.iter().take(LOOKED_AT).map(|(address, _)| likeness(*address).map(|likeness| likeness.max(0.0))).collect();
    // As likely as the others, where its vectors are not made yet.
    let usual = mean(likenesses.iter().copied().flatten()).unwrap_or_default();
    let companies = likenesses.into_iter().map(|likeness| likeness.unwrap_or(usual)).chain(std::iter::repeat(0.0));
    for ((_, parts), company) in ranking.iter_mut().zip(companies) {
        *parts = WEIGHTS.score(Measures { company, ..parts.measures });
    }
    ranking.sort_unstable_by(best_first);
}

/// The middle of the first ones; `None` where most of them have no vectors yet: the others would be in the best company with themselves.
fn middle(first: &[Scored], meaning: impl Fn(DocAddress) -> Option<Meaning>) -> Option<Meaning> {
    let best = first.first()?.1.score;
    let (mut e5, mut universal) = (Vec::new(), Vec::new());
    let known: Vec<(Meaning, &Parts)> = first.iter().filter_map(|(address, parts)| Some((meaning(*address)?, parts))).collect();
    if known.len() * 2 < first.len() {
        return None;
    }
    for (meaning, parts) in known {
        let share = (SHARPNESS * (parts.score - best)).exp();
        add(&mut e5, &meaning.e5, share);
        add(&mut universal, &meaning.universal, share);
    }
    Some(Meaning { e5: Direction::of(&e5)?, universal: Direction::of(&universal)?, pieces: Vec::new(), languages: Languages::default() })
}

fn add(sum: &mut Vec<f32>, direction: &Direction, share: f32) {
    let unit = direction.to_unit();
    sum.resize(unit.len(), 0.0);
    for (sum, value) in sum.iter_mut().zip(unit) {
        *sum += share * value;
    }
}

#[cfg(test)]
mod tests {
    use tantivy::{Index, IndexWriter, TantivyDocument};

    use super::*;
    use crate::embedding::embedder::{E5_WIDTH, UNIVERSAL_WIDTH};
    use crate::search::document::add_direction;
    use crate::search::fields::Fields;

    fn direction(values: [f32; 4]) -> Direction {
        Direction::of(&values).unwrap()
    }

    fn at(number: u32, score: f32) -> Scored {
        (DocAddress::new(0, number), Parts { score, ..Parts::default() })
    }

    /// Three that lie together and one apart: the middle lies among the three, the nearer to the best of them.
    #[test]
    fn the_middle_lies_where_most_and_the_best_of_the_first_are() {
        let places = [[1.0, 0.2, 0.0, 0.0], [1.0, 0.0, 0.2, 0.0], [1.0, 0.0, 0.0, 0.2], [0.0, 0.0, 0.0, -1.0]];
        let meaning = |address: DocAddress| {
            let place = direction(places[address.doc_id as usize]);
            Some(Meaning { e5: place.clone(), universal: place, pieces: Vec::new(), languages: Languages::default() })
        };
        let middle = middle(&[at(0, 0.9), at(1, 0.8), at(2, 0.8), at(3, 0.8)], meaning).unwrap();
        let cosines: Vec<f32> = places.iter().map(|place| middle.e5.cosine(&direction(*place))).collect();
        assert!(cosines[0] > cosines[1] && cosines[1] > 0.8 && cosines[3] < 0.3, "{cosines:?}");
    }

    #[test]
    fn a_few_of_the_first_have_no_middle() {
        let meaning = |address: DocAddress| {
            let place = (address.doc_id == 0).then(|| direction([1.0, 0.0, 0.0, 0.0]))?;
            Some(Meaning { e5: place.clone(), universal: place, pieces: Vec::new(), languages: Languages::default() })
        };
        assert!(middle(&[at(0, 0.9), at(1, 0.8)], meaning).is_some());
        assert!(middle(&[at(0, 0.9), at(1, 0.8), at(2, 0.8)], meaning).is_none());
    }

    /// One that lies apart was first by a hair; two that are alike and nearly as good come before it.
    #[test]
    fn those_in_good_company_are_moved_up() {
        let fields = Fields::new();
        let index = Index::create_in_ram(fields.schema.clone());
        let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, 15_000_000).unwrap();
        let half = |width: usize, first: bool| Direction::of(&(0..width).map(|place| if (place < width / 2) == first { 1.0 } else { 0.1 }).collect::<Vec<f32>>()).unwrap();
        for apart in [true, false, false] {
            let mut document = TantivyDocument::default();
            add_direction(&mut document, fields.universal, &half(UNIVERSAL_WIDTH, apart));
            add_direction(&mut document, fields.e5, &half(E5_WIDTH, apart));
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
        let searcher = index.reader().unwrap().searcher();
        let columns = Columns::of(searcher.segment_reader(0)).unwrap();
        let of_score = |number: u32, e5: f32| (DocAddress::new(0, number), WEIGHTS.score(Measures { e5, ..Measures::default() }));
        let mut ranking = vec![of_score(0, 0.51), of_score(1, 0.5), of_score(2, 0.49)];
        reorder(&mut ranking, |_| Some(&columns));
        assert_eq!(ranking.iter().map(|(address, _)| address.doc_id).collect::<Vec<_>>(), [1, 2, 0]);
        assert!(ranking.iter().all(|(_, parts)| (parts.e5 + parts.company - parts.score).abs() < 1e-6 && parts.company > 0.0));
        // One of which nothing is known yet is as likely as the others.
        let mut ranking = vec![of_score(0, 0.3), of_score(1, 0.3), of_score(7, 0.3)];
        reorder(&mut ranking, |address| (address.doc_id < 3).then_some(&columns));
        let company = |number: u32| ranking.iter().find(|(address, _)| address.doc_id == number).unwrap().1.company;
        assert!((company(7) - f32::midpoint(company(0), company(1))).abs() < 1e-6 && company(7) > 0.0);
    }

    #[test]
    fn without_vectors_the_order_stays() {
        let of_score = |number: u32, e5: f32| (DocAddress::new(0, number), WEIGHTS.score(Measures { e5, ..Measures::default() }));
        let mut ranking = vec![of_score(3, 0.9), of_score(1, 0.5)];
        let before = ranking.clone();
        reorder(&mut ranking, |_| None);
        let order = |ranking: &[Scored]| ranking.iter().map(|(address, _)| *address).collect::<Vec<_>>();
        assert_eq!(order(&ranking), order(&before));
    }
}
