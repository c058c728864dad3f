//! Who may give and take roles.

use uuid::Uuid;

use crate::access::actor::{Actor, Role};
use crate::error::{Error, Result};

/// The scope of a role: where it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Organization(Uuid),
    Zone(String),
    Network,
}

/// Proof that the caller may give and take `role` in `scope`. Also made by the operator's commands, who owns the machine.
#[derive(Debug)]
pub struct RoleAuthority {
    role: Role,
    scope: Scope,
}

impl RoleAuthority {
    pub fn role(&self) -> Role {
        self.role
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// An organisation's administrators appoint its people; a zone's administrators its reviewers; the network's administrators everybody in zones and network.
pub fn appoint(actor: &Actor, role: Role, scope: Scope) -> Result<RoleAuthority> {
    let allowed = match (&scope, role) {
        (Scope::Organization(id), Role::Member | Role::OrgAdmin) => actor.administers_organization(*id),
        (Scope::Zone(zone), Role::ZoneReviewer) => actor.administers_zone(zone) || actor.is(Role::NetworkAdmin),
        (Scope::Zone(_), Role::ZoneAdmin | Role::Supervisor) | (Scope::Network, Role::Supervisor | Role::Auditor | Role::NetworkAdmin) => actor.is(Role::NetworkAdmin),
        _ => false,
    };
    if allowed { Ok(RoleAuthority { role, scope }) } else { Err(Error::forbidden("may_not_appoint", "you may not give or take this role", "您无权授予或收回此角色")) }
}

/// Everybody may give up a role of their own.
pub fn resign(actor: &Actor, role: Role, scope: Scope) -> Result<RoleAuthority> {
    let held = actor.grants.iter().any(|grant| {
        grant.role == role
            && match &scope {
                Scope::Organization(id) => grant.organization_id == Some(*id),
                Scope::Zone(zone) => grant.zone.as_ref() == Some(zone),
                Scope::Network => grant.organization_id.is_none() && grant.zone.is_none(),
            }
    });
    if held { Ok(RoleAuthority { role, scope }) } else { Err(Error::NotFound) }
}

/// The operator at the command line, and the founder of an organisation for themselves.
pub fn appoint_by_operator(role: Role, scope: Scope) -> Option<RoleAuthority> {
    let fits = matches!(
        (&scope, role),
        (Scope::Organization(_), Role::Member | Role::OrgAdmin)
            | (Scope::Zone(_), Role::ZoneReviewer | Role::ZoneAdmin | Role::Supervisor)
            | (Scope::Network, Role::Supervisor | Role::NetworkAdmin | Role::Auditor)
    );
    fits.then_some(RoleAuthority { role, scope })
}

/// Proof that the caller may see who holds roles in a zone.
pub struct ZoneRolesReader(());

pub fn read_zone_roles(actor: &Actor, zone: &str) -> Result<ZoneRolesReader> {
    let allowed = actor.reviews(zone) || actor.is(Role::NetworkAdmin) || actor.is(Role::Auditor);
    if allowed {
        Ok(ZoneRolesReader(()))
    } else {
        Err(Error::forbidden("zone_roles_hidden", "only the zone's own people see its roles", "仅园区工作人员可查看其角色"))
    }
}
