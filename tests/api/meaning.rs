//! Meaning: what is found without a word in common, what nobody may guess by it, and that vectors follow the listings.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::json;
use uuid::Uuid;
use zonebridge::embedding::vectors;

use crate::judged::import;
use crate::support::app::App;
use crate::support::builders::{Organization, technology_need, technology_offer, with};

/// The application with the language models and an organisation that posts what it likes.
async fn with_models() -> Option<(App, Organization)> {
    let app = App::with_models(&[]).await?;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    Some((app, owner))
}

fn offer(language: &str, title: &str, body: &str) -> serde_json::Value {
    with(technology_offer("x"), json!({"title": {language: title}, "summary": {}, "body": {language: body}}))
}

async fn best(app: &App, query: &str) -> Option<String> {
    app.get(&format!("/v1/listings?q={query}")).send().await.expect(200).ids().first().cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_finds_what_it_means_in_the_other_language() {
    let Some((app, owner)) = with_models().await else { return };
    let lidar = app.published(&owner, offer("zh", "车载激光雷达", "用于自动驾驶的低成本固态激光雷达，探测距离二百米。")).await;
    let battery = app.published(&owner, offer("en", "Recycling of lithium batteries", "We recover cobalt and nickel from spent cells.")).await;
    let protein = app.published(&owner, offer("zh", "蛋白质结构预测", "以深度学习预测蛋白质的三维结构，加速新药研发。")).await;
    app.embedded().await;
    assert_eq!(best(&app, "lidar sensor for self-driving cars").await, Some(lidar));
    assert_eq!(best(&app, "废旧锂电池回收").await, Some(battery));
    assert_eq!(best(&app, "predicting protein structures with deep learning").await, Some(protein));
    let explained = app.get("/v1/listings?q=废旧锂电池回收&explain=true").send().await.expect(200);
    let parts = &explained.items()[0]["parts"];
    assert!(parts["e5"].as_f64().unwrap() > 0.2 && parts["across"].as_f64().unwrap() > 0.0, "{parts}");
    assert!(parts["company"].as_f64().unwrap() > 0.0, "the first is like the first ones: {parts}");
    let sum: f64 = ["words", "e5", "universal", "across", "company"].iter().map(|part| parts[part].as_f64().unwrap()).sum();
    assert!((sum - explained.items()[0]["score"].as_f64().unwrap()).abs() < 1e-4, "{parts}");
    assert_eq!(explained.body["mode"], "hybrid");
    // What has nothing to do with any listing finds none by meaning alone.
    assert_eq!(app.get("/v1/listings?q=wedding photography in Iceland").send().await.expect(200).body["total"], 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_in_the_other_language_are_matched_and_it_is_said_why() {
    let Some((app, owner)) = with_models().await else { return };
    let other = app.verified_organization("hefei").await;
    let need = |language: &str, title: &str, body: &str| {
        with(technology_need("x"), json!({"title": {language: title}, "summary": {}, "body": {language: body}, "segments": [], "industries": []}))
    };
    let bare = |listing| with(listing, json!({"segments": [], "industries": []}));
    let wanted = app.published(&owner, need("en", "Recovering metals from spent lithium batteries", "We look for a process to recover cobalt and nickel.")).await;
    let fitting = app.published(&other, bare(offer("zh", "废旧锂电池回收技术", "从废旧锂离子电池中提取钴和镍等金属。"))).await;
    app.published(&other, bare(offer("zh", "红茶发酵工艺", "红茶发酵过程的温度与湿度控制。"))).await;
    app.embedded().await;
    let matches = app.get(&format!("/v1/listings/{wanted}/matches")).by(&owner.admin.token).send().await.expect(200);
    assert_eq!(matches.body["mode"], "hybrid");
    let found: Vec<&str> = matches.items().iter().map(|item| item["listing"]["id"].as_str().unwrap()).collect();
    assert_eq!(found, [fitting.as_str()], "{}", matches.body);
    let factors = matches.items()[0]["factors"].as_array().unwrap();
    let meaning = factors.iter().find(|factor| factor["code"] == "meaning").unwrap();
    assert!(meaning["contribution"].as_f64().unwrap() > 0.1, "{meaning}");
    assert!(matches.items()[0]["explanation"]["en"].as_str().unwrap().contains("close in meaning"), "{}", matches.body);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn meaning_tells_guests_nothing_that_is_hidden_from_them() {
    let Some((app, owner)) = with_models().await else { return };
    let verified = app.verified_organization("hefei").await;
    let hidden = with(offer("zh", "新型材料", "以回收的废旧锂电池提取钴和镍。"), json!({"tiers": {"body": "verified"}}));
    let id = app.published(&owner, hidden).await;
    app.embedded().await;
    let question = "/v1/listings?q=recycling cobalt from spent batteries";
    assert_eq!(app.get(question).send().await.expect(200).body["total"], 0);
    assert_eq!(app.get(question).by(&verified.admin.token).send().await.expect(200).ids(), [id]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_follow_the_listing_and_outlive_the_index() {
    let Some((mut app, owner)) = with_models().await else { return };
    let id = app.published(&owner, offer("zh", "车载激光雷达", "用于自动驾驶的低成本固态激光雷达。")).await;
    app.embedded().await;
    assert_eq!(app.count("SELECT count(*) AS count FROM listing_vectors").await, 1);
    app.stop().await;
    // The index is built anew from the vectors in the database.
    std::fs::remove_dir_all(&app.config.search.dir).unwrap();
    app.sql("UPDATE listing_vectors SET embedded_at = '2020-01-01'").await;
    app.restart().await;
    app.embedded().await;
    assert_eq!(best(&app, "lidar for autonomous driving").await, Some(id.clone()));
    assert_eq!(app.count("SELECT count(*) AS count FROM listing_vectors WHERE embedded_at = '2020-01-01'").await, 1);
    let change = json!({"title": {"zh": "茶叶发酵工艺"}, "body": {"zh": "红茶发酵的温度与湿度控制。"}});
    app.edit(&owner, &id, change).await.expect(200);
    app.embedded().await;
    assert_eq!(best(&app, "tea fermentation").await, Some(id));
    assert_eq!(best(&app, "lidar for autonomous driving").await, None);
    assert_eq!(app.count("SELECT count(*) AS count FROM listing_vectors WHERE embedded_at > '2021-01-01'").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_like_this_is_of_the_same_kind_and_direction_and_never_itself() {
    let Some((app, owner)) = with_models().await else { return };
    let lidar = app.published(&owner, offer("zh", "车载激光雷达", "用于自动驾驶的低成本固态激光雷达，探测距离二百米。")).await;
    let radar = app.published(&owner, offer("en", "Solid-state lidar for cars", "A low-cost lidar for autonomous driving with a range of 200 m.")).await;
    app.published(&owner, with(technology_need("Lidar wanted"), json!({"body": {"en": "We look for lidar for cars."}}))).await;
    app.published(&owner, offer("zh", "红茶发酵工艺", "红茶发酵过程的温度与湿度控制。")).await;
    app.embedded().await;
    let similar = app.get(&format!("/v1/listings/{lidar}/similar")).send().await.expect(200);
    assert_eq!((similar.ids(), &similar.body["mode"]), (vec![radar], &json!("hybrid")));
    app.get("/v1/listings/01900000-0000-7000-8000-000000000000/similar").send().await.expect(404);
    app.get(&format!("/v1/listings/{lidar}/similar?limit=101")).send().await.expect(400);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_one_set_of_vectors() {
    let Some((app, owner)) = with_models().await else { return };
    let folder = app.config.models.display().to_string();
    let key = app.config.tokens.key_file.display().to_string();
    let second = App::on(app.url.clone(), tempfile::tempdir().unwrap(), &[("ZONEBRIDGE_MODELS", &folder), ("ZONEBRIDGE_TOKENS_KEY_FILE", &key)]).await;
    let id = app.published(&owner, offer("zh", "车载激光雷达", "用于自动驾驶的低成本固态激光雷达。")).await;
    app.embedded().await;
    second.caught_up().await;
    for instance in [&app, &second] {
        assert_eq!(best(instance, "lidar for autonomous driving").await, Some(id.clone()));
    }
    second.finish().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_models_words_alone_are_used_and_it_is_said() {
    let app = App::start().await;
    assert_eq!(app.get("/health/ready").send().await.expect(200).body["mode"], "words");
    assert_eq!(app.get("/v1/listings?q=lidar").send().await.expect(200).body["mode"], "words");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instance_makes_the_vectors_at_a_time() {
    let app = App::start().await;
    let mut conn = app.database.write().await.unwrap();
    let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
    let in_a_minute = || Utc::now() + Duration::from_secs(60);
    assert!(vectors::lease(&mut conn, one, in_a_minute()).await.unwrap());
    assert!(!vectors::lease(&mut conn, other, in_a_minute()).await.unwrap());
    assert!(vectors::lease(&mut conn, one, in_a_minute()).await.unwrap());
    vectors::end_lease(&mut conn, other).await.unwrap();
    assert!(!vectors::lease(&mut conn, other, in_a_minute()).await.unwrap());
    vectors::end_lease(&mut conn, one).await.unwrap();
    assert!(vectors::lease(&mut conn, other, Utc::now() - Duration::from_secs(1)).await.unwrap());
    // What has run out is anybody's.
    assert!(vectors::lease(&mut conn, one, in_a_minute()).await.unwrap());
    drop(conn);
    app.finish().await;
}

/// More listings than the ranking has candidates: enough for means of the network's own, and for pages beyond the candidates.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_gets_means_of_its_own_and_pages_reach_the_end() {
    let Some((app, owner)) = with_models().await else { return };
    let listing = |number: usize| {
        with(technology_offer("x"), json!({"external_id": format!("pump-{number}"), "title": {"zh": format!("{number}号水泵")}, "summary": {"zh": "水泵。"}, "body": {}}))
    };
    import(&app, &owner.uscc, &(0..230).map(listing).collect::<Vec<_>>());
    app.published(&owner, offer("en", "Lidar for cars", "A low-cost lidar for autonomous driving.")).await;
    app.embedded().await;
    let version = || app.count("SELECT coalesce(max(version), 0)::bigint AS count FROM embedding_means");
    let deadline = Instant::now() + Duration::from_secs(30);
    while version().await == 0 {
        assert!(Instant::now() < deadline, "the means were not computed anew");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let first = app.get("/v1/listings?q=水泵&limit=100&facets=kind").send().await.expect(200);
    let total = first.body["total"].as_u64().unwrap();
    assert!(total >= 230, "{total}");
    assert_eq!(first.body["facets"]["kind"][0]["count"], total);
    let (mut seen, mut page) = (HashSet::new(), first);
    loop {
        assert!(page.ids().into_iter().all(|id| seen.insert(id)), "a listing stands on two pages");
        let Some(cursor) = page.body["next_cursor"].as_str().map(str::to_owned) else { break };
        page = app.get(&format!("/v1/listings?q=水泵&limit=100&facets=kind&cursor={cursor}")).send().await.expect(200);
    }
    assert_eq!(seen.len() as u64, total);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_count_what_meaning_alone_finds() {
    let Some((app, owner)) = with_models().await else { return };
    app.published(&owner, offer("zh", "车载激光雷达", "用于自动驾驶的低成本固态激光雷达。")).await;
    app.published(&owner, offer("en", "Lidar for cars", "A low-cost lidar for autonomous driving.")).await;
    app.embedded().await;
    let found = app.get("/v1/listings?q=lidar for autonomous driving&facets=kind").send().await.expect(200);
    assert_eq!((&found.body["total"], &found.body["facets"]["kind"]), (&json!(2), &json!([{"value": "technology", "count": 2}])));
    app.finish().await;
}
