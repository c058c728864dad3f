//! `zonebridge learn …`: what the ranking knows from data, written into the source that is built next.

mod means;
mod weights;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

#[derive(clap::Subcommand)]
pub enum Command {
    /// The mean vectors of each language, from listings as `zonebridge import` reads them (JSON Lines).
    Means {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Short texts on all subjects, Chinese and English side by side, separated by a tab: they stand for what people ask.
        #[arg(long)]
        questions: Option<PathBuf>,
        /// Where they are written.
        #[arg(long, default_value = "src/embedding/means.tsv")]
        output: PathBuf,
    },
    /// What words and each model count in a score, from sets with judgements (BEIR layout).
    Weights(weights::Arguments),
}

pub fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Means { files, questions, output } => means::learn(files, questions.as_deref(), output)?,
        Command::Weights(arguments) => weights::learn(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}
