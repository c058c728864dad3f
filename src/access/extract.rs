//! `Actor` and `Caller` as parameters of handlers.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::Utc;
use futures_util::future::LocalBoxFuture;

use super::actor::{Actor, Caller};
use super::store;
use super::tokens::{Claims, Tokens};
use crate::db::{Connection, Database};
use crate::error::{Error, Result};
use crate::http::context::request_id;

impl FromRequest for Actor {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await })
    }
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            // Somebody who shows a token means it: a bad one is an error even where guests are welcome.
            if request.headers().contains_key(header::AUTHORIZATION) { authenticate(&request).await.map(Self::Account) } else { Ok(Self::Guest) }
        })
    }
}

/// What the caller shows, checked as far as that goes without the database. For handlers that read everything else in the same round trip.
#[derive(Debug, Clone)]
pub enum Credentials {
    None,
    Token { claims: Claims, request_id: String },
}

impl Credentials {
    /// Who it is, with the roles they hold now. Several questions may be on their way on one connection.
    pub async fn caller(&self, conn: &Connection) -> Result<Caller> {
        match self {
            Self::None => Ok(Caller::Guest),
            Self::Token { claims, request_id } => actor_on(&mut &*conn, claims, request_id.clone()).await.map(Caller::Account),
        }
    }
}

impl FromRequest for Credentials {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Somebody who shows a token means it: a bad one is an error even where guests are welcome.
        let shown = request.headers().contains_key(header::AUTHORIZATION);
        ready(if shown { bearer_claims(request).map(|claims| Self::Token { claims, request_id: request_id(request).unwrap_or_default() }) } else { Ok(Self::None) })
    }
}

/// The token is checked first and without the database; the connection goes back to the pool before the handler runs.
pub async fn authenticate(request: &HttpRequest) -> Result<Actor> {
    let claims = bearer_claims(request)?;
    let database = request.app_data::<web::Data<Database>>().ok_or_else(|| Error::internal(anyhow::anyhow!("no database in the application")))?;
    actor_of(database, &claims, request_id(request).unwrap_or_default()).await
}

/// The actor of good claims, with the roles they hold now.
pub async fn actor_of(database: &Database, claims: &Claims, request_id: String) -> Result<Actor> {
    let conn = database.read().await?;
    actor_on(&mut &*conn, claims, request_id).await
}

async fn actor_on(conn: &mut &Connection, claims: &Claims, request_id: String) -> Result<Actor> {
    let grants = store::grants_of_session(conn, claims.sid, claims.sub, Utc::now()).await?;
    let grants = grants.ok_or_else(|| Error::unauthenticated("session_ended", "the session has ended: log in again", "会话已结束，请重新登录"))?;
    Ok(Actor { account_id: claims.sub, session_id: claims.sid, grants, request_id })
}

fn bearer_claims(request: &HttpRequest) -> Result<Claims> {
    let Some(value) = request.headers().get(header::AUTHORIZATION) else {
        return Err(Error::unauthenticated("token_required", "log in and send the access token: Authorization: Bearer …", "请先登录，并以 Authorization: Bearer … 发送访问令牌"));
    };
    let tokens = request.app_data::<web::Data<Tokens>>().ok_or_else(|| Error::internal(anyhow::anyhow!("no token keys in the application")))?;
    let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")));
    token
        .and_then(|token| tokens.verify(token.trim()))
        .ok_or_else(|| Error::unauthenticated("token_invalid", "the access token is wrong or has expired: refresh it or log in again", "访问令牌无效或已过期，请刷新或重新登录"))
}
