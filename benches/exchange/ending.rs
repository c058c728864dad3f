//! What must end with this program, however it ends.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use tokio::runtime::Handle;
use zonebridge::config::Secret;
use zonebridge::db::local::LocalCluster;
use zonebridge::startup::Ending;

static CLUSTERS: Mutex<Vec<(u32, LocalCluster)>> = Mutex::new(Vec::new());
static NUMBER: AtomicU32 = AtomicU32::new(0);
static PROCESSES: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A database cluster that stops when this is dropped, or when the program is asked to end.
pub struct OwnCluster {
    number: u32,
    cluster: LocalCluster,
}

impl OwnCluster {
    pub fn new(cluster: LocalCluster) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner).push((number, cluster.clone()));
        Self { number, cluster }
    }

    pub fn url(&self) -> Secret {
        self.cluster.url()
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        self.cluster.stop();
        // The lock on the data folder goes with the last copy.
        CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != self.number);
    }
}

/// Remembers a process of ours.
pub fn remember(pid: u32) {
    PROCESSES.lock().unwrap_or_else(PoisonError::into_inner).push(pid);
}

/// Forgets one that has ended: its number may be another's soon.
pub fn forget(pid: u32) {
    PROCESSES.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != pid);
}

/// Asks a process to end.
pub fn ask_to_end(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// On SIGINT and SIGTERM: ends all that was begun, then this program.
pub fn listen(runtime: &Handle) -> Result<()> {
    let _entered = runtime.enter();
    let mut ending = Ending::listen()?;
    runtime.spawn(async move {
        ending.asked().await;
        for pid in PROCESSES.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            ask_to_end(*pid);
        }
        for (_, cluster) in CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            cluster.stop();
        }
        std::process::exit(130);
    });
    Ok(())
}
