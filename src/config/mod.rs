//! Settings, read once at the start: the environment wins over the TOML file, the file over the defaults.
//!
//! A setting `server.listen` is `[server] listen` in the file and `ZONEBRIDGE_SERVER_LISTEN` in the environment; the database
//! address is also taken from `DATABASE_URL`, as is customary. Kept by hand rather than by a library, so that every
//! error can name the setting by both of its names and say what is allowed.

mod source;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use ipnet::IpNet;
use source::Source;

#[derive(Debug, Clone)]
pub struct Config {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub tokens: TokenConfig,
    pub login: LoginConfig,
    pub search: SearchConfig,
    pub log: LogConfig,
    /// Where the local database, the index and the token key live.
    pub data_dir: PathBuf,
    /// Where `make models` puts the language models, and measurements keep vectors.
    pub models: PathBuf,
}

/// The folder of this user's that things are kept in which can be fetched again.
pub fn cache_folder() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")));
    caches.unwrap_or_else(|| PathBuf::from("/var/cache")).join("zonebridge")
}

#[derive(Debug, Clone)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    pub workers: usize,
    pub body_limit: usize,
    pub request_timeout: Duration,
    pub shutdown_timeout: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Without it the service runs a local cluster in the data folder. `database.url_file` names a file that holds it, as containers
    /// hand over secrets.
    pub url: Option<Secret>,
    pub pool_size: usize,
}

#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// Ed25519 private key, PKCS#8 PEM. Made on first use where the file is missing.
    pub key_file: PathBuf,
    /// Keys that no longer sign but whose tokens are still good: rotate by moving the old key here.
    pub previous_key_files: Vec<PathBuf>,
    pub access_lifetime: Duration,
    pub refresh_lifetime: Duration,
}

#[derive(Debug, Clone)]
pub struct LoginConfig {
    pub attempts_per_address_per_minute: u32,
    pub attempts_per_account_per_minute: u32,
}

#[derive(Debug, Clone)]
pub struct SearchConfig {
    pub dir: PathBuf,
    pub writer_memory: usize,
    pub poll_interval: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Pretty,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
}

/// A value that is never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: String) -> Self {
        Self(value)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("********")
    }
}

