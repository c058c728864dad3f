//! What commands share: errors of the service in words for the terminal, and things as operators name them.

use anyhow::{Context, Result};
use uuid::Uuid;

use crate::db::Database;
use crate::error::{Error, FieldError};
use crate::organizations::actions as organizations;
use crate::organizations::model::Organization;

/// By id or by unified social credit code.
pub async fn find_organization(database: &Database, given: &str) -> Result<Organization> {
    let mut conn = said(database.read().await)?;
    let found = match Uuid::try_parse(given) {
        Ok(id) => match organizations::find(&mut conn, id).await {
            Err(Error::NotFound) => None,
            other => Some(said(other)?),
        },
        Err(_) => said(organizations::find_by_uscc(&mut conn, given).await)?,
    };
    found.with_context(|| format!("there is no organisation with the id or unified social credit code `{given}`; make one with `zonebridge admin create-organization`"))
}

/// An error of the service in words for the terminal.
pub fn said<T>(outcome: crate::error::Result<T>) -> Result<T> {
    outcome.map_err(|error| match error {
        Error::Invalid(fields) | Error::Malformed(fields) => anyhow::anyhow!(describe(&fields)),
        Error::Internal(cause) => cause,
        Error::Conflict { message, .. } | Error::Forbidden { message, .. } => anyhow::anyhow!(message.en),
        other => anyhow::anyhow!(other.to_string()),
    })
}

pub fn describe(fields: &[FieldError]) -> String {
    fields.iter().map(|field| format!("{} {}", if field.pointer.is_empty() { "the value" } else { &field.pointer }, field.message.en)).collect::<Vec<_>>().join("; ")
}
