//! What takes more than one statement: founding, changing, verifying.

use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::model::{Bilingual, NewOrganization, Organization, Verification, VerificationMove};
use super::policy::{AdministeredOrganization, VerifiableOrganization};
use super::store;
use crate::access::actor::{Actor, Role};
use crate::accounts::grants;
use crate::accounts::policy::{Scope, appoint_by_operator};
use crate::audit::model::{By, Entry, SubjectType};
use crate::audit::store as audit;
use crate::db::{Connection, Database};
use crate::error::{Error, FieldError, Result};
use crate::feed;
use crate::zones::actions as zones;

pub async fn find(conn: &mut Connection, id: Uuid) -> Result<Organization> {
    store::find(conn, id).await?.ok_or(Error::NotFound)
}

pub async fn find_by_uscc(conn: &mut Connection, uscc: &str) -> Result<Option<Organization>> {
    Ok(store::find_by_uscc(conn, uscc).await?)
}

/// Founds an organisation; the caller is its first administrator.
pub async fn found(database: &Database, actor: &Actor, new: NewOrganization) -> Result<Organization> {
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let organization = insert(conn, &By::from(actor), new, Verification::Unverified).await?;
        let authority = appoint_by_operator(Role::OrgAdmin, Scope::Organization(organization.id)).ok_or_else(|| Error::internal(anyhow::anyhow!("org_admin has no scope")))?;
        grants::grant(conn, &By::from(actor), &authority, actor.account_id).await?;
        Ok(organization)
    })
    .await
}

/// Inserts an organisation with its audit entry. Call it in a transaction.
pub async fn insert(conn: &mut Connection, by: &By, new: NewOrganization, verification: Verification) -> Result<Organization> {
    let zones = zones::codes(conn).await?;
    if !zones.contains(&new.home_zone) {
        let allowed: Vec<&str> = zones.iter().map(String::as_str).collect();
        return Err(Error::invalid(FieldError::unknown_value("/home_zone", &new.home_zone, &allowed)));
    }
    let organization = store::insert(conn, &new, verification).await?;
    let entry =
        Entry::new("found_organization", SubjectType::Organization, organization.id).organization(organization.id).zone(&organization.home_zone).states(None, Some(&organization));
    audit::record(conn, by, entry).await?;
    Ok(organization)
}

pub async fn change(database: &Database, actor: &Actor, target: &AdministeredOrganization, name: &Bilingual, website: Option<&str>) -> Result<Organization> {
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let before = target.organization();
        // What a zone has verified is this organisation by this name: another name must be looked at anew.
        let renamed = before.name() != *name;
        let verification = if renamed && before.is_verified() { Verification::Pending } else { before.verification };
        let after = store::update(conn, target, name, website, verification).await?.ok_or_else(|| Error::PreconditionFailed { current: "newer".into() })?;
        let mut entry = Entry::new("change_organization", SubjectType::Organization, after.id).organization(after.id).zone(&after.home_zone).states(Some(before), Some(&after));
        if after.verification != before.verification {
            entry = entry.change("verification", Some(before.verification.as_str()), Some(after.verification.as_str()));
        }
        audit::record(conn, &By::from(actor), entry).await?;
        feed::organization_changed(conn, after.id).await?;
        Ok(after)
    })
    .await
}

pub async fn move_verification(database: &Database, actor: &Actor, target: &VerifiableOrganization, by: VerificationMove) -> Result<Organization> {
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let before = target.organization();
        let Some(after) = store::move_verification(conn, target, by).await? else {
            let now = find(conn, before.id).await?.verification;
            return Err(Error::IllegalMove { state: now.to_string(), allowed_moves: VerificationMove::allowed_from(now).iter().map(ToString::to_string).collect() });
        };
        let entry = Entry::new(by.as_str(), SubjectType::Organization, after.id)
            .organization(after.id)
            .zone(&after.home_zone)
            .change("verification", Some(before.verification.as_str()), Some(after.verification.as_str()))
            .states(Some(before), Some(&after));
        audit::record(conn, &By::from(actor), entry).await?;
        feed::organization_changed(conn, after.id).await?;
        Ok(after)
    })
    .await
}
