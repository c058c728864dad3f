//! Many listings at once, for the operator: whole batches in one transaction, idempotent by external id.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::actions::entry;
use super::content::Content;
use super::policy;
use super::store::{self, NewListing};
use crate::audit::model::By;
use crate::audit::store as audit;
use crate::db::Database;
use crate::error::Result;
use crate::feed;
use crate::organizations::model::Organization;

/// A checked row.
pub struct Row {
    pub external_id: String,
    pub content: Content,
    pub valid_through: NaiveDate,
}

/// The listings that were new, in the order of the rows, and how many were there before.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Imported {
    pub new: Vec<Uuid>,
    pub known: usize,
}

/// Inserts the rows that are new, as drafts or published. All of the batch, or nothing.
pub async fn insert(database: &Database, by: &By, organization: &Organization, rows: &[Row], publish: bool) -> Result<Imported> {
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let ids: Vec<&str> = rows.iter().map(|row| row.external_id.as_str()).collect();
        let known = store::known_external_ids(conn, organization.id, &ids).await?;
        let new: Vec<NewListing<'_>> = rows
            .iter()
            .filter(|row| !known.contains(&row.external_id))
            .map(|row| NewListing {
                id: Uuid::now_v7(),
                zone: &organization.home_zone,
                content: &row.content,
                valid_through: row.valid_through,
                external_id: Some(&row.external_id),
                created_by: None,
            })
            .collect();
        if new.is_empty() {
            return Ok(Imported { new: Vec::new(), known: known.len() });
        }
        let drafts = store::insert_drafts(conn, &policy::draft_by_operator(organization.id), &new).await?;
        let by_id: HashMap<Uuid, &NewListing<'_>> = new.iter().map(|new| (new.id, new)).collect();
        for draft in &drafts {
            let Some(new) = by_id.get(&draft.id) else { continue };
            let to = if publish { "published" } else { "draft" };
            audit::record(conn, by, entry("import", draft).change("state", None, Some(to)).states(None, Some(&new.content.recorded(new.valid_through)))).await?;
        }
        let ids: Vec<Uuid> = drafts.iter().map(|draft| draft.id).collect();
        if publish {
            let authorities: Vec<_> = drafts.into_iter().map(policy::publish_by_operator).collect();
            store::publish_imported(conn, &authorities).await?;
            feed::listings_changed(conn, &ids).await?;
        }
        Ok(Imported { new: ids, known: known.len() })
    })
    .await
}
