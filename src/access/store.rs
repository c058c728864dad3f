//! One statement that reads who a session belongs to and what roles they hold.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::actor::{Grant, Role};
use crate::db::Connection;
use crate::db::schema::{accounts, organizations, role_grants, sessions};

type GrantColumns = (Option<Role>, Option<Uuid>, Option<String>, Option<String>);

/// The grants of the account whose live session this is; `None` when the session or the account is no longer good.
pub async fn grants_of_session(conn: &mut &Connection, session_id: Uuid, account_id: Uuid, now: DateTime<Utc>) -> QueryResult<Option<Vec<Grant>>> {
    let rows: Vec<GrantColumns> = sessions::table
        .inner_join(accounts::table.on(accounts::id.eq(sessions::account_id)))
        .left_join(role_grants::table.on(role_grants::account_id.eq(accounts::id)))
        .left_join(organizations::table.on(role_grants::organization_id.eq(organizations::id.nullable())))
        .filter(sessions::id.eq(session_id).and(sessions::account_id.eq(account_id)))
        .filter(sessions::revoked_at.is_null().and(sessions::expires_at.gt(now)))
        .filter(accounts::state.eq("active"))
        .select((role_grants::role.nullable(), role_grants::organization_id.nullable(), role_grants::zone.nullable(), organizations::verification.nullable()))
        .load(conn)
        .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let grant = |(role, organization_id, zone, verification): GrantColumns| {
        Some(Grant { role: role?, organization_id, zone, organization_verified: verification.as_deref() == Some("verified") })
    };
    Ok(Some(rows.into_iter().filter_map(grant).collect()))
}
