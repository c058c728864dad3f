//! Finding: two languages, filters, facets, highlights, order, pages, and nothing that the reader may not know.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::builders::{Organization, funding_offer, in_days, industry_offer, talent_offer, technology_need, technology_offer, with};

async fn market() -> (App, Organization) {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    (app, owner)
}

async fn found(app: &App, query: &str) -> Vec<String> {
    let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let query = urlencoded(&pairs);
    app.get(&format!("/v1/listings?{query}")).send().await.expect(200).ids()
}

fn urlencoded(pairs: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn chinese_is_found_in_every_spelling_and_by_its_parts() {
    let (app, owner) = market().await;
    let lidar = app.published(&owner, with(technology_offer("x"), json!({"title": {"zh": "固态激光雷达模组"}, "summary": {"zh": "待处理点云的5nm芯片，支持ＣＵＤＡ。"}}))).await;
    let other = app.published(&owner, with(technology_offer("x"), json!({"title": {"zh": "水稻病害识别"}, "summary": {"zh": "农田图像分析。"}}))).await;
    for query in ["激光雷达", "激光雷達", "雷达", "处理", "5nm芯片", "５ｎｍ", "cuda", "点云 芯片"] {
        assert_eq!(found(&app, &format!("q={query}")).await.first(), Some(&lidar), "{query}");
    }
    assert_eq!(found(&app, "q=病害").await, [other]);
    // Sound alike, mean something else.
    assert!(found(&app, "q=鸡光").await.is_empty());
    assert!(found(&app, "q=区块链").await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_character_is_found_wherever_it_stands() {
    let (app, owner) = market().await;
    for title in ["片上系统", "光学相控阵扫描芯片", "切片机", "片"] {
        app.published(&owner, with(technology_offer("x"), json!({"title": {"zh": title}, "summary": {"zh": "无关"}}))).await;
    }
    app.published(&owner, with(technology_offer("x"), json!({"title": {"zh": "水稻"}, "summary": {"zh": "无关"}}))).await;
    let answer = app.get(&format!("/v1/listings?{}", urlencoded(&[("q", "片")]))).send().await.expect(200);
    assert_eq!(answer.items().len(), 4);
    assert!(answer.items().iter().all(|item| !item["highlights"].as_array().unwrap().is_empty()), "{:#}", answer.body);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_is_compared_by_the_month() {
    let (app, owner) = market().await;
    let pay = |min: &str, period: &str| json!({"attributes": {"skills": [{"name": "Rust"}], "pay": {"min": min, "max": min, "currency": "CNY", "period": period}}});
    let monthly = app.published(&owner, with(talent_offer("One"), pay("60000", "month"))).await;
    let yearly = app.published(&owner, with(talent_offer("Two"), pay("960000", "year"))).await;
    app.published(&owner, with(talent_offer("Three"), pay("1000", "day"))).await;
    let ids: HashSet<String> = found(&app, "kind=talent&amount_min=50000&currency=CNY").await.into_iter().collect();
    assert_eq!(ids, HashSet::from([monthly, yearly]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn english_is_stemmed_and_mixed_queries_find_either_language() {
    let (app, owner) = market().await;
    let offer = app.published(&owner, with(technology_offer("Packaging lines for MEMS sensors"), json!({"keywords": ["封装"]}))).await;
    for query in ["packaged sensor", "LINE", "mems封装", "封装"] {
        assert_eq!(found(&app, &format!("q={query}")).await, [offer.clone()], "{query}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_and_bad_ones_say_what_is_allowed() {
    let (app, owner) = market().await;
    app.set_policy("wuhan", "post").await;
    let elsewhere = app.verified_organization("wuhan").await;
    let technology = app.published(&owner, with(technology_offer("Alpha"), json!({"industries": ["C3973"], "segments": ["base.chips"]}))).await;
    let need = app.published(&owner, technology_need("Alpha")).await;
    let funding = app.published(&elsewhere, funding_offer("Alpha")).await;
    let talent = app.published(&owner, talent_offer("Alpha")).await;
    let industry = app.published(&owner, industry_offer("Alpha")).await;
    for (filter, expected) in [
        ("kind=technology&direction=offer", vec![&technology]),
        ("direction=need", vec![&need]),
        ("kind=funding,talent", vec![&funding, &talent]),
        ("zone=wuhan", vec![&funding]),
        ("segment=base.chips", vec![&technology]),
        ("industry=C39", vec![&technology]),
        ("industry=C3973", vec![&technology]),
        ("industry=C3974", vec![]),
        ("stage=series_a", vec![&funding]),
        ("skill=rust", vec![&talent]),
        ("amount_min=25000000&currency=CNY", vec![&funding]),
        ("amount_max=600000&currency=CNY", vec![&industry]),
        ("currency=USD", vec![]),
        ("trl_min=5", vec![&technology]),
        ("verified=true", vec![&funding]),
        ("verified=false&kind=talent", vec![&talent]),
    ] {
        for with_words in ["", "&q=alpha"] {
            let ids: HashSet<String> = found(&app, &format!("{filter}{with_words}")).await.into_iter().collect();
            assert_eq!(ids, expected.iter().map(|id| (*id).clone()).collect::<HashSet<_>>(), "{filter}{with_words}");
        }
    }
    for (query, field) in [
        ("kind=cat", "kind"),
        ("segment=base", "segment"),
        ("industry=Z1", "industry"),
        ("amount_min=-5", "amount_min"),
        ("trl_min=10", "trl_min"),
        ("facets=colour", "facets"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=abc", "cursor"),
        ("sort=best", "sort"),
    ] {
        app.get(&format!("/v1/listings?{query}")).send().await.wrong_field(400, field);
    }
    app.get("/v1/listings?colour=red").send().await.expect(400);
    app.get(&format!("/v1/listings?q={}", "x".repeat(5000))).send().await.wrong_field(400, "q");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_count_all_that_was_found_not_only_the_page() {
    let (app, owner) = market().await;
    for i in 0..3 {
        app.published(&owner, technology_offer(&format!("Lidar {i}"))).await;
    }
    app.published(&owner, talent_offer("Lidar engineer")).await;
    let answer = app.get("/v1/listings?q=lidar&facets=kind,zone&limit=1").send().await.expect(200);
    assert_eq!(answer.body["facets"], json!({"kind": [{"value": "technology", "count": 3}, {"value": "talent", "count": 1}], "zone": [{"value": "hefei", "count": 4}]}));
    assert_eq!(answer.body["total"], 4);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn highlights_show_where_the_query_was_found() {
    let (app, owner) = market().await;
    app.published(&owner, with(technology_offer("x"), json!({"title": {"zh": "固态激光雷達模组", "en": "Solid-state lidars"}}))).await;
    // Other words for the same are marked too, wherever they stand: here it is looked at one field.
    let marked = async |query: &str, field: &str| {
        let answer = app.get(&format!("/v1/listings?{}", urlencoded(&[("q", query)]))).send().await.expect(200);
        let highlights = answer.items()[0]["highlights"].as_array().unwrap().clone();
        let title = highlights.iter().find(|highlight| highlight["field"] == field).unwrap().clone();
        let hits: Vec<String> = title["pieces"].as_array().unwrap().iter().filter(|piece| piece["hit"] == true).map(|piece| piece["text"].as_str().unwrap().to_owned()).collect();
        let whole: String = title["pieces"].as_array().unwrap().iter().map(|piece| piece["text"].as_str().unwrap()).collect();
        (hits, whole)
    };
    assert_eq!(marked("激光雷达", "title.zh").await, (vec!["激光雷達".to_owned()], "固态激光雷達模组".to_owned()));
    assert_eq!(marked("lidar", "title.en").await, (vec!["lidars".to_owned()], "Solid-state lidars".to_owned()));
    assert_eq!(marked("lidar", "title.zh").await.0, ["激光雷達"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gaps_and_cursors_belong_to_their_query() {
    let (app, owner) = market().await;
    let mut all = HashSet::new();
    for i in 0..7 {
        all.insert(app.published(&owner, with(technology_offer(&format!("Lidar {i}")), json!({"valid_through": in_days(30 + i)}))).await);
    }
    for sort in ["relevance", "newest", "expiring"] {
        let base = format!("/v1/listings?q=lidar&sort={sort}&limit=3");
        let (mut seen, mut next) = (Vec::new(), base.clone());
        loop {
            let page = app.get(&next).send().await.expect(200);
            seen.extend(page.ids());
            let Some(cursor) = page.body["next_cursor"].as_str() else { break };
            assert!(page.header("link").contains(cursor));
            app.get(&format!("/v1/listings?q=other&sort={sort}&limit=3&cursor={cursor}")).send().await.wrong_field(400, "cursor");
            next = format!("{base}&cursor={cursor}");
        }
        assert_eq!(seen.len(), 7, "{sort}");
        assert_eq!(seen.into_iter().collect::<HashSet<_>>(), all, "{sort}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_other_than_relevance_keep_chance_matches_out() {
    let (app, owner) = market().await;
    let good = app.published(&owner, with(technology_offer("Quantum sensing magnetometer"), json!({"valid_through": in_days(100)}))).await;
    let chance = app.published(&owner, with(technology_offer("Magnetometer stand, made of wood"), json!({"valid_through": in_days(20)}))).await;
    assert_eq!(found(&app, "q=quantum sensing magnetometer").await, [good.clone(), chance]);
    assert_eq!(found(&app, "q=quantum sensing magnetometer&sort=expiring").await, [good]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn function_words_and_signs_find_nothing_by_themselves() {
    let (app, owner) = market().await;
    let good = app.published(&owner, technology_offer("Lidar for robots")).await;
    app.published(&owner, technology_offer("Seeds for the fields of a farm")).await;
    assert_eq!(found(&app, "q=looking for a lidar").await, [good]);
    for query in ["!!!", "，。！", "🚀"] {
        assert!(found(&app, &format!("q={query}")).await.is_empty(), "{query}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsing_shows_the_newest_first() {
    let (app, owner) = market().await;
    let mut ids = Vec::new();
    for i in 0..3 {
        ids.push(app.published(&owner, technology_offer(&format!("Lidar {i}"))).await);
    }
    ids.reverse();
    assert_eq!(found(&app, "limit=20").await, ids);
    assert_eq!(found(&app, "q= &limit=20").await, ids);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_neither_sees_nor_finds_by_what_is_for_verified_organisations() {
    let (app, owner) = market().await;
    let verified = app.verified_organization("wuhan").await;
    let listing = with(
        funding_offer("Growth fund"),
        json!({
            "body": {"en": "Only zirconium battery makers."}, "segments": ["base.chips"],
            "tiers": {"body": "verified", "ticket": "verified", "stages": "verified", "segments": "introduced"}
        }),
    );
    let id = app.published(&owner, listing).await;
    let by = async |person: Option<&str>, query: &str| {
        let call = app.get(&format!("/v1/listings?{query}"));
        let call = if let Some(token) = person { call.by(token) } else { call };
        call.send().await.expect(200)
    };
    let (guest, reader) = (None, Some(verified.admin.token.as_str()));
    assert_eq!(by(guest, "q=growth").await.ids(), [id.clone()]);
    for (query, for_reader) in [("q=zirconium", 1), ("stage=series_a", 1), ("amount_min=1&currency=CNY", 1), ("segment=base.chips", 0)] {
        assert_eq!(by(guest, query).await.body["total"], 0, "{query}");
        assert_eq!(by(reader, query).await.body["total"], for_reader, "{query}");
    }
    let text = by(guest, "q=growth&facets=stage,segment").await.body.to_string();
    for hidden in ["zirconium", "10000000", "series_a", "base.chips"] {
        assert!(!text.contains(hidden), "{hidden} is shown to a guest: {text}");
    }
    assert!(by(reader, "q=zirconium").await.body.to_string().contains("10000000.00"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_scores_tell_nothing_of_hidden_words() {
    let mut scores = Vec::new();
    for hidden in ["Only zirconium battery makers.", "Only sodium battery makers."] {
        let (app, owner) = market().await;
        app.published(&owner, technology_offer("Zirconium powder")).await;
        app.published(&owner, with(technology_offer("Batteries"), json!({"body": {"en": hidden}, "tiers": {"body": "verified"}}))).await;
        scores.push(app.get("/v1/listings?q=zirconium").send().await.items()[0]["score"].clone());
        app.finish().await;
    }
    assert_eq!(scores[0], scores[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_searchable_within_a_second_and_what_is_gone_is_gone() {
    let app = App::with(&[("ZONEBRIDGE_SEARCH_POLL_MILLISECONDS", "150")]).await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    let id = app.submitted(&owner, technology_offer("Lidar")).await;
    let published = Instant::now();
    while found(&app, "q=lidar").await.is_empty() {
        assert!(published.elapsed() < Duration::from_secs(10), "never searchable");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Measured and shown, not asserted at the promised second: a test must not fail because the machine is busy.
    println!("searchable after {:?}", published.elapsed());
    app.post(&format!("/v1/listings/{id}/pause")).by(&owner.admin.token).send().await.expect(200);
    app.caught_up().await;
    assert!(found(&app, "q=lidar").await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_organisation_is_shown_by_its_new_name() {
    let (app, owner) = market().await;
    app.published(&owner, technology_offer("Lidar")).await;
    let path = format!("/v1/organizations/{}", owner.id);
    let etag = app.get(&path).by(&owner.admin.token).send().await.header("etag").to_owned();
    app.patch(&path).by(&owner.admin.token).header("if-match", &etag).json(&json!({"name": {"en": "Newname"}})).send().await.expect(200);
    app.caught_up().await;
    let answer = app.get("/v1/listings?q=lidar").send().await;
    let shown: &Value = &answer.items()[0]["organization"]["name"]["en"];
    assert_eq!(shown, "Newname");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_search_asks_the_database_nothing() {
    let (app, owner) = market().await;
    app.published(&owner, technology_offer("Lidar")).await;
    // With every connection of the pool taken, a search that asked the database would wait.
    let mut taken = Vec::new();
    while let Ok(Ok(conn)) = tokio::time::timeout(Duration::from_millis(300), app.service.as_ref().unwrap().database.read()).await {
        taken.push(conn);
    }
    assert_eq!(app.get("/v1/listings?q=lidar&facets=kind").send().await.expect(200).body["total"], 1);
    drop(taken);
    app.finish().await;
}
