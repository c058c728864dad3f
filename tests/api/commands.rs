//! The commands as an operator types them: their output, their errors, their exit codes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::support::app::App;
use crate::support::builders::{PASSWORD, technology_offer, uscc, with};

fn zonebridge(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zonebridge"));
    command.args(arguments).env_remove("DATABASE_URL").env("RUST_BACKTRACE", "0").envs(environment.iter().copied());
    command.output().unwrap()
}

fn on(app: &App, arguments: &[&str]) -> Output {
    zonebridge(arguments, &[("DATABASE_URL", app.url.expose()), ("ZONEBRIDGE_DATA_DIR", &app.folder.path().display().to_string()), ("ZB_PASSWORD", PASSWORD)])
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
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

fn write_rows(folder: &Path, rows: &[String]) -> String {
    let path = folder.join("rows.jsonl");
    let mut file = std::fs::File::create(&path).unwrap();
    for row in rows {
        writeln!(file, "{row}").unwrap();
    }
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_keeps_the_good_rows_names_the_bad_ones_and_can_be_repeated() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let code = uscc();
    let made = on(&app, &["admin", "create-organization", "--name-en", "Institute", "--kind", "research_institute", "--uscc", &code, "--zone", "wuhan"]);
    assert!(made.status.success(), "{}", err(&made));
    let row = |id: &str, more: serde_json::Value| with(with(technology_offer("Imported lidar"), json!({"external_id": id})), more).to_string();
    let rows = [
        row("a", json!({})),
        "{ broken".to_owned(),
        row("b", json!({"attributes": {"trl": 12}})),
        row("c", json!({"colour": "red"})),
        String::new(),
        row("a", json!({"title": {"en": "Twice"}})),
        row("d", json!({})),
    ];
    let path = write_rows(folder.path(), &rows);
    let run = || on(&app, &["import", &path, "--as", &code, "--state", "published"]);
    let first = run();
    assert_eq!(first.status.code(), Some(1), "bad rows are a failure");
    assert!(out(&first).contains("2 new, 1 known before, 3 bad"), "{}", out(&first));
    for told in ["line 2:", "line 3: /attributes/trl", "line 4:"] {
        assert!(err(&first).contains(told), "{told} is missing: {}", err(&first));
    }
    assert!(out(&run()).contains("0 new, 3 known before, 3 bad"));
    app.caught_up().await;
    assert_eq!(app.get("/v1/listings?q=imported").send().await.body["total"], 2);
    assert_eq!(app.count("SELECT count(*) FROM audit_entries WHERE action = 'import'").await, 2);
    let nobody = on(&app, &["import", &path, "--as", "91350100M000100Y43"]);
    assert!(err(&nobody).contains("91350100M000100Y43") && nobody.status.code() == Some(1));
    let no_file = on(&app, &["import", "/nowhere.jsonl", "--as", &code]);
    assert!(err(&no_file).contains("/nowhere.jsonl"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_maps_take_rows_of_the_shape_that_they_describe() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let code = uscc();
    on(&app, &["admin", "create-organization", "--name-en", "Institute", "--kind", "research_institute", "--uscc", &code, "--zone", "wuhan"]);
    for (map, row) in [
        ("technology-needs-zh", json!({"_id": "n1", "title": "寻求激光雷达标定技术", "text": "需要在夜间标定。"})),
        ("technology-offers-zh", json!({"_id": "o1", "title": "激光雷达 标定 方法"})),
        ("technology-offers-en", json!({"_id": 7, "title": "", "text": "Lidar calibration\u{92}s limits, found by experiment."})),
    ] {
        let path = write_rows(folder.path(), &[row.to_string()]);
        let done = on(&app, &["import", &path, "--as", &code, "--state", "published", "--map", &format!("{}/maps/{map}.toml", env!("CARGO_MANIFEST_DIR"))]);
        assert!(done.status.success(), "{map}: {}", err(&done));
    }
    app.caught_up().await;
    assert_eq!(app.get("/v1/listings?q=标定").send().await.body["total"], 2);
    assert_eq!(app.get("/v1/listings?q=calibration").send().await.items()[0]["title"]["en"], "Lidar calibration’s limits, found by experiment.");
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
