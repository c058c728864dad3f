//! The index follows the database: after a stop, a crash, a rebuild, and it can be proved equal to it.

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::Term;
use zonebridge::embedding::means::Means;
use zonebridge::listings::published;
use zonebridge::search::check::check;
use zonebridge::search::document::{Indexed, Meanings, documents};
use zonebridge::search::fields::Fields;
use zonebridge::search::index::Generation;

use crate::support::app::App;
use crate::support::builders::{technology_offer, with};

async fn total(app: &App, query: &str) -> i64 {
    app.get(&format!("/v1/listings?q={query}")).send().await.expect(200).body["total"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_catches_up_with_what_happened_while_it_was_away() {
    let mut app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    let kept = app.published(&owner, technology_offer("Lidar")).await;
    let name = zonebridge::search::index::current_name(&app.config.search.dir);
    app.stop().await;
    // Another instance goes on, with an index of its own.
    let key = app.config.tokens.key_file.display().to_string();
    let other = App::on(app.url.clone(), tempfile::tempdir().unwrap(), &[("ZONEBRIDGE_TOKENS_KEY_FILE", &key)]).await;
    let second = other.published(&owner, technology_offer("Radar")).await;
    other.post(&format!("/v1/listings/{kept}/withdraw")).by(&owner.admin.token).send().await.expect(200);
    other.finish().await;
    app.restart().await;
    assert_eq!(zonebridge::search::index::current_name(&app.config.search.dir), name, "it caught up and was not rebuilt");
    assert_eq!((total(&app, "lidar").await, total(&app, "radar").await), (0, 1));
    app.get(&format!("/v1/listings/{second}")).send().await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_over_one_database_find_each_others_listings() {
    let one = App::start().await;
    one.set_policy("hefei", "post").await;
    let two = App::on(one.url.clone(), tempfile::tempdir().unwrap(), &[]).await;
    let owner = one.organization("hefei").await;
    one.published(&owner, technology_offer("Lidar")).await;
    two.caught_up().await;
    assert_eq!(total(&two, "lidar").await, 1);
    two.finish().await;
    one.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_lost_or_damaged_is_built_anew() {
    let mut app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    app.published(&owner, technology_offer("Lidar")).await;
    app.stop().await;
    std::fs::remove_dir_all(&app.config.search.dir).unwrap();
    app.restart().await;
    assert_eq!(total(&app, "lidar").await, 1);
    app.stop().await;
    for entry in std::fs::read_dir(&app.config.search.dir).unwrap() {
        let meta = entry.unwrap().path().join("meta.json");
        if meta.exists() {
            std::fs::write(meta, "{ damaged").unwrap();
        }
    }
    app.restart().await;
    assert_eq!(total(&app, "lidar").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_another_database_is_not_served() {
    let mut one = App::start().await;
    one.set_policy("hefei", "post").await;
    let owner = one.organization("hefei").await;
    one.published(&owner, technology_offer("Lidar")).await;
    one.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp").arg("-r").arg(&one.config.search.dir).arg(folder.path().join("index")).status().unwrap();
    assert!(copied.success());
    let two = App::on(crate::support::database::empty().await, folder, &[]).await;
    assert_eq!(total(&two, "lidar").await, 0);
    two.finish().await;
    one.restart().await;
    one.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_rebuilt_while_it_serves() {
    let app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    for i in 0..20 {
        app.submitted(&owner, technology_offer(&format!("Lidar {i}"))).await;
    }
    app.caught_up().await;
    let index = app.service.as_ref().unwrap().index.clone();
    let before = zonebridge::search::index::current_name(&index.dir);
    let database = app.database.clone();
    let rebuilding = tokio::spawn(async move { zonebridge::search::rebuild::rebuild(&database, &index, 15_000_000, |_, _| {}).await.map(|generation| generation.name.clone()) });
    for i in 20..30 {
        assert!(total(&app, "lidar").await >= 20);
        app.submitted(&owner, technology_offer(&format!("Lidar {i}"))).await;
    }
    let built = rebuilding.await.unwrap().unwrap();
    assert_ne!(Some(built), before);
    // The service takes the new generation up by itself and goes on following.
    app.submitted(&owner, technology_offer("Lidar 30")).await;
    for _ in 0..500 {
        if total(&app, "lidar").await == 31 && zonebridge::search::index::current_name(&app.config.search.dir) != before {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(total(&app, "lidar").await, 31);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_fails_on_one_changed_missing_or_foreign_document() {
    let mut app = App::start().await;
    app.set_policy("hefei", "post").await;
    let owner = app.organization("hefei").await;
    let mut ids = Vec::new();
    for i in 0..5 {
        ids.push(app.published(&owner, with(technology_offer(&format!("Lidar {i}")), serde_json::json!({}))).await);
    }
    app.stop().await;
    let fields = Fields::new();
    let differences = async || {
        let generation = Generation::current(&app.config.search.dir, &fields).unwrap();
        check(&app.database, &generation.reader.searcher(), &fields).await.unwrap().differences
    };
    assert!(differences().await.is_empty());
    let corrupt = |id: &str, change: &dyn Fn(&mut tantivy::IndexWriter, tantivy::TantivyDocument)| {
        let generation = Generation::current(&app.config.search.dir, &fields).unwrap();
        let searcher = generation.reader.searcher();
        let query = tantivy::query::TermQuery::new(Term::from_field_text(fields.id, id), tantivy::schema::IndexRecordOption::Basic);
        let found = searcher.search(&query, &tantivy::collector::TopDocs::with_limit(1).order_by_score()).unwrap();
        let document = searcher.doc(found[0].1).unwrap();
        let mut writer = generation.index.writer_with_num_threads(1, 15_000_000).unwrap();
        let payload = generation.index.load_metas().unwrap().payload.unwrap();
        change(&mut writer, document);
        let mut commit = writer.prepare_commit().unwrap();
        commit.set_payload(&payload);
        commit.commit().unwrap();
    };
    // The same stored listing, but no longer found by its words: a copy of the stored fields alone.
    corrupt(&ids[1], &|writer, document| {
        writer.delete_term(Term::from_field_text(fields.id, &ids[1]));
        writer.add_document(document).unwrap();
    });
    let found = differences().await;
    assert!(found.iter().any(|difference| difference.contains(&ids[1])), "{found:?}");
    corrupt(&ids[2], &|writer, _| {
        writer.delete_term(Term::from_field_text(fields.id, &ids[2]));
    });
    assert!(differences().await.iter().any(|difference| difference.contains(&ids[2])));
    corrupt(&ids[3], &|writer, document| {
        writer.add_document(document).unwrap();
    });
    assert!(differences().await.iter().any(|difference| difference.contains(&ids[3])));
    // Made anew it is the same; with another byte of what a match is judged by it is not, though it is shown and found as before.
    let mut judged = of_database(&app, &ids[4]).await;
    let put = |judged: &Indexed| {
        corrupt(&ids[4], &|writer, _| {
            writer.delete_term(Term::from_field_text(fields.id, &ids[4]));
            writer.add_document(judged.clone().into_document(&fields)).unwrap();
        });
    };
    put(&judged);
    assert!(differences().await.iter().all(|difference| !difference.contains(&ids[4])));
    let last = judged.judged.len() - 1;
    judged.judged[last] ^= 1;
    put(&judged);
    assert!(differences().await.iter().any(|difference| difference.contains(&ids[4]) && difference.contains("content")));
    let told = std::process::Command::new(env!("CARGO_BIN_EXE_zonebridge"))
        .args(["reindex", "--check"])
        .env("DATABASE_URL", app.url.expose())
        .env("ZONEBRIDGE_DATA_DIR", app.folder.path())
        .output()
        .unwrap();
    assert_eq!(told.status.code(), Some(1), "{}", String::from_utf8_lossy(&told.stdout));
    assert!(String::from_utf8_lossy(&told.stdout).contains(&ids[1]));
    let mended = std::process::Command::new(env!("CARGO_BIN_EXE_zonebridge"))
        .arg("reindex")
        .env("DATABASE_URL", app.url.expose())
        .env("ZONEBRIDGE_DATA_DIR", app.folder.path())
        .status()
        .unwrap();
    assert!(mended.success());
    app.restart().await;
    app.finish().await;
}

/// The document of a listing without vectors, as it is made from the database.
async fn of_database(app: &App, id: &str) -> Indexed {
    let mut conn = app.database.read().await.unwrap();
    let entries = published::among(&mut conn, &[id.parse().unwrap()]).await.unwrap();
    let meanings = Meanings { means: Arc::new(Means::default_means().unwrap()), vectors: HashMap::new() };
    documents(&entries[0], &meanings).remove(0)
}

/// A backup that is restored elsewhere brings positions of the feed that mean nothing there: the feed begins anew, and so does the index.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_is_noticed_and_the_index_is_built_anew() {
    let mut app = App::start().await;
    app.set_policy("hangzhou", "post").await;
    let owner = app.organization("hangzhou").await;
    app.published(&owner, technology_offer("Before the backup")).await;
    let network = app.count("SELECT ('x' || substr(id::text, 1, 8))::bit(32)::bigint AS count FROM network_identity").await;
    app.stop().await;
    // As a restore leaves it: another home, and a feed whose transactions lie far ahead of this server's.
    app.sql("UPDATE network_identity SET home = 'elsewhere'").await;
    app.sql("UPDATE change_feed_horizon SET txid = 4000000000000").await;
    app.sql("INSERT INTO change_feed (txid, subject_type, subject_id) VALUES (4000000000001, 'listing', gen_random_uuid())").await;
    app.restart().await;
    assert_ne!(app.count("SELECT ('x' || substr(id::text, 1, 8))::bit(32)::bigint AS count FROM network_identity").await, network);
    assert_eq!(app.count("SELECT txid AS count FROM change_feed_horizon").await, 0);
    app.published(&owner, technology_offer("After the restore")).await;
    assert_eq!(app.get("/v1/listings?q=backup+restore").send().await.body["total"], 2);
    let lag = app.get("/metrics").send().await.body.as_str().unwrap().lines().find_map(|line| line.strip_prefix("zonebridge_index_lag_seconds ")?.parse::<f64>().ok());
    assert!(lag.is_some_and(|lag| lag < 60.0), "{lag:?}");
    // A start in the same place changes nothing.
    let network = app.count("SELECT ('x' || substr(id::text, 1, 8))::bit(32)::bigint AS count FROM network_identity").await;
    app.restart().await;
    assert_eq!(app.count("SELECT ('x' || substr(id::text, 1, 8))::bit(32)::bigint AS count FROM network_identity").await, network);
    app.finish().await;
}
