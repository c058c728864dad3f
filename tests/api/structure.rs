//! The invariants of the code's layout that ARCHITECTURE.md names, read from the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use crate::support::database;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all
}

/// The modules in the order of `lib.rs`.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned)).collect()
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Every `crate::…` path of a source outside comments, without the imports' braces.
fn crate_paths(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0_i32;
                let mut part = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.push(std::mem::take(&mut part).trim().to_owned()),
                        _ => part.push(c),
                    }
                }
                found.push(part.trim().to_owned());
            }
            None => found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect()),
        }
    }
    found
}

#[test]
fn a_module_uses_only_those_listed_before_it() {
    let order = modules();
    let place = |name: &str| order.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let module = module_of(&path);
        let Some(own) = place(&module) else { continue };
        for used in crate_paths(&fs::read_to_string(&path).unwrap()) {
            let name = used.split("::").next().unwrap_or_default().trim();
            if place(name).is_some_and(|other| other > own) {
                wrong.push(format!("{} uses crate::{used}", path.display()));
            }
        }
    }
    assert!(order.len() > 15 && wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_paths_sees_them_all() {
    let text = "use crate::search::index::{A, B};\nuse crate::{api, cli::run};\nfn f() { crate::matching::go() } // crate::startup\nfn g(_: crate::db::X) {}";
    assert_eq!(crate_paths(text), ["search::index::", "api", "cli::run", "matching::go", "db::X"]);
}

/// `super::super` would lead out of a module past the test above.
#[test]
fn no_path_climbs_out_of_its_module() {
    let wrong: Vec<_> = sources(&root().join("src")).into_iter().filter(|path| fs::read_to_string(path).unwrap().contains("super::super::")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A module of another domain is entered by its model, policy or actions; what its tables look like is its own affair.
#[test]
fn no_module_reaches_into_anothers_store() {
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let module = module_of(&path);
        for used in crate_paths(&fs::read_to_string(&path).unwrap()) {
            let mut parts = used.split("::");
            let (name, inner) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            // The audit log and the feed are written by everybody, inside their transactions.
            if inner == "store" && name != module && name != "audit" {
                wrong.push(format!("{} uses crate::{used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Rows are written through proofs: the statements that change tables stand in the stores, and nowhere else.
#[test]
fn sql_stands_where_its_name_says() {
    let allowed = ["store.rs", "grants.rs", "published.rs", "vectors.rs", "schema.rs", "feed.rs", "operation.rs"];
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let (name, module) = (path.file_name().unwrap().to_str().unwrap(), module_of(&path));
        if allowed.contains(&name) || ["db", "jobs"].contains(&module.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for statement in ["diesel::insert_into", "diesel::update", "diesel::delete", "sql_query", "batch_execute", "copy_in"] {
            if text.contains(statement) {
                wrong.push(format!("{} has {statement}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What stands before `http` is used without any, by commands and tests.
#[test]
fn below_http_nothing_knows_http() {
    let order = modules();
    let http = order.iter().position(|module| module == "http").unwrap();
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let below = order.iter().position(|module| *module == module_of(&path)).is_some_and(|place| place < http);
        if below && ["actix", "StatusCode"].iter().any(|word| fs::read_to_string(&path).unwrap().contains(word)) {
            wrong.push(path);
        }
    }
    assert!(http > 2 && wrong.is_empty(), "{wrong:?}");
}

/// Every module has its line in ARCHITECTURE.md; every setting and measure in docs/operations.md, where operators look for it.
#[test]
fn the_documents_name_what_there_is() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let (architecture, operations, example) = (read("ARCHITECTURE.md"), read("docs/operations.md"), read("deploy/zonebridge.toml.example"));
    let modules: Vec<String> = modules().into_iter().filter(|module| !architecture.contains(&format!("`{module}`"))).collect();
    assert!(modules.is_empty(), "ARCHITECTURE.md does not name {modules:?}");
    let config = zonebridge::config::Config::with_environment(None, std::collections::BTreeMap::new()).unwrap().describe();
    let (mut section, mut missing) = (String::new(), Vec::new());
    for line in config.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((name, _)) = line.split_once(" = ") {
            if !operations.contains(&format!("`{section}{name}`")) {
                missing.push(format!("docs/operations.md: {section}{name}"));
            }
            if !example.contains(&format!("{name} = ")) {
                missing.push(format!("deploy/zonebridge.toml.example: {section}{name}"));
            }
        }
    }
    let sources: String = sources(&root().join("src")).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for (at, _) in sources.match_indices("\"zonebridge_") {
        let name: String = sources[at + 1..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        if !operations.contains(&format!("`{name}`")) {
            missing.push(format!("docs/operations.md: {name}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn files_stay_readable() {
    let mut wrong = Vec::new();
    for path in ["src", "tests", "benches"].iter().flat_map(|folder| sources(&root().join(folder))) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        if lines > 450 && !path.ends_with("schema.rs") {
            wrong.push(format!("{} has {lines} lines", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_migration_can_be_taken_back() {
    for entry in fs::read_dir(root().join("migrations")).unwrap() {
        let folder = entry.unwrap().path();
        for name in ["up.sql", "down.sql"] {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(!text.trim().is_empty(), "{} has no {name}", folder.display());
        }
    }
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The columns that schema.rs declares, as `table.column`.
fn declared() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("src/db/schema.rs")).unwrap();
    let mut found = BTreeSet::new();
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once('(').filter(|(name, _)| line.ends_with('{') && !name.trim().contains([' ', '!'])) {
            name.trim().clone_into(&mut table);
        } else if let Some((column, _)) = line.split_once(" -> ")
            && !table.is_empty()
            && !column.contains('!')
        {
            found.insert(format!("{table}.{column}"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_in_code_is_the_schema_of_the_migrations() {
    let url = database::fresh().await;
    let mut conn = database::connect(&url).await;
    let query = "SELECT table_name || '.' || column_name AS name FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'";
    let rows: Vec<Column> = diesel::sql_query(query).load(&mut conn).await.unwrap();
    let migrated: BTreeSet<String> = rows.into_iter().map(|row| row.name).collect();
    let declared = declared();
    let differences: Vec<_> = declared.symmetric_difference(&migrated).collect();
    assert!(!declared.is_empty() && differences.is_empty(), "{differences:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_down_and_up_again() {
    use diesel_migrations::MigrationHarness;
    let url = database::fresh().await;
    let conn = database::connect(&url).await;
    let mut harness = diesel_async::AsyncMigrationHarness::new(conn);
    tokio::task::block_in_place(|| {
        let down = harness.revert_all_migrations(zonebridge::db::MIGRATIONS).unwrap().len();
        let up = harness.run_pending_migrations(zonebridge::db::MIGRATIONS).unwrap().len();
        assert_eq!(down, up);
    });
}
