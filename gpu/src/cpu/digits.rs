//! Scalars as short numbers of Z[ω], and their digits.
//!
//! Both groups have an endomorphism that costs one product: x times a cube root of unity. It multiplies points of order r by ω, a
//! cube root of unity modulo r (Gallant, Lambert and Vanstone, CRYPTO 2001). So a scalar is any number `x + y ω` of Z[ω],
//! `ω^2 + ω + 1 = 0`, that is congruent to it, and the shortest one has an x and a y of half its length.
//!
//! A digit of k bits is such a number too, one of about 4^k. The six units ±1, ±ω, ±ω^2 turn it into one of a sixth of the plane. Points
//! are added to three buckets for each of these, one for each of 1, ω and ω^2, which are turned and joined before they are weighed: 4^k / 6
//! sums to weigh, where signed digits of as many bits have 4^k / 2.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use rayon::prelude::*;
use std::num::Wrapping;

/// `x + y ω`, congruent to a scalar.
///
/// Limits: |x| and |y| are at most `A / 2 + B`, below 2^126, and the norm `x^2 - x y + y^2` is at most 3/4 r, (0.76 * 2^127)^2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// In units of 1.
    pub x: i128,
    /// In units of ω.
    pub y: i128,
}

/// `π = A + B ω` is a multiple of r in the scalars: of the BN parameter t, `A = 6 t^2 + 4 t + 1` and `B = 2 t + 1`, and its norm
/// `A^2 - A B + B^2` is r.
const A: u128 = 147_946_756_881_789_319_010_696_353_538_189_108_491;
const B: u128 = 9_931_322_734_385_697_763;

/// `(A - B) / r` and `B / r`, in units of 2^-320.
const A_MINUS_B_OVER_R: [u64; 4] = [0xa5e3_8cfb_5eaa_26da, 0x7a7b_d9d4_391e_b18d, 0x4cce_f014_a773_d2cf, 2];
const B_OVER_R: [u64; 4] = [0x6eb9_c714_773a_6ef3, 0xd91d_232e_c7e0_b3d7, 2, 0];

/// Bits of a coordinate of [`Short`], with its sign.
pub const BITS: u32 = 128;

/// Bits of a small scalar: one word.
pub const SMALL_BITS: u32 = 64;

impl Short {
    /// What is left of a scalar when the nearest multiple of π is taken away: `s / π` is `s (A - B) / r - s B / r ω`, each rounded.
    /// Scalars next to 0, on both sides, stay themselves.
    pub fn new(s: &Fr) -> Self {
        let s = s.into_bigint().0;
        let (p, q) = (nearest(&s, &A_MINUS_B_OVER_R), nearest(&s, &B_OVER_R));
        let low = u128::from(s[1]) << 64 | u128::from(s[0]);
        // (p - q ω) (A + B ω) = p A + q B + (p B - q (A - B)) ω, and what is left is known modulo 2^128.
        let x = low.wrapping_sub(p.wrapping_mul(A)).wrapping_sub(q.wrapping_mul(B));
        let y = q.wrapping_mul(A - B).wrapping_sub(p.wrapping_mul(B));
        Short { x: x as i128, y: y as i128 }
    }

    /// True for the scalar 0.
    pub fn is_zero(&self) -> bool {
        (self.x, self.y) == (0, 0)
    }

    /// Bits of the longer coordinate, without sign.
    pub fn bits(&self) -> u32 {
        128 - (self.x.unsigned_abs() | self.y.unsigned_abs()).leading_zeros()
    }

    /// True when all but the lowest windows are empty.
    pub fn is_small(&self) -> bool {
        self.bits() <= SMALL_BITS
    }
}

