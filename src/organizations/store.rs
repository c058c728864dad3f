//! Every statement on `organizations`.

use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{Bilingual, NewOrganization, Organization, Verification, VerificationMove};
use super::policy::{AdministeredOrganization, VerifiableOrganization, ZoneRegisterReader};
use crate::db::Connection;
use crate::db::schema::organizations;

pub async fn insert(conn: &mut Connection, new: &NewOrganization, verification: Verification) -> QueryResult<Organization> {
    diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(Uuid::now_v7()),
            organizations::name_zh.eq(&new.name.zh),
            organizations::name_en.eq(&new.name.en),
            organizations::kind.eq(new.kind),
            organizations::uscc.eq(new.uscc.as_str()),
            organizations::home_zone.eq(&new.home_zone),
            organizations::website.eq(&new.website),
            organizations::verification.eq(verification),
            organizations::verified_at.eq((verification == Verification::Verified).then(Utc::now)),
        ))
        .returning(Organization::as_returning())
        .get_result(conn)
        .await
}

pub async fn find(conn: &mut Connection, id: Uuid) -> QueryResult<Option<Organization>> {
    organizations::table.find(id).select(Organization::as_select()).first(conn).await.optional()
}

pub async fn find_by_uscc(conn: &mut Connection, uscc: &str) -> QueryResult<Option<Organization>> {
    organizations::table.filter(organizations::uscc.eq(uscc)).select(Organization::as_select()).first(conn).await.optional()
}

/// `None` when somebody else changed it since it was read.
pub async fn update(
    conn: &mut Connection,
    target: &AdministeredOrganization,
    name: &Bilingual,
    website: Option<&str>,
    verification: Verification,
) -> QueryResult<Option<Organization>> {
    let before = target.organization();
    diesel::update(organizations::table.find(before.id).filter(organizations::version.eq(before.version)))
        .set((
            organizations::name_zh.eq(&name.zh),
            organizations::name_en.eq(&name.en),
            organizations::website.eq(website),
            organizations::verification.eq(verification),
            organizations::verified_at.eq(before.verified_at.filter(|_| verification == Verification::Verified)),
            organizations::version.eq(organizations::version + 1),
            organizations::updated_at.eq(Utc::now()),
        ))
        .returning(Organization::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// `None` when the verification is no longer in a state that allows the move.
pub async fn move_verification(conn: &mut Connection, target: &VerifiableOrganization, by: VerificationMove) -> QueryResult<Option<Organization>> {
    let from: Vec<Verification> = Verification::ALL.iter().copied().filter(|state| VerificationMove::allowed_from(*state).contains(&by)).collect();
    diesel::update(organizations::table.find(target.organization().id).filter(organizations::verification.eq_any(from)))
        .set((
            organizations::verification.eq(by.target()),
            organizations::verified_at.eq((by == VerificationMove::Verify).then(Utc::now)),
            organizations::version.eq(organizations::version + 1),
            organizations::updated_at.eq(Utc::now()),
        ))
        .returning(Organization::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// The organisations at home in a zone, newest first; one more than `limit`, so that the caller knows whether there is a next page.
pub async fn register(conn: &mut Connection, reader: &ZoneRegisterReader, verification: Option<Verification>, before: Option<Uuid>, limit: i64) -> QueryResult<Vec<Organization>> {
    let mut page = organizations::table
        .filter(organizations::home_zone.eq(reader.zone()).and(organizations::id.lt(before.unwrap_or(Uuid::max()))))
        .order(organizations::id.desc())
        .limit(limit + 1)
        .select(Organization::as_select())
        .into_boxed();
    if let Some(verification) = verification {
        page = page.filter(organizations::verification.eq(verification));
    }
    page.load(conn).await
}
