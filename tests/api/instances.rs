//! Two instances over one database: what one publishes the other finds, writers of one version do not overwrite each other, and nobody waits
//! for ever.
//!
//! `LOAD_SECONDS=300 cargo test --test api instances -- --nocapture` is the long form; `make test` does a few seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::builders::{Organization, Person, technology_need, technology_offer, with};

/// Writers that all have read the same version.
const WRITERS: usize = 50;

struct Pair {
    first: App,
    second: App,
    owner: Organization,
    reviewer: Person,
    until: Instant,
    number: AtomicU64,
    found_after: std::sync::Mutex<Vec<Duration>>,
    calls: AtomicU64,
}

impl Pair {
    /// The instances by turns.
    fn instance(&self, turn: u64) -> (&App, &App) {
        if turn.is_multiple_of(2) { (&self.first, &self.second) } else { (&self.second, &self.first) }
    }

    fn is_on(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Instant::now() < self.until
    }

    /// Publishes through one instance and looks for it through the other until it is there.
    async fn publish(&self) {
        while self.is_on() {
            let turn = self.number.fetch_add(1, Ordering::Relaxed);
            let (here, there) = self.instance(turn);
            let word = format!("unique{turn}word");
            let id = here.submitted(&self.owner, technology_offer(&word)).await;
            let began = Instant::now();
            loop {
                let found = there.get(&format!("/v1/listings?q={word}")).send().await.expect(200);
                if found.ids().contains(&id) {
                    break;
                }
                assert!(began.elapsed() < Duration::from_secs(30), "what one instance has published the other does not find");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            self.found_after.lock().unwrap().push(began.elapsed());
        }
    }

    /// Submits where it is reviewed, claims and decides, each through another instance.
    async fn review(&self, waiting: &Organization) {
        while self.is_on() {
            let turn = self.number.fetch_add(1, Ordering::Relaxed);
            let (here, there) = self.instance(turn);
            let id = here.submitted(waiting, technology_need("Reviewed")).await;
            let case = there.case_on(&id, &self.reviewer).await;
            here.post(&format!("/v1/moderation/cases/{case}/claim")).by(&self.reviewer.token).send().await.expect(200);
            let verdict = json!({"action": "publish", "reasons": [], "text": ""});
            // The owner's withdrawal and the reviewer's decision meet: one comes first, and the other hears of it.
            let decide = there.post(&format!("/v1/moderation/cases/{case}/decide")).by(&self.reviewer.token).json(&verdict).send();
            let path = format!("/v1/listings/{id}/withdraw");
            let withdraw = here.post(&path).by(&waiting.admin.token).send();
            let (decided, withdrawn) = futures_util::join!(decide, withdraw);
            assert!(matches!(decided.status, 200 | 409) && withdrawn.status == 200, "{decided:?} {withdrawn:?}");
        }
    }

    /// Edits and moves of one listing, with what they meet on the way.
    async fn edit(&self, id: &str) {
        let path = format!("/v1/listings/{id}");
        while self.is_on() {
            let turn = self.number.fetch_add(1, Ordering::Relaxed);
            let (here, there) = self.instance(turn);
            let etag = here.get(&path).by(&self.owner.admin.token).send().await.header("etag").to_owned();
            let edited = there.patch(&path).by(&self.owner.admin.token).header("if-match", &etag).json(&json!({"title": {"en": format!("Edit {turn}")}})).send().await;
            assert!(matches!(edited.status, 200 | 409 | 412), "{edited:?}");
            for mv in ["pause", "resume"] {
                let moved = here.post(&format!("{path}/{mv}")).by(&self.owner.admin.token).send().await;
                assert!(matches!(moved.status, 200 | 409), "{moved:?}");
            }
        }
    }

    async fn read(&self, need: &str) {
        while self.is_on() {
            let turn = self.number.fetch_add(1, Ordering::Relaxed);
            let (here, there) = self.instance(turn);
            here.get("/v1/listings?q=lidar+edit&facets=kind,zone").send().await.expect(200);
            there.get(&format!("/v1/listings/{need}/matches?limit=20")).by(&self.owner.admin.token).send().await.expect(200);
        }
    }

    /// Fifty writers of one version, through both instances: exactly one wins each round, and its text is what stands there.
    async fn contend(&self, id: &str) -> u64 {
        let path = format!("/v1/listings/{id}");
        let mut rounds = 0;
        while self.is_on() || rounds < 3 {
            let before = self.first.get(&path).by(&self.owner.admin.token).send().await.expect(200);
            let etag = before.header("etag").to_owned();
            let writes = (0..WRITERS).map(|writer| {
                let (here, _) = self.instance(writer as u64);
                here.patch(&path).by(&self.owner.admin.token).header("if-match", &etag).json(&json!({"title": {"en": format!("Round {rounds}, writer {writer}")}})).send()
            });
            let answers = join_all(writes).await;
            let won: Vec<&Value> = answers.iter().filter(|answer| answer.status == 200).map(|answer| &answer.body).collect();
            assert_eq!(won.len(), 1, "{} writers of {WRITERS} won", won.len());
            assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 412)), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
            let after = self.second.get(&path).by(&self.owner.admin.token).send().await.expect(200);
            assert_eq!(after.body["title"], won[0]["title"]);
            rounds += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        rounds
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_agree_under_mixed_load() {
    let seconds: u64 = std::env::var("LOAD_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(4);
    let first = App::with(&[("ZONEBRIDGE_DATABASE_POOL_SIZE", "12"), ("ZONEBRIDGE_SEARCH_POLL_MILLISECONDS", "150"), ("ZONEBRIDGE_TOKENS_ACCESS_LIFETIME_SECONDS", "3600")]).await;
    let second = first.second_instance().await;
    let (owner, waiting) = (first.verified_organization("hangzhou").await, first.organization("hefei").await);
    first.set_policy("hangzhou", "post").await;
    let reviewer = first.reviewer("hefei").await;
    let (edited, contended) = (first.published(&owner, technology_offer("Edited lidar")).await, first.draft(&owner, technology_offer("Contended")).await);
    let need = first.published(&owner, with(technology_need("Lidar wanted"), json!({"keywords": ["lidar"]}))).await;
    let pair = Arc::new(Pair {
        first,
        second,
        owner,
        reviewer,
        until: Instant::now() + Duration::from_secs(seconds),
        number: AtomicU64::new(0),
        found_after: std::sync::Mutex::default(),
        calls: AtomicU64::new(0),
    });
    let ((), (), (), (), (), rounds) = futures_util::join!(pair.publish(), pair.publish(), pair.review(&waiting), pair.edit(&edited), pair.read(&need), pair.contend(&contended));
    let pair = Arc::into_inner(pair).unwrap();
    let deadlocks = pair.first.count("SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()").await;
    assert_eq!(deadlocks, 0);
    // Each round that was won is one version more, and nothing else has changed the row.
    let version = pair.first.count(&format!("SELECT version AS count FROM listings WHERE id = '{contended}'")).await;
    assert_eq!(version, 1 + i64::try_from(rounds).unwrap());
    let mut found_after = pair.found_after.into_inner().unwrap();
    found_after.sort();
    let at = |share: usize| found_after[(found_after.len() - 1) * share / 100];
    println!(
        "{seconds} s, {} turns: {} publishes found through the other instance after p50 {:?}, p99 {:?}, at most {:?}; {rounds} rounds of {WRITERS} writers, each won by one; {deadlocks} deadlocks",
        pair.calls.into_inner(),
        found_after.len(),
        at(50),
        at(99),
        at(100)
    );
    pair.second.finish().await;
    pair.first.finish().await;
}
