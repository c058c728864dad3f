//! Many listings at once, for the operator: whole batches in one transaction, idempotent by external id.
//!
//! A batch is copied into a temporary table and goes from there into the tables by one statement, with its audit entries, its rows of the
//! change feed and the checkpoint of the file that it comes from: all of it is there after a crash, or nothing.

mod store;

use chrono::NaiveDate;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::content::Content;
use super::model::NewRevision;
use super::policy::{self, Drafting};
use crate::audit::model as audit;
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::organizations::model::Organization;

/// A checked row.
#[derive(Debug)]
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

/// How far the import of a file has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Rows read, good and bad.
    pub read: i64,
    /// SHA-256 over all rows read.
    pub digest: Vec<u8>,
    pub new: i64,
    pub known: i64,
    pub bad: i64,
    /// The file of rejected rows, and its bytes so far.
    pub rejects: String,
    pub rejects_bytes: i64,
}

/// What is copied: a row with its ids and the digest that the audit log keeps.
struct Staged {
    id: Uuid,
    audit_id: Uuid,
    external_id: String,
    kind: &'static str,
    direction: &'static str,
    valid_through: NaiveDate,
    digest: Vec<u8>,
    revision: NewRevision,
}

impl Staged {
    fn of(row: &Row) -> Result<Self> {
        let id = Uuid::now_v7();
        Ok(Self {
            id,
            audit_id: Uuid::now_v7(),
            external_id: row.external_id.clone(),
            kind: row.content.kind().as_str(),
            direction: row.content.direction.as_str(),
            valid_through: row.valid_through,
            digest: audit::digest(&row.content.recorded(row.valid_through)),
            revision: NewRevision::of(id, 1, &row.content, None)?,
        })
    }
}

/// A connection of its own, since COPY is not spoken by the pool's.
pub struct Importer {
    client: Client,
    drafting: Drafting,
    zone: String,
    /// Published at once, or left as drafts.
    publish: bool,
}

impl Importer {
    pub async fn connect(url: &Secret, organization: &Organization, publish: bool) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url.expose(), NoTls).await.map_err(Error::internal)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(cause = %error, "the connection of an import broke");
            }
        });
        store::prepare(&client).await?;
        Ok(Self { client, drafting: policy::draft_by_operator(organization.id), zone: organization.home_zone.clone(), publish })
    }

    /// The same connection, for listings of another organisation or in another state.
    pub fn turn_to(&mut self, organization: &Organization, publish: bool) {
        self.drafting = policy::draft_by_operator(organization.id);
        organization.home_zone.clone_into(&mut self.zone);
        self.publish = publish;
    }

    /// Inserts the rows that are new. With a checkpoint of `source`, which counts this batch in; `checkpoint` gets the new rows added.
    pub async fn write(&mut self, rows: &[Row], mut tracked: Option<(&str, &mut Checkpoint)>) -> Result<Imported> {
        let staged = rows.iter().map(Staged::of).collect::<Result<Vec<_>>>()?;
        let transaction = self.client.transaction().await.map_err(Error::internal)?;
        let new = if staged.is_empty() { Vec::new() } else { store::insert(&transaction, &self.drafting, &self.zone, self.publish, &staged).await? };
        let imported = Imported { known: rows.len() - new.len(), new };
        if let Some((source, checkpoint)) = &mut tracked {
            checkpoint.new += count(imported.new.len());
            checkpoint.known += count(imported.known);
            store::keep_checkpoint(&transaction, &self.drafting, source, checkpoint).await?;
        }
        transaction.commit().await.map_err(Error::internal)?;
        Ok(imported)
    }

    /// Which of these listings stand as they were imported: nobody has moved or edited them since. With their external ids.
    pub async fn untouched(&self, external_ids: &[&str]) -> Result<Vec<(String, Uuid)>> {
        store::untouched(&self.client, &self.drafting, external_ids).await
    }

    /// Where an import of `source` has stopped, if one has.
    pub async fn checkpoint(&self, source: &str) -> Result<Option<Checkpoint>> {
        store::checkpoint(&self.client, &self.drafting, source).await
    }

    /// The import of `source` is done, or begins anew.
    pub async fn forget_checkpoint(&self, source: &str) -> Result<()> {
        store::forget_checkpoint(&self.client, &self.drafting, source).await
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
