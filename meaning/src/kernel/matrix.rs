//! A matrix of weights, and the rows that it is multiplied with.

use super::{BLOCK, Block, Machine, PANEL, STEP, STEPS, Stretch, folded, nearest};

/// A matrix of weights with the bias of its rows.
pub struct Matrix {
    rows: usize,
    columns: usize,
    /// The blocks of a panel one after another, and panel after panel.
    blocks: Vec<Block>,
    bias: Vec<f32>,
}

impl Matrix {
    /// From each row's blocks of 32 columns: their scale and their weights, from 0 to 15, each larger by 8 than what it stands for. `rows` must
    /// be a multiple of [`PANEL`]; blocks that a row has beyond `columns` are not read, those that it lacks are zeros.
    pub fn new<Blocks: Iterator<Item = (f32, [u8; BLOCK])>>(rows: usize, columns: usize, bias: Vec<f32>, row: impl Fn(usize) -> Blocks) -> Self {
        let across = columns / BLOCK;
        let nothing = Block { scales: [0.0; PANEL], weights: [[[0; BLOCK]; 2]; STEPS / 2] };
        let mut blocks = vec![nothing; rows / PANEL * across];
        for number in 0..rows {
            let (half, place) = (number % PANEL / 8, number % 8 * STEP);
            for (block, (scale, weights)) in blocks[number / PANEL * across..][..across].iter_mut().zip(row(number)) {
                block.scales[number % PANEL] = scale;
                for (step, weights) in weights.as_chunks::<STEP>().0.iter().enumerate() {
                    for (packed, weight) in block.weights[step / 2][half][place..].iter_mut().zip(weights) {
                        *packed |= (weight & 0x0f) << (step % 2 * 4);
                    }
                }
            }
        }
        Self { rows, columns, blocks, bias }
    }

    /// What the matrix makes of each row of activations, rows × `self.rows`, with the bias.
    #[inline(always)]
    pub fn multiply<M: Machine>(&self, machine: M, input: &Activations, output: &mut Vec<f32>) {
        debug_assert_eq!(input.columns, self.columns);
        output.clear();
        output.resize(input.rows * self.rows, 0.0);
        if input.rows == 0 {
            return;
        }
        let mut values = vec![[0.0; PANEL]; input.rows];
        for ((number, panel), bias) in self.blocks.chunks_exact(self.columns / BLOCK).enumerate().zip(self.bias.as_chunks::<PANEL>().0) {
            values.fill(*bias);
            for (block, tokens) in panel.iter().zip(input.stretches.chunks_exact(input.rows)) {
                machine.add(block, tokens, &mut values);
            }
            for (values, output) in values.iter().zip(output.chunks_exact_mut(self.rows)) {
                output[number * PANEL..][..PANEL].copy_from_slice(values);
            }
        }
    }
}

/// Rows of numbers in 8 bits.
#[derive(Default)]
pub struct Activations {
    rows: usize,
    columns: usize,
    /// The stretches of all rows in the first block of columns, then in the next.
    stretches: Vec<Stretch>,
}

impl Activations {
    /// Takes rows of `columns` numbers, a multiple of [`BLOCK`], in place of what was there.
    #[inline(always)]
    pub fn take(&mut self, values: &[f32], columns: usize) {
        (self.rows, self.columns) = (values.len() / columns, columns);
        // Plain loops: what the standard library does with a closure is compiled for any processor.
        self.stretches.resize(values.len() / BLOCK, Stretch { correction: 0, scale: 0.0, steps: [0; STEPS] });
        for (number, row) in values.chunks_exact(columns).enumerate() {
            for (block, values) in row.as_chunks::<BLOCK>().0.iter().enumerate() {
                self.stretches[block * self.rows + number] = Stretch::new(values);
            }
        }
    }
}

