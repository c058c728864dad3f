//! Pairs judged by hand by their authors, over the listings of the demonstration: which gate closes, which partner is better, who belongs
//! together and who does not; looked at from the need's owner and from the offer's owner.

use std::collections::HashMap;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;

use chrono::{Days, Utc};
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::Value;
use zonebridge::access::actor::Role;
use zonebridge::accounts::policy::Scope;
use zonebridge::audit::model::By;
use zonebridge::listings::published;
use zonebridge::matching::http::pair;
use zonebridge::matching::score::{Judgement, judge};
use zonebridge::matching::side::{Seeker, Side};
use zonebridge::organizations::actions as organizations;
use zonebridge::organizations::model::{Bilingual, NewOrganization, Verification, parse_uscc};
use zonebridge::search::statistics::Statistics;

use crate::support::app::App;
use crate::support::builders::Person;

/// A judged match stands among so many first ones.
const TOP: usize = 5;

fn rows(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{path}: {error}: {line}"))).collect()
}

struct Market {
    app: App,
    /// A member of every organisation, who so sees every owner's matches.
    everybody: Person,
    ids: HashMap<String, String>,
    names: HashMap<String, String>,
    /// Partner and score of the matches of a listing, best first, by external id.
    seen: HashMap<String, Vec<(String, f64)>>,
}

impl Market {
    async fn open(app: App, kinds: &[&str]) -> Self {
        let everybody = app.person().await;
        let mut listings: HashMap<String, Vec<Value>> = HashMap::new();
        for kind in kinds {
            for row in rows(&format!("demo/listings/{kind}.jsonl")).into_iter().chain(rows(&format!("tests/judged/{kind}-fixtures.jsonl"))) {
                if row["state"] == "published" {
                    listings.entry(row["organization"].as_str().unwrap().to_owned()).or_default().push(importable(row));
                }
            }
        }
        for row in rows("demo/organizations.jsonl") {
            let id = found(&app, &row).await;
            app.grant(&everybody, Role::Member, Scope::Organization(id)).await;
            if let Some(listings) = listings.remove(row["key"].as_str().unwrap()) {
                import(&app, row["uscc"].as_str().unwrap(), &listings);
            }
        }
        assert!(listings.is_empty(), "listings of unknown organisations: {:?}", listings.keys());
        app.embedded().await;
        let ids = ids(&app).await;
        let names = ids.iter().map(|(name, id)| (id.clone(), name.clone())).collect();
        Self { app, everybody, ids, names, seen: HashMap::new() }
    }

    fn id(&self, name: &str) -> String {
        self.ids.get(name).unwrap_or_else(|| panic!("no published listing {name}")).clone()
    }

    async fn matches(&mut self, name: &str) -> Vec<(String, f64)> {
        if let Some(known) = self.seen.get(name) {
            return known.clone();
        }
        let answer = self.app.get(&format!("/v1/listings/{}/matches?limit=100", self.id(name))).by(&self.everybody.token).send().await.expect(200);
        let found: Vec<(String, f64)> = answer.items().iter().map(|item| (self.names[item["listing"]["id"].as_str().unwrap()].clone(), item["score"].as_f64().unwrap())).collect();
        self.seen.insert(name.to_owned(), found.clone());
        found
    }

    async fn score(&mut self, owner: &str, partner: &str) -> Option<f64> {
        self.matches(owner).await.into_iter().find(|(name, _)| name == partner).map(|(_, score)| score)
    }

    async fn place(&mut self, owner: &str, partner: &str) -> Option<usize> {
        self.matches(owner).await.iter().position(|(name, _)| name == partner)
    }

    /// The closed gates of a pair as each of the two owners would have it judged.
    async fn closed_gates(&self, need: &str, offer: &str) -> [Vec<String>; 2] {
        let mut conn = self.app.database.read().await.unwrap();
        let ids = [self.id(need).parse().unwrap(), self.id(offer).parse().unwrap()];
        let entries = published::among(&mut conn, &ids).await.unwrap();
        let entry = |id| entries.iter().find(|entry| entry.listing.id == id).unwrap();
        let statistics = &self.app.snapshot().statistics;
        let judged = |seeker, other| {
            let (seeker, other) = (entry(seeker), entry(other));
            let other = if seeker.organization.is_verified() { Seeker::of(other, statistics).for_verified } else { Seeker::of(other, statistics).for_public };
            closed(&Seeker::of(seeker, statistics), &other, statistics)
        };
        [judged(ids[0], ids[1]), judged(ids[1], ids[0])]
    }
}

fn closed(seeker: &Seeker, other: &Side, statistics: &Statistics) -> Vec<String> {
    match judge(&pair(seeker, other, statistics)) {
        Judgement::Refused(gates) => gates.iter().filter(|gate| !gate.passed).map(|gate| gate.code.to_string()).collect(),
        Judgement::NoEvidence | Judgement::Match(_) => Vec::new(),
    }
}

async fn found(app: &App, row: &Value) -> uuid::Uuid {
    let name: Bilingual = serde_json::from_value(row["name"].clone()).unwrap();
    let new = NewOrganization {
        name,
        kind: serde_json::from_value(row["kind"].clone()).unwrap(),
        uscc: parse_uscc("uscc", row["uscc"].as_str().unwrap()).unwrap(),
        home_zone: row["home_zone"].as_str().unwrap().into(),
        website: None,
    };
    let verification: Verification = serde_json::from_value(row["verification"].clone()).unwrap();
    let mut conn = app.database.write().await.unwrap();
    conn.transaction(async |conn| organizations::insert(conn, &By::command(), new, verification).await).await.unwrap().id
}

