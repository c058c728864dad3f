//! Who comes into question: by words, by meaning, and by evidence that needs no words, so that a partner in the other language is not missed.

use std::collections::HashSet;

use tantivy::collector::TopDocs;
use tantivy::query::Query;
use tantivy::{DocAddress, Score};

use super::side::{Seeker, Side, needs_for, offers_for};
use super::weighed::Weighed;
use crate::error::{Error, Result};
use crate::listings::content::kinds::Direction;
use crate::listings::model::today;
use crate::organizations::model::Bilingual;
use crate::search::columns::Vectors;
use crate::search::conditions::{Conditions, any_tag};
use crate::search::document::{Hidden, audience_of, days};
use crate::search::index::{SearchIndex, Snapshot};
use crate::search::query::{Breadth, QueryTerms};
use crate::search::statistics::PublicStatistics;
use crate::search::stored::Judged;
use crate::text::fold::fold;
use crate::text::profile::{Profile, hash};

const BY_WORDS: usize = 250;
const BY_TAGS: usize = 150;
const BY_MEANING: usize = 150;
/// The terms that say most about the seeker; more would only find what everybody says.
const TERMS: usize = 48;

/// Where the published listings are that the seeker could match with. All questions are asked at once.
pub fn candidates(index: &SearchIndex, snapshot: &Snapshot, seeker: &Seeker, verified: bool, zones: &[String]) -> Result<Vec<DocAddress>> {
    let find = |query: Option<Box<dyn Query>>, limit: usize| -> Result<Vec<(Score, DocAddress)>> {
        let Some(query) = query else { return Ok(Vec::new()) };
        let statistics = PublicStatistics { searcher: &snapshot.searcher, fields: &index.fields };
        let asked = conditions(index, seeker, verified, zones).with(Some(query));
        let found = snapshot.searcher.search_with_statistics_provider(&asked, &TopDocs::with_limit(limit).order_by_score(), &statistics);
        found.map_err(|error| Error::internal(anyhow::Error::new(error)))
    };
    let by_meaning = || -> Result<Vec<DocAddress>> {
        let Some(asking) = &seeker.for_verified.asking else { return Ok(Vec::new()) };
        let found = snapshot.nearest.find(&snapshot.searcher, &conditions(index, seeker, verified, zones), asking, BY_MEANING);
        Ok(found.map_err(|error| Error::internal(anyhow::Error::new(error)))?.into_iter().map(|(_, address)| address).collect())
    };
    let ((by_words, by_tags), by_meaning) = rayon::join(
        || rayon::join(|| find(telling_terms(seeker, snapshot).ranking(&index.fields, Breadth::Any, verified), BY_WORDS), || find(any_tag(&index.fields, &tags(seeker)), BY_TAGS)),
        by_meaning,
    );
    let mut seen = HashSet::new();
    Ok(by_words?.into_iter().chain(by_tags?).map(|(_, address)| address).chain(by_meaning?).filter(|address| seen.insert(*address)).collect())
}

fn conditions(index: &SearchIndex, seeker: &Seeker, verified: bool, zones: &[String]) -> Conditions {
    let fields = &index.fields;
    let mut conditions = Conditions::default();
    let kinds = match seeker.direction() {
        Direction::Need => offers_for(seeker.kind()).to_vec(),
        Direction::Offer => needs_for(seeker.kind()),
    };
    conditions.audience(fields, audience_of(verified));
    conditions.at_least_i64(fields.valid_through, days(today()));
    conditions.tag(fields, "direction", &[seeker.direction().opposite().as_str()]);
    conditions.tag(fields, "kind", &kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
    conditions.tag(fields, "zone", zones);
    conditions.not(fields.organization, &seeker.for_public.organization().to_string());
    conditions
}

/// The seeker's heaviest terms by tf-idf, as a query.
fn telling_terms(seeker: &Seeker, snapshot: &Snapshot) -> QueryTerms {
    let card = &seeker.for_verified.card;
    let lines = |texts: &[&Bilingual]| texts.iter().flat_map(|text| [text.zh.as_deref(), text.en.as_deref()]).flatten().collect::<Vec<_>>().join("\n");
    let words = card.keywords.iter().map(String::as_str).chain(card.attributes.searchable_words()).collect::<Vec<_>>().join("\n");
    let mut query = QueryTerms::titled(&lines(&[&card.title]), &format!("{}\n{words}", lines(&[&card.summary, &card.body])));
    let weight = |(term, count): &(String, f32)| f64::from(*count).ln_1p() * snapshot.statistics.idf(hash(term)).powi(2);
    query.terms.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    query.terms.truncate(TERMS);
    query
}

fn tags(seeker: &Seeker) -> Vec<String> {
    let card = &seeker.for_verified.card;
    let mut tags: Vec<String> = card.segments.iter().map(|segment| format!("segment:{segment}")).collect();
    // The division is the least that counts as evidence, and longer codes then weigh more.
    tags.extend(card.industries.iter().flat_map(|code| code.prefixes().filter(|prefix| prefix.len() >= 3).map(|prefix| format!("industry:{prefix}")).collect::<Vec<_>>()));
    tags.extend(card.attributes.skills().iter().map(|skill| format!("skill:{}", fold(&skill.name))));
    tags.sort();
    tags.dedup();
    tags
}

/// The columns of all segments: opened once for hundreds of candidates.
pub fn columns(snapshot: &Snapshot) -> Result<Vec<Vectors>> {
    let columns = snapshot.searcher.segment_readers().iter().map(Vectors::of).collect::<tantivy::Result<_>>();
    columns.map_err(|error| Error::internal(anyhow::Error::new(error)))
}

/// A candidate as the seeker may know it. Its card has no texts yet: those who are shown get them.
pub fn read(index: &SearchIndex, snapshot: &Snapshot, columns: &[Vectors], address: DocAddress) -> Result<Side> {
    let (fields, statistics) = (&index.fields, &snapshot.statistics);
    let document: Judged = snapshot.searcher.doc(address).map_err(|error| Error::internal(anyhow::Error::new(error)))?;
    let hidden: Hidden = serde_json::from_slice(document.hidden(fields)?).map_err(Error::internal)?;
    let profile = Profile::from_bytes(document.profile(fields)?).ok_or_else(|| Error::internal(anyhow::anyhow!("a malformed profile")))?;
    let totals = statistics.totals_of(&snapshot.searcher, address, || Weighed::totals(&profile, statistics));
    let columns = columns.get(address.segment_ord as usize);
    let meaning = columns.and_then(|columns| columns.meaning(address.doc_id));
    let asking = columns.and_then(|columns| columns.asking(address.doc_id));
    Ok(Side { card: document.facts(fields)?.into_card(), profile: Weighed::with_totals(profile, totals), hidden, meaning, asking })
}
