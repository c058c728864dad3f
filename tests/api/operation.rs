//! Health, metrics, request ids, limits and the errors of no particular module.

use serde_json::json;

use crate::support::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_alive_from_ready() {
    let app = App::start().await;
    app.get("/health/live").send().await.expect(200);
    let ready = app.get("/health/ready").send().await.expect(200);
    assert_eq!((&ready.body["database"], &ready.body["migrations"], &ready.body["index"]), (&json!(true), &json!(true), &json!(true)));
    app.sql("ALTER TABLE __diesel_schema_migrations RENAME TO elsewhere").await;
    app.get("/health/ready").send().await.expect(503);
    app.get("/health/live").send().await.expect(200);
    app.sql("ALTER TABLE elsewhere RENAME TO __diesel_schema_migrations").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_requests_by_route_and_status() {
    let app = App::start().await;
    app.get("/v1/listings/01900000-0000-7000-8000-000000000000").send().await.expect(404);
    let text = app.get("/metrics").send().await.expect(200).body.as_str().unwrap().to_owned();
    let line =
        |start: &str| text.lines().find(|line| line.starts_with(start) && line.contains("route=\"/v1/listings/{id}\"") && line.contains("status=\"404\"")).map(str::to_owned);
    assert!(line("zonebridge_http_requests_total").is_some(), "{text}");
    assert!(line("zonebridge_http_request_duration_seconds_bucket").is_some(), "{text}");
    for name in ["zonebridge_index_lag_seconds", "zonebridge_database_connections_in_use", "zonebridge_database_connections_max"] {
        assert!(text.contains(name), "{name} is missing: {text}");
    }
    assert!(!text.contains("listings/01900000"), "paths must not become series");
    app.finish().await;
}

/// <https://prometheus.io/docs/practices/naming/>: a prefix, base units, `_total` for what counts, a help text for each.
#[tokio::test(flavor = "multi_thread")]
async fn measures_are_named_by_the_conventions() {
    let app = App::start().await;
    app.person().await;
    let text = app.get("/metrics").send().await.expect(200).body.as_str().unwrap().to_owned();
    let mut kinds = std::collections::BTreeMap::new();
    let mut helped = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            kinds.insert(name, kind);
        } else if let Some((name, _)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            helped.insert(name);
        }
    }
    assert!(kinds.len() >= 15, "{kinds:?}");
    for (name, kind) in kinds {
        assert!(name.starts_with("zonebridge_") || name.starts_with("process_"), "{name} has no prefix");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name} has no unit");
        assert!(!["_ms", "_milliseconds", "_kb", "_mb", "_percent"].iter().any(|unit| name.ends_with(unit)), "{name} is in no base unit");
        assert!(helped.contains(name), "{name} has no help");
    }
    for name in
        ["process_resident_memory_bytes", "process_open_fds", "zonebridge_build_info{version=", "zonebridge_idempotency_replays_total ", "zonebridge_job_failures_total{job="]
    {
        assert!(text.contains(name), "{name} is missing: {text}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_command_tells_ready_from_not() {
    let app = App::start().await;
    let address = app.base.strip_prefix("http://").unwrap();
    let ready = crate::commands::on(&app, &["health", "--address", address]);
    assert!(ready.status.success() && crate::commands::out(&ready).contains("\"ready\""));
    let nobody = crate::commands::on(&app, &["health", "--address", "127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(crate::commands::err(&nobody).contains("127.0.0.1:1/health/ready"));
    app.finish().await;
}

/// Behind a proxy the limits count the caller, where the proxy is named; whoever else writes the header is not believed.
#[tokio::test(flavor = "multi_thread")]
async fn limits_count_who_the_named_proxy_says() {
    for (proxies, shared) in [("127.0.0.0/8", false), ("192.0.2.1", true)] {
        let app = App::with(&[("ZONEBRIDGE_SERVER_TRUSTED_PROXIES", proxies), ("ZONEBRIDGE_LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE", "2")]).await;
        let mut refused = 0;
        for caller in 1..=6 {
            let body = json!({"email": format!("nobody{caller}@people.example"), "password": "wrong-password-1"});
            let answer = app.post("/v1/sessions").header("x-forwarded-for", &format!("198.51.100.{caller}")).json(&body).send().await;
            refused += usize::from(answer.status == 429);
        }
        assert_eq!(refused > 0, shared, "{proxies}: {refused} refused");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_problems_in_the_readers_language_with_the_request_id() {
    let app = App::start().await;
    let zh = app.get("/v1/listings?limit=0").header("accept-language", "zh-CN,zh;q=0.9").send().await.expect(400);
    let en = app.get("/v1/listings?limit=0").header("accept-language", "en").send().await.expect(400);
    assert_ne!(zh.body["errors"][0]["detail"], en.body["errors"][0]["detail"]);
    assert_eq!(en.body["request_id"].as_str(), Some(en.header("x-request-id")));
    assert_eq!(en.body["status"], 400);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_get_a_clear_4xx() {
    let app = App::start().await;
    let li = app.person().await;
    let post = async |body: &[u8], media: &str| app.post("/v1/organizations").by(&li.token).raw(body.to_vec()).header("content-type", media).send().await;
    post(b"{", "application/json").await.expect(400);
    post(b"", "application/json").await.expect(400);
    post(b"[]", "application/json").await.expect(422);
    post(b"null", "application/json").await.expect(422);
    post(b"{\"name\": \"\xff\"}", "application/json").await.expect(400);
    post(b"{}", "text/plain").await.expect(415);
    post("{\"name\": {\"en\": \"\\ud800\"}}".as_bytes(), "application/json").await.expect(400);
    post("[".repeat(10_000).as_bytes(), "application/json").await.expect(400);
    post(" ".repeat(300 * 1024).as_bytes(), "application/json").await.expect(413);
    app.get("/v1/listings/not-a-uuid").send().await.wrong_field(400, "id");
    app.get("/v1/nowhere").send().await.problem(404, "not_found");
    let refused = app.method("PUT", "/v1/listings").send().await.problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), "GET, POST");
    let field = async |body: serde_json::Value| app.post("/v1/organizations").by(&li.token).json(&body).send().await;
    let base = json!({"name": {"en": "A"}, "kind": "startup", "uscc": "91350100M000100Y43", "home_zone": "hefei"});
    for (name, wrong) in [
        ("name", json!(["A"])),
        ("name", json!("A")),
        ("kind", json!(5)),
        ("kind", json!(["startup"])),
        ("kind", json!({"startup": null})),
        ("kind", json!(null)),
        ("uscc", json!(1)),
    ] {
        let mut body = base.clone();
        body[name] = wrong;
        field(body).await.wrong_field(422, &format!("/{name}"));
    }
    field(json!({"name": {"en": "A"}, "kind": "startup", "uscc": "91350100M000100Y43"})).await.wrong_field(422, "/home_zone");
    app.get("/v1/zones/%00").send().await.expect(404);
    app.get("/v1/listings?q=%ff").send().await.expect(400);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_a_body_and_invented_methods_make_no_series() {
    let app = App::start().await;
    let head = app.method("HEAD", "/health/live").send().await.expect(200);
    assert_eq!(head.body, "");
    app.method("HEAD", "/v1/zones").send().await.expect(200);
    app.method("BREW", "/v1/zones").send().await.expect(405);
    let text = app.get("/metrics").send().await.body.as_str().unwrap().to_owned();
    assert!(!text.contains("BREW") && text.contains("method=\"other\""));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_is_ended() {
    let app = App::with(&[("ZONEBRIDGE_SERVER_REQUEST_TIMEOUT_SECONDS", "1")]).await;
    let mut locked = crate::support::database::connect(&app.url).await;
    crate::support::database::run(&mut locked, "BEGIN").await;
    crate::support::database::run(&mut locked, "LOCK TABLE zones").await;
    app.get("/v1/zones").send().await.problem(504, "timeout");
    crate::support::database::run(&mut locked, "ROLLBACK").await;
    app.get("/v1/zones").send().await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eleven_zones_have_names_in_both_languages_and_a_policy() {
    let app = App::start().await;
    let zones = app.get("/v1/zones").send().await.expect(200);
    let codes: Vec<_> = zones.items().iter().map(|zone| zone["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["chengdu", "hangzhou", "hefei", "nanjing", "qingdao", "shanghai", "shenzhen", "suzhou", "wuhan", "xian", "zgc"]);
    assert!(zones.items().iter().all(|zone| zone["policy"] == "pre" && zone["name"]["zh"].is_string() && zone["name"]["en"].is_string()));
    app.get("/v1/zones/atlantis").send().await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zone_administrators_change_the_policy_and_appoint_reviewers() {
    let app = App::start().await;
    let (admin, other, reviewer) = (app.zone_admin("hefei").await, app.zone_admin("wuhan").await, app.person().await);
    let etag = app.get("/v1/zones/hefei").send().await.header("etag").to_owned();
    let change = async |token: &str, etag: &str, policy: &str| app.patch("/v1/zones/hefei").by(token).header("if-match", etag).json(&json!({"policy": policy})).send().await;
    change(&other.token, &etag, "post").await.expect(403);
    change(&admin.token, &etag, "maybe").await.wrong_field(422, "/policy");
    change(&admin.token, &etag, "post").await.expect(200);
    change(&admin.token, &etag, "pre").await.expect(412);
    let role = format!("/v1/zones/hefei/roles/zone_reviewer/{}", reviewer.id);
    app.put(&role).by(&other.token).send().await.expect(403);
    app.put(&role).by(&admin.token).send().await.expect(204);
    assert_eq!(app.get("/v1/zones/hefei/roles").by(&admin.token).send().await.expect(200).items().len(), 2);
    app.get("/v1/moderation/cases?zone=hefei").by(&reviewer.token).send().await.expect(200);
    app.delete(&role).by(&admin.token).send().await.expect(204);
    app.get("/v1/moderation/cases?zone=hefei").by(&reviewer.token).send().await.expect(403);
    app.put(&format!("/v1/zones/hefei/roles/zone_admin/{}", reviewer.id)).by(&admin.token).send().await.expect(403);
    let network = app.network_admin().await;
    app.put(&format!("/v1/zones/hefei/roles/zone_admin/{}", reviewer.id)).by(&network.token).send().await.expect(204);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_migrate_together() {
    let url = crate::support::database::empty().await;
    let (a, b, c) = tokio::join!(
        tokio::spawn({
            let url = url.clone();
            async move { zonebridge::db::migrate(&url).await.unwrap().len() }
        }),
        tokio::spawn({
            let url = url.clone();
            async move { zonebridge::db::migrate(&url).await.unwrap().len() }
        }),
        tokio::spawn({
            let url = url.clone();
            async move { zonebridge::db::migrate(&url).await.unwrap().len() }
        }),
    );
    let mut run = [a.unwrap(), b.unwrap(), c.unwrap()];
    run.sort_unstable();
    assert_eq!(&run[..2], [0, 0]);
    assert!(run[2] >= 7);
}
