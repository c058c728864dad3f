//! Every statement on accounts, sessions and refresh tokens.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{Account, AccountLocale, DisplayName, Email};
use crate::access::actor::Role;
use crate::db::Connection;
use crate::db::schema::{accounts, refresh_tokens, role_grants, sessions};

/// `None` when the address is taken.
pub async fn insert(conn: &mut Connection, email: &Email, password_hash: &str, name: &DisplayName, locale: AccountLocale) -> QueryResult<Option<Account>> {
    diesel::insert_into(accounts::table)
        .values((
            accounts::id.eq(Uuid::now_v7()),
            accounts::email.eq(email.as_str()),
            accounts::password_hash.eq(password_hash),
            accounts::display_name.eq(name.as_str()),
            accounts::locale.eq(locale),
        ))
        .on_conflict(accounts::email)
        .do_nothing()
        .returning(Account::as_returning())
        .get_result(conn)
        .await
        .optional()
}

pub async fn find_by_email(conn: &mut Connection, email: &Email) -> QueryResult<Option<Account>> {
    accounts::table.filter(accounts::email.eq(email.as_str())).select(Account::as_select()).first(conn).await.optional()
}

pub async fn find(conn: &mut Connection, id: Uuid) -> QueryResult<Option<Account>> {
    accounts::table.find(id).select(Account::as_select()).first(conn).await.optional()
}

pub async fn set_password(conn: &mut Connection, id: Uuid, password_hash: &str) -> QueryResult<usize> {
    diesel::update(accounts::table.find(id)).set(accounts::password_hash.eq(password_hash)).execute(conn).await
}

pub async fn insert_session(conn: &mut Connection, id: Uuid, account_id: Uuid, expires_at: DateTime<Utc>) -> QueryResult<()> {
    diesel::insert_into(sessions::table).values((sessions::id.eq(id), sessions::account_id.eq(account_id), sessions::expires_at.eq(expires_at))).execute(conn).await?;
    Ok(())
}

pub async fn insert_refresh_token(conn: &mut Connection, hash: &[u8], session_id: Uuid) -> QueryResult<()> {
    diesel::insert_into(refresh_tokens::table).values((refresh_tokens::token_hash.eq(hash), refresh_tokens::session_id.eq(session_id))).execute(conn).await?;
    Ok(())
}

/// Marks the token as used; `None` when there is none that is unused.
pub async fn use_refresh_token(conn: &mut Connection, hash: &[u8]) -> QueryResult<Option<Uuid>> {
    diesel::update(refresh_tokens::table.find(hash).filter(refresh_tokens::used_at.is_null()))
        .set(refresh_tokens::used_at.eq(Utc::now()))
        .returning(refresh_tokens::session_id)
        .get_result(conn)
        .await
        .optional()
}

/// The session of a token, used or not.
pub async fn session_of_token(conn: &mut Connection, hash: &[u8]) -> QueryResult<Option<Uuid>> {
    refresh_tokens::table.find(hash).select(refresh_tokens::session_id).first(conn).await.optional()
}

/// The account of a session that is good at `now`.
pub async fn account_of_live_session(conn: &mut Connection, session_id: Uuid, now: DateTime<Utc>) -> QueryResult<Option<Uuid>> {
    sessions::table
        .inner_join(accounts::table)
        .filter(sessions::id.eq(session_id).and(sessions::revoked_at.is_null()).and(sessions::expires_at.gt(now)).and(accounts::state.eq("active")))
        .select(sessions::account_id)
        .first(conn)
        .await
        .optional()
}

/// The account of the session, if it was not revoked before.
pub async fn revoke_session(conn: &mut Connection, session_id: Uuid, reason: &str) -> QueryResult<Option<Uuid>> {
    diesel::update(sessions::table.find(session_id).filter(sessions::revoked_at.is_null()))
        .set((sessions::revoked_at.eq(Utc::now()), sessions::revoked_reason.eq(reason)))
        .returning(sessions::account_id)
        .get_result(conn)
        .await
        .optional()
}

pub async fn revoke_sessions_of(conn: &mut Connection, account_id: Uuid, reason: &str) -> QueryResult<usize> {
    diesel::update(sessions::table.filter(sessions::account_id.eq(account_id).and(sessions::revoked_at.is_null())))
        .set((sessions::revoked_at.eq(Utc::now()), sessions::revoked_reason.eq(reason)))
        .execute(conn)
        .await
}

/// Sessions that ended a month ago are of no use to anybody.
pub async fn delete_old_sessions(conn: &mut Connection, before: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(sessions::table.filter(sessions::expires_at.lt(before).or(sessions::revoked_at.lt(before)))).execute(conn).await
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = role_grants)]
pub struct GrantRow {
    pub account_id: Uuid,
    pub role: Role,
    pub organization_id: Option<Uuid>,
    pub zone: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// True when the role was not held before.
pub async fn insert_grant(conn: &mut Connection, account_id: Uuid, role: Role, organization_id: Option<Uuid>, zone: Option<&str>, granted_by: Option<Uuid>) -> QueryResult<bool> {
    let inserted = diesel::insert_into(role_grants::table)
        .values((
            role_grants::id.eq(Uuid::now_v7()),
            role_grants::account_id.eq(account_id),
            role_grants::role.eq(role),
            role_grants::organization_id.eq(organization_id),
            role_grants::zone.eq(zone),
            role_grants::granted_by.eq(granted_by),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(inserted == 1)
}

/// True when the role was held.
pub async fn delete_grant(conn: &mut Connection, account_id: Uuid, role: Role, organization_id: Option<Uuid>, zone: Option<&str>) -> QueryResult<bool> {
    let held = role_grants::table
        .filter(role_grants::account_id.eq(account_id).and(role_grants::role.eq(role)))
        .filter(role_grants::organization_id.is_not_distinct_from(organization_id))
        .filter(role_grants::zone.is_not_distinct_from(zone));
    Ok(diesel::delete(held).execute(conn).await? > 0)
}

/// Grants of an organisation or a zone with the names of their holders.
pub async fn grants_in(conn: &mut Connection, organization_id: Option<Uuid>, zone: Option<&str>) -> QueryResult<Vec<(GrantRow, String)>> {
    role_grants::table
        .inner_join(accounts::table)
        .filter(role_grants::organization_id.is_not_distinct_from(organization_id).and(role_grants::zone.is_not_distinct_from(zone)))
        .order((role_grants::role, role_grants::created_at))
        .limit(1000)
        .select((GrantRow::as_select(), accounts::display_name))
        .load(conn)
        .await
}

/// How many hold a role in an organisation. The rows are locked, so that two removals cannot both find the other still there.
pub async fn count_locked(conn: &mut Connection, organization_id: Uuid, role: Role) -> QueryResult<usize> {
    let holders: Vec<Uuid> =
        role_grants::table.filter(role_grants::organization_id.eq(organization_id).and(role_grants::role.eq(role))).select(role_grants::account_id).for_update().load(conn).await?;
    Ok(holders.len())
}
