//! `make bench`: how fast the exchange is, beside the floors below it, all in one run and by turns.
//!
//! `cargo bench --bench exchange -- [--listings 100000] [--rounds 5] [--seconds 6]`; `--generate FOLDER` only writes the listings. What is
//! measured on is kept in `target/bench` for the next run. The tables go to standard output, and all rounds, as JSON, to
//! `target/bench/figures.json`; `--compare` shows another such file beside.

#![expect(clippy::expect_used, clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a tool for developers, whose numbers are small")]

mod changes;
mod clusters;
mod corpus;
mod documents;
mod ending;
mod engines;
mod figures;
mod floor;
mod handlers;
mod load;
mod models;
mod plots;
mod postgres;
mod prepare;
mod questions;
mod recall;
mod rounds;
mod service;
mod soak;
mod vectors;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::runtime::Runtime;
use zonebridge::config::{Secret, cache_folder};
use zonebridge::db::local::LocalCluster;
use zonebridge_meaning::files::Models;

use changes::Changes;
use clusters::Clusters;
use corpus::Corpus;
use engines::{Engine, Kind};
use figures::{Figures, Measure, Series, machine, versions};
use floor::Floor;
use handlers::Handlers;
use load::Wrk;
use postgres::FullText;
use prepare::{Parts, Prepared, link_index};
use questions::{SELECTIVE, UNSELECTIVE, search_paths};
use rounds::Rounds;
use service::{Commands, Owner, Service, total};

/// Starts that are measured.
const STARTS: usize = 3;

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
    /// A file of figures of another run, to show this one's beside.
    #[arg(long)]
    compare: Option<PathBuf>,
    /// The address of a Meilisearch that runs, to measure beside.
    #[arg(long, value_name = "ADDRESS")]
    meilisearch: Option<String>,
    #[arg(long, default_value = "", value_name = "KEY")]
    meilisearch_key: String,
    /// The address of a Typesense that runs, to measure beside.
    #[arg(long, value_name = "ADDRESS")]
    typesense: Option<String>,
    #[arg(long, default_value = "", value_name = "KEY")]
    typesense_key: String,
    /// Where the drawn figures go.
    #[arg(long, default_value = "target/bench/figures")]
    plots: PathBuf,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Read first: hours may pass until it is needed.
    let before = arguments.compare.as_deref().map(Figures::read).transpose()?;
    let mut corpus = Corpus::new(arguments.seed);
    if let Some(folder) = &arguments.generate {
        return corpus::write(&mut corpus, folder, arguments.listings);
    }
    let runtime = Runtime::new()?;
    ending::listen(runtime.handle())?;
    let models = Models::read(&std::env::var_os("ZONEBRIDGE_MODELS").map_or_else(cache_folder, PathBuf::from)).context("fetch the models with `make models`")?;
    let clusters = Clusters::new(arguments.seed).context("this build has no means of the languages")?;
    let parts = Parts { listings: arguments.listings, seed: arguments.seed, corpus: &mut corpus, clusters: &clusters };
    let prepared = runtime.block_on(parts.prepare())?;
    let bench = Bench { arguments: &arguments, runtime: &runtime, corpus: &corpus, clusters: &clusters, models: &models, prepared: &prepared };
    if let Some(minutes) = arguments.soak {
        return bench.soak(minutes);
    }
    let (series, measures) = bench.measure()?;
    let made_at = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string();
    let Arguments { seed, listings, seconds, .. } = arguments;
    let figures = Figures { made_at, machine: machine(), versions: versions(), seed, listings, seconds_of_a_round: seconds, series, measures };
    figures.write(&prepare::folder().join("figures.json"))?;
    plots::draw(&figures, &Path::new(env!("CARGO_MANIFEST_DIR")).join(&arguments.plots))?;
    println!("{}", figures.table());
    if let Some(before) = before {
        println!("\n{}", figures.compared(&before));
    }
    Ok(())
}

/// A run on what was prepared.
struct Bench<'a> {
    arguments: &'a Arguments,
    runtime: &'a Runtime,
    corpus: &'a Corpus,
    clusters: &'a Clusters,
    models: &'a Models,
    prepared: &'a Prepared,
}

