//! The concepts of the AI chain in use: tags and filters, other words for what is asked, suggestions, and nothing for guests of what is hidden.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::app::{Answer, App};
use crate::support::builders::{Organization, technology_need, technology_offer, with};

async fn market() -> (App, Organization) {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    (app, owner)
}

/// An offer with this title and body, and without other words.
fn offer(language: &str, title: &str, body: &str) -> Value {
    with(technology_offer("x"), json!({"title": {language: title}, "summary": {}, "body": {language: body}, "segments": ["base.chips"], "industries": ["C3973"]}))
}

fn query(pairs: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

async fn search(app: &App, pairs: &[(&str, &str)]) -> Answer {
    app.get(&format!("/v1/listings?{}", query(pairs))).send().await.expect(200)
}

async fn suggested(app: &App, typed: &str) -> Vec<Value> {
    app.get(&format!("/v1/suggestions?{}", query(&[("q", typed)]))).send().await.expect(200).items().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_filtered_and_counted_by_the_concepts_that_they_name() {
    let (app, owner) = market().await;
    let gpu = app.published(&owner, offer("zh", "通用GPU加速卡", "自研图形处理器。")).await;
    let npu = app.published(&owner, offer("en", "A neural processing unit", "For cameras.")).await;
    app.published(&owner, offer("en", "Tea", "Fermented slowly.")).await;
    for (concept, expected) in [
        ("base.chips.gpu", vec![&gpu]),
        ("base.chips.gpgpu", vec![&gpu]),
        ("base.chips.ai_chip", vec![&gpu, &npu]),
        ("base.chips.npu,base.chips.gpu", vec![&gpu, &npu]),
        ("base.chips.fpga", vec![]),
    ] {
        let ids: HashSet<String> = search(&app, &[("concept", concept)]).await.ids().into_iter().collect();
        assert_eq!(ids, expected.into_iter().cloned().collect::<HashSet<_>>(), "{concept}");
    }
    let facets = search(&app, &[("facets", "concept,segment"), ("limit", "1")]).await.body["facets"].clone();
    let broad = json!({"value": "base.chips.ai_chip", "count": 2, "label": {"zh": "人工智能芯片", "en": "AI chip"}});
    assert_eq!(facets["concept"][0], broad, "{facets}");
    assert!(facets["concept"].as_array().unwrap().len() <= 50);
    assert_eq!(facets["segment"][0]["label"], json!({"zh": "芯片", "en": "chips"}));
    let plain = search(&app, &[("facets", "kind")]).await;
    assert!(plain.body["facets"]["kind"][0].get("label").is_none());
    let wrong = app.get("/v1/listings?concept=base.chips.potato").send().await.wrong_field(400, "concept");
    assert!(wrong.body.to_string().contains("/v1/concepts"), "{}", wrong.body);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_takes_its_concepts_along() {
    let (app, owner) = market().await;
    let id = app.published(&owner, offer("en", "A GPU", "Fast.")).await;
    app.edit(&owner, &id, json!({"title": {"en": "A lidar"}})).await.expect(200);
    app.caught_up().await;
    assert!(search(&app, &[("concept", "base.chips.gpu")]).await.ids().is_empty());
    assert_eq!(search(&app, &[("concept", "base.sensors.lidar")]).await.ids(), [id]);
    assert!(suggested(&app, "gpu").await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_taxonomy_is_listed_in_pages() {
    let app = App::start().await;
    let (mut codes, mut next) = (Vec::new(), "/v1/concepts?segment=base.sensors&limit=50".to_owned());
    loop {
        let page = app.get(&next).send().await.expect(200);
        codes.extend(page.items().iter().map(|item| item["code"].as_str().unwrap().to_owned()));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        next = format!("/v1/concepts?segment=base.sensors&limit=50&cursor={cursor}");
    }
    assert!(codes.len() > 50 && codes.iter().all(|code| code.starts_with("base.sensors.")), "{}", codes.len());
    assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
    let found = app.get(&format!("/v1/concepts?{}", query(&[("q", "圖形處理")]))).send().await.expect(200);
    let gpu = found.items().iter().find(|item| item["code"] == "base.chips.gpu").unwrap();
    assert_eq!((&gpu["segment"], &gpu["broader"], &gpu["en"]), (&json!("base.chips"), &json!("base.chips.ai_chip"), &json!("graphics processing unit")));
    assert!(gpu["alternatives"].as_array().unwrap().contains(&json!("GPU")));
    assert!(found.header("cache-control").contains("max-age"));
    app.get("/v1/concepts").header("if-none-match", app.get("/v1/concepts").send().await.header("etag")).send().await.expect(304);
    let long = format!("q={}", "x".repeat(65));
    for (query, field) in [("cursor=abc", "cursor"), ("segment=base", "segment"), ("limit=101", "limit"), (long.as_str(), "q")] {
        app.get(&format!("/v1/concepts?{query}")).send().await.wrong_field(400, field);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_finds_other_words_for_the_same_and_the_typed_word_first() {
    let (app, owner) = market().await;
    let english = app.published(&owner, offer("en", "GPU cards for rent", "By the hour, in a hall near the river.")).await;
    let chinese = app.published(&owner, offer("zh", "图形处理器租用", "按小时计费，机房临河而建。")).await;
    app.published(&owner, offer("zh", "待处理的图形文件", "只有一部分字相同。")).await;
    app.published(&owner, offer("zh", "茶叶", "红茶发酵。")).await;
    let ids = search(&app, &[("q", "图形处理器")]).await.ids();
    assert_eq!(ids.first(), Some(&chinese));
    assert!(ids.contains(&english), "{ids:?}");
    assert_eq!(search(&app, &[("q", "gpu")]).await.ids(), [english.clone(), chinese.clone()]);
    // Another order than relevance wants the words themselves.
    assert_eq!(search(&app, &[("q", "gpu"), ("sort", "newest")]).await.ids(), [english.clone()]);
    let explained = search(&app, &[("q", "gpu"), ("explain", "true")]).await;
    assert_eq!(explained.body["concepts"], json!([{"code": "base.chips.gpu", "zh": "图形处理器", "en": "graphics processing unit"}]));
    assert!(search(&app, &[("q", "gpu")]).await.body.get("concepts").is_none());
    let marked = &explained.items().iter().find(|item| item["id"] == chinese.as_str()).unwrap()["highlights"][0];
    let hit: Vec<&Value> = marked["pieces"].as_array().unwrap().iter().filter(|piece| piece["hit"] == true).collect();
    assert_eq!((&marked["field"], &hit[0]["text"]), (&json!("title.zh"), &json!("图形处理器")), "{marked}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_it_in_two_ways_does_not_say_it_twice() {
    let (app, owner) = market().await;
    app.published(&owner, offer("en", "GPU cards", "Quick graphics processors with fans.")).await;
    app.published(&owner, offer("en", "GPU cards", "Quick metal boxes with fans.")).await;
    for title in ["Green tea", "Black tea", "White tea"] {
        app.published(&owner, offer("en", title, "Fermented slowly.")).await;
    }
    let scores: Vec<f64> = search(&app, &[("q", "gpu")]).await.items().iter().map(|item| item["score"].as_f64().unwrap()).collect();
    assert!((scores[0] - scores[1]).abs() < 1e-6, "{scores:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_completed_by_what_guests_can_find() {
    let (app, owner) = market().await;
    let rare = with(offer("en", "A GPU", "x"), json!({"keywords": ["gpu harness", "Lattice Gpu"]}));
    app.published(&owner, rare).await;
    app.published(&owner, with(offer("zh", "图形处理器", "x"), json!({"keywords": ["gpu harness", "图像去噪"]}))).await;
    let items = suggested(&app, "gp").await;
    assert_eq!(items[0], json!({"text": "GPU", "kind": "concept", "code": "base.chips.gpu", "count": 2}), "{items:?}");
    let texts: Vec<&str> = items.iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["GPU", "gpu harness", "Lattice Gpu"], "{items:?}");
    assert_eq!(items[1], json!({"text": "gpu harness", "kind": "keyword", "count": 2}));
    let chinese = suggested(&app, "圖").await;
    assert_eq!(chinese.iter().map(|item| &item["text"]).collect::<Vec<_>>(), ["图形处理器", "图像去噪"], "{chinese:?}");
    assert_eq!(suggested(&app, "去噪").await[0]["text"], "图像去噪");
    // Nobody offers an FPGA.
    assert!(suggested(&app, "fpg").await.is_empty());
    for wrong in ["", "q=", "q=%20", &format!("q={}", "x".repeat(65))] {
        app.get(&format!("/v1/suggestions?{wrong}")).send().await.wrong_field(400, "q");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suggestions_are_ten_at_most_and_forget_what_was_withdrawn() {
    let (app, owner) = market().await;
    let keywords: Vec<String> = (0..15).map(|number| format!("zyx{number:02}")).collect();
    let id = app.published(&owner, with(offer("en", "Words", "x"), json!({"keywords": keywords}))).await;
    assert_eq!(suggested(&app, "zyx").await.len(), 10);
    app.post(&format!("/v1/listings/{id}/pause")).by(&owner.admin.token).send().await.expect(200);
    app.caught_up().await;
    assert!(suggested(&app, "zyx").await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_gets_tags_from_its_words_and_from_listings_like_it() {
    let (app, owner) = market().await;
    for number in 0..3 {
        app.published(&owner, with(offer("zh", &format!("图形处理器板卡{number}号"), "用于训练集群。"), json!({"keywords": ["训练集群"]}))).await;
    }
    let before = app.count("SELECT count(*) AS count FROM listings").await;
    let draft = json!({"title": {"zh": "图形处理器板卡", "en": "GPU boards"}, "body": {"zh": "适用于训练集群和大模型。"}, "kind": "technology", "direction": "offer"});
    let tags = app.post("/v1/listings/suggest-tags").by(&owner.admin.token).json(&draft).send().await.expect(200).body;
    assert_eq!(tags["segments"][0]["segment"], "base.chips", "{tags:#}");
    let reasons: Vec<&str> = tags["segments"][0]["reasons"].as_array().unwrap().iter().map(|reason| reason["en"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["concept: 图形处理器", "listings like this: 3 of 3"]);
    assert_eq!(tags["industries"][0]["code"], "C3973");
    assert_eq!(tags["industries"][0]["label"]["zh"], "计算机、通信和其他电子设备制造业");
    assert_eq!(tags["concepts"][0], json!({"code": "base.chips.gpu", "zh": "图形处理器", "en": "graphics processing unit", "found_as": "图形处理器"}));
    assert!(tags["keywords"].as_array().unwrap().contains(&json!("训练集群")), "{tags:#}");
    assert_eq!(app.count("SELECT count(*) AS count FROM listings").await, before);
    let wrong = |body: Value| app.post("/v1/listings/suggest-tags").by(&owner.admin.token).json(&body).send();
    wrong(json!({})).await.wrong_field(422, "/title");
    wrong(json!({"title": {"en": "x".repeat(301)}})).await.wrong_field(422, "/title/en");
    wrong(json!({"keywords": vec!["k"; 21]})).await.wrong_field(422, "/keywords");
    wrong(json!({"title": {"en": "x"}, "colour": "red"})).await.wrong_field(422, "/colour");
    app.post("/v1/listings/suggest-tags").json(&draft).send().await.expect(401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_get_nothing_of_what_is_for_verified_organisations() {
    let (app, owner) = market().await;
    let (verified, unverified) = (app.verified_organization("wuhan").await, app.organization("wuhan").await);
    let hidden = with(
        technology_need("Quiet boxes"),
        json!({"body": {"en": "They hold a GPU."}, "keywords": ["secret gpu recipe"], "segments": ["base.chips"], "industries": ["C3973"],
               "tiers": {"body": "verified", "keywords": "verified", "segments": "verified", "industries": "verified"}}),
    );
    let id = app.published(&owner, hidden).await;
    let by = async |token: Option<&str>, path: &str| {
        let call = app.get(path);
        let call = if let Some(token) = token { call.by(token) } else { call };
        call.send().await.expect(200)
    };
    for path in ["/v1/listings?concept=base.chips.gpu", "/v1/listings?q=graphics processing unit", "/v1/listings?q=图形处理器"] {
        for token in [None, Some(unverified.admin.token.as_str())] {
            assert_eq!(by(token, path).await.body["total"], 0, "{path}");
        }
        assert_eq!(by(Some(&verified.admin.token), path).await.ids(), [id.clone()], "{path}");
    }
    let facets = "/v1/listings?facets=concept";
    assert_eq!(by(None, facets).await.body["facets"]["concept"], json!([]));
    assert_eq!(by(Some(&verified.admin.token), facets).await.body["facets"]["concept"].as_array().unwrap().len(), 2);
    // Suggestions are the same for everybody.
    for typed in ["gpu", "secret", "recipe", "图形"] {
        assert!(suggested(&app, typed).await.is_empty(), "{typed}");
    }
    let draft = json!({"title": {"en": "Quiet boxes with a secret recipe"}});
    let tags = async |organization: &Organization| app.post("/v1/listings/suggest-tags").by(&organization.admin.token).json(&draft).send().await.expect(200).body;
    let for_others = tags(&unverified).await;
    assert!(["base.chips", "C3973", "gpu"].iter().all(|hidden| !for_others.to_string().contains(hidden)), "{for_others:#}");
    let for_verified = tags(&verified).await;
    assert_eq!(for_verified["segments"][0]["segment"], "base.chips", "{for_verified:#}");
    assert_eq!(for_verified["industries"][0]["code"], "C3973");
    app.finish().await;
}
