//! The commands as an operator types them: their output, their errors, their exit codes.

use std::process::{Command, Output};

use serde_json::json;

use crate::support::app::App;
use crate::support::builders::PASSWORD;

pub fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zonebridge"));
    command.args(arguments).env_remove("DATABASE_URL").env("RUST_BACKTRACE", "0").envs(environment.iter().copied());
    // What commands write beside them, such as files of rejected rows, does not belong into the source.
    if let Some((_, folder)) = environment.iter().find(|(name, _)| *name == "ZONEBRIDGE_DATA_DIR") {
        command.current_dir(folder).env("ZONEBRIDGE_MODELS", format!("{folder}/no-models"));
    }
    command
}

pub fn zonebridge(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(arguments, environment).output().unwrap()
}

/// Runs a command on the application's database, in its folder.
pub fn on(app: &App, arguments: &[&str]) -> Output {
    zonebridge(arguments, &[("DATABASE_URL", app.url.expose()), ("ZONEBRIDGE_DATA_DIR", &app.folder.path().display().to_string()), ("ZB_PASSWORD", PASSWORD)])
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn settings_are_printed_with_secrets_masked_and_wrong_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zonebridge.toml");
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:9999\"\n").unwrap();
    let path = file.display().to_string();
    let printed = zonebridge(&["config", "--config", &path], &[("DATABASE_URL", "postgres://u:verysecret@db/x"), ("ZONEBRIDGE_SERVER_WORKERS", "3")]);
    assert!(printed.status.success());
    assert!(out(&printed).contains("listen = \"127.0.0.1:9999\"") && out(&printed).contains("workers = 3"));
    assert!(!out(&printed).contains("verysecret"));
    // What is printed is a file that can be read again.
    std::fs::write(&file, out(&printed).replace("\"********\"", "\"postgres://x\"")).unwrap();
    assert!(zonebridge(&["config", "--config", &path], &[]).status.success());
    for (environment, named) in [
        (("ZONEBRIDGE_SERVER_LISTEN", "here"), "ZONEBRIDGE_SERVER_LISTEN"),
        (("ZONEBRIDGE_SERVER_WORKERS", "0"), "ZONEBRIDGE_SERVER_WORKERS"),
        (("ZONEBRIDGE_LOG_FORMAT", "xml"), "ZONEBRIDGE_LOG_FORMAT"),
        (("ZONEBRIDGE_SERVER_LISTN", "x"), "ZONEBRIDGE_SERVER_LISTN"),
    ] {
        let refused = zonebridge(&["config"], &[environment]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(err(&refused).contains(named), "{}", err(&refused));
    }
    std::fs::write(&file, "[server]\nlitsen = \"x\"\n").unwrap();
    assert!(err(&zonebridge(&["config", "--config", &path], &[])).contains("server.litsen"));
    assert_eq!(zonebridge(&["serve", "--nonsense"], &[]).status.code(), Some(2));
    assert_eq!(zonebridge(&[], &[]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_administrators_come_from_the_command_line() {
    let app = App::start().await;
    let made = on(&app, &["admin", "create-account", "--email", "chief@zone.example", "--name", "Chief"]);
    assert!(made.status.success(), "{}", err(&made));
    assert!(on(&app, &["admin", "grant", "--email", "chief@zone.example", "--role", "zone_admin", "--zone", "hefei"]).status.success());
    let tokens = app.post("/v1/sessions").json(&json!({"email": "chief@zone.example", "password": PASSWORD})).send().await.expect(201);
    let me = app.get("/v1/me").by(tokens.body["access_token"].as_str().unwrap()).send().await.expect(200);
    assert_eq!(me.body["roles"], json!([{"role": "zone_admin", "zone": "hefei"}]));
    let wrong_scope = on(&app, &["admin", "grant", "--email", "chief@zone.example", "--role", "zone_admin"]);
    assert_eq!(wrong_scope.status.code(), Some(1));
    let unknown = on(&app, &["admin", "grant", "--email", "nobody@zone.example", "--role", "auditor"]);
    assert!(err(&unknown).contains("nobody@zone.example"));
    assert!(on(&app, &["admin", "revoke", "--email", "chief@zone.example", "--role", "zone_admin", "--zone", "hefei"]).status.success());
    assert_eq!(app.get("/v1/me").by(tokens.body["access_token"].as_str().unwrap()).send().await.body["roles"], json!([]));
    assert!(on(&app, &["admin", "reset-password", "--email", "chief@zone.example"]).status.success());
    app.get("/v1/me").by(tokens.body["access_token"].as_str().unwrap()).send().await.problem(401, "session_ended");
    let weak = zonebridge(&["admin", "create-account", "--email", "x@zone.example", "--name", "X"], &[("DATABASE_URL", app.url.expose()), ("ZB_PASSWORD", "password")]);
    assert!(err(&weak).contains("/password"), "{}", err(&weak));
    app.finish().await;
}

#[test]
fn evaluation_measures_a_set_and_writes_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "corpus.jsonl",
        "{\"_id\":\"1\",\"title\":\"固态激光雷达\",\"text\":\"\"}\n{\"_id\":\"2\",\"title\":\"水稻育种\",\"text\":\"\"}\n{\"_id\":\"3\",\"title\":\"雷达天线\",\"text\":\"\"}\n",
    );
    write("queries.jsonl", "{\"_id\":\"q\",\"text\":\"激光雷达\"}\n");
    write("qrels.tsv", "query-id\tcorpus-id\tscore\nq\t1\t2\nq\t3\t1\n");
    let run = folder.path().join("run.txt");
    let path = folder.path().display().to_string();
    let done = zonebridge(&["evaluate", &path, "--mode", "words", "--json", "--run", &run.display().to_string()], &[]);
    assert!(done.status.success(), "{}", err(&done));
    let measured: serde_json::Value = serde_json::from_str(&out(&done)).unwrap();
    assert_eq!((measured["queries"].as_u64(), measured["ndcg_at_10"].as_f64(), measured["mrr_at_10"].as_f64()), (Some(1), Some(1.0), Some(1.0)), "{measured}");
    let lines = std::fs::read_to_string(run).unwrap();
    assert!(lines.starts_with("q Q0 1 1 "), "{lines}");
    let missing = zonebridge(&["evaluate", "/nowhere"], &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(err(&missing).contains("/nowhere"));
}
