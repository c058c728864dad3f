//! A Postgres cluster of our own in the data folder, so that a first run needs no set-up.
//!
//! The cluster belongs to one service at a time (a lock file says so); commands that run beside it attach to it. It listens on
//! loopback with a generated password and runs as an unprivileged user, because Postgres refuses to run as root.

mod binaries;
mod user;

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use self::binaries::Binaries;
use self::user::ServerUser;
use crate::config::Secret;

const SUPERUSER: &str = "postgres";
const APPLICATION: &str = "zonebridge";

/// Options that make a cluster fast and forgetful; for tests only.
pub const FORGETFUL: &[(&str, &str)] = &[("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"), ("max_connections", "300")];

/// What a command beside the service needs to find the cluster. Kept readable for the service's user only.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ConnectionFile {
    port: u16,
    password: String,
    /// Where the cluster's files are: beside this file, or in a place that the server's user can reach.
    home: PathBuf,
}

/// A running cluster. `stop` ends the server if this process owns it.
#[derive(Clone)]
pub struct LocalCluster {
    shared: Arc<Shared>,
}

struct Shared {
    binaries: Binaries,
    user: ServerUser,
    connection: ConnectionFile,
    options: Vec<(String, String)>,
    /// Held as long as this process owns the cluster; `None` when attached to another's.
    lock: Option<File>,
}

impl LocalCluster {
    /// Starts the cluster in `data_dir`, makes it first if needed, or adopts it if an earlier owner died and left it running.
    /// Fails when another service owns it.
    pub async fn own(data_dir: &Path, options: &[(&str, &str)]) -> Result<Self> {
        match take_lock(data_dir)? {
            Some(lock) => Self::start(data_dir, lock, options).await,
            None => bail!("another zonebridge service already runs on the data folder {}; stop it, or give this one a folder of its own (ZONEBRIDGE_DATA_DIR)", data_dir.display()),
        }
    }

    /// For commands: attaches to the cluster of a running service, or owns it for the time of the command.
    pub async fn attach_or_own(data_dir: &Path, options: &[(&str, &str)]) -> Result<Self> {
        if let Some(lock) = take_lock(data_dir)? {
            return Self::start(data_dir, lock, options).await;
        }
        // The owner may be starting at this moment: wait until its server answers.
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(connection) = read_connection_file(data_dir)
                && answers(&connection).await
            {
                let binaries = Binaries::find(Some(&connection.home.join("pgdata")))?;
                return Ok(Self { shared: Arc::new(Shared { binaries, user: ServerUser::choose()?, connection, options: Vec::new(), lock: None }) });
            }
            if Instant::now() > deadline {
                bail!("a service owns the data folder {}, but its database does not answer", data_dir.display());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn start(data_dir: &Path, lock: File, options: &[(&str, &str)]) -> Result<Self> {
        let user = ServerUser::choose()?;
        let connection = match read_connection_file(data_dir) {
            Some(connection) => connection,
            None => first_connection(data_dir, &user)?,
        };
        let binaries = Binaries::find(Some(&connection.home.join("pgdata")))?;
        let options = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut cluster = Shared { binaries, user, connection, options, lock: Some(lock) };
        cluster.initialise()?;
        if !cluster.adopt().await {
            // The port of last time may be somebody else's by now.
            if TcpListener::bind((Ipv4Addr::LOCALHOST, cluster.connection.port)).is_err() {
                cluster.connection.port = free_port()?;
            }
            write_connection_file(data_dir, &cluster.connection)?;
            cluster.launch()?;
        }
        cluster.prepare_database().await?;
        Ok(Self { shared: Arc::new(cluster) })
    }

    pub fn url(&self) -> Secret {
        self.url_of(APPLICATION, APPLICATION)
    }

    /// The address of another database of the cluster, as the application's role.
    pub fn url_of_database(&self, database: &str) -> Secret {
        self.url_of(APPLICATION, database)
    }

    fn url_of(&self, role: &str, database: &str) -> Secret {
        self.shared.url_of(role, database)
    }

    /// Restarts the server whenever it has died, until the returned future is dropped.
    pub async fn supervise(self) {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if self.shared.lock.is_none() || self.shared.server_pid().is_some() {
                continue;
            }
            tracing::warn!("the local database server has died; starting it again");
            let shared = Arc::clone(&self.shared);
            let started = tokio::task::spawn_blocking(move || shared.launch()).await;
            if let Ok(Err(error)) = started {
                tracing::error!(cause = %error, "the local database server does not start");
            }
        }
    }

    /// Stops the server if this process owns it.
    pub fn stop(&self) {
        if self.shared.lock.is_some() {
            let stopped = self.shared.pg_ctl(&["stop", "-m", "fast", "-w", "-t", "60"]);
            if let Err(error) = stopped {
                tracing::warn!(cause = %error, "the local database server did not stop cleanly");
            }
        }
    }

    /// The command that stops the server, for a guard process that outlives this one.
    pub fn stop_command(&self) -> Vec<String> {
        let pg_ctl = self.shared.binaries.path("pg_ctl").display().to_string();
        vec![pg_ctl, "-D".into(), self.shared.pgdata().display().to_string(), "stop".into(), "-m".into(), "immediate".into()]
    }

    pub fn server_ids(&self) -> Option<(u32, u32)> {
        self.shared.user.ids()
    }
}

impl Shared {
    fn pgdata(&self) -> PathBuf {
        self.connection.home.join("pgdata")
    }

