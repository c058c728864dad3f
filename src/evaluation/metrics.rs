//! nDCG@10 with gain 2^grade − 1, MRR@10 and recall@100, over the queries that have at least one relevant document.

use std::collections::HashMap;

use serde::Serialize;

type Grades = HashMap<String, u32>;

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Metrics {
    pub ndcg_at_10: f64,
    pub mrr_at_10: f64,
    pub recall_at_100: f64,
}

fn gain(grade: u32) -> f64 {
    2_f64.powi(i32::try_from(grade.min(30)).unwrap_or(30)) - 1.0
}

/// The gain at a rank counts by 1 / log2(rank + 1), ranks from 1.
fn discounted(grades: impl Iterator<Item = u32>) -> f64 {
    grades.take(10).zip(2_u32..).map(|(grade, denominator)| gain(grade) / f64::from(denominator).log2()).sum()
}

/// The measures of one query; `None` when nothing is relevant to it.
pub fn of_query(ranking: &[String], grades: &Grades) -> Option<Metrics> {
    let relevant = grades.values().filter(|grade| **grade > 0).count();
    if relevant == 0 {
        return None;
    }
    let grade = |id: &String| grades.get(id).copied().unwrap_or(0);
    let mut ideal: Vec<u32> = grades.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let first = ranking.iter().take(10).position(|id| grade(id) > 0);
    let found = ranking.iter().take(100).filter(|id| grade(id) > 0).count();
    #[expect(clippy::cast_precision_loss, reason = "counts of judged documents are small")]
    Some(Metrics {
        ndcg_at_10: discounted(ranking.iter().map(grade)) / discounted(ideal.into_iter()),
        mrr_at_10: first.map_or(0.0, |rank| 1.0 / (rank + 1) as f64),
        recall_at_100: found as f64 / relevant as f64,
    })
}

pub fn mean(all: &[Metrics]) -> Metrics {
    #[expect(clippy::cast_precision_loss, reason = "the number of queries is small")]
    let n = all.len().max(1) as f64;
    let mean = |pick: fn(&Metrics) -> f64| all.iter().map(pick).sum::<f64>() / n;
    Metrics { ndcg_at_10: mean(|m| m.ndcg_at_10), mrr_at_10: mean(|m| m.mrr_at_10), recall_at_100: mean(|m| m.recall_at_100) }
}

/// Where a mean lies with 95 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

const RESAMPLES: usize = 2_000;

/// The interval of the mean nDCG@10 by the bootstrap: means over queries drawn with replacement, their 2.5th and 97.5th percentile.
pub fn interval(all: &[Metrics]) -> Interval {
    if all.is_empty() {
        return Interval::default();
    }
    // A generator with a fixed start (Vigna's splitmix64), so that the same results have the same interval.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the number of queries is small")]
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| (0..all.len()).map(|_| all[draw() as usize % all.len()].ndcg_at_10).sum::<f64>() / all.len() as f64).collect();
    means.sort_by(f64::total_cmp);
    Interval { low: means[RESAMPLES / 40], high: means[RESAMPLES - RESAMPLES / 40 - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grades(pairs: &[(&str, u32)]) -> Grades {
        pairs.iter().map(|(id, grade)| ((*id).to_owned(), *grade)).collect()
    }

    fn ranking(ids: &[&str]) -> Vec<String> {
        ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_perfect_ranking_scores_one() {
        let metrics = of_query(&ranking(&["a", "b", "c"]), &grades(&[("a", 3), ("b", 1), ("c", 0)])).unwrap();
        assert_eq!(metrics, Metrics { ndcg_at_10: 1.0, mrr_at_10: 1.0, recall_at_100: 1.0 });
    }

    #[test]
    fn gains_are_exponential_and_discounted_by_rank() {
        let metrics = of_query(&ranking(&["x", "b", "a"]), &grades(&[("a", 3), ("b", 1)])).unwrap();
        let expected = (1.0 / 3_f64.log2() + 7.0 / 2.0) / (7.0 + 1.0 / 3_f64.log2());
        assert!((metrics.ndcg_at_10 - expected).abs() < 1e-12);
        assert!((metrics.mrr_at_10 - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_found_counts_against_recall() {
        let metrics = of_query(&ranking(&["a"]), &grades(&[("a", 1), ("b", 1)])).unwrap();
        assert!((metrics.recall_at_100 - 0.5).abs() < 1e-12);
        assert!(of_query(&ranking(&["a"]), &grades(&[("a", 0)])).is_none());
    }
}
