//! Registering, logging in, refreshing, logging out, and what tokens are good for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::builders::PASSWORD;

fn registration(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password, "display_name": "Li", "locale": "zh"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_registers_logs_in_and_sees_themselves() {
    let app = App::start().await;
    let made = app.post("/v1/accounts").json(&registration("Founder@Startup.example", PASSWORD)).send().await.expect(201);
    assert_eq!(made.body["email"], "founder@startup.example");
    let tokens = app.post("/v1/sessions").json(&json!({"email": "founder@startup.example", "password": PASSWORD})).send().await.expect(201).body;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    let me = app.get("/v1/me").by(tokens["access_token"].as_str().unwrap()).send().await.expect(200);
    assert_eq!(me.body["id"], made.body["id"]);
    assert_eq!(me.body["roles"], json!([]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_is_answered_like_a_new_one_and_keeps_its_password() {
    let app = App::start().await;
    let first = app.post("/v1/accounts").json(&registration("li@a.example", PASSWORD)).send().await.expect(201);
    let second = app.post("/v1/accounts").json(&registration("li@a.example", "Another-river-lantern-43")).send().await.expect(201);
    let fields = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&first.body), fields(&second.body));
    app.post("/v1/sessions").json(&json!({"email": "li@a.example", "password": PASSWORD})).send().await.expect(201);
    app.post("/v1/sessions").json(&json!({"email": "li@a.example", "password": "Another-river-lantern-43"})).send().await.problem(401, "invalid_credentials");
    assert_eq!(app.count("SELECT count(*) FROM accounts").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn weak_and_malformed_registrations_name_the_field() {
    let app = App::start().await;
    let register = async |body: Value| app.post("/v1/accounts").json(&body).send().await;
    register(registration("li@a.example", "password")).await.wrong_field(422, "/password");
    register(registration("li@a.example", "short")).await.wrong_field(422, "/password");
    register(registration("li@a.example", &"long-".repeat(30))).await.wrong_field(422, "/password");
    register(registration("li.lantern@a.example", "li.lantern@a")).await.wrong_field(422, "/password");
    register(registration("no address", PASSWORD)).await.wrong_field(422, "/email");
    register(json!({"email": "li@a.example", "password": PASSWORD, "display_name": " ", "locale": "zh"})).await.wrong_field(422, "/display_name");
    register(json!({"email": "li@a.example", "password": PASSWORD, "display_name": "Li", "locale": "fr"})).await.wrong_field(422, "/locale");
    register(json!({"email": "li@a.example", "password": PASSWORD, "display_name": "Li", "locale": "zh", "role": "auditor"})).await.wrong_field(422, "/role");
    assert_eq!(app.count("SELECT count(*) FROM accounts").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_kept_as_argon2id_with_the_recommended_cost() {
    let app = App::start().await;
    app.post("/v1/accounts").json(&registration("li@a.example", PASSWORD)).send().await.expect(201);
    assert_eq!(app.count("SELECT count(*) FROM accounts WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_and_a_wrong_password_are_told_apart_by_nothing() {
    let app = App::start().await;
    let li = app.person().await;
    let unknown = app.post("/v1/sessions").json(&json!({"email": "nobody@a.example", "password": PASSWORD})).send().await.problem(401, "invalid_credentials");
    let wrong = app.post("/v1/sessions").json(&json!({"email": li.email, "password": "wrong-river-lantern"})).send().await.problem(401, "invalid_credentials");
    let without_id = |mut body: Value| {
        body.as_object_mut().unwrap().remove("request_id");
        body
    };
    assert_eq!(without_id(unknown.body), without_id(wrong.body));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_family() {
    let app = App::start().await;
    let li = app.person().await;
    let refresh = async |token: &str| app.post("/v1/sessions/refresh").json(&json!({"refresh_token": token})).send().await;
    let second = refresh(&li.refresh_token).await.expect(200).body;
    let (access, next) = (second["access_token"].as_str().unwrap(), second["refresh_token"].as_str().unwrap());
    app.get("/v1/me").by(access).send().await.expect(200);
    refresh(&li.refresh_token).await.problem(401, "refresh_token_invalid");
    refresh(next).await.problem(401, "refresh_token_invalid");
    app.get("/v1/me").by(access).send().await.problem(401, "session_ended");
    assert_eq!(app.count("SELECT count(*) FROM audit_entries WHERE action = 'refresh_token_reused'").await, 1);
    refresh("no such token").await.problem(401, "refresh_token_invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uses_at_once_one_wins() {
    let app = App::start().await;
    let li = app.person().await;
    let body = json!({"refresh_token": li.refresh_token});
    let refresh = || app.post("/v1/sessions/refresh").json(&body).send();
    let (a, b, c) = tokio::join!(refresh(), refresh(), refresh());
    let good = [&a, &b, &c].iter().filter(|answer| answer.status == 200).count();
    assert!(good <= 1, "{good} of three uses were accepted");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_are_stored_hashed() {
    let app = App::start().await;
    let li = app.person().await;
    let found = app.count(&format!("SELECT count(*) FROM refresh_tokens WHERE encode(token_hash, 'escape') LIKE '%{}%'", li.refresh_token)).await;
    assert_eq!(found, 0);
    assert_eq!(app.count("SELECT count(*) FROM refresh_tokens WHERE length(token_hash) = 32").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_session_at_once() {
    let app = App::start().await;
    let li = app.person().await;
    app.delete("/v1/sessions/current").by(&li.token).send().await.expect(204);
    app.get("/v1/me").by(&li.token).send().await.problem(401, "session_ended");
    app.post("/v1/sessions/refresh").json(&json!({"refresh_token": li.refresh_token})).send().await.problem(401, "refresh_token_invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited_by_account_and_by_address() {
    let app = App::with(&[("ZONEBRIDGE_LOGIN_ATTEMPTS_PER_ACCOUNT_PER_MINUTE", "4"), ("ZONEBRIDGE_LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE", "12")]).await;
    let attempt = async |email: &str| app.post("/v1/sessions").json(&json!({"email": email, "password": "wrong-river-lantern"})).send().await;
    for _ in 0..4 {
        attempt("li@a.example").await.expect(401);
    }
    let refused = attempt("li@a.example").await.expect(429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    attempt("wang@a.example").await.expect(401);
    let mut statuses = Vec::new();
    for i in 0..12 {
        statuses.push(attempt(&format!("other{i}@a.example")).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_others_are_refused() {
    let app = App::start().await;
    let li = app.person().await;
    let [header, claims, signature]: [&str; 3] = li.token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let kid: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!(kid["alg"], "EdDSA");
    let unsigned = format!("{}.{claims}.", encoded(&json!({"alg": "none", "typ": "JWT", "kid": kid["kid"]}).to_string()));
    let symmetric = format!("{}.{claims}.{signature}", encoded(&json!({"alg": "HS256", "typ": "JWT", "kid": kid["kid"]}).to_string()));
    let unknown_key = format!("{}.{claims}.{signature}", encoded(&json!({"alg": "EdDSA", "typ": "JWT", "kid": "other"}).to_string()));
    let changed = format!("{header}.{}.{signature}", encoded(&json!({"sub": "00000000-0000-7000-8000-000000000000", "exp": 4_000_000_000_u64}).to_string()));
    for token in [unsigned.as_str(), &symmetric, &unknown_key, &changed, "x", ""] {
        app.get("/v1/me").by(token).send().await.expect(401);
    }
    let keys = app.get("/.well-known/jwks.json").send().await.expect(200);
    assert_eq!((&keys.body["keys"][0]["kid"], &keys.body["keys"][0]["crv"]), (&kid["kid"], &json!("Ed25519")));
    assert!(keys.body["keys"][0].get("d").is_none(), "the private key must not leave");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_before_a_restart_are_still_good() {
    let mut app = App::start().await;
    let li = app.person().await;
    app.restart().await;
    app.get("/v1/me").by(&li.token).send().await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_was_taken_is_gone_with_the_next_request() {
    let app = App::start().await;
    let organization = app.organization("hefei").await;
    let member = app.member(&organization).await;
    let path = format!("/v1/organizations/{}/listings", organization.id);
    app.get(&path).by(&member.token).send().await.expect(200);
    app.delete(&format!("/v1/organizations/{}/members/{}/member", organization.id, member.id)).by(&organization.admin.token).send().await.expect(204);
    let answer = app.get(&path).by(&member.token).send().await;
    assert!(matches!(answer.status, 403 | 404), "{}", answer.status);
    app.finish().await;
}