    fn url_of(&self, role: &str, database: &str) -> Secret {
        Secret::new(format!("postgres://{role}:{}@127.0.0.1:{}/{database}", self.connection.password, self.connection.port))
    }

    /// Makes the cluster in a folder beside its place and then moves it there, so a half-made cluster is never taken for one.
    fn initialise(&self) -> Result<()> {
        let pgdata = self.pgdata();
        if pgdata.join("PG_VERSION").exists() {
            return Ok(());
        }
        tracing::info!(folder = %pgdata.display(), version = self.binaries.major, "making a local Postgres cluster");
        let home = &self.connection.home;
        let (fresh, password_file) = (home.join("pgdata.new"), home.join("password.new"));
        if fresh.exists() {
            fs::remove_dir_all(&fresh).with_context(|| format!("{} cannot be removed", fresh.display()))?;
        }
        write_private(&password_file, self.connection.password.as_bytes())?;
        self.user.give(&password_file)?;
        let made = self.user.run(
            &self.binaries.path("initdb"),
            &["-D", &fresh.display().to_string(), "-U", SUPERUSER, "--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", "--pwfile", &password_file.display().to_string()],
        );
        fs::remove_file(&password_file)?;
        made.context("initdb failed")?;
        fs::rename(&fresh, &pgdata)?;
        Ok(())
    }

    /// True when a server of this cluster already runs and answers.
    async fn adopt(&mut self) -> bool {
        if self.server_pid().is_none() {
            return false;
        }
        if let Some(port) = self.pid_file_line(3).and_then(|line| line.parse().ok()) {
            self.connection.port = port;
        }
        answers(&self.connection).await
    }

