//! Every route, and the OpenAPI document that is made from the very same list.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, get, web};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::Error;
use crate::http::cache::Freshness;
use crate::http::problem::{MEDIA_TYPE, Problem, ProblemField};
use crate::listings::content::attributes::{FundingAttributes, IndustryAttributes, TalentAttributes, TechnologyAttributes};
use crate::listings::review::ListingSubject;
use crate::listings::view::ListingSnapshot;
use crate::moderation::subject::Subjects;
use crate::organizations::model::VerificationMove;
use crate::search::parameters::Sort;
use crate::{accounts, audit, listings, matching, moderation, operation, organizations, search, taxonomy, zones};

/// The only operations without a token that no guest rule names: everything else says `security`.
pub const PUBLIC: [(&str, &str); 12] = [
    ("post", "/v1/accounts"),
    ("post", "/v1/sessions"),
    ("post", "/v1/sessions/refresh"),
    ("get", "/v1/zones"),
    ("get", "/v1/zones/{code}"),
    ("get", "/v1/concepts"),
    ("get", "/v1/suggestions"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/metrics"),
    ("get", "/.well-known/jwks.json"),
    ("get", "/openapi.json"),
];

/// The reads whose answers may be kept. What others post can be withdrawn at any moment, so it is asked for again each time; an answer
/// that has not changed costs a few bytes.
pub const CACHED: [(&str, Freshness); 10] = [
    ("/v1/listings", Freshness::Revalidated),
    ("/v1/listings/{id}/similar", Freshness::Revalidated),
    ("/v1/listings/{id}", Freshness::Revalidated),
    ("/v1/suggestions", Freshness::Revalidated),
    ("/v1/organizations/{id}", Freshness::Revalidated),
    ("/v1/zones", Freshness::Seconds(60)),
    ("/v1/zones/{code}", Freshness::Seconds(60)),
    ("/v1/concepts", Freshness::Seconds(300)),
    ("/.well-known/jwks.json", Freshness::Seconds(300)),
    ("/openapi.json", Freshness::Seconds(300)),
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Zonebridge",
        version = "1",
        description = "The exchange on which high-tech zones trade technology, funding, talent and industry capacity for the AI industry chain. \
                       JSON in snake_case, times in UTC (RFC 3339), money as decimal strings, texts in Chinese and English. \
                       Errors are problem details (RFC 9457) in the language of Accept-Language.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, ProblemField, ListingSnapshot, TechnologyAttributes, FundingAttributes, TalentAttributes, IndustryAttributes, Sort, VerificationMove)),
    tags(
        (name = "accounts", description = "Accounts and sessions"),
        (name = "zones", description = "Zones, their policy and their people"),
        (name = "organizations", description = "Organisations, members, verification"),
        (name = "taxonomy", description = "The concepts of the AI chain"),
        (name = "listings", description = "Posting and searching"),
        (name = "matching", description = "Matches with their reasons"),
        (name = "moderation", description = "Cases and decisions"),
        (name = "audit", description = "What is recorded"),
        (name = "operation", description = "Health, metrics, keys, this document")
    )
)]
struct Base;

/// The kinds of things that cases are about.
pub fn subjects() -> Subjects {
    Subjects::default().with(ListingSubject)
}

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(openapi_json);
    operation::routes(config);
    accounts::http::routes(config);
    zones::http::routes(config);
    accounts::roles_http::routes(config);
    organizations::http::routes(config);
    organizations::members_http::routes(config);
    taxonomy::http::routes(config);
    search::http::routes(config);
    search::similar::routes(config);
    search::suggestions::routes(config);
    search::tagging::routes(config);
    listings::http::routes(config);
    listings::moves_http::routes(config);
    listings::owner_http::routes(config);
    matching::http::routes(config);
    moderation::http::routes(config);
    audit::http::routes(config);
}

/// This document.
#[utoipa::path(tag = "operation", responses((status = 200, description = "An OpenAPI 3.1 document, as JSON")))]
#[get("/openapi.json")]
async fn openapi_json(document: web::Data<OpenApi>) -> HttpResponse {
    HttpResponse::Ok().json(document.get_ref())
}

/// The document of all routes.
pub fn document() -> OpenApi {
    let (_, found) = actix_web::App::new().into_utoipa_app().openapi(Base::openapi()).configure(routes).split_for_parts();
    complete(found)
}

/// Adds what is the same everywhere: the security scheme and the problems that an operation may answer.
fn complete(mut document: OpenApi) -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some("The access_token of POST /v1/sessions")).build();
    document.components.get_or_insert_default().security_schemes.insert("bearer".into(), RefOr::T(SecurityScheme::Http(bearer)));
    for (path, item) in &mut document.paths.paths {
        for operation in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten() {
            add_problems(path, operation);
        }
        if let Some(operation) = item.post.as_mut().filter(|operation| operation.security.is_some()) {
            add_idempotency(operation);
        }
        if let Some(operation) = item.get.as_mut().filter(|_| CACHED.iter().any(|(cached, _)| cached == path)) {
            add_conditions(operation);
        }
    }
    document
}

