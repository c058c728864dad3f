//! One cluster for all tests, stopped when the test process ends however it ends; one database a test, cloned from a migrated template.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use zonebridge::config::Secret;
use zonebridge::db::local::{FORGETFUL, LocalCluster};

const TEMPLATE: &str = "zonebridge_template";
/// Cloning asks that nobody is connected to the template, so clones are made one after the other.
const CLONE_LOCK: i64 = 7_310_942;

static CLUSTER: OnceLock<LocalCluster> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The address of a fresh database with the newest schema.
pub async fn fresh() -> Secret {
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut conn = connect(&cluster.url()).await;
    run(&mut conn, &format!("SELECT pg_advisory_lock({CLONE_LOCK})")).await;
    run(&mut conn, &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")).await;
    cluster.url_of_database(&name)
}

/// The address of a fresh database without any schema.
pub async fn empty() -> Secret {
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    run(&mut connect(&cluster.url()).await, &format!("CREATE DATABASE {name}")).await;
    cluster.url_of_database(&name)
}

pub async fn connect(url: &Secret) -> AsyncPgConnection {
    AsyncPgConnection::establish(url.expose()).await.unwrap()
}

pub async fn run(conn: &mut AsyncPgConnection, sql: &str) {
    diesel::sql_query(sql).execute(conn).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn cluster() -> &'static LocalCluster {
    CLUSTER.get_or_init(|| {
        // A runtime of its own: the one of the test that comes first ends with that test.
        let made = std::thread::spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(start()));
        made.join().unwrap()
    })
}

async fn start() -> LocalCluster {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("postgres");
    let cluster = LocalCluster::own(&folder, FORGETFUL).await.expect("the tests need a Postgres cluster of their own");
    guard(&cluster);
    let mut conn = connect(&cluster.url()).await;
    for database in leftovers(&mut conn).await {
        run(&mut conn, &format!("DROP DATABASE \"{database}\" WITH (FORCE)")).await;
    }
    run(&mut conn, &format!("CREATE DATABASE {TEMPLATE}")).await;
    zonebridge::db::migrate(&cluster.url_of_database(TEMPLATE)).await.unwrap();
    cluster
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

async fn leftovers(conn: &mut AsyncPgConnection) -> Vec<String> {
    let query = format!("SELECT datname::text AS name FROM pg_database WHERE datname LIKE 'test\\_%' OR datname = '{TEMPLATE}'");
    let rows: Vec<Name> = diesel::sql_query(query).load(conn).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

/// A child that waits for the end of its standard input, which is the end of this process, and then stops the server.
fn guard(cluster: &LocalCluster) {
    let stop = cluster.stop_command();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg("read -r _; exec \"$@\"").arg("sh").args(stop).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    if let Some((uid, gid)) = cluster.server_ids() {
        command.uid(uid).gid(gid);
    }
    let child = command.spawn().expect("the guard cannot be started");
    // Its end of the pipe must stay open as long as we live.
    std::mem::forget(child);
}
