//! The local Postgres cluster of first runs: made, kept over restarts, recovered after kills, refused where it does not fit.

use std::process::Command;
use std::time::Duration;

use crate::support::process::{Running, command, free_port, home, remove, server_pid};

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_kills_of_either_process_and_keeps_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Running::start(folder.path());
    service.ready().await;
    let register = async |base: &str, email: &str| {
        let body = serde_json::json!({"email": email, "password": "Quiet-river-lantern-42", "display_name": "Li", "locale": "zh"});
        reqwest::Client::new().post(format!("{base}/v1/accounts")).header("content-type", "application/json").body(body.to_string()).send().await.unwrap().status()
    };
    let log_in = async |base: &str, email: &str| {
        let body = serde_json::json!({"email": email, "password": "Quiet-river-lantern-42"});
        reqwest::Client::new().post(format!("{base}/v1/sessions")).header("content-type", "application/json").body(body.to_string()).send().await.unwrap().status()
    };
    assert_eq!(register(&service.base, "one@a.example").await, 201);

    // The database server dies: the service starts it again by itself.
    assert!(Command::new("kill").arg("-KILL").arg(server_pid(folder.path()).to_string()).status().unwrap().success());
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.ready().await;
    assert_eq!(log_in(&service.base, "one@a.example").await, 201);
    assert_eq!(register(&service.base, "two@a.example").await, 201);

    // The service dies: the next one adopts the server that is left, or starts it.
    service.signal("KILL");
    service.child.wait().unwrap();
    let mut service = Running::start(folder.path());
    service.ready().await;
    assert_eq!(log_in(&service.base, "two@a.example").await, 201);

    // A second service on the same folder is refused, a command attaches.
    let second = command(folder.path()).arg("serve").env("ZONEBRIDGE_SERVER_LISTEN", format!("127.0.0.1:{}", free_port())).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another zonebridge service already runs"), "{}", String::from_utf8_lossy(&second.stderr));
    let attached = command(folder.path()).arg("migrate").output().unwrap();
    assert!(attached.status.success(), "{}", String::from_utf8_lossy(&attached.stderr));

    // A clean end stops both.
    let pid_file = home(folder.path()).join("pgdata/postmaster.pid");
    assert!(pid_file.exists());
    service.end().await;
    assert!(!pid_file.exists(), "the database server was not shut down");
    remove(folder.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_another_major_version_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let pgdata = home.path().join("pgdata");
    std::fs::create_dir_all(&pgdata).unwrap();
    std::fs::write(pgdata.join("PG_VERSION"), "9.6\n").unwrap();
    let connection = serde_json::json!({"port": free_port(), "password": "x", "home": home.path()});
    std::fs::write(folder.path().join("postgres.json"), connection.to_string()).unwrap();
    let refused = command(folder.path()).arg("migrate").output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("Postgres 9") && told.contains("pg_upgrade"), "{told}");
}
