//! From settings to a running service, and its orderly end.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_actix_web::TracingLogger;
use tracing_subscriber::EnvFilter;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;
use zonebridge_meaning::files::FilesError;

use crate::access::tokens::Tokens;
use crate::accounts::limiter::LoginLimiter;
use crate::config::{Config, LogConfig, LogFormat, Secret};
use crate::db::Database;
use crate::db::local::LocalCluster;
use crate::embedding::embedder::Embedder;
use crate::embedding::worker::Worker;
use crate::http::body::BodyLimit;
use crate::http::cache::{CacheRules, conditional, tag_encoding};
use crate::http::context::TrustedProxies;
use crate::http::observe::{RequestTimeout, observe};
use crate::idempotency::Unkept;
use crate::jobs::Job;
use crate::search::follow::Follower;
use crate::search::index::SearchIndex;
use crate::{accounts, api, db, feed, idempotency, jobs, listings, operation};

/// Logs to standard error, so that a command's output stays its own.
pub fn init_logs(config: &LogConfig) -> Result<()> {
    // The driver writes statements with their parameters at `debug`, which are other people's data: that must be asked for by its name.
    let filter = EnvFilter::try_new(format!("tokio_postgres=info,{}", config.filter)).context("log.filter is not a filter of tracing, such as `info,zonebridge=debug`")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match config.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Pretty => builder.compact().try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("logs cannot be set up: {error}"))
}

/// The measures of the process. There is one recorder a process; of several services that start in it at once the first installs it.
fn metrics_handle() -> Result<PrometheusHandle> {
    static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut installed = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
    let handle = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("duration_seconds".into()), &buckets)?.install_recorder()?;
    operation::describe_measures();
    *installed = Some(handle.clone());
    Ok(handle)
}

/// The database of the settings: the one they name, or the local cluster.
pub struct Connected {
    pub url: Secret,
    pub database: Database,
    pub cluster: Option<LocalCluster>,
}

impl Connected {
    /// For the service, which owns the local cluster.
    pub async fn as_owner(config: &Config) -> Result<Self> {
        let cluster = match &config.database.url {
            Some(_) => None,
            None => Some(LocalCluster::own(&config.data_dir, &[]).await?),
        };
        Self::with(config, cluster)
    }

    /// For a command that only reads.
    pub async fn as_reader(config: &Config) -> Result<Self> {
        let cluster = match &config.database.url {
            Some(_) => None,
            None => Some(LocalCluster::attach_or_own(&config.data_dir, &[]).await?),
        };
        Self::with(config, cluster)
    }

    /// For a command, which may run beside the service: brings the database to the newest schema first.
    pub async fn as_command(config: &Config) -> Result<Self> {
        let connected = Self::as_reader(config).await?;
        db::migrate(&connected.url).await?;
        settle(&connected.database).await?;
        Ok(connected)
    }

    fn with(config: &Config, cluster: Option<LocalCluster>) -> Result<Self> {
        let url = config.database.url.clone().or_else(|| cluster.as_ref().map(LocalCluster::url)).context("no database")?;
        Ok(Self { database: Database::new(&url, config.database.pool_size)?, url, cluster })
    }

    pub fn close(self) {
        if let Some(cluster) = self.cluster {
            cluster.stop();
        }
    }
}

/// Notices a database that was restored elsewhere.
async fn settle(database: &Database) -> Result<()> {
    if feed::settle(database).await? {
        tracing::warn!("the database has come to another place (a backup was restored, or a replica took over): every search index is built anew");
    }
    Ok(())
}

const JOBS: [Job; 4] = [
    listings::jobs::EXPIRE_LISTINGS,
    accounts::jobs::FORGET_SESSIONS,
    idempotency::jobs::FORGET_ANSWERS,
    Job { kind: "prune_change_feed", every: Duration::from_secs(3600), run: |database| Box::pin(async move { feed::prune(&database).await }) },
];

/// A service that answers requests.
pub struct Service {
    pub address: SocketAddr,
    pub database: Database,
    pub index: SearchIndex,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    handle: actix_web::dev::ServerHandle,
    workers: Vec<JoinHandle<()>>,
}

impl Service {
    /// Migrates, opens the index and begins to answer. Several instances may do so at once on one database.
    pub async fn start(config: &Config, url: &Secret, database: Database) -> Result<Self> {
        let listener =
            TcpListener::bind(config.server.listen).with_context(|| format!("cannot listen on {}: choose another address with ZONEBRIDGE_SERVER_LISTEN", config.server.listen))?;
        let address = listener.local_addr()?;
        let migrated = db::migrate(url).await?;
        if !migrated.is_empty() {
            tracing::info!(count = migrated.len(), "the database was migrated");
        }
        settle(&database).await?;
        let index = SearchIndex::new(&config.search.dir)?;
        let stop = CancellationToken::new();
        // The index is opened while the models are read: a start takes as long as the longer of the two.
        let mut workers = vec![tokio::spawn(follow(database.clone(), index.clone(), config.clone(), stop.clone()))];
        let index = match models(&config.models).await {
            Ok(embedder) => index.with(embedder),
            Err(error) => {
                stop.cancel();
                for worker in workers {
                    let _ = worker.await;
                }
                return Err(error);
            }
        };
        workers.push(tokio::spawn(jobs::work(database.clone(), JOBS.to_vec(), stop.clone())));
        if let Some(embedder) = index.embedder.clone() {
            workers.push(tokio::spawn(Worker::new(database.clone(), embedder).run(stop.clone())));
        }
        workers.push(tokio::spawn(keep_metrics(metrics_handle()?, stop.clone())));
        let server = http_server(config, listener, database.clone(), index.clone())?;
        let handle = server.handle();
        Ok(Self { address, database, index, stop, server: tokio::spawn(server), handle, workers })
    }

