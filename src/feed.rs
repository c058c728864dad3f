//! The change feed: what the search index must look at again, in the order in which transactions began.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::schema::{change_feed, network_identity};
use crate::db::{Connection, Database};
use crate::error::Result;

/// How far a reader has got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub txid: i64,
    pub seq: i64,
}

#[derive(Debug, QueryableByName)]
pub struct Change {
    #[diesel(sql_type = BigInt)]
    pub txid: i64,
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
    #[diesel(sql_type = Text)]
    pub subject_type: String,
    #[diesel(sql_type = SqlUuid)]
    pub subject_id: Uuid,
}

/// Call it in the transaction of the change.
pub async fn listings_changed(conn: &mut Connection, ids: &[Uuid]) -> QueryResult<()> {
    let rows: Vec<_> = ids.iter().map(|id| (change_feed::subject_type.eq("listing"), change_feed::subject_id.eq(*id))).collect();
    diesel::insert_into(change_feed::table).values(rows).execute(conn).await?;
    Ok(())
}

/// The name or verification of an organisation changed, and with it how its listings are shown and found.
pub async fn organization_changed(conn: &mut Connection, id: Uuid) -> QueryResult<()> {
    diesel::insert_into(change_feed::table).values((change_feed::subject_type.eq("organization"), change_feed::subject_id.eq(id))).execute(conn).await?;
    Ok(())
}

/// The next changes after `position`, none of which can be overtaken by an earlier one any more: rows of
/// transactions that are older than every running one.
pub async fn read_after(conn: &mut Connection, position: Position, limit: i32) -> QueryResult<Vec<Change>> {
    diesel::sql_query(
        "SELECT txid, seq, subject_type, subject_id FROM change_feed
         WHERE (txid, seq) > ($1, $2) AND txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
         ORDER BY txid, seq LIMIT $3",
    )
    .bind::<BigInt, _>(position.txid)
    .bind::<BigInt, _>(position.seq)
    .bind::<Integer, _>(limit)
    .load(conn)
    .await
}

/// Whether anything committed lies after `position`, also what is not safe to read yet because an older transaction still runs.
pub async fn has_newer(conn: &mut Connection, position: Position) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Newer {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        newer: bool,
    }
    let found: Newer = diesel::sql_query("SELECT EXISTS (SELECT 1 FROM change_feed WHERE (txid, seq) > ($1, $2)) AS newer")
        .bind::<BigInt, _>(position.txid)
        .bind::<BigInt, _>(position.seq)
        .get_result(conn)
        .await?;
    Ok(found.newer)
}

#[derive(QueryableByName)]
struct Horizon {
    #[diesel(sql_type = BigInt)]
    safe: i64,
    #[diesel(sql_type = BigInt)]
    pruned: i64,
}

/// The position from which a reader that has just read the whole database goes on. Take it before reading.
pub async fn start_position(conn: &mut Connection) -> QueryResult<Position> {
    let horizon = horizon(conn).await?;
    Ok(Position { txid: horizon.safe - 1, seq: i64::MAX })
}

/// False when changes after `position` may have been pruned already.
pub async fn is_readable_from(conn: &mut Connection, position: Position) -> QueryResult<bool> {
    let horizon = horizon(conn).await?;
    Ok(position.txid >= horizon.pruned && position.txid <= horizon.safe)
}

async fn horizon(conn: &mut Connection) -> QueryResult<Horizon> {
    diesel::sql_query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS safe, (SELECT txid FROM change_feed_horizon) AS pruned").get_result(conn).await
}

/// How many seconds the oldest change after `position` has waited; 0 when there is none.
pub async fn lag_seconds(conn: &mut Connection, position: Position) -> QueryResult<f64> {
    #[derive(QueryableByName)]
    struct Lag {
        #[diesel(sql_type = diesel::sql_types::Double)]
        seconds: f64,
    }
    let lag: Lag = diesel::sql_query(
        "SELECT coalesce(greatest(0, extract(epoch FROM clock_timestamp() - (SELECT created_at FROM change_feed WHERE (txid, seq) > ($1, $2) ORDER BY txid, seq LIMIT 1))), 0)::double precision AS seconds",
    )
    .bind::<BigInt, _>(position.txid)
    .bind::<BigInt, _>(position.seq)
    .get_result(conn)
    .await?;
    Ok(lag.seconds)
}

/// Forgets changes of more than a week ago; an index that has slept longer is rebuilt.
pub async fn prune(database: &Database) -> Result<()> {
    let mut conn = database.write().await?;
    diesel::sql_query(
        "WITH gone AS (DELETE FROM change_feed WHERE created_at < now() - interval '7 days' RETURNING txid)
         UPDATE change_feed_horizon SET txid = greatest(txid, (SELECT max(txid) FROM gone)) WHERE EXISTS (SELECT 1 FROM gone)",
    )
    .execute(&mut conn)
    .await?;
    Ok(())
}

/// Where this database lives: server, timeline and database, as Postgres tells them apart.
/// The timeline is read from the name of the log file that is written now: what the last checkpoint says is old for minutes after a take-over.
const HOME: &str = "(SELECT system_identifier FROM pg_control_system())::text || ':' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    || ':' || (SELECT oid FROM pg_database WHERE datname = current_database())::text";

#[derive(QueryableByName)]
struct Settled {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    known: bool,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    moved: bool,
}

/// Which database this is; another one after [`settle`] has found that it moved.
pub async fn network_id(conn: &mut Connection) -> QueryResult<Uuid> {
    network_identity::table.select(network_identity::id).first(conn).await
}

/// Call it at every start. Where the database was restored from a backup, or a replica took over, the positions of the feed are of another
/// place: the feed begins anew, and the network gets another identity, by which every index notices that it must be rebuilt. True then.
pub async fn settle(database: &Database) -> Result<bool> {
    let mut conn = database.write().await?;
    let moved = conn
        .transaction(async |conn| {
            let Settled { known, moved } =
                diesel::sql_query(format!("SELECT home IS NOT NULL AS known, home IS DISTINCT FROM {HOME} AS moved FROM network_identity FOR UPDATE")).get_result(conn).await?;
            if moved {
                diesel::sql_query(format!("UPDATE network_identity SET id = gen_random_uuid(), home = {HOME}")).execute(conn).await?;
                diesel::sql_query("DELETE FROM change_feed").execute(conn).await?;
                diesel::sql_query("UPDATE change_feed_horizon SET txid = 0").execute(conn).await?;
            }
            QueryResult::Ok(known && moved)
        })
        .await?;
    Ok(moved)
}