impl Bench<'_> {
    fn wrk(&self, seconds: u64) -> Wrk<'_> {
        Wrk { folder: &self.prepared.data, seconds }
    }

    fn soak(&self, minutes: u64) -> Result<()> {
        let service = self.runtime.block_on(Commands::hybrid(&self.prepared.data).serve())?;
        let owner = self.runtime.block_on(Owner::log_in(&service.base))?;
        let questions = search_paths(&self.corpus.questions(self.arguments.seed + 1, 400), questions::TWO_FILTERS);
        let (matches, reads) = (owner.paths("/matches?limit=20"), owner.paths(""));
        soak::run(self.runtime.handle(), &service, &owner, &self.wrk(10), [&questions, &matches, &reads], minutes)
    }

    /// Everything, in the order in which it disturbs the rest least: what changes nothing first.
    fn measure(&self) -> Result<(Vec<Series>, Vec<Measure>)> {
        let (arguments, data) = (self.arguments, &self.prepared.data);
        let mut measures = self.prepared.measures.clone();
        let hybrid = Commands::hybrid(data);
        let (service, start) = self.runtime.block_on(changes::starts(&hybrid, STARTS))?;
        measures.push(start);
        let url = self.runtime.block_on(LocalCluster::attach_or_own(data, &[]))?.url();
        let floor = Arc::new(Floor::open(&data.join("index"))?);
        measures.push(Measure::one("documents in the index", "", floor.searcher.num_docs() as f64));
        measures.push(Measure::one("segments of the index", "", floor.searcher.segment_readers().len() as f64));
        measures.extend(models::measure(self.models, self.corpus, arguments.seed));
        let mut series = self.rounds(&service, &url, &floor, &mut measures)?;
        let (found, recall) = self.runtime.block_on(recall::measure(&floor, self.clusters, &url))?;
        series.extend(found);
        measures.extend(recall);
        measures.extend(self.runtime.block_on(self.changes(&service, &url))?);
        Ok((series, measures))
    }

    /// The requests by turns, with a second service beside that knows words alone.
    fn rounds(&self, service: &Service, url: &Secret, floor: &Arc<Floor>, measures: &mut Vec<Measure>) -> Result<Vec<Series>> {
        let (arguments, data) = (self.arguments, &self.prepared.data);
        let commands = Commands::words(data, url);
        link_index(&data.join("index"), &commands.data.join("index"))?;
        std::fs::create_dir_all(commands.data.join("models"))?;
        let words = self.runtime.block_on(commands.serve())?;
        let owner = self.runtime.block_on(Owner::log_in(&service.base))?;
        let handlers = Handlers::start(Arc::clone(floor))?;
        let full_text = self.runtime.block_on(FullText::open(&self.prepared.full_text.url()))?;
        let engines = self.engines();
        for engine in &engines {
            self.runtime.block_on(documents::fill(engine, url, arguments.listings))?;
        }
        for (name, filter) in [("the filter of 1 in 900", SELECTIVE), ("the filter of 1 in 2", UNSELECTIVE)] {
            let left = self.runtime.block_on(total(&words.base, filter))?;
            measures.push(Measure::one(&format!("{name} leaves"), "of the listings", left as f64 / arguments.listings as f64));
        }
        let rounds = Rounds {
            runtime: self.runtime.handle(),
            wrk: self.wrk(arguments.seconds),
            count: arguments.rounds,
            seed: arguments.seed,
            corpus: self.corpus,
            models: self.models,
            floor,
            handlers: &handlers,
            full_text: &full_text,
            engines: &engines,
            words: &words.base,
            owner: &owner,
        };
        let series = rounds.measure()?;
        for (name, service) in [("with models", service), ("words alone", &words)] {
            for (part, mib) in ["anonymous", "of mapped files", "resident"].iter().zip(service.memory()?) {
                measures.push(Measure::one(&format!("memory after the load, service {name}, {part}"), "MiB", mib));
            }
        }
        Ok(series)
    }

    async fn changes(&self, service: &Service, url: &Secret) -> Result<Vec<Measure>> {
        let owner = Owner::log_in(&service.base).await?;
        let changes = Changes::of(url, &owner).await?;
        let mut measures = changes.publish_to_searchable().await?;
        measures.extend(changes.embedding_rate().await?);
        Ok(measures)
    }

    fn engines(&self) -> Vec<Engine> {
        let arguments = self.arguments;
        let index = format!("zonebridge-{}-{}-{}", arguments.listings, arguments.seed, corpus::GENERATOR);
        let meilisearch = arguments.meilisearch.as_deref().map(|address| Engine::new(Kind::Meilisearch, address, &arguments.meilisearch_key, &index));
        let typesense = arguments.typesense.as_deref().map(|address| Engine::new(Kind::Typesense, address, &arguments.typesense_key, &index));
        meilisearch.into_iter().chain(typesense).collect()
    }
}
