//! What is measured on, made once and kept: listings, vectors, index, and the same listings in a Postgres of their own for its full text.
//!
//! Each part has a stamp beside it that says what it was made by; a part with another stamp is made anew, and all that stand behind it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use zonebridge::config::Secret;
use zonebridge::db::local::LocalCluster;
use zonebridge::embedding::embedder::MODEL;
use zonebridge::search::fields::VERSION;

use super::clusters::Clusters;
use super::corpus::{self, Corpus, GENERATOR, ORGANIZATIONS};
use super::ending::OwnCluster;
use super::figures::Measure;
use super::postgres;
use super::service::{Commands, EMAIL};
use super::vectors;

const ZONES: [&str; ORGANIZATIONS] = ["zgc", "shanghai", "nanjing", "suzhou", "hangzhou", "hefei", "qingdao", "wuhan", "shenzhen", "chengdu", "xian"];

/// The folder for all that the benchmark makes.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench")
}

/// What was made, and where.
pub struct Prepared {
    pub data: PathBuf,
    pub measures: Vec<Measure>,
    pub full_text: OwnCluster,
}

pub struct Parts<'a> {
    pub listings: usize,
    pub seed: u64,
    pub corpus: &'a mut Corpus,
    pub clusters: &'a Clusters,
}

impl Parts<'_> {
    /// Makes what is not there.
    pub async fn prepare(self) -> Result<Prepared> {
        let data = folder().join(format!("{}-{}", self.listings, self.seed));
        let stamps = [
            ("listings", format!("generator {GENERATOR}")),
            ("vectors", format!("generator {GENERATOR}, models {MODEL}")),
            ("index", format!("generator {GENERATOR}, models {MODEL}, fields {VERSION}, version {}", env!("CARGO_PKG_VERSION"))),
        ];
        let done = stamps.iter().take_while(|(part, stamp)| std::fs::read_to_string(data.join(format!("{part}.stamp"))).is_ok_and(|found| found == *stamp)).count();
        if done == 0 {
            forget(&data).await?;
        }
        if done < stamps.len() {
            std::fs::create_dir_all(&data)?;
            let commands = Commands::hybrid(&data);
            // This program owns the cluster, so that no command starts and stops one.
            let cluster = OwnCluster::new(LocalCluster::own(&data, &[]).await?);
            for (part, stamp) in &stamps[done..] {
                let _ = std::fs::remove_file(data.join(format!("{part}.stamp")));
                let measures = match *part {
                    "listings" => import(&commands, self.corpus, self.listings)?,
                    "vectors" => seed(&cluster.url(), self.clusters).await?,
                    _ => index(&commands, self.listings, &cluster.url()).await?,
                };
                std::fs::write(data.join(format!("{part}.json")), serde_json::to_string_pretty(&measures)?)?;
                std::fs::write(data.join(format!("{part}.stamp")), stamp)?;
            }
        }
        let full_text = self.full_text(&data).await?;
        let mut measures = Vec::new();
        for part in ["listings", "vectors", "index", "full-text"] {
            let kept: Vec<Measure> = serde_json::from_str(&std::fs::read_to_string(data.join(format!("{part}.json")))?)?;
            measures.extend(kept);
        }
        Ok(Prepared { data, measures, full_text })
    }

    /// The cluster for full text, with the listings in it.
    async fn full_text(&self, data: &Path) -> Result<OwnCluster> {
        let (place, stamp) = (data.join("full-text"), format!("generator {GENERATOR}, table {}", postgres::TABLE));
        let stamp_file = data.join("full-text.stamp");
        let made = std::fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp);
        let cluster = OwnCluster::new(LocalCluster::own(&place, postgres::OPTIONS).await?);
        if !made {
            eprintln!("the listings go into a table with full text of Postgres");
            let source = OwnCluster::new(LocalCluster::own(data, &[]).await?);
            let measures = postgres::fill(&source.url(), &cluster.url(), self.listings).await?;
            std::fs::write(data.join("full-text.json"), serde_json::to_string_pretty(&measures)?)?;
            std::fs::write(&stamp_file, stamp)?;
        }
        Ok(cluster)
    }
}

