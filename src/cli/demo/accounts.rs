//! The accounts of the demonstration: five to log in with, and the exchange's own people, who post and review for all others.

use std::collections::HashMap;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel_async::AsyncConnection;
use uuid::Uuid;

use crate::access::actor::{Actor, Role};
use crate::access::extract::actor_of;
use crate::access::tokens::Tokens;
use crate::accounts::actions::{self as accounts, NewAccount};
use crate::accounts::grants;
use crate::accounts::model::{AccountLocale, DisplayName, Email};
use crate::accounts::policy::{Scope, appoint_by_operator};
use crate::audit::model::By;
use crate::cli::words::said;
use crate::db::Database;
use crate::error::Error;
use crate::organizations::model::Organization;

/// An account of the demonstration with the role it holds.
pub struct DemoAccount {
    pub email: &'static str,
    pub what: &'static str,
    name: &'static str,
    role: Role,
    organization: Option<&'static str>,
    zone: Option<&'static str>,
}

pub const HEFEI_REVIEWER: &str = "reviewer.hefei@demo.example";

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
    DemoAccount { email: HEFEI_REVIEWER, what: "reviews what is submitted in Hefei", name: "Reviewer Hefei", role: Role::ZoneReviewer, organization: None, zone: Some("hefei") },
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

/// Makes the five accounts, or gives them the password when that is new.
pub async fn load(database: &Database, organizations: &HashMap<String, Organization>, password: &str, password_is_new: bool) -> Result<()> {
    for account in &ACCOUNTS {
        let id = ensure(database, account.email, account.name, password, password_is_new).await?;
        let scope = match (account.organization, account.zone) {
            (Some(key), _) => Scope::Organization(organizations.get(key).with_context(|| format!("no organisation {key}"))?.id),
            (_, Some(zone)) => Scope::Zone(zone.to_owned()),
            _ => Scope::Network,
        };
        give_role(database, id, account.role, scope).await?;
    }
    Ok(())
}

async fn ensure(database: &Database, email: &str, name: &str, password: &str, password_is_new: bool) -> Result<Uuid> {
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

/// Who logs in for the loader. Each move is made by a person with a role, as it is in life.
pub struct People<'a> {
    pub database: &'a Database,
    pub tokens: Tokens,
}

impl People<'_> {
    /// The exchange's desk, which posts for organisations that have no account in the demonstration.
    pub async fn desk(&self, roles: Vec<(Role, Scope)>) -> Result<Actor> {
        self.staff("exchange.desk@demo.example", "Exchange desk", roles).await
    }

    /// The exchange's reviewer, who decided what is decided when the demonstration begins.
    pub async fn reviewer(&self, roles: Vec<(Role, Scope)>) -> Result<Actor> {
        self.staff("exchange.review@demo.example", "Exchange review", roles).await
    }

    /// One of the five accounts.
    pub async fn account(&self, email: &str, password: &str) -> Result<Actor> {
        let email = said(Email::parse("/email", email).map_err(Error::invalid))?;
        let issued = said(accounts::log_in(self.database, &self.tokens, "demonstration", &email, password.to_owned()).await)?;
        let claims = self.tokens.verify(&issued.access_token).context("the token just issued is not good")?;
        said(actor_of(self.database, &claims, "demonstration".to_owned()).await)
    }

    /// Somebody of ours, with a password that nobody keeps.
    async fn staff(&self, email: &str, name: &str, roles: Vec<(Role, Scope)>) -> Result<Actor> {
        let mut bytes = [0_u8; 24];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let password = URL_SAFE_NO_PAD.encode(bytes);
        let id = ensure(self.database, email, name, &password, true).await?;
        for (role, scope) in roles {
            give_role(self.database, id, role, scope).await?;
        }
        self.account(email, &password).await
    }
}
