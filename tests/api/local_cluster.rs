//! The local Postgres cluster of first runs: made, kept over restarts, recovered after kills, refused where it does not fit.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_zonebridge");

struct Running {
    child: Child,
    base: String,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_remove("DATABASE_URL").env("ZONEBRIDGE_DATA_DIR", folder).env("RUST_BACKTRACE", "0");
    command
}

impl Running {
    fn start(folder: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut child = command(folder).arg("serve").env("ZONEBRIDGE_SERVER_LISTEN", &address).stderr(Stdio::piped()).spawn().unwrap();
        // Its log is read, so that it never waits for a reader.
        let log = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || log.lines().for_each(|line| println!("{}", line.unwrap_or_default())));
        Self { child, base: format!("http://{address}") }
    }

    async fn ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !reqwest::get(format!("{}/health/ready", self.base)).await.is_ok_and(|answer| answer.status() == 200) {
            assert!(self.child.try_wait().unwrap().is_none(), "the service ended");
            assert!(Instant::now() < deadline, "the service does not become ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap().success());
    }

    async fn end(mut self) {
        self.signal("TERM");
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "it ended with {status}");
                return;
            }
            assert!(Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Where the cluster's files are: in the folder, or outside it where the server's user cannot enter the folder.
fn home(folder: &Path) -> PathBuf {
    let connection: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(folder.join("postgres.json")).unwrap()).unwrap();
    PathBuf::from(connection["home"].as_str().unwrap())
}

fn server_pid(folder: &Path) -> u32 {
    std::fs::read_to_string(home(folder).join("pgdata/postmaster.pid")).unwrap().lines().next().unwrap().parse().unwrap()
}

/// What lies outside the folder is not removed with it.
fn remove(folder: &Path) {
    let home = home(folder);
    if !home.starts_with(folder) {
        std::fs::remove_dir_all(home).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_kills_of_either_process_and_keeps_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Running::start(folder.path());
    service.ready().await;
    let register = async |base: &str, email: &str| {
        let body = serde_json::json!({"email": email, "password": "Quiet-river-lantern-42", "display_name": "Li", "locale": "zh"});
        reqwest::Client::new().post(format!("{base}/v1/accounts")).header("content-type", "application/json").body(body.to_string()).send().await.unwrap().status()
    };
    let log_in = async |base: &str, email: &str| {
        let body = serde_json::json!({"email": email, "password": "Quiet-river-lantern-42"});
        reqwest::Client::new().post(format!("{base}/v1/sessions")).header("content-type", "application/json").body(body.to_string()).send().await.unwrap().status()
    };
    assert_eq!(register(&service.base, "one@a.example").await, 201);

    // The database server dies: the service starts it again by itself.
    assert!(Command::new("kill").arg("-KILL").arg(server_pid(folder.path()).to_string()).status().unwrap().success());
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.ready().await;
    assert_eq!(log_in(&service.base, "one@a.example").await, 201);
    assert_eq!(register(&service.base, "two@a.example").await, 201);

    // The service dies: the next one adopts the server that is left, or starts it.
    service.signal("KILL");
    service.child.wait().unwrap();
    let mut service = Running::start(folder.path());
    service.ready().await;
    assert_eq!(log_in(&service.base, "two@a.example").await, 201);

    // A second service on the same folder is refused, a command attaches.
    let second = command(folder.path()).arg("serve").env("ZONEBRIDGE_SERVER_LISTEN", format!("127.0.0.1:{}", free_port())).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another zonebridge service already runs"), "{}", String::from_utf8_lossy(&second.stderr));
    let attached = command(folder.path()).arg("migrate").output().unwrap();
    assert!(attached.status.success(), "{}", String::from_utf8_lossy(&attached.stderr));

    // A clean end stops both.
    let pid_file = home(folder.path()).join("pgdata/postmaster.pid");
    assert!(pid_file.exists());
    service.end().await;
    assert!(!pid_file.exists(), "the database server was not shut down");
    remove(folder.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_another_major_version_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let pgdata = home.path().join("pgdata");
    std::fs::create_dir_all(&pgdata).unwrap();
    std::fs::write(pgdata.join("PG_VERSION"), "9.6\n").unwrap();
    let connection = serde_json::json!({"port": free_port(), "password": "x", "home": home.path()});
    std::fs::write(folder.path().join("postgres.json"), connection.to_string()).unwrap();
    let refused = command(folder.path()).arg("migrate").output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("Postgres 9") && told.contains("pg_upgrade"), "{told}");
}
