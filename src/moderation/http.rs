//! `/v1/moderation/cases`

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::model::{Case, CaseState, CaseTrigger, Decision, DecisionAction, DecisionScope, Review, ReviewReason, SubjectRef, Verdict};
use super::subject::Subjects;
use super::{actions, policy, store};
use crate::access::actor::Actor;
use crate::db::Database;
use crate::error::{Error, FieldError, Result};
use crate::http::body::{Body, PathId, Query};
use crate::http::page::{self, Page};
use crate::text::clean::{Lines, clean};

/// The name under which the module of listings enters the snapshot's schema into the document.
pub const SNAPSHOT_SCHEMA: &str = "ListingSnapshot";

fn snapshot_schema() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(SNAPSHOT_SCHEMA))
}

/// A case in the review queue, with the subject as it was when the case was opened.
#[derive(Debug, Serialize, ToSchema)]
pub struct CaseView {
    pub id: Uuid,
    pub zone: String,
    pub subject: SubjectRef,
    pub subject_revision: i32,
    pub organization_id: Uuid,
    pub trigger: CaseTrigger,
    pub review: Review,
    pub state: CaseState,
    #[schema(schema_with = snapshot_schema)]
    pub snapshot: serde_json::Value,
    pub allowed_actions: Vec<DecisionAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    pub opened_at: DateTime<Utc>,
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        Self {
            id: case.id,
            zone: case.zone,
            subject: SubjectRef { kind: case.subject_type, id: case.subject_id },
            subject_revision: case.subject_revision,
            organization_id: case.organization_id,
            trigger: case.opened_by_trigger,
            review: case.review,
            state: case.state,
            snapshot: case.snapshot,
            allowed_actions: DecisionAction::allowed_in(case.review).to_vec(),
            claimed_by: case.claimed_by,
            claimed_at: case.claimed_at,
            decided_at: case.decided_at,
            opened_at: case.opened_at,
        }
    }
}

/// A decision as a statement of reasons. The role that decided is shown, the person is not.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionView {
    pub id: Uuid,
    pub case_id: Uuid,
    pub subject_revision: i32,
    pub action: DecisionAction,
    pub reasons: Vec<ReviewReason>,
    pub text: String,
    pub scope: DecisionScope,
    pub starts_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
    pub trigger: CaseTrigger,
    pub automated_detection: bool,
    pub automated_decision: bool,
    pub ground: String,
    pub clause: String,
    pub redress: String,
    #[schema(example = "zone_reviewer")]
    pub decided_by_role: String,
    pub created_at: DateTime<Utc>,
}

