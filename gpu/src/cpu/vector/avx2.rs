//! Field arithmetic in doubles: 51-bit limbs, AVX2 and fused multiply-add.
//!
//! AVX2 multiplies 32-bit integers, but 53-bit floating point numbers, twice a cycle. A fused multiply-add rounds once, so
//! two of them give both halves of a product of 51-bit integers exactly (the idea is Emmart's, for GPUs):
//!
//! ```text
//! hi = fma(a, b, 1.5 * 2^103)           rounds a b to a multiple of 2^51: the unit of the last place there
//! lo = fma(a, b, SPLIT - hi)            a b - 2^51 round(a b / 2^51), plus 1.5 * 2^52; |a b - ...| <= 2^50
//! ```
//!
//! Read as integers, `hi` and `lo` are the two halves plus the bits of a constant, so columns are summed by integer additions and
//! the constants subtracted once. All numbers in between are exact: no rounding mode is changed, no error is bounded.
//!
//! # Form and ranges
//! An element is five limbs, `x = sum limb[i] 2^(51 i)`, signed; Montgomery form with R = 2^255. In units of the modulus p, with
//! p / 2^255 < 0.379 for both fields of BN254:
//!
//! | name | value | limbs |
//! |---|---|---|
//! | stored | at most 0.51 | at most 2^50 |
//! | plain | 0 to 1 | 0 to 2^51 - 1 |
//! | tight | at most 1 (products), see [`Lanes::sum_of_products`] for sums | at most 2^50 |
//! | loose | at most 4 | at most 5 * 2^50 |
//!
//! A product needs `|a_i b_j| <= 2^102`: 2^50 by 2^52 at most, a tight limb by a sum of four, or by a difference of two plain
//! ones. Its value is at most `0.379 |a| |b| + 0.5` (half a modulus, because quotient digits are signed). A column sums at most ten halves
//! of at most 2^51 each: far from 2^62, the bias that keeps it positive for shifts.

#![allow(clippy::needless_range_loop)] // limbs and registers are indices of several arrays

mod constant;
mod four;
mod product;

use super::{minus_inverse, Constant, Element, Lanes, Packed, Parts, LANES};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, MontConfig, PrimeField};
use std::arch::x86_64::*;
use std::marker::PhantomData;

pub use four::Four;
use product::Table;

/// Registers of four doubles that make up [`LANES`] lanes.
const N: usize = LANES / 4;

const MASK: i64 = (1 << 51) - 1;
/// Rounds to multiples of 2^51.
const ROUND: f64 = 1.5 * power_of_two(103);
/// Makes `lo` positive with a unit of 1 in the last place.
const UNIT: f64 = 1.5 * power_of_two(52);
/// `ROUND + UNIT`, a multiple of 2^51, hence exact.
const SPLIT: f64 = ROUND + UNIT;
/// Integers below 2^52 or'ed into this are themselves plus 2^52.
const INTEGER: f64 = power_of_two(52);
/// Half a limb: added before a shift so that what stays behind is balanced.
const HALF: i64 = 1 << 50;

const fn power_of_two(e: u64) -> f64 {
    f64::from_bits((1023 + e) << 52)
}

/// Sixteen elements: limb, register, four lanes.
#[repr(C, align(64))]
pub struct Avx2<M>([[__m256d; N]; 5], PhantomData<M>);

impl<M> Clone for Avx2<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Avx2<M> {}

/// Constants of a modulus in this form.
trait Constants {
    /// Limbs of the modulus, balanced: at most 2^50 each.
    const P: [f64; 5];
    /// `-1 / p` modulo 2^51, balanced.
    const MINUS_INVERSE: f64;
    /// `2^204 / p`: from the top limb to multiples of p.
    const TOP_TO_MODULI: f64;
}

impl<M: MontConfig<4>> Constants for M {
    const P: [f64; 5] = balanced(&M::MODULUS.0);
    const MINUS_INVERSE: f64 = {
        let negated = minus_inverse(M::MODULUS.0[0]) as i64 & MASK;
        (if negated >= HALF { negated - (1 << 51) } else { negated }) as f64
    };
    const TOP_TO_MODULI: f64 = 1.0 / (Self::P[4] + Self::P[3] / power_of_two(51));
}

/// Limbs of a 256-bit integer, the lower four in `[-2^50, 2^50)`.
const fn balanced(words: &[u64; 4]) -> [f64; 5] {
    let raw = [
        words[0],
        words[0] >> 51 | words[1] << 13,
        words[1] >> 38 | words[2] << 26,
        words[2] >> 25 | words[3] << 39,
        words[3] >> 12,
    ];
    let (mut limbs, mut carry, mut i) = ([0.0; 5], 0, 0);
    while i < 5 {
        let limb = if i < 4 { raw[i] as i64 & MASK } else { raw[i] as i64 } + carry;
        carry = if i < 4 && limb >= HALF { 1 } else { 0 };
        limbs[i] = (limb - (carry << 51)) as f64;
        i += 1;
    }
    limbs
}

const fn splat(x: f64) -> __m256d {
    // SAFETY: four doubles are what the type is.
    unsafe { std::mem::transmute([x; 4]) }
}

/// The halves of `a b`: low, then high.
#[inline(always)]
unsafe fn halves(a: __m256d, b: __m256d) -> [__m256i; 2] {
    let hi = _mm256_fmadd_pd(a, b, _mm256_set1_pd(ROUND));
    let lo = _mm256_fmadd_pd(a, b, _mm256_sub_pd(_mm256_set1_pd(SPLIT), hi));
    [_mm256_castpd_si256(lo), _mm256_castpd_si256(hi)]
}

