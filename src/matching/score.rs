//! From factors to a score whose parts add up.

use serde::Serialize;
use utoipa::ToSchema;

use super::factors::{Directions, factor, meaning_closeness, text_coverage};
use super::gates::{Gate, are_open, gates};
use super::side::Pair;
use super::weights::{FactorCode, MEANING_SHARE, weights};

/// Texts that share less than this (mean of both directions, by weight of terms) share only what all texts share.
const TEXT_EVIDENCE: f64 = 0.02;
/// Pairs that have nothing to do with each other are hardly ever nearer than this in meaning.
const MEANING_EVIDENCE: f64 = 0.35;
/// Codes of the same division are evidence; the same section is not.
const INDUSTRY_EVIDENCE: f64 = 0.5;

/// One factor of a score. Where either side does not say, the values are null and the weight is shared over the other factors.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Factor {
    pub code: FactorCode,
    /// How well the offer serves the need, 0 to 1.
    pub forward: Option<f64>,
    /// How well the need suits the offer, 0 to 1.
    pub reverse: Option<f64>,
    /// The mean of both.
    pub value: Option<f64>,
    /// The share of this factor in the score; 0 where the value is null.
    pub weight: f64,
    /// weight × value; the contributions add up to the score.
    pub contribution: f64,
}

/// The judgement on a pair that may match.
#[derive(Debug, Clone)]
pub struct Score {
    pub gates: Vec<Gate>,
    pub factors: Vec<Factor>,
    pub forward: f64,
    pub reverse: f64,
    pub score: f64,
}

/// What was found about a pair.
#[derive(Debug, Clone)]
pub enum Judgement {
    /// At least one gate is closed.
    Refused(Vec<Gate>),
    /// The gates are open, but nothing in text, segment, industry or skills speaks for it: freshness and zone alone make no match.
    NoEvidence,
    Match(Score),
}

/// A factor's weight in the table with its rating forward and in reverse, where both sides are known.
type Rated = (FactorCode, f64, Option<(f64, f64)>);

pub fn judge(pair: &Pair<'_>) -> Judgement {
    let gates = gates(pair);
    if gates.iter().any(|gate| !gate.passed) {
        return Judgement::Refused(gates);
    }
    let Some(factors) = factors(pair) else { return Judgement::NoEvidence };
    let [forward, reverse] = directions(&factors);
    Judgement::Match(Score { gates, forward, reverse, score: f64::midpoint(forward, reverse), factors })
}

/// The score that [`judge`] gives a pair, without the reasons; `None` where it is no match.
pub fn score_of(pair: &Pair<'_>) -> Option<f64> {
    let factors = are_open(pair).then(|| factors(pair))??;
    let [forward, reverse] = directions(&factors);
    Some(f64::midpoint(forward, reverse))
}

/// The factors of a pair whose gates are open; `None` where nothing speaks for it.
fn factors(pair: &Pair<'_>) -> Option<Vec<Factor>> {
    let (coverage, closeness) = (text_coverage(pair), meaning_closeness(pair));
    let row = weights(pair.need.kind(), pair.offer.kind()).iter().flat_map(|&(code, weight)| shared_with_meaning(code, weight, closeness.is_some()));
    let rated: Vec<Rated> = row.map(|(code, weight)| (code, weight, factor(code, pair, coverage, closeness))).collect();
    if !has_evidence(pair, &rated, coverage) && closeness.is_none_or(|(forward, reverse)| f64::midpoint(forward, reverse) < MEANING_EVIDENCE) {
        return None;
    }
    let known: f64 = rated.iter().filter(|(_, _, rating)| rating.is_some()).map(|(_, weight, _)| weight).sum();
    let factor = |(code, weight, rating): Rated| match rating {
        Some((forward, reverse)) => {
            let (value, weight) = (f64::midpoint(forward, reverse), weight / known);
            Factor { code, forward: Some(forward), reverse: Some(reverse), value: Some(value), weight, contribution: weight * value }
        }
        None => Factor { code, forward: None, reverse: None, value: None, weight: 0.0, contribution: 0.0 },
    };
    Some(rated.into_iter().map(factor).collect())
}

/// What the factors add up to, forward and in reverse.
fn directions(factors: &[Factor]) -> [f64; 2] {
    let sum = |direction: fn(&Factor) -> Option<f64>| factors.iter().map(|factor| factor.weight * direction(factor).unwrap_or(0.0)).sum::<f64>();
    [sum(|factor| factor.forward), sum(|factor| factor.reverse)]
}

/// The weight of words is shared with meaning where that is known.
fn shared_with_meaning(code: FactorCode, weight: f64, is_known: bool) -> impl Iterator<Item = (FactorCode, f64)> {
    let is_text = code == FactorCode::Text;
    let share = if is_text && is_known { MEANING_SHARE } else { 0.0 };
    [(code, weight * (1.0 - share))].into_iter().chain(is_text.then_some((FactorCode::Meaning, weight * share)))
}

fn has_evidence(pair: &Pair<'_>, rated: &[Rated], coverage: Directions) -> bool {
    let best = |code: FactorCode| rated.iter().find(|(other, ..)| *other == code).and_then(|(_, _, rating)| *rating).map_or(0.0, |(forward, reverse)| f64::max(forward, reverse));
    let same_segment = pair.need.card.segments.iter().any(|segment| pair.offer.card.segments.contains(segment));
    let text = coverage.map_or(0.0, |(forward, reverse)| f64::midpoint(forward, reverse));
    same_segment || text >= TEXT_EVIDENCE || best(FactorCode::Industry) >= INDUSTRY_EVIDENCE || best(FactorCode::Skills) > 0.0
}
