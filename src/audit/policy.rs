//! Who may read what is recorded.

use crate::access::actor::{Actor, Role};
use crate::error::{Error, Result};

/// Proof that the caller may read every entry.
pub struct AuditReader(());

pub fn read(actor: &Actor) -> Result<AuditReader> {
    if actor.is(Role::Auditor) { Ok(AuditReader(())) } else { Err(Error::forbidden("auditor_only", "only an auditor reads the audit log", "仅审计员可查阅审计记录")) }
}
