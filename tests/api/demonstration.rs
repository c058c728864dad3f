//! The demonstration network: large enough, in every state, each text its own, and something real to do for each of its five accounts.

use std::collections::{BTreeSet, HashSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::commands::command;
use crate::support::app::App;

const KINDS: [&str; 4] = ["technology", "funding", "talent", "industry"];

fn rows(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{}/demo/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn listings() -> Vec<Value> {
    KINDS.iter().flat_map(|kind| ["listings", "lives"].map(|folder| rows(&format!("{folder}/{kind}.jsonl")))).flatten().collect()
}

/// The pairs of neighbouring letters and characters of a listing's texts, without what stands between.
fn bigrams(listing: &Value, languages: &[&str]) -> HashSet<(char, char)> {
    let mut found = HashSet::new();
    for (field, language) in ["title", "summary", "body"].iter().flat_map(|field| languages.iter().map(move |language| (field, language))) {
        let text: Vec<char> = listing[field][language].as_str().unwrap_or_default().to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        found.extend(text.windows(2).map(|pair| (pair[0], pair[1])));
    }
    found
}

#[test]
fn the_network_is_large_and_every_kind_and_direction_is_in_every_state() {
    let listings = listings();
    assert!(rows("organizations.jsonl").len() >= 60 && listings.len() >= 400, "{}", listings.len());
    let combinations: BTreeSet<String> = listings.iter().map(|row| format!("{} {} {}", row["kind"], row["direction"], row["state"])).collect();
    assert_eq!(combinations.len(), KINDS.len() * 2 * 11, "{combinations:#?}");
    let zones: BTreeSet<String> = rows("organizations.jsonl").iter().map(|row| row["home_zone"].to_string()).collect();
    assert_eq!(zones.len(), 11);
}

/// Chinese texts are compared by themselves, as a share of the shorter one. English has so few pairs of letters that any two long texts have
/// most of them: there the whole listings are compared, in both languages.
#[test]
fn no_two_texts_share_more_than_half_of_their_bigrams() {
    let listings = listings();
    let mut alike = Vec::new();
    let chinese: Vec<_> = listings.iter().map(|listing| bigrams(listing, &["zh"])).collect();
    let whole: Vec<_> = listings.iter().map(|listing| bigrams(listing, &["zh", "en"])).collect();
    let more_than_half = |common: usize, of: usize| of > 0 && 2 * common > of;
    for a in 0..listings.len() {
        for b in 0..a {
            let zh = more_than_half(chinese[a].intersection(&chinese[b]).count(), chinese[a].len().min(chinese[b].len()));
            let both = !chinese[a].is_empty() && !chinese[b].is_empty() && more_than_half(whole[a].intersection(&whole[b]).count(), whole[a].union(&whole[b]).count());
            if zh || both {
                alike.push((&listings[a]["external_id"], &listings[b]["external_id"]));
            }
        }
    }
    assert!(alike.is_empty(), "{alike:?}");
}

/// The demonstration as `make demo` starts it, on a database of the test.
struct Demonstration {
    child: Child,
    password: String,
}

impl Demonstration {
    fn start(app: &App) -> Self {
        let data = app.folder.path().join("demo");
        std::fs::create_dir_all(&data).unwrap();
        let environment = [("DATABASE_URL", app.url.expose()), ("ZONEBRIDGE_DATA_DIR", &data.display().to_string()), ("ZONEBRIDGE_SERVER_LISTEN", "127.0.0.1:0")];
        let mut child = command(&["demo"], &environment).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let password = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("Demonstration password: ").map(str::to_owned));
        Self { child, password: password.expect("it prints the password") }
    }

    fn end(mut self) {
        assert!(std::process::Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

async fn log_in(app: &App, who: &str, password: &str) -> String {
    let tokens = app.post("/v1/sessions").json(&json!({"email": format!("{who}@demo.example"), "password": password})).send().await.expect(201);
    tokens.body["access_token"].as_str().unwrap().to_owned()
}

fn count(items: &[Value], field: &str, value: &str) -> usize {
    items.iter().filter(|item| item[field] == value).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_has_something_real_to_do_on_its_first_page() {
    let app = App::start().await;
    let demonstration = Demonstration::start(&app);
    let password = demonstration.password.clone();
    demonstration.end();
    app.caught_up().await;
    for (who, states) in [("startup", ["draft", "changes_requested", "expired", "paused"]), ("investor", ["draft", "changes_requested", "submitted", "paused"])] {
        let token = log_in(&app, who, &password).await;
        let me = app.get("/v1/me").by(&token).send().await.expect(200);
        let organization = me.body["roles"][0]["organization_id"].as_str().unwrap().to_owned();
        let page = app.get(&format!("/v1/organizations/{organization}/listings?limit=100")).by(&token).send().await.expect(200);
        for state in states {
            assert!(count(page.items(), "state", state) > 0, "{who} has nothing in the state {state}");
        }
        let returned = page.items().iter().find(|item| item["state"] == "changes_requested").unwrap()["id"].as_str().unwrap();
        let decisions = app.get(&format!("/v1/listings/{returned}/decisions")).by(&token).send().await.expect(200);
        assert!(!decisions.items()[0]["text"].as_str().unwrap().is_empty(), "{who} reads why it came back");
        let published = page.items().iter().filter(|item| item["state"] == "published");
        let mut with_partners = 0;
        for listing in published {
            let matches = app.get(&format!("/v1/listings/{}/matches", listing["id"].as_str().unwrap())).by(&token).send().await.expect(200);
            with_partners += usize::from(!matches.items().is_empty());
        }
        assert!(with_partners > 0, "{who} has no matches");
    }
    let reviewer = log_in(&app, "reviewer.hefei", &password).await;
    let open = app.get("/v1/moderation/cases?state=open&limit=100").by(&reviewer).send().await.expect(200);
    let claimed = app.get("/v1/moderation/cases?state=claimed&limit=100").by(&reviewer).send().await.expect(200);
    let decided = app.get("/v1/moderation/cases?state=decided&limit=100").by(&reviewer).send().await.expect(200);
    assert!(open.items().len() >= 10 && claimed.items().len() >= 5 && decided.items().len() >= 3, "{} {} {}", open.items().len(), claimed.items().len(), decided.items().len());
    let mine = claimed.items()[0]["id"].as_str().unwrap();
    let kept = json!({"action": "request_changes", "reasons": ["incomplete"], "text": "请补充截止时间。"});
    app.post(&format!("/v1/moderation/cases/{mine}/decide")).by(&reviewer).json(&kept).send().await.expect(200);
    let admin = log_in(&app, "admin.hefei", &password).await;
    let pending = app.get("/v1/organizations?zone=hefei&verification=pending").by(&admin).send().await.expect(200);
    assert!(pending.items().len() >= 2);
    app.post(&format!("/v1/organizations/{}/verification/verify", pending.items()[0]["id"].as_str().unwrap())).by(&admin).send().await.expect(200);
    let auditor = log_in(&app, "auditor", &password).await;
    assert_eq!(app.get("/v1/audit/entries?limit=100").by(&auditor).send().await.expect(200).items().len(), 100);
    assert_eq!(app.count("SELECT count(DISTINCT (kind, direction, state)) AS count FROM listings").await, 88);
    app.caught_up().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_it_again_changes_nothing_and_finishes_what_was_cut_short() {
    let app = App::start().await;
    Demonstration::start(&app).end();
    let state = async || app.count("SELECT count(*) + (SELECT count(*) FROM audit_entries) AS count FROM listings").await;
    let before = state().await;
    Demonstration::start(&app).end();
    assert_eq!(state().await, before);
    app.caught_up().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_on_when_nobody_reads_what_it_prints() {
    let app = App::start().await;
    let data = app.folder.path().join("demo");
    std::fs::create_dir_all(&data).unwrap();
    let environment = [("DATABASE_URL", app.url.expose()), ("ZONEBRIDGE_DATA_DIR", &data.display().to_string()), ("ZONEBRIDGE_SERVER_LISTEN", "127.0.0.1:0")];
    let mut child = command(&["demo"], &environment).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("nobody reads how to log in")), "it said nothing of it");
    assert!(child.try_wait().unwrap().is_none(), "it ended");
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    drop(lines.map_while(Result::ok).last());
    assert!(child.wait().unwrap().success());
    app.caught_up().await;
    app.finish().await;
}
