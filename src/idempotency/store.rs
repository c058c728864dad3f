//! Every statement on `idempotency_keys`.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Binary, Double, Integer, Jsonb, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Attempt;
use crate::db::Connection;
use crate::error::{Error, Result};

/// An answer as it was given.
pub struct KeptAnswer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What a key stands for when a request comes with it.
pub enum Begun {
    /// The key is new, and this attempt holds it.
    First,
    /// The key belongs to another request.
    OtherRequest,
    /// The first attempt is still at work, here or on another instance.
    Running,
    Answered(KeptAnswer),
    /// The attempt before has given no answer in its time. Its name must not be lost before it is known whether it took effect.
    Abandoned {
        request_id: String,
    },
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = Text)]
    request_id: String,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    locked: bool,
    #[diesel(sql_type = Nullable<SmallInt>)]
    status: Option<i16>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    headers: Option<serde_json::Value>,
    #[diesel(sql_type = Nullable<Binary>)]
    body: Option<Vec<u8>>,
}

/// Takes the key for this attempt, or says what it stands for. A key of more than a day ago is as good as new.
pub async fn begin(conn: &mut Connection, attempt: &Attempt, fingerprint: &[u8], lock: Duration) -> Result<Begun> {
    let taken = diesel::sql_query(
        "INSERT INTO idempotency_keys AS known (account_id, key, fingerprint, request_id, locked_until)
         VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
         ON CONFLICT (account_id, key) DO UPDATE
         SET fingerprint = excluded.fingerprint, request_id = excluded.request_id, locked_until = excluded.locked_until, status = NULL, headers = NULL, body = NULL, created_at = now()
         WHERE known.created_at < now() - interval '24 hours' AND known.locked_until < now()",
    )
    .bind::<SqlUuid, _>(attempt.account)
    .bind::<Text, _>(&attempt.key)
    .bind::<Binary, _>(fingerprint)
    .bind::<Text, _>(&attempt.request_id)
    .bind::<Double, _>(lock.as_secs_f64())
    .execute(conn)
    .await?;
    if taken == 1 {
        return Ok(Begun::First);
    }
    let known: Option<Row> =
        diesel::sql_query("SELECT fingerprint, request_id, locked_until > now() AS locked, status, headers, body FROM idempotency_keys WHERE account_id = $1 AND key = $2")
            .bind::<SqlUuid, _>(attempt.account)
            .bind::<Text, _>(&attempt.key)
            .get_result(conn)
            .await
            .optional()?;
    match known {
        // It was given back between the two statements; the client asks again in a moment.
        None => Ok(Begun::Running),
        Some(row) if row.fingerprint != fingerprint => Ok(Begun::OtherRequest),
        Some(Row { status: Some(status), headers: Some(headers), body: Some(body), .. }) => {
            Ok(Begun::Answered(KeptAnswer { status: u16::try_from(status).map_err(Error::internal)?, headers: serde_json::from_value(headers).map_err(Error::internal)?, body }))
        }
        Some(row) if row.locked => Ok(Begun::Running),
        Some(row) => Ok(Begun::Abandoned { request_id: row.request_id }),
    }
}

/// Takes a key whose attempt is known to have done nothing. Of several that find it one gets it: true for that one. The day begins anew.
pub async fn take_over(conn: &mut Connection, attempt: &Attempt, abandoned: &str, lock: Duration) -> QueryResult<bool> {
    let taken = diesel::sql_query(
        "UPDATE idempotency_keys SET request_id = $4, locked_until = now() + make_interval(secs => $5), created_at = now()
         WHERE account_id = $1 AND key = $2 AND request_id = $3 AND status IS NULL AND locked_until <= now()",
    )
    .bind::<SqlUuid, _>(attempt.account)
    .bind::<Text, _>(&attempt.key)
    .bind::<Text, _>(abandoned)
    .bind::<Text, _>(&attempt.request_id)
    .bind::<Double, _>(lock.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(taken == 1)
}

/// Keeps the answer of the attempt that holds the key.
pub async fn keep(conn: &mut Connection, attempt: &Attempt, answer: &KeptAnswer) -> Result<()> {
    diesel::sql_query("UPDATE idempotency_keys SET status = $4, headers = $5, body = $6 WHERE account_id = $1 AND key = $2 AND request_id = $3")
        .bind::<SqlUuid, _>(attempt.account)
        .bind::<Text, _>(&attempt.key)
        .bind::<Text, _>(&attempt.request_id)
        .bind::<SmallInt, _>(i16::try_from(answer.status).map_err(Error::internal)?)
        .bind::<Jsonb, _>(serde_json::to_value(&answer.headers).map_err(Error::internal)?)
        .bind::<Binary, _>(&answer.body)
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives the key back without an answer: the next attempt begins anew, unless this one turns out to have taken effect.
pub async fn unlock(conn: &mut Connection, attempt: &Attempt) -> QueryResult<()> {
    diesel::sql_query("UPDATE idempotency_keys SET locked_until = now() WHERE account_id = $1 AND key = $2 AND request_id = $3")
        .bind::<SqlUuid, _>(attempt.account)
        .bind::<Text, _>(&attempt.key)
        .bind::<Text, _>(&attempt.request_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets a bounded number of keys of more than a day ago; how many they were.
pub async fn forget_old(conn: &mut Connection, limit: i32) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM idempotency_keys WHERE (account_id, key) IN
         (SELECT account_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours' AND locked_until < now() ORDER BY created_at LIMIT $1)",
    )
    .bind::<Integer, _>(limit)
    .execute(conn)
    .await
}
