//! Giving and taking roles, with the audit entry in the same transaction.

use uuid::Uuid;

use super::policy::{RoleAuthority, Scope};
use super::store::{self, GrantRow};
use crate::access::actor::Role;
use crate::audit::model::{By, Entry, SubjectType};
use crate::audit::store as audit;
use crate::db::Connection;
use crate::error::{Error, FieldError, Message, Result};

fn columns(scope: &Scope) -> (Option<Uuid>, Option<&str>) {
    match scope {
        Scope::Organization(id) => (Some(*id), None),
        Scope::Zone(zone) => (None, Some(zone)),
        Scope::Network => (None, None),
    }
}

fn entry(action: &'static str, authority: &RoleAuthority, account_id: Uuid) -> Entry {
    let role = authority.role().as_str();
    let (before, after) = if action == "grant_role" { (None, Some(role)) } else { (Some(role), None) };
    let entry = Entry::new(action, SubjectType::RoleGrant, account_id).change("role", before, after);
    match authority.scope() {
        Scope::Organization(id) => entry.organization(*id),
        Scope::Zone(zone) => entry.zone(zone),
        Scope::Network => entry,
    }
}

/// Gives the role; giving what is held already changes nothing. Call it in a transaction.
pub async fn grant(conn: &mut Connection, by: &By, authority: &RoleAuthority, account_id: Uuid) -> Result<()> {
    if store::find(conn, account_id).await?.is_none() {
        return Err(Error::invalid(FieldError::new("/account_id", "unknown_account", Message::new("is not an account here", "不是本平台的账号"))));
    }
    let (organization_id, zone) = columns(authority.scope());
    if store::insert_grant(conn, account_id, authority.role(), organization_id, zone, by.account_id).await? {
        audit::record(conn, by, entry("grant_role", authority, account_id)).await?;
    }
    Ok(())
}

/// Takes the role. An organisation keeps at least one administrator. Call it in a transaction.
pub async fn revoke(conn: &mut Connection, by: &By, authority: &RoleAuthority, account_id: Uuid) -> Result<()> {
    let (organization_id, zone) = columns(authority.scope());
    if let (Some(organization_id), Role::OrgAdmin) = (organization_id, authority.role())
        && store::count_locked(conn, organization_id, Role::OrgAdmin).await? <= 1
    {
        return Err(Error::conflict("last_org_admin", "an organisation keeps at least one administrator: appoint another first", "机构须至少保留一名管理员，请先任命另一位"));
    }
    if !store::delete_grant(conn, account_id, authority.role(), organization_id, zone).await? {
        return Err(Error::NotFound);
    }
    audit::record(conn, by, entry("revoke_role", authority, account_id)).await?;
    Ok(())
}

/// Whether an account reviews or administers a zone.
pub async fn reviews(conn: &mut Connection, account_id: Uuid, zone: &str) -> Result<bool> {
    let held = store::grants_in(conn, None, Some(zone)).await?;
    Ok(held.iter().any(|(row, _)| row.account_id == account_id && matches!(row.role, Role::ZoneReviewer | Role::ZoneAdmin)))
}

/// Who holds which role in an organisation or zone.
pub struct Holder {
    pub account_id: Uuid,
    pub display_name: String,
    pub role: Role,
    pub since: chrono::DateTime<chrono::Utc>,
}

impl From<(GrantRow, String)> for Holder {
    fn from((row, display_name): (GrantRow, String)) -> Self {
        Self { account_id: row.account_id, display_name, role: row.role, since: row.created_at }
    }
}

pub async fn holders_in_organization(conn: &mut Connection, id: Uuid) -> Result<Vec<Holder>> {
    Ok(store::grants_in(conn, Some(id), None).await?.into_iter().map(Holder::from).collect())
}

pub async fn holders_in_zone(conn: &mut Connection, _: &super::policy::ZoneRolesReader, zone: &str) -> Result<Vec<Holder>> {
    Ok(store::grants_in(conn, None, Some(zone)).await?.into_iter().map(Holder::from).collect())
}