impl From<Decision> for DecisionView {
    fn from(row: Decision) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            subject_revision: row.subject_revision,
            action: row.action,
            reasons: row.reasons,
            text: row.text,
            scope: row.scope,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            trigger: row.opened_by_trigger,
            automated_detection: row.automated_detection,
            automated_decision: row.automated_decision,
            ground: row.ground,
            clause: row.clause,
            redress: row.redress,
            decided_by_role: row.role_shown,
            created_at: row.created_at,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenCase {
    pub subject: SubjectRef,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    pub action: DecisionAction,
    /// At least one unless the action is `publish`.
    #[serde(default)]
    #[schema(max_items = 14)]
    pub reasons: Vec<ReviewReason>,
    /// What was found, for the party to read. Required unless the action is `publish`.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub text: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CaseQuery {
    pub zone: Option<String>,
    pub state: Option<CaseState>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

/// The review queue of the caller's zones, oldest first.
#[utoipa::path(tag = "moderation", params(CaseQuery), responses((status = 200, body = Page<CaseView>)), security(("bearer" = [])))]
#[get("/v1/moderation/cases")]
async fn list_cases(actor: Actor, request: HttpRequest, database: web::Data<Database>, query: Query<CaseQuery>) -> Result<HttpResponse> {
    let query = query.0;
    let reader = policy::read_queue(&actor, query.zone.as_deref())?;
    let limit = page::limit(query.limit)?;
    let after = page::id_cursor(query.cursor.as_deref())?;
    let rows = store::list(&mut *database.read().await?, &reader, query.state, after, limit).await?;
    Ok(Page::of_rows(rows, limit, |row| row.id, CaseView::from).respond(&request))
}

/// One case, with the subject as it was when the case was opened.
#[utoipa::path(tag = "moderation", params(("id" = Uuid, Path)), responses((status = 200, body = CaseView)), security(("bearer" = [])))]
#[get("/v1/moderation/cases/{id}")]
async fn get_case(actor: Actor, database: web::Data<Database>, id: PathId) -> Result<HttpResponse> {
    let case = policy::see(&actor, actions::find(&mut *database.read().await?, id.0).await?)?;
    Ok(HttpResponse::Ok().json(CaseView::from(case.into_case())))
}

/// Opens a case on something published, of the reviewer's own accord.
#[utoipa::path(tag = "moderation", request_body = OpenCase, responses((status = 201, body = CaseView)), security(("bearer" = [])))]
#[post("/v1/moderation/cases")]
async fn open_case(actor: Actor, database: web::Data<Database>, subjects: web::Data<Subjects>, body: Body<OpenCase>) -> Result<HttpResponse> {
    let case = actions::open_on_own_initiative(&database, &subjects, &actor, body.0.subject).await?;
    Ok(HttpResponse::Created().json(CaseView::from(case)))
}

/// Claims a case: only who claimed it decides it.
#[utoipa::path(tag = "moderation", params(("id" = Uuid, Path)), responses((status = 200, body = CaseView)), security(("bearer" = [])))]
#[post("/v1/moderation/cases/{id}/claim")]
async fn claim_case(actor: Actor, database: web::Data<Database>, subjects: web::Data<Subjects>, id: PathId) -> Result<HttpResponse> {
    let target = policy::review(&actor, actions::find(&mut *database.read().await?, id.0).await?)?;
    Ok(HttpResponse::Ok().json(CaseView::from(actions::claim(&database, &subjects, &actor, &target).await?)))
}

/// Puts a claimed case back into the queue.
#[utoipa::path(tag = "moderation", params(("id" = Uuid, Path)), responses((status = 200, body = CaseView)), security(("bearer" = [])))]
#[post("/v1/moderation/cases/{id}/release")]
async fn release_case(actor: Actor, database: web::Data<Database>, subjects: web::Data<Subjects>, id: PathId) -> Result<HttpResponse> {
    let target = policy::release(&actor, actions::find(&mut *database.read().await?, id.0).await?)?;
    Ok(HttpResponse::Ok().json(CaseView::from(actions::release(&database, &subjects, &actor, &target).await?)))
}

/// Decides a case that the caller has claimed.
#[utoipa::path(tag = "moderation", params(("id" = Uuid, Path)), request_body = Decide, responses((status = 200, body = DecisionView)), security(("bearer" = [])))]
#[post("/v1/moderation/cases/{id}/decide")]
async fn decide_case(actor: Actor, database: web::Data<Database>, subjects: web::Data<Subjects>, id: PathId, body: Body<Decide>) -> Result<HttpResponse> {
    let body = body.0;
    if body.reasons.len() > ReviewReason::ALL.len() {
        return Err(Error::invalid(FieldError::too_many("/reasons", ReviewReason::ALL.len())));
    }
    let text = if body.text.trim().is_empty() { String::new() } else { clean("/text", &body.text, 4000, Lines::Many).map_err(Error::invalid)? };
    let target = policy::decide(&actor, actions::find(&mut *database.read().await?, id.0).await?)?;
    let verdict = Verdict { action: body.action, reasons: body.reasons, text };
    let (_, decision) = actions::decide(&database, &subjects, &actor, &target, &verdict).await?;
    Ok(HttpResponse::Ok().json(DecisionView::from(decision)))
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list_cases).service(open_case).service(get_case).service(claim_case).service(release_case).service(decide_case);
}
