//! Where settings come from, and the errors that name them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ipnet::IpNet;

use super::Secret;

const PREFIX: &str = "ZONEBRIDGE_";
/// Variables with our prefix that are not settings of the service.
const RESERVED: [&str; 1] = ["ZONEBRIDGE_CONFIG"];

pub struct Source {
    file: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    asked: BTreeSet<String>,
}

impl Source {
    pub fn read(path: Option<&Path>, env: BTreeMap<String, String>) -> Result<Self> {
        let path = path.map(Path::to_path_buf).or_else(|| env.get("ZONEBRIDGE_CONFIG").map(PathBuf::from));
        let text = match path {
            Some(path) => std::fs::read_to_string(&path).with_context(|| format!("the configuration file {} cannot be read", path.display()))?,
            None => String::new(),
        };
        Self::from_parts(&text, env)
    }

    pub fn from_parts(file: &str, env: BTreeMap<String, String>) -> Result<Self> {
        let table: toml::Table = file.parse().context("the configuration file is not TOML")?;
        let mut flat = BTreeMap::new();
        flatten("", &toml::Value::Table(table), &mut flat);
        Ok(Self { file: flat, env, asked: BTreeSet::new() })
    }

    /// The value with the name under which it was given.
    fn get(&mut self, name: &str) -> Option<(String, String)> {
        self.asked.insert(name.to_owned());
        let variable = variable_of(name);
        if let Some(value) = self.env.get(&variable) {
            return Some((variable, value.clone()));
        }
        self.file.get(name).map(|value| (name.to_owned(), value.clone()))
    }

    pub fn text(&mut self, name: &str, default: &str) -> String {
        self.get(name).map_or_else(|| default.to_owned(), |(_, value)| value)
    }

    pub fn parse<T: FromStr>(&mut self, name: &str, expected: &str, default: &str) -> Result<T> {
        let (given_as, value) = self.get(name).unwrap_or_else(|| (name.to_owned(), default.to_owned()));
        value.parse().map_err(|_| anyhow!("{given_as} = `{value}`: expected {expected}"))
    }

    pub fn number<T: FromStr + PartialOrd + Display + Copy>(&mut self, name: &str, allowed: RangeInclusive<T>, default: T) -> Result<T> {
        let Some((given_as, value)) = self.get(name) else { return Ok(default) };
        let expected = format!("expected a whole number from {} to {}", allowed.start(), allowed.end());
        let number: T = value.parse().map_err(|_| anyhow!("{given_as} = `{value}`: {expected}"))?;
        if !allowed.contains(&number) {
            bail!("{given_as} = `{value}`: {expected}");
        }
        Ok(number)
    }

    pub fn seconds(&mut self, name: &str, allowed: RangeInclusive<u64>, default: u64) -> Result<Duration> {
        Ok(Duration::from_secs(self.number(name, allowed, default)?))
    }

    pub fn path(&mut self, name: &str, default: &Path) -> Result<PathBuf> {
        let path = self.get(name).map_or_else(|| default.to_path_buf(), |(_, value)| PathBuf::from(value));
        if path.as_os_str().is_empty() {
            bail!("{name}: expected a path, found nothing");
        }
        std::path::absolute(&path).with_context(|| format!("{name} = `{}` is not a usable path", path.display()))
    }

    /// A list of paths: an array in the file, separated by commas in the environment.
    pub fn paths(&mut self, name: &str) -> Vec<PathBuf> {
        let Some((_, value)) = self.get(name) else { return Vec::new() };
        value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(PathBuf::from).collect()
    }

    /// A list of networks; an address alone is a network of one.
    pub fn networks(&mut self, name: &str, expected: &str) -> Result<Vec<IpNet>> {
        let Some((given_as, value)) = self.get(name) else { return Ok(Vec::new()) };
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from)).map_err(|_| anyhow!("{given_as} = `{part}`: expected {expected}"))).collect()
    }

    pub fn one_of<T: Copy>(&mut self, name: &str, allowed: &[(&str, T)], default: &str) -> Result<T> {
        let (given_as, value) = self.get(name).unwrap_or_else(|| (name.to_owned(), default.to_owned()));
        allowed.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
            anyhow!("{given_as} = `{value}`: expected one of {}", words.join(", "))
        })
    }

    /// A secret: given as it is, or by the file that `NAME_file` names, which wins nothing where both are given: that is a mistake.
    pub fn secret(&mut self, name: &str, customary: Option<&str>) -> Result<Option<Secret>> {
        let value = self.get(name).map(|(_, value)| value).or_else(|| customary.and_then(|variable| self.env.get(variable).cloned()));
        let value = value.filter(|value| !value.is_empty());
        let Some((given_as, path)) = self.get(&format!("{name}_file")).filter(|(_, path)| !path.is_empty()) else { return Ok(value.map(Secret::new)) };
        if value.is_some() {
            bail!("{given_as} and {name} are both given: give one of them");
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("{given_as} = `{path}`: the file cannot be read"))?;
        let text = text.trim();
        if text.is_empty() {
            bail!("{given_as} = `{path}`: the file is empty");
        }
        Ok(Some(Secret::new(text.to_owned())))
    }

    /// A setting that nobody asked for is a typing error, and worth a stop.
    pub fn finish(self) -> Result<()> {
        if let Some(unknown) = self.file.keys().find(|name| !self.asked.contains(*name)) {
            bail!("{unknown} in the configuration file is not a setting; `zonebridge config` lists them");
        }
        let known: BTreeSet<String> = self.asked.iter().map(|name| variable_of(name)).collect();
        let stray = self.env.keys().find(|variable| variable.starts_with(PREFIX) && !known.contains(*variable) && !RESERVED.contains(&variable.as_str()));
        if let Some(unknown) = stray {
            bail!("{unknown} in the environment is not a setting; `zonebridge config` lists them");
        }
        Ok(())
    }
}

fn variable_of(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "_").to_uppercase())
}

fn flatten(prefix: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, into);
            }
        }
        toml::Value::String(text) => {
            into.insert(prefix.to_owned(), text.clone());
        }
        toml::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
            into.insert(prefix.to_owned(), items.join(","));
        }
        other => {
            into.insert(prefix.to_owned(), other.to_string());
        }
    }
}
