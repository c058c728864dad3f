//! The service as a process of its own, on a cluster of its own: what tests need that kill it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_zonebridge");

pub struct Running {
    pub child: Child,
    pub base: String,
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_remove("DATABASE_URL").env("ZONEBRIDGE_DATA_DIR", folder).env("ZONEBRIDGE_MODELS", folder.join("no-models")).env("RUST_BACKTRACE", "0");
    command
}

impl Running {
    pub fn start(folder: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut child = command(folder).arg("serve").env("ZONEBRIDGE_SERVER_LISTEN", &address).stderr(Stdio::piped()).spawn().unwrap();
        // Its log is read, so that it never waits for a reader.
        let log = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || log.lines().for_each(|line| println!("{}", line.unwrap_or_default())));
        Self { child, base: format!("http://{address}") }
    }

    pub async fn ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !reqwest::get(format!("{}/health/ready", self.base)).await.is_ok_and(|answer| answer.status() == 200) {
            assert!(self.child.try_wait().unwrap().is_none(), "the service ended");
            assert!(Instant::now() < deadline, "the service does not become ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap().success());
    }

    pub async fn end(mut self) {
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
pub fn home(folder: &Path) -> PathBuf {
    let connection: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(folder.join("postgres.json")).unwrap()).unwrap();
    PathBuf::from(connection["home"].as_str().unwrap())
}

pub fn server_pid(folder: &Path) -> u32 {
    std::fs::read_to_string(home(folder).join("pgdata/postmaster.pid")).unwrap().lines().next().unwrap().parse().unwrap()
}

/// What lies outside the folder is not removed with it.
pub fn remove(folder: &Path) {
    let home = home(folder);
    if !home.starts_with(folder) {
        std::fs::remove_dir_all(home).unwrap();
    }
}