/// `s * ratio / 2^320`, rounded, for an s below 2^254 and a ratio below 2^194. The lowest word of s is left out: it counts for less
/// than 2^-61.
fn nearest(s: &[u64; 4], ratio: &[u64; 4]) -> u128 {
    let mut product = [0u64; 7];
    for (i, s) in s[1..].iter().enumerate() {
        let mut carry = 0;
        for (j, ratio) in ratio.iter().enumerate() {
            // Below 2^128: (2^64 - 1)^2 + 2 (2^64 - 1).
            let sum = u128::from(*s) * u128::from(*ratio) + u128::from(product[i + j]) + u128::from(carry);
            (product[i + j], carry) = (sum as u64, (sum >> 64) as u64);
        }
        product[i + 4] = carry;
    }
    // Below 2^128: the product is below 2^384.
    (u128::from(product[5]) << 64 | u128::from(product[4])) + u128::from(product[3] >> 63)
}

/// Splits a vector of scalars, on all threads.
pub fn short(values: &[Fr]) -> Vec<Short> {
    values.par_iter().with_min_len(1024).map(Short::new).collect()
}

/// Cuts x and y into windows of the same bits.
///
/// In a window of k bits, x and y have digits in `[-2^(k-1), 2^(k-1))`: adding `2^(k-1)` at every window turns them into plain bit
/// fields, so any window can be read without walking through those below. Together they lie in a rhombus, whose sharp corners
/// are far from 0. So what lies beyond the hexagon of numbers that are nearer to 0 than to any other multiple of 2^k is
/// moved by one (`moved`), which is made good in the next window.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    width: u32,
    // How many windows, from the lowest on, have one bit more.
    wide: u32,
    count: u32,
    bias: u128,
}

/// Fewest bits of a window, but for the top one of [`Windows::of_width`].
pub const MIN_WIDTH: u32 = 4;

/// Most bits of a window: 12 bits hold each part of a [`Digit`].
pub const MAX_WIDTH: u32 = 11;

impl Windows {
    /// Windows of `width` bits, the top one of what is left.
    pub fn of_width(width: u32) -> Self {
        assert!((MIN_WIDTH..=MAX_WIDTH).contains(&width), "window width {width}");
        Self::new(width, 0, BITS.div_ceil(width))
    }

    /// As many windows as asked for, 12 to 32, of about the same width.
    pub fn of_count(count: u32) -> Self {
        assert!((12..=BITS / MIN_WIDTH).contains(&count), "{count} windows");
        Self::new(BITS / count, BITS % count, count)
    }

    fn new(width: u32, wide: u32, count: u32) -> Self {
        let mut windows = Windows { width, wide, count, bias: 0 };
        for window in 0..count {
            windows.bias |= 1 << (windows.begin(window + 1) - 1);
        }
        windows
    }

    /// Lowest bit of a window.
    fn begin(&self, window: u32) -> u32 {
        (window * self.width + window.min(self.wide)).min(BITS)
    }

    /// Bits of a window.
    pub fn bits(&self, window: u32) -> u32 {
        self.begin(window + 1) - self.begin(window)
    }

    /// Number of windows.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Windows that hold the lowest `bits` bits.
    pub fn holding(&self, bits: u32) -> u32 {
        let in_wide = self.wide * (self.width + 1);
        let holding = bits.min(in_wide).div_ceil(self.width + 1) + bits.saturating_sub(in_wide).div_ceil(self.width);
        holding.min(self.count)
    }

    /// Windows that can be other than empty for coordinates of so many bits: those that hold them, and one more that can get what
    /// they hand on.
    pub fn used(&self, bits: u32) -> u32 {
        (self.holding(bits) + 1).min(self.count)
    }

    /// Turns the digits of a coordinate into plain bit fields. No carry gets lost: what is added is `2^127` and less than that half of
    /// it again, and a coordinate is below a half of it.
    pub fn biased(&self, coordinate: i128) -> u128 {
        (coordinate as u128).wrapping_add(self.bias)
    }

    /// Reads the digits of a window.
    pub fn reader(&self, window: u32) -> Reader {
        let (bits, top) = (self.bits(window), window + 1 == self.count);
        let below = if window == 0 { 0 } else { self.bits(window - 1) };
        let begin = self.begin(window) - below;
        Reader { word: (begin / 32) as usize, shift: begin % 32, below, bits, top }
    }
}

