//! Posting: drafts, attributes, tiers, edits, moves, expiry.

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::builders::{funding_offer, in_days, industry_need, talent_need, technology_need, technology_offer, with};

async fn moved(app: &App, token: &str, id: &str, mv: &str) -> crate::support::app::Answer {
    app.post(&format!("/v1/listings/{id}/{mv}")).by(token).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_of_every_kind_keeps_what_was_written() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    for draft in [technology_need("Lidar"), technology_offer("Lidar"), funding_offer("Seed"), talent_need("Engineer"), industry_need("Packaging")] {
        let body = with(
            draft.clone(),
            json!({"organization_id": owner.id, "title": {"zh": "激光雷达", "en": "Lidar"}, "keywords": ["lidar"], "cooperation_modes": ["licence"], "zones_wanted": ["wuhan"]}),
        );
        let made = app.post("/v1/listings").by(&owner.admin.token).json(&body).send().await.expect(201);
        let read = app.get(&format!("/v1/listings/{}", made.id())).by(&owner.admin.token).send().await.expect(200);
        assert_eq!((&read.body["state"], &read.body["zone"]), (&json!("draft"), &json!("hefei")));
        for field in ["kind", "direction", "title", "keywords", "cooperation_modes", "zones_wanted", "valid_through"] {
            assert_eq!(read.body[field], body[field], "{field}");
        }
        assert_eq!(read.header("etag"), made.header("etag"));
        app.get(&format!("/v1/listings/{}", made.id())).send().await.expect(404);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_content_is_refused_field_by_field() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    let draft =
        async |more: Value| app.post("/v1/listings").by(&owner.admin.token).json(&with(with(technology_need("Lidar"), json!({"organization_id": owner.id})), more)).send().await;
    for (more, status, pointer) in [
        (json!({"title": {}}), 422, "/title"),
        (json!({"title": {"en": "a\u{202e}b"}}), 422, "/title/en"),
        (json!({"title": {"en": "a\u{0}b"}}), 422, "/title/en"),
        (json!({"title": {"en": "long ".repeat(100)}}), 422, "/title/en"),
        (json!({"title": {"fr": "x"}}), 422, "/title/fr"),
        (json!({"segments": ["base.chip"]}), 422, "/segments/0"),
        (json!({"industries": ["C99"]}), 422, "/industries/0"),
        (json!({"zones_wanted": ["atlantis"]}), 422, "/zones_wanted/0"),
        (json!({"valid_through": "2020-01-01"}), 422, "/valid_through"),
        (json!({"valid_through": in_days(400)}), 422, "/valid_through"),
        (json!({"valid_through": "soon"}), 422, "/valid_through"),
        (json!({"attributes": {"min_trl": 10}}), 422, "/attributes/min_trl"),
        (json!({"attributes": {"min_trl": "high"}}), 422, "/attributes/min_trl"),
        (json!({"attributes": {"trl": 5}}), 422, "/attributes/trl"),
        (json!({"attributes": {"skills": []}}), 422, "/attributes/skills"),
        (json!({"tiers": {"body": "secret"}}), 422, "/tiers"),
        (json!({"keywords": vec!["x"; 21]}), 422, "/keywords"),
        (json!({"organization_id": "x"}), 422, "/organization_id"),
    ] {
        draft(more).await.wrong_field(status, pointer);
    }
    draft(json!({"state": "published"})).await.wrong_field(422, "/state");
    let money = with(funding_offer("Seed"), json!({"organization_id": owner.id, "attributes": {"ticket": {"min": "5", "max": "1", "currency": "CNY"}}}));
    app.post("/v1/listings").by(&owner.admin.token).json(&money).send().await.wrong_field(422, "/attributes/ticket/max");
    let number = with(funding_offer("Seed"), json!({"organization_id": owner.id, "attributes": {"ticket": {"min": 5, "currency": "CNY"}}}));
    app.post("/v1/listings").by(&owner.admin.token).json(&number).send().await.wrong_field(422, "/attributes/ticket/min");
    assert_eq!(app.count("SELECT count(*) FROM listings").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_people_draft_for_an_organisation_and_only_administrators_submit() {
    let app = App::start().await;
    let (owner, stranger) = (app.organization("hefei").await, app.person().await);
    let member = app.member(&owner).await;
    let body = with(technology_need("Lidar"), json!({"organization_id": owner.id}));
    app.post("/v1/listings").json(&body).send().await.expect(401);
    app.post("/v1/listings").by(&stranger.token).json(&body).send().await.expect(403);
    let id = app.post("/v1/listings").by(&member.token).json(&body).send().await.expect(201).id();
    moved(&app, &member.token, &id, "submit").await.expect(403);
    moved(&app, &stranger.token, &id, "submit").await.expect(404);
    moved(&app, &owner.admin.token, &id, "submit").await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn submitting_asks_for_what_a_draft_may_lack() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    for (draft, pointer) in [
        (json!({"kind": "technology", "direction": "need", "title": {"en": "x"}, "summary": {"en": "y"}}), "/attributes/min_trl"),
        (json!({"kind": "technology", "direction": "offer", "title": {"en": "x"}, "attributes": {"trl": 3}}), "/summary"),
        (json!({"kind": "funding", "direction": "need", "title": {"en": "x"}, "summary": {"en": "y"}}), "/attributes/amount"),
        (json!({"kind": "funding", "direction": "offer", "title": {"en": "x"}, "summary": {"en": "y"}}), "/attributes/stages"),
        (json!({"kind": "talent", "direction": "need", "title": {"en": "x"}, "summary": {"en": "y"}}), "/attributes/skills"),
        (json!({"kind": "industry", "direction": "need", "title": {"en": "x"}, "summary": {"en": "y"}}), "/attributes/capacity"),
        (json!({"kind": "industry", "direction": "need", "title": {"en": "x"}, "summary": {"en": "y"}, "attributes": {"quantity": "5"}}), "/attributes/unit"),
    ] {
        let id = app.draft(&owner, draft).await;
        moved(&app, &owner.admin.token, &id, "submit").await.wrong_field(422, pointer);
        assert_eq!(app.get(&format!("/v1/listings/{id}")).by(&owner.admin.token).send().await.body["state"], "draft");
    }
    app.finish().await;
}

/// What each state allows its owner, and what the others answer.
#[tokio::test(flavor = "multi_thread")]
async fn moves_follow_the_table_and_illegal_ones_say_what_is_allowed() {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    let token = &owner.admin.token;
    let id = app.draft(&owner, technology_need("Lidar")).await;
    let refused = moved(&app, token, &id, "pause").await.expect(409);
    assert_eq!((&refused.body["state"], &refused.body["allowed_moves"]), (&json!("draft"), &json!(["submit", "withdraw"])));
    assert_eq!(app.get(&format!("/v1/listings/{id}")).by(token).send().await.body["allowed_moves"], refused.body["allowed_moves"]);
    for (mv, state) in [("submit", "published"), ("pause", "paused"), ("resume", "published"), ("pause", "paused"), ("renew", "published"), ("fulfil", "fulfilled")] {
        let call = app.post(&format!("/v1/listings/{id}/{mv}")).by(token);
        let call = if mv == "renew" { call.json(&json!({"valid_through": in_days(200)})) } else { call };
        assert_eq!(call.send().await.expect(200).body["state"], state, "{mv}");
    }
    assert_eq!(app.get(&format!("/v1/listings/{id}")).by(token).send().await.body["valid_through"], in_days(200));
    for mv in ["submit", "pause", "resume", "fulfil", "withdraw", "renew"] {
        let call = app.post(&format!("/v1/listings/{id}/{mv}")).by(token);
        let call = if mv == "renew" { call.json(&json!({"valid_through": in_days(200)})) } else { call };
        let refused = call.send().await.problem(409, "illegal_move");
        assert_eq!(refused.body["state"], "fulfilled");
    }
    let other = app.draft(&owner, technology_need("Radar")).await;
    moved(&app, token, &other, "withdraw").await.expect(200);
    moved(&app, token, &other, "submit").await.problem(409, "illegal_move");
    moved(&app, token, &other, "publish").await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_needs_the_version_that_was_read_and_makes_a_revision() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    let id = app.draft(&owner, technology_need("Lidar")).await;
    let path = format!("/v1/listings/{id}");
    let etag = app.get(&path).by(&owner.admin.token).send().await.header("etag").to_owned();
    let edit = async |etag: &str, body: Value| app.patch(&path).by(&owner.admin.token).header("if-match", etag).json(&body).send().await;
    app.patch(&path).by(&owner.admin.token).json(&json!({"title": {"en": "x"}})).send().await.problem(428, "if_match_required");
    let edited = edit(&etag, json!({"title": {"en": "Solid-state lidar"}})).await.expect(200);
    assert_ne!(edited.header("etag"), etag);
    edit(&etag, json!({"title": {"en": "Too late"}})).await.expect(412);
    edit("\"nonsense\"", json!({"title": {"en": "x"}})).await.expect(412);
    edit("nonsense", json!({"title": {"en": "x"}})).await.expect(400);
    edit(edited.header("etag"), json!({"attributes": {"trl": 3}})).await.wrong_field(422, "/attributes/trl");
    let revisions = app.get(&format!("{path}/revisions")).by(&owner.admin.token).send().await.expect(200);
    let titles: Vec<_> = revisions.items().iter().map(|revision| revision["title"]["en"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Solid-state lidar", "Lidar"]);
    app.get(&format!("{path}/revisions")).by(&app.person().await.token).send().await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_at_once_exactly_one_wins() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    let id = app.draft(&owner, technology_need("Lidar")).await;
    let path = format!("/v1/listings/{id}");
    let etag = app.get(&path).by(&owner.admin.token).send().await.header("etag").to_owned();
    let writers = (0..12).map(|i| app.patch(&path).by(&owner.admin.token).header("if-match", &etag).json(&json!({"title": {"en": format!("Writer {i}")}})).send());
    let statuses: Vec<u16> = futures_util::future::join_all(writers).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|&&status| status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|&status| status == 200 || status == 412), "{statuses:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_cannot_be_changed_afterwards() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    app.draft(&owner, technology_need("Lidar")).await;
    let mut conn = app.database.write().await.unwrap();
    let changed = diesel_async::RunQueryDsl::execute(diesel::sql_query("UPDATE listing_revisions SET title_en = 'other'"), &mut conn).await;
    assert!(changed.is_err(), "a revision was changed");
    drop(conn);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_passed_its_last_day_expires_and_can_be_renewed() {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    let id = app.published(&owner, technology_need("Lidar")).await;
    app.sql(&format!("UPDATE listings SET valid_through = current_date - 1 WHERE id = '{id}'")).await;
    app.get(&format!("/v1/listings/{id}")).send().await.expect(404);
    zonebridge::listings::jobs::expire_overdue(app.database.clone()).await.unwrap();
    app.caught_up().await;
    assert_eq!(app.get(&format!("/v1/listings/{id}")).by(&owner.admin.token).send().await.body["state"], "expired");
    assert_eq!(app.get("/v1/listings?q=lidar").send().await.body["total"], 0);
    assert_eq!(app.count(&format!("SELECT count(*) FROM audit_entries WHERE action = 'expire' AND subject_id = '{id}' AND actor_kind = 'system'")).await, 1);
    app.post(&format!("/v1/listings/{id}/renew")).by(&owner.admin.token).json(&json!({"valid_through": in_days(30)})).send().await.expect(200);
    app.caught_up().await;
    assert_eq!(app.get("/v1/listings?q=lidar").send().await.body["total"], 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_shown_up_to_the_readers_tier() {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    let (owner, verified) = (app.organization("hefei").await, app.verified_organization("wuhan").await);
    let offer = with(
        technology_offer("Lidar"),
        json!({"body": {"en": "The secret optics."}, "attributes": {"trl": 6, "patents": ["ZL201810000001.1"]}, "tiers": {"body": "verified", "trl": "introduced"}}),
    );
    let id = app.published(&owner, offer).await;
    let path = format!("/v1/listings/{id}");
    let guest = app.get(&path).send().await.expect(200).body;
    assert!(guest.get("body").is_none_or(|body| body == &json!({})) && guest["attributes"].get("trl").is_none() && guest["attributes"].get("patents").is_none(), "{guest:#}");
    assert!(guest.get("tiers").is_none() && guest.get("allowed_moves").is_none());
    let unverified = app.get(&path).by(&app.organization("suzhou").await.admin.token).send().await.body;
    assert!(unverified.get("body").is_none_or(|body| body == &json!({})));
    let reader = app.get(&path).by(&verified.admin.token).send().await.body;
    assert_eq!(reader["body"]["en"], "The secret optics.");
    assert!(reader["attributes"].get("trl").is_none() && reader["attributes"].get("patents").is_none());
    let own = app.get(&path).by(&owner.admin.token).send().await.body;
    assert_eq!((&own["attributes"]["trl"], &own["tiers"]["body"]), (&json!(6), &json!("verified")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_lists_their_own_in_every_state_page_by_page() {
    let app = App::start().await;
    let owner = app.organization("hefei").await;
    let mut ids = Vec::new();
    for i in 0..5 {
        ids.push(app.draft(&owner, technology_need(&format!("Need {i}"))).await);
    }
    moved(&app, &owner.admin.token, &ids[0], "submit").await.expect(200);
    let path = format!("/v1/organizations/{}/listings", owner.id);
    let mut seen = Vec::new();
    let mut next = format!("{path}?limit=2");
    loop {
        let page = app.get(&next).by(&owner.admin.token).send().await.expect(200);
        seen.extend(page.ids());
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        assert!(page.header("link").contains("rel=\"next\""));
        next = format!("{path}?limit=2&cursor={cursor}");
    }
    ids.reverse();
    assert_eq!(seen, ids);
    assert_eq!(app.get(&format!("{path}?state=submitted")).by(&owner.admin.token).send().await.items().len(), 1);
    app.get(&path).send().await.expect(401);
    let stranger = app.get(&path).by(&app.person().await.token).send().await;
    assert!(matches!(stranger.status, 403 | 404));
    app.get(&format!("{path}?cursor=nonsense")).by(&owner.admin.token).send().await.wrong_field(400, "cursor");
    app.finish().await;
}
