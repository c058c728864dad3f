//! `GET /v1/listings`: searching and browsing. Answered from the index alone.

use std::collections::{BTreeMap, HashMap};

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::conditions::Conditions;
use super::filters::{FacetCount, conditions, facet_counts, facet_names};
use super::find::{Asked, Found};
use super::hits::{SearchHit, hit};
use super::index::{SearchIndex, SearchMode, Snapshot};
use super::parameters::{SearchQuery, Sort};
use super::phrase::phrase_query;
use super::query::QueryTerms;
use super::spelling::{Correction, Reader, Spelling, mend};
use super::typed::{Typed, parse};
use crate::access::actor::Caller;
use crate::error::{Error, FieldError, Result};
use crate::http::body::Query;
use crate::http::page::{decode_cursor, encode_cursor, limit, next_link};
use crate::taxonomy::concept::ConceptName;

const MAX_QUERY_CHARS: usize = 1_000;
/// How deep a search can be paged; further down nobody reads, and narrowing it is faster.
const MAX_DEPTH: usize = 10_000;

#[derive(Debug, Serialize, ToSchema)]
pub struct SearchResult {
    pub items: Vec<SearchHit>,
    /// The counts of each facet asked for, most frequent first.
    pub facets: BTreeMap<String, Vec<FacetCount>>,
    /// How many listings were found in all.
    pub total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    pub mode: SearchMode,
    /// The query as it was probably meant, where a word of it is in no listing, or far rarer than one that differs by a letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
    /// What was searched in the places of words that are in no listing, where `explain` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrections: Option<Vec<Correction>>,
    /// The concepts that the question was found to name, where `explain` asked for it: their other words were looked for too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concepts: Option<Vec<ConceptName>>,
}

/// Searches published listings, or browses them without `q`.
#[utoipa::path(tag = "listings", params(SearchQuery), responses((status = 200, body = SearchResult)), security((), ("bearer" = [])))]
#[get("/v1/listings")]
async fn search_listings(caller: Caller, request: HttpRequest, index: web::Data<SearchIndex>, query: Query<SearchQuery>) -> Result<HttpResponse> {
    let snapshot = index.snapshot()?;
    let (shared, verified) = (index.get_ref().clone(), caller.is_verified());
    let result = index.run(move || search(&shared, &snapshot, &query.0, verified)).await?;
    let mut response = HttpResponse::Ok();
    if let Some(link) = result.next_cursor.as_deref().and_then(|cursor| next_link(&request, cursor)) {
        response.insert_header((header::LINK, link));
    }
    Ok(response.json(result))
}

/// Runs a search for a guest or for somebody of a verified organisation.
pub fn search(index: &SearchIndex, snapshot: &Snapshot, query: &SearchQuery, verified: bool) -> Result<SearchResult> {
    let page = usize::try_from(limit(query.limit)?).map_err(Error::internal)?;
    let offset = offset_of(query, verified)?;
    let given = checked_text(query.q.as_deref())?;
    let typed = parse(&given).map_err(Error::malformed)?;
    let mut terms = QueryTerms::of_question(&typed.text);
    let facets = facet_names(query.facets.as_deref())?;
    let mut conditions = conditions(index, query, verified)?;
    if terms.is_empty() && !typed.text.is_empty() {
        // Signs only: nothing can be found by them, and showing everything would look like an answer.
        return Ok(nothing(&facets));
    }
    let Spelling { corrections, did_you_mean } = mend(&Reader { index, snapshot, conditions: &conditions, verified }, &given, &typed, &mut terms)?;
    operators(index, &typed, verified, &mut conditions);
    // Without words nothing is more relevant than anything else.
    let sort = if terms.is_empty() && query.sort != Some(Sort::Expiring) { Sort::Newest } else { query.sort.unwrap_or(Sort::Relevance) };
    let asked = Asked { index, snapshot, terms: &terms, text: &typed.text, verified, offset, page, facets: &facets };
    let found = match sort {
        Sort::Relevance => asked.by_relevance(&conditions),
        Sort::Newest | Sort::Expiring => asked.by_time(&conditions, sort),
    };
    let Found { hits, total, counts } = found.map_err(|error| Error::internal(anyhow::Error::new(error)))?;
    let (marks, explain) = (terms.marks(), query.explain == Some(true));
    // Showing what was found takes longer than finding it.
    let items = hits.into_par_iter().map(|(parts, address)| hit(index, snapshot, address, parts, explain, &marks)).collect::<Result<Vec<_>>>()?;
    let next = offset + page;
    let next_cursor = (next < total && next < MAX_DEPTH).then(|| encode_cursor(format!("{next}:{}", fingerprint(query, verified)).as_bytes()));
    let mode = if sort == Sort::Relevance { index.mode() } else { SearchMode::Words };
    let concepts = explain.then(|| terms.synonyms.iter().map(|synonyms| synonyms.concept.name()).collect());
    Ok(SearchResult { items, facets: facet_counts(&facets, counts), total, next_cursor, mode, did_you_mean, corrections: explain.then_some(corrections), concepts })
}

/// An answer that finds nothing.
fn nothing(facets: &[String]) -> SearchResult {
    SearchResult {
        items: Vec::new(),
        facets: facet_counts(facets, HashMap::new()),
        total: 0,
        next_cursor: None,
        mode: SearchMode::Words,
        did_you_mean: None,
        corrections: None,
        concepts: None,
    }
}

/// Adds what phrases and exclusions ask to the conditions, so that what is found by meaning obeys them too.
fn operators(index: &SearchIndex, typed: &Typed, verified: bool, conditions: &mut Conditions) {
    let readable = index.fields.of_reader(verified);
    for query in typed.phrases.iter().filter_map(|phrase| phrase_query(&readable, phrase)) {
        conditions.present(query);
    }
    for query in typed.exclusions.iter().filter_map(|exclusion| phrase_query(&readable, exclusion)) {
        conditions.absent(query);
    }
}

fn checked_text(q: Option<&str>) -> Result<String> {
    let text = q.unwrap_or_default().trim();
    if text.chars().count() > MAX_QUERY_CHARS {
        return Err(Error::malformed(FieldError::too_long("q", MAX_QUERY_CHARS)));
    }
    Ok(text.to_owned())
}

/// A cursor goes on with one search: the same parameters, seen by the same audience.
fn fingerprint(query: &SearchQuery, verified: bool) -> String {
    let mut same = query.clone();
    (same.cursor, same.limit, same.facets, same.explain) = (None, None, None, None);
    let digest = Sha256::digest(format!("{same:?} {verified}"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn offset_of(query: &SearchQuery, verified: bool) -> Result<usize> {
    let Some(cursor) = &query.cursor else { return Ok(0) };
    let wrong = || {
        Error::malformed(FieldError::malformed(
            "cursor",
            "a cursor of this very search: change nothing but the limit while paging",
            "本次搜索的游标：翻页时除 limit 外请勿更改参数",
        ))
    };
    let content = String::from_utf8(decode_cursor(cursor)?).map_err(|_| wrong())?;
    let (offset, of) = content.split_once(':').ok_or_else(wrong)?;
    let offset: usize = offset.parse().map_err(|_| wrong())?;
    if of == fingerprint(query, verified) && offset < MAX_DEPTH { Ok(offset) } else { Err(wrong()) }
}

pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(search_listings);
}
