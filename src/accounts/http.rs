//! `/v1/accounts`, `/v1/sessions`, `/v1/me`, the JWKS.

use actix_web::{HttpResponse, delete, get, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::actions::{self, IssuedTokens, NewAccount};
use super::limiter::LoginLimiter;
use super::model::{AccountLocale, DisplayName, Email};
use crate::access::actor::{Actor, Role};
use crate::access::tokens::{KeySet, Tokens};
use crate::audit::model::By;
use crate::db::Database;
use crate::error::{Error, Result};
use crate::http::body::Body;
use crate::http::context::RequestContext;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    #[schema(format = "email", max_length = 254, example = "founder@startup.example")]
    pub email: String,
    /// 8 to 128 characters, and hard to guess.
    #[schema(format = "password", min_length = 8, max_length = 128, example = "Quiet-river-lantern-42")]
    pub password: String,
    #[schema(min_length = 1, max_length = 80)]
    pub display_name: String,
    pub locale: AccountLocale,
}

/// An account as registering answers it, whether the address was new or not.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    pub id: Uuid,
    pub email: String,
    pub display_name: String,
    pub locale: AccountLocale,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    #[schema(format = "email")]
    pub email: String,
    #[schema(format = "password")]
    pub password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    pub refresh_token: String,
}

#[derive(Serialize, ToSchema)]
pub struct TokensView {
    /// A JWT to send as `Authorization: Bearer …`.
    pub access_token: String,
    /// Good for one use: exchange it for new tokens before the access token expires.
    pub refresh_token: String,
    #[schema(example = "Bearer")]
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

impl From<IssuedTokens> for TokensView {
    fn from(issued: IssuedTokens) -> Self {
        Self { access_token: issued.access_token, refresh_token: issued.refresh_token, token_type: "Bearer".into(), expires_in: issued.expires_in }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HeldRole {
    pub role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// The caller's own account with the roles it holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    pub id: Uuid,
    pub email: String,
    pub display_name: String,
    pub locale: AccountLocale,
    pub created_at: DateTime<Utc>,
    pub roles: Vec<HeldRole>,
}

/// Registers an account. A known address is answered exactly as a new one, and nothing changes.
#[utoipa::path(tag = "accounts", request_body = Register, responses((status = 201, body = AccountView)))]
#[post("/v1/accounts")]
async fn register(context: RequestContext, limiter: web::Data<LoginLimiter>, database: web::Data<Database>, body: Body<Register>) -> Result<HttpResponse> {
    let body = body.0;
    let (email, name) = match (Email::parse("/email", &body.email), DisplayName::parse("/display_name", &body.display_name)) {
        (Ok(email), Ok(name)) => (email, name),
        (email, name) => return Err(Error::Invalid([email.err(), name.err()].into_iter().flatten().collect())),
    };
    // Each registration costs a password hash, so it counts as an attempt.
    limiter.attempt(context.address, email.as_str())?;
    let new = NewAccount { email: email.clone(), password: body.password, display_name: name.clone(), locale: body.locale };
    let account = actions::register(&database, &By::guest(&context.request_id), new).await?;
    let id = account.map_or_else(Uuid::now_v7, |account| account.id);
    Ok(HttpResponse::Created().json(AccountView { id, email: email.as_str().into(), display_name: name.as_str().into(), locale: body.locale }))
}

/// Logs in: opens a session.
#[utoipa::path(tag = "accounts", request_body = LogIn, responses((status = 201, body = TokensView)))]
#[post("/v1/sessions")]
async fn log_in(context: RequestContext, limiter: web::Data<LoginLimiter>, tokens: web::Data<Tokens>, database: web::Data<Database>, body: Body<LogIn>) -> Result<HttpResponse> {
    let email = Email::parse("/email", &body.0.email).map_err(Error::invalid)?;
    limiter.attempt(context.address, email.as_str())?;
    let issued = actions::log_in(&database, &tokens, &context.request_id, &email, body.0.password).await?;
    Ok(HttpResponse::Created().json(TokensView::from(issued)))
}

/// Exchanges a refresh token for new tokens. Using one twice ends the session.
#[utoipa::path(tag = "accounts", request_body = Refresh, responses((status = 200, body = TokensView)))]
#[post("/v1/sessions/refresh")]
async fn refresh_session(context: RequestContext, tokens: web::Data<Tokens>, database: web::Data<Database>, body: Body<Refresh>) -> Result<HttpResponse> {
    let issued = actions::refresh(&database, &tokens, &context.request_id, &body.0.refresh_token).await?;
    Ok(HttpResponse::Ok().json(TokensView::from(issued)))
}

/// Logs out: ends the session with all its tokens.
#[utoipa::path(tag = "accounts", responses((status = 204)), security(("bearer" = [])))]
#[delete("/v1/sessions/current")]
async fn log_out(actor: Actor, database: web::Data<Database>) -> Result<HttpResponse> {
    actions::log_out(&database, &actor).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The caller's account and roles.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Me)), security(("bearer" = [])))]
#[get("/v1/me")]
async fn me(actor: Actor, database: web::Data<Database>) -> Result<HttpResponse> {
    let account = actions::find(&mut *database.read().await?, actor.account_id).await?;
    let roles = actor.grants.into_iter().map(|grant| HeldRole { role: grant.role, organization_id: grant.organization_id, zone: grant.zone }).collect();
    Ok(HttpResponse::Ok().json(Me { id: account.id, email: account.email, display_name: account.display_name, locale: account.locale, created_at: account.created_at, roles }))
}

/// The public keys that verify access tokens.
#[utoipa::path(tag = "operation", responses((status = 200, body = KeySet)))]
#[get("/.well-known/jwks.json")]
async fn jwks(tokens: web::Data<Tokens>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(&tokens.key_set)
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(register).service(refresh_session).service(log_out).service(log_in).service(me).service(jwks);
}
