//! Scalars as signed magnitudes, and their digits.
//!
//! A scalar `s` and `r - s` differ only by the sign of a point, which is free, so the smaller of the two is kept: at most 253
//! bits. Small negative numbers, frequent in range checks and differences, become small.

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use rayon::prelude::*;

/// A scalar as sign and magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `min(s, r - s)`, little endian limbs; below 2^253.
    pub magnitude: [u64; 4],
    /// True when the scalar is `r - magnitude`.
    pub negative: bool,
}

/// Bits of the largest magnitude: (r - 1) / 2 < 2^253.
pub const MAGNITUDE_BITS: u32 = 253;

impl Signed {
    /// Splits a scalar.
    pub fn new(s: &Fr) -> Self {
        let plain = s.into_bigint();
        if plain > Fr::MODULUS_MINUS_ONE_DIV_TWO {
            let mut negated = Fr::MODULUS;
            negated.sub_with_borrow(&plain);
            Signed { magnitude: negated.0, negative: true }
        } else {
            Signed { magnitude: plain.0, negative: false }
        }
    }

    /// True for the scalar 0.
    pub fn is_zero(&self) -> bool {
        self.magnitude == [0; 4]
    }

    /// True when the magnitude fits 64 bits: all but the lowest windows are empty.
    pub fn is_small(&self) -> bool {
        self.magnitude[1..] == [0; 3]
    }
}

/// Splits a vector of scalars, on all threads.
pub fn signed(values: &[Fr]) -> Vec<Signed> {
    values.par_iter().with_min_len(1024).map(Signed::new).collect()
}

/// Cuts magnitudes into digits of `width` bits in `[-2^(width-1), 2^(width-1)]`.
///
/// Adding `2^(width-1)` at every window but the top one turns each digit into a plain bit field, so any window can be read
/// without walking through the carries of those below.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    width: u32,
    count: u32,
    bias: [u64; 4],
}

impl Windows {
    /// Windows of `width` bits, 2 to 24.
    pub fn new(width: u32) -> Self {
        assert!((2..=24).contains(&width), "window width {width}");
        // One bit more than the magnitude: then the top digit, carry included, is at most 2^(width-1).
        let count = (MAGNITUDE_BITS + 1).div_ceil(width);
        let mut bias = [0; 4];
        for window in 0..count - 1 {
            let bit = window * width + width - 1;
            bias[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        Windows { width, count, bias }
    }

    /// Bits of a window.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Number of windows.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Largest absolute digit, which is also the number of buckets.
    pub fn buckets(&self) -> usize {
        1 << (self.width - 1)
    }

    /// First window that is empty for every magnitude below 2^64: those that hold bits 0 to 63, and one more that can get a
    /// carry.
    pub fn first_empty_for_small(&self) -> u32 {
        (64u32.div_ceil(self.width) + 1).min(self.count)
    }

    /// The magnitude in the form that [`Windows::digit`] reads.
    ///
    /// The sum stays below 2^256: the magnitude is below 2^253 and the bias below 2^254, for its highest bit lies below the
    /// top window, which begins at bit 253 at the latest.
    pub fn biased(&self, magnitude: &[u64; 4]) -> [u64; 4] {
        let mut out = [0; 4];
        let mut carry = false;
        for i in 0..4 {
            let (sum, c1) = magnitude[i].overflowing_add(self.bias[i]);
            let (sum, c2) = sum.overflowing_add(u64::from(carry));
            out[i] = sum;
            carry = c1 | c2;
        }
        debug_assert!(!carry);
        out
    }

    /// Digit `window` of a biased magnitude.
    #[inline(always)]
    pub fn digit(&self, biased: &[u64; 4], window: u32) -> i32 {
        let bit = window * self.width;
        let (limb, shift) = ((bit / 64) as usize, bit % 64);
        let mut raw = biased[limb] >> shift;
        if shift + self.width > 64 && limb < 3 {
            raw |= biased[limb + 1] << (64 - shift);
        }
        let raw = (raw & ((1 << self.width) - 1)) as i32;
        if window + 1 == self.count {
            raw
        } else {
            raw - (1 << (self.width - 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use rand_chacha::rand_core::SeedableRng;

    fn cases() -> Vec<Fr> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let half = Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO);
        let mut all = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, half, half + Fr::ONE, half - Fr::ONE];
        for k in [1u32, 7, 8, 13, 16, 31, 32, 63, 64, 65, 127, 128, 191, 192, 252, 253] {
            let p = Fr::from(2u64).pow([u64::from(k)]);
            all.extend([p, p - Fr::ONE, p + Fr::ONE, -p, Fr::ONE - p]);
        }
        all.extend((0..200).map(|_| Fr::rand(&mut rng)));
        all
    }

    #[test]
    fn digits_of_every_width_recompose_the_scalar() {
        for width in 2..=24 {
            let windows = Windows::new(width);
            for s in cases() {
                let signed = Signed::new(&s);
                let biased = windows.biased(&signed.magnitude);
                let mut value = Fr::ZERO;
                for w in (0..windows.count()).rev() {
                    let d = windows.digit(&biased, w);
                    assert!(d.unsigned_abs() as usize <= windows.buckets(), "digit {d} at width {width}");
                    value *= Fr::from(1u64 << width);
                    value += Fr::from(d);
                }
                assert_eq!(if signed.negative { -value } else { value }, s, "width {width}");
            }
        }
    }

    #[test]
    fn small_magnitudes_have_only_low_digits() {
        for width in 2..=24 {
            let windows = Windows::new(width);
            for m in [0, 1, 2, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1] {
                let biased = windows.biased(&[m, 0, 0, 0]);
                for w in windows.first_empty_for_small()..windows.count() {
                    assert_eq!(windows.digit(&biased, w), 0, "width {width} window {w} of {m}");
                }
            }
        }
    }

    #[test]
    fn negative_small_scalar_is_small() {
        let s = Signed::new(&-Fr::from(5u64));
        assert_eq!(s, Signed { magnitude: [5, 0, 0, 0], negative: true });
        assert!(s.is_small());
    }
}
