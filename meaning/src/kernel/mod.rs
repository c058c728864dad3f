//! Products of weights of 4 bits, as their file has them, with activations of 8 bits.
//!
//! A matrix's weights lie in blocks of 32 columns, each row of a block with its own scale; activations are cut the same way, each stretch of 32
//! with its own. Within a block all is whole numbers, so a product errs by what activations lose to rounding, at most 1/254 of the largest of
//! their stretch, and by nothing else. (The scheme is that of `Q4_0` by `Q8_0` in ggml, <https://github.com/ggml-org/ggml>.)

#[cfg(target_arch = "x86_64")]
mod avx2;
mod matrix;

#[cfg(target_arch = "x86_64")]
pub use self::avx2::Avx2;
pub use self::matrix::{Activations, Matrix};

/// Columns of a block.
pub const BLOCK: usize = 32;
/// Rows of weights that are multiplied together.
pub const PANEL: usize = 16;
/// Columns that an instruction adds up, and how often that makes a block.
const STEP: usize = 4;
const STEPS: usize = BLOCK / STEP;

/// The weights of a panel in one block of columns.
#[derive(Clone)]
pub struct Block {
    scales: [f32; PANEL],
    /// By two steps: the weights of the panel's first eight rows, then of the others, four of a row after another. The first step's lie in the
    /// low halves of the bytes, the second's in the high ones. Each is larger by 8 than what it stands for.
    weights: [[[u8; BLOCK]; 2]; STEPS / 2],
}

/// One row of activations in one block of columns.
#[derive(Clone, Copy)]
pub struct Stretch {
    /// Weights are too large by 8, so these are the sums of what they are multiplied by, times -8: of the first two columns of each step in the
    /// low half, of the last two in the high half.
    correction: i32,
    scale: f32,
    /// By step: four activations in one number.
    steps: [i32; STEPS],
}

/// How a processor does the inner loops.
pub trait Machine: Copy {
    /// a · b + c
    fn fused(self, a: f32, b: f32, c: f32) -> f32;

    /// Adds to each token's values what the block makes of its stretch.
    fn add(self, block: &Block, tokens: &[Stretch], values: &mut [[f32; PANEL]]);
}

/// Work that any machine can do.
pub trait Work {
    type Output;

    /// To be inlined always: what is not is compiled for any processor, however it is called.
    fn on<M: Machine>(self, machine: M) -> Self::Output;
}

/// Does the work on the best that this processor offers.
pub fn run<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = Avx2::detect() {
        return avx2.run(work);
    }
    work.on(Plain)
}

/// Any processor.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Machine for Plain {
    #[inline(always)]
    fn fused(self, a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum of 32 products of 4 bits by 8")]
    fn add(self, block: &Block, tokens: &[Stretch], values: &mut [[f32; PANEL]]) {
        for (stretch, values) in tokens.iter().zip(values) {
            let [first, second] = halves(stretch.correction);
            let mut sums = [first + second; PANEL];
            for (step, four) in stretch.steps.iter().enumerate() {
                let four = four.to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
                let rows = block.weights[step / 2].iter().flat_map(|half| half.as_chunks::<STEP>().0);
                for (sum, weights) in sums.iter_mut().zip(rows) {
                    for (weight, activation) in weights.iter().zip(four) {
                        *sum += i32::from((weight >> (step % 2 * 4)) & 0x0f) * activation;
                    }
                }
            }
            for ((value, sum), scale) in values.iter_mut().zip(sums).zip(block.scales) {
                *value += sum as f32 * (scale * stretch.scale);
            }
        }
    }
}

fn halves(both: i32) -> [i32; 2] {
    [(both << 16) >> 16, both >> 16]
}

/// Folds eight values side by side, which one register holds: the compiler may not change the order of floating-point numbers by itself.
#[inline(always)]
pub fn folded(values: &[f32], start: f32, step: impl Fn(f32, f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [start; 8];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = step(*lane, *value);
        }
    }
    lanes.iter().chain(rest).fold(start, |folded, value| step(folded, *value))
}

/// The nearest whole number of a value below 2²²: adding 1.5 · 2²³ leaves it in the low bits.
#[inline(always)]
pub fn nearest(value: f32) -> i32 {
    const SHIFT: f32 = 12_582_912.0;
    (value + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()).cast_signed()
}
