//! Learning what each measure of words and meaning counts, from sets with judgements.
//!
//! The score is a sum of a few measures beside e5's, so nine numbers are looked for: those with the highest nDCG@10, each set counting alike.
//! That is no smooth function of them, so each is moved by steps that grow smaller, and each two together, as long as it gains. A gain must be
//! worth the step: what is within the noise of the questions stays as it is. Where words and meaning together are worse than one of them, the
//! difference counts more.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::search::weights::{FIRST, Measures, Weights};

/// A question with its candidates and what the judges said of them.
pub struct Judged {
    pub candidates: Vec<(Measures, u32)>,
    /// The DCG of the best order of all that was judged.
    pub ideal: f32,
}

pub struct Set {
    pub name: String,
    pub questions: Vec<Judged>,
}

/// The mean nDCG@10 of a set with weights that other questions, or other sets, taught.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub name: String,
    pub questions: usize,
    pub before: f64,
    pub learned: f64,
    /// By weights that four fifths of the questions of all sets taught, on the last fifth.
    pub other_questions: f64,
    /// By weights that the other sets taught.
    pub other_sets: f64,
}

/// The factors by which a weight is moved, the large ones first.
const STEPS: [f32; 6] = [1.5, 0.67, 1.2, 0.83, 1.07, 0.935];
/// The same for two weights at once, one of which may only gain where the other gives way.
const STEPS_OF_TWO: [f32; 2] = [1.15, 0.87];
/// A mean over sets must rise by so much for a step to be taken.
const WORTH: f64 = 0.0002;
/// How many of the weights are of a pair alone.
const ALONE: usize = 6;
/// What a set lacks to the better of words and meaning alone counts so many times more: together they shall be no worse than either.
const SHORTFALL: f64 = 3.0;
const ROUNDS: usize = 6;
const FOLDS: usize = 5;

type Pick = fn(&mut Weights) -> &mut f32;
/// The weights of the measures of a pair alone, and behind them those of its company.
const WEIGHTS: [Pick; 9] = [
    |weights| &mut weights.words,
    |weights| &mut weights.words_long,
    |weights| &mut weights.universal_across,
    |weights| &mut weights.universal_short,
    |weights| &mut weights.universal_else,
    |weights| &mut weights.across,
    |weights| &mut weights.company_across,
    |weights| &mut weights.company_short,
    |weights| &mut weights.company_else,
];

impl Judged {
    pub fn new(candidates: Vec<(Measures, u32)>, grades: &HashMap<String, u32>) -> Self {
        let mut ideal: Vec<u32> = grades.values().copied().collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        Self { candidates, ideal: discounted(ideal.into_iter()) }
    }

    fn ndcg(&self, score: impl Fn(Measures) -> f32) -> f64 {
        let mut scored: Vec<(f32, u32)> = self.candidates.iter().map(|(measures, grade)| (score(*measures), *grade)).collect();
        let best_first = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0);
        if scored.len() > 10 {
            scored.select_nth_unstable_by(9, best_first);
            scored.truncate(10);
        }
        scored.sort_by(best_first);
        f64::from(discounted(scored.into_iter().map(|(_, grade)| grade)) / self.ideal)
    }
}

fn discounted(grades: impl Iterator<Item = u32>) -> f32 {
    grades.take(10).zip(2_u8..).map(|(grade, rank)| (f32::from(u8::try_from(grade.min(30)).unwrap_or(30)).exp2() - 1.0) / f32::from(rank).log2()).sum()
}

/// Whether a question of a number takes part.
type Part<'a> = &'a (dyn Fn(usize) -> bool + Sync);

#[expect(clippy::cast_precision_loss, reason = "a number of questions")]
fn mean_by(set: &Set, score: impl Fn(Measures) -> f32 + Sync, part: Part<'_>) -> f64 {
    let of_part: Vec<f64> = set.questions.par_iter().enumerate().filter(|(number, _)| part(*number)).map(|(_, question)| question.ndcg(&score)).collect();
    if of_part.is_empty() { 0.0 } else { of_part.iter().sum::<f64>() / of_part.len() as f64 }
}

fn mean(set: &Set, weights: &Weights, part: Part<'_>) -> f64 {
    mean_by(set, |measures| weights.score(measures).score, part)
}

/// What the better of words and meaning reaches by itself.
fn alone(set: &Set, part: Part<'_>) -> f64 {
    let by_meaning = |measures| FIRST.score(Measures { words: 0.0, company: 0.0, ..measures }).score;
    mean_by(set, |measures| measures.words, part).max(mean_by(set, by_meaning, part))
}

/// The weights that serve a part of the questions of some sets best, found from `start`.
fn learn(sets: &[&Set], start: Weights, moved: &[Pick], part: Part<'_>) -> Weights {
    let alone: Vec<f64> = sets.iter().map(|set| alone(set, part)).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of sets")]
    let quality = |weights: &Weights| {
        let of_sets = sets.iter().zip(&alone).map(|(set, alone)| {
            let reached = mean(set, weights, part);
            reached - SHORTFALL * (alone - reached).max(0.0)
        });
        of_sets.sum::<f64>() / sets.len().max(1) as f64
    };
    let (mut best, mut reached) = (start, quality(&start));
    let steps: Vec<Vec<(Pick, f32)>> = steps(moved);
    for _ in 0..ROUNDS {
        let before = reached;
        for step in &steps {
            let mut moved = best;
            for (pick, factor) in step {
                // A weight of nothing could not be moved by a factor.
                *pick(&mut moved) = (*pick(&mut moved)).max(0.02) * factor;
            }
            let quality = quality(&moved);
            if quality > reached + WORTH {
                (best, reached) = (moved, quality);
            }
        }
        if reached <= before {
            break;
        }
    }
    best
}

