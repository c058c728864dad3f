//! `zonebridge import FILE…`: lines of JSON or a table, each row checked, the bad ones told and kept apart, the good ones brought in.
//!
//! One thread reads and checks while the other half waits for the database. Each batch is one transaction that also says how far the file
//! has been read, so an import that ends in the middle, however it ends, goes on there with `--continue`.

mod map;
mod records;
mod rejects;
pub mod rows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::map::ImportMap;
use self::records::{Encoding, Format, Record, Records};
use self::rejects::Rejects;
use self::rows::Rules;
use super::progress::Progress;
use super::words::{describe, find_organization, said};
use crate::config::Config;
use crate::error::Error;
use crate::listings::import::{Checkpoint, Importer, Row};
use crate::startup::Connected;
use crate::zones::actions as zones;

/// A batch is one transaction: small enough to be undone without regret, large enough that the round trips do not matter.
const BATCH_ROWS: usize = 1_000;
const BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// Where all of the first rows are bad, the map or the format is, and reading on helps nobody.
const HOPELESS: i64 = 1_000;
/// How many bad rows are told one by one; the file of rejected rows has them all.
const TOLD: i64 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TargetState {
    Draft,
    Published,
}

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    #[arg(long, value_enum, default_value = "utf-8")]
    encoding: Encoding,
    /// Whose listings they are: an organisation's id or unified social credit code.
    #[arg(long = "as", value_name = "ORG")]
    organization: String,
    #[arg(long, value_enum, default_value = "draft")]
    state: TargetState,
    /// A TOML file that names which input field feeds which listing field, and constants.
    #[arg(long)]
    map: Option<PathBuf>,
    /// Goes on where an import of the same file was interrupted.
    #[arg(long = "continue")]
    resume: bool,
    /// Where the bad rows go with their reasons; FILE.rejected.jsonl (or .csv) in the working folder unless said otherwise.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.rejects.is_some() && arguments.files.len() > 1 {
        bail!("--rejects names one file: import one file at a time with it");
    }
    let map = match &arguments.map {
        Some(path) => ImportMap::parse(&std::fs::read_to_string(path).with_context(|| format!("the map {} cannot be read", path.display()))?)?,
        None => ImportMap::default(),
    };
    let connected = Connected::as_command(config).await?;
    let outcome = import_files(&connected, arguments, map).await;
    connected.close();
    let totals = outcome?;
    println!("{} new, {} known before, {} bad", totals.new, totals.known, totals.bad);
    Ok(if totals.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn import_files(connected: &Connected, arguments: &Arguments, map: ImportMap) -> Result<Checkpoint> {
    let organization = find_organization(&connected.database, &arguments.organization).await?;
    let zones = said(zones::codes(&mut *said(connected.database.read().await)?).await)?;
    let complete = arguments.state == TargetState::Published;
    let rules = Arc::new(Rules { map, zones, complete, transcoded: arguments.encoding != Encoding::Utf8 });
    let mut importer = said(Importer::connect(&connected.url, &organization, complete).await)?;
    let stop = stop_when_asked();
    let mut totals = Checkpoint::default();
    let mut sources = Vec::new();
    for path in &arguments.files {
        let import = Import::of(path, arguments, &mut importer).await?;
        sources.push(import.source.clone());
        let of_file = import.run(&rules, &stop).await?;
        totals.new += of_file.new;
        totals.known += of_file.known;
        totals.bad += of_file.bad;
    }
    // Not before the last file: a repetition with --continue then passes over those that are done.
    for source in sources {
        said(importer.forget_checkpoint(&source).await)?;
    }
    Ok(totals)
}

/// The first Ctrl-C or SIGTERM lets the batch in hand end; the second ends at once, which loses nothing either.
fn stop_when_asked() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
        loop {
            tokio::select! {
                _ = term.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            if asked.is_cancelled() {
                std::process::exit(1);
            }
            asked.cancel();
        }
    });
    stop
}

/// What the reading half hands over.
struct Batch {
    rows: Vec<Row>,
    rejected: Vec<(Record, String)>,
    headers: Arc<Vec<String>>,
    /// Where the file stands behind this batch.
    read: i64,
    digest: Vec<u8>,
    bytes: u64,
}

/// The import of one file.
struct Import<'a> {
    path: &'a Path,
    arguments: &'a Arguments,
    importer: &'a mut Importer,
    source: String,
    at: Checkpoint,
    rejects: Rejects,
}

impl<'a> Import<'a> {
    async fn of(path: &'a Path, arguments: &'a Arguments, importer: &'a mut Importer) -> Result<Self> {
        let source = std::fs::canonicalize(path).with_context(|| format!("{} cannot be read", path.display()))?.display().to_string();
        let stopped = if arguments.resume { said(importer.checkpoint(&source).await)? } else { None };
        let (at, rejects) = if let Some(at) = stopped {
            eprintln!("{}: going on after {} rows", path.display(), at.read);
            let rejects = Rejects::resumed(Path::new(&at.rejects), arguments.format, arguments.encoding, at.rejects_bytes)?;
            (at, rejects)
        } else {
            let rejects = Rejects::fresh(arguments.rejects.as_deref(), path, arguments.format, arguments.encoding)?;
            let at = Checkpoint { rejects: rejects.path().display().to_string(), ..Checkpoint::default() };
            said(importer.forget_checkpoint(&source).await)?;
            (at, rejects)
        };
        Ok(Self { path, arguments, importer, source, at, rejects })
    }

