//! Vectors for listings whose texts mean nothing, with the structure that real ones have.
//!
//! Measured on 4,000 to 11,000 real texts a set (centred vectors of offers, abstracts and job titles in both languages): the cosines of random
//! pairs have a standard deviation of 0.10 to 0.13 (as have vectors of some eighty equal dimensions in e5 and some fifty-five in the universal
//! encoder); of a hundred pairs one is nearer than 0.28 to 0.43; a text's tenth neighbour has 0.24 to 0.51, its first 0.38 to 0.74. So here:
//! two thousand clusters of Zipf's sizes in sixty domains, cosines of 0.35 to 0.7 to others of a cluster and about 0.2 within a domain,
//! dimensions of falling weight turned so that no component stands for one of them, and both models' vectors of a listing in the same cluster.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal, Zipf};
use zonebridge::embedding::embedder::{E5_WIDTH, Raw, UNIVERSAL_WIDTH};
use zonebridge::embedding::means::{Mean, Means, Role};
use zonebridge::text::language::Language;
use zonebridge_meaning::vector::make_unit;

const DOMAINS: usize = 60;
const CLUSTERS: usize = 2_000;
/// The largest of the clusters then has a twentieth of all listings.
const EXPONENT: f64 = 0.8;
/// What two clusters of a domain have in common.
const DOMAIN_SHARE: f32 = 0.4;
/// What a listing has in common with its cluster, from and to.
const CLUSTER_SHARE: std::ops::Range<f32> = 0.35..0.7;
/// What the two languages of a listing have in common: the models place a translation near its original, not upon it.
const LANGUAGE_SHARE: f32 = 0.7;
/// Into how many pieces a text of 130 words is cut.
const PIECES: usize = 3;
/// The weight of dimension `i` falls as `1 / (i + START)`: these give the deviations above.
const E5_START: f32 = 4.0;
const UNIVERSAL_START: f32 = 1.8;
/// Dimensions are mixed in groups of so many, a divisor of both widths.
const GROUP: usize = 128;

/// The clusters, from a seed.
pub struct Clusters {
    seed: u64,
    law: Zipf<f64>,
    e5: Space,
    universal: Space,
    means: Means,
}

/// What a listing means, before it is said in a language.
pub struct Latent {
    number: u64,
    e5: Vec<f32>,
    universal: Vec<f32>,
}

impl Clusters {
    /// `None` only while the build has no means of the languages.
    pub fn new(seed: u64) -> Option<Self> {
        let mut random = StdRng::seed_from_u64(seed ^ 0xc105);
        let domains: Vec<usize> = (0..CLUSTERS).map(|_| random.random_range(0..DOMAINS)).collect();
        let e5 = Space::new(E5_WIDTH, E5_START, &domains, &mut random);
        let universal = Space::new(UNIVERSAL_WIDTH, UNIVERSAL_START, &domains, &mut random);
        Some(Self { seed, law: Zipf::new(CLUSTERS as f64, EXPONENT).ok()?, e5, universal, means: Means::default_means()? })
    }

    /// A listing by its number: always the same.
    pub fn listing(&self, number: u64) -> Latent {
        let mut random = self.random(number, 0);
        let cluster = self.law.sample(&mut random) as usize - 1;
        let share = random.random_range(CLUSTER_SHARE);
        Latent { number, e5: self.e5.near(cluster, share, &mut random), universal: self.universal.near(cluster, share, &mut random) }
    }

    /// The vectors of its text in a language as the models would give them: with the mean of the language, of length 1.
    pub fn said_in(&self, latent: &Latent, language: Language) -> Raw {
        let (turn, chinese) = match language {
            Language::Zh => (1, 1.0),
            Language::En => (2, 0.0),
        };
        let mut random = self.random(latent.number, turn);
        let Mean { e5, universal } = self.mean(Role::Passage, language);
        let pieces = (0..PIECES).map(|_| self.universal.raw(&latent.universal, universal, &mut random)).collect();
        Raw { e5: self.e5.raw(&latent.e5, e5, &mut random), universal: self.universal.raw(&latent.universal, universal, &mut random), pieces, chinese }
    }

