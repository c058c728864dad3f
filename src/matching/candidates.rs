//! Who comes into question: by words, by meaning, and by evidence that needs no words, so that a partner in the other language is not missed.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use tantivy::DocAddress;
use zonebridge_meaning::vector::Direction as VectorDirection;

use super::side::{Seeker, Side, needs_for, offers_for};
use super::weighed::Weighed;
use crate::embedding::means::Meaning;
use crate::error::{Error, Result};
use crate::listings::content::kinds::Direction;
use crate::listings::model::today;
use crate::organizations::model::Bilingual;
use crate::search::bits::{Bits, in_most};
use crate::search::conditions::Conditions;
use crate::search::document::{audience_of, days};
use crate::search::index::{SearchIndex, Snapshot};
use crate::search::judged::Judged;
use crate::search::query::QueryTerms;
use crate::search::rank::{Ground, Words};
use crate::text::fold::fold;
use crate::text::profile::{Profile, hash};

const BY_WORDS: usize = 250;
const BY_TAGS: usize = 150;
const BY_MEANING: usize = 150;
/// The terms that say most about the seeker; more would only find what everybody says.
const TERMS: usize = 48;

/// Where the published listings are that the seeker could match with. All questions are asked at once.
pub fn candidates(index: &SearchIndex, snapshot: &Snapshot, seeker: &Seeker, verified: bool, zones: &[String]) -> Result<Vec<DocAddress>> {
    let ground = snapshot.ground(&index.fields);
    asked(&ground, snapshot, seeker, verified, &conditions(index, seeker, verified, zones)).map_err(|error| Error::internal(anyhow::Error::new(error)))
}

fn asked(ground: &Ground<'_>, snapshot: &Snapshot, seeker: &Seeker, verified: bool, conditions: &Conditions) -> tantivy::Result<Vec<DocAddress>> {
    let allowed = ground.allowed(conditions)?;
    let by_words = || Ok(Words::of(ground, &telling_terms(seeker, snapshot), verified)?.hear(ground, allowed.clone())?.best(BY_WORDS));
    let by_tags = || by_tags(ground, &tags(seeker), &allowed);
    let by_meaning = || {
        let asking = seeker.for_verified.asking.as_ref();
        asking.map(|asking| ground.nearest.about(ground.searcher, &allowed, asking, BY_MEANING)).unwrap_or_default()
    };
    let ((by_words, by_tags), by_meaning) = rayon::join(|| rayon::join(by_words, by_tags), by_meaning);
    let by_words: tantivy::Result<Vec<_>> = by_words;
    let mut seen = HashSet::new();
    let all = by_words?.into_iter().map(|(_, address)| address).chain(by_tags?).chain(by_meaning);
    Ok(all.filter(|address| seen.insert(*address)).collect())
}

/// Who has most of the tags: evidence that needs no words.
fn by_tags(ground: &Ground<'_>, tags: &[String], allowed: &[Bits]) -> tantivy::Result<Vec<DocAddress>> {
    let mut found: Vec<(Reverse<u32>, DocAddress)> = Vec::new();
    for (ordinal, (segment, allowed)) in (0_u32..).zip(ground.searcher.segment_readers().iter().zip(allowed)) {
        let tagged = tags.iter().map(|tag| ground.known.tagged(ground.searcher, segment, ground.fields, tag)).collect::<tantivy::Result<Vec<_>>>()?;
        let sets: Vec<&Bits> = tagged.iter().map(AsRef::as_ref).collect();
        found.extend(in_most(&sets, allowed, BY_TAGS).into_iter().map(|(number, document)| (Reverse(number), DocAddress::new(ordinal, document))));
    }
    found.sort_unstable();
    Ok(found.into_iter().take(BY_TAGS).map(|(_, address)| address).collect())
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
    let mut weighed: Vec<(f64, (String, f32))> = query.terms.into_iter().map(|term| (weight(&term), term)).collect();
    weighed.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    query.terms = weighed.into_iter().take(TERMS).map(|(_, term)| term).collect();
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

/// A candidate as the seeker may know it. Its card has no texts yet: those who are shown get them.
pub fn read(snapshot: &Snapshot, address: DocAddress) -> Result<Side> {
    let statistics = &snapshot.statistics;
    let segment = snapshot.searcher.segment_reader(address.segment_ord);
    let columns = snapshot.nearest.columns(segment).ok_or_else(|| Error::internal(anyhow::anyhow!("a segment that the snapshot does not know")))?;
    let bytes = columns.judged(address.doc_id);
    let judged = Judged::from_bytes(&bytes)?;
    let profile = Profile::from_bytes(judged.profile).ok_or_else(|| Error::internal(anyhow::anyhow!("a malformed profile")))?;
    let totals = statistics.totals_of(&snapshot.searcher, address, || Weighed::totals(&profile, statistics));
    let meaning = columns.meaning(address.doc_id);
    let asking = judged.asking.zip(meaning.as_ref()).and_then(|((e5, universal), Meaning { languages, .. })| {
        let (e5, universal) = (VectorDirection::from_bytes(e5)?, VectorDirection::from_bytes(universal)?);
        Some(Meaning { e5, universal, pieces: Vec::new(), languages: *languages })
    });
    let profile = Weighed::with_totals(profile, totals);
    Ok(Side { money: judged.facts.money(), card: judged.facts.into_card(), profile, excluded: judged.excluded, meaning, asking, spoken: Arc::default() })
}
