//! A service with listings in it: made once by the commands that an operator would use, and kept for the next run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::corpus::{self, Corpus};

pub const ZONES: [&str; 11] = ["zgc", "shanghai", "nanjing", "suzhou", "hangzhou", "hefei", "qingdao", "wuhan", "shenzhen", "chengdu", "xian"];
const EMAIL: &str = "owner@bench.example";
const PASSWORD: &str = "Quiet-river-lantern-42";

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench")
}

pub struct Bench {
    pub folder: PathBuf,
    pub base: String,
    pub token: String,
    /// The first organisation, whose administrator the token is of, and some listings of its.
    pub organization: String,
    pub own: Vec<String>,
    /// What the preparation took, where it was made now.
    pub prepared: Vec<(String, String)>,
    service: Child,
}

impl Bench {
    pub async fn prepare(corpus: &mut Corpus, listings: usize, seed: u64) -> Result<Self> {
        let data = folder().join(format!("{listings}-{seed}"));
        let commands = Commands { data: data.clone() };
        let mut prepared = Vec::new();
        let mut service = None;
        if !data.join("complete").exists() {
            let _ = std::fs::remove_dir_all(&data);
            corpus::write(corpus, &data.join("import"), listings, ZONES.len())?;
            // The service owns the cluster; the commands run beside it, as they would in life.
            service = Some(commands.serve().await?);
            commands.organizations()?;
            let started = Instant::now();
            for (number, uscc) in usccs().iter().enumerate() {
                let file = data.join(format!("import/listings-{number}.jsonl"));
                commands.run(&["import", &file.display().to_string(), "--as", uscc, "--state", "published"])?;
            }
            prepared.push(("import, published, while the service indexes".to_owned(), rate(listings, started)));
            commands.run(&["admin", "create-account", "--email", EMAIL, "--name", "Owner"])?;
            commands.run(&["admin", "grant", "--email", EMAIL, "--role", "org_admin", "--organization", &usccs()[0]])?;
            let started = Instant::now();
            commands.run(&["reindex"])?;
            prepared.push(("the whole index anew, `zonebridge reindex`, while the service runs".to_owned(), rate(listings, started)));
            std::fs::write(data.join("complete"), "")?;
        }
        let (service, base) = match service {
            Some(running) => running,
            None => commands.serve().await?,
        };
        let mut bench = Self { folder: data, base, token: String::new(), organization: String::new(), own: Vec::new(), prepared, service };
        bench.log_in().await?;
        bench.wait_for(listings).await?;
        Ok(bench)
    }

    pub fn index_dir(&self) -> PathBuf {
        self.folder.join("index")
    }

    pub fn pid(&self) -> u32 {
        self.service.id()
    }

    /// The paths below the organisation's own listings.
    pub fn paths(&self, below: &str) -> Vec<String> {
        self.own.iter().map(|id| format!("/v1/listings/{id}{below}")).collect()
    }

    async fn log_in(&mut self) -> Result<()> {
        let client = reqwest::Client::new();
        let session: Value = client.post(format!("{}/v1/sessions", self.base)).json(&json!({"email": EMAIL, "password": PASSWORD})).send().await?.json().await?;
        session["access_token"].as_str().context("the log-in failed")?.clone_into(&mut self.token);
        let me: Value = client.get(format!("{}/v1/me", self.base)).bearer_auth(&self.token).send().await?.json().await?;
        let organization = me["roles"][0]["organization_id"].as_str().context("no organisation")?;
        organization.clone_into(&mut self.organization);
        let page: Value =
            client.get(format!("{}/v1/organizations/{organization}/listings?state=published&limit=100", self.base)).bearer_auth(&self.token).send().await?.json().await?;
        let items = page["items"].as_array().context("no listings")?;
        self.own = items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect();
        Ok(())
    }

    /// Until everything is searchable.
    async fn wait_for(&self, listings: usize) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(600);
        while Instant::now() < deadline {
            let found: Value = reqwest::get(format!("{}/v1/listings?limit=1", self.base)).await?.json().await?;
            if found["total"].as_u64().is_some_and(|total| total as usize >= listings) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        bail!("the listings do not become searchable")
    }

    pub fn stop(mut self) {
        let _ = Command::new("kill").arg(self.service.id().to_string()).status();
        let _ = self.service.wait();
    }
}

fn rate(listings: usize, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64();
    format!("{seconds:.1} s, {:.0} listings/s", listings as f64 / seconds)
}

/// A valid code for each zone's organisation.
fn usccs() -> Vec<String> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let code = |number: usize| {
        let mut code = format!("91340100MA{number:07}");
        let (sum, _) = code.bytes().fold((0, 1), |(sum, weight), c| {
            let value = ALPHABET.iter().position(|&letter| letter == c).unwrap_or(0);
            (sum + value * weight, weight * 3 % 31)
        });
        code.push(char::from(ALPHABET[(31 - sum % 31) % 31]));
        code
    };
    (0..ZONES.len()).map(code).collect()
}

struct Commands {
    data: PathBuf,
}

impl Commands {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonebridge"));
        command.args(arguments).current_dir(&self.data).env_remove("DATABASE_URL").env("ZONEBRIDGE_DATA_DIR", &self.data).env("ZB_PASSWORD", PASSWORD);
        command.env("ZONEBRIDGE_LOG_FILTER", "warn").env("ZONEBRIDGE_TOKENS_ACCESS_LIFETIME_SECONDS", "3600").env("ZONEBRIDGE_SERVER_LISTEN", "127.0.0.1:18080");
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let output = self.command(arguments).output()?;
        if !output.status.success() {
            bail!("zonebridge {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn organizations(&self) -> Result<()> {
        for (zone, uscc) in ZONES.iter().zip(usccs()) {
            self.run(&[
                "admin",
                "create-organization",
                "--name-en",
                &format!("Institute of {zone}"),
                "--kind",
                "research_institute",
                "--uscc",
                &uscc,
                "--zone",
                zone,
                "--verified",
            ])?;
        }
        Ok(())
    }

    async fn serve(&self) -> Result<(Child, String)> {
        std::fs::create_dir_all(&self.data)?;
        let log = std::fs::File::create(self.data.join("service.log"))?;
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(log).spawn()?;
        let base = "http://127.0.0.1:18080".to_owned();
        let deadline = Instant::now() + Duration::from_secs(120);
        while Instant::now() < deadline {
            if reqwest::get(format!("{base}/health/ready")).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok((child, base));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("the service does not start; see {}", self.data.join("service.log").display())
    }
}