/// The low 51 bits of an integer, plus 2^52, as a double.
#[inline(always)]
unsafe fn low_bits(x: __m256i) -> __m256d {
    let bits = _mm256_and_si256(x, _mm256_set1_epi64x(MASK));
    _mm256_castsi256_pd(_mm256_or_si256(bits, _mm256_castpd_si256(_mm256_set1_pd(INTEGER))))
}

impl<M: MontConfig<4>> Avx2<M> {
    const PRODUCT: Table = Table::new::<M>(1);
    const TWO_PRODUCTS: Table = Table::new::<M>(2);
}

/// What stored words are raised by, so that no limb is negative: half a limb in the lower four, 2^51 in the top one.
const RAISED: [u64; 4] = [1 << 50, 1 << 37, 1 << 24, 1 << 11 | 1 << 63];
/// In memory the value is raised by [`RAISED`]: words of positive limbs.
impl<M: MontConfig<4>> Lanes<M> for Avx2<M> {
    const SQUARES_AS_PRODUCTS: bool = true;

    fn pack(x: &Element<M>) -> Packed {
        // arkworks has x 2^256, this form x 2^255: half of x, or of x + p, below 2^255.
        let mut raw = x.0;
        if raw.is_odd() {
            raw.add_with_carry(&M::MODULUS);
        }
        raw.div2();
        if raw > Element::<M>::MODULUS_MINUS_ONE_DIV_TWO {
            raw.0 = wrapping_sub(&raw.0, &M::MODULUS.0);
        }
        wrapping_sub(&raw.0, &wrapping_sub(&[0; 4], &RAISED))
    }

    fn unpack(x: &Packed) -> Element<M> {
        let mut raw = wrapping_sub(x, &RAISED);
        if raw[3] >> 63 == 1 {
            raw = wrapping_sub(&raw, &wrapping_sub(&[0; 4], &M::MODULUS.0));
        }
        Element::<M>::new_unchecked(BigInt(raw)).double()
    }

    fn constant(x: &Element<M>) -> Constant {
        constant::prepare(x)
    }

    fn plain_product() -> Element<M> {
        // 2^255 over 2^256.
        Element::<M>::ONE.double().inverse().expect("p is odd")
    }

    #[inline(always)]
    unsafe fn mul_to(out: *mut Self, a: *const Self, b: *const Self) {
        product::multiply(out.cast(), &Self::PRODUCT, a.cast(), b.cast());
    }

    #[inline(always)]
    unsafe fn sum_of_products_to(out: *mut Self, a: *const Self, b: *const Self, c: *const Self, d: *const Self) {
        product::sum(out.cast(), &Self::TWO_PRODUCTS, a.cast(), b.cast(), c.cast(), d.cast());
    }

    #[inline(always)]
    unsafe fn difference_of_products_to(
        out: *mut Self,
        a: *const Self,
        b: *const Self,
        c: *const Self,
        d: *const Self,
    ) {
        Self::sum_of_products_to(out, a, b, c, &Parts::sub(&Self::zero(), &*d));
    }

    #[cfg(test)]
    fn magnitude(&self) -> [f64; 2] {
        // SAFETY: sixteen doubles are as many as N registers hold.
        let limbs: [[f64; LANES]; 5] = self.0.map(|limb| unsafe { std::mem::transmute(limb) });
        let p = M::P.iter().rev().fold(0.0, |sum, limb| sum * power_of_two(51) + limb);
        let mut most = [0.0f64; 2];
        for lane in 0..LANES {
            let value = limbs.iter().rev().fold(0.0, |sum, limb| sum * power_of_two(51) + limb[lane]);
            most[0] = most[0].max((value / p).abs());
            for limb in &limbs[..4] {
                most[1] = most[1].max(limb[lane].abs() / power_of_two(50));
            }
        }
        most
    }
}

impl<M: MontConfig<4>> Parts for Avx2<M> {
    type Part = Four<M>;
    const PARTS: usize = N;

    #[inline(always)]
    unsafe fn part(&self, n: usize) -> Four<M> {
        Four([self.0[0][n], self.0[1][n], self.0[2][n], self.0[3][n], self.0[4][n]], PhantomData)
    }

    #[inline(always)]
    unsafe fn set(&mut self, n: usize, part: Four<M>) {
        for i in 0..5 {
            self.0[i][n] = part.0[i];
        }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        Avx2([[_mm256_setzero_pd(); N]; 5], PhantomData)
    }
}

fn wrapping_sub(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let (mut out, mut borrow) = ([0; 4], false);
    for i in 0..4 {
        let (difference, b1) = a[i].overflowing_sub(b[i]);
        let (difference, b2) = difference.overflowing_sub(u64::from(borrow));
        out[i] = difference;
        borrow = b1 | b2;
    }
    out
}

/// The instructions of this module.
#[derive(Clone, Copy, Debug)]
pub struct Avx2Set;

impl super::InstructionSet for Avx2Set {
    const MACHINE: super::Machine = super::Machine::Avx2;
    type Lanes<M: MontConfig<4>> = Avx2<M>;

    unsafe fn call<W: super::Work>(work: W) -> W::Output {
        #[target_feature(enable = "avx2,fma")]
        unsafe fn inner<W: super::Work>(work: W) -> W::Output {
            work.run()
        }
        inner(work)
    }
}
