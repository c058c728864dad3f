//! `zonebridge import`: what comes in, what is told of the bad rows, and that nothing is lost or doubled however it ends.

use std::io::Write;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::commands::{command, err, on, out};
use crate::support::app::App;
use crate::support::builders::{PASSWORD, technology_offer, uscc, with};

/// The unified social credit code of a new organisation.
fn organization(app: &App) -> String {
    let code = uscc();
    let made = on(app, &["admin", "create-organization", "--name-en", "Institute", "--kind", "research_institute", "--uscc", &code, "--zone", "wuhan"]);
    assert!(made.status.success(), "{}", err(&made));
    code
}

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path.display().to_string()
}

fn write_rows(folder: &Path, rows: &[String]) -> String {
    write_file(folder, "rows.jsonl", (rows.join("\n") + "\n").as_bytes())
}

fn row(id: &str, more: Value) -> String {
    with(with(technology_offer("Imported lidar"), json!({"external_id": id})), more).to_string()
}

async fn listings(app: &App) -> i64 {
    app.count("SELECT count(*) FROM listings").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_keeps_the_good_rows_names_the_bad_ones_and_can_be_repeated() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let code = organization(&app);
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
    assert_eq!(app.count("SELECT count(*) FROM import_checkpoints").await, 0, "a finished import leaves no checkpoint");
    let nobody = on(&app, &["import", &path, "--as", "91350100M000100Y43"]);
    assert!(err(&nobody).contains("91350100M000100Y43") && nobody.status.code() == Some(1));
    let no_file = on(&app, &["import", "/nowhere.jsonl", "--as", &code]);
    assert!(err(&no_file).contains("/nowhere.jsonl"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_kept_with_their_reasons_and_can_be_mended_and_fed_in_again() {
    let app = App::start().await;
    let code = organization(&app);
    let path = write_rows(app.folder.path(), &[row("a", json!({})), row("b", json!({"attributes": {"trl": 12}})), "{\"external_id\": \"c\", ".to_owned()]);
    assert_eq!(on(&app, &["import", &path, "--as", &code]).status.code(), Some(1));
    let rejected = app.folder.path().join("rows.rejected.jsonl");
    let text = std::fs::read_to_string(&rejected).unwrap();
    assert!(text.contains("# line 2: /attributes/trl must be between 1 and 9") && text.contains("# line 3: "), "{text}");
    let mended = text.replace("\"trl\":12", "\"trl\":8").replace("{\"external_id\": \"c\",", &row("c", json!({})));
    std::fs::write(&rejected, mended).unwrap();
    let again = on(&app, &["import", "rows.rejected.jsonl", "--as", &code]);
    assert!(again.status.success() && out(&again).contains("2 new, 0 known before, 0 bad"), "{}{}", out(&again), err(&again));
    assert_eq!(listings(&app).await, 3);
    // A file that somebody may be mending is never written over.
    std::fs::write(&rejected, "mine").unwrap();
    on(&app, &["import", &path, "--as", &code]);
    assert_eq!(std::fs::read_to_string(&rejected).unwrap(), "mine");
    assert!(app.folder.path().join("rows.rejected-2.jsonl").exists());
    let named = on(&app, &["import", &path, "--as", &code, "--rejects", "rows.rejected.jsonl"]);
    assert!(err(&named).contains("is there already"), "{}", err(&named));
    app.finish().await;
}

const TABLE: &str = "external_id,kind,direction,title.zh,title.en,summary.zh,segments,keywords,attributes.trl,attributes.ip_status,valid_days\r\n\
    t1,technology,offer,\"固态激光雷达，第二代\",\"Solid-state lidar, \"\"mk 2\"\"\",\"一行\n两行\",base.sensors; model.domain,激光；lidar,6,granted,200\r\n\
    t2,technology,offer,表格里的坏行,,坏行,base.sensors,,sixty,,200\r\n\
    t3,technology,offer,少一列\r\n\
    \r\n\
    t4,technology,offer,水稻表型成像,,田间成像,,,5,,200\r\n\
    t5,technology,banana,空行之后,,坏行,,,5,,200\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn tables_come_in_with_their_lists_and_numbers_and_their_bad_rows_keep_their_columns() {
    let app = App::start().await;
    let code = organization(&app);
    let path = write_file(app.folder.path(), "table.csv", TABLE.as_bytes());
    let done = on(&app, &["import", &path, "--format", "csv", "--as", &code, "--state", "published"]);
    assert!(out(&done).contains("2 new, 0 known before, 3 bad"), "{}{}", out(&done), err(&done));
    assert!(err(&done).contains("line 8: /direction"), "{}", err(&done));
    assert!(err(&done).contains("line 4: /attributes/trl") && err(&done).contains("line 5: the value has 4 cells, the header has 11"), "{}", err(&done));
    app.caught_up().await;
    let found = app.get("/v1/listings?q=固态激光雷达").send().await.expect(200);
    let listing = &found.items()[0];
    assert_eq!(listing["title"], json!({"zh": "固态激光雷达，第二代", "en": "Solid-state lidar, \"mk 2\""}));
    assert_eq!(listing["summary"]["zh"], "一行\n两行");
    assert_eq!(listing["segments"], json!(["base.sensors", "model.domain"]));
    assert_eq!(listing["keywords"], json!(["激光", "lidar"]));
    assert_eq!(listing["attributes"], json!({"trl": 6, "ip_status": "granted"}));
    let rejected = app.folder.path().join("table.rejected.csv");
    let text = std::fs::read_to_string(&rejected).unwrap();
    let header = text.lines().next().unwrap();
    assert!(text.starts_with('\u{feff}') && header.ends_with(",valid_days,_errors"), "{header}");
    assert!(text.contains("line 4: /attributes/trl"), "{text}");
    std::fs::write(&rejected, text.replace(",sixty,", ",6,")).unwrap();
    let again = on(&app, &["import", "table.rejected.csv", "--format", "csv", "--as", &code, "--state", "published"]);
    assert!(out(&again).contains("1 new, 0 known before, 2 bad"), "{}{}", out(&again), err(&again));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_the_encoding_of_office_programs_comes_in_through_a_map() {
    let app = App::start().await;
    let code = organization(&app);
    let (bytes, _, _) = encoding_rs::GB18030.encode("编号,名称,简介,成熟度\r\n甲-1,毫米波雷达芯片,低功耗,7\r\n");
    let path = write_file(app.folder.path(), "gbk.csv", &bytes);
    let map = "[fields]\nexternal_id = \"编号\"\n\"title.zh\" = \"名称\"\n\"summary.zh\" = \"简介\"\n\"attributes.trl\" = \"成熟度\"\n[constants]\nkind = \"technology\"\ndirection = \"offer\"\nvalid_days = 90\n";
    let map = write_file(app.folder.path(), "map.toml", map.as_bytes());
    let wrong = on(&app, &["import", &path, "--format", "csv", "--as", &code, "--map", &map]);
    assert!(err(&wrong).contains("--encoding gb18030"), "{}", err(&wrong));
    let done = on(&app, &["import", &path, "--format", "csv", "--encoding", "gb18030", "--as", &code, "--state", "published", "--map", &map]);
    assert!(done.status.success() && out(&done).contains("1 new"), "{}{}", out(&done), err(&done));
    app.caught_up().await;
    let found = app.get("/v1/listings?q=毫米波雷达").send().await.expect(200);
    assert_eq!(found.items()[0]["attributes"]["trl"], 7);
    // Rejected lines are UTF-8 and say so: with the very same arguments they are read as what they are.
    let (bytes, _, _) = encoding_rs::GB18030.encode("{\"编号\": \"乙-1\", \"名称\": \"太赫兹成像\", \"简介\": \"安检\", \"成熟度\": 70}\n");
    let path = write_file(app.folder.path(), "lines.jsonl", &bytes);
    let arguments = |path: &str| on(&app, &["import", path, "--encoding", "gb18030", "--as", &code, "--state", "published", "--map", &map]);
    assert!(out(&arguments(&path)).contains("0 new, 0 known before, 1 bad"));
    let rejected = app.folder.path().join("lines.rejected.jsonl");
    let text = std::fs::read_to_string(&rejected).unwrap();
    std::fs::write(&rejected, text.replace("70", "7")).unwrap();
    let mended = arguments("lines.rejected.jsonl");
    assert!(mended.status.success(), "{}", err(&mended));
    app.caught_up().await;
    assert_eq!(app.get("/v1/listings?q=太赫兹").send().await.expect(200).items()[0]["title"]["zh"], "太赫兹成像");
    let (bytes, _, _) = encoding_rs::GB18030.encode("{\"编号\": \"丙\", \"名称\": \"坏字节\", \"成熟度\": 7}\n");
    let broken: Vec<u8> = bytes.iter().copied().chain(*b"{\"\xff\": 1}\n").collect();
    let path = write_file(app.folder.path(), "broken.jsonl", &broken);
    assert!(err(&arguments(&path)).contains("line 2: the value is not text in the encoding"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_row_can_be_read_from_is_told_at_once() {
    let app = App::start().await;
    let code = organization(&app);
    let import = |name: &str, text: &str| -> Output {
        let path = write_file(app.folder.path(), name, text.as_bytes());
        on(&app, &["import", &path, "--format", if name.ends_with("csv") { "csv" } else { "jsonl" }, "--as", &code])
    };
    assert!(err(&import("empty.csv", "")).contains("no header"));
    assert!(err(&import("twice.csv", "kind,kind\nx,y\n")).contains("`kind` is there twice"));
    let open_quote = format!("external_id,kind\na,\"{}", "x".repeat(3 << 20));
    assert!(err(&import("quote.csv", &open_quote)).contains("is a quote left open?"));
    let hopeless = "{\"no\": 1}\n".repeat(1_200);
    assert!(err(&import("hopeless.jsonl", &hopeless)).contains("none of the first 1000 rows"));
    // A line longer than any listing is one bad row, and the next one counts.
    let long = format!("{}\n{}\n", "x".repeat(2 << 20), row("after", json!({})));
    let done = import("long.jsonl", &long);
    assert!(out(&done).contains("1 new, 0 known before, 1 bad"), "{}{}", out(&done), err(&done));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_maps_take_rows_of_the_shape_that_they_describe() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let code = organization(&app);
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

/// A file of so many rows that an import can be caught in the middle, a bad one among each five hundred.
fn many_rows(rows: usize) -> Vec<String> {
    (0..rows).map(|number| if number % 500 == 250 { row(&format!("r{number}"), json!({"attributes": {"trl": 99}})) } else { row(&format!("r{number}"), json!({})) }).collect()
}

/// Starts an import, waits until a part of it is there, and ends it by a signal.
async fn interrupted(app: &App, path: &str, code: &str, signal: &str) -> Output {
    let environment = [("DATABASE_URL", app.url.expose()), ("ZONEBRIDGE_DATA_DIR", &app.folder.path().display().to_string()), ("ZB_PASSWORD", PASSWORD)];
    let child = command(&["import", path, "--as", code, "--continue"], &environment).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let before = listings(app).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while listings(app).await == before && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_interrupted_or_killed_goes_on_where_it_stopped() {
    let app = App::start().await;
    let code = organization(&app);
    let rows = many_rows(9_000);
    let path = write_rows(app.folder.path(), &rows);
    let asked = interrupted(&app, &path, &code, "-INT").await;
    assert!(err(&asked).contains("go on with --continue") && asked.status.code() == Some(1), "{}", err(&asked));
    let after_interrupt = listings(&app).await;
    assert!(after_interrupt > 0 && after_interrupt < 8_000, "{after_interrupt}");
    interrupted(&app, &path, &code, "-KILL").await;
    let after_kill = listings(&app).await;
    assert!(after_kill > after_interrupt, "the second run has gone on");
    let rest = on(&app, &["import", &path, "--as", &code, "--continue"]);
    assert!(err(&rest).contains("going on after"), "{}", err(&rest));
    assert!(out(&rest).contains("8982 new, 0 known before, 18 bad"), "{}", out(&rest));
    assert_eq!(listings(&app).await, 8_982);
    assert_eq!(app.count("SELECT count(*) FROM listing_revisions").await, 8_982);
    assert_eq!(app.count("SELECT count(*) FROM audit_entries WHERE action = 'import'").await, 8_982);
    // Each bad row stands once in the file of rejected rows, although the import was cut off three times.
    let rejected = std::fs::read_to_string(app.folder.path().join("rows.rejected.jsonl")).unwrap();
    assert_eq!(rejected.lines().filter(|line| line.starts_with("# line ")).count(), 18);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_under_the_same_name_is_not_taken_for_the_one_that_was_interrupted() {
    let app = App::start().await;
    let code = organization(&app);
    let mut rows = many_rows(6_000);
    let path = write_rows(app.folder.path(), &rows);
    interrupted(&app, &path, &code, "-INT").await;
    rows.remove(0);
    write_rows(app.folder.path(), &rows);
    let changed = on(&app, &["import", &path, "--as", &code, "--continue"]);
    assert!(err(&changed).contains("without --continue"), "{}", err(&changed));
    app.finish().await;
}
