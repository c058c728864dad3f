//! The file of rejected rows: what was bad, with the reason, in the form of its source, so that it can be mended and fed in again.
//!
//! Lines of JSON stand as they were, each below a comment line with the reason. Rows of a table keep their header, with one column more
//! for the reason, and begin with a byte order mark, so that office programs read them as UTF-8.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::records::{Content, ERRORS_COLUMN, Format, Record};

pub struct Rejects {
    path: PathBuf,
    format: Format,
    headers: Vec<String>,
    /// Made with the first rejected row: a good import leaves no file.
    file: Option<File>,
}

impl Rejects {
    /// Where the rejected rows of `source` go when nothing else is said: into the working folder, under a name that is free, since a
    /// file that is there may hold rows that somebody is mending.
    pub fn free_path(source: &Path, format: Format) -> PathBuf {
        let stem = source.file_stem().unwrap_or_default().to_string_lossy();
        let ending = match format {
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
        };
        let names = (2_u32..).map(|number| PathBuf::from(format!("{stem}.rejected-{number}.{ending}")));
        let first = PathBuf::from(format!("{stem}.rejected.{ending}"));
        std::iter::once(first.clone()).chain(names).find(|path| !path.exists()).unwrap_or(first)
    }

    /// A fresh file, which must not be there yet.
    pub fn fresh(path: PathBuf, format: Format) -> Result<Self> {
        if path.exists() {
            bail!("{} is there already: feed it in when it is mended, remove it, or name another file with --rejects", path.display());
        }
        Ok(Self { path, format, headers: Vec::new(), file: None })
    }

    /// The file of an import that goes on: what was written after its last checkpoint is cut off and comes again.
    pub fn resumed(path: PathBuf, format: Format, bytes: i64) -> Result<Self> {
        let bytes = u64::try_from(bytes)?;
        if bytes == 0 {
            // Whatever a crash left behind the first checkpoint holds nothing that will not come again.
            let _ = std::fs::remove_file(&path);
            return Ok(Self { path, format, headers: Vec::new(), file: None });
        }
        let mut file = OpenOptions::new().write(true).open(&path).with_context(|| format!("{}, the rejected rows so far, cannot be opened", path.display()))?;
        if file.metadata()?.len() < bytes {
            bail!("{} is shorter than it was: it was changed meanwhile; import the file from its beginning, without --continue", path.display());
        }
        file.set_len(bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { path, format, headers: Vec::new(), file: Some(file) })
    }

    pub fn set_headers(&mut self, headers: &[String]) {
        self.headers = headers.iter().filter(|name| *name != ERRORS_COLUMN).cloned().collect();
    }

    /// Appends rows with their reasons and makes sure that they are on the disk; returns the length of the file.
    pub fn append(&mut self, rejected: &[(Record, String)], all_headers: &[String]) -> Result<i64> {
        if !rejected.is_empty() {
            let text = match self.format {
                Format::Jsonl => lines(rejected),
                Format::Csv => self.table(rejected, all_headers)?,
            };
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(
                    OpenOptions::new()
                        .write(true)
                        .create_new(true)
                        .open(&self.path)
                        .with_context(|| format!("{} cannot be written: name another file with --rejects", self.path.display()))?,
                ),
            };
            file.write_all(&text).and_then(|()| file.sync_data()).with_context(|| format!("{} cannot be written", self.path.display()))?;
        }
        self.length()
    }

    fn length(&self) -> Result<i64> {
        let length = self.file.as_ref().map(|file| file.metadata().map(|found| found.len())).transpose()?.unwrap_or(0);
        Ok(i64::try_from(length)?)
    }

    fn table(&self, rejected: &[(Record, String)], all_headers: &[String]) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let is_new = self.file.is_none();
        if is_new {
            text.extend_from_slice("\u{feff}".as_bytes());
        }
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(text);
        if is_new {
            writer.write_record(self.headers.iter().map(String::as_str).chain([ERRORS_COLUMN]))?;
        }
        for (record, reason) in rejected {
            let Content::Cells(cells) = &record.content else { continue };
            let mut kept: Vec<&[u8]> = cells.iter().enumerate().filter(|(at, _)| all_headers.get(*at).is_none_or(|name| name != ERRORS_COLUMN)).map(|(_, cell)| cell).collect();
            // A short row is filled up, so that the reason stands in its own column.
            kept.resize(kept.len().max(self.headers.len()), b"");
            let reason = format!("line {}: {reason}", record.line);
            writer.write_record(kept.into_iter().chain([reason.as_bytes()]))?;
        }
        writer.into_inner().map_err(|error| anyhow::anyhow!(error.to_string()))
    }

    /// Where the rejected rows are, where there are any.
    pub fn written(&self) -> Option<&Path> {
        self.file.is_some().then_some(self.path.as_path())
    }
}

fn lines(rejected: &[(Record, String)]) -> Vec<u8> {
    let mut text = Vec::new();
    for (record, reason) in rejected {
        text.extend_from_slice(format!("# line {}: {}\n", record.line, reason.replace(['\n', '\r'], " ")).as_bytes());
        if let Content::Line(line) = &record.content {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
    }
    text
}
