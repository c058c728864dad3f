//! Logs are for operators, who have no business with what people write, look for, or are called.

use std::io::Read;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::commands::command;
use crate::support::app::App;
use crate::support::process::free_port;

#[tokio::test(flavor = "multi_thread")]
async fn they_are_structured_and_hold_no_personal_data_at_any_level() {
    let app = App::start().await;
    let address = format!("127.0.0.1:{}", free_port());
    let data = app.folder.path().join("logged").display().to_string();
    let key = app.config.tokens.key_file.display().to_string();
    let environment = [
        ("DATABASE_URL", app.url.expose()),
        ("ZONEBRIDGE_DATA_DIR", data.as_str()),
        ("ZONEBRIDGE_SERVER_LISTEN", address.as_str()),
        ("ZONEBRIDGE_LOG_FORMAT", "json"),
        ("ZONEBRIDGE_LOG_FILTER", "trace,hyper=off,mio=off,tantivy=warn"),
        ("ZONEBRIDGE_TOKENS_KEY_FILE", key.as_str()),
    ];
    std::fs::create_dir_all(&data).unwrap();
    let mut child = command(&["serve"], &environment).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = child.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    let client = reqwest::Client::new();
    let base = format!("http://{address}");
    while !client.get(format!("{base}/health/ready")).send().await.is_ok_and(|answer| answer.status() == 200) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let (email, password, name) = ("wang.xiaoming@secret-startup.example", "Velvet-canyon-harpist-77", "Wang Xiaoming");
    let account = json!({"email": email, "password": password, "display_name": name, "locale": "zh"});
    assert_eq!(client.post(format!("{base}/v1/accounts")).json(&account).send().await.unwrap().status(), 201);
    let session: Value = client.post(format!("{base}/v1/sessions")).json(&json!({"email": email, "password": password})).send().await.unwrap().json().await.unwrap();
    let (token, refresh) = (session["access_token"].as_str().unwrap(), session["refresh_token"].as_str().unwrap());
    client.post(format!("{base}/v1/sessions")).json(&json!({"email": email, "password": "Not-the-right-one-12"})).send().await.unwrap();
    client.get(format!("{base}/v1/listings?q=confidential-merger-plan")).bearer_auth(token).send().await.unwrap();
    client.get(format!("{base}/v1/listings/01900000-0000-7000-8000-00000000beef")).bearer_auth(token).send().await.unwrap();
    client.post(format!("{base}/v1/listings")).bearer_auth(token).header("idempotency-key", "key-of-wang").json(&json!({"title": {"zh": "绝密标题"}})).send().await.unwrap();
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    child.wait().unwrap();
    let text = reading.join().unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect();
    let answered = lines.iter().find(|line| line["fields"]["message"] == "answered" && line["span"]["route"] == "/v1/accounts").expect("a write is logged");
    assert!(answered["span"]["request_id"].is_string() && answered["fields"]["status"] == 201 && answered["fields"]["millis"].is_number(), "{answered}");
    let secrets = [email, password, name, token, refresh, "Not-the-right-one-12", "confidential-merger-plan", "00000000beef", "绝密标题", "key-of-wang", "127.0.0.1:5"];
    for secret in secrets {
        let told: Vec<_> = text.lines().filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "the log tells {secret}: {told:#?}");
    }
    app.finish().await;
}