/// Terms that are read together: enough for vector instructions.
pub const BLOCK: usize = 256;

/// Coordinates of [`BLOCK`] terms, biased: word by word, the lowest first, each of all terms.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    x: [[u32; BLOCK]; 4],
    y: [[u32; BLOCK]; 4],
}

impl Block {
    /// Biased coordinates of up to [`BLOCK`] scalars. The rest are zeros.
    pub fn new(windows: &Windows, scalars: impl Iterator<Item = Short>) -> Self {
        let mut block = Block { x: [[0; BLOCK]; 4], y: [[0; BLOCK]; 4] };
        let zeros = std::iter::repeat(Short { x: 0, y: 0 });
        for (i, short) in scalars.chain(zeros).take(BLOCK).enumerate() {
            let (x, y) = (windows.biased(short.x), windows.biased(short.y));
            for word in 0..4 {
                block.x[word][i] = (x >> (32 * word)) as u32;
                block.y[word][i] = (y >> (32 * word)) as u32;
            }
        }
        block
    }
}

/// A digit: which place, which unit.
///
/// Bits 0 to 11 and 12 to 23 are p and q of `d = p + q (1 + ω)`, neither negative: a digit that a unit has turned into a sixth of the
/// plane. Bits 24 and 25 are j, bit 31 is set for minus: the digit itself is `± ω^j d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit(pub u32);

impl Digit {
    /// p and q.
    #[inline(always)]
    pub fn place(self) -> (usize, usize) {
        ((self.0 & 0xfff) as usize, (self.0 >> 12 & 0xfff) as usize)
    }

    /// j.
    #[inline(always)]
    pub fn turns(self) -> u32 {
        self.0 >> 24 & 3
    }

    /// Bit 31, if the point is subtracted.
    #[inline(always)]
    pub fn sign(self) -> u32 {
        self.0 & 1 << 31
    }
}

/// Reads the digits of one window. Without branches: what the compiler makes of it is eight or sixteen digits at a time.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    // Where the window below begins.
    word: usize,
    shift: u32,
    // Bits of the window below, 0 if there is none, and of this one.
    below: u32,
    bits: u32,
    top: bool,
}

/// Sums of a few numbers of up to 12 bits: nothing wraps. But overflow checks would keep vector instructions away.
type Int = Wrapping<i32>;

impl Reader {
    /// The digits of a block.
    #[inline(always)]
    pub fn read(&self, block: &Block, out: &mut [Digit; BLOCK]) {
        // Bits above the last word are masked.
        let next = (self.word + 1) & 3;
        let (x, y) = ([&block.x[self.word], &block.x[next]], [&block.y[self.word], &block.y[next]]);
        for i in 0..BLOCK {
            let [x, y] = [x, y].map(|[low, high]| low[i] >> self.shift | high[i] << 1 << (31 - self.shift));
            out[i] = self.digit(x, y);
        }
    }

    /// The digit of these bits, those of the window below among them.
    #[inline(always)]
    fn digit(&self, x: u32, y: u32) -> Digit {
        let field =
            |bits: u32, width: u32| Wrapping(((bits & ((1 << width) - 1)) as i32).wrapping_sub(1 << width >> 1));
        let (low_x, low_y) = (field(x, self.below), field(y, self.below));
        let (carry_x, carry_y) = moved(low_x, low_y, Wrapping(1 << self.below));
        let (x, y) = (field(x >> self.below, self.bits), field(y >> self.below, self.bits));
        let (gone_x, gone_y) = moved(x, y, Wrapping(1 << self.bits));
        // The top window has nowhere to hand on to, and no need: its digits are not in the corners.
        let step = Wrapping(if self.top { 0 } else { 1 << self.bits });
        turned(x - gone_x * step + carry_x, y - gone_y * step + carry_y)
    }
}