impl Stretch {
    #[inline(always)]
    fn new(values: &[f32; BLOCK]) -> Self {
        let largest = folded(values, f32::MIN_POSITIVE, |largest, value| if value.abs() > largest { value.abs() } else { largest });
        let factor = 127.0 / largest;
        let mut whole = [0_i8; BLOCK];
        for (whole, value) in whole.iter_mut().zip(values) {
            #[expect(clippy::cast_possible_truncation, reason = "at most 127")]
            let byte = nearest(value * factor) as i8;
            *whole = byte;
        }
        let (mut steps, mut first, mut second) = ([0; STEPS], 0, 0);
        for (step, four) in steps.iter_mut().zip(whole.as_chunks::<STEP>().0) {
            let [a, b, c, d] = *four;
            first += i32::from(a) + i32::from(b);
            second += i32::from(c) + i32::from(d);
            *step = i32::from_le_bytes([a.cast_unsigned(), b.cast_unsigned(), c.cast_unsigned(), d.cast_unsigned()]);
        }
        Self { correction: ((first * -8) & 0xffff) | ((second * -8) << 16), scale: largest / 127.0, steps }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Plain, Work, run};
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

    fn matrix(rows: usize, columns: usize, bias: &[f32], scale: impl Fn(usize, usize) -> f32, weight: impl Fn(usize, usize) -> u8) -> Matrix {
        Matrix::new(rows, columns, bias.to_vec(), |row| {
            let (scale, weight) = (&scale, &weight);
            (0..columns / BLOCK).map(move |block| (scale(row, block), std::array::from_fn(|column| weight(row, block * BLOCK + column))))
        })
    }

    proptest! {
        #[test]
        fn every_processor_gives_nearly_the_product(
            tokens in 0_usize..20, panels in 1_usize..4, across in 1_usize..5, seed in any::<u64>(), size in 0.001_f32..1_000.0
        ) {
            let (rows, columns) = (panels * PANEL, across * BLOCK);
            let mut state = seed | 1;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                u16::try_from(state % 2_001).unwrap()
            };
            let mut numbers = |count: usize, size: f32| (0..count).map(|_| (f32::from(next()) / 1_000.0 - 1.0) * size).collect::<Vec<f32>>();
            let (scales, bias, values) = (numbers(rows * across, 0.125), numbers(rows, 1.0), numbers(tokens * columns, size));
            let weights: Vec<u8> = (0..rows * columns).map(|_| u8::try_from(next() % 16).unwrap()).collect();
            let matrix = matrix(rows, columns, &bias, |row, block| scales[row * across + block], |row, column| weights[row * columns + column]);
            let mut input = Activations::default();
            input.take(&values, columns);
            let [plain, here] = products(&matrix, &input);
            prop_assert_eq!((plain.len(), here.len()), (tokens * rows, tokens * rows));
            for token in 0..tokens {
                for row in 0..rows {
                    let terms: Vec<f32> = (0..columns)
                        .map(|k| scales[row * across + k / BLOCK] * (f32::from(weights[row * columns + k]) - 8.0) * values[token * columns + k])
                        .collect();
                    let exact = terms.iter().sum::<f32>() + bias[row];
                    let most = f32::from(u16::try_from(columns).unwrap()) * size;
                    let (plain, here) = (plain[token * rows + row], here[token * rows + row]);
                    prop_assert!((plain - here).abs() <= most * 1e-6 + 1e-6, "{} and {}", plain, here);
                    prop_assert!((here - exact).abs() <= most / 254.0 + 1e-4, "{} for {}", here, exact);
                }
            }
        }
    }

    #[test]
    fn the_largest_sums_do_not_overflow() {
        let (rows, columns) = (PANEL, 64 * BLOCK);
        for extreme in [-3.0, 3.0] {
            let matrix = matrix(rows, columns, &[0.5; PANEL], |_, _| 1.0, |row, column| if (row + column / 2) % 2 == 0 { 15 } else { 0 });
            // Every pair of columns has the sign of its weights in even rows, the other in odd ones.
            let values: Vec<f32> = (0..columns).map(|column| if column / 2 % 2 == 0 { extreme } else { -extreme }).collect();
            let mut input = Activations::default();
            input.take(&values, columns);
            for output in products(&matrix, &input) {
                for (row, value) in output.iter().enumerate() {
                    let exact = 1_024.0 * (7.0 + 8.0) * if row % 2 == 0 { extreme } else { -extreme } + 0.5;
                    assert!((value - exact).abs() < 1.0, "{value} for {exact}");
                }
            }
        }
    }
}
