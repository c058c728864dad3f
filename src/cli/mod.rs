//! The commands. Exit codes: 0 done, 1 failed, 2 wrong usage. Errors say what, where and what to do.

mod admin;
mod demo;
mod evaluate;
mod health;
mod import;
mod learn;
mod progress;
mod reindex;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::startup::Connected;
use crate::{api, startup};

/// The exchange on which high-tech zones trade technology, funding, talent and industry capacity for the AI industry chain.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    /// A TOML file with settings; the environment wins over it.
    #[arg(long, global = true, env = "ZONEBRIDGE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the service; without `DATABASE_URL` with a local Postgres cluster of its own.
    Serve,
    /// Runs the service with the demonstration network and prints the accounts to log in with.
    Demo,
    /// Brings the database to the newest schema.
    Migrate,
    /// Prints every setting, secrets masked.
    Config,
    /// Prints the OpenAPI document.
    Openapi,
    /// Asks a service whether it is ready, and fails unless it is.
    Health(health::Arguments),
    /// Builds the search index anew, also while the service runs; or proves that it equals the database.
    Reindex(reindex::Arguments),
    /// Brings in many listings.
    Import(import::Arguments),
    /// Measures relevance on sets with judgements (BEIR layout).
    Evaluate(evaluate::Arguments),
    /// Writes what the ranking knows from data into its source.
    #[command(subcommand)]
    Learn(learn::Command),
    /// First accounts, organisations and roles.
    #[command(subcommand)]
    Admin(admin::Command),
}

pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("zonebridge: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> Result<ExitCode> {
    // These need neither settings nor a database.
    match &cli.command {
        Command::Openapi => {
            println!("{}", openapi_json()?);
            return Ok(ExitCode::SUCCESS);
        }
        Command::Evaluate(arguments) => return evaluate::run(arguments),
        Command::Learn(command) => return learn::run(command),
        _ => {}
    }
    let config = Config::load(cli.config.as_deref())?;
    if matches!(cli.command, Command::Config) {
        print!("{}", config.describe());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Health(arguments) = &cli.command {
        return health::run(&config, arguments);
    }
    startup::init_logs(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot start")?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve => startup::serve(&config).await.map(|()| ExitCode::SUCCESS),
            Command::Demo => demo::run(&config).await.map(|()| ExitCode::SUCCESS),
            Command::Migrate => migrate(&config).await,
            Command::Reindex(arguments) => reindex::run(&config, &arguments).await,
            Command::Import(arguments) => import::run(&config, &arguments).await,
            Command::Admin(command) => admin::run(&config, command).await.map(|()| ExitCode::SUCCESS),
            Command::Config | Command::Health(_) | Command::Openapi | Command::Evaluate(_) | Command::Learn(_) => Ok(ExitCode::SUCCESS),
        }
    })
}

/// The document as it is checked in: pretty, with a line break at the end of each line.
pub fn openapi_json() -> Result<String> {
    Ok(serde_json::to_string_pretty(&api::document())?)
}

async fn migrate(config: &Config) -> Result<ExitCode> {
    let connected = Connected::as_command(config).await?;
    connected.close();
    println!("the database is at the newest schema");
    Ok(ExitCode::SUCCESS)
}
