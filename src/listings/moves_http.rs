//! The named moves: `POST /v1/listings/{id}/submit` and so on. A state is never a writable field.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, post, web};
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::actions;
use super::http::inside;
use super::model::{parse_valid_through, today};
use super::policy::{MoveAuthority, move_by_person};
use super::states::ListingMove;
use super::view::ListingView;
use crate::access::actor::Actor;
use crate::db::Database;
use crate::error::{Error, Result};
use crate::http::body::{Body, PathId};

async fn authority(actor: &Actor, database: &Database, id: PathId, mv: ListingMove) -> Result<MoveAuthority> {
    let listing = actions::find(&mut *database.read().await?, id.0).await?;
    move_by_person(actor, listing, mv)
}

async fn plain_move(actor: &Actor, database: &Database, id: PathId, mv: ListingMove, valid_through: Option<NaiveDate>) -> Result<HttpResponse> {
    let authority = authority(actor, database, id, mv).await?;
    Ok(inside(&actions::move_listing(database, actor, &authority, valid_through).await?, HttpResponse::Ok()))
}

/// Submits a draft for review; under the policy `post` it is published at once.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), responses((status = 200, body = ListingView)), security(("bearer" = [])))]
#[post("/v1/listings/{id}/submit")]
async fn submit_listing(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let authority = authority(&actor, &database, id, ListingMove::Submit).await?;
    Ok(inside(&actions::submit(&database, &actor, &authority).await?, HttpResponse::Ok()))
}

/// Takes a listing back for good.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), responses((status = 200, body = ListingView)), security(("bearer" = [])))]
#[post("/v1/listings/{id}/withdraw")]
async fn withdraw_listing(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    plain_move(&actor, &database, id, ListingMove::Withdraw, None).await
}

/// Takes a published listing off the market for a while.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), responses((status = 200, body = ListingView)), security(("bearer" = [])))]
#[post("/v1/listings/{id}/pause")]
async fn pause_listing(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    plain_move(&actor, &database, id, ListingMove::Pause, None).await
}

/// Brings a paused listing back.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), responses((status = 200, body = ListingView)), security(("bearer" = [])))]
#[post("/v1/listings/{id}/resume")]
async fn resume_listing(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    plain_move(&actor, &database, id, ListingMove::Resume, None).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// The new last day, at most twelve months ahead.
    pub valid_through: NaiveDate,
}

/// Gives a listing a new last day; an expired or paused one is published again. Without a body it is half a year.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), request_body = Option<Renew>, responses((status = 200, body = ListingView)), security(("bearer" = [])))]
#[post("/v1/listings/{id}/renew")]
async fn renew_listing(actor: Actor, request: HttpRequest, payload: web::Payload, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let given = if request.headers().contains_key(header::CONTENT_TYPE) {
        use actix_web::FromRequest;
        let body = Body::<Option<Renew>>::from_request(&request, &mut payload.into_inner()).await?;
        body.0.map(|renew| renew.valid_through)
    } else {
        None
    };
    let valid_through = parse_valid_through(given, today()).map_err(Error::invalid)?;
    plain_move(&actor, &database, id, ListingMove::Renew, Some(valid_through)).await
}

/// Says that a listing has found what it was for.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), responses((status = 200, body = ListingView)), security(("bearer" = [])))]
#[post("/v1/listings/{id}/fulfil")]
async fn fulfil_listing(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    plain_move(&actor, &database, id, ListingMove::Fulfil, None).await
}

/// Brings a removed listing back to the state before: by an administrator of the zone.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), responses((status = 200, body = ListingView)), security(("bearer" = [])))]
#[post("/v1/listings/{id}/restore")]
async fn restore_listing(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    plain_move(&actor, &database, id, ListingMove::Restore, None).await
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(submit_listing).service(withdraw_listing).service(pause_listing).service(resume_listing).service(renew_listing).service(fulfil_listing).service(restore_listing);
}
