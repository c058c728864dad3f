//! A text longer than a model reads at once is read in windows that overlap.

use std::ops::Range;

/// A stretch of a text's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Where it lies among the text's tokens.
    pub range: Range<usize>,
    /// How many of its tokens no window before it had. Windows that count by it in a text's vector make every token count once.
    pub weight: usize,
}

/// Windows of `size` tokens, one every `stride` tokens, over a text of `len` tokens. The last is shifted to the left until it is full, since a
/// short one would be read with less context than the others. A text that fits is one window; so is an empty one, of weight 1, because it has
/// a vector too. A stride beyond the size counts as the size, so that no token is left out.
#[must_use]
pub fn windows(len: usize, size: usize, stride: usize) -> Vec<Window> {
    let size = size.max(1);
    let stride = stride.clamp(1, size);
    if len <= size {
        return vec![Window { range: 0..len, weight: len.max(1) }];
    }
    let last = len - size;
    let mut covered = 0;
    (0..last)
        .step_by(stride)
        .chain([last])
        .map(|start| {
            let range = start..start + size;
            let weight = range.end - covered;
            covered = range.end;
            Window { range, weight }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_counts_once() {
        for (size, stride) in [(256, 192), (510, 384), (1, 1), (7, 7), (5, 1), (3, 9)] {
            for len in 0..1_500 {
                let found = windows(len, size, stride);
                assert_eq!(found.iter().map(|window| window.weight).sum::<usize>(), len.max(1), "{len} tokens by {size}");
                assert_eq!(found[0].range.start, 0);
                assert_eq!(found[found.len() - 1].range.end, len);
                assert!(found.len() == 1 || found.iter().all(|window| window.range.len() == size && window.weight > 0));
                assert!(found.windows(2).all(|pair| pair[1].range.start <= pair[0].range.end && pair[1].range.start - pair[0].range.start <= stride));
            }
        }
    }

    #[test]
    fn the_last_window_is_full() {
        assert_eq!(windows(256, 256, 192), [Window { range: 0..256, weight: 256 }]);
        assert_eq!(windows(257, 256, 192), [Window { range: 0..256, weight: 256 }, Window { range: 1..257, weight: 1 }]);
        assert_eq!(windows(448, 256, 192), [Window { range: 0..256, weight: 256 }, Window { range: 192..448, weight: 192 }]);
        assert_eq!(windows(449, 256, 192), [Window { range: 0..256, weight: 256 }, Window { range: 192..448, weight: 192 }, Window { range: 193..449, weight: 1 }]);
    }

    #[test]
    fn nonsense_sizes_do_not_loop() {
        assert_eq!(windows(3, 0, 0).len(), 3);
        assert_eq!(windows(0, 0, 0), [Window { range: 0..0, weight: 1 }]);
    }
}
