//! The inner loops by instructions of 256 bits.

#![expect(unsafe_code, reason = "the processor's own instructions; each use says why it is sound")]

use std::arch::x86_64::{
    __m256, __m256i, _mm256_add_epi16, _mm256_and_si256, _mm256_cvtepi32_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_mul_ps, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_si256, _mm256_srli_epi16, _mm256_storeu_ps,
};

use super::{BLOCK, Block, Machine, PANEL, STEPS, Stretch, Work};

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
    fn add(self, block: &Block, tokens: &[Stretch], values: &mut [[f32; PANEL]]) {
        // SAFETY: `self` proves that the processor has both.
        unsafe { add(block, tokens, values) }
    }
}

#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; BLOCK]) -> __m256i {
    // SAFETY: 32 bytes are read, and the array has as many.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// A panel's numbers in two registers.
#[target_feature(enable = "avx2")]
fn load_floats(numbers: &[f32; PANEL]) -> [__m256; 2] {
    let (halves, _) = numbers.as_chunks::<8>();
    // SAFETY: eight numbers of four bytes are read from each array of as many.
    unsafe { [_mm256_loadu_ps(halves[0].as_ptr()), _mm256_loadu_ps(halves[1].as_ptr())] }
}

#[target_feature(enable = "avx2")]
fn store(numbers: &mut [f32; PANEL], from: [__m256; 2]) {
    for (half, from) in numbers.as_chunks_mut::<8>().0.iter_mut().zip(from) {
        // SAFETY: eight numbers of four bytes are written, and the array has as many.
        unsafe { _mm256_storeu_ps(half.as_mut_ptr(), from) }
    }
}

/// Weights are unpacked once for all tokens; two tokens at a time are then met by each that is read.
#[target_feature(enable = "avx2,fma")]
fn add(block: &Block, tokens: &[Stretch], values: &mut [[f32; PANEL]]) {
    let low = _mm256_set1_epi8(0x0f);
    let mut weights = [[_mm256_setzero_si256(); 2]; STEPS];
    for (steps, packed) in weights.as_chunks_mut::<2>().0.iter_mut().zip(&block.weights) {
        let packed = [load(&packed[0]), load(&packed[1])];
        steps[0] = [_mm256_and_si256(packed[0], low), _mm256_and_si256(packed[1], low)];
        steps[1] = [_mm256_and_si256(_mm256_srli_epi16::<4>(packed[0]), low), _mm256_and_si256(_mm256_srli_epi16::<4>(packed[1]), low)];
    }
    let scales = load_floats(&block.scales);
    let ((pairs, last), (values, last_values)) = (tokens.as_chunks::<2>(), values.as_chunks_mut::<2>());
    for (tokens, values) in pairs.iter().zip(values) {
        add_some(&weights, scales, tokens, values);
    }
    if let ([token], [values]) = (last, last_values) {
        add_some(&weights, scales, &[*token], std::array::from_mut(values));
    }
}

/// The sums of a block stay within 16 bits: a lane gets 16 products, and 16 · 15 · 127 is 30,480. What the correction adds at the beginning may
/// take a sum out of them for a while; it wraps, and comes back, since 16 · 8 · 127 is 16,256.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn add_some<const M: usize>(weights: &[[__m256i; 2]; STEPS], scales: [__m256; 2], tokens: &[Stretch; M], values: &mut [[f32; PANEL]; M]) {
    let mut sums = [[_mm256_setzero_si256(); 2]; M];
    for (sums, token) in sums.iter_mut().zip(tokens) {
        *sums = [_mm256_set1_epi32(token.correction); 2];
    }
    for (step, weights) in weights.iter().enumerate() {
        for (sums, token) in sums.iter_mut().zip(tokens) {
            let four = _mm256_set1_epi32(token.steps[step]);
            sums[0] = _mm256_add_epi16(sums[0], _mm256_maddubs_epi16(weights[0], four));
            sums[1] = _mm256_add_epi16(sums[1], _mm256_maddubs_epi16(weights[1], four));
        }
    }
    let ones = _mm256_set1_epi16(1);
    for ((sums, token), values) in sums.iter().zip(tokens).zip(values) {
        let scale = _mm256_set1_ps(token.scale);
        let mut sum = load_floats(values);
        for half in 0..2 {
            sum[half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_madd_epi16(sums[half], ones)), _mm256_mul_ps(scales[half], scale), sum[half]);
        }
        store(values, sum);
    }
}