/// What a digit in `[-side/2, side/2)^2` hands on to the next window, in units of 1 and ω: nothing if it is in the hexagon
/// `|2x - y|, |2y - x|, |x + y| <= side`, and then what is left is.
///
/// `|x + y|` never is above. If `2x - y` is, or `x - 2y`, then x is positive and y negative, and moving the one with the larger
/// magnitude by `side` leads into the hexagon; in the same way for the opposite corner.
#[inline(always)]
fn moved(x: Int, y: Int, side: Int) -> (Int, Int) {
    let one = |yes: bool| Wrapping(i32::from(yes));
    let (beyond_x, beyond_y, positive) = (x + x - y, y + y - x, x + y >= Wrapping(0));
    let hand_on = |beyond: Int| one((beyond > side) & positive) - one((beyond < -side) & !positive);
    (hand_on(beyond_x), hand_on(beyond_y))
}

/// Turns a number into the sixth of the plane where [`Digit`] has p and q.
///
/// With u = x, v = y - x, w = -y, whose sum is 0, a product with ω makes (w, u, v) of (u, v, w). The one with the largest magnitude
/// has another sign than both others, or they are 0; once it is in the place of u, and positive, p = -v and q = -w.
#[inline(always)]
fn turned(x: Int, y: Int) -> Digit {
    let (u, v, w) = (x, y - x, -y);
    let (long_u, long_v, long_w) = (u.max(-u), v.max(-v), w.max(-w));
    let most = long_u.max(long_v).max(long_w);
    let pick = |a: Int, b: Int, c: Int| {
        if long_u == most {
            a
        } else if long_v == most {
            b
        } else {
            c
        }
    };
    let (p, q) = (pick(long_v, long_w, long_u), pick(long_w, long_u, long_v));
    let turns = pick(Wrapping(0), Wrapping(1), Wrapping(2));
    let minus = pick(u, v, w).0 as u32 & 1 << 31;
    Digit(p.0 as u32 | (q.0 as u32) << 12 | (turns.0 as u32) << 24 | minus)
}

/// Where digits `p + q (1 + ω)` have their places: row by row of equal q.
///
/// Digits of k bits are in the hexagon of side 2^k, moved by what the window below hands on at most: 2p + q and p + 2q are at most
/// `2^k + 2`.
#[derive(Clone, Debug)]
pub struct Places {
    starts: Vec<u32>,
    count: usize,
}

impl Places {
    /// The places of digits of so many bits.
    pub fn new(bits: u32) -> Self {
        let most = (1usize << bits) + 2;
        let mut count = 0;
        let starts = (0..=most / 2).map(|q| {
            let start = count;
            count += ((most - q) / 2).min(most - 2 * q) + 1;
            start as u32
        });
        let starts = starts.collect();
        Places { starts, count }
    }

    /// The number of a place; 0 is that of the digit 0.
    #[inline(always)]
    pub fn of(&self, digit: Digit) -> u32 {
        let (p, q) = digit.place();
        self.starts[q] + p as u32
    }

    /// The same, if there is one.
    #[cfg(test)]
    fn number(&self, digit: Digit) -> Option<usize> {
        let (p, q) = digit.place();
        let row = *self.starts.get(q)? as usize..self.starts.get(q + 1).map_or(self.count, |end| *end as usize);
        (p < row.len()).then_some(row.start + p)
    }

    /// How many there are, that of the digit 0 among them.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Largest p, and largest q.
    pub fn side(&self) -> usize {
        self.starts.len() - 1
    }

    /// All (p, q), in order.
    pub fn all(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let ends = self.starts.iter().skip(1).map(|end| *end as usize).chain([self.count]);
        self.starts
            .iter()
            .zip(ends)
            .enumerate()
            .flat_map(|(q, (start, end))| (0..end - *start as usize).map(move |p| (p, q)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::g2;
    use ark_ec::scalar_mul::glv::GLVConfig;
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    const OMEGA: Fr = g2::Config::LAMBDA;

    fn cases() -> Vec<Fr> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let half = Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO);
        let pi = [Fr::from(A), Fr::from(B) * OMEGA, Fr::from(A - B), OMEGA, OMEGA.square(), OMEGA * half];
        let mut all = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, half, half + Fr::ONE, half - Fr::ONE];
        all.extend(pi);
        for k in [1u32, 7, 8, 13, 16, 31, 32, 63, 64, 65, 127, 128, 191, 192, 252, 253] {
            let p = Fr::from(2u64).pow([u64::from(k)]);
            all.extend([p, p - Fr::ONE, p + Fr::ONE, -p, Fr::ONE - p]);
        }
        all.extend((0..200).map(|_| Fr::rand(&mut rng)));
        all
    }

