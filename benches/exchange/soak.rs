//! Minutes of mixed load, with samples of what must not grow: memory, open files, connections.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::load::Wrk;
use super::service::{Owner, Service};

/// One look at the process.
struct Sample {
    minute: f64,
    anonymous_mib: u64,
    resident_mib: u64,
    files: u64,
    threads: u64,
    connections: u64,
}

/// Loads the service by turns with searches, matches and reads, and writes meanwhile; prints a sample each half minute.
pub fn run(runtime: &Handle, service: &Service, owner: &Owner, wrk: &Wrk<'_>, paths: [&[String]; 3], minutes: u64) -> Result<()> {
    let (base, token, organization) = (owner.base.clone(), owner.token.clone(), owner.organization.clone());
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let writing = runtime.spawn(write(base, token, organization, until));
    println!("| minute | anonymous MiB | resident MiB | files | threads | Postgres connections on this machine |\n|---|---|---|---|---|---|");
    let started = Instant::now();
    let mut failures = 0;
    while Instant::now() < until {
        for paths in paths {
            failures += wrk.load(&owner.base, paths, Some(&owner.token), 8)?.failures;
        }
        let sample = sample(service, started)?;
        println!("| {:.1} | {} | {} | {} | {} | {} |", sample.minute, sample.anonymous_mib, sample.resident_mib, sample.files, sample.threads, sample.connections);
    }
    let written = runtime.block_on(writing)??;
    println!("{written} listings drafted, edited, submitted and withdrawn meanwhile; {failures} failures");
    Ok(())
}

fn sample(service: &Service, started: Instant) -> Result<Sample> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid())).context("the service is gone")?;
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0);
    let files = std::fs::read_dir(format!("/proc/{}/fd", service.pid()))?.count() as u64;
    let output = std::process::Command::new("pgrep").args(["-c", "-f", "postgres: zonebridge"]).output()?;
    let connections = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0);
    Ok(Sample {
        minute: started.elapsed().as_secs_f64() / 60.0,
        anonymous_mib: of("RssAnon:") / 1024,
        resident_mib: of("VmRSS:") / 1024,
        files,
        threads: of("Threads:"),
        connections,
    })
}

async fn write(base: String, token: String, organization: String, until: Instant) -> Result<u64> {
    let client = reqwest::Client::new();
    let mut written = 0;
    while Instant::now() < until {
        let draft = json!({
            "organization_id": organization, "kind": "technology", "direction": "need", "title": {"en": format!("Soaked {written}")},
            "summary": {"zh": "持续负载下的写入。"}, "attributes": {"min_trl": 5}
        });
        let made = client.post(format!("{base}/v1/listings")).bearer_auth(&token).json(&draft).send().await?;
        let tag = made.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
        let made: Value = made.json().await?;
        let path = format!("{base}/v1/listings/{}", made["id"].as_str().context("a draft failed")?);
        client.patch(&path).bearer_auth(&token).header("if-match", tag).json(&json!({"summary": {"zh": "改过一次。"}})).send().await?.error_for_status()?;
        for mv in ["submit", "withdraw"] {
            client.post(format!("{path}/{mv}")).bearer_auth(&token).header("idempotency-key", format!("{mv}-{written}-{}", made["id"])).send().await?.error_for_status()?;
        }
        written += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(written)
}
