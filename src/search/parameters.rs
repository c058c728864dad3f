//! What a search takes.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::listings::content::kinds::Currency;
use crate::text_enum;

text_enum! {
    pub enum Sort {
        Relevance = "relevance",
        Newest = "newest",
        Expiring = "expiring",
    }
}

/// Filters take several values, separated by commas, any of which may hold; different filters must all hold.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// What to look for, in Chinese, English or both; empty browses. A phrase in quotes (`"…"`, `“…”`, `「…」`, `『…』`) must stand as it is
    /// written; `-word` and `-"phrase"` must not stand anywhere. At most sixteen of these. Words of five letters and more that no listing
    /// holds are searched by similar ones.
    #[param(example = "\"solid state\" lidar -radar")]
    pub q: Option<String>,
    #[param(example = "technology,talent")]
    pub kind: Option<String>,
    #[param(example = "offer")]
    pub direction: Option<String>,
    #[param(example = "hefei,shenzhen")]
    pub zone: Option<String>,
    #[param(example = "base.chips")]
    pub segment: Option<String>,
    /// Codes of concepts, as `GET /v1/concepts` lists them; a broader concept covers all that are part of it.
    #[param(example = "base.chips.gpu")]
    pub concept: Option<String>,
    /// GB/T 4754 codes; a shorter code covers all below it.
    #[param(example = "C39")]
    pub industry: Option<String>,
    #[param(example = "series_a")]
    pub stage: Option<String>,
    /// Listings whose amounts reach at least this much (ticket or amount, budget, pay).
    #[param(example = "1000000")]
    pub amount_min: Option<String>,
    /// Listings whose amounts begin at no more than this.
    pub amount_max: Option<String>,
    /// The currency of the amounts; CNY when an amount is given without.
    pub currency: Option<Currency>,
    #[param(minimum = 1, maximum = 9)]
    pub trl_min: Option<i64>,
    pub skill: Option<String>,
    /// Only listings of verified organisations, or only of others.
    pub verified: Option<bool>,
    pub sort: Option<Sort>,
    /// Names of facets to count: kind, direction, zone, segment, concept, industry, stage, verified, cooperation.
    #[param(example = "kind,zone")]
    pub facets: Option<String>,
    /// Shows the parts of each score.
    pub explain: Option<bool>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}
