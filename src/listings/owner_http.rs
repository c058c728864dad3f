//! What an owner reads of their own listings: drafts, revisions, the reasons they were given.

use actix_web::{HttpRequest, HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::content::attributes::Attributes;
use super::policy::View;
use super::states::ListingState;
use super::view::ListingView;
use super::{actions, policy, store};
use crate::access::actor::{Actor, Caller};
use crate::db::Database;
use crate::error::{Error, Result};
use crate::http::body::{PathId, Query};
use crate::http::page::{self, Page};
use crate::moderation::actions as moderation;
use crate::moderation::http::DecisionView;
use crate::moderation::model::CaseSubjectType;
use crate::organizations::model::Bilingual;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OwnListingsQuery {
    pub state: Option<ListingState>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

/// One immutable revision.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionView {
    pub revision: i32,
    pub created_at: DateTime<Utc>,
    pub title: Bilingual,
    #[serde(skip_serializing_if = "Bilingual::is_empty")]
    pub summary: Bilingual,
    #[serde(skip_serializing_if = "Bilingual::is_empty")]
    pub body: Bilingual,
    #[serde(flatten)]
    pub attributes: Attributes,
    pub is_live: bool,
    pub is_pending: bool,
}

/// An organisation's listings in all states, newest first: for its own people and the auditor.
#[utoipa::path(tag = "organizations", params(("id" = Uuid, Path), OwnListingsQuery), responses((status = 200, body = Page<ListingView>)), security(("bearer" = [])))]
#[get("/v1/organizations/{id}/listings")]
async fn list_own_listings(actor: Actor, request: HttpRequest, database: web::Data<Database>, id: PathId, query: Query<OwnListingsQuery>) -> Result<HttpResponse> {
    let reader = policy::read_own(&actor, id.0)?;
    let limit = page::limit(query.0.limit)?;
    let before = page::id_cursor(query.0.cursor.as_deref())?;
    let rows = store::owned(&mut *database.read().await?, &reader, query.0.state, before, limit).await?;
    Ok(Page::of_rows(rows, limit, |entry| entry.listing.id, |entry| ListingView::inside(&entry)).respond(&request))
}

/// Every revision of a listing, newest first, at most a hundred.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), responses((status = 200, body = Page<RevisionView>)), security(("bearer" = [])))]
#[get("/v1/listings/{id}/revisions")]
async fn list_revisions(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let mut conn = database.read().await?;
    let listing = actions::find(&mut conn, id.0).await?;
    inside_only(actor, &listing)?;
    let items = store::revisions(&mut conn, &listing)
        .await?
        .into_iter()
        .map(|(revision, created_at, content)| RevisionView {
            revision,
            created_at,
            title: content.title,
            summary: content.summary,
            body: content.body,
            attributes: content.attributes,
            is_live: listing.live_revision == Some(revision),
            is_pending: listing.pending_revision == Some(revision),
        })
        .collect();
    Ok(HttpResponse::Ok().json(Page { items, next_cursor: None }))
}

/// The decisions on a listing with their reasons, newest first.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path), PageQuery), responses((status = 200, body = Page<DecisionView>)), security(("bearer" = [])))]
#[get("/v1/listings/{id}/decisions")]
async fn list_decisions(actor: Actor, request: HttpRequest, database: web::Data<Database>, id: PathId, query: Query<PageQuery>) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let before = page::id_cursor(query.0.cursor.as_deref())?;
    let mut conn = database.read().await?;
    let listing = actions::find(&mut conn, id.0).await?;
    inside_only(actor, &listing)?;
    let rows = moderation::decisions_on(&mut conn, CaseSubjectType::Listing, listing.id, before, limit).await?;
    Ok(Page::of_rows(rows, limit, |row| row.id, DecisionView::from).respond(&request))
}

fn inside_only(actor: Actor, listing: &super::model::Listing) -> Result<()> {
    match policy::see(&Caller::Account(actor), listing, super::model::today())? {
        View::Inside => Ok(()),
        View::Live(_) => Err(Error::forbidden("members_only", "only people of this organisation see this", "仅该机构成员可查看")),
    }
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list_own_listings).service(list_revisions).service(list_decisions);
}