    async fn run(mut self, rules: &Arc<Rules>, stop: &CancellationToken) -> Result<Checkpoint> {
        let size = std::fs::metadata(self.path).map_or(0, |found| found.len());
        let mut progress = Progress::new(&self.path.display().to_string(), "rows", size);
        let (sender, mut batches) = mpsc::channel(2);
        let (ended, reading) = oneshot::channel();
        let (path, format, encoding) = (self.path.to_path_buf(), self.arguments.format, self.arguments.encoding);
        let (start, rules) = (self.at.clone(), Arc::clone(rules));
        // A thread of its own, which nobody waits for when the import is interrupted.
        std::thread::spawn(move || ended.send(read(&path, format, encoding, &start, &rules, &sender)));
        loop {
            let batch = tokio::select! {
                biased;
                batch = batches.recv() => batch,
                () = stop.cancelled() => return Err(self.interrupted()),
            };
            let Some(batch) = batch else { break };
            if stop.is_cancelled() {
                return Err(self.interrupted());
            }
            self.write(batch, &mut progress).await?;
            if self.at.bad == self.at.read && self.at.read >= HOPELESS {
                bail!("none of the first {} rows of {} can be used: is the format right, is the map?", self.at.read, self.path.display());
            }
        }
        reading.await.context("the file was not read to its end")??;
        progress.finish(u64::try_from(self.at.read)?);
        if let Some(path) = self.rejects.finish() {
            eprintln!("the bad rows are in {} with their reasons: mend them there and import that file", path.display());
        }
        Ok(self.at)
    }

    fn interrupted(&self) -> anyhow::Error {
        anyhow::anyhow!("interrupted after {} rows of {}, which are kept; go on with --continue", self.at.read, self.path.display())
    }

    /// The rejected rows first: the checkpoint that counts them must not be ahead of them.
    async fn write(&mut self, batch: Batch, progress: &mut Progress) -> Result<()> {
        for (number, (record, reason)) in (self.at.bad..).zip(&batch.rejected) {
            if number < TOLD {
                progress.line(&format!("{}, line {}: {reason}", self.path.display(), record.line));
            } else if number == TOLD {
                progress.line("more rows are bad; the file of rejected rows has them all");
            }
        }
        let rejects_bytes = self.rejects.append(&batch.rejected, &batch.headers)?;
        let bad = i64::try_from(batch.rejected.len())?;
        let mut at = Checkpoint { read: batch.read, digest: batch.digest, bad: self.at.bad + bad, rejects_bytes, ..self.at.clone() };
        said(self.importer.write(&batch.rows, Some((&self.source, &mut at))).await)?;
        self.at = at;
        progress.at(batch.bytes, u64::try_from(self.at.read)?);
        Ok(())
    }
}

/// Reads and checks the file and hands over batches, two of them ahead at most.
fn read(path: &Path, format: Format, encoding: Encoding, start: &Checkpoint, rules: &Rules, batches: &mpsc::Sender<Batch>) -> Result<()> {
    let mut records = Records::open(path, format, encoding)?;
    if start.read > 0 {
        records.pass_over(start.read, &start.digest)?;
    }
    let headers = Arc::new(records.headers().to_vec());
    let (mut rows, mut rejected, mut since) = (Vec::new(), Vec::new(), records.bytes());
    loop {
        // What was read before a row that cannot be read is handed over first.
        let (record, failure) = match records.next().with_context(|| path.display().to_string()) {
            Ok(record) => (record, None),
            Err(error) => (None, Some(error)),
        };
        let ended = record.is_none();
        if let Some(record) = record {
            match rules.row(&record.content, &headers) {
                Ok(row) => rows.push(row),
                Err(error) => rejected.push((record, reason(&error))),
            }
        }
        let full = rows.len() + rejected.len() >= BATCH_ROWS || records.bytes() - since >= BATCH_BYTES;
        if (full || ended) && !(rows.is_empty() && rejected.is_empty()) {
            since = records.bytes();
            let batch = Batch {
                rows: std::mem::take(&mut rows),
                rejected: std::mem::take(&mut rejected),
                headers: Arc::clone(&headers),
                read: records.read,
                digest: records.digest(),
                bytes: since,
            };
            // The other half has gone: it says why.
            if batches.blocking_send(batch).is_err() {
                return Ok(());
            }
        }
        if ended {
            return failure.map_or(Ok(()), Err);
        }
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::Invalid(fields) | Error::Malformed(fields) => describe(fields),
        other => other.to_string(),
    }
}
