//! The weights of the factors, in one table, to be reviewed as a whole.
//!
//! They say what matters in each market: for technology what it is, for funding who fits whom in stage and size, for talent what somebody
//! can do, for industry what is made and when. Popularity and payment have no column.

use crate::listings::content::kinds::Kind;
use crate::text_enum;

/// Changes with every change of weights, factors or gates; said with each match, so that it can be replayed.
pub const ALGORITHM_VERSION: &str = "hybrid-2";

text_enum! {
    pub enum FactorCode {
        Text = "text",
        Meaning = "meaning",
        Chain = "chain",
        Industry = "industry",
        Cooperation = "cooperation",
        Amount = "amount",
        Stage = "stage",
        Trl = "trl",
        Skills = "skills",
        Timing = "timing",
        Zone = "zone",
        Freshness = "freshness",
    }
}

/// Where the meanings of both sides are known, this share of the weight of words is theirs.
pub const MEANING_SHARE: f64 = 0.5;

use FactorCode as F;

type Row = &'static [(FactorCode, f64)];

const TECHNOLOGY: Row = &[(F::Text, 0.48), (F::Chain, 0.15), (F::Industry, 0.10), (F::Cooperation, 0.06), (F::Trl, 0.08), (F::Zone, 0.08), (F::Freshness, 0.05)];
const TECHNOLOGY_BY_TALENT: Row = &[(F::Text, 0.50), (F::Chain, 0.20), (F::Industry, 0.10), (F::Cooperation, 0.06), (F::Zone, 0.08), (F::Freshness, 0.06)];
const FUNDING: Row = &[(F::Text, 0.24), (F::Chain, 0.20), (F::Industry, 0.08), (F::Cooperation, 0.08), (F::Amount, 0.15), (F::Stage, 0.13), (F::Zone, 0.08), (F::Freshness, 0.04)];
const TALENT: Row = &[(F::Text, 0.26), (F::Chain, 0.10), (F::Industry, 0.04), (F::Skills, 0.36), (F::Amount, 0.10), (F::Zone, 0.09), (F::Freshness, 0.05)];
const INDUSTRY: Row =
    &[(F::Text, 0.36), (F::Chain, 0.12), (F::Industry, 0.16), (F::Cooperation, 0.06), (F::Amount, 0.10), (F::Timing, 0.09), (F::Zone, 0.07), (F::Freshness, 0.04)];
const INDUSTRY_BY_TECHNOLOGY: Row = &[(F::Text, 0.46), (F::Chain, 0.18), (F::Industry, 0.16), (F::Cooperation, 0.08), (F::Zone, 0.07), (F::Freshness, 0.05)];

/// The factors of a pair with their weights, which add up to 1; empty for kinds that do not meet.
pub const fn weights(need: Kind, offer: Kind) -> Row {
    match (need, offer) {
        (Kind::Technology, Kind::Technology) => TECHNOLOGY,
        (Kind::Technology, Kind::Talent) => TECHNOLOGY_BY_TALENT,
        (Kind::Funding, Kind::Funding) => FUNDING,
        (Kind::Talent, Kind::Talent) => TALENT,
        (Kind::Industry, Kind::Industry) => INDUSTRY,
        (Kind::Industry, Kind::Technology) => INDUSTRY_BY_TECHNOLOGY,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::side::offers_for;

    #[test]
    fn every_pair_that_may_meet_has_weights_that_add_up_to_one() {
        for &need in Kind::ALL {
            for &offer in Kind::ALL {
                let sum: f64 = weights(need, offer).iter().map(|(_, weight)| weight).sum();
                let expected = if offers_for(need).contains(&offer) { 1.0 } else { 0.0 };
                assert!((sum - expected).abs() < 1e-12, "{need} and {offer}: {sum}");
            }
        }
    }
}
