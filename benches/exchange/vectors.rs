//! Puts the vectors of the generated listings where the worker would put those of real ones: into the table, by COPY, with the means of the
//! languages computed as the worker computes them.

use std::pin::pin;

use anyhow::{Context, Result};
use rayon::prelude::*;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use uuid::Uuid;
use zonebridge::config::Secret;
use zonebridge::db::Database;
use zonebridge::embedding::embedder::MODEL;
use zonebridge::embedding::means::{Means, Sum};
use zonebridge::embedding::vectors;
use zonebridge::text::language::Language;
use zonebridge_meaning::vector::Direction;

use super::clusters::Clusters;
use super::corpus::number_of;

const BATCH: i64 = 4_000;
/// Of how many vectors the worker takes the means at most.
const SAMPLE: i64 = 20_000;

/// A published listing.
struct Listing {
    id: Uuid,
    number: u64,
    revision: i32,
    languages: Vec<Language>,
}

struct Row {
    id: Uuid,
    language: Language,
    revision: i32,
    chinese: f32,
    e5: Vec<u8>,
    universal: Vec<u8>,
    pieces: Vec<u8>,
    title_e5: Vec<u8>,
    title_universal: Vec<u8>,
}

/// Gives every published listing its vectors; returns how many vectors there are.
pub async fn seed(url: &Secret, clusters: &Clusters) -> Result<u64> {
    let mut client = connect(url).await?;
    client.batch_execute("TRUNCATE listing_vectors, embedding_means").await?;
    let (mut after, mut written) = (Uuid::nil(), 0);
    loop {
        let listings = next(&client, after).await?;
        let Some(last) = listings.last() else { break };
        after = last.id;
        let rows: Vec<Row> = listings.par_iter().flat_map_iter(|listing| rows_of(clusters, listing)).collect();
        written += copy(&mut client, &rows).await?;
    }
    client.batch_execute("VACUUM ANALYZE listing_vectors").await?;
    keep_means(url).await?;
    Ok(written)
}

/// A connection of its own.
pub async fn connect(url: &Secret) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url.expose(), tokio_postgres::NoTls).await.context("the database does not answer")?;
    tokio::spawn(connection);
    Ok(client)
}

async fn next(client: &Client, after: Uuid) -> Result<Vec<Listing>> {
    let statement = "SELECT l.id, l.external_id, l.live_revision, r.title_zh IS NOT NULL, r.title_en IS NOT NULL
        FROM listings l JOIN listing_revisions r ON r.listing_id = l.id AND r.revision = l.live_revision
        WHERE l.state = 'published' AND l.id > $1 ORDER BY l.id LIMIT $2";
    let rows = client.query(statement, &[&after, &BATCH]).await?;
    let listing = |row: &tokio_postgres::Row| {
        let external: Option<String> = row.get(1);
        let languages = [(Language::Zh, row.get::<_, bool>(3)), (Language::En, row.get(4))].into_iter().filter_map(|(language, has)| has.then_some(language)).collect();
        Some(Listing { id: row.get(0), number: number_of(&external?)?, revision: row.get(2), languages })
    };
    rows.iter().map(|row| listing(row).context("a listing that the generator did not make")).collect()
}

fn rows_of(clusters: &Clusters, listing: &Listing) -> Vec<Row> {
    let latent = clusters.listing(listing.number);
    let row = |language: &Language| {
        let (raw, title) = (clusters.said_in(&latent, *language), clusters.called_in(&latent, *language));
        let bytes = |vector: &Vec<f32>| Direction::of(vector).map(|direction| direction.to_bytes());
        Some(Row {
            id: listing.id,
            language: *language,
            revision: listing.revision,
            chinese: raw.chinese,
            e5: bytes(&raw.e5)?,
            universal: bytes(&raw.universal)?,
            pieces: raw.pieces.iter().filter_map(bytes).flatten().collect(),
            title_e5: bytes(&title.e5)?,
            title_universal: bytes(&title.universal)?,
        })
    };
    listing.languages.iter().filter_map(row).collect()
}

async fn copy(client: &mut Client, rows: &[Row]) -> Result<u64> {
    let transaction = client.transaction().await?;
    let sink = transaction
        .copy_in("COPY listing_vectors (listing_id, audience, language, model, revision, chinese, e5, universal, pieces, title_e5, title_universal) FROM STDIN BINARY")
        .await?;
    let types = [Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT4, Type::FLOAT4, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::BYTEA];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for row in rows {
        let language = match row.language {
            Language::Zh => "zh",
            Language::En => "en",
        };
        let Row { id, revision, chinese, e5, universal, pieces, title_e5, title_universal, .. } = row;
        writer.as_mut().write(&[id, &"public", &language, &MODEL, revision, chinese, e5, universal, pieces, title_e5, title_universal]).await?;
    }
    let written = writer.finish().await?;
    transaction.commit().await?;
    Ok(written)
}

/// As the worker would, so that a service does not build its index anew in the middle of a measurement.
async fn keep_means(url: &Secret) -> Result<()> {
    let database = Database::new(url, 2)?;
    let mut conn = database.write().await?;
    let count = vectors::count_vectors(&mut conn).await?;
    let mut means = Means::default_means().context("this build has no means of the languages")?;
    for language in [Language::Zh, Language::En] {
        let mut sum = Sum::default();
        for vector in vectors::newest(&mut conn, language, SAMPLE).await? {
            sum.add(&vector.raw());
        }
        means.move_passages(language, &sum);
    }
    vectors::keep_means(&mut conn, &means, 0, count).await?;
    Ok(())
}
