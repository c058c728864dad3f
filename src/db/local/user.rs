//! The user that the database server runs as: ourselves, or an unprivileged one when we are root.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

#[derive(Debug, Clone)]
pub struct ServerUser {
    name: String,
    /// User and group id to change to; empty when we are no root and stay who we are.
    ids: Option<(u32, u32)>,
}

impl ServerUser {
    pub fn choose() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { name: "the current user".into(), ids: None });
        }
        let passwd = fs::read_to_string("/etc/passwd").context("/etc/passwd cannot be read")?;
        for name in ["postgres", "nobody"] {
            if let Some(ids) = ids_of(&passwd, name) {
                return Ok(Self { name: name.into(), ids: Some(ids) });
            }
        }
        bail!("Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as; start the service as an ordinary user")
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn ids(&self) -> Option<(u32, u32)> {
        self.ids
    }

    pub fn give(&self, path: &Path) -> Result<()> {
        match self.ids {
            Some((uid, gid)) => std::os::unix::fs::lchown(path, Some(uid), Some(gid)).with_context(|| format!("{} cannot be given to {}", path.display(), self.name)),
            None => Ok(()),
        }
    }

    pub fn can_enter(&self, folder: &Path) -> bool {
        self.command(Path::new("/bin/sh")).arg("-c").arg("cd \"$0\"").arg(folder).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Runs a program to its end and returns what it complained about.
    pub fn run(&self, program: &Path, arguments: &[&str]) -> Result<()> {
        // A server that pg_ctl starts inherits its standard output; a pipe would never be closed.
        let complaints = tempfile_in_memory()?;
        let status = self
            .command(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(complaints.try_clone()?)
            .status()
            .with_context(|| format!("{} cannot be run", program.display()))?;
        if status.success() {
            return Ok(());
        }
        bail!("{} failed: {}", program.display(), read_all(complaints)?.trim())
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env("LC_ALL", "C");
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
        command
    }
}

fn ids_of(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn tempfile_in_memory() -> Result<fs::File> {
    tempfile::tempfile().context("no temporary file can be made")
}

fn read_all(mut file: fs::File) -> Result<String> {
    use std::io::{Read, Seek};
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::ids_of;

    #[test]
    fn user_ids_are_read_by_exact_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres-old:x:7:8::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(ids_of(passwd, "postgres"), Some((101, 104)));
        assert_eq!(ids_of(passwd, "nobody"), None);
    }
}
