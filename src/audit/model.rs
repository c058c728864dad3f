//! Entries as they are written and read.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::actor::Actor;
use crate::db::schema::audit_entries;
use crate::text_enum;

text_enum! {
    /// What kind of actor did it: somebody logged in, a command of the operator's, the service by itself, or nobody known.
    pub enum ActorKind {
        Account = "account",
        Command = "command",
        System = "system",
        Guest = "guest",
    }
}

text_enum! {
    /// What a deed was done to.
    pub enum SubjectType {
        Account = "account",
        Session = "session",
        RoleGrant = "role_grant",
        Zone = "zone",
        Organization = "organization",
        Listing = "listing",
        Case = "case",
        Decision = "decision",
    }
}

/// On whose behalf something is written.
#[derive(Debug, Clone)]
pub struct By {
    pub kind: ActorKind,
    pub account_id: Option<Uuid>,
    pub request_id: Option<String>,
}

impl By {
    pub fn command() -> Self {
        Self { kind: ActorKind::Command, account_id: None, request_id: None }
    }

    pub fn system() -> Self {
        Self { kind: ActorKind::System, account_id: None, request_id: None }
    }

    pub fn guest(request_id: &str) -> Self {
        Self { kind: ActorKind::Guest, account_id: None, request_id: Some(request_id.to_owned()) }
    }

    pub fn account(account_id: Uuid, request_id: &str) -> Self {
        Self { kind: ActorKind::Account, account_id: Some(account_id), request_id: Some(request_id.to_owned()) }
    }
}

impl From<&Actor> for By {
    fn from(actor: &Actor) -> Self {
        Self::account(actor.account_id, &actor.request_id)
    }
}

/// One thing that changed, in words. Never a secret, never personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    pub field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// An entry to be written. `action` is a word of the domain: a move's name, `log_in`, `grant_role` and so on.
#[derive(Debug, Clone)]
pub struct Entry {
    pub action: &'static str,
    pub subject_type: SubjectType,
    pub subject_id: String,
    pub organization_id: Option<Uuid>,
    pub zone: Option<String>,
    pub before_digest: Option<Vec<u8>>,
    pub after_digest: Option<Vec<u8>>,
    pub changes: Vec<FieldChange>,
}

impl Entry {
    pub fn new(action: &'static str, subject_type: SubjectType, subject_id: impl Display) -> Self {
        Self { action, subject_type, subject_id: subject_id.to_string(), organization_id: None, zone: None, before_digest: None, after_digest: None, changes: Vec::new() }
    }

    pub fn organization(mut self, id: Uuid) -> Self {
        self.organization_id = Some(id);
        self
    }

    pub fn zone(mut self, zone: &str) -> Self {
        self.zone = Some(zone.to_owned());
        self
    }

    pub fn change(mut self, field: &str, before: Option<&str>, after: Option<&str>) -> Self {
        self.changes.push(FieldChange { field: field.to_owned(), before: before.map(str::to_owned), after: after.map(str::to_owned) });
        self
    }

    /// Digests of the subject before and after the deed.
    pub fn states<T: Serialize>(mut self, before: Option<&T>, after: Option<&T>) -> Self {
        self.before_digest = before.map(digest);
        self.after_digest = after.map(digest);
        self
    }
}

/// SHA-256 over the value's JSON. Struct fields keep their order, so equal values have equal digests.
pub fn digest<T: Serialize>(value: &T) -> Vec<u8> {
    Sha256::digest(serde_json::to_vec(value).unwrap_or_default()).to_vec()
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = audit_entries)]
pub struct AuditEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor_kind: ActorKind,
    pub actor_id: Option<Uuid>,
    pub action: String,
    pub subject_type: SubjectType,
    pub subject_id: String,
    pub organization_id: Option<Uuid>,
    pub zone: Option<String>,
    pub before_digest: Option<Vec<u8>>,
    pub after_digest: Option<Vec<u8>>,
    pub changes: serde_json::Value,
    pub request_id: Option<String>,
}
