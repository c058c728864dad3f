//! What was measured: kept as JSON, shown as a table, compared with a run before.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use zonebridge::embedding::embedder::MODEL;
use zonebridge::search::fields::VERSION;

/// A round of requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub per_second: f64,
    /// Answers other than 2xx and 3xx, and broken connections.
    pub failures: u64,
}

impl Load {
    /// Of the times of calls that were made one after the other.
    pub fn of_times(mut times: Vec<Duration>) -> Self {
        times.sort();
        let total: f64 = times.iter().map(Duration::as_secs_f64).sum();
        Self { p50_ms: at_share(&times, 0.5), p99_ms: at_share(&times, 0.99), per_second: times.len() as f64 / total.max(1e-9), failures: 0 }
    }
}

/// The time, in milliseconds, that a share of the sorted times does not exceed.
pub fn at_share(sorted: &[Duration], share: f64) -> f64 {
    let place = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

/// Requests of one kind, a round each.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Series {
    pub name: String,
    pub rounds: Vec<Load>,
}

/// Something else that was measured, once or several times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measure {
    pub name: String,
    pub unit: String,
    pub values: Vec<f64>,
}

impl Measure {
    pub fn one(name: &str, unit: &str, value: f64) -> Self {
        Self::several(name, unit, vec![value])
    }

    pub fn several(name: &str, unit: &str, values: Vec<f64>) -> Self {
        Self { name: name.to_owned(), unit: unit.to_owned(), values }
    }
}

/// All figures of a run, with what one must know to make them again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Figures {
    pub made_at: String,
    pub machine: String,
    pub versions: BTreeMap<String, String>,
    pub seed: u64,
    pub listings: usize,
    pub seconds_of_a_round: u64,
    pub series: Vec<Series>,
    pub measures: Vec<Measure>,
}

impl Figures {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} holds no figures of this program", path.display()))
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(std::fs::write(path, serde_json::to_string_pretty(self)?)?)
    }

    /// As Markdown.
    pub fn table(&self) -> String {
        let versions: Vec<String> = self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let rounds = self.series.iter().map(|series| series.rounds.len()).max().unwrap_or(0);
        let mut lines = vec![
            format!("{} listings, seed {}, {rounds} rounds of {} s by turns; medians with ranges.", self.listings, self.seed, self.seconds_of_a_round),
            format!("{}; {}; {}.", self.machine, versions.join(", "), self.made_at),
            String::new(),
            "| what | p50 ms | p99 ms | a second | failures |\n|---|---|---|---|---|".to_owned(),
        ];
        for Series { name, rounds } in &self.series {
            let of = |figure: fn(&Load) -> f64, digits| spread(rounds.iter().map(figure), digits);
            let failures: u64 = rounds.iter().map(|round| round.failures).sum();
            lines.push(format!("| {name} | {} | {} | {} | {failures} |", of(|load| load.p50_ms, 2), of(|load| load.p99_ms, 2), of(|load| load.per_second, 0)));
        }
        lines.push("\n| what | figure | |\n|---|---|---|".to_owned());
        for Measure { name, unit, values } in &self.measures {
            // As many digits as say something.
            let digits = match values.iter().copied().fold(0.0, f64::max) {
                100.0.. => 0,
                10.0.. => 1,
                1.0.. => 2,
                _ => 4,
            };
            lines.push(format!("| {name} | {} | {unit} |", spread(values.iter().copied(), digits)));
        }
        lines.join("\n")
    }

    /// Each figure of this run as a multiple of the same one before.
    pub fn compared(&self, before: &Self) -> String {
        let ratio = |new: f64, old: f64| if old.abs() < 1e-12 { "–".to_owned() } else { format!("{:.2}", new / old) };
        let mut lines = vec![
            format!("This run ({} listings) over the one of {} ({} listings): 1.00 is the same.", self.listings, before.made_at, before.listings),
            "\n| what | p50 | p99 | a second |\n|---|---|---|---|".to_owned(),
        ];
        for series in &self.series {
            let Some(old) = before.series.iter().find(|old| old.name == series.name) else { continue };
            let of = |figure: fn(&Load) -> f64| ratio(median(series.rounds.iter().map(figure)), median(old.rounds.iter().map(figure)));
            lines.push(format!("| {} | {} | {} | {} |", series.name, of(|load| load.p50_ms), of(|load| load.p99_ms), of(|load| load.per_second)));
        }
        lines.push("\n| what | figure |\n|---|---|".to_owned());
        for measure in &self.measures {
            let Some(old) = before.measures.iter().find(|old| old.name == measure.name) else { continue };
            lines.push(format!("| {} | {} |", measure.name, ratio(median(measure.values.iter().copied()), median(old.values.iter().copied()))));
        }
        lines.join("\n")
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The median, with the range where there is one.
fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let values = sorted(values);
    let middle = values.get(values.len() / 2).copied().unwrap_or(0.0);
    match values.as_slice() {
        [low, .., high] => format!("{middle:.digits$} ({low:.digits$}–{high:.digits$})"),
        _ => format!("{middle:.digits$}"),
    }
}

/// Processor, cores and memory.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':').map(|(_, value)| value.trim().to_owned()));
    let processor = value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = value(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1_048_576.0;
    format!("{processor}, {} cores, {memory:.0} GiB", std::thread::available_parallelism().map_or(1, usize::from))
}

/// The versions of all that takes part.
pub fn versions() -> BTreeMap<String, String> {
    let of = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        // wrk tells its version and fails.
        let text = String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned();
        Some(text)
    };
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().ok().filter(|output| output.status.success());
    let all = [
        ("zonebridge", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("commit", commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())),
        ("fields", Some(VERSION.to_string())),
        ("models", Some(MODEL.to_owned())),
        ("compiler", of("rustc", "--version")),
        ("load by", of("wrk", "-v").map(|line| line.split(" [").next().unwrap_or_default().to_owned())),
    ];
    all.into_iter().filter_map(|(name, version)| Some((name.to_owned(), version?))).collect()
}
