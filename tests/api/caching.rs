//! What may be kept of an answer: tags, 304, `Cache-Control`, compression.

use serde_json::json;

use crate::support::app::App;
use crate::support::builders::{technology_need, technology_offer, with};

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_has_not_changed_is_answered_304_until_it_changes() {
    let app = App::start().await;
    let owner = app.verified_organization("hangzhou").await;
    app.set_policy("hangzhou", "post").await;
    let id = app.published(&owner, technology_offer("Lidar")).await;
    for path in [format!("/v1/listings/{id}"), "/v1/listings?q=lidar".to_owned(), format!("/v1/organizations/{}", owner.id)] {
        let first = app.get(&path).send().await.expect(200);
        let tag = first.header("etag").to_owned();
        assert!(tag.len() > 10, "{path} has no tag: {tag}");
        assert_eq!(first.header("cache-control"), "public, no-cache");
        assert!(first.header("vary").contains("authorization"));
        let same = app.get(&path).header("if-none-match", &format!("\"other\", W/{tag}")).send().await.expect(304);
        assert_eq!((same.header("etag"), same.body.as_str()), (tag.as_str(), Some("")));
        app.get(&path).header("if-none-match", "\"other\"").send().await.expect(200);
    }
    let tag = app.get(&format!("/v1/listings/{id}")).send().await.header("etag").to_owned();
    app.edit(&owner, &id, json!({"title": {"en": "Lidar, renewed"}})).await.expect(200);
    let changed = app.get(&format!("/v1/listings/{id}")).header("if-none-match", &tag).send().await.expect(200);
    assert_eq!(changed.body["title"]["en"], "Lidar, renewed");
    app.finish().await;
}

/// One row has several faces; a tag of one must not pass for another, nor survive a change of the organisation that the listing shows.
#[tokio::test(flavor = "multi_thread")]
async fn tags_tell_apart_what_different_readers_see() {
    let app = App::start().await;
    app.set_policy("hangzhou", "post").await;
    let (owner, reader) = (app.verified_organization("hangzhou").await, app.verified_organization("wuhan").await);
    let id = app.published(&owner, with(technology_need("Lidar"), json!({"body": {"en": "For verified eyes."}, "tiers": {"body": "verified"}}))).await;
    let path = format!("/v1/listings/{id}");
    let guest = app.get(&path).send().await.header("etag").to_owned();
    let as_reader = app.get(&path).by(&reader.admin.token).header("if-none-match", &guest).send().await.expect(200);
    assert_eq!(as_reader.body["body"]["en"], "For verified eyes.");
    assert_eq!(as_reader.header("cache-control"), "private, no-cache");
    let organization = format!("/v1/organizations/{}", owner.id);
    let version = app.get(&organization).by(&owner.admin.token).send().await.header("etag").to_owned();
    app.patch(&organization).by(&owner.admin.token).header("if-match", &version).json(&json!({"name": {"en": "Renamed"}})).send().await.expect(200);
    let renamed = app.get(&path).header("if-none-match", &guest).send().await.expect(200);
    assert_eq!(renamed.body["organization"]["name"]["en"], "Renamed");
    app.caught_up().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_be_kept_says_so() {
    let app = App::start().await;
    let person = app.person().await;
    assert_eq!(app.get("/v1/zones").send().await.header("cache-control"), "public, max-age=60");
    assert_eq!(app.get("/openapi.json").send().await.header("cache-control"), "public, max-age=300");
    assert_eq!(app.get("/v1/me").by(&person.token).send().await.header("cache-control"), "no-store");
    assert_eq!(app.get("/v1/listings/00000000-0000-7000-8000-000000000000").send().await.header("cache-control"), "no-store");
    assert_eq!(app.get("/health/ready").send().await.header("cache-control"), "no-store");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_for_who_can_read_that_and_tagged_apart() {
    let app = App::start().await;
    let plain = app.get("/openapi.json").send().await.expect(200);
    let raw = |encoding: &'static str| {
        let request = reqwest::Client::new().get(format!("{}/openapi.json", app.base)).header("accept-encoding", encoding);
        async move { request.send().await.unwrap() }
    };
    for encoding in ["gzip", "br"] {
        let packed = raw(encoding).await;
        assert_eq!(packed.headers()["content-encoding"], encoding);
        assert_eq!(packed.headers().get_all("vary").iter().filter(|value| value.to_str().unwrap().eq_ignore_ascii_case("accept-encoding")).count(), 1);
        let tag = packed.headers()["etag"].to_str().unwrap().to_owned();
        assert_ne!(tag, plain.header("etag"));
        assert!(packed.bytes().await.unwrap().len() * 3 < plain.body.to_string().len());
        // The tag of a packed answer is known again.
        app.get("/openapi.json").header("if-none-match", &tag).send().await.expect(304);
    }
    assert!(raw("identity").await.headers().get("content-encoding").is_none());
    app.finish().await;
}
