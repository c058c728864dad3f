//! The OpenAPI document: current, complete about who may call, and without untyped objects. That every answer of every test fits it is
//! checked by the client of the tests.

use serde_json::Value;
use zonebridge::api::PUBLIC;

use crate::support::app::App;
use crate::support::contract::document;

fn operations() -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if ["get", "put", "post", "patch", "delete"].contains(&method.as_str()) {
                all.push((method.clone(), path.clone(), operation.clone()));
            }
        }
    }
    all
}

#[test]
fn the_checked_in_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/zonebridge.json");
    let checked_in: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(&checked_in == document(), "run `make openapi`: the routes have changed and openapi/zonebridge.json has not");
    assert_eq!(checked_in["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
}

#[test]
fn every_operation_says_who_may_call_it() {
    for (method, path, operation) in operations() {
        let public = PUBLIC.contains(&(method.as_str(), path.as_str()));
        assert_ne!(public, operation.get("security").is_some(), "{method} {path}: either it names its security or it stands in the public list");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, missing: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                if let Some(reference) = object.get("$ref").and_then(Value::as_str)
                    && document().pointer(reference.trim_start_matches('#')).is_none()
                {
                    missing.push(reference.to_owned());
                }
                object.values().for_each(|inner| walk(inner, missing));
            }
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, missing)),
            _ => {}
        }
    }
    let mut missing = Vec::new();
    walk(document(), &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
}

fn example_of(path: &str) -> String {
    path.replace("{id}", "01900000-0000-7000-8000-000000000000")
        .replace("{account_id}", "01900000-0000-7000-8000-000000000001")
        .replace("{code}", "hefei")
        .replace("{role}", "member")
        .replace("{move}", "verify")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_secured_operation_answers_401_to_nobody() {
    let app = App::start().await;
    for (method, path, operation) in operations() {
        let Some(security) = operation["security"].as_array() else { continue };
        let guests_too = security.iter().any(|requirement| requirement.as_object().unwrap().is_empty());
        let path = example_of(&path);
        if !guests_too {
            app.method(&method.to_uppercase(), &path).send().await.expect(401);
        }
        app.method(&method.to_uppercase(), &path).by("not-a-token").send().await.expect(401);
    }
    app.finish().await;
}

#[test]
fn nothing_in_the_document_is_untyped() {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                let untyped =
                    object.get("type") == Some(&Value::from("object")) && !["properties", "additionalProperties", "allOf", "oneOf"].iter().any(|key| object.contains_key(*key));
                if untyped || object.get("additionalProperties") == Some(&Value::Bool(true)) {
                    found.push(at.to_owned());
                }
                for (key, inner) in object {
                    let empty_schema = inner.as_object().is_some_and(serde_json::Map::is_empty) && ["schema", "items", "additionalProperties"].contains(&key.as_str());
                    if empty_schema {
                        found.push(format!("{at}/{key}"));
                    }
                    walk(inner, &format!("{at}/{key}"), found);
                }
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(i, inner)| walk(inner, &format!("{at}/{i}"), found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(document(), "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
    let attributes = &document()["components"]["schemas"]["CreateListing"]["properties"]["attributes"];
    assert_eq!(attributes["oneOf"].as_array().map(Vec::len), Some(4), "{attributes}");
}

#[test]
fn operations_have_names_of_their_own_and_descriptions() {
    let mut names = std::collections::HashSet::new();
    for (method, path, operation) in operations() {
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}: its name is taken");
        assert!(operation["summary"].as_str().or(operation["description"].as_str()).is_some_and(|text| text.len() > 10), "{method} {path} is not described");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_its_console_are_served() {
    let app = App::start().await;
    assert_eq!(&app.get("/openapi.json").send().await.expect(200).body, document());
    let redirect = app.get("/docs").send().await;
    assert!((301..=308).contains(&redirect.status));
    assert_eq!(redirect.header("location"), "/docs/");
    let page = app.get("/docs/").send().await.expect(200);
    assert!(page.body.as_str().unwrap().contains("swagger-ui"));
    app.get("/docs/swagger-ui-bundle.js").send().await.expect(200);
    app.finish().await;
}

/// States are moved, never written.
#[test]
fn no_request_body_has_a_state() {
    let document = crate::support::contract::document();
    let mut seen = 0;
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let Some(reference) = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str() else { continue };
            let schema = &document["components"]["schemas"][reference.rsplit('/').next().unwrap()];
            assert!(schema["properties"].get("state").is_none(), "{reference} has a state");
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen}");
}
