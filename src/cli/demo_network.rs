//! The demonstration network: invented organisations, listings and accounts. Loading it again changes nothing.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Days;
use diesel_async::AsyncConnection;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::admin::{describe, said};
use super::import::parse_row;
use crate::access::actor::{Actor, Role};
use crate::access::extract::actor_of;
use crate::access::tokens::Tokens;
use crate::accounts::actions::{self as accounts, NewAccount};
use crate::accounts::grants;
use crate::accounts::model::{AccountLocale, DisplayName, Email};
use crate::accounts::policy::{Scope, appoint_by_operator};
use crate::audit::model::By;
use crate::config::Config;
use crate::db::Database;
use crate::error::Error;
use crate::listings::actions as listings;
use crate::listings::import::{self, Row};
use crate::listings::model::today;
use crate::listings::policy::move_by_person;
use crate::listings::states::ListingMove;
use crate::moderation::actions as moderation;
use crate::moderation::model::{CaseSubjectType, DecisionAction, ReviewReason, Verdict};
use crate::moderation::policy as moderation_policy;
use crate::organizations::actions as organizations;
use crate::organizations::model::{self, Bilingual, NewOrganization, Organization, OrganizationKind, Verification};
use crate::zones::model::PublicationPolicy;
use crate::{api, zones};

const ORGANIZATIONS: &str = include_str!("../../demo/organizations.jsonl");
const LISTINGS: [&str; 4] = [
    include_str!("../../demo/listings/technology.jsonl"),
    include_str!("../../demo/listings/funding.jsonl"),
    include_str!("../../demo/listings/talent.jsonl"),
    include_str!("../../demo/listings/industry.jsonl"),
];

/// Hefei and all that are not named review first.
const POLICIES: [(&str, PublicationPolicy); 3] = [("zgc", PublicationPolicy::Trusted), ("hangzhou", PublicationPolicy::Post), ("chengdu", PublicationPolicy::Trusted)];

/// An account of the demonstration with the role it holds.
pub struct DemoAccount {
    pub email: &'static str,
    pub what: &'static str,
    name: &'static str,
    role: Role,
    organization: Option<&'static str>,
    zone: Option<&'static str>,
}

pub const ACCOUNTS: [DemoAccount; 5] = [
    DemoAccount {
        email: "startup@demo.example",
        what: "administers Lightedge Computing Hefei, a startup",
        name: "Lightedge",
        role: Role::OrgAdmin,
        organization: Some("hefei-lightedge"),
        zone: None,
    },
    DemoAccount {
        email: "investor@demo.example",
        what: "administers Bayside Ventures Shenzhen, an investor",
        name: "Bayside",
        role: Role::OrgAdmin,
        organization: Some("shenzhen-harbor-capital"),
        zone: None,
    },
    DemoAccount {
        email: "reviewer.hefei@demo.example",
        what: "reviews what is submitted in Hefei",
        name: "Reviewer Hefei",
        role: Role::ZoneReviewer,
        organization: None,
        zone: Some("hefei"),
    },
    DemoAccount {
        email: "admin.hefei@demo.example",
        what: "administers the zone Hefei",
        name: "Administrator Hefei",
        role: Role::ZoneAdmin,
        organization: None,
        zone: Some("hefei"),
    },
    DemoAccount { email: "auditor@demo.example", what: "reads everything that is recorded", name: "Auditor", role: Role::Auditor, organization: None, zone: None },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganizationRow {
    key: String,
    name: Bilingual,
    kind: OrganizationKind,
    uscc: String,
    home_zone: String,
    verified: bool,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Target {
    Draft,
    Submitted,
    ChangesRequested,
    Published,
}

#[derive(Deserialize)]
struct Review {
    reasons: Vec<ReviewReason>,
    text: String,
}

/// A row of a listings file: the fields of an import, whose it is and how far it has come.
struct ListingRow {
    organization: String,
    target: Target,
    review: Option<Review>,
    listing: Map<String, Value>,
}

/// Loads what is not there yet and says how many listings that were.
pub async fn load(config: &Config, database: &Database, password: &str, password_is_new: bool) -> Result<usize> {
    let organizations = load_organizations(database).await?;
    for account in &ACCOUNTS {
        load_account(database, account, &organizations, password, password_is_new).await?;
    }
    let loader = Loader { database, tokens: Tokens::load(&config.tokens)?, organizations };
    loader.set_policies().await?;
    loader.load_listings().await
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
            let verification = if row.verified { Verification::Verified } else { Verification::Unverified };
            said(conn.transaction(async |conn| organizations::insert(conn, &By::command(), new, verification).await).await)?
        };
        loaded.insert(row.key, organization);
    }
    Ok(loaded)
}

