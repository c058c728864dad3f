//! `/v1/organizations/{id}/members`
//!
//! People are added by the id of their account, which they see at `/v1/me`: adding by address would tell who has an account here.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use diesel_async::AsyncConnection;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{actions, policy};
use crate::access::actor::{Actor, Role};
use crate::accounts::grants;
use crate::accounts::policy::{Scope, appoint, resign};
use crate::accounts::roles_http::HolderView;
use crate::audit::model::By;
use crate::db::Database;
use crate::error::{Error, FieldError, Result};
use crate::http::body::{Body, PathId};
use crate::http::page::Page;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMember {
    pub account_id: Uuid,
    /// `member` or `org_admin`.
    pub role: Role,
}

/// The people of an organisation and their roles.
#[utoipa::path(tag = "organizations", params(("id" = Uuid, Path)), responses((status = 200, body = Page<HolderView>)), security(("bearer" = [])))]
#[get("/v1/organizations/{id}/members")]
async fn list_members(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let mut conn = database.read().await?;
    let inside = policy::see_inside(&actor, actions::find(&mut conn, id.0).await?)?;
    let items = grants::holders_in_organization(&mut conn, inside.organization().id).await?.into_iter().map(HolderView::from).collect();
    Ok(HttpResponse::Ok().json(Page { items, next_cursor: None }))
}

/// Gives somebody a role in the organisation.
#[utoipa::path(tag = "organizations", params(("id" = Uuid, Path)), request_body = AddMember, responses((status = 204)), security(("bearer" = [])))]
#[post("/v1/organizations/{id}/members")]
async fn add_member(actor: Actor, database: web::Data<Database>, id: PathId, body: Body<AddMember>) -> Result<HttpResponse> {
    if !matches!(body.0.role, Role::Member | Role::OrgAdmin) {
        return Err(Error::invalid(FieldError::unknown_value("/role", body.0.role.as_str(), &["member", "org_admin"])));
    }
    let mut conn = database.write().await?;
    let organization = actions::find(&mut conn, id.0).await?;
    let authority = appoint(&actor, body.0.role, Scope::Organization(organization.id))?;
    if grants::reviews(&mut conn, body.0.account_id, &organization.home_zone).await? {
        // Membership would keep them from every case of this organisation: its administrators must not choose their judges.
        return Err(Error::conflict(
            "reviews_home_zone",
            "this account reviews the organisation's home zone and cannot be its member",
            "该账号负责审核该机构所在园区，不能成为其成员",
        ));
    }
    conn.transaction(async |conn| grants::grant(conn, &By::from(&actor), &authority, body.0.account_id).await).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes a role in the organisation; everybody may give up their own. Its last administrator stays.
#[utoipa::path(tag = "organizations", params(("id" = Uuid, Path), ("account_id" = Uuid, Path), ("role" = Role, Path)), responses((status = 204)), security(("bearer" = [])))]
#[delete("/v1/organizations/{id}/members/{account_id}/{role}")]
async fn remove_member(actor: Actor, request: HttpRequest, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let account_id = PathId::of(&request, "account_id")?;
    let word = request.match_info().query("role");
    let role: Role = word.parse().map_err(|_| Error::malformed(FieldError::unknown_value("role", word, &["member", "org_admin"])))?;
    let mut conn = database.write().await?;
    let organization = actions::find(&mut conn, id.0).await?;
    let scope = Scope::Organization(organization.id);
    let authority = if account_id == actor.account_id { resign(&actor, role, scope)? } else { appoint(&actor, role, scope)? };
    conn.transaction(async |conn| grants::revoke(conn, &By::from(&actor), &authority, account_id).await).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list_members).service(add_member).service(remove_member);
}
