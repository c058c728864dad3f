//! `GET /v1/listings/{id}/similar`: more like this one. Answered from the index alone.

use actix_web::{HttpResponse, get, web};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tantivy::DocAddress;
use tantivy::collector::TopDocs;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::conditions::Conditions;
use super::document::{audience_of, days};
use super::hits::{SearchHit, card, hit};
use super::index::{SearchIndex, SearchMode, Snapshot};
use super::query::QueryTerms;
use super::rank::{POOL, Question, rank};
use super::weights::Parts;
use crate::access::actor::Caller;
use crate::error::{Error, Result};
use crate::http::body::{PathId, Query};
use crate::http::page::limit;
use crate::listings::model::today;
use crate::listings::view::ListingCard;
use crate::organizations::model::Bilingual;
use crate::text::highlight::Marks;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SimilarQuery {
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

/// The listings of the same kind and direction that say most nearly the same, the nearest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimilarResult {
    pub items: Vec<SearchHit>,
    pub mode: SearchMode,
}

/// Listings like a published one: others who offer, or need, the same.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path), SimilarQuery), responses((status = 200, body = SimilarResult)), security((), ("bearer" = [])))]
#[get("/v1/listings/{id}/similar")]
async fn similar_listings(caller: Caller, index: web::Data<SearchIndex>, id: PathId, query: Query<SimilarQuery>) -> Result<HttpResponse> {
    let limit = usize::try_from(limit(query.0.limit)?).map_err(Error::internal)?;
    let snapshot = index.snapshot()?;
    let (shared, verified) = (index.get_ref().clone(), caller.is_verified());
    let items = index.run(move || similar(&shared, &snapshot, id.0, verified, limit)).await?;
    Ok(HttpResponse::Ok().json(SimilarResult { items, mode: index.mode() }))
}

fn similar(index: &SearchIndex, snapshot: &Snapshot, id: Uuid, verified: bool, limit: usize) -> Result<Vec<SearchHit>> {
    let internal = |error| Error::internal(anyhow::Error::new(error));
    let address = find(index, snapshot, id, verified).map_err(internal)?.ok_or(Error::NotFound)?;
    let listing = card(index, snapshot, address)?;
    let found = like(index, snapshot, &listing, address, verified).map_err(internal)?;
    let shown = found.into_par_iter().take(limit).map(|(parts, address)| hit(index, snapshot, address, parts, false, &Marks::default()));
    shown.collect()
}

/// Where a listing stands as this audience sees it.
fn find(index: &SearchIndex, snapshot: &Snapshot, id: Uuid, verified: bool) -> tantivy::Result<Option<DocAddress>> {
    let mut conditions = Conditions::default();
    conditions.audience(&index.fields, audience_of(verified));
    conditions.exact(index.fields.id, &[&id.to_string()]);
    let found = snapshot.searcher.search(&conditions.filter(), &TopDocs::with_limit(1).order_by_score())?;
    Ok(found.first().map(|(_, address)| *address))
}

fn like(index: &SearchIndex, snapshot: &Snapshot, listing: &ListingCard, address: DocAddress, verified: bool) -> tantivy::Result<Vec<(Parts, DocAddress)>> {
    let (searcher, fields) = (&snapshot.searcher, &*index.fields);
    let mut conditions = Conditions::default();
    conditions.audience(fields, audience_of(verified));
    conditions.at_least_i64(fields.valid_through, days(today()));
    conditions.tag(fields, "kind", &[listing.attributes.kind().as_str()]);
    conditions.tag(fields, "direction", &[listing.direction.as_str()]);
    conditions.not(fields.id, &listing.id.to_string());
    let lines = |text: &Bilingual| [text.zh.as_deref(), text.en.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("\n");
    let (title, summary) = (lines(&listing.title), lines(&listing.summary));
    let (terms, text) = (QueryTerms::titled(&title, &summary), format!("{title}\n{summary}"));
    let meaning = || snapshot.nearest.columns(searcher.segment_reader(address.segment_ord))?.meaning(address.doc_id);
    let ground = snapshot.ground(fields);
    let question = Question::new(&ground, &terms, &text, &meaning, verified)?;
    Ok(rank(&ground, &question, &conditions, POOL)?.candidates.into_iter().map(|ranked| (ranked.parts, ranked.address)).collect())
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(similar_listings);
}
