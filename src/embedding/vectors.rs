//! The statements on vectors, means and the lease.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zonebridge_meaning::vector::Direction;

use super::embedder::{MODEL, UNIVERSAL_WIDTH};
use super::means::Means;
use super::texts::{ListingVector, TitleVector};
use crate::db::Connection;
use crate::db::schema::{embedding_means, listing_vectors};
use crate::text::language::Language;

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The next published listings, in the order of ids, whose live revision has no vectors of these models.
pub async fn pending_after(conn: &mut Connection, after: Uuid, limit: i64) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<Id> = diesel::sql_query(
        "SELECT l.id FROM listings l WHERE l.state = 'published' AND l.id > $1
         AND NOT EXISTS (SELECT 1 FROM listing_vectors v WHERE v.listing_id = l.id AND v.model = $2 AND v.revision = l.live_revision)
         ORDER BY l.id LIMIT $3",
    )
    .bind::<SqlUuid, _>(after)
    .bind::<Text, _>(MODEL)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Those among some listings that are published and whose live revision has no vectors of these models.
pub async fn pending_among(conn: &mut Connection, ids: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<Id> = diesel::sql_query(
        "SELECT l.id FROM listings l WHERE l.state = 'published' AND l.id = ANY($1)
         AND NOT EXISTS (SELECT 1 FROM listing_vectors v WHERE v.listing_id = l.id AND v.model = $2 AND v.revision = l.live_revision)",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Text, _>(MODEL)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// How many published listings wait for their vectors.
pub async fn count_pending(conn: &mut Connection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let row: Count = diesel::sql_query(
        "SELECT count(*) AS count FROM listings l WHERE l.state = 'published'
         AND NOT EXISTS (SELECT 1 FROM listing_vectors v WHERE v.listing_id = l.id AND v.model = $1 AND v.revision = l.live_revision)",
    )
    .bind::<Text, _>(MODEL)
    .get_result(conn)
    .await?;
    Ok(row.count)
}

/// Puts the vectors of listings in the place of those that they had. Call it in the transaction that tells the feed.
pub async fn replace(conn: &mut Connection, ids: &[Uuid], vectors: &[ListingVector]) -> QueryResult<()> {
    diesel::delete(listing_vectors::table.filter(listing_vectors::listing_id.eq_any(ids))).execute(conn).await?;
    let rows: Vec<_> = vectors
        .iter()
        .map(|vector| {
            (
                listing_vectors::listing_id.eq(vector.listing_id),
                listing_vectors::audience.eq(&vector.audience),
                listing_vectors::language.eq(word_of(vector.language)),
                listing_vectors::model.eq(MODEL),
                listing_vectors::revision.eq(vector.revision),
                listing_vectors::chinese.eq(vector.chinese),
                listing_vectors::e5.eq(vector.e5.to_bytes()),
                listing_vectors::universal.eq(vector.universal.to_bytes()),
                listing_vectors::pieces.eq(vector.pieces.iter().flat_map(Direction::to_bytes).collect::<Vec<u8>>()),
                listing_vectors::title_e5.eq(vector.title.as_ref().map(|title| title.e5.to_bytes()).unwrap_or_default()),
                listing_vectors::title_universal.eq(vector.title.as_ref().map(|title| title.universal.to_bytes()).unwrap_or_default()),
            )
        })
        .collect();
    diesel::insert_into(listing_vectors::table).values(rows).on_conflict_do_nothing().execute(conn).await?;
    Ok(())
}

type Row = (Uuid, String, String, i32, f32, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);

fn vector(row: Row) -> Option<ListingVector> {
    let (listing_id, audience, language, revision, chinese, e5, universal, pieces, title_e5, title_universal) = row;
    let language = if language == "zh" { Language::Zh } else { Language::En };
    let pieces = pieces.chunks_exact(UNIVERSAL_WIDTH).filter_map(Direction::from_bytes).collect();
    let title = Direction::from_bytes(&title_e5).zip(Direction::from_bytes(&title_universal)).map(|(e5, universal)| TitleVector { e5, universal });
    Some(ListingVector { listing_id, audience, language, revision, chinese, e5: Direction::from_bytes(&e5)?, universal: Direction::from_bytes(&universal)?, pieces, title })
}

macro_rules! columns {
    () => {
        (
            listing_vectors::listing_id,
            listing_vectors::audience,
            listing_vectors::language,
            listing_vectors::revision,
            listing_vectors::chinese,
            listing_vectors::e5,
            listing_vectors::universal,
            listing_vectors::pieces,
            listing_vectors::title_e5,
            listing_vectors::title_universal,
        )
    };
}

/// The vectors of some listings, by listing; of each in one order, so that the same document is made of them each time.
pub async fn of_listings(conn: &mut Connection, ids: &[Uuid]) -> QueryResult<HashMap<Uuid, Vec<ListingVector>>> {
    let of_listings = listing_vectors::table.filter(listing_vectors::listing_id.eq_any(ids).and(listing_vectors::model.eq(MODEL)));
    let rows: Vec<Row> = of_listings.order((listing_vectors::audience, listing_vectors::language)).select(columns!()).load(conn).await?;
    let mut by_listing: HashMap<Uuid, Vec<ListingVector>> = HashMap::new();
    for vector in rows.into_iter().filter_map(vector) {
        by_listing.entry(vector.listing_id).or_default().push(vector);
    }
    Ok(by_listing)
}

/// The newest vectors of what everybody may read, for a mean.
pub async fn newest(conn: &mut Connection, language: Language, limit: i64) -> QueryResult<Vec<ListingVector>> {
    let rows: Vec<Row> = listing_vectors::table
        .filter(listing_vectors::audience.eq("public").and(listing_vectors::language.eq(word_of(language))).and(listing_vectors::model.eq(MODEL)))
        .order(listing_vectors::listing_id.desc())
        .limit(limit)
        .select(columns!())
        .load(conn)
        .await?;
    Ok(rows.into_iter().filter_map(vector).collect())
}

pub async fn count_vectors(conn: &mut Connection) -> QueryResult<i64> {
    listing_vectors::table.filter(listing_vectors::model.eq(MODEL)).count().get_result(conn).await
}

fn word_of(language: Language) -> &'static str {
    match language {
        Language::Zh => "zh",
        Language::En => "en",
    }
}

/// The means that indexes are to be made with, their version, and how many vectors there were. Version 0 are the built-in ones.
pub struct StoredMeans {
    pub means: Option<Means>,
    pub version: i32,
    pub counted: i64,
}

pub async fn means(conn: &mut Connection) -> QueryResult<StoredMeans> {
    let newest = embedding_means::table.filter(embedding_means::model.eq(MODEL)).order(embedding_means::version.desc());
    let row: Option<(String, i32, i64)> = newest.select((embedding_means::means, embedding_means::version, embedding_means::counted)).first(conn).await.optional()?;
    let stored = row.and_then(|(text, version, counted)| Some(StoredMeans { means: Some(Means::parse(&text)?), version, counted }));
    Ok(stored.unwrap_or_else(|| StoredMeans { means: Means::default_means(), version: 0, counted: 0 }))
}

/// The means of a version; `None` where they are forgotten.
pub async fn means_of_version(conn: &mut Connection, version: i32) -> QueryResult<Option<Means>> {
    if version == 0 {
        return Ok(Means::default_means());
    }
    let of_version = embedding_means::table.filter(embedding_means::model.eq(MODEL).and(embedding_means::version.eq(version)));
    let text: Option<String> = of_version.select(embedding_means::means).first(conn).await.optional()?;
    Ok(text.as_deref().and_then(Means::parse))
}

/// Keeps new means, and those before them for the indexes that still use these. False when another instance was first.
pub async fn keep_means(conn: &mut Connection, means: &Means, version_before: i32, counted: i64) -> QueryResult<bool> {
    let values = (
        embedding_means::model.eq(MODEL),
        embedding_means::version.eq(version_before + 1),
        embedding_means::means.eq(means.to_text()),
        embedding_means::counted.eq(counted),
        embedding_means::computed_at.eq(Utc::now()),
    );
    let kept = diesel::insert_into(embedding_means::table).values(values).on_conflict_do_nothing().execute(conn).await?;
    diesel::delete(embedding_means::table.filter(embedding_means::model.eq(MODEL).and(embedding_means::version.lt(version_before)))).execute(conn).await?;
    Ok(kept == 1)
}

/// Gives the lease back, so that the next instance need not wait for its end.
pub async fn end_lease(conn: &mut Connection, holder: Uuid) -> QueryResult<()> {
    diesel::sql_query("DELETE FROM embedding_lease WHERE holder = $1").bind::<SqlUuid, _>(holder).execute(conn).await?;
    Ok(())
}

/// Takes or renews the lease; false while another instance holds it.
pub async fn lease(conn: &mut Connection, holder: Uuid, until: DateTime<Utc>) -> QueryResult<bool> {
    let taken = diesel::sql_query(
        "INSERT INTO embedding_lease (holder, held_until) VALUES ($1, $2)
         ON CONFLICT (only_row) DO UPDATE SET holder = $1, held_until = $2 WHERE embedding_lease.holder = $1 OR embedding_lease.held_until < now()",
    )
    .bind::<SqlUuid, _>(holder)
    .bind::<diesel::sql_types::Timestamptz, _>(until)
    .execute(conn)
    .await?;
    Ok(taken == 1)
}
