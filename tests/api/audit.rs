//! What is recorded: by whom, when, in the same transaction, and never changed afterwards.

use std::collections::BTreeSet;

use diesel_async::RunQueryDsl;
use serde_json::json;

use crate::support::app::App;
use crate::support::builders::technology_need;

#[tokio::test(flavor = "multi_thread")]
async fn every_deed_of_the_main_job_is_recorded_with_its_request() {
    let app = App::start().await;
    let (owner, reviewer, auditor) = (app.verified_organization("hefei").await, app.reviewer("hefei").await, app.auditor().await);
    let id = app.submitted(&owner, technology_need("Lidar")).await;
    app.decide(&id, &reviewer, "publish", &[]).await;
    let paused = app.post(&format!("/v1/listings/{id}/pause")).by(&owner.admin.token).send().await.expect(200);
    app.delete("/v1/sessions/current").by(&owner.admin.token).send().await.expect(204);

    let entries = app.get(&format!("/v1/audit/entries?subject_type=listing&subject_id={id}&limit=100")).by(&auditor.token).send().await.expect(200);
    let actions: Vec<_> = entries.items().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["pause", "publish", "claim", "submit", "draft"]);
    let pause = &entries.items()[0];
    assert_eq!(pause["request_id"].as_str(), Some(paused.header("x-request-id")));
    assert_eq!(pause["actor_id"].as_str(), Some(owner.admin.id.to_string().as_str()), "{pause:#}");
    assert_eq!(pause["changes"], json!([{"field": "state", "before": "published", "after": "paused"}]));
    assert!(pause["before_digest"].is_string() && pause["after_digest"].is_string() && pause["before_digest"] != pause["after_digest"]);

    let all = app.get("/v1/audit/entries?limit=100").by(&auditor.token).send().await.expect(200);
    let seen: BTreeSet<_> = all.items().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    for action in ["register", "log_in", "log_out", "grant_role", "found_organization", "verify", "open_case", "claim", "decide"] {
        assert!(seen.contains(action), "{action} is not among {seen:?}");
    }
    app.caught_up().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_auditor_reads_with_filters_and_others_do_not_read() {
    let app = App::start().await;
    let (owner, reviewer, auditor) = (app.organization("hefei").await, app.reviewer("hefei").await, app.auditor().await);
    app.draft(&owner, technology_need("Lidar")).await;
    for person in [&owner.admin, &reviewer] {
        app.get("/v1/audit/entries").by(&person.token).send().await.expect(403);
    }
    app.get("/v1/audit/entries").send().await.expect(401);
    let read = async |query: &str| app.get(&format!("/v1/audit/entries?{query}")).by(&auditor.token).send().await;
    assert_eq!(read("action=draft").await.items().len(), 1);
    assert_eq!(read(&format!("actor={}&action=draft", reviewer.id)).await.items().len(), 0);
    assert!(read(&format!("organization={}", owner.id)).await.items().len() >= 2);
    assert_eq!(read("from=2999-01-01T00:00:00Z").await.items().len(), 0);
    read("from=yesterday").await.wrong_field(400, "from");
    read("subject_type=cat").await.wrong_field(400, "subject_type");
    read("colour=red").await.expect(400);
    let page = read("limit=2").await;
    let rest = read(&format!("limit=100&cursor={}", page.body["next_cursor"].as_str().unwrap())).await;
    assert!(page.ids().iter().all(|id| !rest.ids().contains(id)));
    app.post("/v1/listings")
        .by(&auditor.token)
        .json(&json!({"organization_id": owner.id, "kind": "technology", "direction": "need", "title": {"en": "x"}}))
        .send()
        .await
        .expect(403);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_only_ever_added() {
    let app = App::start().await;
    app.person().await;
    for sql in ["UPDATE audit_entries SET action = 'other'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"] {
        let mut conn = app.database.write().await.unwrap();
        let done = diesel::sql_query(sql).execute(&mut conn).await;
        assert!(done.is_err(), "{sql} was allowed");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_does_not_happen() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    let id = app.draft(&owner, technology_need("Lidar")).await;
    app.sql("ALTER TABLE audit_entries ADD CONSTRAINT none_more CHECK (action <> 'submit') NOT VALID").await;
    let failed = app.post(&format!("/v1/listings/{id}/submit")).by(&owner.admin.token).send().await.expect(500);
    assert!(!failed.body.to_string().contains("none_more"), "the cause must stay inside: {}", failed.body);
    assert_eq!(app.get(&format!("/v1/listings/{id}")).by(&owner.admin.token).send().await.body["state"], "draft");
    assert_eq!(app.count("SELECT count(*) FROM cases").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_address_is_recorded() {
    let app = App::start().await;
    let li = app.person().await;
    app.post("/v1/sessions").json(&json!({"email": li.email, "password": "wrong-river-lantern"})).send().await.expect(401);
    let found = app.count(&format!("SELECT count(*) FROM audit_entries e WHERE e::text LIKE '%{}%' OR e::text LIKE '%lantern%'", li.email)).await;
    assert_eq!(found, 0);
    assert_eq!(app.count("SELECT count(*) FROM audit_entries WHERE action = 'log_in_failed'").await, 1);
    app.finish().await;
}