/// What is tried in a round: a step of each weight, then of each two.
fn steps(moved: &[Pick]) -> Vec<Vec<(Pick, f32)>> {
    let of_one = moved.iter().flat_map(|pick| STEPS.map(|step| vec![(*pick, step)]));
    let pairs = moved.iter().enumerate().flat_map(|(number, a)| moved[number + 1..].iter().map(move |b| (*a, *b)));
    let of_two = pairs.flat_map(|(a, b)| STEPS_OF_TWO.into_iter().flat_map(move |one| STEPS_OF_TWO.map(|other| vec![(a, one), (b, other)])));
    of_one.chain(of_two).collect()
}

/// Weights of all sets, and how well such weights do on what did not teach them. Of a pair alone, or of its company too.
pub fn cross_validated(sets: &[Set], start: Weights, with_company: bool) -> (Weights, Vec<Outcome>) {
    let all: Vec<&Set> = sets.iter().collect();
    let moved = if with_company { WEIGHTS.as_slice() } else { &WEIGHTS[..ALONE] };
    let learn = |sets: &[&Set], part: Part<'_>| learn(sets, start, moved, part);
    let learned = learn(&all, &|_| true);
    let folds: Vec<Weights> = (0..FOLDS).map(|fold| learn(&all, &move |number| number % FOLDS != fold)).collect();
    let outcomes = sets.iter().enumerate().map(|(left_out, set)| {
        let others: Vec<&Set> = sets.iter().enumerate().filter(|(number, _)| *number != left_out).map(|(_, set)| set).collect();
        let by_others = learn(&others, &|_| true);
        #[expect(clippy::cast_precision_loss, reason = "a number of questions")]
        let share = |fold: usize| (0..set.questions.len()).filter(|number| number % FOLDS == fold).count() as f64 / set.questions.len().max(1) as f64;
        let other_questions = folds.iter().enumerate().map(|(fold, weights)| share(fold) * mean(set, weights, &move |number| number % FOLDS == fold)).sum();
        Outcome {
            name: set.name.clone(),
            questions: set.questions.len(),
            before: mean(set, &start, &|_| true),
            learned: mean(set, &learned, &|_| true),
            other_questions,
            other_sets: mean(set, &by_others, &|_| true),
        }
    });
    let outcomes = outcomes.collect();
    (learned, outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Questions whose answer is what `right` says, among candidates where the other measure misleads the more the later they come.
    fn set(name: &str, right: fn(f32) -> Measures, wrong: fn(f32) -> Measures) -> Set {
        let grades = HashMap::from([("a".to_owned(), 1)]);
        let question = |number: usize| {
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let far = number as f32 / 100.0;
            let candidates = (0..20).map(|_| (wrong(far), 0)).chain([(right(0.5), 1)]).collect();
            Judged::new(candidates, &grades)
        };
        Set { name: name.to_owned(), questions: (0..20).map(question).collect() }
    }

    const START: Weights = Weights {
        words: 0.1,
        words_long: 0.1,
        universal_across: 0.5,
        universal_short: 0.5,
        universal_else: 0.1,
        across: 0.0,
        company_across: 0.0,
        company_short: 0.0,
        company_else: 0.0,
    };

    #[test]
    fn what_tells_more_comes_to_count_more() {
        let sets = [set("words", |value| Measures { words: value, ..Measures::default() }, |value| Measures { e5: value, ..Measures::default() })];
        let (learned, outcomes) = cross_validated(&sets, START, false);
        assert!(learned.words > START.words, "{learned:?}");
        assert!(outcomes[0].learned > outcomes[0].before && outcomes[0].other_questions > outcomes[0].before, "{outcomes:?}");
    }

    /// Words and the universal encoder must stay nearly equal, and both must grow against e5: neither may take the step by itself.
    #[test]
    fn what_two_weights_gain_together_is_found() {
        let words = |words: f32| Measures { words, ..Measures::default() };
        let universal = |universal: f32| Measures { universal, ..Measures::default() };
        let grades = HashMap::from([("a".to_owned(), 1)]);
        let question = |right: Measures, wrong: Measures| Judged::new(vec![(wrong, 0), (right, 1)], &grades);
        let mut questions = Vec::new();
        for _ in 0..10 {
            questions.push(question(words(1.0), universal(0.95)));
            questions.push(question(universal(1.0), words(0.95)));
        }
        for _ in 0..5 {
            questions.push(question(Measures { words: 1.0, ..universal(1.0) }, Measures { e5: 0.22, ..Measures::default() }));
        }
        let set = Set { name: "two".to_owned(), questions };
        let learned = learn(&[&set], START, &WEIGHTS[..ALONE], &|_| true);
        assert!((mean(&set, &learned, &|_| true) - 1.0).abs() < 1e-6, "{learned:?}");
    }

    #[test]
    fn a_perfect_order_scores_one_and_a_missed_answer_nothing() {
        let grades = HashMap::from([("a".to_owned(), 3), ("b".to_owned(), 1)]);
        let by_start = |measures| START.score(measures).score;
        let e5 = |e5: f32| Measures { e5, ..Measures::default() };
        assert!((Judged::new(vec![(e5(0.9), 3), (e5(0.8), 1), (e5(0.1), 0)], &grades).ndcg(by_start) - 1.0).abs() < 1e-6);
        assert!(Judged::new(vec![(e5(0.9), 0)], &grades).ndcg(by_start).abs() < 1e-6);
    }
}
