//! The file of rejected rows: what was bad, with the reason, in the form of its source, so that it can be mended and fed in again.
//!
//! Lines of JSON stand as they were, each below a comment line with the reason. Rows of a table keep their header, with one column more
//! for the reason. A byte order mark says where the source was in another encoding that this file is UTF-8, and tells office programs.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::records::{Content, ERRORS_COLUMN, Encoding, Format, Record};

pub struct Rejects {
    path: PathBuf,
    format: Format,
    has_mark: bool,
    file: File,
    length: u64,
    /// Of an import that goes on: where its last checkpoint left the file. Cut off when the first batch is written.
    cut_at: Option<u64>,
}

impl Rejects {
    /// Reserves the file that was named, or else one in the working folder whose name is free: a file that is there may hold rows that
    /// somebody is mending.
    pub fn fresh(named: Option<&Path>, source: &Path, format: Format, encoding: Encoding) -> Result<Self> {
        let candidates: Vec<PathBuf> = named.map_or_else(|| free_names(source, format).collect(), |path| vec![path.to_path_buf()]);
        for path in &candidates {
            match OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(file) => return Self::of(path, format, encoding, file, None),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("{} cannot be made: name another file with --rejects", path.display())),
            }
        }
        bail!(
            "{} is there already: feed it in when it is mended, remove it, or name another file with --rejects",
            candidates.last().map_or_else(String::new, |path| path.display().to_string())
        )
    }

    /// The file of an import that goes on. What was written after its last checkpoint comes again.
    pub fn resumed(path: &Path, format: Format, encoding: Encoding, bytes: i64) -> Result<Self> {
        let bytes = u64::try_from(bytes)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| format!("{}, the rejected rows so far, cannot be opened", path.display()))?;
        if file.metadata()?.len() < bytes {
            bail!("{} is shorter than it was: it was changed meanwhile; import the file from its beginning, without --continue", path.display());
        }
        Self::of(path, format, encoding, file, Some(bytes))
    }

    fn of(path: &Path, format: Format, encoding: Encoding, file: File, cut_at: Option<u64>) -> Result<Self> {
        let has_mark = format == Format::Csv || encoding != Encoding::Utf8;
        Ok(Self { path: std::path::absolute(path)?, format, has_mark, file, length: cut_at.unwrap_or(0), cut_at })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends rows with their reasons and makes sure that they are on the disk; returns the length of the file.
    pub fn append(&mut self, rejected: &[(Record, String)], headers: &[String]) -> Result<i64> {
        self.cut()?;
        if !rejected.is_empty() {
            let mut text = if self.length == 0 && self.has_mark { "\u{feff}".as_bytes().to_vec() } else { Vec::new() };
            match self.format {
                Format::Jsonl => lines(rejected, &mut text),
                Format::Csv => table(rejected, headers, self.length == 0, &mut text)?,
            }
            self.file.write_all(&text).and_then(|()| self.file.sync_data()).with_context(|| format!("{} cannot be written", self.path.display()))?;
            self.length += text.len() as u64;
        }
        Ok(i64::try_from(self.length)?)
    }

    /// Cuts off what stands behind the last checkpoint. A copy is kept, since somebody may have begun to mend it.
    fn cut(&mut self) -> Result<()> {
        let Some(at) = self.cut_at.take() else { return Ok(()) };
        if self.file.metadata()?.len() > at {
            std::fs::copy(&self.path, self.path.with_extension("before-continue")).with_context(|| format!("{} cannot be kept", self.path.display()))?;
            self.file.set_len(at)?;
        }
        self.file.seek(SeekFrom::Start(at))?;
        Ok(())
    }

    /// Where the rejected rows are, where there are any. An empty file is removed.
    pub fn finish(self) -> Option<PathBuf> {
        if self.length > 0 {
            return Some(self.path);
        }
        let _ = std::fs::remove_file(&self.path);
        None
    }
}

/// `rows.rejected.jsonl`, `rows.rejected-2.jsonl` and so on.
fn free_names(source: &Path, format: Format) -> impl Iterator<Item = PathBuf> {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = match format {
        Format::Jsonl => "jsonl",
        Format::Csv => "csv",
    };
    (1_u32..1_000).map(move |number| PathBuf::from(if number == 1 { format!("{stem}.rejected.{ending}") } else { format!("{stem}.rejected-{number}.{ending}") }))
}

fn lines(rejected: &[(Record, String)], text: &mut Vec<u8>) {
    for (record, reason) in rejected {
        text.extend_from_slice(format!("# line {}: {}\n", record.line, reason.replace(['\n', '\r'], " ")).as_bytes());
        if let Content::Line(line) = &record.content {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
    }
}

fn table(rejected: &[(Record, String)], headers: &[String], with_header: bool, text: &mut Vec<u8>) -> Result<()> {
    let is_error = |at: usize| headers.get(at).is_some_and(|name| name == ERRORS_COLUMN);
    let kept_headers: Vec<&str> = headers.iter().map(String::as_str).filter(|name| *name != ERRORS_COLUMN).collect();
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(text);
    if with_header {
        writer.write_record(kept_headers.iter().copied().chain([ERRORS_COLUMN]))?;
    }
    for (record, reason) in rejected {
        let Content::Cells(cells) = &record.content else { continue };
        let mut kept: Vec<&[u8]> = cells.iter().enumerate().filter(|(at, _)| !is_error(*at)).map(|(_, cell)| cell).collect();
        // A short row is filled up, so that the reason stands in its own column.
        kept.resize(kept.len().max(kept_headers.len()), b"");
        let reason = format!("line {}: {reason}", record.line);
        writer.write_record(kept.into_iter().chain([reason.as_bytes()]))?;
    }
    writer.flush()?;
    Ok(())
}
