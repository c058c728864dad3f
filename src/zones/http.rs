//! `/v1/zones`

use actix_web::http::header;
use actix_web::{HttpResponse, get, patch, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{PublicationPolicy, Zone};
use super::{actions, policy, store};
use crate::access::actor::Actor;
use crate::db::Database;
use crate::error::Result;
use crate::http::body::Body;
use crate::http::conditional::{IfMatch, etag};
use crate::http::page::Page;

#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneName {
    pub zh: String,
    pub en: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneView {
    #[schema(example = "hefei")]
    pub code: String,
    pub name: ZoneName,
    pub policy: PublicationPolicy,
    /// Leading digits of the registration codes at home here (GB/T 2260).
    pub gb2260_prefix: String,
}

impl From<Zone> for ZoneView {
    fn from(zone: Zone) -> Self {
        Self { code: zone.code, name: ZoneName { zh: zone.name_zh, en: zone.name_en }, policy: zone.policy, gb2260_prefix: zone.gb2260_prefix }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeZone {
    pub policy: PublicationPolicy,
}

/// The zones of the network.
#[utoipa::path(tag = "zones", responses((status = 200, body = Page<ZoneView>)))]
#[get("/v1/zones")]
async fn list_zones(database: web::Data<Database>) -> Result<HttpResponse> {
    let zones = store::list(&mut *database.read().await?).await?;
    Ok(HttpResponse::Ok().json(Page { items: zones.into_iter().map(ZoneView::from).collect(), next_cursor: None }))
}

/// One zone, with its policy of publication.
#[utoipa::path(tag = "zones", params(("code" = String, Path)), responses((status = 200, body = ZoneView)))]
#[get("/v1/zones/{code}")]
async fn get_zone(database: web::Data<Database>, code: web::Path<String>) -> Result<HttpResponse> {
    let zone = actions::find(&mut *database.read().await?, &code).await?;
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(zone.version))).json(ZoneView::from(zone)))
}

/// Changes how a zone publishes.
#[utoipa::path(tag = "zones", params(("code" = String, Path), ("If-Match" = String, Header)), request_body = ChangeZone, responses((status = 200, body = ZoneView)), security(("bearer" = [])))]
#[patch("/v1/zones/{code}")]
async fn change_zone(actor: Actor, if_match: IfMatch, database: web::Data<Database>, code: web::Path<String>, body: Body<ChangeZone>) -> Result<HttpResponse> {
    let target = policy::administer(&actor, actions::find(&mut *database.read().await?, &code).await?)?;
    if_match.check(target.zone().version)?;
    let changed = actions::change_policy(&database, &actor, &target, body.0.policy).await?;
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(changed.version))).json(ZoneView::from(changed)))
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list_zones).service(get_zone).service(change_zone);
}
