//! Every statement on `zones`.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::model::{PublicationPolicy, Zone};
use super::policy::AdministeredZone;
use crate::db::Connection;
use crate::db::schema::zones;

pub async fn list(conn: &mut Connection) -> QueryResult<Vec<Zone>> {
    zones::table.select(Zone::as_select()).order(zones::code).load(conn).await
}

pub async fn find(conn: &mut Connection, code: &str) -> QueryResult<Option<Zone>> {
    zones::table.find(code).select(Zone::as_select()).first(conn).await.optional()
}

pub async fn codes(conn: &mut Connection) -> QueryResult<Vec<String>> {
    zones::table.select(zones::code).order(zones::code).load(conn).await
}

/// `None` when somebody else changed the zone since it was read.
pub async fn set_policy(conn: &mut Connection, target: &AdministeredZone, policy: PublicationPolicy) -> QueryResult<Option<Zone>> {
    diesel::update(zones::table.filter(zones::code.eq(&target.zone().code)).filter(zones::version.eq(target.zone().version)))
        .set((zones::policy.eq(policy), zones::version.eq(zones::version + 1), zones::updated_at.eq(diesel::dsl::now)))
        .returning(Zone::as_returning())
        .get_result(conn)
        .await
        .optional()
}
