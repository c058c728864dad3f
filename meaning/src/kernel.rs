//! Products of matrices in whole numbers: weights of 8 bits by activations of 14, added up in 32.
//!
//! A row of weights has one scale, a row of activations too, so a product is two multiplications away from its value. By this a weight errs
//! by at most 1/254 of the largest of its row, a small part of what 4 bits have left of it; activations err by 1/16,000.
//! Weights lie as the inner loop reads them: 16 rows together, two columns at a time.

#[cfg(target_arch = "x86_64")]
pub use self::avx2::Avx2;

/// Rows of weights that are multiplied together, and how many rows of activations at most.
pub const PANEL: usize = 16;
const TOKENS: usize = 6;

/// The largest activation. With weights up to 127 and up to 2,048 columns a sum stays within 32 bits: 127 · 8191 · 2048 < 2³¹.
const LARGEST: f32 = 8191.0;
pub const MAX_COLUMNS: usize = 2_048;

/// How a processor does the inner loops.
pub trait Machine: Copy {
    /// a · b + c
    fn fused(self, a: f32, b: f32, c: f32) -> f32;

    /// The products of up to six rows of activations with a panel: by pair of columns, `M` pairs and 16 pairs of weights.
    fn tile<const M: usize>(self, tokens: &[[i32; M]], panel: &[[i8; 2 * PANEL]]) -> [[i32; PANEL]; M];
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

    fn tile<const M: usize>(self, tokens: &[[i32; M]], panel: &[[i8; 2 * PANEL]]) -> [[i32; PANEL]; M] {
        let mut sums = [[0; PANEL]; M];
        for (pairs, weights) in tokens.iter().zip(panel) {
            for (sums, pair) in sums.iter_mut().zip(pairs) {
                let (first, second) = halves(*pair);
                for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<2>().0) {
                    *sum += first * i32::from(weights[0]) + second * i32::from(weights[1]);
                }
            }
        }
        sums
    }
}

/// Two activations in one number, the first in its lower half.
#[inline(always)]
fn pair(first: i32, second: i32) -> i32 {
    (first & 0xffff) | (second << 16)
}

fn halves(pair: i32) -> (i32, i32) {
    ((pair << 16) >> 16, pair >> 16)
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    #![expect(unsafe_code, reason = "the processor's own instructions; each use says why it is sound")]

    use std::arch::x86_64::{
        __m128i, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_madd_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256,
    };

    use super::{Machine, PANEL, Work};

    /// A processor with AVX2 and FMA. There is no other way to it than [`Avx2::detect`], so who has it may use both.
    #[derive(Debug, Clone, Copy)]
    pub struct Avx2(());

    impl Avx2 {
        pub fn detect() -> Option<Self> {
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
        }

        /// Does work that is compiled for such a processor.
        pub fn run<W: Work>(self, work: W) -> W::Output {
            // SAFETY: `self` proves that the processor has both.
            unsafe { compiled(self, work) }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn compiled<W: Work>(machine: Avx2, work: W) -> W::Output {
        work.on(machine)
    }

    impl Machine for Avx2 {
        #[inline(always)]
        fn fused(self, a: f32, b: f32, c: f32) -> f32 {
            a.mul_add(b, c)
        }

        #[inline(always)]
        fn tile<const M: usize>(self, tokens: &[[i32; M]], panel: &[[i8; 2 * PANEL]]) -> [[i32; PANEL]; M] {
            // SAFETY: `self` proves that the processor has AVX2.
            unsafe { tile(tokens, panel) }
        }
    }

    #[target_feature(enable = "avx2")]
    fn load(bytes: &[i8; 16]) -> __m128i {
        // SAFETY: 16 bytes are read, and the array has as many.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    fn store(numbers: &mut [i32; 8], from: __m256i) {
        // SAFETY: eight numbers of four bytes are written, and the array has as many.
        unsafe { _mm256_storeu_si256(numbers.as_mut_ptr().cast(), from) }
    }

    #[target_feature(enable = "avx2")]
    fn tile<const M: usize>(tokens: &[[i32; M]], panel: &[[i8; 2 * PANEL]]) -> [[i32; PANEL]; M] {
        let mut sums = [[_mm256_setzero_si256(); 2]; M];
        for (pairs, weights) in tokens.iter().zip(panel) {
            let (halves, _) = weights.as_chunks::<16>();
            let [low, high] = [_mm256_cvtepi8_epi16(load(&halves[0])), _mm256_cvtepi8_epi16(load(&halves[1]))];
            for (sums, pair) in sums.iter_mut().zip(pairs) {
                let both = _mm256_set1_epi32(*pair);
                sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(low, both));
                sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(high, both));
            }
        }
        let mut numbers = [[0; PANEL]; M];
        for (numbers, sums) in numbers.iter_mut().zip(sums) {
            let (halves, _) = numbers.as_chunks_mut::<8>();
            store(&mut halves[0], sums[0]);
            store(&mut halves[1], sums[1]);
        }
        numbers
    }
}

