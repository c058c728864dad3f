//! A running service with a client that checks every answer against the OpenAPI document.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tempfile::TempDir;
use zonebridge::config::{Config, Secret, cache_folder};
use zonebridge::db::Database;
use zonebridge::embedding::vectors;
use zonebridge::feed;
use zonebridge::search::index::Snapshot;
use zonebridge::startup::Service;

use super::{contract, database};

pub struct App {
    pub config: Config,
    pub url: Secret,
    pub database: Database,
    pub base: String,
    pub service: Option<Service>,
    client: reqwest::Client,
    pub folder: TempDir,
    finished: bool,
}

/// An answer that has been checked against the document.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }

    /// A problem with this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        self
    }

    /// A problem with this status that names the field.
    #[track_caller]
    pub fn wrong_field(self, status: u16, pointer: &str) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        let named = self.body["errors"].as_array().is_some_and(|errors| errors.iter().any(|error| error["pointer"] == pointer));
        assert!(named, "no error names {pointer}: {:#}", self.body);
        self
    }

    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }

    pub fn items(&self) -> &[Value] {
        self.body["items"].as_array().unwrap()
    }

    pub fn ids(&self) -> Vec<String> {
        self.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// A request to be sent.
pub struct Call<'a> {
    app: &'a App,
    method: Method,
    path: String,
    token: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Call<'_> {
    pub fn by(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw(body.to_string().into_bytes()).header("content-type", "application/json")
    }

    pub fn raw(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self
    }

    pub async fn send(self) -> Answer {
        let mut request = self.app.client.request(self.method.clone(), format!("{}{}", self.app.base, self.path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        assert!(headers.contains_key("x-request-id"), "{} {} has no request id", self.method, self.path);
        contract::check(self.method.as_str(), &self.path, status, headers.get("content-type").and_then(|value| value.to_str().ok()), &body);
        Answer { status, headers, body }
    }
}

impl App {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings beside those of every test, by their names in the environment.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::on(database::fresh().await, folder, settings).await
    }

    /// With the language models; `None`, said aloud, where nobody fetched them.
    pub async fn with_models(settings: &[(&str, &str)]) -> Option<Self> {
        let folder = std::env::var("ZONEBRIDGE_MODELS").unwrap_or_else(|_| cache_folder().display().to_string());
        let app = Self::with(&[settings, &[("ZONEBRIDGE_MODELS", folder.as_str())]].concat()).await;
        if app.get("/health/ready").send().await.expect(200).body["mode"] != "hybrid" {
            eprintln!("NOT TESTED: there are no language models in {folder}; fetch them with `make models`");
            app.finish().await;
            return None;
        }
        Some(app)
    }

    pub async fn on(url: Secret, folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let mut environment = BTreeMap::from([
            ("DATABASE_URL".to_owned(), url.expose().to_owned()),
            ("ZONEBRIDGE_DATA_DIR".to_owned(), folder.path().display().to_string()),
            ("ZONEBRIDGE_SERVER_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("ZONEBRIDGE_SERVER_WORKERS".to_owned(), "1".to_owned()),
            ("ZONEBRIDGE_DATABASE_POOL_SIZE".to_owned(), "6".to_owned()),
            ("ZONEBRIDGE_SEARCH_POLL_MILLISECONDS".to_owned(), "20".to_owned()),
            ("ZONEBRIDGE_SEARCH_WRITER_MEMORY_BYTES".to_owned(), "15000000".to_owned()),
            ("ZONEBRIDGE_LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE".to_owned(), "1000".to_owned()),
            ("ZONEBRIDGE_SERVER_SHUTDOWN_TIMEOUT_SECONDS".to_owned(), "5".to_owned()),
            // Most tests are about words, and need not wait for vectors. Those about meaning name the models.
            ("ZONEBRIDGE_MODELS".to_owned(), folder.path().join("no-models").display().to_string()),
        ]);
        environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::with_environment(None, environment).unwrap();
        let mut app = Self {
            database: Database::new(&url, config.database.pool_size).unwrap(),
            config,
            url,
            base: String::new(),
            service: None,
            client: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
            folder,
            finished: false,
        };
        app.restart().await;
        app
    }

    /// Another instance on the same database, with a folder of its own and the same token key.
    pub async fn second_instance(&self) -> Self {
        let key = self.config.tokens.key_file.display().to_string();
        Self::on(self.url.clone(), tempfile::tempdir().unwrap(), &[("ZONEBRIDGE_TOKENS_KEY_FILE", &key)]).await
    }

    /// Starts the service, after stopping it where it runs.
    pub async fn restart(&mut self) {
        self.stop().await;
        let database = Database::new(&self.url, self.config.database.pool_size).unwrap();
        let service = Service::start(&self.config, &self.url, database).await.unwrap();
        self.base = format!("http://{}", service.address);
        self.service = Some(service);
        self.caught_up().await;
    }

    pub async fn stop(&mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await.unwrap();
        }
    }

    fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call { app: self, method, path: path.to_owned(), token: None, headers: Vec::new(), body: None }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Call<'_> {
        self.call(Method::PATCH, path)
    }

    pub fn put(&self, path: &str) -> Call<'_> {
        self.call(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub fn method(&self, method: &str, path: &str) -> Call<'_> {
        self.call(Method::from_bytes(method.as_bytes()).unwrap(), path)
    }

    pub fn snapshot(&self) -> std::sync::Arc<Snapshot> {
        self.service.as_ref().unwrap().index.snapshot().unwrap()
    }

    /// Waits until everything committed so far is searchable.
    pub async fn caught_up(&self) {
        let service = self.service.as_ref().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Ok(snapshot) = service.index.snapshot() {
                let mut conn = self.database.read().await.unwrap();
                if !feed::has_newer(&mut conn, snapshot.position).await.unwrap() {
                    return;
                }
            }
            assert!(Instant::now() < deadline, "the index does not catch up with the database");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until every published listing has its vectors, and the index has them.
    pub async fn embedded(&self) {
        let deadline = Instant::now() + Duration::from_secs(240);
        if self.service.as_ref().is_some_and(|_| !self.config.models.exists()) {
            return self.caught_up().await;
        }
        loop {
            let pending = vectors::count_pending(&mut self.database.read().await.unwrap()).await.unwrap();
            if pending == 0 {
                return self.caught_up().await;
            }
            assert!(Instant::now() < deadline, "{pending} listings wait for their vectors");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn sql(&self, sql: &str) {
        database::run(&mut self.database.write().await.unwrap(), sql).await;
    }

    pub async fn count(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let mut conn = self.database.read().await.unwrap();
        diesel::sql_query(sql).get_result::<Count>(&mut conn).await.unwrap().count
    }

    /// Every test ends here: no job has failed or hangs, and the index equals the database.
    pub async fn finish(mut self) {
        #[derive(QueryableByName)]
        struct Failed {
            #[diesel(sql_type = Text)]
            kind: String,
        }
        self.caught_up().await;
        let report = zonebridge::search::check::check(&self.database, &self.snapshot().searcher, &self.service.as_ref().unwrap().index.fields).await.unwrap();
        assert!(report.differences.is_empty(), "index and database differ: {:?}", report.differences);
        self.stop().await;
        let mut conn = self.database.read().await.unwrap();
        let left: Vec<Failed> = diesel::sql_query("SELECT kind FROM jobs WHERE last_error IS NOT NULL OR locked_until IS NOT NULL").load(&mut conn).await.unwrap();
        assert!(left.is_empty(), "jobs are left behind: {:?}", left.iter().map(|job| &job.kind).collect::<Vec<_>>());
        self.finished = true;
    }
}

impl Drop for App {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test must end with app.finish()");
    }
}
