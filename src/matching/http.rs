//! `GET /v1/listings/{id}/matches`

use actix_web::{HttpResponse, get, web};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tantivy::DocAddress;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::candidates::{candidates, read};
use super::explain::{Explanation, explain, spoken};
use super::gates::Gate;
use super::score::{Factor, Judgement, Score, judge, score_of};
use super::side::{Pair, Seeker, Side};
use super::weights::ALGORITHM_VERSION;
use crate::access::actor::Actor;
use crate::db::Database;
use crate::embedding::texts::ListingVector;
use crate::embedding::vectors;
use crate::error::{Error, Result};
use crate::http::body::{PathId, Query};
use crate::http::page::limit;
use crate::listings::content::kinds::Direction;
use crate::listings::model::{Entry, today};
use crate::listings::states::ListingState;
use crate::listings::view::ListingCard;
use crate::listings::{actions, policy};
use crate::search::filters::values;
use crate::search::hits::card;
use crate::search::index::{SearchIndex, SearchMode, Snapshot};
use crate::search::statistics::Statistics;

/// So many candidates at least are judged in one go: they take microseconds each, and handing work to another core does too.
const JUDGED_TOGETHER: usize = 16;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MatchQuery {
    /// Only partners of these zones, separated by commas.
    pub zone: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// This version uses nothing about the reader, so both answers are the same.
    pub personalised: Option<bool>,
}

/// A partner with the reasons. Need and offer keep their places whichever of them asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchView {
    pub listing: ListingCard,
    pub need_id: Uuid,
    pub need_revision: i32,
    pub offer_id: Uuid,
    pub offer_revision: i32,
    /// The mean of both directions; the contributions of the factors add up to it.
    pub score: f64,
    pub score_forward: f64,
    pub score_reverse: f64,
    pub gates: Vec<Gate>,
    pub factors: Vec<Factor>,
    pub explanation: Explanation,
    pub algorithm_version: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MatchResult {
    pub items: Vec<MatchView>,
    pub algorithm_version: String,
    pub mode: SearchMode,
    /// Whether anything about the reader was used.
    pub personalised: bool,
}

/// The best partners of a published listing: for its own organisation.
#[utoipa::path(tag = "matching", params(("id" = Uuid, Path), MatchQuery), responses((status = 200, body = MatchResult)), security(("bearer" = [])))]
#[get("/v1/listings/{id}/matches")]
async fn list_matches(actor: Actor, database: web::Data<Database>, index: web::Data<SearchIndex>, id: PathId, query: Query<MatchQuery>) -> Result<HttpResponse> {
    let limit = usize::try_from(limit(query.0.limit)?).map_err(Error::internal)?;
    let zones = values(query.0.zone.as_deref(), "zone")?.unwrap_or_default();
    let mut conn = database.read().await?;
    let listing = actions::find(&mut conn, id.0).await?;
    policy::match_own(&actor, &listing)?;
    if listing.state != ListingState::Published {
        return Err(actions::illegal_move(listing.state));
    }
    let entry = actions::live(&mut conn, listing).await?;
    let vectors = vectors::of_listings(&mut conn, &[id.0]).await?.remove(&id.0).unwrap_or_default();
    drop(conn);
    let snapshot = index.snapshot()?;
    let shared = index.get_ref().clone();
    let items = index.run(move || matches(&shared, &snapshot, &entry, &vectors, &zones, limit)).await?;
    Ok(HttpResponse::Ok().json(MatchResult { items, algorithm_version: ALGORITHM_VERSION.into(), mode: index.mode(), personalised: false }))
}

/// The best partners of a listing among those that its organisation may know of.
pub fn matches(index: &SearchIndex, snapshot: &Snapshot, entry: &Entry, vectors: &[ListingVector], zones: &[String], limit: usize) -> Result<Vec<MatchView>> {
    let seeker = Seeker::of(entry, &snapshot.statistics).with_meanings(entry, vectors, &snapshot.means);
    // A need's words are shown with each of its matches, so they are made ready while these are looked for.
    let words = || {
        if seeker.direction() == Direction::Need {
            spoken(&seeker.for_public);
            spoken(&seeker.for_verified);
        }
    };
    let (addresses, ()) = rayon::join(|| candidates(index, snapshot, &seeker, entry.organization.is_verified(), zones), words);
    let addresses = addresses?;
    // Hundreds are judged, some together on each core, since somebody waits. Of most of them nobody asks for more than the score.
    let judged = addresses.into_par_iter().with_min_len(JUDGED_TOGETHER).map(|address| {
        let other = read(snapshot, address)?;
        Ok(score_of(&pair(&seeker, &other, &snapshot.statistics)).map(|score| (score, other.card.id, address)))
    });
    let mut found: Vec<(f64, Uuid, DocAddress)> = judged.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    // Equal scores keep one order, whoever asks.
    found.sort_unstable_by(|(score_a, a, _), (score_b, b, _)| score_b.total_cmp(score_a).then_with(|| a.cmp(b)));
    found.truncate(limit);
    let shown = found.into_par_iter().map(|(_, _, address)| {
        let other = Side { card: card(index, snapshot, address)?, ..read(snapshot, address)? };
        let Judgement::Match(score) = judge(&pair(&seeker, &other, &snapshot.statistics)) else { return Err(Error::internal(anyhow::anyhow!("a match that is none"))) };
        Ok(view(&seeker, other, score, snapshot))
    });
    shown.collect()
}

/// Both sides in their places, each as the other may know it.
pub fn pair<'a>(seeker: &'a Seeker, other: &'a Side, statistics: &'a Statistics) -> Pair<'a> {
    let own = seeker.as_seen_by(other);
    match seeker.direction() {
        Direction::Need => Pair { need: own, offer: other, today: today(), statistics },
        Direction::Offer => Pair { need: other, offer: own, today: today(), statistics },
    }
}

fn view(seeker: &Seeker, other: Side, score: Score, snapshot: &Snapshot) -> MatchView {
    let (explanation, need, offer) = {
        let pair = pair(seeker, &other, &snapshot.statistics);
        let reference = |side: &Side| (side.card.id, side.card.revision);
        (explain(&pair, &score), reference(pair.need), reference(pair.offer))
    };
    MatchView {
        listing: other.card,
        need_id: need.0,
        need_revision: need.1,
        offer_id: offer.0,
        offer_revision: offer.1,
        score: score.score,
        score_forward: score.forward,
        score_reverse: score.reverse,
        gates: score.gates,
        factors: score.factors,
        explanation,
        algorithm_version: ALGORITHM_VERSION.into(),
    }
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list_matches);
}
