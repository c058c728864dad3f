//! Where Postgres is installed, and which version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The oldest version whose SQL we use (`UNIQUE NULLS NOT DISTINCT`).
const OLDEST: u32 = 15;

#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
    pub major: u32,
}

impl Binaries {
    /// Finds the newest installed version, or the one that made `pgdata` where that exists already.
    pub fn find(pgdata: Option<&Path>) -> Result<Self> {
        let mut found: Vec<Self> = candidate_folders().into_iter().filter_map(|folder| Self::in_folder(&folder)).filter(|binaries| binaries.major >= OLDEST).collect();
        found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        let Some(wanted) = pgdata.and_then(version_of) else {
            return found.into_iter().next().with_context(|| {
                format!("no Postgres {OLDEST} or later was found (looked in PATH, pg_config and the usual folders); install one, for instance `apt-get install postgresql`, or set DATABASE_URL")
            });
        };
        if let Some(same) = found.iter().find(|binaries| binaries.major == wanted) {
            return Ok(same.clone());
        }
        let installed: Vec<String> = found.iter().map(|binaries| binaries.major.to_string()).collect();
        bail!(
            "the data folder {} was made by Postgres {wanted}, but only version {} is installed: install Postgres {wanted} beside it, or move the data with pg_upgrade or pg_dump, or start afresh with another data folder (ZONEBRIDGE_DATA_DIR)",
            pgdata.unwrap_or(Path::new("?")).display(),
            if installed.is_empty() { "none".to_owned() } else { installed.join(", ") }
        )
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let folder = fs::canonicalize(folder.join("postgres")).ok()?.parent()?.to_path_buf();
        if !["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder, major })
    }

    pub fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

fn candidate_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output()
        && output.status.success()
    {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    // Debian and Ubuntu; Fedora and RHEL; Homebrew on both kinds of Mac.
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql"), ("/usr/local/opt", "postgresql")] {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        folders.extend(entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)).map(|entry| entry.path().join("bin")));
    }
    folders
}

fn version_of(pgdata: &Path) -> Option<u32> {
    major_version(&fs::read_to_string(pgdata.join("PG_VERSION")).ok()?)
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → 15
fn major_version(line: &str) -> Option<u32> {
    let version = line.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major_version("nothing"), None);
    }

    #[test]
    fn a_data_folder_of_another_version_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("PG_VERSION"), "9\n").unwrap();
        let error = Binaries::find(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("made by Postgres 9") && error.contains("pg_upgrade"), "{error}");
    }
}
