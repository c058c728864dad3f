//! `Idempotency-Key`: the same request again gets the same answer and does nothing, on whichever instance, whatever happened in between.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::app::App;
use crate::support::builders::{Organization, PASSWORD, technology_offer, with};

const KEY: &str = "idempotency-key";

fn draft_of(owner: &Organization, title: &str) -> serde_json::Value {
    with(technology_offer(title), json!({"organization_id": owner.id}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_the_first_answer_and_does_nothing() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    let send = || app.post("/v1/listings").by(&owner.admin.token).header(KEY, "k-1").json(&draft_of(&owner, "Once")).send();
    let first = send().await.expect(201);
    let again = send().await.expect(201);
    assert_eq!(again.body, first.body);
    for name in ["etag", "location", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(app.count("SELECT count(*) FROM listings").await, 1);
    // A move, which has no body, and a refusal are kept alike.
    let id = first.id();
    for (path, status) in [(format!("/v1/listings/{id}/submit"), 200), (format!("/v1/listings/{id}/pause"), 409)] {
        let key = format!("key-of-{status}");
        let first = app.post(&path).by(&owner.admin.token).header(KEY, &key).send().await.expect(status);
        let again = app.post(&path).by(&owner.admin.token).header(KEY, &key).send().await.expect(status);
        assert_eq!(again.body, first.body, "{path}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_account_and_one_request() {
    let app = App::start().await;
    let (owner, other) = (app.organization("hefei").await, app.organization("hefei").await);
    app.post("/v1/listings").by(&owner.admin.token).header(KEY, "k").json(&draft_of(&owner, "One")).send().await.expect(201);
    let reused = app.post("/v1/listings").by(&owner.admin.token).header(KEY, "k").json(&draft_of(&owner, "Two")).send().await;
    reused.wrong_field(422, "Idempotency-Key");
    app.post("/v1/organizations").by(&owner.admin.token).header(KEY, "k").json(&json!({})).send().await.wrong_field(422, "Idempotency-Key");
    app.post("/v1/listings").by(&other.admin.token).header(KEY, "k").json(&draft_of(&other, "Two")).send().await.expect(201);
    for wrong in ["\u{e9}", "two words", &"x".repeat(256)] {
        app.post("/v1/listings").by(&owner.admin.token).header(KEY, wrong).json(&draft_of(&owner, "Three")).send().await.wrong_field(400, "Idempotency-Key");
    }
    app.post("/v1/listings").header(KEY, "k").json(&draft_of(&owner, "One")).send().await.expect(401);
    assert_eq!(app.count("SELECT count(*) FROM listings").await, 2);
    app.finish().await;
}

/// Fifty at once, on two instances: one draft, and everybody hears of that one or is told to wait.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_on_two_instances_one_works() {
    let app = App::start().await;
    let second = app.second_instance().await;
    let owner = app.organization("hefei").await;
    for round in 0..5 {
        let key = format!("round-{round}");
        let calls = (0..50).map(|number| {
            let instance = if number % 2 == 0 { &app } else { &second };
            instance.post("/v1/listings").by(&owner.admin.token).header(KEY, &key).json(&draft_of(&owner, "Once")).send()
        });
        let answers = join_all(calls).await;
        let ids: std::collections::HashSet<String> = answers.iter().filter(|answer| answer.status == 201).map(super::support::app::Answer::id).collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        assert!(answers.iter().all(|answer| answer.status == 201 || answer.body["code"] == "request_in_progress"), "{answers:?}");
        assert_eq!(app.count("SELECT count(*) FROM listings").await, round + 1);
    }
    second.finish().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_in_a_crash_is_told_and_the_deed_is_not_done_twice() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    let send = || app.post("/v1/listings").by(&owner.admin.token).header(KEY, "k").json(&draft_of(&owner, "Once")).send();
    let id = send().await.expect(201).id();
    // As a crash between the deed and its answer leaves it: the lock still holds at first, then it has run out.
    app.sql("UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL, locked_until = now() + interval '1 minute'").await;
    send().await.problem(409, "request_in_progress");
    app.sql("UPDATE idempotency_keys SET locked_until = now()").await;
    // However often it is asked, and whatever became of those who asked.
    for _ in 0..3 {
        let told = send().await.problem(409, "answer_lost");
        assert!(told.body["detail"].as_str().unwrap().contains(&id), "{:#}", told.body);
    }
    assert_eq!(app.count("SELECT count(*) FROM listings").await, 1);
    // As a crash before the deed leaves it: the repetition does it.
    app.sql("UPDATE idempotency_keys SET request_id = 'of nobody', locked_until = now()").await;
    send().await.expect(201);
    assert_eq!(app.count("SELECT count(*) FROM listings").await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_forgotten_after_a_day_and_secrets_are_never_kept() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    let send = || app.post("/v1/listings").by(&owner.admin.token).header(KEY, "k").json(&draft_of(&owner, "Once a day")).send();
    let first = send().await.expect(201).id();
    app.sql("UPDATE idempotency_keys SET created_at = now() - interval '25 hours', locked_until = now() - interval '24 hours'").await;
    assert_ne!(send().await.expect(201).id(), first);
    // The answer of a log-in holds tokens: it is not kept, whoever sends a key with it.
    let log_in = || app.post("/v1/sessions").by(&owner.admin.token).header(KEY, "s").json(&json!({"email": owner.admin.email, "password": PASSWORD})).send();
    let (one, two) = (log_in().await.expect(201), log_in().await.expect(201));
    assert_ne!(one.body["refresh_token"], two.body["refresh_token"]);
    assert_eq!(app.count("SELECT count(*) FROM idempotency_keys").await, 1);
    // A revoked session reads no kept answers.
    app.delete("/v1/sessions/current").by(&owner.admin.token).send().await.expect(204);
    send().await.expect(401);
    app.finish().await;
}

/// Work that runs into its time limit is given up, and does not go on behind the client's back to be done a second time by its repetition.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_given_up_and_its_key_stays_taken_for_a_while() {
    let app = App::with(&[("ZONEBRIDGE_SERVER_REQUEST_TIMEOUT_SECONDS", "1")]).await;
    let owner = app.organization("hefei").await;
    let send = || app.post("/v1/listings").by(&owner.admin.token).header(KEY, "slow").json(&draft_of(&owner, "Slow")).send();
    let mut locked = crate::support::database::connect(&app.url).await;
    crate::support::database::run(&mut locked, "BEGIN").await;
    crate::support::database::run(&mut locked, "LOCK TABLE listings").await;
    send().await.problem(504, "timeout");
    crate::support::database::run(&mut locked, "ROLLBACK").await;
    send().await.problem(409, "request_in_progress");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(app.count("SELECT count(*) FROM listings").await, 0, "the work went on after its limit");
    // Its time has run out: the repetition does it, once.
    app.sql("UPDATE idempotency_keys SET locked_until = now()").await;
    send().await.expect(201);
    assert_eq!(app.count("SELECT count(*) FROM listings").await, 1);
    app.finish().await;
}