impl Config {
    /// Reads the file at `path` (or the one that `ZONEBRIDGE_CONFIG` names) and the environment.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        Self::with_environment(path, std::env::vars().collect())
    }

    /// As [`Config::load`], with an environment of the caller's choice.
    pub fn with_environment(path: Option<&Path>, environment: BTreeMap<String, String>) -> Result<Self> {
        Self::from_source(Source::read(path, environment)?)
    }

    fn from_source(mut source: Source) -> Result<Self> {
        let data_dir: PathBuf = source.path("data_dir", Path::new(".data"))?;
        let config = Self {
            server: ServerConfig {
                listen: source.parse("server.listen", "an address with a port, such as 127.0.0.1:8080", "127.0.0.1:8080")?,
                workers: source.number("server.workers", 1..=256, std::thread::available_parallelism().map_or(2, usize::from).min(256))?,
                body_limit: source.number("server.body_limit", 1024..=16 * 1024 * 1024, 256 * 1024)?,
                request_timeout: source.seconds("server.request_timeout_seconds", 1..=600, 30)?,
                shutdown_timeout: source.seconds("server.shutdown_timeout_seconds", 1..=600, 20)?,
                trusted_proxies: source.networks("server.trusted_proxies", "addresses or networks, such as 10.0.0.7 or 10.0.0.0/24")?,
            },
            database: DatabaseConfig { url: source.secret("database.url", Some("DATABASE_URL"))?, pool_size: source.number("database.pool_size", 2..=500, 16)? },
            tokens: TokenConfig {
                key_file: source.path("tokens.key_file", &data_dir.join("token-key.pem"))?,
                previous_key_files: source.paths("tokens.previous_key_files"),
                access_lifetime: source.seconds("tokens.access_lifetime_seconds", 60..=3600, 15 * 60)?,
                refresh_lifetime: source.seconds("tokens.refresh_lifetime_seconds", 3600..=90 * 86_400, 30 * 86_400)?,
            },
            login: LoginConfig {
                attempts_per_address_per_minute: source.number("login.attempts_per_address_per_minute", 1..=100_000, 60)?,
                attempts_per_account_per_minute: source.number("login.attempts_per_account_per_minute", 1..=100_000, 10)?,
            },
            search: SearchConfig {
                dir: source.path("search.dir", &data_dir.join("index"))?,
                writer_memory: source.number("search.writer_memory_bytes", 15_000_000..=4_000_000_000, 64_000_000)?,
                poll_interval: Duration::from_millis(source.number("search.poll_milliseconds", 10..=10_000, 150)?),
            },
            log: LogConfig {
                format: source.one_of("log.format", &[("json", LogFormat::Json), ("pretty", LogFormat::Pretty)], "pretty")?,
                filter: source.text("log.filter", "info,tantivy=warn"),
            },
            models: source.path("models", &cache_folder())?,
            data_dir,
        };
        source.finish()?;
        Ok(config)
    }

    /// Every setting with its value, secrets masked: what `zonebridge config` prints.
    pub fn describe(&self) -> String {
        let seconds = Duration::as_secs;
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        let list = |paths: &[PathBuf]| paths.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(", ");
        let url = if self.database.url.is_some() { "\"********\"" } else { "\"\"  # empty: a local cluster in data_dir; url_file names a file that holds it" };
        format!(
            "data_dir = {}\nmodels = {}\n\n[server]\nlisten = \"{}\"\nworkers = {}\nbody_limit = {}\nrequest_timeout_seconds = {}\nshutdown_timeout_seconds = {}\ntrusted_proxies = [{}]\n\n\
             [database]\nurl = {url}\npool_size = {}\n\n\
             [tokens]\nkey_file = {}\nprevious_key_files = [{}]\naccess_lifetime_seconds = {}\nrefresh_lifetime_seconds = {}\n\n\
             [login]\nattempts_per_address_per_minute = {}\nattempts_per_account_per_minute = {}\n\n\
             [search]\ndir = {}\nwriter_memory_bytes = {}\npoll_milliseconds = {}\n\n[log]\nformat = \"{}\"\nfilter = {:?}\n",
            quoted(&self.data_dir),
            quoted(&self.models),
            self.server.listen,
            self.server.workers,
            self.server.body_limit,
            seconds(&self.server.request_timeout),
            seconds(&self.server.shutdown_timeout),
            self.server.trusted_proxies.iter().map(|network| format!("\"{network}\"")).collect::<Vec<_>>().join(", "),
            self.database.pool_size,
            quoted(&self.tokens.key_file),
            list(&self.tokens.previous_key_files),
            seconds(&self.tokens.access_lifetime),
            seconds(&self.tokens.refresh_lifetime),
            self.login.attempts_per_address_per_minute,
            self.login.attempts_per_account_per_minute,
            quoted(&self.search.dir),
            self.search.writer_memory,
            self.search.poll_interval.as_millis(),
            if self.log.format == LogFormat::Json { "json" } else { "pretty" },
            self.log.filter,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(file: &str, env: &[(&str, &str)]) -> Result<Config> {
        Config::from_source(Source::from_parts(file, env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect())?)
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_defaults() {
        let config = from("[server]\nlisten = \"127.0.0.1:1\"\nworkers = 3", &[("ZONEBRIDGE_SERVER_LISTEN", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.server.listen.port(), 2);
        assert_eq!(config.server.workers, 3);
        assert_eq!(config.database.pool_size, 16);
    }

    #[test]
    fn an_error_names_the_setting_and_what_is_allowed() {
        for (file, env, parts) in [
            ("[server]\nworkers = 0", vec![], ["server.workers", "1", "256"]),
            ("", vec![("ZONEBRIDGE_SERVER_LISTEN", "nowhere")], ["ZONEBRIDGE_SERVER_LISTEN", "nowhere", "127.0.0.1:8080"]),
            ("[server]\nlisen = \"x\"", vec![], ["server.lisen", "not a setting", ""]),
            ("", vec![("ZONEBRIDGE_LOG_FORMAT", "xml")], ["ZONEBRIDGE_LOG_FORMAT", "json", "pretty"]),
            ("", vec![("ZONEBRIDGE_LOGG_FORMAT", "xml")], ["ZONEBRIDGE_LOGG_FORMAT", "not a setting", ""]),
        ] {
            let error = from(file, &env).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        std::fs::write(&path, "postgres://me:hunter2@localhost/x\n").unwrap();
        let path = path.display().to_string();
        let config = from("", &[("ZONEBRIDGE_DATABASE_URL_FILE", &path)]).unwrap();
        assert_eq!(config.database.url.unwrap().expose(), "postgres://me:hunter2@localhost/x");
        let both = from("", &[("ZONEBRIDGE_DATABASE_URL_FILE", &path), ("DATABASE_URL", "postgres://x")]).unwrap_err().to_string();
        assert!(both.contains("ZONEBRIDGE_DATABASE_URL_FILE"), "{both}");
        let missing = from("", &[("ZONEBRIDGE_DATABASE_URL_FILE", "/nowhere/url")]).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/url"), "{missing}");
    }

    #[test]
    fn secrets_are_masked_everywhere() {
        let config = from("", &[("DATABASE_URL", "postgres://me:hunter2@localhost/x")]).unwrap();
        assert!(!config.describe().contains("hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
