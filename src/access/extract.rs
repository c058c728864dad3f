//! `Actor` and `Caller` as parameters of handlers.

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::Utc;
use futures_util::future::LocalBoxFuture;

use super::actor::{Actor, Caller};
use super::store;
use super::tokens::{Claims, Tokens};
use crate::db::Database;
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

/// The token is checked first and without the database; the connection goes back to the pool before the handler runs.
pub async fn authenticate(request: &HttpRequest) -> Result<Actor> {
    let claims = bearer_claims(request)?;
    let database = request.app_data::<web::Data<Database>>().ok_or_else(|| Error::internal(anyhow::anyhow!("no database in the application")))?;
    actor_of(database, &claims, request_id(request).unwrap_or_default()).await
}

/// The actor of good claims, with the roles they hold now.
pub async fn actor_of(database: &Database, claims: &Claims, request_id: String) -> Result<Actor> {
    let mut conn = database.read().await?;
    let grants = store::grants_of_session(&mut conn, claims.sid, claims.sub, Utc::now()).await?;
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
