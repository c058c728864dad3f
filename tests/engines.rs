//! The benchmark's calls to other search engines, against servers of this process that answer as those do.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "../benches/exchange/engines.rs"]
mod engines;

use std::sync::Mutex;
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use engines::{Document, Engine, Kind};

/// What was asked: method, path with query, key, body.
type Heard = Mutex<Vec<(String, String, String, String)>>;

/// What an engine answers: by method and the end of the path.
async fn answer(heard: web::Data<Heard>, request: HttpRequest, body: String) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let key = header("authorization") + &header("x-typesense-api-key");
    let asked = (request.method().to_string(), request.uri().to_string(), key, body);
    heard.lock().unwrap().push(asked.clone());
    let (method, path) = (asked.0.as_str(), request.path());
    match (method, path) {
        ("GET", "/indexes/some/stats") => HttpResponse::Ok().json(json!({"numberOfDocuments": 3})),
        ("GET", "/tasks/7") => HttpResponse::Ok().json(json!({"status": "succeeded"})),
        ("GET", "/tasks/8") => HttpResponse::Ok().json(json!({"status": "failed", "error": {"message": "no room"}})),
        ("POST", "/indexes/some/search") => HttpResponse::Ok().json(json!({"hits": [], "estimatedTotalHits": 42})),
        ("POST", "/indexes/full/documents") => HttpResponse::Accepted().json(json!({"taskUid": 8})),
        (_, path) if path.starts_with("/indexes") => HttpResponse::Accepted().json(json!({"taskUid": 7})),
        ("GET", "/collections/some") => HttpResponse::Ok().json(json!({"num_documents": 4})),
        ("GET", "/collections/some/documents/search") => HttpResponse::Ok().json(json!({"found": 43, "hits": []})),
        ("POST", "/collections/some/documents/import") => HttpResponse::Ok().body("{\"success\":true}\n{\"success\":true}"),
        ("POST", "/collections/full/documents/import") => HttpResponse::Ok().body("{\"success\":true}\n{\"success\":false,\"error\":\"no room\"}"),
        ("POST" | "DELETE", path) if path.starts_with("/collections") => HttpResponse::Ok().json(json!({})),
        _ => HttpResponse::NotFound().json(json!({"message": "there is none"})),
    }
}

/// A server with what it heard, and its address.
fn engine() -> (web::Data<Heard>, String) {
    let heard = web::Data::new(Heard::default());
    let shared = heard.clone();
    let server = HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(answer))).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    (heard, address)
}

fn documents() -> Vec<Document> {
    vec![Document { id: "1".into(), title_zh: "激光雷达".into(), ..Document::default() }, Document { id: "2".into(), ..Document::default() }]
}

fn find<'a>(heard: &'a [(String, String, String, String)], method: &str, path: &str) -> &'a (String, String, String, String) {
    heard.iter().find(|(asked, at, ..)| asked == method && at == path).unwrap_or_else(|| panic!("{method} {path} is not in {heard:#?}"))
}

#[actix_web::test]
async fn meilisearch_is_filled_and_asked() {
    let (heard, address) = engine();
    let meilisearch = Engine::new(Kind::Meilisearch, &address, "key", "some");
    assert_eq!(meilisearch.count().await.unwrap(), 3);
    meilisearch.begin().await.unwrap();
    meilisearch.add(&documents()).await.unwrap();
    assert_eq!(meilisearch.ask("激光 雷达", false).await.unwrap(), 42);
    let times = meilisearch.measure(&["lidar".to_owned()], false, Duration::from_millis(50)).await.unwrap();
    assert!(!times.is_empty());
    let heard = heard.lock().unwrap();
    assert!(heard.iter().all(|(.., key, _)| key == "Bearer key"));
    let typing: Value = serde_json::from_str(&find(&heard, "PATCH", "/indexes/some/settings/typo-tolerance").3).unwrap();
    assert_eq!(typing, json!({"enabled": false}));
    let added: Value = serde_json::from_str(&find(&heard, "POST", "/indexes/some/documents").3).unwrap();
    assert_eq!(added[0]["title_zh"], "激光雷达");
    let asked: Value = serde_json::from_str(&find(&heard, "POST", "/indexes/some/search").3).unwrap();
    assert_eq!(asked["filter"], json!(["kind = technology", "direction = offer"]));
}

#[actix_web::test]
async fn typesense_is_filled_and_asked() {
    let (heard, address) = engine();
    let typesense = Engine::new(Kind::Typesense, &address, "key", "some");
    assert_eq!(typesense.count().await.unwrap(), 4);
    typesense.begin().await.unwrap();
    typesense.add(&documents()).await.unwrap();
    assert_eq!(typesense.ask("激光 雷达", true).await.unwrap(), 43);
    let heard = heard.lock().unwrap();
    assert!(heard.iter().all(|(.., key, _)| key == "key"));
    assert_eq!(find(&heard, "POST", "/collections/some/documents/import?action=upsert").3.lines().count(), 2);
    let search = &heard.last().unwrap().1;
    assert!(search.contains("num_typos=2") && search.contains("filter_by=kind%3A%3Dtechnology"), "{search}");
}

#[actix_web::test]
async fn what_an_engine_refuses_is_told() {
    let (_heard, address) = engine();
    assert_eq!(Engine::new(Kind::Meilisearch, &address, "", "none").count().await.unwrap(), 0);
    for kind in [Kind::Meilisearch, Kind::Typesense] {
        let error = Engine::new(kind, &address, "", "full").add(&documents()).await.unwrap_err().to_string();
        assert!(error.contains("no room"), "{error}");
    }
    assert!(Engine::new(Kind::Typesense, &address, "", "none").ask("lidar", true).await.is_err());
    assert_eq!(Engine::new(Kind::Typesense, &address, "", "none").name(), "Typesense");
}
