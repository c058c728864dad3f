//! What the language models cost on one core.

use std::time::{Duration, Instant};

use zonebridge_meaning::e5::Role;
use zonebridge_meaning::files::Models;

use super::corpus::Corpus;
use super::figures::{Measure, at_share};

const QUESTIONS: usize = 200;
/// Texts go through the models in groups, as the worker sends them.
const TOGETHER: usize = 8;
const TEXTS: usize = 64;

/// Questions of eight and twelve tokens, and texts of a hundred, by each model.
pub fn measure(models: &Models, corpus: &Corpus, seed: u64) -> Vec<Measure> {
    let mut measures = Vec::new();
    for tokens in [8, 12] {
        let questions = corpus.questions_of_tokens(models, tokens, seed, QUESTIONS);
        let (mut e5, mut universal) = (Vec::new(), Vec::new());
        for question in &questions {
            e5.push(timed(|| models.e5.embed(Role::Query, &[question])));
            universal.push(timed(|| models.universal.embed(&[question])));
        }
        for (model, mut times) in [("e5", e5), ("universal encoder", universal)] {
            times.sort();
            measures.push(Measure::one(&format!("a question of {tokens} tokens, {model}, p50"), "ms", at_share(&times, 0.5)));
            measures.push(Measure::one(&format!("a question of {tokens} tokens, {model}, p99"), "ms", at_share(&times, 0.99)));
        }
    }
    let texts = corpus.questions_of_tokens(models, 100, seed, TEXTS);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let rate = |embed: &dyn Fn(&[&str])| {
        let took: Duration = texts.chunks(TOGETHER).map(|texts| timed(|| embed(texts))).sum();
        texts.len() as f64 / took.as_secs_f64()
    };
    let e5 = rate(&|texts| drop(models.e5.embed(Role::Passage, texts)));
    let universal = rate(&|texts| drop(models.universal.embed(texts)));
    measures.push(Measure::one("texts of 100 tokens on one core, e5", "texts/s", e5));
    measures.push(Measure::one("texts of 100 tokens on one core, universal encoder", "texts/s", universal));
    measures
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    std::hint::black_box(work());
    began.elapsed()
}
