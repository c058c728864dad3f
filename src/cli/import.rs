//! `zonebridge import FILE…`: JSON Lines, each row checked, the bad ones told by line and reason, the good ones kept.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate};
use clap::ValueEnum;
use serde_json::{Map, Value};

use super::admin::{describe, find_organization, said};
use super::import_map::ImportMap;
use crate::audit::model::By;
use crate::config::Config;
use crate::db::Database;
use crate::error::{Error, FieldError};
use crate::http::body::{parse_json, parse_value};
use crate::listings::content::check::check_complete;
use crate::listings::content::input::with_content_fields;
use crate::listings::content::kinds::{Direction, Kind};
use crate::listings::import::{self, Row};
use crate::listings::model::{parse_valid_through, today};
use crate::organizations::model::Organization;
use crate::startup::Connected;
use crate::text::clean::{Lines, clean};
use crate::zones::actions as zones;

const BATCH: usize = 500;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetState {
    Draft,
    Published,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
}

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// Whose listings they are: an organisation's id or unified social credit code.
    #[arg(long = "as", value_name = "ORG")]
    organization: String,
    #[arg(long, value_enum, default_value = "draft")]
    state: TargetState,
    /// A TOML file that names which input field feeds which listing field, and constants.
    #[arg(long)]
    map: Option<PathBuf>,
}

with_content_fields! {
    /// One row: a listing with the id that it has where it comes from.
    pub struct ImportedListing {
        pub external_id: String,
        pub kind: Kind,
        pub direction: Direction,
        #[serde(default)]
        pub valid_through: Option<NaiveDate>,
        /// Instead of a date: days from today.
        #[serde(default)]
        pub valid_days: Option<u64>,
    }
}

#[derive(Default)]
struct Totals {
    new: usize,
    known: usize,
    bad: usize,
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    let Format::Jsonl = arguments.format;
    let map = match &arguments.map {
        Some(path) => ImportMap::parse(&std::fs::read_to_string(path).with_context(|| format!("the map {} cannot be read", path.display()))?)?,
        None => ImportMap::default(),
    };
    let connected = Connected::as_command(config).await?;
    let outcome = import_files(&connected.database, arguments, &map).await;
    connected.close();
    let totals = outcome?;
    println!("{} new, {} known before, {} bad", totals.new, totals.known, totals.bad);
    Ok(if totals.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn import_files(database: &Database, arguments: &Arguments, map: &ImportMap) -> Result<Totals> {
    let organization = find_organization(database, &arguments.organization).await?;
    let zones = said(zones::codes(&mut *said(database.read().await)?).await)?;
    let mut totals = Totals::default();
    for path in &arguments.files {
        import_file(database, &organization, path, map, &zones, arguments.state, &mut totals).await?;
    }
    Ok(totals)
}

async fn import_file(database: &Database, organization: &Organization, path: &Path, map: &ImportMap, zones: &[String], state: TargetState, totals: &mut Totals) -> Result<()> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let started = Instant::now();
    let mut batch: Vec<Row> = Vec::with_capacity(BATCH);
    let mut read = 0_usize;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{}, line {}", path.display(), number + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        read += 1;
        match row(&line, map, zones, state) {
            Ok(row) if batch.iter().any(|other| other.external_id == row.external_id) => totals.known += 1,
            Ok(row) => batch.push(row),
            Err(error) => {
                totals.bad += 1;
                eprintln!("{}, line {}: {}", path.display(), number + 1, reason(&error));
            }
        }
        if batch.len() == BATCH {
            write(database, organization, &mut batch, state, totals).await?;
            eprintln!("{}: {read} rows, {:.0} rows/s", path.display(), rate(read, started));
        }
    }
    write(database, organization, &mut batch, state, totals).await?;
    eprintln!("{}: {read} rows in {:.1} s, {:.0} rows/s", path.display(), started.elapsed().as_secs_f64(), rate(read, started));
    Ok(())
}

fn rate(rows: usize, started: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let rows = rows as f64;
    rows / started.elapsed().as_secs_f64().max(0.001)
}

async fn write(database: &Database, organization: &Organization, batch: &mut Vec<Row>, state: TargetState, totals: &mut Totals) -> Result<()> {
    if !batch.is_empty() {
        let imported = said(import::insert(database, &By::command(), organization, batch, state == TargetState::Published).await)?;
        totals.new += imported.new.len();
        totals.known += imported.known;
        batch.clear();
    }
    Ok(())
}

/// Reads and checks one line.
fn row(line: &str, map: &ImportMap, zones: &[String], state: TargetState) -> crate::error::Result<Row> {
    let input: Map<String, Value> = parse_json(line.as_bytes(), "")?;
    let listing: ImportedListing = parse_value(Value::Object(map.apply(input)), "")?;
    checked(listing, zones, state == TargetState::Published)
}

/// The rules of the API, and of a submission where the row is to be published.
pub fn checked(listing: ImportedListing, zones: &[String], complete: bool) -> crate::error::Result<Row> {
    let external_id = clean("/external_id", &listing.external_id, 200, Lines::One).map_err(Error::invalid)?;
    let (kind, direction) = (listing.kind, listing.direction);
    let day = listing.valid_through.or_else(|| listing.valid_days.and_then(|days| today().checked_add_days(Days::new(days))));
    let valid_through = parse_valid_through(day, today()).map_err(Error::invalid)?;
    let content = listing.content().into_content(kind, direction, zones)?;
    let missing = if complete { check_complete(&content) } else { Vec::new() };
    if missing.is_empty() { Ok(Row { external_id, content, valid_through }) } else { Err(Error::Invalid(missing)) }
}

fn reason(error: &Error) -> String {
    match error {
        Error::Invalid(fields) | Error::Malformed(fields) => describe(fields),
        other => other.to_string(),
    }
}

/// A row that a program made; errors are told as for a line.
pub fn parse_row(value: Value, zones: &[String], complete: bool) -> Result<Row, Vec<FieldError>> {
    let row = parse_value::<ImportedListing>(value, "").and_then(|listing| checked(listing, zones, complete));
    row.map_err(|error| match error {
        Error::Invalid(fields) | Error::Malformed(fields) => fields,
        other => vec![FieldError::new("", "other", crate::error::Message::new(other.to_string(), other.to_string()))],
    })
}
