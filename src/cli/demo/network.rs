//! The demonstration network: invented organisations, listings and accounts. Loading it again changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result, bail};
use chrono::Days;
use diesel_async::AsyncConnection;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::accounts::{self, HEFEI_REVIEWER, People};
use super::lives::{Lives, Review};
use crate::access::actor::Role;
use crate::access::tokens::Tokens;
use crate::accounts::policy::Scope;
use crate::audit::model::By;
use crate::cli::import::rows::parse_row;
use crate::cli::words::said;
use crate::config::{Config, Secret};
use crate::db::Database;
use crate::error::Error;
use crate::listings::import::{Importer, Row};
use crate::listings::jobs::expire_overdue;
use crate::listings::model::today;
use crate::listings::states::ListingState;
use crate::organizations::actions as organizations;
use crate::organizations::model::{self, Bilingual, NewOrganization, Organization, OrganizationKind, Verification};
use crate::zones::model::PublicationPolicy;
use crate::{api, zones};

const ORGANIZATIONS: &str = include_str!("../../../demo/organizations.jsonl");
/// The market as it is, and listings of which each has come to another point of its life.
const LISTINGS: [&str; 8] = [
    include_str!("../../../demo/listings/technology.jsonl"),
    include_str!("../../../demo/listings/funding.jsonl"),
    include_str!("../../../demo/listings/talent.jsonl"),
    include_str!("../../../demo/listings/industry.jsonl"),
    include_str!("../../../demo/lives/technology.jsonl"),
    include_str!("../../../demo/lives/funding.jsonl"),
    include_str!("../../../demo/lives/talent.jsonl"),
    include_str!("../../../demo/lives/industry.jsonl"),
];

/// Hefei and all that are not named review first.
const POLICIES: [(&str, PublicationPolicy); 3] = [("zgc", PublicationPolicy::Trusted), ("hangzhou", PublicationPolicy::Post), ("chengdu", PublicationPolicy::Trusted)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganizationRow {
    key: String,
    name: Bilingual,
    kind: OrganizationKind,
    uscc: String,
    home_zone: String,
    verification: Verification,
}

/// A row of a listings file: the fields of an import, whose it is and how far it has come.
struct ListingRow {
    organization: String,
    state: ListingState,
    review: Option<Review>,
    row: Row,
}

impl ListingRow {
    /// Whether others have seen it at some time, so that it comes in as published.
    fn was_live(&self) -> bool {
        use ListingState as S;
        matches!(self.state, S::Published | S::Paused | S::Expired | S::Fulfilled | S::Withdrawn | S::Removed)
    }
}

/// Loads what is not there yet and says how many listings that were.
pub async fn load(config: &Config, url: &Secret, database: &Database, password: &str, password_is_new: bool) -> Result<usize> {
    let organizations = load_organizations(database).await?;
    accounts::load(database, &organizations, password, password_is_new).await?;
    let people = People { database, tokens: Tokens::load(&config.tokens)? };
    set_policies(database, &people).await?;
    let rows = listing_rows(database).await?;
    let loader = Loader { url, database, people, organizations, password };
    loader.load_listings(rows).await
}

async fn load_organizations(database: &Database) -> Result<HashMap<String, Organization>> {
    let mut loaded = HashMap::new();
    for row in lines::<OrganizationRow>(ORGANIZATIONS)? {
        let mut conn = said(database.write().await)?;
        let known = said(organizations::find_by_uscc(&mut conn, &row.uscc).await)?;
        let organization = if let Some(organization) = known {
            organization
        } else {
            let uscc = said(model::parse_uscc("/uscc", &row.uscc).map_err(Error::invalid)).with_context(|| row.key.clone())?;
            let new = NewOrganization { name: row.name, kind: row.kind, uscc, home_zone: row.home_zone, website: None };
            said(conn.transaction(async |conn| organizations::insert(conn, &By::command(), new, row.verification).await).await)?
        };
        loaded.insert(row.key, organization);
    }
    Ok(loaded)
}

async fn set_policies(database: &Database, people: &People<'_>) -> Result<()> {
    let mut administrator = None;
    for (code, policy) in POLICIES {
        let zone = said(zones::actions::find(&mut *said(database.read().await)?, code).await)?;
        if zone.policy == policy || zone.version > 1 {
            continue;
        }
        let actor = match &administrator {
            Some(actor) => actor,
            None => administrator.insert(people.desk(vec![(Role::NetworkAdmin, Scope::Network)]).await?),
        };
        let target = said(zones::policy::administer(actor, zone))?;
        said(zones::actions::change_policy(database, actor, &target, policy).await)?;
    }
    Ok(())
}

struct Loader<'a> {
    url: &'a Secret,
    database: &'a Database,
    people: People<'a>,
    organizations: HashMap<String, Organization>,
    password: &'a str,
}

