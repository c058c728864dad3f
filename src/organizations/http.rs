//! `/v1/organizations`

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::model::{self, Bilingual, NewOrganization, Organization, OrganizationKind, Verification, VerificationMove};
use super::{actions, policy, store};
use crate::access::actor::{Actor, Caller, Role};
use crate::db::Database;
use crate::error::{Error, FieldError, Message, Result};
use crate::http::body::{Body, PathId, Query};
use crate::http::conditional::{IfMatch, etag};
use crate::http::page::{Page, id_cursor, limit};
use crate::zones::actions as zones;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FoundOrganization {
    /// At least one of the two.
    pub name: Bilingual,
    pub kind: OrganizationKind,
    /// Unified social credit code, GB 32100-2015.
    #[schema(example = "91330100799655058B", min_length = 18, max_length = 18)]
    pub uscc: String,
    #[schema(example = "hefei")]
    pub home_zone: String,
    #[serde(default)]
    pub website: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeOrganization {
    #[serde(default)]
    pub name: Option<Bilingual>,
    #[serde(default)]
    pub website: Option<String>,
}

/// An organisation. Its USCC is shown to its own people, to its home zone's and to the auditor.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationView {
    pub id: Uuid,
    pub name: Bilingual,
    pub kind: OrganizationKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uscc: Option<String>,
    pub home_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    pub verification: Verification,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<DateTime<Utc>>,
    /// What is worth a second look, such as a code registered outside the home zone's division. Nothing is refused for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    pub created_at: DateTime<Utc>,
}

impl OrganizationView {
    fn of(organization: Organization, caller: &Caller) -> Self {
        let inside = caller.actor().is_some_and(|actor| actor.belongs_to(organization.id) || actor.reviews(&organization.home_zone) || actor.is(Role::Auditor));
        Self {
            id: organization.id,
            name: organization.name(),
            kind: organization.kind,
            uscc: inside.then_some(organization.uscc),
            home_zone: organization.home_zone,
            website: organization.website,
            verification: organization.verification,
            verified_at: organization.verified_at,
            warnings: Vec::new(),
            created_at: organization.created_at,
        }
    }
}

/// Founds an organisation. The caller becomes its first administrator.
#[utoipa::path(tag = "organizations", request_body = FoundOrganization, responses((status = 201, body = OrganizationView)), security(("bearer" = [])))]
#[post("/v1/organizations")]
async fn found_organization(actor: Actor, database: web::Data<Database>, body: Body<FoundOrganization>) -> Result<HttpResponse> {
    let new = parse(body.0)?;
    let division = new.uscc.division().to_owned();
    let organization = actions::found(&database, &actor, new).await?;
    let zone = zones::find(&mut *database.read().await?, &organization.home_zone).await?;
    let version = organization.version;
    // The caller's roles were read before the organisation existed.
    let uscc = organization.uscc.clone();
    let mut view = OrganizationView::of(organization, &Caller::Account(actor));
    view.uscc = Some(uscc);
    // A national registration is 100000, and branches exist: this only warns.
    if !division.starts_with(&zone.gb2260_prefix) {
        view.warnings.push(format!("the code was registered in division {division}, the home zone's begins with {}", zone.gb2260_prefix));
    }
    Ok(HttpResponse::Created().insert_header((header::ETAG, etag(version))).json(view))
}

fn parse(body: FoundOrganization) -> Result<NewOrganization> {
    let mut wrong: Vec<FieldError> = Vec::new();
    let name = model::parse_name("/name", &body.name).map_err(|errors| wrong.extend(errors)).ok();
    let uscc = model::parse_uscc("/uscc", &body.uscc).map_err(|error| wrong.push(error)).ok();
    let website = body.website.as_deref().map(|website| model::parse_website("/website", website)).transpose().map_err(|error| wrong.push(error)).ok();
    match (name, uscc, website) {
        (Some(name), Some(uscc), Some(website)) => Ok(NewOrganization { name, kind: body.kind, uscc, home_zone: body.home_zone, website }),
        _ => Err(Error::Invalid(wrong)),
    }
}

