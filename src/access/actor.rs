//! The caller as a value.

use uuid::Uuid;

use crate::text_enum;

text_enum! {
    /// What somebody may be, in an organisation, a zone or the whole network.
    pub enum Role {
        Member = "member",
        OrgAdmin = "org_admin",
        ZoneReviewer = "zone_reviewer",
        ZoneAdmin = "zone_admin",
        Supervisor = "supervisor",
        NetworkAdmin = "network_admin",
        Auditor = "auditor",
    }
}

/// One role held, with its scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub role: Role,
    pub organization_id: Option<Uuid>,
    pub zone: Option<String>,
    /// Whether the organisation of the scope is verified now.
    pub organization_verified: bool,
}

/// Somebody who has shown who they are. Roles are read at every request: one taken away is gone at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub account_id: Uuid,
    pub session_id: Uuid,
    pub grants: Vec<Grant>,
    pub request_id: String,
}

impl Actor {
    /// Member or administrator of the organisation.
    pub fn belongs_to(&self, organization: Uuid) -> bool {
        self.grants.iter().any(|grant| grant.organization_id == Some(organization))
    }

    pub fn administers_organization(&self, organization: Uuid) -> bool {
        self.grants.iter().any(|grant| grant.role == Role::OrgAdmin && grant.organization_id == Some(organization))
    }

    /// Reviewer or administrator of the zone.
    pub fn reviews(&self, zone: &str) -> bool {
        self.grants.iter().any(|grant| matches!(grant.role, Role::ZoneReviewer | Role::ZoneAdmin) && grant.zone.as_deref() == Some(zone))
    }

    pub fn administers_zone(&self, zone: &str) -> bool {
        self.grants.iter().any(|grant| grant.role == Role::ZoneAdmin && grant.zone.as_deref() == Some(zone))
    }

    /// The zones in which the caller may review, in the order of their codes.
    pub fn reviewed_zones(&self) -> Vec<String> {
        let mut zones: Vec<String> = self.grants.iter().filter(|grant| matches!(grant.role, Role::ZoneReviewer | Role::ZoneAdmin)).filter_map(|grant| grant.zone.clone()).collect();
        zones.sort();
        zones.dedup();
        zones
    }

    pub fn is(&self, role: Role) -> bool {
        self.grants.iter().any(|grant| grant.role == role && grant.organization_id.is_none() && grant.zone.is_none())
    }

    /// Acts for at least one verified organisation, and so sees what is for verified organisations.
    pub fn is_verified(&self) -> bool {
        self.grants.iter().any(|grant| grant.organization_verified)
    }
}

/// Anybody: a public endpoint answers guests too.
#[derive(Debug, Clone)]
pub enum Caller {
    Guest,
    Account(Actor),
}

impl Caller {
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Guest => None,
            Self::Account(actor) => Some(actor),
        }
    }

    pub fn is_verified(&self) -> bool {
        self.actor().is_some_and(Actor::is_verified)
    }
}
