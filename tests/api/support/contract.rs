//! Every answer of every test is checked against the OpenAPI document: its status, its media type and its body.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(zonebridge::api::document()).unwrap());
/// The components with closed objects. What others extend by `allOf` must stay open by itself and is closed where it is extended.
static STRICT_COMPONENTS: LazyLock<Value> = LazyLock::new(|| {
    let mut components = DOCUMENT["components"].clone();
    let mut extended = HashSet::new();
    find_extended(&components["schemas"], &mut extended);
    for (name, schema) in components["schemas"].as_object_mut().unwrap() {
        if !extended.contains(name) {
            close_objects(schema);
        }
    }
    components
});
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

pub fn document() -> &'static Value {
    &DOCUMENT
}

/// The document's template of a path.
pub fn template_of(path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap_or(path);
    let fits = |template: &str| {
        let (ours, theirs): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| a == b || a.starts_with('{'))
    };
    DOCUMENT["paths"].as_object()?.keys().find(|template| fits(template)).cloned()
}

pub fn check(method: &str, path: &str, status: u16, media_type: Option<&str>, body: &Value) {
    let Some(template) = template_of(path) else { return };
    let operation = &DOCUMENT["paths"][&template][method.to_ascii_lowercase()];
    if operation.is_null() {
        assert!(status == 405 || method == "HEAD" || method == "OPTIONS", "{method} {path} is not in the document but answered {status}");
        return;
    }
    let Some(response) = operation["responses"].get(status.to_string()) else { panic!("{method} {template}: the document does not know the status {status}: {body:#}") };
    let Some(content) = response.get("content").and_then(Value::as_object) else { return };
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let Some(described) = content.get(media_type) else { panic!("{method} {template} {status}: the document does not know the media type {media_type}") };
    if described.get("schema").is_none() || media_type == "text/plain" {
        return;
    }
    let key = format!("{method} {template} {status}");
    let validator = Arc::clone(VALIDATORS.lock().unwrap().entry(key.clone()).or_insert_with(|| Arc::new(validator(&described["schema"]))));
    let errors: Vec<String> = validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{key} breaks the document:\n{}\n{body:#}", errors.join("\n"));
}

fn validator(schema: &Value) -> Validator {
    let mut schema = schema.clone();
    close_objects(&mut schema);
    let whole = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema], "components": *STRICT_COMPONENTS });
    jsonschema::options().should_validate_formats(true).build(&whole).unwrap_or_else(|error| panic!("the document has a bad schema: {error}"))
}

/// An answer must not have fields that the document does not know.
fn close_objects(value: &mut Value) {
    match value {
        Value::Object(object) if object.contains_key("allOf") => {
            object.insert("unevaluatedProperties".into(), json!(false));
        }
        Value::Object(object) => {
            object.values_mut().for_each(close_objects);
            if object.contains_key("properties") && object.get("type") == Some(&json!("object")) && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".into(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close_objects),
        _ => {}
    }
}

fn find_extended(value: &Value, names: &mut HashSet<String>) {
    match value {
        Value::Object(object) => {
            for part in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                names.extend(part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).map(str::to_owned));
            }
            object.values().for_each(|inner| find_extended(inner, names));
        }
        Value::Array(items) => items.iter().for_each(|inner| find_extended(inner, names)),
        _ => {}
    }
}
