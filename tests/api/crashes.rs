//! Kills in the middle of the work: after a restart nothing that was acknowledged is missing, and the index equals the database.
//!
//! `CRASH_ROUNDS=20 cargo test --test api crashes -- --nocapture` is the long form; `make test` does two rounds.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::builders::{PASSWORD, technology_offer, uscc, with};
use crate::support::process::{Running, command, remove, server_pid};

/// Rows of each import, so many that a kill falls into it.
const ROWS: usize = 3_000;
const PUBLISHERS: usize = 8;

struct Network {
    folder: tempfile::TempDir,
    client: Client,
    service: Running,
    organization: String,
    owner: String,
    importing: String,
}

impl Network {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Running::start(folder.path());
        service.ready().await;
        let mut network = Self { folder, client: Client::new(), service, organization: String::new(), owner: String::new(), importing: uscc() };
        let own = uscc();
        for code in [&network.importing, &own] {
            network.run(&["admin", "create-organization", "--name-en", "Institute", "--kind", "research_institute", "--uscc", code, "--zone", "hangzhou", "--verified"]);
        }
        for (email, role, scope) in [("owner@crash.example", "org_admin", ["--organization", own.as_str()]), ("chief@crash.example", "zone_admin", ["--zone", "hangzhou"])] {
            network.run(&["admin", "create-account", "--email", email, "--name", "Li"]);
            network.run(&["admin", "grant", "--email", email, "--role", role, scope[0], scope[1]]);
        }
        let chief = network.log_in("chief@crash.example").await;
        let zone = format!("{}/v1/zones/hangzhou", network.service.base);
        let etag = network.client.get(&zone).send().await.unwrap().headers()["etag"].to_str().unwrap().to_owned();
        let changed = network.client.patch(&zone).bearer_auth(chief).header("if-match", etag).json(&json!({"policy": "post"})).send().await.unwrap();
        assert_eq!(changed.status(), 200);
        network.owner = network.log_in("owner@crash.example").await;
        let me: Value = network.client.get(format!("{}/v1/me", network.service.base)).bearer_auth(&network.owner).send().await.unwrap().json().await.unwrap();
        me["roles"][0]["organization_id"].as_str().unwrap().clone_into(&mut network.organization);
        network
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = command(self.folder.path()).args(arguments).env("ZB_PASSWORD", PASSWORD).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    async fn log_in(&self, email: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD});
        let session: Value = self.client.post(format!("{}/v1/sessions", self.service.base)).json(&body).send().await.unwrap().json().await.unwrap();
        session["access_token"].as_str().unwrap().to_owned()
    }

    /// Rows of this round in a file of their own.
    fn rows(&self, round: usize) -> String {
        let rows: Vec<String> = (0..ROWS).map(|row| with(technology_offer(&format!("Imported {round}")), json!({"external_id": format!("{round}-{row}")})).to_string()).collect();
        let path = self.folder.path().join(format!("rows-{round}.jsonl"));
        std::fs::write(&path, rows.join("\n")).unwrap();
        path.display().to_string()
    }

    fn import(&self, path: &str) -> Child {
        let arguments = ["import", path, "--as", &self.importing, "--state", "published", "--continue"];
        command(self.folder.path()).args(arguments).current_dir(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Publishes until it is told to stop or cannot reach the service; the ids of those that were acknowledged.
    async fn publish(client: Client, base: String, token: String, organization: String, stop: Arc<AtomicBool>) -> Vec<String> {
        let mut acknowledged = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let draft = with(technology_offer("Published under load"), json!({"organization_id": organization}));
            let Ok(made) = client.post(format!("{base}/v1/listings")).bearer_auth(&token).json(&draft).send().await else { break };
            let Ok(made) = made.json::<Value>().await else { break };
            let Some(id) = made["id"].as_str().map(str::to_owned) else { continue };
            let Ok(moved) = client.post(format!("{base}/v1/listings/{id}/submit")).bearer_auth(&token).send().await else { break };
            if moved.status() == 200 {
                acknowledged.push(id);
            }
        }
        acknowledged
    }

    async fn count(&self, query: &str) -> u64 {
        let found: Value = self.client.get(format!("{}/v1/listings?limit=1&{query}", self.service.base)).send().await.unwrap().json().await.unwrap();
        found["total"].as_u64().unwrap()
    }

    /// Until the index has caught up, or for long enough to say that it does not.
    async fn settled(&self, query: &str, wanted: u64) -> u64 {
        for _ in 0..300 {
            if self.count(query).await == wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.count(query).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_service_or_postgres_is_killed() {
    let rounds: usize = std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    let mut network = Network::open().await;
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..rounds {
        let path = network.rows(round);
        let mut import = network.import(&path);
        let stop = Arc::new(AtomicBool::new(false));
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|_| tokio::spawn(Network::publish(network.client.clone(), network.service.base.clone(), network.owner.clone(), network.organization.clone(), Arc::clone(&stop))))
            .collect();
        tokio::time::sleep(Duration::from_millis(300 + 97 * (round as u64 % 11))).await;
        let kills_postgres = round % 2 == 1;
        if kills_postgres {
            assert!(std::process::Command::new("kill").args(["-KILL", &server_pid(network.folder.path()).to_string()]).status().unwrap().success());
        } else {
            network.service.signal("KILL");
            network.service.child.wait().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.store(true, Ordering::Relaxed);
        for publisher in publishers {
            acknowledged.extend(publisher.await.unwrap());
        }
        import.wait().unwrap();
        if !kills_postgres {
            network.service = Running::start(network.folder.path());
        }
        network.service.ready().await;
        // The import goes on where it stopped, if it did not come to its end.
        assert!(network.import(&path).wait().unwrap().success(), "the import of round {round} does not come to its end");
        network.owner = network.log_in("owner@crash.example").await;
        for id in &acknowledged {
            let read = network.client.get(format!("{}/v1/listings/{id}", network.service.base)).send().await.unwrap();
            assert_eq!(read.status(), 200, "round {round}: {id} was acknowledged and is gone");
        }
        assert_eq!(network.settled(&format!("q=imported {round}&sort=newest"), ROWS as u64).await, ROWS as u64, "round {round}");
        // Every one that was acknowledged is found; one whose answer was cut off may be there too.
        assert!(network.count("q=published under load&sort=newest").await >= acknowledged.len() as u64, "round {round}");
        let check = network.run(&["reindex", "--check"]);
        assert!(check.contains("index and database are equal"), "{check}");
        println!("round {round}: {} killed, {} acknowledged so far, {}", if kills_postgres { "Postgres" } else { "the service" }, acknowledged.len(), check.trim());
    }
    assert!(acknowledged.len() > rounds, "hardly anything was published: {}", acknowledged.len());
    network.service.end().await;
    remove(network.folder.path());
}
