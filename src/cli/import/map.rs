//! The map of an import: which field of the input feeds which field of a listing, and what is the same for all.
//!
//! ```toml
//! [fields]
//! external_id = "_id"
//! "title.zh" = "title"
//! "summary.zh" = { from = ["text", "title"], max_chars = 300 }   # the first that is not empty, cut at a word
//! [constants]
//! kind = "technology"
//! "attributes.ip_status" = "undisclosed"
//! valid_days = 300
//! ```

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::rows::of_cell;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportMap {
    /// Mends what older systems leave in texts, see [`repaired`].
    #[serde(default)]
    repair: bool,
    #[serde(default)]
    fields: BTreeMap<String, Source>,
    #[serde(default)]
    constants: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Source {
    Name(String),
    Detailed(Detailed),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detailed {
    from: OneOrMany,
    max_chars: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl ImportMap {
    pub fn parse(text: &str) -> Result<Self> {
        let map: Self = toml::from_str(text)
            .context("the map is not of the form [fields] target = \"source\", [constants] target = value, with repair = true before both where texts are to be mended")?;
        if map.is_empty() {
            bail!("the map names no field and no constant");
        }
        Ok(map)
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.constants.is_empty()
    }

    /// The listing's fields of one input object. Without any mapping the object itself. `of_cells` says that its values are a table's
    /// cells, which are text whatever they mean.
    pub fn apply(&self, input: Map<String, Value>, of_cells: bool) -> Map<String, Value> {
        if self.is_empty() {
            return input;
        }
        let input = Value::Object(input);
        let mut output = Map::new();
        for (target, value) in &self.constants {
            put(&mut output, target, value.clone());
        }
        for (target, source) in &self.fields {
            if let Some(value) = source.read(&input) {
                // An id may be a number in the input; listings have text.
                let value = if target == "external_id" && value.is_number() { Value::String(value.to_string()) } else { value };
                let value = if self.repair { repaired(target, value) } else { value };
                put(&mut output, target, if of_cells { of_cell(target, value) } else { value });
            }
        }
        output
    }
}

impl Source {
    fn read(&self, input: &Value) -> Option<Value> {
        let (names, max_chars) = match self {
            Self::Name(name) => (std::slice::from_ref(name), None),
            Self::Detailed(Detailed { from: OneOrMany::One(name), max_chars }) => (std::slice::from_ref(name), *max_chars),
            Self::Detailed(Detailed { from: OneOrMany::Many(names), max_chars }) => (names.as_slice(), *max_chars),
        };
        let found = names.iter().find_map(|name| get(input, name).filter(|value| !is_empty(value)))?;
        Some(match (found, max_chars) {
            (Value::String(text), Some(max)) => Value::String(cut(text, max)),
            (other, _) => other.clone(),
        })
    }
}

/// What the bytes 80 to 9F mean in Windows-1252. Read as Latin-1 they became control characters, which no text may have; the HTML
/// standard reads them back in the same way. Five of them mean nothing.
const WINDOWS_1252: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

/// Reads Windows-1252 that was taken for Latin-1, drops other control characters, reads a written-out `\n` as a line break, and makes a
/// title one line.
fn repaired(target: &str, value: Value) -> Value {
    let Value::String(text) = value else { return value };
    let text = text.replace("\\r\\n", "\n").replace("\\n", "\n");
    let mended = text.chars().filter_map(|c| match u32::from(c) {
        code @ 0x80..=0x9F => WINDOWS_1252[code as usize - 0x80],
        _ if c == '\n' || c == '\t' => Some(c),
        _ if c.is_control() => None,
        _ => Some(c),
    });
    let mended: String = mended.collect();
    Value::String(if target.starts_with("title") { mended.split_whitespace().collect::<Vec<_>>().join(" ") } else { mended })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// A column may have a dot in its name; otherwise dots step into objects.
fn get<'a>(input: &'a Value, path: &str) -> Option<&'a Value> {
    input.get(path).or_else(|| path.split('.').try_fold(input, |value, key| value.get(key)))
}

/// Puts a value where a dotted path says.
pub fn put(output: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            output.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = output.entry(head.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// At most `max` characters, ending at a space where there is one near the end.
fn cut(text: &str, max: usize) -> String {
    let text = text.trim();
    let Some((end, _)) = text.char_indices().nth(max) else { return text.to_owned() };
    let head = &text[..end];
    let at_word = head.rfind(char::is_whitespace).filter(|at| head[*at..].chars().count() < 30);
    head[..at_word.unwrap_or(end)].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn apply(map: &str, input: &Value) -> Value {
        Value::Object(ImportMap::parse(map).unwrap().apply(input.as_object().unwrap().clone(), false))
    }

    #[test]
    fn fields_are_renamed_and_constants_added() {
        let map = "[fields]\nexternal_id = \"_id\"\n\"title.zh\" = \"meta.name\"\n[constants]\nkind = \"technology\"\n\"attributes.trl\" = 3\n";
        let output = apply(map, &json!({"_id": 7, "meta": {"name": "激光"}, "rest": 1}));
        assert_eq!(output, json!({"external_id": "7", "title": {"zh": "激光"}, "kind": "technology", "attributes": {"trl": 3}}));
    }

    #[test]
    fn the_first_source_that_is_not_empty_counts_and_is_cut() {
        let map = "[fields]\n\"summary.en\" = { from = [\"text\", \"title\"], max_chars = 12 }\n";
        assert_eq!(apply(map, &json!({"text": " ", "title": "a short one"})), json!({"summary": {"en": "a short one"}}));
        assert_eq!(apply(map, &json!({"text": "one two three four"})), json!({"summary": {"en": "one two"}}));
    }

    #[test]
    fn texts_are_mended_where_the_map_says_so() {
        let map = "repair = true\n[fields]\n\"title.en\" = \"t\"\n\"body.en\" = \"b\"\n";
        let output = apply(map, &json!({"t": "two\nlines\u{1}", "b": "1995\u{96}97 \u{95} x\u{81}\\ny"}));
        assert_eq!(output, json!({"title": {"en": "two lines"}, "body": {"en": "1995–97 • x\ny"}}));
    }

    #[test]
    fn without_a_map_the_input_stays_as_it_is() {
        let input = json!({"kind": "talent"});
        assert_eq!(Value::Object(ImportMap::default().apply(input.as_object().unwrap().clone(), false)), input);
        assert!(ImportMap::parse("repair = true").is_err(), "a map that maps nothing is a mistake");
    }

    #[test]
    fn numbers_stay_numbers_but_for_ids() {
        let map = "[fields]\nexternal_id = \"id\"\n\"attributes.trl\" = \"level\"\n";
        assert_eq!(apply(map, &json!({"id": 7, "level": 5})), json!({"external_id": "7", "attributes": {"trl": 5}}));
    }
}
