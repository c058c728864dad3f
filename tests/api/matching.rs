//! Matches over HTTP: reasons that add up, both owners seeing the same, nothing that a party may not know.

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::builders::{
    Organization, funding_need, funding_offer, in_days, industry_need, industry_offer, talent_need, talent_offer, technology_need, technology_offer, with,
};

async fn market() -> (App, Organization, Organization) {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    app.set_policy("wuhan", "post").await;
    let (seeker, partner) = (app.organization("hefei").await, app.organization("wuhan").await);
    (app, seeker, partner)
}

async fn matches(app: &App, owner: &Organization, id: &str) -> Vec<Value> {
    app.get(&format!("/v1/listings/{id}/matches?limit=100")).by(&owner.admin.token).send().await.expect(200).items().to_vec()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[tokio::test(flavor = "multi_thread")]
async fn contributions_add_up_and_both_owners_see_the_same_score() {
    let (app, seeker, partner) = market().await;
    for (need, offer) in [
        (technology_need("Solid-state lidar for night driving"), technology_offer("Solid-state lidar with long range")),
        (funding_need("Edge chip company raises money"), funding_offer("Fund for edge chip companies")),
        (talent_need("Rust engineer for robots"), talent_offer("Engineer who writes Rust for robots")),
        (industry_need("Packaging pilot line for MEMS"), industry_offer("MEMS packaging pilot line")),
    ] {
        let kind = need["kind"].as_str().unwrap().to_owned();
        let need = app.published(&seeker, need).await;
        let offer = app.published(&partner, offer).await;
        let (ours, theirs) = (matches(&app, &seeker, &need).await, matches(&app, &partner, &offer).await);
        let one = ours.iter().find(|found| found["listing"]["id"] == offer.as_str()).unwrap_or_else(|| panic!("{kind}: the need finds no offer"));
        let other = theirs.iter().find(|found| found["listing"]["id"] == need.as_str()).unwrap_or_else(|| panic!("{kind}: the offer finds no need"));
        assert_eq!((&one["need_id"], &one["offer_id"]), (&other["need_id"], &other["offer_id"]));
        for field in ["score", "score_forward", "score_reverse", "gates", "factors", "explanation", "algorithm_version"] {
            assert_eq!(one[field], other[field], "{kind}: {field}");
        }
        let number = |value: &Value| value.as_f64().unwrap();
        let factors = one["factors"].as_array().unwrap();
        let sum: f64 = factors.iter().map(|factor| number(&factor["contribution"])).sum();
        assert!(close(sum, number(&one["score"])), "{kind}: {sum} and {}", one["score"]);
        assert!(close(f64::midpoint(number(&one["score_forward"]), number(&one["score_reverse"])), number(&one["score"])));
        let weights: f64 = factors.iter().map(|factor| number(&factor["weight"])).sum();
        assert!(close(weights, 1.0), "{kind}: the weights add up to {weights}");
        for factor in factors {
            let in_range = |value: &Value| value.is_null() || (0.0..=1.0).contains(&number(value));
            assert!(in_range(&factor["forward"]) && in_range(&factor["reverse"]) && in_range(&factor["value"]), "{factor}");
            if factor["value"].is_null() {
                assert_eq!((number(&factor["weight"]), number(&factor["contribution"])), (0.0, 0.0), "what is not known is not punished: {factor}");
            } else {
                assert!(close(f64::midpoint(number(&factor["forward"]), number(&factor["reverse"])), number(&factor["value"])), "{factor}");
                assert!(close(number(&factor["weight"]) * number(&factor["value"]), number(&factor["contribution"])), "{factor}");
            }
        }
        assert!(one["gates"].as_array().unwrap().iter().all(|gate| gate["passed"] == true));
        assert!(!one["explanation"]["zh"].as_str().unwrap().is_empty() && !one["explanation"]["en"].as_str().unwrap().is_empty());
        app.post(&format!("/v1/listings/{need}/pause")).by(&seeker.admin.token).send().await.expect(200);
        app.post(&format!("/v1/listings/{offer}/pause")).by(&partner.admin.token).send().await.expect(200);
        app.caught_up().await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_see_the_same_when_only_one_of_them_is_verified() {
    let (app, seeker, partner) = market().await;
    app.verify(&partner).await;
    let hidden = json!({"body": {"en": "Range beyond two hundred metres at night, automotive grade."}, "tiers": {"body": "verified", "min_trl": "verified"}});
    let need = app.published(&seeker, with(technology_need("Lidar for night driving"), hidden)).await;
    let hidden = json!({"body": {"en": "Automotive grade, two hundred metres."}, "tiers": {"body": "verified", "trl": "verified"}});
    let offer = app.published(&partner, with(technology_offer("Lidar with long range"), hidden)).await;
    let (ours, theirs) = (matches(&app, &seeker, &need).await, matches(&app, &partner, &offer).await);
    assert_eq!(ours.len(), 1);
    for field in ["score", "score_forward", "score_reverse", "gates", "factors", "explanation"] {
        assert_eq!(ours[0][field], theirs[0][field], "{field}");
    }
    // The unverified need's owner must learn nothing of the offer's hidden TRL, not even from a gate.
    assert!(!ours[0].to_string().contains("TRL 6") && !ours[0].to_string().contains("Automotive"), "{:#}", ours[0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_keep_out_what_cannot_work() {
    let (app, seeker, partner) = market().await;
    let need = app.published(&seeker, with(technology_need("Lidar"), json!({"attributes": {"min_trl": 7}, "excluded_organizations": []}))).await;
    app.published(&partner, with(technology_offer("Lidar"), json!({"attributes": {"trl": 5}}))).await;
    app.published(&partner, with(technology_offer("Lidar"), json!({"attributes": {"trl": 8}, "export_control": "prohibited"}))).await;
    app.published(&partner, with(technology_offer("Lidar"), json!({"attributes": {"trl": 8}, "export_control": "restricted"}))).await;
    app.published(&partner, with(technology_offer("Lidar"), json!({"attributes": {"trl": 8}, "excluded_organizations": [seeker.id]}))).await;
    app.published(&seeker, with(technology_offer("Lidar"), json!({"attributes": {"trl": 8}}))).await;
    app.published(&partner, technology_need("Lidar")).await;
    let good = app.published(&partner, with(technology_offer("Lidar"), json!({"attributes": {"trl": 8}}))).await;
    let unknown = app.published(&partner, with(technology_offer("Lidar"), json!({"attributes": {"ip_status": "granted"}}))).await;
    let found: Vec<String> = matches(&app, &seeker, &need).await.iter().map(|found| found["listing"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&good) && found.contains(&unknown));
    let one = matches(&app, &seeker, &need).await.into_iter().find(|found| found["listing"]["id"] == unknown.as_str()).unwrap();
    let gate = one["gates"].as_array().unwrap().iter().find(|gate| gate["code"] == "min_trl").unwrap().clone();
    assert_eq!((&gate["passed"], &gate["detail"]), (&json!(true), &json!("unknown")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_common_is_no_match_and_an_empty_list_is_an_answer() {
    let (app, seeker, partner) = market().await;
    let need = app.published(&seeker, with(technology_need("Lidar"), json!({"segments": ["base.sensors"], "zones_wanted": ["wuhan"]}))).await;
    app.published(&partner, with(technology_offer("Rice breeding"), json!({"segments": ["application.agriculture"], "summary": {"en": "Seeds for fields"}}))).await;
    assert!(matches(&app, &seeker, &need).await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn complementary_kinds_meet_as_the_table_says() {
    let (app, seeker, partner) = market().await;
    let technology = app.published(&partner, technology_offer("Lidar calibration")).await;
    let talent = app.published(&partner, talent_offer("Lidar calibration engineer")).await;
    let industry = app.published(&partner, industry_offer("Lidar calibration line")).await;
    for (need, expected) in [
        (technology_need("Lidar calibration"), vec![&technology, &talent]),
        (industry_need("Lidar calibration"), vec![&technology, &industry]),
        (talent_need("Lidar calibration"), vec![&talent]),
        (funding_need("Lidar calibration"), vec![]),
    ] {
        let need = app.published(&seeker, need).await;
        let mut found: Vec<String> = matches(&app, &seeker, &need).await.iter().map(|found| found["listing"]["id"].as_str().unwrap().to_owned()).collect();
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_are_for_the_owner_of_a_published_listing() {
    let (app, seeker, partner) = market().await;
    let need = app.published(&seeker, technology_need("Lidar")).await;
    let path = format!("/v1/listings/{need}/matches");
    app.get(&path).send().await.expect(401);
    app.get(&path).by(&partner.admin.token).send().await.expect(403);
    app.get(&path).by(&app.member(&seeker).await.token).send().await.expect(200);
    app.get(&format!("{path}?limit=0")).by(&seeker.admin.token).send().await.wrong_field(400, "limit");
    app.post(&format!("/v1/listings/{need}/pause")).by(&seeker.admin.token).send().await.expect(200);
    app.get(&path).by(&seeker.admin.token).send().await.problem(409, "illegal_move");
    app.caught_up().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_can_be_asked_for_by_zone_and_limit() {
    let (app, seeker, partner) = market().await;
    app.set_policy("suzhou", "post").await;
    let third = app.organization("suzhou").await;
    let need = app.published(&seeker, with(technology_need("Lidar"), json!({"valid_through": in_days(90)}))).await;
    let near = app.published(&partner, technology_offer("Lidar")).await;
    app.published(&third, technology_offer("Lidar")).await;
    let answer = app.get(&format!("/v1/listings/{need}/matches?zone=wuhan")).by(&seeker.admin.token).send().await.expect(200);
    assert_eq!(answer.items().iter().map(|item| item["listing"]["id"].as_str().unwrap()).collect::<Vec<_>>(), [near]);
    assert_eq!(app.get(&format!("/v1/listings/{need}/matches?limit=1")).by(&seeker.admin.token).send().await.items().len(), 1);
    assert_eq!(app.get(&format!("/v1/listings/{need}/matches?personalised=false")).by(&seeker.admin.token).send().await.body["personalised"], false);
    app.finish().await;
}
