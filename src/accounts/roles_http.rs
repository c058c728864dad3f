//! `/v1/zones/{code}/roles`: who reviews and administers a zone.

use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::grants::{self, Holder};
use super::policy::{self, Scope};
use crate::access::actor::{Actor, Role};
use crate::audit::model::By;
use crate::db::Database;
use crate::error::{Error, FieldError, Result};
use crate::http::body::PathId;
use crate::http::page::Page;
use crate::zones::actions as zones;

/// Somebody who holds a role.
#[derive(Debug, Serialize, ToSchema)]
pub struct HolderView {
    pub account_id: Uuid,
    pub display_name: String,
    pub role: Role,
    pub since: DateTime<Utc>,
}

impl From<Holder> for HolderView {
    fn from(holder: Holder) -> Self {
        Self { account_id: holder.account_id, display_name: holder.display_name, role: holder.role, since: holder.since }
    }
}

/// The reviewers and administrators of a zone.
#[utoipa::path(tag = "zones", params(("code" = String, Path)), responses((status = 200, body = Page<HolderView>)), security(("bearer" = [])))]
#[get("/v1/zones/{code}/roles")]
async fn list_zone_roles(actor: Actor, database: web::Data<Database>, code: web::Path<String>) -> Result<HttpResponse> {
    let mut conn = database.read().await?;
    let zone = zones::find(&mut conn, &code).await?;
    let reader = policy::read_zone_roles(&actor, &zone.code)?;
    let items = grants::holders_in_zone(&mut conn, &reader, &zone.code).await?.into_iter().map(HolderView::from).collect();
    Ok(HttpResponse::Ok().json(Page { items, next_cursor: None }))
}

/// Gives a role in a zone. Giving what is held already changes nothing.
#[utoipa::path(tag = "zones", params(("code" = String, Path), ("role" = Role, Path), ("account_id" = Uuid, Path)), responses((status = 204)), security(("bearer" = [])))]
#[put("/v1/zones/{code}/roles/{role}/{account_id}")]
async fn grant_zone_role(actor: Actor, database: web::Data<Database>, request: HttpRequest) -> Result<HttpResponse> {
    change_zone_role(&actor, &database, &request, true).await
}

/// Takes a role in a zone.
#[utoipa::path(tag = "zones", params(("code" = String, Path), ("role" = Role, Path), ("account_id" = Uuid, Path)), responses((status = 204)), security(("bearer" = [])))]
#[delete("/v1/zones/{code}/roles/{role}/{account_id}")]
async fn revoke_zone_role(actor: Actor, database: web::Data<Database>, request: HttpRequest) -> Result<HttpResponse> {
    change_zone_role(&actor, &database, &request, false).await
}

async fn change_zone_role(actor: &Actor, database: &Database, request: &HttpRequest, give: bool) -> Result<HttpResponse> {
    let account_id = PathId::of(request, "account_id")?;
    let word = request.match_info().query("role");
    let role: Role = word.parse().map_err(|_| Error::malformed(FieldError::unknown_value("role", word, &["zone_reviewer", "zone_admin", "supervisor"])))?;
    let mut conn = database.write().await?;
    let zone = zones::find(&mut conn, request.match_info().query("code")).await?;
    let authority = policy::appoint(actor, role, Scope::Zone(zone.code))?;
    let by = By::from(actor);
    conn.transaction(async |conn| if give { grants::grant(conn, &by, &authority, account_id).await } else { grants::revoke(conn, &by, &authority, account_id).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list_zone_roles).service(grant_zone_role).service(revoke_zone_role);
}
