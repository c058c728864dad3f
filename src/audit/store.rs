//! Every statement on `audit_entries`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{ActorKind, AuditEntry, By, Entry, SubjectType};
use super::policy::AuditReader;
use crate::db::Connection;
use crate::db::schema::audit_entries;

/// Call it in the transaction of the deed: both are kept, or neither.
pub async fn record(conn: &mut Connection, by: &By, entry: Entry) -> QueryResult<()> {
    let changes = serde_json::to_value(&entry.changes).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    diesel::insert_into(audit_entries::table)
        .values((
            audit_entries::id.eq(Uuid::now_v7()),
            audit_entries::actor_kind.eq(by.kind),
            audit_entries::actor_id.eq(by.account_id),
            audit_entries::action.eq(entry.action),
            audit_entries::subject_type.eq(entry.subject_type),
            audit_entries::subject_id.eq(entry.subject_id),
            audit_entries::organization_id.eq(entry.organization_id),
            audit_entries::zone.eq(entry.zone),
            audit_entries::before_digest.eq(entry.before_digest),
            audit_entries::after_digest.eq(entry.after_digest),
            audit_entries::changes.eq(changes),
            audit_entries::request_id.eq(&by.request_id),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// What the first deed of a request was done to; `None` when the request did nothing.
pub async fn subject_of_request(conn: &mut Connection, request_id: &str) -> QueryResult<Option<(SubjectType, String)>> {
    audit_entries::table
        .filter(audit_entries::request_id.eq(request_id))
        .order(audit_entries::id)
        .select((audit_entries::subject_type, audit_entries::subject_id))
        .first(conn)
        .await
        .optional()
}

#[derive(Debug, Default)]
pub struct Filter {
    pub actor_kind: Option<ActorKind>,
    pub actor: Option<Uuid>,
    pub action: Option<String>,
    pub subject_type: Option<SubjectType>,
    pub subject_id: Option<String>,
    pub zone: Option<String>,
    pub organization: Option<Uuid>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub before: Option<Uuid>,
}

/// Newest first; one more than `limit`, so that the caller knows whether there is a next page.
pub async fn list(conn: &mut Connection, _: &AuditReader, filter: Filter, limit: i64) -> QueryResult<Vec<AuditEntry>> {
    let mut query = audit_entries::table.select(AuditEntry::as_select()).order(audit_entries::id.desc()).limit(limit + 1).into_boxed();
    if let Some(kind) = filter.actor_kind {
        query = query.filter(audit_entries::actor_kind.eq(kind));
    }
    if let Some(actor) = filter.actor {
        query = query.filter(audit_entries::actor_id.eq(actor));
    }
    if let Some(action) = filter.action {
        query = query.filter(audit_entries::action.eq(action));
    }
    if let Some(kind) = filter.subject_type {
        query = query.filter(audit_entries::subject_type.eq(kind));
    }
    if let Some(subject) = filter.subject_id {
        query = query.filter(audit_entries::subject_id.eq(subject));
    }
    if let Some(zone) = filter.zone {
        query = query.filter(audit_entries::zone.eq(zone));
    }
    if let Some(organization) = filter.organization {
        query = query.filter(audit_entries::organization_id.eq(organization));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_entries::at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_entries::at.lt(to));
    }
    if let Some(before) = filter.before {
        query = query.filter(audit_entries::id.lt(before));
    }
    query.load(conn).await
}
