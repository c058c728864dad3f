//! `GET /v1/suggestions`: what somebody who types may mean. Answered from the index alone, and the same for everybody: from what guests see.

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::completion::Completion;
use super::index::{SearchIndex, Snapshot};
use crate::error::{Error, FieldError, Result};
use crate::http::body::Query;
use crate::text_enum;

const MAX_TYPED_CHARS: usize = 64;

/// What was typed so far.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SuggestionsQuery {
    /// The beginning of a word, in Chinese or English.
    #[param(min_length = 1, max_length = 64, example = "激光")]
    pub q: String,
}

text_enum! {
    /// Where a suggestion comes from: the taxonomy, or the keywords of listings.
    pub enum SuggestionKind {
        Concept = "concept",
        Keyword = "keyword",
    }
}

/// A word that completes what was typed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suggestion {
    pub text: String,
    pub kind: SuggestionKind,
    /// The code of the concept, for the filter `concept` of the search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// How many listings that everybody sees carry it; of many, nearly.
    pub count: u64,
}

impl From<&Completion> for Suggestion {
    fn from(completion: &Completion) -> Self {
        let kind = if completion.concept.is_some() { SuggestionKind::Concept } else { SuggestionKind::Keyword };
        Self { text: completion.text.clone(), kind, code: completion.concept.map(|concept| concept.code), count: completion.count }
    }
}

/// What may be meant, the likeliest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suggestions {
    #[schema(max_items = 10)]
    pub items: Vec<Suggestion>,
}

/// Completes what somebody types by words of concepts and keywords of listings, at most ten, each carried by a listing that everybody sees.
#[utoipa::path(tag = "taxonomy", params(SuggestionsQuery), responses((status = 200, body = Suggestions)))]
#[get("/v1/suggestions")]
async fn suggest(index: web::Data<SearchIndex>, query: Query<SuggestionsQuery>) -> Result<HttpResponse> {
    let typed = checked(&query.0.q)?;
    let snapshot = index.snapshot()?;
    let shared = index.get_ref().clone();
    let suggestions = index.run(move || suggestions(&shared, &snapshot, &typed)).await?;
    Ok(HttpResponse::Ok().json(suggestions))
}

/// What completes a typed text by what a snapshot holds.
pub fn suggestions(index: &SearchIndex, snapshot: &Snapshot, typed: &str) -> Result<Suggestions> {
    let found = snapshot.completed.complete(&snapshot.searcher, index.fields.completions, typed).map_err(|error| Error::internal(anyhow::Error::new(error)))?;
    Ok(Suggestions { items: found.iter().map(Suggestion::from).collect() })
}

fn checked(q: &str) -> Result<String> {
    let typed = q.trim();
    match typed.chars().count() {
        0 => Err(Error::malformed(FieldError::required("q"))),
        1..=MAX_TYPED_CHARS => Ok(typed.to_owned()),
        _ => Err(Error::malformed(FieldError::too_long("q", MAX_TYPED_CHARS))),
    }
}

/// The routes of suggestions.
pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(suggest);
}
