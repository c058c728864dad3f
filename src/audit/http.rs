//! `GET /v1/audit/entries`: what is recorded, for the auditor.

use actix_web::{HttpRequest, HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::model::{ActorKind, AuditEntry, FieldChange, SubjectType};
use super::{policy, store};
use crate::access::actor::Actor;
use crate::db::Database;
use crate::error::Result;
use crate::http::body::Query;
use crate::http::page::{self, Page};

/// One recorded deed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntryView {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor_kind: ActorKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<Uuid>,
    pub action: String,
    pub subject_type: SubjectType,
    pub subject_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// SHA-256 in hexadecimal over the subject before the deed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_digest: Option<String>,
    /// SHA-256 in hexadecimal over the subject after the deed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_digest: Option<String>,
    pub changes: Vec<FieldChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl From<AuditEntry> for AuditEntryView {
    fn from(row: AuditEntry) -> Self {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            id: row.id,
            at: row.at,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            action: row.action,
            subject_type: row.subject_type,
            subject_id: row.subject_id,
            organization_id: row.organization_id,
            zone: row.zone,
            before_digest: row.before_digest.map(hex),
            after_digest: row.after_digest.map(hex),
            changes: serde_json::from_value(row.changes).unwrap_or_default(),
            request_id: row.request_id,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    pub actor_kind: Option<ActorKind>,
    /// The account that did it.
    pub actor: Option<Uuid>,
    pub action: Option<String>,
    pub subject_type: Option<SubjectType>,
    pub subject_id: Option<String>,
    pub zone: Option<String>,
    pub organization: Option<Uuid>,
    /// Not before this time.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

/// Reads the audit log, newest first.
#[utoipa::path(tag = "audit", params(AuditQuery), responses((status = 200, body = Page<AuditEntryView>)), security(("bearer" = [])))]
#[get("/v1/audit/entries")]
async fn list_audit_entries(actor: Actor, request: HttpRequest, database: web::Data<Database>, query: Query<AuditQuery>) -> Result<HttpResponse> {
    let reader = policy::read(&actor)?;
    let query = query.0;
    let limit = page::limit(query.limit)?;
    let filter = store::Filter {
        actor_kind: query.actor_kind,
        actor: query.actor,
        action: query.action,
        subject_type: query.subject_type,
        subject_id: query.subject_id,
        zone: query.zone,
        organization: query.organization,
        from: query.from,
        to: query.to,
        before: page::id_cursor(query.cursor.as_deref())?,
    };
    let rows = store::list(&mut *database.read().await?, &reader, filter, limit).await?;
    Ok(Page::of_rows(rows, limit, |row| row.id, AuditEntryView::from).respond(&request))
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list_audit_entries);
}
