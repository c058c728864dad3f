//! `zonebridge demo`: the service with the demonstration network, for a first look.

mod accounts;
mod lives;
mod network;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use self::accounts::ACCOUNTS;
use crate::config::{Config, Secret};
use crate::feed;
use crate::startup::{Connected, Ending, Service, until_asked_to_end};

/// Loads what is missing, says how to log in once everything is searchable, and runs until it is asked to end.
pub async fn run(config: &Config) -> Result<()> {
    let mut ending = Ending::listen()?;
    let connected = Connected::as_owner(config).await?;
    let outcome = match Service::start(config, &connected.url, connected.database.clone()).await {
        Ok(service) => {
            let prepared = tokio::select! {
                prepared = prepare(config, &connected.url, &service) => Some(prepared),
                () = ending.asked() => None,
            };
            match prepared {
                Some(Ok(())) => until_asked_to_end(service, connected.cluster.as_ref(), ending).await,
                Some(Err(error)) => service.stop().await.and(Err(error)),
                // The next start goes on with the loading.
                None => service.stop().await,
            }
        }
        Err(error) => Err(error),
    };
    connected.close();
    outcome
}

async fn prepare(config: &Config, url: &Secret, service: &Service) -> Result<()> {
    let (password, is_new) = password(&config.data_dir.join("demonstration-password"))?;
    let loaded = network::load(config, url, &service.database, &password, is_new).await?;
    if loaded > 0 {
        tracing::info!(listings = loaded, "the demonstration network was loaded");
    }
    wait_until_searchable(service).await?;
    welcome(service, &password);
    Ok(())
}

/// The password that the demonstration accounts share: made on the first run, kept for the next ones. True when it is new.
fn password(path: &Path) -> Result<(String, bool)> {
    if let Ok(known) = fs::read_to_string(path) {
        return Ok((known.trim().to_owned(), false));
    }
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let password = URL_SAFE_NO_PAD.encode(bytes);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| writeln!(file, "{password}")).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok((password, true))
}

async fn wait_until_searchable(service: &Service) -> Result<()> {
    loop {
        if let Ok(snapshot) = service.index.snapshot() {
            let mut conn = service.database.read().await?;
            if !feed::has_newer(&mut conn, snapshot.position).await? {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Says how to log in, in one piece: who reads it from a pipe may go away as soon as it has what it looks for, which must not end the service.
fn welcome(service: &Service, password: &str) {
    let accounts: String = ACCOUNTS.iter().map(|account| format!("  {:<30} {}\n", account.email, account.what)).collect();
    let address = service.address;
    let text = format!(
        "\nZonebridge answers on http://{address}\nAPI documents with a console: http://{address}/docs/\n\nAccounts to log in with:\n{accounts}\
         Demonstration password: {password}\n\nTry: curl 'http://{address}/v1/listings?q=lidar&facets=kind,zone&limit=2'\nCtrl-C ends it; the data stay for the next time.\n"
    );
    let mut output = std::io::stdout().lock();
    if let Err(error) = output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        tracing::warn!(cause = %error, "nobody reads how to log in; the password is kept in the data folder");
    }
}
