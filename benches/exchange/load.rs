//! Load from outside: `wrk`, over many paths by turns, for a bounded time.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::figures::Load;

const SCRIPT: &str = r#"
local paths = {}
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
local token = os.getenv("BENCH_TOKEN")
local headers = {}
if token and token ~= "" then headers["Authorization"] = "Bearer " .. token end
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], headers)
end
"#;

/// How `wrk` is to ask.
pub struct Wrk<'a> {
    pub folder: &'a Path,
    pub seconds: u64,
}

impl Wrk<'_> {
    pub fn load(&self, base: &str, paths: &[String], token: Option<&str>, connections: u32) -> Result<Load> {
        if paths.is_empty() {
            bail!("there is nothing to ask");
        }
        let (list, script) = (self.folder.join("paths.txt"), self.folder.join("paths.lua"));
        std::fs::write(&list, paths.join("\n"))?;
        std::fs::write(&script, SCRIPT)?;
        let output = Command::new("wrk")
            .args(["-t1", &format!("-c{connections}"), &format!("-d{}s", self.seconds), "--latency", "--timeout", "30s", "-s"])
            .arg(&script)
            .arg(base)
            .env("BENCH_PATHS", &list)
            .env("BENCH_TOKEN", token.unwrap_or_default())
            .output()
            .context("wrk is not there: install the package wrk")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
        }
        parse(&text).with_context(|| format!("wrk says something unexpected:\n{text}"))
    }
}

fn parse(text: &str) -> Option<Load> {
    let after = |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label).map(str::trim));
    let bad = after("Non-2xx or 3xx responses:").and_then(|count| count.parse().ok()).unwrap_or(0);
    let broken = after("Socket errors:").map_or(0, |line| line.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u64>().ok()).sum());
    Some(Load { p50_ms: millis(after("50%")?)?, p99_ms: millis(after("99%")?)?, per_second: after("Requests/sec:")?.parse().ok()?, failures: bad + broken })
}

fn millis(text: &str) -> Option<f64> {
    [("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)].iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}
