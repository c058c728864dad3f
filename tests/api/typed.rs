//! Queries as people type them: phrases, exclusions, slips of the keyboard, and what they must not tell.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::app::{Answer, App};
use crate::support::builders::{Organization, talent_offer, technology_need, technology_offer, with};

async fn market() -> (App, Organization) {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    (app, owner)
}

fn url(pairs: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://x/v1/listings").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

async fn search(app: &App, pairs: &[(&str, &str)]) -> Answer {
    app.get(&url(pairs)).send().await.expect(200)
}

async fn found(app: &App, query: &str) -> HashSet<String> {
    search(app, &[("q", query)]).await.ids().into_iter().collect()
}

fn ids<const N: usize>(ids: [&String; N]) -> HashSet<String> {
    ids.into_iter().cloned().collect()
}

/// A technology offer with these texts and no others.
fn offer(language: &str, title: &str, body: &str) -> Value {
    with(technology_offer("x"), json!({"title": {language: title}, "summary": {}, "body": {language: body}}))
}

/// The marked texts of all items.
fn marked(answer: &Answer) -> HashSet<String> {
    let highlights = answer.items().iter().flat_map(|item| item["highlights"].as_array().unwrap());
    let pieces = highlights.flat_map(|highlight| highlight["pieces"].as_array().unwrap());
    pieces.filter(|piece| piece["hit"] == true).map(|piece| piece["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phrase_stands_in_its_order_in_one_field() {
    let (app, owner) = market().await;
    let together = app.published(&owner, offer("en", "Solid-state lidars", "For cars.")).await;
    let apart = app.published(&owner, offer("en", "Solid metals", "State programmes for lidar.")).await;
    let across = app.published(&owner, with(offer("en", "Ceramics, solid", "State of matter."), json!({"keywords": ["lidar", "radar"]}))).await;
    assert_eq!(found(&app, "solid state").await, ids([&together, &apart, &across]));
    assert_eq!(found(&app, "\"solid state\"").await, ids([&together]));
    assert_eq!(found(&app, "“solid state lidar”").await, ids([&together]));
    assert!(found(&app, "\"state solid\"").await.is_empty());
    assert!(found(&app, "\"lidar radar\"").await.is_empty());
    // A phrase of one word is a word that must be there; a quote that is never closed is none.
    assert_eq!(found(&app, "solid \"programme\"").await, ids([&apart]));
    assert_eq!(found(&app, "\"solid state").await.len(), 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chinese_phrase_stands_as_it_is_written() {
    let (app, owner) = market().await;
    let lidar = app.published(&owner, offer("zh", "车规级激光雷達模组", "用于5nm芯片检测，已完成A轮融资。")).await;
    let both = app.published(&owner, offer("zh", "毫米波雷达激光测距", "激光与雷达的融合。芯片面积5nm量级。")).await;
    for (query, expected) in [
        ("激光雷达", ids([&lidar, &both])),
        ("“激光雷达”", ids([&lidar])),
        ("「雷达激光」", ids([&both])),
        ("『激光雷達模組』", ids([&lidar])),
        ("\"5nm芯片\"", ids([&lidar])),
        ("\"A轮\"", ids([&lidar])),
        ("\"B轮\"", ids([])),
        ("找“激光雷达”供应商", ids([&lidar])),
        ("\"激光\" \"雷达\"", ids([&lidar, &both])),
    ] {
        assert_eq!(found(&app, query).await, expected, "{query}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exclusions_keep_out_what_holds_them_in_both_languages() {
    let (app, owner) = market().await;
    let lidar = app.published(&owner, offer("en", "Lidar sensors", "For cars.")).await;
    let radar = app.published(&owner, offer("en", "Lidar and radars", "A phased array.")).await;
    let chinese = app.published(&owner, offer("zh", "激光雷达", "用于lidar标定的毫米波雷达。")).await;
    for (query, expected) in [
        ("lidar -radar", ids([&lidar, &chinese])),
        ("lidar -雷达", ids([&lidar, &radar])),
        ("lidar －毫米波", ids([&lidar, &radar])),
        ("lidar -雷达激光", ids([&lidar, &radar, &chinese])),
        ("lidar -\"phased array\"", ids([&lidar, &chinese])),
        ("lidar -\"array phased\"", ids([&lidar, &radar, &chinese])),
        ("lidar -radar -激光", ids([&lidar])),
        ("lidar -达", ids([&lidar, &radar])),
        // Alone they browse everything else.
        ("-radar", ids([&lidar, &chinese])),
        ("-雷达 -\"phased array\"", ids([&lidar])),
        // No exclusions.
        ("lidar-radar", ids([&lidar, &radar, &chinese])),
        ("lidar -40", ids([&lidar, &radar, &chinese])),
    ] {
        assert_eq!(found(&app, query).await, expected, "{query}");
    }
    for sort in ["relevance", "newest", "expiring"] {
        assert_eq!(search(&app, &[("q", "-lidar"), ("sort", sort)]).await.body["total"], 0, "{sort}");
        assert_eq!(search(&app, &[("q", "-radar"), ("sort", sort)]).await.ids().len(), 2, "{sort}");
        assert_eq!(search(&app, &[("q", "\"lidar sensor\" -radar"), ("sort", sort)]).await.ids(), [lidar.clone()], "{sort}");
    }
    for query in ["!!! -radar", "\"!!\"", "--", "-"] {
        assert!(found(&app, query).await.is_empty(), "{query}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_hold_with_filters_facets_totals_and_pages() {
    let (app, owner) = market().await;
    let mut all = HashSet::new();
    for i in 0..5 {
        all.insert(app.published(&owner, technology_offer(&format!("Solid state lidar {i}"))).await);
    }
    app.published(&owner, technology_need("Solid state lidar")).await;
    app.published(&owner, talent_offer("Solid state physicist for lidar")).await;
    app.published(&owner, technology_offer("Solid state lidar with radar")).await;
    app.published(&owner, technology_offer("State of solid lidar")).await;
    let query = "\"solid state\" lidar -radar";
    let answer = search(&app, &[("q", query), ("facets", "kind,direction")]).await;
    assert_eq!(answer.body["total"], 7);
    assert_eq!(
        answer.body["facets"],
        json!({"kind": [{"value": "technology", "count": 6}, {"value": "talent", "count": 1}], "direction": [{"value": "offer", "count": 6}, {"value": "need", "count": 1}]})
    );
    for sort in ["relevance", "newest"] {
        let base = [("q", query), ("kind", "technology"), ("direction", "offer"), ("limit", "2"), ("sort", sort)];
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut pairs = base.to_vec();
            pairs.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = search(&app, &pairs).await;
            assert_eq!(page.body["total"], 5, "{sort}");
            seen.extend(page.ids());
            match page.body["next_cursor"].as_str() {
                Some(next) => {
                    app.get(&url(&[("q", "\"solid state\" lidar"), ("limit", "2"), ("sort", sort), ("cursor", next)])).send().await.wrong_field(400, "cursor");
                    cursor = Some(next.to_owned());
                }
                None => break,
            }
        }
        assert_eq!((seen.len(), seen.into_iter().collect::<HashSet<_>>()), (5, all.clone()), "{sort}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_operators_are_refused_and_odd_ones_do_no_harm() {
    let (app, owner) = market().await;
    app.published(&owner, technology_offer("Lidar")).await;
    let many: String = (0..17).map(|i| format!("-word{} ", char::from(b'a' + i))).collect();
    let refused = app.get(&url(&[("q", &many)])).send().await.wrong_field(400, "q");
    assert!(refused.body.to_string().contains("16"), "{:#}", refused.body);
    let phrases = "\"a b\" ".repeat(9) + &"-c ".repeat(8);
    app.get(&url(&[("q", &phrases)])).send().await.wrong_field(400, "q");
    assert_eq!(search(&app, &[("q", &format!("lidar {}", "-word ".repeat(16)))]).await.body["total"], 1);
    for query in ["\"", "“”", "\"\"\"", "-\"", "- -", "「」『』", "-a", "\"\u{ff9e}\"", "-\u{ff9e}", "\"的\"", "-\"的 a\"", "\"a的\"", "\"的a\"", "c++ \"c++ 语\""] {
        search(&app, &[("q", query)]).await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_word_finds_what_was_meant() {
    let (app, owner) = market().await;
    let battery = app.published(&owner, offer("en", "Lithium batteries", "A battery for manufacturing robots.")).await;
    let chinese = app.published(&owner, offer("zh", "激光雷达", "支持lithium供电。")).await;
    app.published(&owner, offer("en", "Ceramic coating", "Wear resistant.")).await;
    for (query, expected, said) in [
        ("litium", ids([&battery, &chinese]), Some("lithium")),
        ("Batery, please", ids([&battery]), Some("battery, please")),
        ("ltihium 激光", ids([&battery, &chinese]), Some("lithium 激光")),
        ("manufacturng robts", ids([&battery]), Some("manufacturing robots")),
        ("lithium", ids([&battery, &chinese]), None),
        ("ceramc -lithium", found(&app, "ceramic").await, Some("ceramic -lithium")),
        // Two steps are too many for a short word, and four letters or digits are not mended at all.
        ("lihum", ids([]), None),
        ("robt", ids([]), None),
        ("batery2", ids([]), None),
        ("雷答", ids([]), None),
    ] {
        let answer = search(&app, &[("q", query)]).await;
        assert_eq!(answer.ids().into_iter().collect::<HashSet<_>>(), expected, "{query}: {:#}", answer.body);
        assert_eq!(answer.body["did_you_mean"].as_str(), said, "{query}");
        let newest = search(&app, &[("q", query), ("sort", "newest")]).await;
        assert!(newest.ids().into_iter().collect::<HashSet<_>>().is_subset(&expected), "{query}");
    }
    let explained = search(&app, &[("q", "litium batery"), ("explain", "true")]).await;
    assert_eq!(explained.body["corrections"], json!([{"typed": "litium", "searched": ["lithium"]}, {"typed": "batery", "searched": ["batteri"]}]));
    assert_eq!(marked(&explained), HashSet::from(["Lithium", "batteries", "battery", "lithium"].map(str::to_owned)));
    assert_eq!(search(&app, &[("q", "lithium"), ("explain", "true")]).await.body["corrections"], json!([]));
    assert!(search(&app, &[("q", "litium")]).await.body.get("corrections").is_none());
    // A word as it should be counts more than one that was mended.
    let score = async |query: &str| search(&app, &[("q", query)]).await.items()[0]["score"].as_f64().unwrap();
    assert!(score("lithium").await > score("litium").await);
    // A phrase is never mended, but it is said how it was meant.
    let phrase = search(&app, &[("q", "\"litium batery\"")]).await;
    assert_eq!((&phrase.body["total"], &phrase.body["did_you_mean"]), (&json!(0), &json!("\"lithium battery\"")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_bound_what_was_meant() {
    let (app, owner) = market().await;
    let offer = app.published(&owner, technology_offer("Lithium cells")).await;
    let need = app.published(&owner, technology_need("Tritium cells")).await;
    let by = async |direction: &str| search(&app, &[("q", "litium"), ("direction", direction)]).await;
    assert_eq!((by("offer").await.ids(), by("offer").await.body["did_you_mean"].clone()), (vec![offer], json!("lithium")));
    assert_eq!((by("need").await.ids(), by("need").await.body["did_you_mean"].clone()), (Vec::<String>::new(), Value::Null));
    assert_eq!(search(&app, &[("q", "tritum"), ("direction", "need")]).await.ids(), [need]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn highlights_show_phrases_and_never_exclusions() {
    let (app, owner) = market().await;
    app.published(&owner, offer("zh", "固态激光雷達模组", "无关内容")).await;
    app.published(&owner, offer("en", "Solid-state lidars", "Without rotating parts.")).await;
    assert_eq!(marked(&search(&app, &[("q", "“激光雷达”")]).await), HashSet::from(["激光雷達".to_owned()]));
    let answer = search(&app, &[("q", "\"solid state\" -radar")]).await;
    assert_eq!(marked(&answer), HashSet::from(["Solid".to_owned(), "state".to_owned()]));
    let browsing = search(&app, &[("q", "-radar")]).await;
    assert!(browsing.items().len() == 2 && marked(&browsing).is_empty(), "{:#}", browsing.body);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hidden_is_found_or_told_by_what_is_typed() {
    let (app, owner) = market().await;
    let verified = app.verified_organization("wuhan").await;
    let listing = with(offer("en", "Powders", "Zirconium oxide 氧化锆陶瓷 for dental crowns."), json!({"tiers": {"body": "verified"}}));
    let id = app.published(&owner, listing).await;
    let open = app.published(&owner, offer("en", "Powder coating", "Dental tools.")).await;
    let by = async |token: Option<&str>, query: &str| {
        let call = app.get(&url(&[("q", query), ("explain", "true")]));
        if let Some(token) = token { call.by(token) } else { call }.send().await.expect(200)
    };
    let (guest, reader) = (None, Some(verified.admin.token.as_str()));
    for query in ["\"zirconium oxide\"", "“氧化锆”", "zirconum", "zircnium oxid", "\"zirconum oxide\""] {
        let answer = by(guest, query).await;
        assert_eq!(answer.body["total"], 0, "{query}");
        assert!(answer.body.get("did_you_mean").is_none() && answer.body["corrections"] == json!([]), "{query}: {:#}", answer.body);
    }
    assert_eq!(by(reader, "\"zirconium oxide\"").await.ids(), [id.clone()]);
    assert_eq!(by(reader, "“氧化锆”").await.ids(), [id.clone()]);
    let mended = by(reader, "zirconum").await;
    assert_eq!((mended.ids(), &mended.body["did_you_mean"]), (vec![id.clone()], &json!("zirconium")));
    // What is hidden from them keeps nothing out for guests, or they could guess by it.
    let without: HashSet<String> = by(guest, "powder -zirconium -\"dental crown\" -氧化锆").await.ids().into_iter().collect();
    assert_eq!(without, ids([&id, &open]));
    assert_eq!(by(reader, "powder -zirconium").await.ids(), [open.clone()]);
    // A word that is hidden in one listing is no known word: guests are answered as if it were nowhere.
    assert_eq!(by(guest, "crowns").await.body, by(guest, "crawns").await.body);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_meant_no_more() {
    let (app, owner) = market().await;
    let id = app.published(&owner, technology_offer("Lithium cells")).await;
    app.published(&owner, technology_offer("Ceramic cells")).await;
    assert_eq!(search(&app, &[("q", "litium")]).await.body["did_you_mean"], "lithium");
    app.post(&format!("/v1/listings/{id}/pause")).by(&owner.admin.token).send().await.expect(200);
    app.caught_up().await;
    let answer = search(&app, &[("q", "litium"), ("explain", "true")]).await;
    assert_eq!((&answer.body["total"], answer.body.get("did_you_mean"), &answer.body["corrections"]), (&json!(0), None, &json!([])));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rare_word_is_found_and_the_frequent_one_beside_it_is_named() {
    let (app, owner) = market().await;
    let rare = app.published(&owner, technology_offer("Litium cells")).await;
    for _ in 0..99 {
        app.submitted(&owner, technology_offer("Lithium cells")).await;
    }
    app.caught_up().await;
    assert!(search(&app, &[("q", "litium")]).await.body.get("did_you_mean").is_none());
    app.published(&owner, technology_offer("Lithium cells")).await;
    let answer = search(&app, &[("q", "litium -radar"), ("explain", "true")]).await;
    assert_eq!((answer.ids(), &answer.body["did_you_mean"], &answer.body["corrections"]), (vec![rare], &json!("lithium -radar"), &json!([])));
    app.finish().await;
}