/// A matrix of weights with the bias of its rows.
pub struct Matrix {
    rows: usize,
    columns: usize,
    weights: Vec<[i8; 2 * PANEL]>,
    scales: Vec<f32>,
    bias: Vec<f32>,
}

impl Matrix {
    /// From rows of numbers. `rows` must be a multiple of [`PANEL`], `columns` even and at most [`MAX_COLUMNS`]; a row that has less counts as
    /// zeros where it ends.
    pub fn new(rows: usize, columns: usize, bias: Vec<f32>, mut row: impl FnMut(usize, &mut Vec<f32>)) -> Self {
        let pairs = columns / 2;
        let mut matrix = Self { rows, columns, weights: vec![[0; 2 * PANEL]; rows / PANEL * pairs], scales: vec![0.0; rows], bias };
        let mut values = Vec::with_capacity(columns);
        for number in 0..rows {
            row(number, &mut values);
            let largest = values.iter().fold(0_f32, |largest, value| largest.max(value.abs()));
            if largest > 0.0 {
                matrix.scales[number] = largest / 127.0;
                let place = 2 * (number % PANEL);
                let panel = &mut matrix.weights[number / PANEL * pairs..][..pairs];
                for (weights, values) in panel.iter_mut().zip(values.as_chunks::<2>().0) {
                    weights[place] = whole(values[0] * 127.0 / largest);
                    weights[place + 1] = whole(values[1] * 127.0 / largest);
                }
            }
        }
        matrix
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What the matrix makes of each row of activations, rows × `self.rows()`, with the bias.
    #[inline(always)]
    pub fn multiply<M: Machine>(&self, machine: M, input: &Activations, output: &mut Vec<f32>) {
        debug_assert_eq!(input.columns, self.columns);
        output.clear();
        output.resize(input.scales.len() * self.rows, 0.0);
        let pairs = self.columns / 2;
        for (number, panel) in self.weights.chunks_exact(pairs).enumerate() {
            for (block, scales) in input.scales.chunks(TOKENS).enumerate() {
                let first = block * TOKENS;
                let tokens = &input.pairs[first * pairs..][..scales.len() * pairs];
                let out = &mut output[first * self.rows..];
                match scales.len() {
                    1 => self.write(number, &machine.tile::<1>(tokens.as_chunks().0, panel), scales, out),
                    2 => self.write(number, &machine.tile::<2>(tokens.as_chunks().0, panel), scales, out),
                    3 => self.write(number, &machine.tile::<3>(tokens.as_chunks().0, panel), scales, out),
                    4 => self.write(number, &machine.tile::<4>(tokens.as_chunks().0, panel), scales, out),
                    5 => self.write(number, &machine.tile::<5>(tokens.as_chunks().0, panel), scales, out),
                    _ => self.write(number, &machine.tile::<6>(tokens.as_chunks().0, panel), scales, out),
                }
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "24 bits of a sum are far more than its parts have")]
    fn write(&self, panel: usize, sums: &[[i32; PANEL]], scales: &[f32], output: &mut [f32]) {
        let first = panel * PANEL;
        let (of_rows, bias) = (&self.scales[first..][..PANEL], &self.bias[first..][..PANEL]);
        for ((sums, scale), output) in sums.iter().zip(scales).zip(output.chunks_mut(self.rows)) {
            for (((value, sum), of_row), bias) in output[first..][..PANEL].iter_mut().zip(sums).zip(of_rows).zip(bias) {
                *value = *sum as f32 * (scale * of_row) + bias;
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share of 127")]
fn whole(value: f32) -> i8 {
    value.round().clamp(-127.0, 127.0) as i8
}

/// Rows of numbers made whole, each with its scale: up to six rows together, pair of columns by pair.
#[derive(Default)]
pub struct Activations {
    columns: usize,
    pairs: Vec<i32>,
    scales: Vec<f32>,
    /// The pairs of one row, in their order.
    row: Vec<i32>,
}

impl Activations {
    /// Takes rows of `columns` numbers in place of what was there.
    #[inline(always)]
    pub fn take(&mut self, values: &[f32], columns: usize) {
        self.columns = columns;
        let (rows, pairs) = (values.len() / columns, columns / 2);
        self.pairs.clear();
        self.pairs.resize(rows * pairs, 0);
        self.scales.clear();
        for (block, rows) in values.chunks(columns * TOKENS).enumerate() {
            let count = rows.len() / columns;
            let place = &mut self.pairs[block * TOKENS * pairs..][..count * pairs];
            for (number, row) in rows.chunks_exact(columns).enumerate() {
                let largest = folded(row, f32::MIN_POSITIVE, |largest, value| if value.abs() > largest { value.abs() } else { largest });
                let factor = LARGEST / largest;
                self.scales.push(largest / LARGEST);
                self.row.clear();
                self.row.extend(row.as_chunks::<2>().0.iter().map(|values| pair(nearest(values[0] * factor), nearest(values[1] * factor))));
                for (place, pair) in place[number..].iter_mut().step_by(count).zip(&self.row) {
                    *place = *pair;
                }
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Product<'a>(&'a Matrix, &'a Activations);

    impl Work for Product<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn on<M: Machine>(self, machine: M) -> Vec<f32> {
            let mut output = Vec::new();
            self.0.multiply(machine, self.1, &mut output);
            output
        }
    }

    /// On any processor, and on this one.
    fn products(matrix: &Matrix, input: &Activations) -> [Vec<f32>; 2] {
        [Product(matrix, input).on(Plain), run(Product(matrix, input))]
    }

    proptest! {
        #[test]
        fn every_processor_gives_the_same_and_nearly_the_product(
            tokens in 1_usize..20, panels in 1_usize..4, pairs in 1_usize..40, seed in any::<u64>(), size in 0.001_f32..1_000.0
        ) {
            let (rows, columns) = (panels * PANEL, pairs * 2);
            let mut state = seed | 1;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                f32::from(u16::try_from(state % 2_001).unwrap()) / 1_000.0 - 1.0
            };
            let weights: Vec<f32> = (0..rows * columns).map(|_| next()).collect();
            let bias: Vec<f32> = (0..rows).map(|_| next()).collect();
            let values: Vec<f32> = (0..tokens * columns).map(|_| next() * size).collect();
            let matrix = Matrix::new(rows, columns, bias.clone(), |row, into| { into.clear(); into.extend(&weights[row * columns..][..columns]); });
            let mut input = Activations::default();
            input.take(&values, columns);
            let outputs = products(&matrix, &input);
            for output in &outputs {
                prop_assert_eq!(output, &outputs[0]);
            }
            for token in 0..tokens {
                for row in 0..rows {
                    let exact: f32 = (0..columns).map(|k| weights[row * columns + k] * values[token * columns + k]).sum::<f32>() + bias[row];
                    let error = size * f32::from(u16::try_from(columns).unwrap()) * (1.0 / 254.0 + 1.0 / 8_191.0) + 1e-3;
                    prop_assert!((outputs[0][token * rows + row] - exact).abs() <= error);
                }
            }
        }
    }

    #[test]
    fn the_largest_sums_do_not_overflow() {
        let matrix = Matrix::new(PANEL, MAX_COLUMNS, vec![0.0; PANEL], |row, into| {
            into.clear();
            into.resize(MAX_COLUMNS, if row % 2 == 0 { 1.0 } else { -1.0 });
        });
        let mut input = Activations::default();
        input.take(&vec![-3.0; MAX_COLUMNS], MAX_COLUMNS);
        for output in products(&matrix, &input) {
            assert!((output[0] + 6_144.0).abs() < 1.0 && (output[1] - 6_144.0).abs() < 1.0);
        }
    }
}
