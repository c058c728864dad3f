//! `make bench`: how fast the exchange is, beside the floors below it, all in one run and by turns.
//!
//! `cargo bench --bench exchange -- [--listings 100000] [--rounds 5] [--seconds 6]`; `--generate FOLDER` only writes the listings. The listings
//! and their index are kept in `target/bench` for the next run. The table goes to standard output and, as JSON, to `target/bench/figures.json`.

#![expect(clippy::expect_used, clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a tool for developers, whose numbers are small")]

mod corpus;
mod floor;
mod load;
mod service;
mod soak;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use serde_json::json;

use corpus::Corpus;
use floor::Floor;
use load::{Load, wrk};
use service::Bench;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 100_000)]
    listings: usize,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement of a round takes.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    #[arg(long, default_value_t = 20_261_124)]
    seed: u64,
    /// Only writes the listings there, as files for `zonebridge import`.
    #[arg(long)]
    generate: Option<PathBuf>,
    /// Instead of measuring: so many minutes of mixed load, with samples of memory, files and connections.
    #[arg(long)]
    soak: Option<u64>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut corpus = Corpus::new(arguments.seed);
    if let Some(folder) = &arguments.generate {
        return corpus::write(&mut corpus, folder, arguments.listings, service::ZONES.len());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let bench = runtime.block_on(Bench::prepare(&mut corpus, arguments.listings, arguments.seed))?;
    let questions = corpus.questions(arguments.seed + 1, 400);
    if let Some(minutes) = arguments.soak {
        let outcome = soak::run(&bench, [&search_paths(&questions, ""), &bench.paths("/matches?limit=20"), &bench.paths("")], minutes);
        bench.stop();
        return outcome;
    }
    let measured = measure(&arguments, &bench, &questions);
    let prepared = bench.prepared.clone();
    bench.stop();
    report(&arguments, &prepared, &measured?)
}

/// The figures of one thing that is measured, a round each.
struct Series {
    name: &'static str,
    rounds: Vec<Load>,
}

fn search_paths(questions: &[String], more: &str) -> Vec<String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    questions.iter().map(|question| format!("/v1/listings?q={}&kind=technology&direction=offer{more}", encode(question))).collect()
}

fn measure(arguments: &Arguments, bench: &Bench, questions: &[String]) -> Result<Vec<Series>> {
    let (reads, matches) = (bench.paths(""), bench.paths("/matches?limit=20"));
    let floor = Floor::open(&bench.index_dir())?;
    eprintln!("{} documents in {} segments", floor.documents(), floor.segments());
    let (live, plain, faceted) = (vec!["/health/live".to_owned()], search_paths(questions, ""), search_paths(questions, "&facets=kind,zone,segment"));
    let over_http: [(&'static str, &[String], bool, u32); 8] = [
        ("a bare answer, `/health/live`", &live, false, 1),
        ("search, two words, two filters", &plain, false, 1),
        ("the same with three facets", &faceted, false, 1),
        ("matches, top 20", &matches, true, 1),
        ("a listing read by its owner", &reads, true, 1),
        ("a bare answer, 16 connections", &live, false, 16),
        ("search, 16 connections", &plain, false, 16),
        ("a listing read by its owner, 16 connections", &reads, true, 16),
    ];
    let mut all: Vec<Series> = over_http.iter().map(|(name, ..)| Series { name, rounds: Vec::new() }).collect();
    let mut bare = Series { name: "the bare tantivy call, two words, two filters", rounds: Vec::new() };
    for round in 0..arguments.rounds {
        eprintln!("round {} of {}", round + 1, arguments.rounds);
        bare.rounds.push(of_times(&floor.measure(questions, Duration::from_secs(arguments.seconds))?));
        for ((_, paths, by_owner, connections), series) in over_http.iter().zip(&mut all) {
            let token = by_owner.then_some(bench.token.as_str());
            series.rounds.push(wrk(&bench.base, paths, token, *connections, arguments.seconds, &bench.folder)?);
        }
    }
    all.insert(1, bare);
    Ok(all)
}

fn of_times(sorted: &[Duration]) -> Load {
    let at = |share: f64| sorted.get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    let total: f64 = sorted.iter().map(Duration::as_secs_f64).sum();
    Load { p50_ms: at(0.5), p99_ms: at(0.99), per_second: sorted.len() as f64 / total, failures: 0 }
}

/// Median with the range over the rounds.
fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
    format!("{:.digits$} ({low:.digits$}–{high:.digits$})", values.get(values.len() / 2).copied().unwrap_or(0.0))
}

fn report(arguments: &Arguments, prepared: &[(String, String)], all: &[Series]) -> Result<()> {
    println!("{} listings, {} rounds of {} s by turns; medians with ranges", arguments.listings, arguments.rounds, arguments.seconds);
    for (what, figure) in prepared {
        println!("- {what}: {figure}");
    }
    println!("\n| what | p50 ms | p99 ms | a second | failures |\n|---|---|---|---|---|");
    for series in all {
        let of = |figure: fn(&Load) -> f64, digits| spread(series.rounds.iter().map(figure), digits);
        let failures: u64 = series.rounds.iter().map(|round| round.failures).sum();
        println!("| {} | {} | {} | {} | {failures} |", series.name, of(|load| load.p50_ms, 2), of(|load| load.p99_ms, 2), of(|load| load.per_second, 0));
    }
    let figures: Vec<_> = all.iter().map(|series| json!({"name": series.name, "rounds": series.rounds.iter().map(|load| json!({"p50_ms": load.p50_ms, "p99_ms": load.p99_ms, "per_second": load.per_second, "failures": load.failures})).collect::<Vec<_>>()})).collect();
    std::fs::write(service::folder().join("figures.json"), serde_json::to_string_pretty(&json!({"listings": arguments.listings, "prepared": prepared, "series": figures}))?)?;
    Ok(())
}
