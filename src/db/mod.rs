//! The database: the pool, migrations, enums kept as text, the generated schema and the local cluster of first runs.

pub mod local;
pub mod schema;
pub mod text_enum;

use anyhow::{Context, Result};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::config::Secret;

pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Any number that nobody else uses: two instances that start together migrate one after the other.
const MIGRATION_LOCK: i64 = 0x5a6f_6e65_6272_6964;

pub type Connection = AsyncPgConnection;
pub type PooledConnection = Object<AsyncPgConnection>;

/// Reads and writes ask for their connections separately, so that a replica can be added in one place.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
}

impl Database {
    /// Connections are opened on demand; this fails only on a malformed address.
    pub fn new(url: &Secret, pool_size: usize) -> Result<Self> {
        let mut config = ManagerConfig::default();
        // The default asks the server at every checkout whether the connection is alive, which costs a third of the throughput of short reads.
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(url.expose(), config);
        let pool = Pool::builder(manager)
            .max_size(pool_size)
            .wait_timeout(Some(std::time::Duration::from_secs(10)))
            .create_timeout(Some(std::time::Duration::from_secs(10)))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .context("the database pool cannot be built")?;
        Ok(Self { pool })
    }

    pub async fn read(&self) -> crate::error::Result<PooledConnection> {
        Ok(self.pool.get().await?)
    }

    pub async fn write(&self) -> crate::error::Result<PooledConnection> {
        Ok(self.pool.get().await?)
    }

    /// Connections in use and at most, for the metrics.
    pub fn usage(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size.saturating_sub(status.available), status.max_size)
    }

    /// True when the database answers and every migration of this build has been run.
    pub async fn is_ready(&self) -> bool {
        let Ok(mut conn) = self.read().await else { return false };
        let Ok(versions) = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM __diesel_schema_migrations").get_result::<i64>(&mut conn).await else {
            return false;
        };
        usize::try_from(versions).is_ok_and(|run| run >= migration_count())
    }
}

fn migration_count() -> usize {
    diesel::migration::MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS).map_or(0, |all| all.len())
}

/// Runs the migrations that are missing and returns their names. Safe to call from several instances at once.
pub async fn migrate(url: &Secret) -> Result<Vec<String>> {
    let mut conn = AsyncPgConnection::establish(url.expose()).await.context("the database cannot be reached")?;
    wait_for_migration_lock(&mut conn).await?;
    // The lock belongs to the connection, so it is released even if a migration fails.
    let mut harness = AsyncMigrationHarness::new(conn);
    let run = tokio::task::block_in_place(|| harness.run_pending_migrations(MIGRATIONS).map(|versions| versions.iter().map(ToString::to_string).collect()));
    run.map_err(|error| anyhow::anyhow!("a migration failed: {error}"))
}

#[derive(diesel::QueryableByName)]
struct Locked {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    locked: bool,
}

/// Asks again and again instead of waiting inside a statement: an index that is built concurrently waits for every statement that runs, and
/// so for an instance that waits for its turn, which waits for the index.
async fn wait_for_migration_lock(conn: &mut AsyncPgConnection) -> Result<()> {
    loop {
        let Locked { locked } = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS locked")
            .bind::<diesel::sql_types::BigInt, _>(MIGRATION_LOCK)
            .get_result(conn)
            .await
            .context("the migration lock")?;
        if locked {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
