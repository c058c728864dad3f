//! Requests that nobody should send: each gets a 4xx with problem details, none a 5xx, and nothing is written.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::app::{Answer, App};
use crate::support::builders::{Organization, PASSWORD, technology_offer, uscc, with};

const JSON: &str = "application/json";

/// A call that takes a body, and a body that it would take.
struct Target {
    method: &'static str,
    path: String,
    good: Value,
}

async fn targets(app: &App, owner: &Organization) -> Vec<Target> {
    let draft = app.draft(owner, technology_offer("Draft")).await;
    let target = |method, path: &str, good| Target { method, path: path.to_owned(), good };
    vec![
        target("POST", "/v1/accounts", json!({"email": "new@people.example", "password": PASSWORD, "display_name": "Li", "locale": "zh"})),
        target("POST", "/v1/sessions", json!({"email": owner.admin.email, "password": PASSWORD})),
        target("POST", "/v1/sessions/refresh", json!({"refresh_token": "x"})),
        target("POST", "/v1/organizations", json!({"name": {"zh": "新机构"}, "kind": "startup", "uscc": uscc(), "home_zone": "hefei"})),
        target("PATCH", &format!("/v1/organizations/{}", owner.id), json!({"name": {"zh": "改名"}})),
        target("POST", "/v1/listings", with(technology_offer("New"), json!({"organization_id": owner.id}))),
        target("POST", "/v1/listings/suggest-tags", json!({"title": {"zh": "激光雷达"}})),
        target("PATCH", &format!("/v1/listings/{draft}"), json!({"title": {"en": "Edited"}})),
        target("POST", &format!("/v1/listings/{draft}/renew"), json!({"valid_through": "2027-01-01"})),
        target("POST", "/v1/moderation/cases", json!({"subject": {"type": "listing", "id": draft}})),
        target("POST", &format!("/v1/moderation/cases/{draft}/decide"), json!({"action": "publish", "reasons": [], "text": ""})),
        target("PATCH", "/v1/zones/hefei", json!({"policy": "post"})),
    ]
}

/// Bodies that are wrong wherever they are sent, with their media types.
fn wrong_bodies(good: &Value) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let text = good.to_string();
    let field = good.as_object().unwrap().keys().next().unwrap().clone();
    let in_place = |value: &str| format!("{{\"{field}\": {value}}}").into_bytes();
    vec![
        ("broken off", JSON, text.as_bytes()[..text.len() / 2].to_vec()),
        ("nothing", JSON, Vec::new()),
        ("two documents", JSON, format!("{text}{text}").into_bytes()),
        ("an array", JSON, format!("[{text}]").into_bytes()),
        ("a string", JSON, b"\"text\"".to_vec()),
        ("a number in place of a field", JSON, in_place("1e400")),
        ("a huge number", JSON, in_place("123456789012345678901234567890123456789012345678901234567890")),
        ("an object in place of a field", JSON, in_place("{\"a\": [[[{}]]]}")),
        ("a lone surrogate", JSON, in_place("\"\\ud800\"")),
        ("a NUL byte", JSON, in_place("\"a\\u0000b\"")),
        ("a raw NUL byte", JSON, in_place("\"a\0b\"")),
        ("bytes that are not UTF-8", JSON, [b"{\"".as_slice(), field.as_bytes(), b"\": \"\xff\xfe\"}"].concat()),
        ("an unknown field", JSON, with(good.clone(), json!({"colour": "red"})).to_string().into_bytes()),
        ("a field twice", JSON, format!("{{\"{field}\": null, {}", &text[1..]).into_bytes()),
        ("deep nesting", JSON, [b"[".repeat(100_000), b"]".repeat(100_000)].concat()),
        ("ten megabytes", JSON, in_place(&format!("\"{}\"", "x".repeat(10 << 20)))),
        ("a form", "application/x-www-form-urlencoded", b"a=b".to_vec()),
        ("XML", "application/xml", b"<a/>".to_vec()),
    ]
}