/// A row of the demonstration as the import takes it.
fn importable(mut row: Value) -> Value {
    let object = row.as_object_mut().unwrap();
    for name in ["organization", "state", "review"] {
        object.remove(name);
    }
    if let Some(window) = row["attributes"].get_mut("delivery").and_then(Value::as_object_mut) {
        for day in window.values_mut() {
            let days = day.as_str().unwrap().trim_start_matches('+').trim_end_matches('d').parse().unwrap();
            *day = Utc::now().date_naive().checked_add_days(Days::new(days)).unwrap().to_string().into();
        }
    }
    row
}

pub fn import(app: &App, uscc: &str, listings: &[Value]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for listing in listings {
        writeln!(file, "{listing}").unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_zonebridge"))
        .args(["import", "--as", uscc, "--state", "published"])
        .arg(file.path())
        .env("DATABASE_URL", app.url.expose())
        .env("ZONEBRIDGE_DATA_DIR", app.folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn ids(app: &App) -> HashMap<String, String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Text)]
        id: String,
    }
    let mut conn = app.database.read().await.unwrap();
    let rows: Vec<Row> = diesel::sql_query("SELECT external_id AS name, id::text AS id FROM listings").load(&mut conn).await.unwrap();
    rows.into_iter().map(|row| (row.name, row.id)).collect()
}

async fn wrong(market: &mut Market, judged: &Value) -> Option<String> {
    let text = |field: &str| judged[field].as_str().unwrap_or_default().to_owned();
    let (need, offer) = (text("need"), text("offer"));
    match judged["expect"].as_str().unwrap() {
        "gate" => {
            let closed = market.closed_gates(&need, &offer).await;
            let both = closed.iter().all(|gates| gates.contains(&text("gate")));
            let shown = market.score(&need, &offer).await.is_some() || market.score(&offer, &need).await.is_some();
            (!both || shown).then(|| format!("closed are {closed:?}, shown: {shown}"))
        }
        "order" => {
            let owner = if need.is_empty() { offer } else { need };
            let (better, worse) = (text("better"), text("worse"));
            let (a, b) = (market.place(&owner, &better).await, market.place(&owner, &worse).await);
            if a.is_none() || b.is_some_and(|b| a > Some(b)) {
                return Some(format!("{owner} has {better} at {a:?} and {worse} at {b:?}"));
            }
            let (ours, theirs) = (market.score(&owner, &better).await, market.score(&better, &owner).await);
            (ours != theirs).then(|| format!("{owner} sees {ours:?} and {better} sees {theirs:?}"))
        }
        "match" => {
            let place = market.place(&need, &offer).await;
            let (ours, theirs) = (market.score(&need, &offer).await, market.score(&offer, &need).await);
            (place.is_none_or(|place| place >= TOP) || ours != theirs)
                .then(|| format!("place {place:?}, the need sees {ours:?}, the offer {theirs:?}; first are {:?}", market.seen[&need].iter().take(TOP).collect::<Vec<_>>()))
        }
        "no_match" => {
            let (ours, theirs) = (market.score(&need, &offer).await, market.score(&offer, &need).await);
            (ours.is_some() || theirs.is_some()).then(|| format!("the need sees {ours:?}, the offer {theirs:?}"))
        }
        other => panic!("unknown expectation {other}"),
    }
}

const KINDS: [&str; 4] = ["technology", "funding", "talent", "industry"];

/// What does not come out as it was judged, of each kind of listing. The means of the languages may be renewed meanwhile, and scores with
/// them: then all is asked again.
async fn failures(market: &mut Market) -> Vec<String> {
    loop {
        let means = Arc::clone(&market.app.snapshot().means);
        market.seen.clear();
        let failures = failures_now(market).await;
        if failures.is_empty() || Arc::ptr_eq(&means, &market.app.snapshot().means) {
            return failures;
        }
    }
}

async fn failures_now(market: &mut Market) -> Vec<String> {
    let mut failures = Vec::new();
    for kind in KINDS {
        let judged = rows(&format!("tests/judged/{kind}.jsonl"));
        assert!(judged.len() >= 20, "{kind} has {} judged pairs only", judged.len());
        for judged in &judged {
            if let Some(failure) = wrong(market, judged).await {
                failures.push(format!("{kind}: {judged}\n    {failure}"));
            }
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn judged_pairs_come_out_as_judged_from_both_sides() {
    let app = App::with(&[("ZONEBRIDGE_DATABASE_POOL_SIZE", "10")]).await;
    let mut market = Market::open(app, &KINDS).await;
    let failures = failures(&mut market).await;
    assert!(failures.is_empty(), "{} judgements do not hold:\n{}", failures.len(), failures.join("\n"));
    market.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn judged_pairs_come_out_as_judged_where_meaning_counts_too() {
    let Some(app) = App::with_models(&[("ZONEBRIDGE_DATABASE_POOL_SIZE", "10")]).await else { return };
    let mut market = Market::open(app, &KINDS).await;
    let failures = failures(&mut market).await;
    assert!(failures.is_empty(), "{} judgements do not hold:\n{}", failures.len(), failures.join("\n"));
    market.app.finish().await;
}