/// An organisation.
#[utoipa::path(tag = "organizations", params(("id" = Uuid, Path)), responses((status = 200, body = OrganizationView)), security((), ("bearer" = [])))]
#[get("/v1/organizations/{id}")]
async fn get_organization(caller: Caller, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let organization = actions::find(&mut *database.read().await?, id.0).await?;
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(organization.version))).json(OrganizationView::of(organization, &caller)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RegisterQuery {
    /// The code of the home zone.
    #[param(example = "hefei")]
    pub zone: String,
    /// Only those of this verification, such as `pending`: who waits to be looked at.
    pub verification: Option<Verification>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

/// The organisations at home in a zone, newest first: for the zone's own people.
#[utoipa::path(tag = "organizations", params(RegisterQuery), responses((status = 200, body = Page<OrganizationView>)), security(("bearer" = [])))]
#[get("/v1/organizations")]
async fn list_organizations(actor: Actor, request: HttpRequest, database: web::Data<Database>, query: Query<RegisterQuery>) -> Result<HttpResponse> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let before = id_cursor(query.cursor.as_deref())?;
    let mut conn = database.read().await?;
    let zone = zones::find(&mut conn, &query.zone).await.map_err(|error| match error {
        Error::NotFound => {
            Error::malformed(FieldError::new("zone", "unknown_value", Message::new("is not a zone of the network; GET /v1/zones lists them", "不是本网络的园区，见 GET /v1/zones")))
        }
        other => other,
    })?;
    let reader = policy::read_register(&actor, &zone.code)?;
    let rows = store::register(&mut conn, &reader, query.verification, before, limit).await?;
    let caller = Caller::Account(actor);
    Ok(Page::of_rows(rows, limit, |row| row.id, |row| OrganizationView::of(row, &caller)).respond(&request))
}

/// Changes the name or the website.
#[utoipa::path(tag = "organizations", params(("id" = Uuid, Path), ("If-Match" = String, Header)), request_body = ChangeOrganization, responses((status = 200, body = OrganizationView)), security(("bearer" = [])))]
#[patch("/v1/organizations/{id}")]
async fn change_organization(actor: Actor, if_match: IfMatch, database: web::Data<Database>, id: PathId, body: Body<ChangeOrganization>) -> Result<HttpResponse> {
    let target = policy::administer(&actor, actions::find(&mut *database.read().await?, id.0).await?)?;
    let before = target.organization();
    if_match.check(before.version)?;
    let name = body.0.name.unwrap_or_else(|| before.name());
    let name = model::parse_name("/name", &name).map_err(Error::Invalid)?;
    let website = match body.0.website {
        Some(website) => Some(model::parse_website("/website", &website).map_err(Error::invalid)?),
        None => before.website.clone(),
    };
    let after = actions::change(&database, &actor, &target, &name, website.as_deref()).await?;
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(after.version))).json(OrganizationView::of(after, &Caller::Account(actor))))
}

/// Verifies, suspends or revokes: by an administrator of the home zone.
#[utoipa::path(tag = "organizations", params(("id" = Uuid, Path), ("move" = VerificationMove, Path)), responses((status = 200, body = OrganizationView)), security(("bearer" = [])))]
#[post("/v1/organizations/{id}/verification/{move}")]
async fn move_verification(actor: Actor, request: HttpRequest, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let word = request.match_info().query("move");
    let by: VerificationMove = word
        .parse()
        .map_err(|_| Error::malformed(FieldError::new("move", "unknown_value", Message::new("is not one of verify, suspend, revoke", "不是 verify、suspend、revoke 之一"))))?;
    let target = policy::verify(&actor, actions::find(&mut *database.read().await?, id.0).await?)?;
    let after = actions::move_verification(&database, &actor, &target, by).await?;
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(after.version))).json(OrganizationView::of(after, &Caller::Account(actor))))
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(found_organization).service(list_organizations).service(get_organization).service(change_organization).service(move_verification);
}
