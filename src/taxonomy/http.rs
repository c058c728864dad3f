//! `GET /v1/concepts`: the concepts of the AI chain, for clients that show or offer them.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::concept::{Concept, all, place_of};
use super::segment::Segment;
use crate::error::{Error, FieldError, Result};
use crate::http::body::Query;
use crate::http::page::{self, Page};
use crate::text::fold::fold;

/// Longer texts are no words of a concept.
const MAX_QUERY_CHARS: usize = 64;

/// The folded words of each concept, a line a word: folding them all takes too long for a request.
static FOLDED: LazyLock<Vec<String>> = LazyLock::new(|| all().iter().map(|concept| concept.words().map(fold).collect::<Vec<_>>().join("\n")).collect());

/// Which concepts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConceptsQuery {
    /// A part of a word for the concept, in either language.
    #[param(max_length = 64, example = "激光")]
    pub q: Option<String>,
    /// Only the concepts of this segment.
    pub segment: Option<Segment>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

/// A concept of the AI chain.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConceptView {
    #[schema(example = "base.chips.gpu")]
    pub code: &'static str,
    pub segment: Segment,
    /// The code of the concept that this one is part of; absent directly below the segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broader: Option<&'static str>,
    pub zh: &'static str,
    pub en: &'static str,
    /// Other words for the same, in either language.
    pub alternatives: Vec<&'static str>,
}

impl From<&'static Concept> for ConceptView {
    fn from(concept: &'static Concept) -> Self {
        let &Concept { code, segment, broader, zh, en, ref alternatives } = concept;
        Self { code, segment, broader, zh, en, alternatives: alternatives.clone() }
    }
}

/// The concepts that listings are tagged with, in the order of the chain.
#[utoipa::path(tag = "taxonomy", params(ConceptsQuery), responses((status = 200, body = Page<ConceptView>)))]
#[get("/v1/concepts")]
async fn list_concepts(request: HttpRequest, query: Query<ConceptsQuery>) -> Result<HttpResponse> {
    let query = query.0;
    let limit = usize::try_from(page::limit(query.limit)?).map_err(Error::internal)?;
    let after = query.cursor.as_deref().map(place_after).transpose()?.unwrap_or(0);
    let wanted = wanted(query.q.as_deref())?;
    let fits = |(concept, words): &(&'static Concept, &String)| query.segment.is_none_or(|segment| concept.segment == segment) && words.contains(&wanted);
    let found = all().iter().zip(&*FOLDED).skip(after).filter(fits);
    let mut items: Vec<ConceptView> = found.take(limit + 1).map(|(concept, _)| ConceptView::from(concept)).collect();
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| has_more).map(|last| page::encode_cursor(last.code.as_bytes()));
    Ok(Page { items, next_cursor }.respond(&request))
}

/// Folded; of one line, so that it cannot reach from one word into the next.
fn wanted(q: Option<&str>) -> Result<String> {
    let text = q.unwrap_or_default().trim();
    if text.chars().count() > MAX_QUERY_CHARS {
        return Err(Error::malformed(FieldError::too_long("q", MAX_QUERY_CHARS)));
    }
    Ok(fold(text).replace('\n', " "))
}

/// A cursor names the last concept that was shown.
fn place_after(cursor: &str) -> Result<usize> {
    let wrong = || Error::malformed(FieldError::malformed("cursor", "a cursor of this list", "该列表的游标"));
    let code = String::from_utf8(page::decode_cursor(cursor)?).map_err(|_| wrong())?;
    place_of(&code).map(|place| place + 1).ok_or_else(wrong)
}

/// The routes of the taxonomy.
pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list_concepts);
}
