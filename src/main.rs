//! The command `zonebridge`.

use std::process::ExitCode;

fn main() -> ExitCode {
    zonebridge::cli::run()
}
