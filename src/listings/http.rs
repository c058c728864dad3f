//! `/v1/listings`: drafting, reading, editing.

use actix_web::http::header;
use actix_web::{HttpResponse, get, patch, post, web};
use chrono::NaiveDate;
use uuid::Uuid;

use super::content::input::with_content_fields;
use super::content::kinds::{Direction, Kind};
use super::content::tiers::Tier;
use super::model::{Entry, parse_valid_through, today};
use super::policy::View;
use super::view::ListingView;
use super::{actions, policy, store};
use crate::access::actor::Actor;
use crate::access::extract::Credentials;
use crate::db::{Connection, Database};
use crate::error::{Error, Result};
use crate::http::body::{Body, PathId};
use crate::http::conditional::{IfMatch, etag};
use crate::zones::actions as zones;

with_content_fields! {
    /// A new draft. It may still lack attributes; submitting checks them. The zone is the organisation's home zone.
    pub struct CreateListing {
        pub organization_id: Uuid,
        pub kind: Kind,
        pub direction: Direction,
        /// The last day of validity, at most twelve months ahead; half a year when absent.
        #[serde(default)]
        pub valid_through: Option<NaiveDate>,
    }
}

with_content_fields! {
    /// An edit: what is given replaces what was there; an empty list or text empties the field.
    pub struct EditListing {
        #[serde(default)]
        pub valid_through: Option<NaiveDate>,
    }
}

/// The answer to somebody of the listing's own people.
pub fn inside(entry: &Entry, mut response: actix_web::HttpResponseBuilder) -> HttpResponse {
    response.insert_header((header::ETAG, etag(entry.listing.version))).json(ListingView::inside(entry))
}

/// Drafts a listing for an organisation of the caller's.
#[utoipa::path(tag = "listings", request_body = CreateListing, responses((status = 201, body = ListingView)), security(("bearer" = [])))]
#[post("/v1/listings")]
async fn create_listing(actor: Actor, database: web::Data<Database>, body: Body<CreateListing>) -> Result<HttpResponse> {
    let body = body.0;
    let drafting = policy::draft(&actor, body.organization_id)?;
    let zones = zones::codes(&mut *database.read().await?).await?;
    let (kind, direction, valid_through) = (body.kind, body.direction, parse_valid_through(body.valid_through, today()));
    let content = body.content().into_content(kind, direction, &zones);
    let (content, valid_through) = match (content, valid_through) {
        (Ok(content), Ok(day)) => (content, day),
        (Err(Error::Invalid(mut wrong)), day) => {
            wrong.extend(day.err());
            return Err(Error::Invalid(wrong));
        }
        (Err(error), _) => return Err(error),
        (_, Err(day)) => return Err(Error::invalid(day)),
    };
    let entry = actions::draft(&database, &actor, &drafting, &content, valid_through).await?;
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, format!("/v1/listings/{}", entry.listing.id)));
    Ok(inside(&entry, response))
}

/// A listing: the live revision, or the newest one for its own people, its zone's reviewers and the auditor.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path)), responses((status = 200, body = ListingView)), security((), ("bearer" = [])))]
#[get("/v1/listings/{id}")]
async fn get_listing(credentials: Credentials, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let mut conn = database.read().await?;
    // Who asks and what is asked for, in one round trip.
    let (caller, head) = {
        let mut conn: &Connection = &conn;
        futures_util::join!(credentials.caller(conn), store::find_head(&mut conn, id.0))
    };
    let (caller, head) = (caller?, head?.ok_or(Error::NotFound)?);
    match policy::see(&caller, &head.listing, today())? {
        View::Inside => Ok(inside(&head, HttpResponse::Ok())),
        View::Live(tier) if head.listing.live_revision == Some(head.revision) => Ok(live(&head, tier)),
        View::Live(tier) => Ok(live(&actions::live(&mut conn, head.listing).await?, tier)),
    }
}

fn live(entry: &Entry, tier: Tier) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, etag(entry.listing.version))).json(ListingView::live(entry, tier))
}

/// Edits a listing. An edit of a live one is submitted at once; the live revision stays until the new one is decided on.
#[utoipa::path(tag = "listings", params(("id" = Uuid, Path), ("If-Match" = String, Header)), request_body = EditListing, responses((status = 200, body = ListingView)), security(("bearer" = [])))]
#[patch("/v1/listings/{id}")]
async fn edit_listing(actor: Actor, if_match: IfMatch, database: web::Data<Database>, id: PathId, body: Body<EditListing>) -> Result<HttpResponse> {
    let mut conn = database.read().await?;
    let target = policy::edit(&actor, actions::find(&mut conn, id.0).await?)?;
    let listing = target.listing();
    if_match.check(listing.version)?;
    if !listing.state.is_editable() {
        return Err(actions::illegal_move(listing.state));
    }
    let body = body.0;
    let valid_through = match body.valid_through {
        Some(day) => parse_valid_through(Some(day), today()).map_err(Error::invalid)?,
        None => listing.valid_through,
    };
    let zones = zones::codes(&mut conn).await?;
    let before = store::content(&mut conn, listing, listing.head_revision).await?;
    drop(conn);
    let content = body.content().apply_to(before, &zones)?;
    let entry = actions::edit(&database, &actor, &target, &content, valid_through).await?;
    Ok(inside(&entry, HttpResponse::Ok()))
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(create_listing).service(get_listing).service(edit_listing);
}
