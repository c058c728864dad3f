//! `zonebridge admin …`: what must be there before anybody can appoint anybody.

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::words::{find_organization, said};
use crate::access::actor::Role;
use crate::accounts::actions as accounts;
use crate::accounts::actions::NewAccount;
use crate::accounts::grants;
use crate::accounts::model::{AccountLocale, DisplayName, Email};
use crate::accounts::policy::{Scope, appoint_by_operator};
use crate::audit::model::By;
use crate::config::Config;
use crate::db::Database;
use crate::error::{Error, FieldError};
use crate::organizations::actions as organizations;
use crate::organizations::model::{self, Bilingual, NewOrganization, OrganizationKind, Verification};
use crate::startup::Connected;

#[derive(Subcommand)]
pub enum Command {
    /// Makes an account. The password is read from the environment variable `ZB_PASSWORD`.
    CreateAccount {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        #[arg(long, default_value = "zh")]
        locale: AccountLocale,
    },
    /// Gives an account another password, read from the environment variable `ZB_PASSWORD`.
    ResetPassword {
        #[arg(long)]
        email: String,
    },
    /// Gives a role: in an organisation, in a zone, or in the network.
    Grant(RoleArguments),
    /// Takes a role.
    Revoke(RoleArguments),
    /// Makes an organisation and prints its id.
    CreateOrganization {
        #[arg(long)]
        name_zh: Option<String>,
        #[arg(long)]
        name_en: Option<String>,
        #[arg(long)]
        kind: OrganizationKind,
        #[arg(long)]
        uscc: String,
        #[arg(long)]
        zone: String,
        /// Marks it as verified.
        #[arg(long)]
        verified: bool,
    },
}

#[derive(clap::Args)]
pub struct RoleArguments {
    #[arg(long)]
    email: String,
    #[arg(long)]
    role: Role,
    /// The organisation's id or unified social credit code.
    #[arg(long, conflicts_with = "zone")]
    organization: Option<String>,
    #[arg(long)]
    zone: Option<String>,
}

pub async fn run(config: &Config, command: Command) -> Result<()> {
    let connected = Connected::as_command(config).await?;
    let outcome = execute(&connected.database, command).await;
    connected.close();
    outcome
}

async fn execute(database: &Database, command: Command) -> Result<()> {
    match command {
        Command::CreateAccount { email, name, locale } => {
            let new = NewAccount { email: field(Email::parse("email", &email))?, password: password()?, display_name: field(DisplayName::parse("name", &name))?, locale };
            match said(accounts::register(database, &By::command(), new).await)? {
                Some(account) => println!("{}", account.id),
                None => bail!("there is an account with the address {email} already"),
            }
        }
        Command::ResetPassword { email } => {
            let id = account_id(database, &email).await?;
            said(accounts::reset_password(database, &By::command(), id, password()?).await)?;
            println!("the password of {email} was changed");
        }
        Command::Grant(arguments) => change_role(database, arguments, true).await?,
        Command::Revoke(arguments) => change_role(database, arguments, false).await?,
        Command::CreateOrganization { name_zh, name_en, kind, uscc, zone, verified } => {
            let name = said(model::parse_name("name", &Bilingual { zh: name_zh, en: name_en }).map_err(Error::Invalid))?;
            let new = NewOrganization { name, kind, uscc: field(model::parse_uscc("uscc", &uscc))?, home_zone: zone, website: None };
            let verification = if verified { Verification::Verified } else { Verification::Unverified };
            let mut conn = said(database.write().await)?;
            let made = conn.transaction(async |conn| organizations::insert(conn, &By::command(), new, verification).await).await;
            println!("{}", said(made)?.id);
        }
    }
    Ok(())
}

async fn change_role(database: &Database, arguments: RoleArguments, give: bool) -> Result<()> {
    let scope = match (&arguments.organization, &arguments.zone) {
        (Some(organization), _) => Scope::Organization(find_organization(database, organization).await?.id),
        (_, Some(zone)) => Scope::Zone(zone.clone()),
        _ => Scope::Network,
    };
    let authority = appoint_by_operator(arguments.role, scope)
        .with_context(|| format!("the role {} needs another scope: member and org_admin an --organization, zone_reviewer and zone_admin a --zone", arguments.role))?;
    let account = account_id(database, &arguments.email).await?;
    let mut conn = said(database.write().await)?;
    let by = By::command();
    let changed =
        conn.transaction(async |conn| if give { grants::grant(conn, &by, &authority, account).await } else { grants::revoke(conn, &by, &authority, account).await }).await;
    said(changed)?;
    println!("{} {} {}", arguments.email, if give { "is now" } else { "is no longer" }, arguments.role);
    Ok(())
}

async fn account_id(database: &Database, email: &str) -> Result<Uuid> {
    let email = field(Email::parse("email", email))?;
    let account = said(accounts::find_by_email(&mut *said(database.read().await)?, &email).await)?;
    account.map(|account| account.id).with_context(|| format!("there is no account with the address {}", email.as_str()))
}

fn password() -> Result<String> {
    std::env::var("ZB_PASSWORD").context("set the password in the environment variable ZB_PASSWORD: on the command line others could read it")
}

fn field<T>(parsed: Result<T, FieldError>) -> Result<T> {
    said(parsed.map_err(Error::invalid))
}