/// Fields of a listing, each with a value that must be named as wrong.
fn wrong_fields() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"title": {"en": "right\u{202e}left"}}), "/title/en"),
        (json!({"title": {"zh": "零宽\u{200b}空格"}}), "/title/zh"),
        (json!({"title": {"en": "two\nlines"}}), "/title/en"),
        (json!({"title": {"en": "x".repeat(301)}}), "/title/en"),
        (json!({"title": {"fr": "titre"}}), "/title/fr"),
        (json!({"title": "text"}), "/title"),
        (json!({"title": {"en": "\u{fdfa}".repeat(300)}}), "/title/en"),
        (json!({"body": {"en": "\u{ffff}"}}), "/body/en"),
        (json!({"kind": "banana"}), "/kind"),
        (json!({"kind": ["technology"]}), "/kind"),
        (json!({"direction": 7}), "/direction"),
        (json!({"segments": "base.chips"}), "/segments"),
        (json!({"segments": ["base.potatoes"]}), "/segments/0"),
        (json!({"industries": ["Z99"]}), "/industries/0"),
        (json!({"zones_wanted": ["atlantis"]}), "/zones_wanted/0"),
        (json!({"keywords": vec!["k"; 21]}), "/keywords"),
        (json!({"valid_through": "2026-02-30"}), "/valid_through"),
        (json!({"valid_through": "9999-12-31"}), "/valid_through"),
        (json!({"tiers": {"title": "verified"}}), "/tiers"),
        (json!({"attributes": {"trl": 10}}), "/attributes/trl"),
        (json!({"attributes": {"trl": -1}}), "/attributes/trl"),
        (json!({"attributes": {"trl": 6.5}}), "/attributes/trl"),
        (json!({"attributes": {"trl": 99_999_999_999_u64}}), "/attributes/trl"),
        (json!({"attributes": {"min_trl": 3}}), "/attributes/min_trl"),
        (json!({"attributes": []}), "/attributes"),
        (json!({"excluded_organizations": ["not-a-uuid"]}), "/excluded_organizations/0"),
    ]
}

const WRONG_PATHS: [&str; 45] = [
    "/v1/listings?limit=0",
    "/v1/listings?limit=-1",
    "/v1/listings?limit=101",
    "/v1/listings?limit=ten",
    "/v1/listings?limit=99999999999999999999",
    "/v1/listings?cursor=",
    "/v1/listings?cursor=AAAA",
    "/v1/listings?cursor=%00%ff",
    "/v1/listings?cursor=../../etc/passwd",
    "/v1/listings?kind=banana",
    "/v1/listings?kind=technology,banana",
    "/v1/listings?direction=sideways",
    "/v1/listings?segment=base",
    "/v1/listings?industry=C3%27",
    "/v1/listings?stage=zero",
    "/v1/listings?amount_min=NaN",
    "/v1/listings?amount_min=1e9999",
    "/v1/listings?amount_min=5&amount_max=4",
    "/v1/listings?currency=DOGE",
    "/v1/listings?trl_min=0",
    "/v1/listings?trl_min=10",
    "/v1/listings?verified=maybe",
    "/v1/listings?sort=random",
    "/v1/listings?facets=everything",
    "/v1/listings?q=a&q=b",
    "/v1/listings?q=%00",
    "/v1/listings?q=%ff%fe",
    "/v1/listings?q=%ED%A0%80",
    "/v1/listings?unknown=1",
    "/v1/listings/not-a-uuid",
    "/v1/listings/00000000-0000-0000-0000-000000000000",
    "/v1/listings/%00",
    "/v1/listings/..%2f..%2fetc%2fpasswd",
    "/v1/organizations/1",
    "/v1/organizations/not-a-uuid/listings",
    "/v1/zones/atlantis",
    "/v1/zones/%00",
    "/v1/zones/hefei%27--",
    "/v1/nothing",
    "/v1/listings?concept=base.chips.potato",
    "/v1/concepts?segment=base",
    "/v1/concepts?cursor=AAAA",
    "/v1/suggestions",
    "/v1/suggestions?q=%00",
    "/v1/listings/not-a-uuid/matches",
];

