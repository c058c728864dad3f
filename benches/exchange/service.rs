//! The service under measurement, started as an operator would start it, and the commands beside it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use zonebridge::config::Secret;

use super::ending;

pub const EMAIL: &str = "owner@bench.example";
const PASSWORD: &str = "Quiet-river-lantern-42";
/// How long a start, or an end, may take: a start on an index that must be built takes minutes.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// How a process of the project is started: in which data folder, and with which settings beside.
pub struct Commands {
    pub data: PathBuf,
    pub port: u16,
    pub settings: Vec<(&'static str, String)>,
}

impl Commands {
    /// With the language models, where `make models` has put them.
    pub fn hybrid(data: &Path) -> Self {
        Self { data: data.to_path_buf(), port: 18_080, settings: Vec::new() }
    }

    /// On the same database and a copy of the index, with an empty folder of models: words alone.
    pub fn words(data: &Path, url: &Secret) -> Self {
        let own = data.join("words");
        let models = own.join("models").display().to_string();
        Self { data: own, port: 18_081, settings: vec![("DATABASE_URL", url.expose().to_owned()), ("ZONEBRIDGE_MODELS", models)] }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonebridge"));
        command.args(arguments).current_dir(&self.data).env_remove("DATABASE_URL").env("ZONEBRIDGE_DATA_DIR", &self.data).env("ZB_PASSWORD", PASSWORD);
        command.env("ZONEBRIDGE_LOG_FILTER", "warn").env("ZONEBRIDGE_TOKENS_ACCESS_LIFETIME_SECONDS", "3600");
        command.env("ZONEBRIDGE_SERVER_LISTEN", format!("127.0.0.1:{}", self.port)).envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<()> {
        let child = self.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let pid = child.id();
        ending::remember(pid);
        let output = child.wait_with_output();
        ending::forget(pid);
        let output = output?;
        if !output.status.success() {
            bail!("zonebridge {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Starts the service and waits until it is ready.
    pub async fn serve(&self) -> Result<Service> {
        std::fs::create_dir_all(&self.data)?;
        let path = self.data.join("service.log");
        let log = std::fs::File::create(&path)?;
        let began = Instant::now();
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(log).spawn()?;
        ending::remember(child.id());
        let mut service = Service { base: format!("http://127.0.0.1:{}", self.port), started_in: Duration::ZERO, child };
        let client = reqwest::Client::new();
        while began.elapsed() < PATIENCE {
            if let Some(status) = service.child.try_wait()? {
                bail!("the service ended with {status}; see {}", path.display());
            }
            if client.get(format!("{}/health/ready", service.base)).send().await.is_ok_and(|answer| answer.status().is_success()) {
                service.started_in = began.elapsed();
                return Ok(service);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("the service does not start; see {}", path.display())
    }
}

/// A running service; it ends when this is dropped.
pub struct Service {
    pub base: String,
    /// From the start of the process until it said that it is ready.
    pub started_in: Duration,
    child: Child,
}

impl Service {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The memory of the process in MiB: anonymous, of mapped files, all that is resident.
    pub fn memory(&self) -> Result<[f64; 3]> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).context("the service is gone")?;
        let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0;
        Ok([of("RssAnon:"), of("RssFile:"), of("VmRSS:")])
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // One that has ended already has given its number back.
        if matches!(self.child.try_wait(), Ok(None)) {
            ending::ask_to_end(self.pid());
        }
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > Duration::from_secs(60) {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            #[expect(clippy::disallowed_methods, reason = "nothing else is to be done meanwhile")]
            std::thread::sleep(Duration::from_millis(50));
        }
        ending::forget(self.pid());
    }
}

/// The administrator of the first organisation.
#[derive(Clone)]
pub struct Owner {
    pub base: String,
    pub token: String,
    pub organization: String,
    /// Some of its published listings, the newest first.
    pub own: Vec<String>,
}

impl Owner {
    pub async fn log_in(base: &str) -> Result<Self> {
        let client = reqwest::Client::new();
        let session: Value = client.post(format!("{base}/v1/sessions")).json(&json!({"email": EMAIL, "password": PASSWORD})).send().await?.json().await?;
        let token = session["access_token"].as_str().context("the log-in failed")?.to_owned();
        let me: Value = client.get(format!("{base}/v1/me")).bearer_auth(&token).send().await?.json().await?;
        let organization = me["roles"][0]["organization_id"].as_str().context("no organisation")?.to_owned();
        let page = client.get(format!("{base}/v1/organizations/{organization}/listings?state=published&limit=100")).bearer_auth(&token);
        let page: Value = page.send().await?.json().await?;
        let own = page["items"].as_array().context("no listings")?.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect();
        Ok(Self { base: base.to_owned(), token, organization, own })
    }

    /// The paths below the organisation's own listings.
    pub fn paths(&self, below: &str) -> Vec<String> {
        self.own.iter().map(|id| format!("/v1/listings/{id}{below}")).collect()
    }
}

/// How many listings a search finds.
pub async fn total(base: &str, parameters: &str) -> Result<u64> {
    let found: Value = reqwest::get(format!("{base}/v1/listings?limit=1{parameters}")).await?.json().await?;
    found["total"].as_u64().with_context(|| format!("a search failed: {found}"))
}
