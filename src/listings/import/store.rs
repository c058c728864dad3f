//! The statements of an import: COPY into a temporary table, then one INSERT into all the tables that a batch touches.

use std::pin::pin;

use bigdecimal::BigDecimal;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::{Checkpoint, Staged};
use crate::error::{Error, Result};
use crate::listings::content::kinds::Currency;
use crate::listings::policy::Drafting;

/// The columns of the temporary table. Money is text there, since the driver has no decimals, and becomes NUMERIC on the way out.
const COLUMNS: [(&str, Type); 28] = [
    ("id", Type::UUID),
    ("audit_id", Type::UUID),
    ("external_id", Type::TEXT),
    ("kind", Type::TEXT),
    ("direction", Type::TEXT),
    ("valid_through", Type::DATE),
    ("digest", Type::BYTEA),
    ("title_zh", Type::TEXT),
    ("title_en", Type::TEXT),
    ("summary_zh", Type::TEXT),
    ("summary_en", Type::TEXT),
    ("body_zh", Type::TEXT),
    ("body_en", Type::TEXT),
    ("zones_wanted", Type::TEXT_ARRAY),
    ("segments", Type::TEXT_ARRAY),
    ("industries", Type::TEXT_ARRAY),
    ("keywords", Type::TEXT_ARRAY),
    ("cooperation_modes", Type::TEXT_ARRAY),
    ("ai_generated", Type::TEXT),
    ("export_control", Type::TEXT),
    ("excluded_organizations", Type::UUID_ARRAY),
    ("tiers", Type::JSONB),
    ("attributes", Type::JSONB),
    ("trl", Type::INT2),
    ("amount_min", Type::TEXT),
    ("amount_max", Type::TEXT),
    ("currency", Type::TEXT),
    ("position", Type::INT4),
];

/// Makes the temporary table of this connection; each transaction finds it empty.
pub async fn prepare(client: &Client) -> Result<()> {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind)| format!("{name} {}", sql_name(kind))).collect();
    client.batch_execute(&format!("CREATE TEMPORARY TABLE import_rows ({}) ON COMMIT DELETE ROWS", columns.join(", "))).await.map_err(Error::internal)
}

/// The driver calls arrays `_text`; SQL calls them `text[]`.
fn sql_name(kind: &Type) -> String {
    kind.name().strip_prefix('_').map_or_else(|| kind.name().to_owned(), |element| format!("{element}[]"))
}