/// Removes a folder with the clusters in it, which may run and may live elsewhere.
async fn forget(data: &Path) -> Result<()> {
    for place in [data.to_path_buf(), data.join("full-text")] {
        let Ok(file) = std::fs::read_to_string(place.join("postgres.json")) else { continue };
        drop(OwnCluster::new(LocalCluster::own(&place, &[]).await?));
        let home = serde_json::from_str::<Value>(&file)?["home"].as_str().map(PathBuf::from);
        if let Some(home) = home.filter(|home| home.parent() == Some(Path::new("/var/lib/zonebridge"))) {
            std::fs::remove_dir_all(home)?;
        }
    }
    match std::fs::remove_dir_all(data) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("the data of a former run cannot be removed"),
        _ => Ok(()),
    }
}

fn import(commands: &Commands, corpus: &mut Corpus, listings: usize) -> Result<Vec<Measure>> {
    eprintln!("{listings} listings are made and imported");
    let files = commands.data.join("import");
    corpus::write(corpus, &files, listings)?;
    for (zone, uscc) in ZONES.iter().zip(usccs()) {
        let name = format!("Institute of {zone}");
        commands.run(&["admin", "create-organization", "--name-en", &name, "--kind", "research_institute", "--uscc", &uscc, "--zone", zone, "--verified"])?;
    }
    let began = Instant::now();
    for (number, uscc) in usccs().iter().enumerate() {
        let file = files.join(format!("listings-{number}.jsonl"));
        commands.run(&["import", &file.display().to_string(), "--as", uscc, "--state", "published"])?;
    }
    let took = began.elapsed();
    commands.run(&["admin", "create-account", "--email", EMAIL, "--name", "Owner"])?;
    commands.run(&["admin", "grant", "--email", EMAIL, "--role", "org_admin", "--organization", &usccs()[0]])?;
    // They are gigabytes and can be made again.
    std::fs::remove_dir_all(files)?;
    Ok(vec![rate("import, published, by eleven files", listings, took)])
}

async fn seed(url: &Secret, clusters: &Clusters) -> Result<Vec<Measure>> {
    eprintln!("the listings get vectors");
    let began = Instant::now();
    let written = vectors::seed(url, clusters).await?;
    let client = vectors::connect(url).await?;
    // What the server would do by itself in the middle of a measurement.
    for table in ["listings", "listing_revisions", "organizations", "change_feed"] {
        client.batch_execute(&format!("VACUUM ANALYZE {table}")).await?;
    }
    Ok(vec![Measure::one("vectors in the database", "vectors", written as f64), Measure::one("making and copying them", "s", began.elapsed().as_secs_f64())])
}

async fn index(commands: &Commands, listings: usize, url: &Secret) -> Result<Vec<Measure>> {
    eprintln!("the index is built");
    // Nobody uses the one before, and two of a million listings would take the disk of one more.
    let _ = std::fs::remove_dir_all(commands.data.join("index"));
    let began = Instant::now();
    commands.run(&["reindex"])?;
    let took = began.elapsed();
    let size = vectors::connect(url).await?.query_one("SELECT pg_database_size(current_database())", &[]).await?.get::<_, i64>(0);
    Ok(vec![
        rate("the whole index anew, `zonebridge reindex`", listings, took),
        Measure::one("size of the index", "MiB", size_of(&commands.data.join("index"))? / 1_048_576.0),
        Measure::one("size of the database", "MiB", size as f64 / 1_048_576.0),
    ])
}

/// Bytes of a folder.
fn size_of(folder: &Path) -> Result<f64> {
    let mut sum = 0.0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { size_of(&entry.path())? } else { metadata.len() as f64 };
    }
    Ok(sum)
}

pub fn rate(name: &str, count: usize, took: Duration) -> Measure {
    Measure::one(name, "listings/s", count as f64 / took.as_secs_f64())
}

/// Links the index in use into the folder of a second service: its files are never changed, only replaced.
pub fn link_index(from: &Path, to: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(to);
    let name = std::fs::read_to_string(from.join("CURRENT")).context("there is no index")?;
    std::fs::create_dir_all(to.join(name.trim()))?;
    for entry in std::fs::read_dir(from.join(name.trim()))? {
        let entry = entry?;
        // A lock is of one service.
        if !entry.file_name().to_string_lossy().ends_with(".lock") {
            std::fs::hard_link(entry.path(), to.join(name.trim()).join(entry.file_name()))?;
        }
    }
    std::fs::write(to.join("CURRENT"), name)?;
    Ok(())
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
