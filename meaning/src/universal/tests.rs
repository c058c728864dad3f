//! The whole model, on a small one made here. The real one is held against its reference in `tests/reference.rs`.

use std::io::{Cursor, Write};
use std::sync::LazyLock;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::tokenizer::tests::{PIECES, model};
use super::*;

/// Every array of the archive with its type and shape. A chunk has one embedding.
fn members() -> Vec<(String, &'static str, Vec<usize>)> {
    let mut members = vec![("scale".to_owned(), "<f4", vec![17]), ("lo".to_owned(), "<f4", vec![17]), ("eps".to_owned(), "<f8", vec![])];
    members.extend((1..=17).map(|chunk| (format!("q{chunk}"), "|u1", vec![1, 512])));
    for order in [2, 3, 5] {
        members.push((format!("proj{order}"), "<f4", vec![512, 256]));
        members.extend(["proj_b", "ln_g", "ln_b", "b1_", "b2_"].map(|name| (format!("{name}{order}"), "<f4", vec![256])));
        members.extend(["w1_", "w2_"].map(|name| (format!("{name}{order}"), "<f4", vec![256 * order, 256])));
    }
    members.extend(["ln_g", "ln_b"].map(|name| (name.to_owned(), "<f4", vec![1280])));
    members.extend([("cnn_W", [1280, 512]), ("d0", [512, 320]), ("d1", [320, 320]), ("d2", [320, 512])].map(|(name, shape)| (name.to_owned(), "<f4", shape.to_vec())));
    members.extend([("d3", [512, 512]), ("p1", [512, 320]), ("p3", [320, 512])].map(|(name, shape)| (name.to_owned(), "<f4", shape.to_vec())));
    members.push(("cnn_b".to_owned(), "<f4", vec![512]));
    members
}

/// An archive of arrays, whose values are all small, and differ.
fn archive(members: &[(String, &str, Vec<usize>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, kind, shape) in members {
        writer.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_level(Some(1))).unwrap();
        let lengths = format!("{shape:?}").replace(['[', ']'], "") + if shape.len() == 1 { "," } else { "" };
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({lengths}), }}\n");
        writer.write_all(b"\x93NUMPY\x01\x00").unwrap();
        writer.write_all(&u16::try_from(header.len()).unwrap().to_le_bytes()).unwrap();
        writer.write_all(header.as_bytes()).unwrap();
        let count = shape.iter().product();
        let values: Vec<u8> = match *kind {
            "|u1" => (0..count).map(|index| u8::try_from(index * name.len() * 7 % 61).unwrap()).collect(),
            "<f8" => vec![1e-5_f64; count].into_iter().flat_map(f64::to_le_bytes).collect(),
            _ => (0..count).flat_map(|index| (f32::from(u8::try_from(index % 251 * index % 13).unwrap()) / 60.0 - 0.1).to_le_bytes()).collect(),
        };
        writer.write_all(&values).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| archive(&members()));

fn small() -> Universal {
    Universal::read(&model(PIECES), &SMALL).unwrap()
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[test]
fn texts_have_the_same_vectors_in_every_company() {
    fn shared<T: Send + Sync>(_: &T) {}
    let universal = small();
    shared(&universal);
    assert!(universal.embed(&[]).is_empty());
    let long = "ab 中国 ba ".repeat(200);
    let texts = ["", " ", "a", "ab 中国", &long[..700], &long[..704], "xA🤖", &long, "中"];
    let together = universal.embed(&texts);
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(vector.len(), Universal::WIDTH);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
        assert!(cosine(vector, &universal.embed(&[text])[0]) > 0.999_99, "{text:?}");
    }
    assert!(cosine(&together[2], &together[8]) < 0.999_9);
}

#[test]
fn a_long_text_is_the_sum_of_its_windows() {
    let universal = small();
    let long = "ab 中国 ba ".repeat(80);
    let tokens = universal.tokens(&long);
    let windows = windows(tokens.len(), 256, 192);
    assert!(windows.len() > 2);
    let mut expected = vec![0.0; 512];
    for Window { range, weight } in windows {
        let mut batch = Batch::default();
        batch.push([1].into_iter().chain(tokens[range].iter().copied()).chain([2]));
        let weight = f32::from(u16::try_from(weight).unwrap());
        expected.iter_mut().zip(universal.weights.embed(&batch)).for_each(|(sum, value)| *sum += weight * value);
    }
    normalize(&mut expected, 0.0);
    assert!(cosine(&expected, &universal.embed(&[&long])[0]) > 0.999_99);
}

#[test]
fn what_is_missing_or_misshapen_is_named() {
    let members = members();
    let read = |members: &[(String, &str, Vec<usize>)]| Weights::read(&archive(members)).unwrap_err().to_string();
    for at in (0..members.len()).step_by(5) {
        let name = &members[at].0;
        let others: Vec<_> = members.iter().filter(|member| member.0 != *name).cloned().collect();
        assert_eq!(read(&others), format!("the archive of weights has no {name}.npy"));
        let mut misshapen = members.clone();
        misshapen[at].2.push(1);
        let message = read(&misshapen);
        assert!(message.starts_with(&format!("{name} has the shape [")), "{message}");
        misshapen[at] = (name.clone(), "<i2", members[at].2.clone());
        let message = read(&misshapen);
        assert!(message.starts_with(&format!("{name} holds values of the type <i2")) || message.contains("longer than"), "{message}");
    }
    let more: Vec<(&str, f32)> = (0..20).map(|_| ("a", -1.0)).collect();
    let error = Universal::read(&model(&more), &SMALL).unwrap_err();
    assert_eq!(error.to_string(), "the model is malformed: 23 pieces have 17 embeddings");
}

#[test]
fn a_broken_archive_is_an_error_or_harmless() {
    let whole = &SMALL[..];
    for part in 0..40 {
        assert!(Weights::read(&whole[..whole.len() * part / 40]).is_err(), "cut at {part}/40");
    }
    // The directory at the end says where everything is.
    for at in (whole.len() - 3_000..whole.len()).step_by(41).chain((0..whole.len()).step_by(whole.len() / 40)) {
        let mut broken = whole.to_vec();
        broken[at] ^= 0xff;
        if let Ok(weights) = Weights::read(&broken) {
            assert_eq!(weights.embeddings.len(), 17);
        }
    }
    assert!(Weights::read(&[]).unwrap_err().to_string().starts_with("the archive of weights cannot be read as a zip archive"));
}
