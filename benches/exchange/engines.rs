//! Search engines beside ours, where somebody runs them: Meilisearch and Typesense, with the same listings, filters and facets.
//!
//! The benchmark starts none of them. It makes an index of a name of its own, once, and asks over one connection.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, RequestBuilder};
use serde::Serialize;
use serde_json::{Value, json};

/// How long an engine may take for a batch of documents.
const PATIENCE: Duration = Duration::from_secs(600);
const TEXTS: [&str; 6] = ["title_zh", "title_en", "summary_zh", "summary_en", "body_zh", "body_en"];

/// A listing as the engines get it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Document {
    pub id: String,
    pub kind: String,
    pub direction: String,
    pub zone: String,
    pub segments: Vec<String>,
    pub keywords: Vec<String>,
    pub title_zh: String,
    pub title_en: String,
    pub summary_zh: String,
    pub summary_en: String,
    pub body_zh: String,
    pub body_en: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Meilisearch,
    Typesense,
}

/// An engine at an address, and its index for these listings.
pub struct Engine {
    kind: Kind,
    address: String,
    key: String,
    index: String,
    client: Client,
}

impl Engine {
    pub fn new(kind: Kind, address: &str, key: &str, index: &str) -> Self {
        Self { kind, address: address.trim_end_matches('/').to_owned(), key: key.to_owned(), index: index.to_owned(), client: Client::new() }
    }

    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Meilisearch => "Meilisearch",
            Kind::Typesense => "Typesense",
        }
    }

    /// How many documents the index has; 0 where there is none.
    pub async fn count(&self) -> Result<u64> {
        let (path, field) = match self.kind {
            Kind::Meilisearch => (format!("/indexes/{}/stats", self.index), "numberOfDocuments"),
            Kind::Typesense => (format!("/collections/{}", self.index), "num_documents"),
        };
        let answer = self.request(Method::GET, &path).send().await.with_context(|| format!("{} does not answer at {}", self.name(), self.address))?;
        if answer.status().as_u16() == 404 {
            return Ok(0);
        }
        Ok(checked(answer).await?[field].as_u64().unwrap_or(0))
    }

    /// Makes the index anew, with what may be searched, filtered and counted.
    pub async fn begin(&self) -> Result<()> {
        match self.kind {
            Kind::Meilisearch => {
                let answer = self.request(Method::DELETE, &format!("/indexes/{}", self.index)).send().await?;
                if answer.status().is_success() {
                    // That there was none is no failure.
                    let _ = self.wait(&answer.json().await?).await;
                }
                self.task(Method::POST, "/indexes", &json!({"uid": self.index, "primaryKey": "id"})).await?;
                let searchable: Vec<&str> = TEXTS.into_iter().chain(["keywords"]).collect();
                let settings = json!({"searchableAttributes": searchable, "filterableAttributes": ["kind", "direction", "zone", "segments"]});
                self.task(Method::PATCH, &format!("/indexes/{}/settings", self.index), &settings).await
            }
            Kind::Typesense => {
                let _ = self.request(Method::DELETE, &format!("/collections/{}", self.index)).send().await?;
                let text = |name: &str| json!({"name": name, "type": "string", "locale": if name.ends_with("zh") { "zh" } else { "" }});
                let tag = |name: &str| json!({"name": name, "type": "string", "facet": true});
                let mut fields: Vec<Value> = TEXTS.iter().map(|name| text(name)).collect();
                fields.extend(["kind", "direction", "zone"].iter().map(|name| tag(name)));
                fields.push(json!({"name": "segments", "type": "string[]", "facet": true}));
                fields.push(json!({"name": "keywords", "type": "string[]"}));
                checked(self.request(Method::POST, "/collections").json(&json!({"name": self.index, "fields": fields})).send().await?).await?;
                Ok(())
            }
        }
    }

    /// Adds documents and waits until they are searchable.
    pub async fn add(&self, documents: &[Document]) -> Result<()> {
        match self.kind {
            Kind::Meilisearch => self.task(Method::POST, &format!("/indexes/{}/documents", self.index), &json!(documents)).await,
            Kind::Typesense => {
                let lines = documents.iter().map(serde_json::to_string).collect::<serde_json::Result<Vec<_>>>()?.join("\n");
                let answer = self.request(Method::POST, &format!("/collections/{}/documents/import?action=upsert", self.index)).body(lines).send().await?;
                let status = answer.status();
                let text = answer.text().await?;
                // The answer has a line for each document, and says 200 also where some failed.
                let failed = text.lines().find(|line| line.contains("\"success\":false"));
                if !status.is_success() || failed.is_some() {
                    bail!("Typesense took not all documents: {status} {}", failed.unwrap_or_default());
                }
                Ok(())
            }
        }
    }

    /// Asks the questions by turns for a time; how long each answer took.
    pub async fn measure(&self, questions: &[String], typing_errors: bool, time: Duration) -> Result<Vec<Duration>> {
        if self.kind == Kind::Meilisearch {
            self.task(Method::PATCH, &format!("/indexes/{}/settings/typo-tolerance", self.index), &json!({"enabled": typing_errors})).await?;
        }
        let (started, mut times) = (Instant::now(), Vec::new());
        for question in questions.iter().cycle().take_while(|_| started.elapsed() < time) {
            let began = Instant::now();
            self.ask(question, typing_errors).await?;
            times.push(began.elapsed());
        }
        Ok(times)
    }

    /// The best twenty technology offers, with three facets; how many there are.
    pub async fn ask(&self, question: &str, typing_errors: bool) -> Result<u64> {
        let (request, total) = match self.kind {
            Kind::Meilisearch => {
                let body = json!({"q": question, "limit": 20, "filter": ["kind = technology", "direction = offer"], "facets": ["kind", "zone", "segments"]});
                (self.request(Method::POST, &format!("/indexes/{}/search", self.index)).json(&body), "estimatedTotalHits")
            }
            Kind::Typesense => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("q", question)
                    .append_pair("query_by", &TEXTS.join(","))
                    .append_pair("filter_by", "kind:=technology && direction:=offer")
                    .append_pair("facet_by", "kind,zone,segments")
                    .append_pair("per_page", "20")
                    .append_pair("num_typos", if typing_errors { "2" } else { "0" })
                    .finish();
                (self.request(Method::GET, &format!("/collections/{}/documents/search?{query}", self.index)), "found")
            }
        };
        checked(request.send().await?).await?[total].as_u64().with_context(|| format!("{} gives no count", self.name()))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.address)).timeout(PATIENCE);
        match self.kind {
            Kind::Meilisearch if self.key.is_empty() => request,
            Kind::Meilisearch => request.bearer_auth(&self.key),
            Kind::Typesense => request.header("x-typesense-api-key", &self.key),
        }
    }

    /// Meilisearch does everything later: waits until it is done.
    async fn task(&self, method: Method, path: &str, body: &Value) -> Result<()> {
        let task = checked(self.request(method, path).json(body).send().await?).await?;
        self.wait(&task).await
    }

    async fn wait(&self, task: &Value) -> Result<()> {
        let number = task["taskUid"].as_u64().with_context(|| format!("Meilisearch names no task: {task}"))?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let task = checked(self.request(Method::GET, &format!("/tasks/{number}")).send().await?).await?;
            match task["status"].as_str() {
                Some("succeeded") => return Ok(()),
                Some("failed" | "canceled") => bail!("Meilisearch: {}", task["error"]),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        bail!("Meilisearch is not done with task {number}")
    }
}

/// The answer, or what was wrong.
async fn checked(answer: reqwest::Response) -> Result<Value> {
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
}
