//! Registering, logging in, refreshing, logging out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use diesel_async::AsyncConnection;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::{Account, AccountLocale, AccountState, DisplayName, Email};
use super::{password, store};
use crate::access::actor::Actor;
use crate::access::tokens::Tokens;
use crate::audit::model::{By, Entry, SubjectType};
use crate::audit::store as audit;
use crate::db::{Connection, Database};
use crate::error::{Error, Result};

pub struct NewAccount {
    pub email: Email,
    pub password: String,
    pub display_name: DisplayName,
    pub locale: AccountLocale,
}

/// Makes the account; `None` when the address is known already. Both take the same time.
pub async fn register(database: &Database, by: &By, new: NewAccount) -> Result<Option<Account>> {
    let related = related_words(&new);
    let hash = password::hash_new("/password", new.password, related).await?;
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let Some(account) = store::insert(conn, &new.email, &hash, &new.display_name, new.locale).await? else { return Ok(None) };
        audit::record(conn, by, Entry::new("register", SubjectType::Account, account.id)).await?;
        Ok(Some(account))
    })
    .await
}

/// What a guesser would try first: the address, its parts, the name.
fn related_words(new: &NewAccount) -> Vec<String> {
    let mut words = vec!["zonebridge".to_owned(), new.email.as_str().to_owned(), new.display_name.as_str().to_owned()];
    words.extend(new.email.as_str().split('@').map(str::to_owned));
    words.extend(new.email.as_str().split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2).map(str::to_owned));
    words
}

/// The tokens of a session, as the client gets them. The refresh token is not kept here, only its hash.
pub struct IssuedTokens {
    pub access_token: String,
    pub refresh_token: String,
    pub expires_in: u64,
}

/// Opens a session. An unknown address and a wrong password are one and the same error, after the same time.
pub async fn log_in(database: &Database, tokens: &Tokens, request_id: &str, email: &Email, given: String) -> Result<IssuedTokens> {
    let account = store::find_by_email(&mut *database.read().await?, email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let matches = password::verify(given, hash).await?;
    let mut conn = database.write().await?;
    let account = match account {
        Some(account) if matches && account.state == AccountState::Active => account,
        other => {
            let subject = other.map_or_else(|| "unknown".to_owned(), |account| account.id.to_string());
            audit::record(&mut conn, &By::guest(request_id), Entry::new("log_in_failed", SubjectType::Account, subject)).await?;
            return Err(Error::unauthenticated("invalid_credentials", "the address or the password is wrong", "邮箱或密码错误"));
        }
    };
    let session_id = Uuid::now_v7();
    let expires_at = Utc::now() + tokens.refresh_lifetime;
    let (refresh_token, hash) = new_refresh_token()?;
    conn.transaction(async |conn| -> Result<()> {
        store::insert_session(conn, session_id, account.id, expires_at).await?;
        store::insert_refresh_token(conn, &hash, session_id).await?;
        audit::record(conn, &By::account(account.id, request_id), Entry::new("log_in", SubjectType::Session, session_id)).await?;
        Ok(())
    })
    .await?;
    issued(tokens, account.id, session_id, refresh_token)
}

/// Exchanges a refresh token for new ones. One that was used before is a sign of theft: the whole family ends.
pub async fn refresh(database: &Database, tokens: &Tokens, request_id: &str, given: &str) -> Result<IssuedTokens> {
    let old = Sha256::digest(given).to_vec();
    let (refresh_token, new) = new_refresh_token()?;
    let mut conn = database.write().await?;
    let renewed = conn
        .transaction(async |conn| -> Result<Option<(Uuid, Uuid)>> {
            let Some(session_id) = store::use_refresh_token(conn, &old).await? else {
                end_family(conn, request_id, &old).await?;
                return Ok(None);
            };
            let Some(account_id) = store::account_of_live_session(conn, session_id, Utc::now()).await? else { return Ok(None) };
            store::insert_refresh_token(conn, &new, session_id).await?;
            audit::record(conn, &By::account(account_id, request_id), Entry::new("refresh", SubjectType::Session, session_id)).await?;
            Ok(Some((account_id, session_id)))
        })
        .await?;
    let (account_id, session_id) = renewed
        .ok_or_else(|| Error::unauthenticated("refresh_token_invalid", "the refresh token is wrong, used or expired: log in again", "刷新令牌无效、已使用或已过期，请重新登录"))?;
    issued(tokens, account_id, session_id, refresh_token)
}

async fn end_family(conn: &mut Connection, request_id: &str, hash: &[u8]) -> Result<()> {
    let Some(session_id) = store::session_of_token(conn, hash).await? else { return Ok(()) };
    if store::revoke_session(conn, session_id, "refresh_token_reused").await?.is_some() {
        tracing::warn!(%session_id, "a refresh token was used twice; its session is ended");
        audit::record(conn, &By::guest(request_id), Entry::new("refresh_token_reused", SubjectType::Session, session_id)).await?;
    }
    Ok(())
}

pub async fn log_out(database: &Database, actor: &Actor) -> Result<()> {
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        if store::revoke_session(conn, actor.session_id, "logged_out").await?.is_some() {
            audit::record(conn, &By::from(actor), Entry::new("log_out", SubjectType::Session, actor.session_id)).await?;
        }
        Ok(())
    })
    .await
}

pub async fn find(conn: &mut Connection, id: Uuid) -> Result<Account> {
    store::find(conn, id).await?.ok_or(Error::NotFound)
}

pub async fn find_by_email(conn: &mut Connection, email: &Email) -> Result<Option<Account>> {
    Ok(store::find_by_email(conn, email).await?)
}

/// For the operator: gives an account another password, and ends its sessions.
pub async fn reset_password(database: &Database, by: &By, account_id: Uuid, new: String) -> Result<()> {
    let hash = password::hash_new("/password", new, Vec::new()).await?;
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        store::set_password(conn, account_id, &hash).await?;
        store::revoke_sessions_of(conn, account_id, "password_reset").await?;
        audit::record(conn, by, Entry::new("reset_password", SubjectType::Account, account_id)).await?;
        Ok(())
    })
    .await
}

/// 256 random bits in Base64, and their hash.
fn new_refresh_token() -> Result<(String, Vec<u8>)> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(anyhow::anyhow!("no randomness: {error}")))?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = Sha256::digest(&token).to_vec();
    Ok((token, hash))
}

fn issued(tokens: &Tokens, account_id: Uuid, session_id: Uuid, refresh_token: String) -> Result<IssuedTokens> {
    Ok(IssuedTokens { access_token: tokens.issue(account_id, session_id)?, refresh_token, expires_in: tokens.access_lifetime.as_secs() })
}