    /// Numbers in the corners, and all others by the lengths of their coordinates.
    fn shorts() -> Vec<Short> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(8);
        let most = (A / 2 + B) as i128;
        let mut all: Vec<Short> = cases().iter().map(Short::new).collect();
        for x in [-most, -most / 3, -1, 0, 1, most / 2, most] {
            all.extend([-most, -most / 2, -1, 0, 1, most / 5, most].map(|y| Short { x, y }));
        }
        // The acute corners of what scalars are reduced to lie at A / 2 (1 - ω); those of the square lie outside of it.
        all.retain(|s| norm(s) <= 0.7501 * modulus());
        for bits in 1..126 {
            let mut coordinate =
                || ((u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())) as i128) >> (127 - bits);
            all.extend((0..4).map(|_| Short { x: coordinate(), y: coordinate() }));
        }
        all.retain(|s| norm(s) <= 0.7501 * modulus());
        all
    }

    fn norm(s: &Short) -> f64 {
        let (x, y) = (s.x as f64, s.y as f64);
        x * x - x * y + y * y
    }

    fn modulus() -> f64 {
        Fr::MODULUS.0.iter().rev().fold(0.0, |value, limb| value * 2f64.powi(64) + *limb as f64)
    }

    fn signed(x: i128) -> Fr {
        let magnitude = Fr::from(x.unsigned_abs());
        if x < 0 {
            -magnitude
        } else {
            magnitude
        }
    }

    fn scalar(s: &Short) -> Fr {
        signed(s.x) + signed(s.y) * OMEGA
    }

    /// `±ω^j (p + q (1 + ω))`.
    fn value(digit: Digit) -> Fr {
        let (p, q) = digit.place();
        let turned =
            OMEGA.pow([u64::from(digit.turns())]) * (Fr::from(p as u64) + Fr::from(q as u64) * (Fr::ONE + OMEGA));
        if digit.sign() == 0 {
            turned
        } else {
            -turned
        }
    }

    #[test]
    fn every_scalar_is_congruent_to_its_short_number() {
        assert_eq!(OMEGA.square() + OMEGA + Fr::ONE, Fr::ZERO);
        for s in cases() {
            let short = Short::new(&s);
            assert_eq!(scalar(&short), s);
            assert!(short.x.unsigned_abs().max(short.y.unsigned_abs()) <= A / 2 + B, "{short:?}");
            assert!(norm(&short) <= 0.7501 * modulus(), "{short:?}");
        }
    }

    #[test]
    fn scalars_next_to_zero_stay_themselves() {
        for x in [0, 1, 2, 1 << 63, u64::MAX] {
            let x = i128::from(x);
            for x in [x, -x] {
                let short = Short::new(&signed(x));
                assert_eq!(short, Short { x, y: 0 });
                assert!(short.is_small() && short.is_zero() == (x == 0));
            }
        }
        assert!(!Short { x: 0, y: 1 << 64 }.is_small() && Short { x: 1, y: 1 - (1 << 64) }.is_small());
    }

    fn all_windows() -> impl Iterator<Item = Windows> {
        (MIN_WIDTH..=MAX_WIDTH).map(Windows::of_width).chain((12..=32).map(Windows::of_count))
    }

    /// All digits of a number, lowest window first.
    fn digits(windows: &Windows, short: &Short) -> Vec<Digit> {
        let block = Block::new(windows, std::iter::once(*short));
        let mut out = [Digit(u32::MAX); BLOCK];
        (0..windows.count())
            .map(|window| {
                windows.reader(window).read(&block, &mut out);
                assert!(out[1..].iter().all(|digit| digit.place() == (0, 0)), "terms that are none have the digit 0");
                out[0]
            })
            .collect()
    }

    #[test]
    fn digits_of_all_windows_recompose_the_number() {
        for windows in all_windows() {
            // Windows that share buckets have those of the widest.
            let places = Places::new(windows.bits(0));
            for short in shorts() {
                let mut sum = Fr::ZERO;
                for (digit, window) in digits(&windows, &short).into_iter().rev().zip((0..windows.count()).rev()) {
                    for _ in 0..windows.bits(window) {
                        sum.double_in_place();
                    }
                    sum += value(digit);
                    let place = if windows.bits(window) < windows.bits(0) && windows.wide > 0 {
                        Places::new(windows.bits(window)).number(digit)
                    } else {
                        places.number(digit)
                    };
                    assert!(place.is_some(), "{digit:?} of window {window} of {windows:?}, {short:?}");
                }
                assert_eq!(sum, scalar(&short), "{windows:?}, {short:?}");
            }
        }
    }

    /// Exhaustively: whatever a window holds and the one below hands on.
    #[test]
    fn every_digit_has_a_place_and_is_what_was_not_handed_on() {
        for bits in MIN_WIDTH..=6 {
            let (side, half, places) = (1 << bits, 1 << (bits - 1), Places::new(bits));
            for (x, y) in (-half..half).flat_map(|x| (-half..half).map(move |y| (x, y))) {
                let (gone_x, gone_y) = moved(Wrapping(x), Wrapping(y), Wrapping(side));
                for (more_x, more_y) in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)] {
                    let (x, y) = (x - gone_x.0 * side + more_x, y - gone_y.0 * side + more_y);
                    let digit = turned(Wrapping(x), Wrapping(y));
                    assert_eq!(value(digit), signed(x.into()) + signed(y.into()) * OMEGA, "{x} + {y} ω");
                    assert!(places.number(digit).is_some(), "{digit:?} of {bits} bits");
                    assert_eq!(digit.place() == (0, 0), (x, y) == (0, 0));
                }
            }
        }
    }

    #[test]
    fn places_are_numbered_in_order_and_a_sixth_of_the_plane() {
        for bits in MIN_WIDTH..=MAX_WIDTH {
            let places = Places::new(bits);
            let all: Vec<_> = places.all().collect();
            assert_eq!(all.len(), places.count());
            for (number, (p, q)) in all.into_iter().enumerate() {
                assert!(p.max(q) <= places.side());
                assert_eq!(places.of(Digit((p | q << 12) as u32)) as usize, number);
            }
            let side = (1usize << bits) + 6;
            assert!(6 * places.count() <= side * side, "{} of {bits} bits", places.count());
        }
    }

    #[test]
    fn windows_use_every_bit() {
        for windows in all_windows() {
            assert_eq!((0..windows.count()).map(|w| windows.bits(w)).sum::<u32>(), BITS);
            assert!(windows.wide == 0 || windows.bits(0) - windows.bits(windows.count() - 1) <= 1, "{windows:?}");
        }
    }

    #[test]
    fn windows_that_hold_bits_begin_below_them() {
        for windows in all_windows() {
            for bits in 0..=BITS {
                let below = (0..windows.count()).filter(|&w| windows.begin(w) < bits).count();
                assert_eq!(windows.holding(bits) as usize, below, "{bits} bits, {windows:?}");
            }
        }
    }

    #[test]
    fn short_coordinates_have_only_low_digits() {
        for windows in all_windows() {
            for bits in [1, 7, 63, 64, 65, 100, 125] {
                let (one, all) = (1 << (bits - 1), (1 << bits) - 1);
                for (x, y) in [(0, 0), (one, 0), (all, 0), (all, -all), (-all, one), (all, all), (0, -all)] {
                    for digit in &digits(&windows, &Short { x, y })[windows.used(bits) as usize..] {
                        assert_eq!(digit.place(), (0, 0), "{windows:?}, {x} + {y} ω");
                    }
                }
            }
        }
    }
}
