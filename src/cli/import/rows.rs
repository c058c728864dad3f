//! From a record to a checked row of a listing.

use std::str::FromStr;

use chrono::{Days, NaiveDate};
use serde_json::{Map, Value, json};

use super::map::{ImportMap, put};
use super::records::{Content, ERRORS_COLUMN};
use crate::error::{Error, FieldError, Message, Result};
use crate::http::body::{parse_json, parse_value};
use crate::listings::content::check::check_complete;
use crate::listings::content::input::with_content_fields;
use crate::listings::content::kinds::{Direction, Kind, SkillLevel};
use crate::listings::import::Row;
use crate::listings::model::{parse_valid_through, today};
use crate::text::clean::{Lines, clean};

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

/// Fields of several values: a cell has them with semicolons between them.
const LISTS: [&str; 12] = [
    "zones_wanted",
    "segments",
    "industries",
    "keywords",
    "cooperation_modes",
    "excluded_organizations",
    "attributes.patents",
    "attributes.application_fields",
    "attributes.stages",
    "attributes.instruments",
    "attributes.sectors",
    "attributes.certifications",
];
const NUMBERS: [&str; 5] = ["valid_days", "attributes.trl", "attributes.min_trl", "attributes.years_min", "attributes.headcount"];

/// What every row of an import shares.
pub struct Rules {
    pub map: ImportMap,
    pub zones: Vec<String>,
    /// Whether the rows are published, and so must be complete.
    pub complete: bool,
    /// Whether the file is in another encoding than UTF-8, so that what could not be read shows as U+FFFD.
    pub transcoded: bool,
}

impl Rules {
    /// Reads and checks a record. `headers` are those of the table that it comes from.
    pub fn row(&self, content: &Content, headers: &[String]) -> Result<Row> {
        let listing = match content {
            Content::Line(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| not_text())?;
                if self.transcoded && text.contains(char::REPLACEMENT_CHARACTER) {
                    return Err(not_text());
                }
                self.map.apply(parse_json::<Map<String, Value>>(text.as_bytes(), "")?, false)
            }
            Content::Cells(cells) => self.listing_of_cells(cells, headers)?,
            Content::TooLong => return Err(Error::malformed(FieldError::new("", "too_long", Message::new("is longer than a listing can be", "超过了供需内容的最大长度")))),
        };
        checked(parse_value(Value::Object(listing), "")?, &self.zones, self.complete)
    }

    fn listing_of_cells(&self, cells: &csv::ByteRecord, headers: &[String]) -> Result<Map<String, Value>> {
        if cells.len() != headers.len() {
            let (has, wants) = (cells.len(), headers.len());
            return Err(Error::malformed(FieldError::new(
                "",
                "columns",
                Message::new(format!("has {has} cells, the header has {wants}"), format!("有{has}个单元格，表头有{wants}列")),
            )));
        }
        let mut input = Map::new();
        for (name, cell) in headers.iter().zip(cells) {
            let text = std::str::from_utf8(cell).map_err(|_| not_text())?.trim();
            if text.contains(char::REPLACEMENT_CHARACTER) {
                return Err(not_text());
            }
            if !text.is_empty() && name != ERRORS_COLUMN {
                input.insert(name.clone(), Value::String(text.to_owned()));
            }
        }
        if !self.map.is_empty() {
            return Ok(self.map.apply(input, true));
        }
        let mut listing = Map::new();
        for (name, cell) in input {
            put(&mut listing, &name, of_cell(&name, cell));
        }
        Ok(listing)
    }
}

fn not_text() -> Error {
    Error::malformed(FieldError::new("", "encoding", Message::new("is not text in the encoding that was said (--encoding)", "不是所指定编码（--encoding）的文本")))
}

/// The value that a cell stands for in a field: a list, a number, a text; or JSON where it looks like it and is no free text.
pub fn of_cell(field: &str, cell: Value) -> Value {
    let Value::String(text) = &cell else { return cell };
    let parts = || text.split([';', '；']).map(str::trim).filter(|part| !part.is_empty());
    if LISTS.contains(&field) && !text.starts_with('[') {
        return parts().map(|part| json!(part)).collect();
    }
    if field == "attributes.skills" && !text.starts_with('[') {
        return parts().map(skill).collect();
    }
    let is_text = ["title", "summary", "body"].iter().any(|prefix| field.starts_with(prefix));
    if NUMBERS.contains(&field) || (!is_text && text.starts_with(['[', '{'])) {
        return serde_json::from_str(text).unwrap_or(cell);
    }
    cell
}

/// `Rust:expert`, or a name alone.
fn skill(part: &str) -> Value {
    match part.rsplit_once([':', '：']) {
        Some((name, level)) if SkillLevel::from_str(level.trim()).is_ok() => json!({"name": name.trim(), "level": level.trim()}),
        _ => json!({"name": part}),
    }
}

/// The rules of the API, and of a submission where the row is to be published.
fn checked(listing: ImportedListing, zones: &[String], complete: bool) -> Result<Row> {
    let external_id = clean("/external_id", &listing.external_id, 200, Lines::One).map_err(Error::invalid)?;
    let (kind, direction) = (listing.kind, listing.direction);
    let day = match (listing.valid_through, listing.valid_days) {
        (None, Some(days)) => Some(today().checked_add_days(Days::new(days)).ok_or_else(|| Error::invalid(FieldError::out_of_range("/valid_days", 0, 366)))?),
        (day, _) => day,
    };
    let valid_through = parse_valid_through(day, today()).map_err(Error::invalid)?;
    let content = listing.content().into_content(kind, direction, zones)?;
    let missing = if complete { check_complete(&content) } else { Vec::new() };
    if missing.is_empty() { Ok(Row { external_id, content, valid_through }) } else { Err(Error::Invalid(missing)) }
}

/// A row that a program made.
pub fn parse_row(value: Value, zones: &[String], complete: bool) -> Result<Row> {
    checked(parse_value(value, "")?, zones, complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_what_their_field_holds() {
        for (field, cell, value) in [
            ("segments", "base.chips; base.sensors", json!(["base.chips", "base.sensors"])),
            ("keywords", "激光；雷达", json!(["激光", "雷达"])),
            ("attributes.trl", "6", json!(6)),
            ("attributes.trl", "six", json!("six")),
            ("attributes.skills", "Rust:expert; CUDA；C: advanced", json!([{"name": "Rust", "level": "expert"}, {"name": "CUDA"}, {"name": "C", "level": "advanced"}])),
            ("attributes.amount", "{\"min\":\"5\",\"currency\":\"CNY\"}", json!({"min": "5", "currency": "CNY"})),
            ("title.en", "[sic] a title; with signs", json!("[sic] a title; with signs")),
            ("attributes.quantity", "5000", json!("5000")),
        ] {
            assert_eq!(of_cell(field, json!(cell)), value, "{field}: {cell}");
        }
    }
}
