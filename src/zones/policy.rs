//! Who may change a zone.

use super::model::Zone;
use crate::access::actor::{Actor, Role};
use crate::error::{Error, Result};

/// Proof that the caller may change the zone.
pub struct AdministeredZone(Zone);

impl AdministeredZone {
    pub fn zone(&self) -> &Zone {
        &self.0
    }
}

pub fn administer(actor: &Actor, zone: Zone) -> Result<AdministeredZone> {
    if actor.administers_zone(&zone.code) || actor.is(Role::NetworkAdmin) {
        Ok(AdministeredZone(zone))
    } else {
        Err(Error::forbidden("zone_admin_only", "only an administrator of this zone may do this", "仅该园区的管理员可执行此操作"))
    }
}
