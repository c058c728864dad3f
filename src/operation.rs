//! What operators and their machines ask: is it alive, is it ready, how does it fare.

use actix_web::{HttpResponse, get, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::Database;
use crate::search::index::{SearchIndex, SearchMode};

#[derive(Debug, Serialize, ToSchema)]
pub struct Live {
    #[schema(example = "live")]
    pub status: String,
    pub version: String,
}

/// Each part that must work before requests should come here.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    #[schema(example = "ready")]
    pub status: String,
    /// The database answers.
    pub database: bool,
    /// Every migration of this version has been run.
    pub migrations: bool,
    /// The search index is open.
    pub index: bool,
    pub mode: SearchMode,
}

/// The process answers.
#[utoipa::path(tag = "operation", responses((status = 200, body = Live)))]
#[get("/health/live")]
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Live { status: "live".into(), version: env!("CARGO_PKG_VERSION").into() })
}

/// The service can do its work.
#[utoipa::path(tag = "operation", responses((status = 200, body = Ready), (status = 503, body = Ready)))]
#[get("/health/ready")]
async fn ready(database: web::Data<Database>, index: web::Data<SearchIndex>) -> HttpResponse {
    let database_answers = database.read().await.is_ok();
    let migrations = database_answers && database.is_ready().await;
    let mode = index.mode();
    let index = index.is_ready();
    let all = database_answers && migrations && index;
    let status = if all { "ready" } else { "not_ready" };
    let mut response = if all { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(Ready { status: status.into(), database: database_answers, migrations, index, mode })
}

/// Says what each measure is, so that it stands in the output, and shows those that count at zero from the start: an alert on the growth
/// of something that is not there never fires.
pub fn describe_measures() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!("zonebridge_http_requests_total", "Requests by method, route and status");
    describe_histogram!("zonebridge_http_request_duration_seconds", Unit::Seconds, "Duration of requests by method, route and status");
    describe_counter!("zonebridge_idempotency_replays_total", "Repeated requests that were answered from the first answer");
    describe_gauge!("zonebridge_embedding_pending", "Published listings whose vectors of meaning are not made yet");
    describe_counter!("zonebridge_embedded_listings_total", "Listings whose vectors of meaning were made");
    describe_counter!("zonebridge_index_failures_total", "Published listings that could not be read or indexed and were left out");
    describe_counter!("zonebridge_job_failures_total", "Runs of recurring work that failed, by job");
    describe_gauge!("zonebridge_job_last_success_timestamp_seconds", Unit::Seconds, "When recurring work last succeeded on this instance, by job");
    describe_gauge!("zonebridge_index_lag_seconds", Unit::Seconds, "How long the oldest change has waited for the index");
    describe_gauge!("zonebridge_index_documents", "Documents in the index");
    describe_gauge!("zonebridge_database_connections_in_use", "Connections of the pool that are in use");
    describe_gauge!("zonebridge_database_connections_max", "Connections that the pool may have");
    describe_gauge!("zonebridge_build_info", "Always 1; the label says which version runs");
    metrics::counter!("zonebridge_idempotency_replays_total").increment(0);
    metrics::counter!("zonebridge_index_failures_total").increment(0);
    metrics::gauge!("zonebridge_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    metrics_process::Collector::default().describe();
}

/// Measures in the text format of Prometheus.
#[utoipa::path(tag = "operation", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
async fn metrics_text(handle: web::Data<PrometheusHandle>, database: web::Data<Database>, index: web::Data<SearchIndex>) -> HttpResponse {
    metrics_process::Collector::default().collect();
    let (used, size) = database.usage();
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats; these counts are small")]
    {
        metrics::gauge!("zonebridge_database_connections_in_use").set(used as f64);
        metrics::gauge!("zonebridge_database_connections_max").set(size as f64);
        if let Ok(snapshot) = index.snapshot() {
            metrics::gauge!("zonebridge_index_documents").set(snapshot.searcher.num_docs() as f64);
        }
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render())
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(live).service(ready).service(metrics_text);
}
