//! Organisations: their codes, members and verification.

use serde_json::json;

use crate::support::app::App;
use crate::support::builders::uscc;

#[tokio::test(flavor = "multi_thread")]
async fn the_founder_is_the_first_administrator() {
    let app = App::start().await;
    let li = app.person().await;
    let body = json!({"name": {"zh": "合肥光羽科技有限公司"}, "kind": "startup", "uscc": "91330100799655058B", "home_zone": "hefei", "website": "https://lightfeather.example"});
    let made = app.post("/v1/organizations").by(&li.token).json(&body).send().await.expect(201);
    assert_eq!(made.body["verification"], "unverified");
    let me = app.get("/v1/me").by(&li.token).send().await;
    assert_eq!(me.body["roles"], json!([{"role": "org_admin", "organization_id": made.body["id"]}]));
    // The code is registered in Hangzhou: worth a second look, no reason to refuse.
    assert_eq!(made.body["warnings"].as_array().map(Vec::len), Some(1), "{}", made.body);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_belongs_to_one_organisation_and_must_fit_its_check_character() {
    let app = App::start().await;
    let li = app.person().await;
    let found =
        async |uscc: &str| app.post("/v1/organizations").by(&li.token).json(&json!({"name": {"en": "A"}, "kind": "startup", "uscc": uscc, "home_zone": "hefei"})).send().await;
    for valid in ["914403001922038216", "91330100799655058B", "9144030071526726XG", "91110000802100433B", "91512081MA62K0260E", "91350100M000100Y43"] {
        found(valid).await.expect(201);
    }
    found("91350100M000100Y43").await.problem(409, "uscc_taken");
    for invalid in ["91350100M000100Y4Z", "91350100M000100Y4", "91350100M000100I43", ""] {
        found(invalid).await.wrong_field(422, "/uscc");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_named() {
    let app = App::start().await;
    let li = app.person().await;
    let found = async |body| app.post("/v1/organizations").by(&li.token).json(&body).send().await;
    found(json!({"name": {}, "kind": "startup", "uscc": uscc(), "home_zone": "hefei"})).await.wrong_field(422, "/name");
    found(json!({"name": {"en": "A"}, "kind": "startup", "uscc": uscc(), "home_zone": "atlantis"})).await.wrong_field(422, "/home_zone");
    found(json!({"name": {"en": "A"}, "kind": "club", "uscc": uscc(), "home_zone": "hefei"})).await.wrong_field(422, "/kind");
    found(json!({"name": {"en": "A"}, "kind": "startup", "uscc": uscc(), "home_zone": "hefei", "website": "javascript:alert(1)"})).await.wrong_field(422, "/website");
    app.post("/v1/organizations").json(&json!({})).send().await.expect(401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_administrator_of_the_home_zone_verifies() {
    let app = App::start().await;
    let organization = app.organization("hefei").await;
    let path = format!("/v1/organizations/{}/verification/verify", organization.id);
    let (other, reviewer, own) = (app.zone_admin("wuhan").await, app.reviewer("hefei").await, app.zone_admin("hefei").await);
    for person in [&organization.admin, &other, &reviewer] {
        let answer = app.post(&path).by(&person.token).send().await;
        assert!(matches!(answer.status, 403 | 404), "{}", answer.status);
    }
    let verified = app.post(&path).by(&own.token).send().await.expect(200);
    assert_eq!(verified.body["verification"], "verified");
    let again = app.post(&path).by(&own.token).send().await.expect(409);
    assert_eq!(again.body["state"], "verified");
    assert_eq!(again.body["allowed_moves"], json!(["suspend", "revoke"]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_verifies_their_own_organisation() {
    let app = App::start().await;
    let organization = app.organization("hefei").await;
    app.grant(&organization.admin, zonebridge::access::actor::Role::ZoneAdmin, zonebridge::accounts::policy::Scope::Zone("hefei".into())).await;
    app.post(&format!("/v1/organizations/{}/verification/verify", organization.id)).by(&organization.admin.token).send().await.expect(403);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_is_shown_to_those_whose_work_it_is() {
    let app = App::start().await;
    let organization = app.organization("hefei").await;
    let path = format!("/v1/organizations/{}", organization.id);
    let (guest, stranger) = (app.get(&path).send().await.expect(200), app.get(&path).by(&app.person().await.token).send().await.expect(200));
    assert!(guest.body.get("uscc").is_none() && stranger.body.get("uscc").is_none());
    for person in [&organization.admin, &app.zone_admin("hefei").await, &app.auditor().await] {
        assert!(app.get(&path).by(&person.token).send().await.body["uscc"].is_string());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_manage_their_members_and_one_always_stays() {
    let app = App::start().await;
    let organization = app.organization("hefei").await;
    let (li, members) = (app.person().await, format!("/v1/organizations/{}/members", organization.id));
    let add = json!({"account_id": li.id, "role": "member"});
    app.post(&members).by(&li.token).json(&add).send().await.expect(403);
    app.post(&members).by(&organization.admin.token).json(&add).send().await.expect(204);
    app.post(&members).by(&organization.admin.token).json(&add).send().await.expect(204);
    assert_eq!(app.get(&members).by(&li.token).send().await.expect(200).items().len(), 2);
    app.delete(&format!("{members}/{}/org_admin", organization.admin.id)).by(&organization.admin.token).send().await.problem(409, "last_org_admin");
    let role = json!({"account_id": li.id, "role": "zone_admin"});
    let answer = app.post(&members).by(&organization.admin.token).json(&role).send().await;
    assert!(matches!(answer.status, 400 | 403 | 422), "{}", answer.status);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_must_be_verified_anew() {
    let app = App::start().await;
    let organization = app.verified_organization("hefei").await;
    let path = format!("/v1/organizations/{}", organization.id);
    let change = async |body| {
        let etag = app.get(&path).by(&organization.admin.token).send().await.header("etag").to_owned();
        app.patch(&path).by(&organization.admin.token).header("if-match", &etag).json(&body).send().await.expect(200).body["verification"].clone()
    };
    assert_eq!(change(json!({"website": "https://new.example"})).await, "verified");
    assert_eq!(change(json!({"name": {"en": "A Famous Bank"}})).await, "pending");
    app.verify(&organization).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_may_leave_and_reviewers_cannot_be_made_members() {
    let app = App::start().await;
    let organization = app.organization("hefei").await;
    let (member, reviewer, elsewhere) = (app.member(&organization).await, app.reviewer("hefei").await, app.reviewer("wuhan").await);
    let members = format!("/v1/organizations/{}/members", organization.id);
    let add = async |id| app.post(&members).by(&organization.admin.token).json(&json!({"account_id": id, "role": "member"})).send().await;
    add(reviewer.id).await.problem(409, "reviews_home_zone");
    add(elsewhere.id).await.expect(204);
    app.delete(&format!("{members}/{}/member", member.id)).by(&member.token).send().await.expect(204);
    app.delete(&format!("{members}/{}/member", member.id)).by(&member.token).send().await.expect(404);
    app.delete(&format!("{members}/{}/member", elsewhere.id)).by(&member.token).send().await.expect(403);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_version_that_was_read() {
    let app = App::start().await;
    let organization = app.organization("hefei").await;
    let path = format!("/v1/organizations/{}", organization.id);
    let etag = app.get(&path).by(&organization.admin.token).send().await.header("etag").to_owned();
    let body = json!({"website": "https://new.example"});
    app.patch(&path).by(&organization.admin.token).json(&body).send().await.expect(428);
    app.patch(&path).by(&organization.admin.token).header("if-match", &etag).json(&body).send().await.expect(200);
    app.patch(&path).by(&organization.admin.token).header("if-match", &etag).json(&body).send().await.expect(412);
    app.patch(&path).by(&app.person().await.token).header("if-match", &etag).json(&body).send().await.expect(403);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zones_people_read_its_register_and_see_who_waits_for_verification() {
    let app = App::start().await;
    let (admin, reviewer, other) = (app.zone_admin("hefei").await, app.reviewer("hefei").await, app.zone_admin("wuhan").await);
    let ids = [app.organization("hefei").await.id, app.organization("hefei").await.id, app.organization("hefei").await.id];
    let verified = app.verified_organization("hefei").await.id;
    app.organization("wuhan").await;
    let unverified = app.get("/v1/organizations?zone=hefei&verification=unverified&limit=2").by(&admin.token).send().await.expect(200);
    assert_eq!(unverified.ids(), [ids[2].clone(), ids[1].clone()]);
    assert!(unverified.items()[0]["uscc"].is_string(), "who verifies sees the code");
    let cursor = unverified.body["next_cursor"].as_str().unwrap();
    let rest = app.get(&format!("/v1/organizations?zone=hefei&verification=unverified&limit=2&cursor={cursor}")).by(&admin.token).send().await.expect(200);
    assert_eq!(rest.ids(), [ids[0].clone()]);
    assert!(app.get("/v1/organizations?zone=hefei").by(&reviewer.token).send().await.expect(200).ids().contains(&verified));
    app.get("/v1/organizations?zone=hefei").by(&other.token).send().await.expect(403);
    app.get("/v1/organizations?zone=atlantis").by(&admin.token).send().await.wrong_field(400, "zone");
    app.get("/v1/organizations?zone=hefei&verification=maybe").by(&admin.token).send().await.wrong_field(400, "verification");
    app.get("/v1/organizations").by(&admin.token).send().await.wrong_field(400, "zone");
    app.get("/v1/organizations?zone=hefei").send().await.expect(401);
    app.finish().await;
}
