//! The records of a file, one after the other in bounded memory: lines of JSON, or rows of a table (CSV).

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use encoding_rs_io::DecodeReaderBytesBuilder;
use sha2::{Digest, Sha256};

/// No record may be longer: a listing has at most some 50,000 characters, and a file without line breaks must not fill the memory.
const MAX_RECORD: usize = 1024 * 1024;
/// The column that a file of rejected rows has more than its source; it is left out when the file is fed in again.
pub const ERRORS_COLUMN: &str = "_errors";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line; empty lines and lines that begin with # are passed over.
    Jsonl,
    /// A table with a header (RFC 4180).
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    #[value(name = "utf-8")]
    Utf8,
    /// As Chinese office programs save tables.
    #[value(name = "gb18030", alias = "gbk")]
    Gb18030,
}

/// What a record holds, as it stood in the file.
#[derive(Debug)]
pub enum Content {
    Line(Vec<u8>),
    Cells(csv::ByteRecord),
    /// Longer than allowed, and so not kept.
    TooLong,
}

#[derive(Debug)]
pub struct Record {
    /// The line on which it begins, from 1.
    pub line: u64,
    pub content: Content,
}

/// Reads records, and keeps count and digest of all that it has read.
pub struct Records {
    source: Source,
    pub read: i64,
    digest: Sha256,
    bytes: Rc<Cell<u64>>,
}

enum Source {
    Lines { reader: Box<dyn BufRead>, line: u64 },
    Table { reader: csv::Reader<Bounded>, headers: Vec<String>, line_offset: u64 },
}

impl Records {
    pub fn open(path: &Path, format: Format, encoding: Encoding) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let bytes = Rc::new(Cell::new(0));
        let counted = Counted { inner: file, bytes: Rc::clone(&bytes) };
        // A byte order mark wins over what was asked for: our own files of rejected rows have one.
        let decoder = match encoding {
            Encoding::Utf8 => DecodeReaderBytesBuilder::new().utf8_passthru(true).strip_bom(true).bom_override(true).build(counted),
            Encoding::Gb18030 => DecodeReaderBytesBuilder::new().encoding(Some(encoding_rs::GB18030)).strip_bom(true).bom_override(true).build(counted),
        };
        let source = match format {
            Format::Jsonl => Source::Lines { reader: Box::new(BufReader::with_capacity(256 * 1024, decoder)), line: 0 },
            Format::Csv => table(path, Box::new(decoder))?,
        };
        Ok(Self { source, read: 0, digest: Sha256::new(), bytes })
    }

    /// The names of the columns, of a table.
    pub fn headers(&self) -> &[String] {
        match &self.source {
            Source::Lines { .. } => &[],
            Source::Table { headers, .. } => headers,
        }
    }

    /// How many bytes of the file have been read.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    pub fn digest(&self) -> Vec<u8> {
        self.digest.clone().finalize().to_vec()
    }

    /// The next record; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Record>> {
        let record = match &mut self.source {
            Source::Lines { reader, line } => next_line(reader, line)?,
            Source::Table { reader, headers, line_offset } => next_row(reader, headers.len(), *line_offset)?,
        };
        if let Some(record) = &record {
            self.read += 1;
            match &record.content {
                Content::Line(bytes) => self.digest.update(bytes),
                Content::Cells(cells) => cells.iter().for_each(|cell| {
                    self.digest.update(cell);
                    self.digest.update([0x1f]);
                }),
                Content::TooLong => {}
            }
            self.digest.update([0x1e]);
        }
        Ok(record)
    }

    /// Passes over the first `count` records, which must be those of the digest.
    pub fn pass_over(&mut self, count: i64, digest: &[u8]) -> Result<()> {
        while self.read < count && self.next()?.is_some() {}
        if self.read != count || self.digest() != digest {
            bail!("the first {count} rows are not those that were imported before: import the file from its beginning, without --continue");
        }
        Ok(())
    }
}

fn next_line(reader: &mut Box<dyn BufRead>, line: &mut u64) -> Result<Option<Record>> {
    loop {
        let mut bytes = Vec::new();
        *line += 1;
        let length = reader.by_ref().take(MAX_RECORD as u64 + 1).read_until(b'\n', &mut bytes).with_context(|| format!("line {line} cannot be read"))?;
        if length == 0 {
            return Ok(None);
        }
        if length > MAX_RECORD && bytes.last() != Some(&b'\n') {
            skip_line(reader)?;
            return Ok(Some(Record { line: *line, content: Content::TooLong }));
        }
        let text = bytes.trim_ascii();
        if !text.is_empty() && !text.starts_with(b"#") {
            return Ok(Some(Record { line: *line, content: Content::Line(text.to_vec()) }));
        }
    }
}

fn skip_line(reader: &mut Box<dyn BufRead>) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let (used, ends) = buffer.iter().position(|byte| *byte == b'\n').map_or((buffer.len(), false), |at| (at + 1, true));
        reader.consume(used);
        if ends {
            return Ok(());
        }
    }
}

fn table(path: &Path, input: Box<dyn Read>) -> Result<Source> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Bounded { inner: input, since_record: 0 });
    let first = reader.byte_headers().with_context(|| format!("{} has no header", path.display()))?;
    let headers = first.iter().map(|name| Ok(std::str::from_utf8(name)?.trim().to_owned())).collect::<Result<Vec<String>>>();
    let headers = headers.with_context(|| format!("the header of {} is not UTF-8: save the table as UTF-8, or say --encoding gb18030", path.display()))?;
    if headers.iter().all(String::is_empty) {
        bail!("{} has no header: its first line must name the columns", path.display());
    }
    if let Some(twice) = headers.iter().enumerate().find_map(|(at, name)| headers[..at].contains(name).then_some(name)) {
        bail!("{}: the column `{twice}` is there twice", path.display());
    }
    // Where lines end with CR LF, the reader takes the LF for the beginning of the next row, and so counts one line too few.
    let header_lines = 1 + headers.iter().map(|name| name.matches('\n').count() as u64).sum::<u64>();
    let line_offset = (1 + header_lines).saturating_sub(reader.position().line());
    Ok(Source::Table { reader, headers, line_offset })
}

fn next_row(reader: &mut csv::Reader<Bounded>, columns: usize, line_offset: u64) -> Result<Option<Record>> {
    loop {
        reader.get_mut().since_record = 0;
        let mut cells = csv::ByteRecord::new();
        let about = reader.position().line() + line_offset;
        if !reader.read_byte_record(&mut cells).with_context(|| format!("the row at line {about} cannot be read"))? {
            return Ok(None);
        }
        // Counted from its end, since the reader passes over empty lines after it has noted where a row begins.
        let end = if reader.is_done() { reader.position().line() } else { reader.position().line() + line_offset - 1 };
        let line = end - cells.iter().flatten().filter(|byte| **byte == b'\n').count() as u64;
        if cells.iter().all(|cell| cell.trim_ascii().is_empty()) && cells.len() <= columns {
            continue;
        }
        return Ok(Some(Record { line, content: Content::Cells(cells) }));
    }
}

/// Counts what is read of the file, for the progress.
struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + length as u64);
        Ok(length)
    }
}

/// Refuses to go on reading where one row takes in ever more: a quote that was never closed would swallow the rest of the file.
struct Bounded {
    inner: Box<dyn Read>,
    since_record: usize,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_record > MAX_RECORD {
            return Err(io::Error::other(format!("it is longer than the {MAX_RECORD} bytes allowed; is a quote left open?")));
        }
        let length = self.inner.read(buffer)?;
        self.since_record += length;
        Ok(length)
    }
}