/// A listing that is there and has not come to its state yet.
struct Unfinished<'a> {
    id: Uuid,
    organization: &'a Organization,
    state: ListingState,
    review: Option<Review>,
}

impl Loader<'_> {
    async fn load_listings(&self, rows: Vec<ListingRow>) -> Result<usize> {
        let mut batches: BTreeMap<(String, bool), Vec<ListingRow>> = BTreeMap::new();
        for row in rows {
            batches.entry((row.organization.clone(), row.was_live())).or_default().push(row);
        }
        let (mut new, mut unfinished, mut importer) = (0, Vec::new(), None);
        for ((key, live), rows) in batches {
            let organization = self.organizations.get(&key).with_context(|| format!("the demonstration has no organisation {key}"))?;
            let importer = match &mut importer {
                Some(importer) => importer,
                None => importer.insert(said(Importer::connect(self.url, organization, live).await)?),
            };
            importer.turn_to(organization, live);
            new += self.import(importer, organization, rows, &mut unfinished).await?;
        }
        if !unfinished.is_empty() {
            self.lead(unfinished).await?;
        }
        Ok(new)
    }

    /// Brings in the rows and notes which still have a way to go: also those that an earlier loading, cut short, has left.
    async fn import<'a>(&self, importer: &mut Importer, organization: &'a Organization, rows: Vec<ListingRow>, unfinished: &mut Vec<Unfinished<'a>>) -> Result<usize> {
        let mut lives: HashMap<String, (ListingState, Option<Review>)> = HashMap::new();
        let mut fresh = Vec::new();
        for listing in rows {
            lives.insert(listing.row.external_id.clone(), (listing.state, listing.review));
            fresh.push(listing.row);
        }
        let outcome = said(importer.write(&fresh, None).await)?;
        let external_ids: Vec<&str> = fresh.iter().map(|row| row.external_id.as_str()).collect();
        for (external_id, id) in said(importer.untouched(&external_ids).await)? {
            if let Some((state, review)) = lives.remove(&external_id)
                && !matches!(state, ListingState::Draft | ListingState::Published)
            {
                unfinished.push(Unfinished { id, organization, state, review });
            }
        }
        Ok(outcome.new.len())
    }

    async fn lead(&self, unfinished: Vec<Unfinished<'_>>) -> Result<()> {
        let owners: BTreeSet<Uuid> = unfinished.iter().map(|one| one.organization.id).collect();
        let zones = said(zones::actions::codes(&mut *said(self.database.read().await)?).await)?;
        let lives = Lives {
            database: self.database,
            subjects: api::subjects(),
            owner: self.people.desk(owners.into_iter().map(|id| (Role::OrgAdmin, Scope::Organization(id))).collect()).await?,
            reviewer: self.people.reviewer(zones.into_iter().map(|zone| (Role::ZoneReviewer, Scope::Zone(zone))).collect()).await?,
            hefei_reviewer: self.people.account(HEFEI_REVIEWER, self.password).await?,
        };
        for one in &unfinished {
            lives.lead(one.id, &one.organization.home_zone, one.state, one.review.as_ref()).await?;
        }
        said(expire_overdue(self.database.clone()).await)
    }
}

fn lines<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).with_context(|| format!("the demonstration has a bad row: {line}"))).collect()
}

async fn listing_rows(database: &Database) -> Result<Vec<ListingRow>> {
    let zones = said(zones::actions::codes(&mut *said(database.read().await)?).await)?;
    let listings = LISTINGS.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty());
    listings.map(|line| listing_row(line, &zones).with_context(|| format!("the demonstration has a bad row: {line}"))).collect()
}

fn listing_row(line: &str, zones: &[String]) -> Result<ListingRow> {
    let mut listing: Map<String, Value> = serde_json::from_str(line)?;
    let Some(Value::String(organization)) = listing.remove("organization") else { bail!("it names no organisation") };
    let state: ListingState = serde_json::from_value(listing.remove("state").unwrap_or_default()).context("state")?;
    let review = listing.remove("review").map(serde_json::from_value).transpose().context("review")?;
    resolve_days(&mut listing);
    let mut row = said(parse_row(Value::Object(listing), zones, state != ListingState::Draft))?;
    if state == ListingState::Expired {
        row.valid_through = today() - Days::new(1);
    }
    Ok(ListingRow { organization, state, review, row })
}

/// Turns the days from today of a delivery window, such as `+30d`, into dates.
fn resolve_days(listing: &mut Map<String, Value>) {
    let Some(window) = listing.get_mut("attributes").and_then(|attributes| attributes.get_mut("delivery")).and_then(Value::as_object_mut) else { return };
    for day in window.values_mut() {
        let days = day.as_str().and_then(|text| text.strip_prefix('+')?.strip_suffix('d')?.parse::<u64>().ok());
        if let Some(date) = days.and_then(|days| today().checked_add_days(Days::new(days))) {
            *day = Value::String(date.to_string());
        }
    }
}