/// Every POST by an account may carry a key, see `idempotency`.
fn add_idempotency(operation: &mut Operation) {
    let text = "Sent again within 24 hours with the same key, the request gets the answer of the first time and does nothing. 409 while the first is at work, 422 when the key was used for another request.";
    operation.parameters.get_or_insert_default().push(header_parameter("Idempotency-Key", text));
    for (status, description) in [
        ("409", "It conflicts with what is there, or the first request with this key is still at work"),
        ("413", "The body is too large"),
        ("422", "The content breaks a rule, or the key was used for another request"),
    ] {
        operation.responses.responses.entry(status.into()).or_insert_with(|| RefOr::T(problem_response(description)));
    }
}

/// Reads that may be kept, see `http::cache`.
fn add_conditions(operation: &mut Operation) {
    operation.parameters.get_or_insert_default().push(header_parameter("If-None-Match", "The ETag of an answer that the caller has: 304 where it still holds."));
    operation.responses.responses.entry("304".into()).or_insert_with(|| RefOr::T(ResponseBuilder::new().description("The answer that the caller has still holds").build()));
}

fn header_parameter(name: &str, description: &str) -> RefOr<Parameter> {
    let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(255));
    RefOr::T(ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False).description(Some(description)).schema(Some(text)).build())
}

fn add_problems(path: &str, operation: &mut Operation) {
    let secured = operation.security.is_some();
    let mut expected = BTreeMap::from([("400", "The request is malformed"), ("500", "A fault of the service"), ("503", "Not ready"), ("504", "Took too long")]);
    if secured {
        expected.insert("401", "The token is missing, wrong or expired");
        expected.insert("403", "The caller may not do this");
    }
    if path.contains('{') || path.starts_with("/v1/moderation") {
        expected.insert("404", "There is no such thing, or the caller may not know of it");
        expected.insert("409", "The state does not allow it");
    }
    if path.ends_with("/{account_id}") {
        expected.insert("422", "The content breaks a rule");
    }
    if operation.request_body.is_some() {
        for (status, description) in [
            ("401", "The credentials are wrong"),
            ("404", "There is no such thing, or the caller may not know of it"),
            ("409", "It conflicts with what is there"),
            ("412", "It was changed meanwhile"),
            ("413", "The body is too large"),
            ("415", "The body is not JSON"),
            ("422", "The content breaks a rule"),
            ("428", "If-Match is required"),
            ("429", "Too many attempts"),
        ] {
            expected.insert(status, description);
        }
    } else if path.ends_with("/submit") || path.ends_with("/renew") {
        expected.insert("422", "The content is not complete");
    }
    for (status, description) in expected {
        operation.responses.responses.entry(status.into()).or_insert_with(|| RefOr::T(problem_response(description)));
    }
}

fn problem_response(description: &str) -> Response {
    ResponseBuilder::new().description(description).content(MEDIA_TYPE, ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build()).build()
}

/// What no route takes: 405 with the methods allowed where the path is known, 404 elsewhere.
pub async fn unmatched(request: HttpRequest, document: web::Data<OpenApi>) -> HttpResponse {
    let methods = methods_of(&document, request.path());
    if methods.is_empty() || methods.contains(&request.method().as_str().to_ascii_lowercase().as_str()) {
        return problem(&Error::NotFound, &request);
    }
    let allow = methods.join(", ").to_uppercase();
    let mut response = if request.method() == Method::OPTIONS { HttpResponse::NoContent().finish() } else { problem(&Error::MethodNotAllowed, &request) };
    if let Ok(value) = HeaderValue::from_str(&allow) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// These answers come from outside the middleware that knows the caller's language.
fn problem(error: &Error, request: &HttpRequest) -> HttpResponse {
    crate::http::problem::respond(error, crate::http::context::locale_of(request), crate::http::context::request_id(request))
}

fn methods_of(document: &OpenApi, path: &str) -> Vec<&'static str> {
    let matches = |template: &str| {
        let (mut ours, mut theirs) = (template.split('/'), path.split('/'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || (a.starts_with('{') && !b.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let items = document.paths.paths.iter().filter(|(template, _)| matches(template)).map(|(_, item)| item);
    items
        .flat_map(|item| {
            [("get", item.get.is_some()), ("put", item.put.is_some()), ("post", item.post.is_some()), ("delete", item.delete.is_some()), ("patch", item.patch.is_some())]
        })
        .filter_map(|(method, there)| there.then_some(method))
        .collect()
}
