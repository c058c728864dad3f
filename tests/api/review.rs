//! Review: the queue, claims, decisions with reasons, and who may not.

use serde_json::{Value, json};

use crate::support::app::{Answer, App};
use crate::support::builders::{Person, technology_need, with};

async fn act(app: &App, person: &Person, case: &str, mv: &str) -> Answer {
    app.post(&format!("/v1/moderation/cases/{case}/{mv}")).by(&person.token).send().await
}

async fn decide(app: &App, person: &Person, case: &str, verdict: Value) -> Answer {
    app.post(&format!("/v1/moderation/cases/{case}/decide")).by(&person.token).json(&verdict).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_goes_through_review_and_the_owner_reads_the_reasons() {
    let app = App::start().await;
    let (owner, reviewer) = (app.organization("hefei").await, app.reviewer("hefei").await);
    let id = app.submitted(&owner, technology_need("Lidar")).await;
    let case = app.case_on(&id, &reviewer).await;
    let seen = app.get(&format!("/v1/moderation/cases/{case}")).by(&reviewer.token).send().await.expect(200);
    assert_eq!(seen.body["snapshot"]["title"]["en"], "Lidar");
    decide(&app, &reviewer, &case, json!({"action": "publish", "reasons": [], "text": ""})).await.expect(409);
    act(&app, &reviewer, &case, "claim").await.expect(200);
    assert_eq!(app.get(&format!("/v1/listings/{id}")).by(&owner.admin.token).send().await.body["state"], "in_review");
    decide(&app, &reviewer, &case, json!({"action": "request_changes", "reasons": [], "text": "x"})).await.wrong_field(422, "/reasons");
    decide(&app, &reviewer, &case, json!({"action": "request_changes", "reasons": ["ugly"], "text": "x"})).await.wrong_field(422, "/reasons/0");
    decide(&app, &reviewer, &case, json!({"action": "reject", "reasons": ["other"], "text": " "})).await.wrong_field(422, "/text");
    decide(&app, &reviewer, &case, json!({"action": "request_changes", "reasons": ["incomplete"], "text": "Say how far."})).await.expect(200);
    decide(&app, &reviewer, &case, json!({"action": "publish", "reasons": [], "text": ""})).await.expect(409);

    let decisions = app.get(&format!("/v1/listings/{id}/decisions")).by(&owner.admin.token).send().await.expect(200);
    let decision = &decisions.items()[0];
    assert_eq!((&decision["action"], &decision["reasons"], &decision["text"]), (&json!("request_changes"), &json!(["incomplete"]), &json!("Say how far.")));
    assert!(!decision.to_string().contains(&reviewer.id.to_string()), "the person stays inside: {decision:#}");

    app.post(&format!("/v1/listings/{id}/submit")).by(&owner.admin.token).send().await.expect(200);
    app.decide(&id, &reviewer, "publish", &[]).await;
    app.caught_up().await;
    assert_eq!(app.get("/v1/listings?q=lidar").send().await.ids(), [id.clone()]);
    assert_eq!(app.get(&format!("/v1/listings/{id}/decisions")).by(&owner.admin.token).send().await.items().len(), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_is_final() {
    let app = App::start().await;
    let (owner, reviewer) = (app.organization("hefei").await, app.reviewer("hefei").await);
    let id = app.submitted(&owner, technology_need("Lidar")).await;
    app.decide(&id, &reviewer, "reject", &["spam"]).await;
    let refused = app.post(&format!("/v1/listings/{id}/submit")).by(&owner.admin.token).send().await.problem(409, "illegal_move");
    assert_eq!((&refused.body["state"], &refused.body["allowed_moves"]), (&json!("rejected"), &json!([])));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_zones_reviewer_and_the_owner_do_not_know_of_the_case() {
    let app = App::start().await;
    let (owner, reviewer, other) = (app.organization("hefei").await, app.reviewer("hefei").await, app.reviewer("wuhan").await);
    let id = app.submitted(&owner, technology_need("Lidar")).await;
    let case = app.case_on(&id, &reviewer).await;
    for person in [&other, &owner.admin] {
        app.get(&format!("/v1/moderation/cases/{case}")).by(&person.token).send().await.expect(404);
        act(&app, person, &case, "claim").await.expect(404);
        decide(&app, person, &case, json!({"action": "publish", "reasons": [], "text": ""})).await.expect(404);
        act(&app, person, &case, "release").await.expect(404);
    }
    assert!(app.get("/v1/moderation/cases?state=open").by(&other.token).send().await.expect(200).items().is_empty());
    app.get("/v1/moderation/cases").by(&owner.admin.token).send().await.expect(403);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_on_their_own_organisations_listing() {
    let app = App::start().await;
    let (owner, reviewer) = (app.organization("hefei").await, app.reviewer("hefei").await);
    let id = app.submitted(&owner, technology_need("Lidar")).await;
    let case = app.case_on(&id, &reviewer).await;
    let scope = zonebridge::accounts::policy::Scope::Organization(owner.id.parse().unwrap());
    app.grant(&reviewer, zonebridge::access::actor::Role::Member, scope).await;
    act(&app, &reviewer, &case, "claim").await.expect(403);
    let admin = app.zone_admin("hefei").await;
    act(&app, &admin, &case, "claim").await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_claimed_decides_and_a_release_gives_it_back() {
    let app = App::start().await;
    let (owner, one, two, admin) = (app.organization("hefei").await, app.reviewer("hefei").await, app.reviewer("hefei").await, app.zone_admin("hefei").await);
    let id = app.submitted(&owner, technology_need("Lidar")).await;
    let case = app.case_on(&id, &one).await;
    let (a, b) = tokio::join!(act(&app, &one, &case, "claim"), act(&app, &two, &case, "claim"));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let (claimer, other) = if a.status == 200 { (&one, &two) } else { (&two, &one) };
    let refused = decide(&app, other, &case, json!({"action": "publish", "reasons": [], "text": ""})).await;
    assert!(matches!(refused.status, 403 | 409), "{}", refused.status);
    act(&app, other, &case, "release").await.expect(403);
    act(&app, &admin, &case, "release").await.expect(200);
    assert_eq!(app.get(&format!("/v1/listings/{id}")).by(&owner.admin.token).send().await.body["state"], "submitted");
    decide(&app, claimer, &case, json!({"action": "publish", "reasons": [], "text": ""})).await.expect(409);
    act(&app, other, &case, "claim").await.expect(200);
    decide(&app, other, &case, json!({"action": "publish", "reasons": [], "text": ""})).await.expect(200);
    app.caught_up().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_reviews_after_publishes_at_once_and_may_only_keep_or_remove() {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    let (owner, reviewer, admin) = (app.organization("hefei").await, app.reviewer("hefei").await, app.zone_admin("hefei").await);
    let id = app.submitted(&owner, technology_need("Lidar")).await;
    app.caught_up().await;
    assert_eq!(app.get("/v1/listings?q=lidar").send().await.ids(), [id.clone()]);
    let case = app.case_on(&id, &reviewer).await;
    act(&app, &reviewer, &case, "claim").await.expect(200);
    assert_eq!(app.get(&format!("/v1/listings/{id}")).send().await.expect(200).body["state"], "published");
    decide(&app, &reviewer, &case, json!({"action": "reject", "reasons": ["spam"], "text": "x"})).await.wrong_field(422, "/action");
    decide(&app, &reviewer, &case, json!({"action": "remove", "reasons": ["infringement"], "text": "The patent is another's."})).await.expect(200);
    app.caught_up().await;
    app.get(&format!("/v1/listings/{id}")).send().await.expect(404);
    assert_eq!(app.get("/v1/listings?q=lidar").send().await.body["total"], 0);
    app.post(&format!("/v1/listings/{id}/restore")).by(&reviewer.token).send().await.expect(403);
    assert_eq!(app.post(&format!("/v1/listings/{id}/restore")).by(&admin.token).send().await.expect(200).body["state"], "published");
    app.caught_up().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusting_zone_publishes_verified_organisations_at_once() {
    let app = App::start().await;
    app.set_policy("hefei", "trusted").await;
    let (unknown, verified) = (app.organization("hefei").await, app.verified_organization("hefei").await);
    for (owner, state) in [(&unknown, "submitted"), (&verified, "published")] {
        let id = app.submitted(owner, technology_need("Lidar")).await;
        assert_eq!(app.get(&format!("/v1/listings/{id}")).by(&owner.admin.token).send().await.body["state"], state);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_material_edit_is_reviewed_while_the_old_revision_stays_live() {
    let app = App::start().await;
    let (owner, reviewer) = (app.organization("hefei").await, app.reviewer("hefei").await);
    let id = app.published(&owner, technology_need("Lidar")).await;
    let path = format!("/v1/listings/{id}");
    let edit = async |title: &str| app.edit(&owner, &id, json!({"title": {"en": title}})).await;
    assert_eq!(edit("Radar").await.expect(200).body["pending_revision"], 2);
    edit("Sonar").await.problem(409, "revision_under_review");
    assert_eq!(app.get(&path).send().await.body["title"]["en"], "Lidar");
    app.decide(&id, &reviewer, "request_changes", &["wrong_category"]).await;
    assert_eq!(app.get(&path).send().await.body["title"]["en"], "Lidar");
    edit("Solid-state lidar").await.expect(200);
    app.decide(&id, &reviewer, "publish", &[]).await;
    app.caught_up().await;
    assert_eq!(app.get(&path).send().await.body["title"]["en"], "Solid-state lidar");
    assert_eq!(app.get("/v1/listings?q=solid").send().await.ids(), [id]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_cannot_edit_their_way_out_of_a_case() {
    let app = App::start().await;
    let (owner, reviewer) = (app.organization("hefei").await, app.reviewer("hefei").await);
    let id = app.published(&owner, technology_need("Lidar")).await;
    let edit = async |title: &str| app.edit(&owner, &id, json!({"title": {"en": title}})).await;
    let body = json!({"subject": {"type": "listing", "id": id}});
    let opened = app.post("/v1/moderation/cases").by(&reviewer.token).json(&body).send().await.expect(201);
    edit("Radar").await.problem(409, "under_review");
    act(&app, &reviewer, &opened.id(), "claim").await.expect(200);
    edit("Radar").await.problem(409, "under_review");
    decide(&app, &reviewer, &opened.id(), json!({"action": "remove", "reasons": ["infringement"], "text": "Another's patent."})).await.expect(200);
    app.caught_up().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_and_an_owner_who_move_at_once_both_get_an_answer() {
    let app = App::start().await;
    let (owner, reviewer) = (app.organization("hefei").await, app.reviewer("hefei").await);
    for i in 0..8 {
        let id = app.submitted(&owner, technology_need(&format!("Lidar {i}"))).await;
        let case = app.case_on(&id, &reviewer).await;
        let withdraw = async || app.post(&format!("/v1/listings/{id}/withdraw")).by(&owner.admin.token).send().await;
        let (moved, withdrawn) = if i % 2 == 0 {
            tokio::join!(act(&app, &reviewer, &case, "claim"), withdraw())
        } else {
            act(&app, &reviewer, &case, "claim").await.expect(200);
            tokio::join!(decide(&app, &reviewer, &case, json!({"action": "publish", "reasons": [], "text": ""})), withdraw())
        };
        assert!(matches!(moved.status, 200 | 409) && matches!(withdrawn.status, 200 | 409), "{} {}", moved.status, withdrawn.status);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawing_closes_the_case() {
    let app = App::start().await;
    let (owner, reviewer) = (app.organization("hefei").await, app.reviewer("hefei").await);
    let id = app.submitted(&owner, technology_need("Lidar")).await;
    let case = app.case_on(&id, &reviewer).await;
    app.post(&format!("/v1/listings/{id}/withdraw")).by(&owner.admin.token).send().await.expect(200);
    act(&app, &reviewer, &case, "claim").await.expect(409);
    assert_eq!(app.get(&format!("/v1/moderation/cases/{case}")).by(&reviewer.token).send().await.body["state"], "closed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_first_come_first_served_and_pages() {
    let app = App::start().await;
    let (owner, reviewer) = (app.organization("hefei").await, app.reviewer("hefei").await);
    let mut expected = Vec::new();
    for i in 0..3 {
        expected.push(app.submitted(&owner, with(technology_need("Lidar"), json!({"keywords": [format!("k{i}")]}))).await);
    }
    let first = app.get("/v1/moderation/cases?state=open&zone=hefei&limit=2").by(&reviewer.token).send().await.expect(200);
    let second =
        app.get(&format!("/v1/moderation/cases?state=open&zone=hefei&limit=2&cursor={}", first.body["next_cursor"].as_str().unwrap())).by(&reviewer.token).send().await.expect(200);
    let subjects: Vec<_> = first.items().iter().chain(second.items()).map(|case| case["subject"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(subjects, expected);
    app.get("/v1/moderation/cases?zone=wuhan").by(&reviewer.token).send().await.expect(404);
    app.get("/v1/moderation/cases?limit=0").by(&reviewer.token).send().await.wrong_field(400, "limit");
    app.get("/v1/moderation/cases?limit=101").by(&reviewer.token).send().await.wrong_field(400, "limit");
    app.finish().await;
}