async fn load_account(database: &Database, account: &DemoAccount, organizations: &HashMap<String, Organization>, password: &str, password_is_new: bool) -> Result<()> {
    let id = ensure_account(database, account.email, account.name, password, password_is_new).await?;
    let scope = match (account.organization, account.zone) {
        (Some(key), _) => Scope::Organization(organizations.get(key).with_context(|| format!("no organisation {key}"))?.id),
        (_, Some(zone)) => Scope::Zone(zone.to_owned()),
        _ => Scope::Network,
    };
    give_role(database, id, account.role, scope).await
}

/// Makes the account, or gives a known one the password when that is new.
async fn ensure_account(database: &Database, email: &str, name: &str, password: &str, password_is_new: bool) -> Result<Uuid> {
    let email = said(Email::parse("/email", email).map_err(Error::invalid))?;
    let known = said(accounts::find_by_email(&mut *said(database.read().await)?, &email).await)?;
    if let Some(known) = known {
        if password_is_new {
            said(accounts::reset_password(database, &By::command(), known.id, password.to_owned()).await)?;
        }
        return Ok(known.id);
    }
    let display_name = said(DisplayName::parse("/display_name", name).map_err(Error::invalid))?;
    let new = NewAccount { email, password: password.to_owned(), display_name, locale: AccountLocale::Zh };
    said(accounts::register(database, &By::command(), new).await)?.map(|account| account.id).context("the account was made by somebody else meanwhile: run it again")
}

async fn give_role(database: &Database, account: Uuid, role: Role, scope: Scope) -> Result<()> {
    let authority = appoint_by_operator(role, scope).context("the role has another scope")?;
    let mut conn = said(database.write().await)?;
    let given = conn.transaction(async |conn| grants::grant(conn, &By::command(), &authority, account).await).await;
    match given {
        Err(Error::Conflict { .. }) => Ok(()),
        other => said(other),
    }
}

struct Loader<'a> {
    database: &'a Database,
    tokens: Tokens,
    organizations: HashMap<String, Organization>,
}