/// Copies the batch and inserts what is new of it; returns the ids of the new listings in the order of the rows. Rows go in by the order
/// of their external ids, so that two imports of the same rows wait for each other and never for ever.
pub async fn insert(transaction: &Transaction<'_>, drafting: &Drafting, zone: &str, publish: bool, rows: &[Staged]) -> Result<Vec<Uuid>> {
    copy(transaction, rows).await?;
    let statement = "
        WITH new AS (
            INSERT INTO listings (id, organization_id, zone, kind, direction, state, head_revision, live_revision, valid_through, external_id, published_at)
            SELECT id, $1, $2, kind, direction, $3, 1, CASE WHEN $4 THEN 1 END, valid_through, external_id, CASE WHEN $4 THEN now() END
            FROM import_rows ORDER BY external_id, position
            ON CONFLICT ON CONSTRAINT listings_external_id_key DO NOTHING
            RETURNING id
        ), revisions AS (
            INSERT INTO listing_revisions (listing_id, revision, title_zh, title_en, summary_zh, summary_en, body_zh, body_en, zones_wanted, segments, industries, keywords,
                cooperation_modes, ai_generated, export_control, excluded_organizations, tiers, attributes, trl, amount_min, amount_max, currency)
            SELECT id, 1, title_zh, title_en, summary_zh, summary_en, body_zh, body_en, zones_wanted, segments, industries, keywords,
                cooperation_modes, ai_generated, export_control, excluded_organizations, tiers, attributes, trl, amount_min::numeric, amount_max::numeric, currency
            FROM import_rows JOIN new USING (id)
        ), entries AS (
            INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, organization_id, zone, after_digest, changes)
            SELECT audit_id, 'command', 'import', 'listing', id::text, $1, $2, digest, jsonb_build_array(jsonb_build_object('field', 'state', 'after', $3))
            FROM import_rows JOIN new USING (id)
        ), changes AS (
            INSERT INTO change_feed (subject_type, subject_id) SELECT 'listing', id FROM new WHERE $4
        )
        SELECT id FROM import_rows JOIN new USING (id) ORDER BY position";
    let state = if publish { "published" } else { "draft" };
    let statement = transaction.prepare_typed(statement, &[Type::UUID, Type::TEXT, Type::TEXT, Type::BOOL]).await.map_err(Error::internal)?;
    let rows = transaction.query(&statement, &[&drafting.organization(), &zone, &state, &publish]).await.map_err(Error::internal)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn copy(transaction: &Transaction<'_>, rows: &[Staged]) -> Result<()> {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let types: Vec<Type> = COLUMNS.iter().map(|(_, kind)| kind.clone()).collect();
    let sink = transaction.copy_in(&format!("COPY import_rows ({}) FROM STDIN BINARY", names.join(", "))).await.map_err(Error::internal)?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for (position, row) in rows.iter().enumerate() {
        let revision = &row.revision;
        let (segments, modes) = (words(&revision.segments), words(&revision.cooperation_modes));
        let (amount_min, amount_max) = (revision.amount_min.as_ref().map(BigDecimal::to_plain_string), revision.amount_max.as_ref().map(BigDecimal::to_plain_string));
        let currency = revision.currency.map(Currency::as_str);
        let position = i32::try_from(position).map_err(Error::internal)?;
        let values: [&(dyn ToSql + Sync); COLUMNS.len()] = [
            &row.id,
            &row.audit_id,
            &row.external_id,
            &row.kind,
            &row.direction,
            &row.valid_through,
            &row.digest,
            &revision.title_zh,
            &revision.title_en,
            &revision.summary_zh,
            &revision.summary_en,
            &revision.body_zh,
            &revision.body_en,
            &revision.zones_wanted,
            &segments,
            &revision.industries,
            &revision.keywords,
            &modes,
            &revision.ai_generated.as_str(),
            &revision.export_control.as_str(),
            &revision.excluded_organizations,
            &revision.tiers,
            &revision.attributes,
            &revision.trl,
            &amount_min,
            &amount_max,
            &currency,
            &position,
        ];
        writer.as_mut().write(&values).await.map_err(Error::internal)?;
    }
    writer.finish().await.map_err(Error::internal)?;
    Ok(())
}

fn words<T: std::fmt::Display>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

pub async fn untouched(client: &Client, drafting: &Drafting, external_ids: &[&str]) -> Result<Vec<(String, Uuid)>> {
    let statement = "SELECT external_id, id FROM listings WHERE organization_id = $1 AND external_id = ANY($2) AND version = 1 ORDER BY id";
    let rows = client.query(statement, &[&drafting.organization(), &external_ids]).await.map_err(Error::internal)?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

pub async fn keep_checkpoint(transaction: &Transaction<'_>, drafting: &Drafting, source: &str, checkpoint: &Checkpoint) -> Result<()> {
    let statement = "
        INSERT INTO import_checkpoints (organization_id, source, rows_read, digest, new_rows, known_rows, bad_rows, rejects, rejects_bytes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (organization_id, source) DO UPDATE SET rows_read = excluded.rows_read, digest = excluded.digest, new_rows = excluded.new_rows,
            known_rows = excluded.known_rows, bad_rows = excluded.bad_rows, rejects = excluded.rejects, rejects_bytes = excluded.rejects_bytes, updated_at = now()";
    let Checkpoint { read, digest, new, known, bad, rejects, rejects_bytes } = checkpoint;
    transaction.execute(statement, &[&drafting.organization(), &source, read, digest, new, known, bad, rejects, rejects_bytes]).await.map_err(Error::internal)?;
    Ok(())
}

pub async fn checkpoint(client: &Client, drafting: &Drafting, source: &str) -> Result<Option<Checkpoint>> {
    let statement = "SELECT rows_read, digest, new_rows, known_rows, bad_rows, rejects, rejects_bytes FROM import_checkpoints WHERE organization_id = $1 AND source = $2";
    let row = client.query_opt(statement, &[&drafting.organization(), &source]).await.map_err(Error::internal)?;
    Ok(row.map(|row| Checkpoint { read: row.get(0), digest: row.get(1), new: row.get(2), known: row.get(3), bad: row.get(4), rejects: row.get(5), rejects_bytes: row.get(6) }))
}

pub async fn forget_checkpoint(client: &Client, drafting: &Drafting, source: &str) -> Result<()> {
    client.execute("DELETE FROM import_checkpoints WHERE organization_id = $1 AND source = $2", &[&drafting.organization(), &source]).await.map_err(Error::internal)?;
    Ok(())
}