    fn launch(&self) -> Result<()> {
        let pid_file = self.pgdata().join("postmaster.pid");
        if pid_file.exists() && self.server_pid().is_none() {
            fs::remove_file(&pid_file)?;
        }
        let mut options = format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories=", self.connection.port);
        for (name, value) in &self.options {
            options.push_str(&format!(" -c {name}={value}"));
        }
        let log = self.connection.home.join("postgres.log");
        let log = log.display().to_string();
        // After a kill the old server's children may hold its memory for a moment, and the new one refuses to start until they are gone.
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match self.pg_ctl(&["start", "-w", "-t", "120", "-l", &log, "-o", &options]) {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error.context(format!("the local database server does not start; its log is {log}"))),
                Err(_) => {
                    #[expect(clippy::disallowed_methods, reason = "runs on a blocking thread, see `spawn_blocking` above")]
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
        }
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<()> {
        let pgdata = self.pgdata().display().to_string();
        let mut all = vec!["-D", pgdata.as_str()];
        all.extend(arguments);
        self.user.run(&self.binaries.path("pg_ctl"), &all)
    }

    fn pid_file_line(&self, number: usize) -> Option<String> {
        fs::read_to_string(self.pgdata().join("postmaster.pid")).ok()?.lines().nth(number).map(|line| line.trim().to_owned())
    }

    /// The process id of the running server. A file left behind by a dead server, whose number another program may have by now, does not count.
    fn server_pid(&self) -> Option<i32> {
        let pid: i32 = self.pid_file_line(0)?.parse().ok()?;
        rustix::process::test_kill_process(rustix::process::Pid::from_raw(pid)?).ok()?;
        match fs::read_to_string(format!("/proc/{pid}/comm")) {
            Ok(name) => name.trim().starts_with("postgres").then_some(pid),
            Err(_) => Some(pid),
        }
    }

    /// The service's own role is no superuser: the grants of the audit log then bind it too.
    async fn prepare_database(&self) -> Result<()> {
        let (client, connection) =
            tokio_postgres::connect(self.url_of(SUPERUSER, SUPERUSER).expose(), tokio_postgres::NoTls).await.context("the local database does not answer")?;
        let driver = tokio::spawn(connection);
        let password = &self.connection.password;
        if client.query("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&APPLICATION]).await?.is_empty() {
            client.batch_execute(&format!("CREATE ROLE {APPLICATION} LOGIN CREATEDB PASSWORD '{password}'")).await?;
        }
        if client.query("SELECT 1 FROM pg_database WHERE datname = $1", &[&APPLICATION]).await?.is_empty() {
            client.batch_execute(&format!("CREATE DATABASE {APPLICATION} OWNER {APPLICATION}")).await?;
        }
        drop(client);
        driver.await?.context("the connection to the local database broke")
    }
}

async fn answers(connection: &ConnectionFile) -> bool {
    let url = format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/{SUPERUSER}?connect_timeout=2", connection.password, connection.port);
    for _ in 0..20 {
        if let Ok((client, driver)) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await {
            drop(client);
            return driver.await.is_ok();
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    false
}

fn take_lock(data_dir: &Path) -> Result<Option<File>> {
    fs::create_dir_all(data_dir).with_context(|| format!("the data folder {} cannot be made; choose another with ZONEBRIDGE_DATA_DIR", data_dir.display()))?;
    let path = data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("the data folder {} cannot be written; choose another with ZONEBRIDGE_DATA_DIR", data_dir.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("{} cannot be locked", path.display())),
    }
}

/// The cluster lives in the data folder, unless the service runs as root and the server's user cannot get there: then in a place of its own.
fn choose_home(data_dir: &Path, user: &ServerUser) -> Result<PathBuf> {
    let beside = data_dir.join("postgres");
    make_home(&beside, user)?;
    if user.can_enter(&beside) {
        return Ok(beside);
    }
    fs::remove_dir(&beside)?;
    // A new name each time: a data folder that was removed to start afresh must not find the old database.
    let apart = Path::new("/var/lib/zonebridge").join(&random_password()?[..12]);
    make_home(&apart, user)?;
    if !user.can_enter(&apart) {
        bail!(
            "the database server runs as the unprivileged user `{}`, who can reach neither {} nor {}; open the folders above one of them (chmod o+x), or choose a data folder that this user can reach with ZONEBRIDGE_DATA_DIR",
            user.name(),
            beside.display(),
            apart.display()
        );
    }
    tracing::warn!(folder = %apart.display(), user = user.name(), "the database server's user cannot reach the data folder {}, so the cluster gets a place of its own", data_dir.display());
    Ok(apart)
}

/// A password and a place for a cluster that is yet to be made. They are written down before it is: the password could not be found again.
fn first_connection(data_dir: &Path, user: &ServerUser) -> Result<ConnectionFile> {
    let connection = ConnectionFile { port: free_port()?, password: random_password()?, home: choose_home(data_dir, user)? };
    let pgdata = connection.home.join("pgdata");
    if pgdata.exists() {
        bail!(
            "{} holds a database, but {} with its password is missing: put that file back, or move the folder away to start afresh",
            pgdata.display(),
            connection_path(data_dir).display()
        );
    }
    write_connection_file(data_dir, &connection)?;
    Ok(connection)
}

fn make_home(home: &Path, user: &ServerUser) -> Result<()> {
    fs::create_dir_all(home).with_context(|| format!("{} cannot be made", home.display()))?;
    fs::set_permissions(home, fs::Permissions::from_mode(0o700))?;
    user.give(home)
}

fn connection_path(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres.json")
}

fn read_connection_file(data_dir: &Path) -> Option<ConnectionFile> {
    serde_json::from_slice(&fs::read(connection_path(data_dir)).ok()?).ok()
}

fn write_connection_file(data_dir: &Path, connection: &ConnectionFile) -> Result<()> {
    let path = connection_path(data_dir);
    let fresh = path.with_extension("new");
    write_private(&fresh, &serde_json::to_vec(connection)?)?;
    fs::rename(&fresh, &path).with_context(|| format!("{} cannot be written", path.display()))
}

fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let _ = fs::remove_file(path);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(content)?;
    Ok(file.sync_all()?)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?.local_addr()?.port())
}

/// 192 random bits in hexadecimal: safe in an address and in SQL.
fn random_password() -> Result<String> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
