//! Products with matrices that do not change.
//!
//! Libraries for any two matrices first copy the right one into the order that they read it in. For a text of ten tokens this takes as long as
//! the product, so here it is done once, when the model is read.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x8};

/// How many columns are multiplied together: two registers of eight.
const PANEL: usize = 16;
/// How many rows of the left matrix are multiplied together, at most: with the panel's columns they take twelve of sixteen registers.
const TILE: usize = 6;
/// How many rows of a panel are multiplied before the next panel's: 16 KB, half of the nearest cache.
const DEPTH: usize = 256;

/// A matrix to multiply others with from the right.
#[derive(Debug)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    /// Sixteen columns after another, and of those row after row. Columns that are missing from the last sixteen are 0.
    panels: Vec<[f32; PANEL]>,
}

impl Matrix {
    /// The matrix whose rows have as many columns, and come one after another in `values`.
    pub fn new(values: &[f32], columns: usize) -> Self {
        let columns = columns.max(1);
        Self::of_rows(Rows::dense(values, columns), columns)
    }

    /// The matrix whose columns are these rows, each of `length` values.
    pub fn of_columns(columns: Rows, length: usize) -> Self {
        let mut panels = vec![[0.0; PANEL]; length * columns.count.div_ceil(PANEL)];
        for column in 0..columns.count {
            let values = &columns.values[column * columns.stride..][..length];
            for (row, value) in panels[column / PANEL * length..].iter_mut().zip(values) {
                row[column % PANEL] = *value;
            }
        }
        Self { rows: length, columns: columns.count, panels }
    }

    /// The matrix of these rows, each of `columns` values.
    pub fn of_rows(rows: Rows, columns: usize) -> Self {
        let mut panels = vec![[0.0; PANEL]; rows.count * columns.div_ceil(PANEL)];
        for row in 0..rows.count {
            let values = &rows.values[row * rows.stride..][..columns];
            for (panel, values) in values.chunks(PANEL).enumerate() {
                panels[panel * rows.count + row][..values.len()].copy_from_slice(values);
            }
        }
        Self { rows: rows.count, columns, panels }
    }

    /// `left · self`, its rows one after another.
    pub fn product(&self, left: Rows) -> Vec<f32> {
        let mut target = vec![0.0; left.count * self.columns];
        self.add_product(left, &mut target);
        target
    }

    /// `target += left · self`. The target's rows come one after another.
    pub fn add_product(&self, left: Rows, target: &mut [f32]) {
        dispatch!(Level::new(), simd => add_product(simd, self, left, target));
    }
}

/// A matrix within other values: `count` rows, each of which begins `stride` values after the one before, whose end it may overlap.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

impl<'a> Rows<'a> {
    /// Rows of as many columns that come one after another.
    pub fn dense(values: &'a [f32], columns: usize) -> Self {
        Self { values, stride: columns, count: values.len() / columns.max(1) }
    }
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor's widest registers")]
#[inline(always)]
fn add_product<S: Simd>(simd: S, right: &Matrix, left: Rows, target: &mut [f32]) {
    for start in (0..right.rows).step_by(DEPTH) {
        let end = right.rows.min(start + DEPTH);
        for (panel, weights) in right.panels.chunks_exact(right.rows).enumerate() {
            let weights = &weights[start..end];
            for row in (0..left.count).step_by(TILE) {
                let values = &left.values[row * left.stride + start..];
                let target = &mut target[row * right.columns..];
                match left.count - row {
                    1 => add_tile::<S, 1>(simd, weights, values, left.stride, target, right.columns, panel),
                    2 => add_tile::<S, 2>(simd, weights, values, left.stride, target, right.columns, panel),
                    3 => add_tile::<S, 3>(simd, weights, values, left.stride, target, right.columns, panel),
                    4 => add_tile::<S, 4>(simd, weights, values, left.stride, target, right.columns, panel),
                    5 => add_tile::<S, 5>(simd, weights, values, left.stride, target, right.columns, panel),
                    _ => add_tile::<S, TILE>(simd, weights, values, left.stride, target, right.columns, panel),
                }
            }
        }
    }
}

/// Adds the product of `N` rows with some rows of a panel to that panel's columns of the target.
#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor's widest registers")]
#[inline(always)]
fn add_tile<S: Simd, const N: usize>(simd: S, weights: &[[f32; PANEL]], values: &[f32], stride: usize, target: &mut [f32], columns: usize, panel: usize) {
    let mut rows = [values; N];
    for (index, row) in rows.iter_mut().enumerate() {
        *row = &values[index * stride..][..weights.len()];
    }
    let mut sums = [[f32x8::splat(simd, 0.0); 2]; N];
    for (index, weights) in weights.iter().enumerate() {
        let (low, high) = (f32x8::from_slice(simd, &weights[..8]), f32x8::from_slice(simd, &weights[8..]));
        for row in 0..N {
            let value = f32x8::splat(simd, rows[row][index]);
            sums[row] = [value.mul_add(low, sums[row][0]), value.mul_add(high, sums[row][1])];
        }
    }
    let width = (columns - panel * PANEL).min(PANEL);
    for (index, [low, high]) in sums.into_iter().enumerate() {
        let mut sum = [0.0; PANEL];
        low.store_slice(&mut sum[..8]);
        high.store_slice(&mut sum[8..]);
        for (target, sum) in target[index * columns + panel * PANEL..][..width].iter_mut().zip(sum) {
            *target += sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|index| f32::from(u8::try_from(index * index % 31).unwrap()) - 15.0).collect()
    }

    #[test]
    fn products_are_sums_of_products() {
        for (count, inner, columns) in [(0, 8, 16), (1, 8, 16), (2, 5, 3), (3, 1, 9), (4, 300, 33), (5, 0, 2), (6, 256, 16), (7, 257, 17), (13, 512, 40)] {
            let (left, right) = (values(count * inner), values(inner * columns));
            let mut found = vec![1.0; count * columns];
            Matrix::new(&right, columns).add_product(Rows { values: &left, stride: inner, count }, &mut found);
            for row in 0..count {
                for column in 0..columns {
                    let expected = 1.0 + (0..inner).map(|index| left[row * inner + index] * right[index * columns + column]).sum::<f32>();
                    assert!((found[row * columns + column] - expected).abs() < 0.5, "{count} by {inner} by {columns}: {row}, {column}");
                }
            }
        }
    }

    #[test]
    fn rows_may_overlap() {
        let (left, right) = (values(10), values(6 * 4));
        let copied: Vec<f32> = left.windows(6).step_by(2).flatten().copied().collect();
        let matrix = Matrix::new(&right, 4);
        assert_eq!(matrix.product(Rows { values: &left, stride: 2, count: 3 }), matrix.product(Rows::dense(&copied, 6)));
    }
}