    /// Stops accepting, finishes what runs within the limit, closes the index.
    pub async fn stop(self) -> Result<()> {
        self.handle.stop(true).await;
        self.server.await??;
        self.stop.cancel();
        for worker in self.workers {
            worker.await?;
        }
        Ok(())
    }
}

/// The language models, where they have been fetched. Files that are not what they were published as are an error; missing ones, and those of
/// somebody else, are not.
async fn models(folder: &Path) -> Result<Option<Embedder>> {
    let folder = folder.to_path_buf();
    match tokio::task::spawn_blocking(move || Embedder::of_folder(&folder)).await? {
        Ok(embedder) => Ok(Some(embedder)),
        Err(FilesError::Absent(path)) => {
            tracing::warn!(file = %path.display(), "the language models are not there: search and matching know words alone (`make models` fetches them)");
            Ok(None)
        }
        Err(FilesError::Unreadable { path, cause }) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
            tracing::warn!(file = %path.display(), "the language models may not be read by this user: search and matching know words alone (ZONEBRIDGE_MODELS names another folder)");
            Ok(None)
        }
        Err(error) => Err(error).context("the language models cannot be used: remove the file, and fetch it again with `make models`"),
    }
}

/// Opens the index, as often as it takes, and keeps it up with the database.
async fn follow(database: Database, index: SearchIndex, config: Config, stop: CancellationToken) {
    loop {
        match Follower::start(database.clone(), index.clone(), config.search.clone()).await {
            Ok(follower) => return follower.run(stop).await,
            Err(error) => tracing::error!(cause = format!("{error:#}"), "the index cannot be opened; it tries again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
}

/// Samples are counted into their buckets now and then, also where nobody reads the measures.
async fn keep_metrics(handle: PrometheusHandle, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(5)) => handle.run_upkeep(),
        }
    }
}

fn http_server(config: &Config, listener: TcpListener, database: Database, index: SearchIndex) -> Result<actix_web::dev::Server> {
    let tokens = web::Data::new(Tokens::load(&config.tokens)?);
    let limiter = web::Data::new(LoginLimiter::new(&config.login));
    let metrics = web::Data::new(metrics_handle()?);
    let subjects = web::Data::new(api::subjects());
    let document = web::Data::new(api::document());
    let (database, index) = (web::Data::new(database), web::Data::new(index));
    let proxies = TrustedProxies(config.server.trusted_proxies.clone());
    let (body_limit, timeout) = (BodyLimit(config.server.body_limit), RequestTimeout(config.server.request_timeout));
    let server = HttpServer::new(move || {
        let (app, _) = App::new().into_utoipa_app().configure(api::routes).split_for_parts();
        app.app_data(tokens.clone())
            .app_data(limiter.clone())
            .app_data(metrics.clone())
            .app_data(subjects.clone())
            .app_data(document.clone())
            .app_data(database.clone())
            .app_data(index.clone())
            .app_data(body_limit)
            .app_data(timeout)
            .app_data(CacheRules(&api::CACHED))
            .app_data(proxies.clone())
            .app_data(Unkept(&api::PUBLIC))
            .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document.get_ref().clone()))
            .route("/docs", web::get().to(|| async { web::Redirect::to("/docs/") }))
            .default_service(web::to(api::unmatched))
            .wrap(from_fn(conditional))
            .wrap(from_fn(idempotency::keep))
            .wrap(from_fn(observe))
            .wrap(TracingLogger::<crate::http::trace::QuietSpans>::new())
            .wrap(actix_web::middleware::Compress::default())
            .wrap(from_fn(tag_encoding))
    })
    .workers(config.server.workers)
    .shutdown_timeout(config.server.shutdown_timeout.as_secs())
    .client_request_timeout(config.server.request_timeout.min(Duration::from_secs(15)))
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

/// SIGTERM and SIGINT, heard from the moment this is made: whoever asks during a long start is not overheard, and nothing is cut off.
pub struct Ending {
    term: Signal,
    int: Signal,
}

impl Ending {
    pub fn listen() -> Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Runs the service until it is asked to end.
pub async fn serve(config: &Config) -> Result<()> {
    let ending = Ending::listen()?;
    let connected = Connected::as_owner(config).await?;
    let service = Service::start(config, &connected.url, connected.database.clone()).await;
    let outcome = match service {
        Ok(service) => {
            tracing::info!(address = %service.address, "answering requests");
            until_asked_to_end(service, connected.cluster.as_ref(), ending).await
        }
        Err(error) => Err(error),
    };
    connected.close();
    outcome
}

/// Waits until it is asked to end, keeps the local database alive meanwhile, and ends in order.
pub async fn until_asked_to_end(service: Service, cluster: Option<&LocalCluster>, mut ending: Ending) -> Result<()> {
    let supervisor = cluster.cloned().map(|cluster| tokio::spawn(cluster.supervise()));
    ending.asked().await;
    tracing::info!("ending: finishing what runs");
    if let Some(supervisor) = supervisor {
        supervisor.abort();
    }
    service.stop().await
}
