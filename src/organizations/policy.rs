//! Who may change an organisation, and who may verify it.

use super::model::Organization;
use crate::access::actor::{Actor, Role};
use crate::error::{Error, Result};

/// Proof that the caller administers the organisation.
#[derive(Debug)]
pub struct AdministeredOrganization(Organization);

impl AdministeredOrganization {
    pub fn organization(&self) -> &Organization {
        &self.0
    }
}

pub fn administer(actor: &Actor, organization: Organization) -> Result<AdministeredOrganization> {
    if actor.administers_organization(organization.id) {
        Ok(AdministeredOrganization(organization))
    } else {
        Err(Error::forbidden("org_admin_only", "only an administrator of this organisation may do this", "仅该机构的管理员可执行此操作"))
    }
}

/// Proof that the caller belongs to the organisation, or may see its inside for their work.
pub struct InsideOrganization(Organization);

impl InsideOrganization {
    pub fn organization(&self) -> &Organization {
        &self.0
    }
}

pub fn see_inside(actor: &Actor, organization: Organization) -> Result<InsideOrganization> {
    if actor.belongs_to(organization.id) || actor.is(Role::Auditor) {
        Ok(InsideOrganization(organization))
    } else {
        Err(Error::forbidden("members_only", "only people of this organisation see this", "仅该机构成员可查看"))
    }
}

/// Proof that the caller may judge the organisation's identity for its home zone.
#[derive(Debug)]
pub struct VerifiableOrganization(Organization);

impl VerifiableOrganization {
    pub fn organization(&self) -> &Organization {
        &self.0
    }
}

pub fn verify(actor: &Actor, organization: Organization) -> Result<VerifiableOrganization> {
    if !actor.administers_zone(&organization.home_zone) {
        return Err(Error::forbidden("home_zone_admin_only", "only an administrator of the organisation's home zone may do this", "仅机构所在园区的管理员可执行此操作"));
    }
    if actor.belongs_to(organization.id) {
        return Err(Error::forbidden("own_organization", "nobody decides on their own organisation", "不得对本人所属机构作出决定"));
    }
    Ok(VerifiableOrganization(organization))
}

/// Proof that the caller may list the organisations of a zone: its reviewers and administrators, and the auditor.
pub struct ZoneRegisterReader(String);

impl ZoneRegisterReader {
    pub fn zone(&self) -> &str {
        &self.0
    }
}

pub fn read_register(actor: &Actor, zone: &str) -> Result<ZoneRegisterReader> {
    if actor.reviews(zone) || actor.is(Role::Auditor) || actor.is(Role::NetworkAdmin) {
        Ok(ZoneRegisterReader(zone.to_owned()))
    } else {
        Err(Error::forbidden("zone_people_only", "only people of this zone see its register of organisations", "仅该园区的工作人员可查看其机构名册"))
    }
}
