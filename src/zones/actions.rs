//! Reading zones, and changing their policy with its audit entry.

use diesel_async::AsyncConnection;

use super::model::{PublicationPolicy, Zone};
use super::policy::AdministeredZone;
use super::store;
use crate::access::actor::Actor;
use crate::audit::model::{By, Entry, SubjectType};
use crate::audit::store as audit;
use crate::db::{Connection, Database};
use crate::error::{Error, Result};

pub async fn find(conn: &mut Connection, code: &str) -> Result<Zone> {
    // What cannot be a code is not asked for: the database refuses some characters.
    let is_code = code.len() <= 32 && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !is_code {
        return Err(Error::NotFound);
    }
    store::find(conn, code).await?.ok_or(Error::NotFound)
}

/// The codes of all zones, in order.
pub async fn codes(conn: &mut Connection) -> Result<Vec<String>> {
    Ok(store::codes(conn).await?)
}

pub async fn change_policy(database: &Database, actor: &Actor, target: &AdministeredZone, policy: PublicationPolicy) -> Result<Zone> {
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        let before = target.zone();
        let after = store::set_policy(conn, target, policy).await?.ok_or_else(|| Error::PreconditionFailed { current: "newer".into() })?;
        let entry = Entry::new("change_policy", SubjectType::Zone, &after.code)
            .zone(&after.code)
            .change("policy", Some(before.policy.as_str()), Some(after.policy.as_str()))
            .states(Some(before), Some(&after));
        audit::record(conn, &By::from(actor), entry).await?;
        Ok(after)
    })
    .await
}