/// Tokens that look like ours and are not.
async fn forged_tokens(app: &App, owner: &Organization) -> Vec<String> {
    let token = &owner.admin.token;
    let mut parts = token.split('.');
    let (header, claims, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let decoded: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let kid = decoded["kid"].as_str().unwrap();
    let sealed = |header: Value, claims: &str, signature: &str| format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()));
    let mut later: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    later["exp"] = json!(99_999_999_999_u64);
    let later = URL_SAFE_NO_PAD.encode(later.to_string());
    // Another service's key, and a token of this one that has run out.
    let stranger = App::start().await;
    let theirs = stranger.person().await.token;
    stranger.finish().await;
    let expired = {
        let config = zonebridge::config::TokenConfig { access_lifetime: std::time::Duration::ZERO, ..app.config.tokens.clone() };
        let tokens = zonebridge::access::tokens::Tokens::load(&config).unwrap();
        let issued = tokens.issue(owner.admin.id, owner.admin.id).unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(7)).await;
        issued
    };
    vec![
        sealed(json!({"alg": "none", "kid": kid}), claims, ""),
        sealed(json!({"alg": "none"}), claims, signature),
        sealed(json!({"alg": "HS256", "kid": kid}), claims, signature),
        sealed(json!({"alg": "EdDSA", "kid": "another"}), claims, signature),
        sealed(json!({"alg": "EdDSA", "kid": kid}), &later, signature),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{}", "A".repeat(86)),
        format!("{token}x"),
        String::new(),
        "x".repeat(20_000),
        "\u{fffd}".to_owned(),
        theirs,
        expired,
    ]
}

#[track_caller]
fn refused(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {:#}", answer.status, answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.body["status"], answer.status, "{what}");
    assert!(answer.body["code"].is_string() && answer.body["detail"].is_string(), "{what}: {:#}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_and_more_malformed_requests_are_refused_with_reasons() {
    let app = App::with(&[("ZONEBRIDGE_LOGIN_ATTEMPTS_PER_ACCOUNT_PER_MINUTE", "1000")]).await;
    let owner = app.organization("hefei").await;
    let mut sent = 0;
    let targets = targets(&app, &owner).await;
    let before = app.count("SELECT (SELECT count(*) FROM listings) + (SELECT count(*) FROM organizations) + (SELECT count(*) FROM accounts) AS count").await;
    for target in &targets {
        for (what, media_type, body) in wrong_bodies(&target.good) {
            let call = app.method(target.method, &target.path).by(&owner.admin.token).header("content-type", media_type).header("if-match", "\"1\"").raw(body);
            refused(&call.send().await, &format!("{what} to {} {}", target.method, target.path));
            sent += 1;
        }
    }
    for (wrong, pointer) in wrong_fields() {
        let body = with(with(technology_offer("Named"), json!({"organization_id": owner.id})), wrong);
        let answer = app.post("/v1/listings").by(&owner.admin.token).json(&body).send().await;
        refused(&answer, pointer);
        answer.wrong_field(422, pointer);
        sent += 1;
    }
    for path in WRONG_PATHS {
        refused(&app.get(path).by(&owner.admin.token).send().await, path);
        sent += 1;
    }
    let forged = forged_tokens(&app, &owner).await;
    for token in &forged {
        let answer = app.get("/v1/me").header("authorization", &format!("Bearer {token}")).send().await;
        refused(&answer, token);
        assert_eq!(answer.status, 401, "{token}");
        sent += 1;
    }
    assert!(sent >= 200, "only {sent}");
    println!("{sent} malformed requests were refused");
    let after = app.count("SELECT (SELECT count(*) FROM listings) + (SELECT count(*) FROM organizations) + (SELECT count(*) FROM accounts) AS count").await;
    assert_eq!(after, before, "something was written");
    app.finish().await;
}