    /// The vectors of its title in a language.
    pub fn called_in(&self, latent: &Latent, language: Language) -> Raw {
        let (turn, chinese) = match language {
            Language::Zh => (3, 1.0),
            Language::En => (4, 0.0),
        };
        let mut random = self.random(latent.number, turn);
        let Mean { e5, universal } = self.mean(Role::Query, language);
        Raw { e5: self.e5.raw(&latent.e5, e5, &mut random), universal: self.universal.raw(&latent.universal, universal, &mut random), pieces: Vec::new(), chinese }
    }

    fn mean(&self, role: Role, language: Language) -> &Mean {
        let means = self.means.of(role);
        match language {
            Language::Zh => &means.zh,
            Language::En => &means.en,
        }
    }

    fn random(&self, number: u64, turn: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ (number * 5 + turn).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// The vectors of one model.
struct Space {
    weights: Vec<f32>,
    centres: Vec<Vec<f32>>,
    turn: Turn,
}

impl Space {
    fn new(width: usize, start: f32, domains: &[usize], random: &mut StdRng) -> Self {
        let weights: Vec<f32> = (0..width).map(|dimension| (1.0 / (dimension as f32 + start)).sqrt()).collect();
        let of_domains: Vec<Vec<f32>> = (0..DOMAINS).map(|_| any(&weights, random)).collect();
        let centres = domains.iter().map(|domain| mixed(&of_domains[*domain], DOMAIN_SHARE, &any(&weights, random))).collect();
        Self { weights, centres, turn: Turn::new(width, random) }
    }

    fn near(&self, cluster: usize, share: f32, random: &mut StdRng) -> Vec<f32> {
        mixed(&self.centres[cluster], share, &any(&self.weights, random))
    }

    fn raw(&self, latent: &[f32], mean: &[f32], random: &mut StdRng) -> Vec<f32> {
        let centred = self.turn.of(mixed(latent, LANGUAGE_SHARE, &any(&self.weights, random)));
        // The model's vectors have length 1, so what is not the mean's is the listing's.
        let own = (1.0 - mean.iter().map(|value| value * value).sum::<f32>()).max(0.0).sqrt();
        let mut raw: Vec<f32> = mean.iter().zip(&centred).map(|(mean, value)| mean + own * value).collect();
        make_unit(&mut raw);
        raw
    }
}

/// Any direction, where a dimension counts by its weight.
fn any(weights: &[f32], random: &mut impl Rng) -> Vec<f32> {
    let mut vector: Vec<f32> = weights
        .iter()
        .map(|weight| {
            let value: f32 = StandardNormal.sample(random);
            weight * value
        })
        .collect();
    make_unit(&mut vector);
    vector
}

/// A direction with so large a share of the first, by its cosine squared, and the rest of the other.
fn mixed(first: &[f32], share: f32, other: &[f32]) -> Vec<f32> {
    let (a, b) = (share.sqrt(), (1.0 - share).sqrt());
    let mut vector: Vec<f32> = first.iter().zip(other).map(|(first, other)| a * first + b * other).collect();
    make_unit(&mut vector);
    vector
}

/// A fixed rotation, made of changes of place and sign and of Hadamard's transform: it costs a hundredth of a whole matrix.
struct Turn {
    steps: Vec<Vec<(usize, f32)>>,
}

impl Turn {
    fn new(width: usize, random: &mut StdRng) -> Self {
        let mut step = || {
            let mut places: Vec<usize> = (0..width).collect();
            places.shuffle(random);
            places.into_iter().map(|place| (place, if random.random_bool(0.5) { 1.0 } else { -1.0 })).collect()
        };
        Self { steps: (0..3).map(|_| step()).collect() }
    }

    fn of(&self, mut vector: Vec<f32>) -> Vec<f32> {
        let scale = 1.0 / (GROUP as f32).sqrt();
        for step in &self.steps {
            let mut moved: Vec<f32> = step.iter().map(|(place, sign)| sign * scale * vector[*place]).collect();
            for group in moved.chunks_exact_mut(GROUP) {
                hadamard(group);
            }
            vector = moved;
        }
        vector
    }
}

/// Walsh and Hadamard's transform of a power of two of numbers, in place.
fn hadamard(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (left, right) in left.iter_mut().zip(right) {
                (*left, *right) = (*left + *right, *left - *right);
            }
        }
        half *= 2;
    }
}