impl Loader<'_> {
    async fn set_policies(&self) -> Result<()> {
        let mut administrator = None;
        for (code, policy) in POLICIES {
            let zone = said(zones::actions::find(&mut *said(self.database.read().await)?, code).await)?;
            if zone.policy == policy || zone.version > 1 {
                continue;
            }
            let actor = match &administrator {
                Some(actor) => actor,
                None => administrator.insert(self.desk(&[(Role::NetworkAdmin, Scope::Network)]).await?),
            };
            let target = said(zones::policy::administer(actor, zone))?;
            said(zones::actions::change_policy(self.database, actor, &target, policy).await)?;
        }
        Ok(())
    }

    async fn load_listings(&self) -> Result<usize> {
        let codes = said(zones::actions::codes(&mut *said(self.database.read().await)?).await)?;
        let mut imports: BTreeMap<(String, bool), Vec<Row>> = BTreeMap::new();
        let mut reviewed = Vec::new();
        for row in LISTINGS.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
            let row = listing_row(row)?;
            let parsed =
                parse_row(Value::Object(row.listing), &codes, row.target != Target::Draft).map_err(|wrong| anyhow::anyhow!("{}: {}", row.organization, describe(&wrong)))?;
            match row.target {
                Target::Draft | Target::Published => imports.entry((row.organization, row.target == Target::Published)).or_default().push(parsed),
                Target::Submitted | Target::ChangesRequested => reviewed.push((row.organization, row.target, row.review, parsed)),
            }
        }
        let mut loaded = 0;
        for ((key, publish), rows) in &imports {
            loaded += said(import::insert(self.database, &By::command(), self.organization(key)?, rows, *publish).await)?.new.len();
        }
        for (key, target, review, row) in reviewed {
            let organization = self.organization(&key)?;
            let made = said(import::insert(self.database, &By::command(), organization, &[row], false).await)?;
            for id in made.new {
                self.submit(organization, id).await?;
                if target == Target::ChangesRequested {
                    self.request_changes(organization, id, review.as_ref()).await?;
                }
                loaded += 1;
            }
        }
        Ok(loaded)
    }

    fn organization(&self, key: &str) -> Result<&Organization> {
        self.organizations.get(key).with_context(|| format!("the demonstration has no organisation {key}"))
    }

    async fn submit(&self, organization: &Organization, id: Uuid) -> Result<()> {
        let actor = self.desk(&[(Role::OrgAdmin, Scope::Organization(organization.id))]).await?;
        let listing = said(listings::find(&mut *said(self.database.read().await)?, id).await)?;
        let authority = said(move_by_person(&actor, listing, ListingMove::Submit))?;
        said(listings::submit(self.database, &actor, &authority).await)?;
        Ok(())
    }

    async fn request_changes(&self, organization: &Organization, id: Uuid, review: Option<&Review>) -> Result<()> {
        let review = review.context("a row in the state changes_requested needs a review")?;
        let actor = self.account("exchange.review@demo.example", "Exchange review", &[(Role::ZoneReviewer, Scope::Zone(organization.home_zone.clone()))]).await?;
        let subjects = api::subjects();
        let mut conn = said(self.database.read().await)?;
        let case = said(moderation::find_open(&mut conn, CaseSubjectType::Listing, id).await)?
            .with_context(|| format!("the zone {} publishes at once: it cannot ask for changes", organization.home_zone))?;
        let target = said(moderation_policy::review(&actor, case))?;
        let claimed = said(moderation::claim(self.database, &subjects, &actor, &target).await)?;
        let target = said(moderation_policy::decide(&actor, claimed))?;
        let verdict = Verdict { action: DecisionAction::RequestChanges, reasons: review.reasons.clone(), text: review.text.clone() };
        said(moderation::decide(self.database, &subjects, &actor, &target, &verdict).await)?;
        Ok(())
    }

    /// The exchange's own desk, which posts for organisations that have no account in the demonstration.
    async fn desk(&self, roles: &[(Role, Scope)]) -> Result<Actor> {
        self.account("exchange.desk@demo.example", "Exchange desk", roles).await
    }

    /// Logs in as an account of ours with a password that nobody keeps.
    async fn account(&self, email: &str, name: &str, roles: &[(Role, Scope)]) -> Result<Actor> {
        let mut bytes = [0_u8; 24];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let password = URL_SAFE_NO_PAD.encode(bytes);
        let id = ensure_account(self.database, email, name, &password, true).await?;
        for (role, scope) in roles {
            give_role(self.database, id, *role, scope.clone()).await?;
        }
        let email = said(Email::parse("/email", email).map_err(Error::invalid))?;
        let issued = said(accounts::log_in(self.database, &self.tokens, "demonstration", &email, password).await)?;
        let claims = self.tokens.verify(&issued.access_token).context("the token just issued is not good")?;
        said(actor_of(self.database, &claims, "demonstration".to_owned()).await)
    }
}

fn lines<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).with_context(|| format!("the demonstration has a bad row: {line}"))).collect()
}

fn listing_row(line: &str) -> Result<ListingRow> {
    let mut listing: Map<String, Value> = serde_json::from_str(line).with_context(|| format!("the demonstration has a bad row: {line}"))?;
    let Some(Value::String(organization)) = listing.remove("organization") else { bail!("a row names no organisation: {line}") };
    let target = serde_json::from_value(listing.remove("state").unwrap_or_default()).with_context(|| format!("a row has no good state: {line}"))?;
    let review = listing.remove("review").map(serde_json::from_value).transpose().with_context(|| format!("a row has a bad review: {line}"))?;
    resolve_days(&mut listing);
    Ok(ListingRow { organization, target, review, listing })
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
