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

/// Bits of a small magnitude: one word.
pub const SMALL_BITS: u32 = 64;

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

    /// True when the magnitude fits [`SMALL_BITS`]: all but the lowest windows are empty.
    pub fn is_small(&self) -> bool {
        self.magnitude[1..] == [0; 3]
    }
}

/// Splits a vector of scalars, on all threads.
pub fn signed(values: &[Fr]) -> Vec<Signed> {
    values.par_iter().with_min_len(1024).map(Signed::new).collect()
}

/// Cuts magnitudes into digits of a window's `bits` in `[-2^(bits-1), 2^(bits-1)]`.
///
/// Adding `2^(bits-1)` at every window but the top one turns each digit into a plain bit field, so any window can be read
/// without walking through the carries of those below.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    width: u32,
    // How many windows, from the lowest on, have one bit more.
    wide: u32,
    count: u32,
    bias: [u64; 4],
}

/// One bit more than a magnitude has: then the top digit, carry included, is at most `2^(bits-1)`.
const BITS: u32 = MAGNITUDE_BITS + 1;

impl Windows {
    /// Windows of `width` bits, 2 to 24.
    pub fn of_width(width: u32) -> Self {
        Self::new(width, 0, BITS.div_ceil(width))
    }

    /// As many windows as asked for, 11 to 127, of about the same width: no bit of the top one is left unused.
    pub fn of_count(count: u32) -> Self {
        Self::new(BITS / count, BITS % count, count)
    }

    fn new(width: u32, wide: u32, count: u32) -> Self {
        assert!((2..=24).contains(&width), "window width {width}");
        let mut windows = Windows { width, wide, count, bias: [0; 4] };
        for window in 0..count - 1 {
            let bit = windows.begin(window + 1) - 1;
            windows.bias[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        windows
    }

    /// Lowest bit of a window.
    fn begin(&self, window: u32) -> u32 {
        window * self.width + window.min(self.wide)
    }

    /// Bits of a window.
    pub fn bits(&self, window: u32) -> u32 {
        self.width + u32::from(window < self.wide)
    }

    /// Number of windows.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Largest absolute digit of a window, which is also the number of its buckets.
    pub fn buckets(&self, window: u32) -> usize {
        1 << (self.bits(window) - 1)
    }

    /// Buckets of all windows.
    pub fn all_buckets(&self) -> usize {
        (0..self.count).map(|window| self.buckets(window)).sum()
    }

    /// Windows that hold the lowest `bits` bits.
    pub fn holding(&self, bits: u32) -> u32 {
        let in_wide = self.wide * (self.width + 1);
        let holding = bits.min(in_wide).div_ceil(self.width + 1) + bits.saturating_sub(in_wide).div_ceil(self.width);
        holding.min(self.count)
    }

    /// Windows that can be other than empty for magnitudes of so many bits: those that hold them, and one more that can get a
    /// carry.
    pub fn used(&self, bits: u32) -> u32 {
        (self.holding(bits) + 1).min(self.count)
    }

    /// The magnitude in the form that [`Windows::reader`] takes.
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

    /// Reads the digit of a window from biased magnitudes.
    pub fn reader(&self, window: u32) -> impl Fn(&[u64; 4]) -> i32 {
        let (bit, bits) = (self.begin(window), self.bits(window));
        let (limb, shift) = ((bit / 64) as usize & 3, bit % 64);
        let bias = if window + 1 == self.count { 0 } else { 1 << (bits - 1) };
        // Behind the last limb there is nothing; what is read in its place lies above the mask.
        let mask = (1 << bits.min(256 - bit)) - 1;
        move |biased| {
            let next = biased[(limb + 1) & 3] << 1 << (63 - shift);
            ((biased[limb] >> shift | next) & mask) as i32 - bias
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

    fn all_windows() -> impl Iterator<Item = Windows> {
        (2..=24).map(Windows::of_width).chain((11..=127).map(Windows::of_count))
    }

    #[test]
    fn digits_of_all_windows_recompose_the_scalar() {
        for windows in all_windows() {
            let readers: Vec<_> = (0..windows.count()).map(|w| windows.reader(w)).collect();
            for s in cases() {
                let signed = Signed::new(&s);
                let biased = windows.biased(&signed.magnitude);
                let mut value = Fr::ZERO;
                for w in (0..windows.count()).rev() {
                    let d = readers[w as usize](&biased);
                    assert!(d.unsigned_abs() as usize <= windows.buckets(w), "digit {d} of {windows:?}");
                    value *= Fr::from(1u64 << windows.bits(w));
                    value += Fr::from(d);
                }
                assert_eq!(if signed.negative { -value } else { value }, s, "{windows:?}");
            }
        }
    }

    #[test]
    fn windows_of_a_count_use_every_bit() {
        for count in 11..=127 {
            let windows = Windows::of_count(count);
            assert_eq!((0..count).map(|w| windows.bits(w)).sum::<u32>(), MAGNITUDE_BITS + 1);
            assert!(windows.bits(0) - windows.bits(count - 1) <= 1, "{windows:?}");
        }
    }

    #[test]
    fn windows_that_hold_bits_begin_below_them() {
        for windows in all_windows() {
            for bits in 0..=MAGNITUDE_BITS + 1 {
                let below = (0..windows.count()).filter(|&w| windows.begin(w) < bits).count();
                assert_eq!(windows.holding(bits) as usize, below, "{bits} bits, {windows:?}");
            }
        }
    }

    #[test]
    fn short_magnitudes_have_only_low_digits() {
        for windows in all_windows() {
            for bits in [1, 7, 63, 64, 65, 200, 253] {
                let mut one = [0; 4];
                one[(bits - 1) as usize / 64] = 1 << ((bits - 1) % 64);
                let all = std::array::from_fn(|i| match (bits as usize).saturating_sub(64 * i) {
                    0 => 0,
                    n if n < 64 => (1 << n) - 1,
                    _ => u64::MAX,
                });
                for magnitude in [[0; 4], one, all] {
                    let biased = windows.biased(&magnitude);
                    for w in windows.used(bits)..windows.count() {
                        assert_eq!(windows.reader(w)(&biased), 0, "{windows:?}, window {w} of {magnitude:?}");
                    }
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
