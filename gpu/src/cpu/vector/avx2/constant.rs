//! Products with a factor that is known long before: 35 products of limbs instead of 50, two steps of reduction instead of five.
//!
//! Row i of a prepared factor is `w 2^(51 (i + 2))`, reduced to half a modulus, in balanced limbs. Then the sum of all limbs `a_i` of
//! the other factor by their rows has six columns instead of ten, and two steps of Montgomery's reduction leave five limbs. The
//! sum is below `5 * 2^52 * p / 2`, the quotient digits are at most half of 2^51: a value of at most half of p and 2^-40.
//!
//! One register at a time: seven columns, a limb and two constants are what sixteen registers hold, and the chain of two
//! reduction steps is short enough for the processor to be at work on the next register meanwhile.

use super::{balanced, halves, low_bits, Constants, Four, HALF, INTEGER, ROUND, UNIT};
use crate::cpu::vector::{Constant, Element};
use ark_ff::{Field, MontConfig, PrimeField};
use std::arch::x86_64::*;

type Columns = [__m256i; 7];

/// What the columns start from, as `START` does for products.
const START: [i64; 7] = {
    let (mut start, mut i) = ([0i64; 7], 0);
    while i < 7 {
        // Five limbs by five; m p_1 to m p_4 from columns 1 and 2 on; the high halves of all that and of m p_0.
        let low = 5 * within(i, 0, 4) + within(i, 1, 4) + within(i, 2, 5);
        let high = 5 * within(i, 1, 5) + within(i, 1, 5) + within(i, 2, 6);
        let constants = low.wrapping_mul(UNIT.to_bits() as i64).wrapping_add(high.wrapping_mul(ROUND.to_bits() as i64));
        let bias = match i {
            0 | 1 => 1 << 62,
            2..=5 => (1 << 61) + HALF,
            _ => UNIT.to_bits() as i64,
        };
        let bias_below = match i {
            0 => 0,
            1 | 2 => 1 << (62 - 51),
            _ => 1 << (61 - 51),
        };
        start[i as usize] = (bias - bias_below as i64).wrapping_sub(constants);
        i += 1;
    }
    start
};
/// 1 if `i` is in `first..=last`.
const fn within(i: i64, first: i64, last: i64) -> i64 {
    (first <= i && i <= last) as i64
}

/// The rows of a factor.
pub fn prepare<M: MontConfig<4>>(w: &Element<M>) -> Constant {
    let limb = Element::<M>::from(1u64 << 51);
    let mut row = *w * limb.square();
    [(); 5].map(|()| {
        // The integer itself, or minus its negative.
        let negative = row.into_bigint() > Element::<M>::MODULUS_MINUS_ONE_DIV_TWO;
        let magnitude = if negative { -row } else { row };
        row *= limb;
        balanced(&magnitude.into_bigint().0).map(|limb| (if negative { -limb } else { limb }).to_bits())
    })
}

/// `w a`, for limbs of at most 2^52.
#[inline(always)]
pub unsafe fn product<M: MontConfig<4>>(w: &Constant, mut a: Four<M>) -> Four<M> {
    let mut columns = [_mm256_setzero_si256(); 7];
    for i in 0..7 {
        columns[i] = _mm256_set1_epi64x(START[i]);
    }
    // Five, which the compiler is not to know: it would unroll the loop, sum columns as trees and keep halves in memory until
    // then. As it is, columns go from row to row in registers.
    for i in 0..std::hint::black_box(5) {
        add_row(a.0[i], &w[i], &mut columns);
    }
    reduce::<M>(&mut columns, 0);
    reduce::<M>(&mut columns, 1);
    for i in 0..4 {
        columns[i + 3] = _mm256_add_epi64(columns[i + 3], _mm256_srli_epi64::<51>(columns[i + 2]));
        a.0[i] = _mm256_sub_pd(low_bits(columns[i + 2]), _mm256_set1_pd(INTEGER + HALF as f64));
    }
    a.0[4] = _mm256_sub_pd(_mm256_castsi256_pd(columns[6]), _mm256_set1_pd(UNIT));
    a
}

#[inline(always)]
unsafe fn add_row(a: __m256d, row: &[u64; 5], columns: &mut Columns) {
    for j in 0..5 {
        add(a, _mm256_castsi256_pd(_mm256_set1_epi64x(row[j] as i64)), columns, j);
    }
}

#[inline(always)]
unsafe fn add(a: __m256d, b: __m256d, columns: &mut Columns, at: usize) {
    let [lo, hi] = halves(a, b);
    columns[at] = _mm256_add_epi64(columns[at], lo);
    columns[at + 1] = _mm256_add_epi64(columns[at + 1], hi);
}

/// A step of Montgomery's reduction, as in [`super::product`].
#[inline(always)]
unsafe fn reduce<M: MontConfig<4>>(columns: &mut Columns, at: usize) {
    let minus_inverse = _mm256_set1_pd(M::MINUS_INVERSE);
    let round_u = _mm256_set1_pd(ROUND - INTEGER * M::MINUS_INVERSE);
    let u = low_bits(columns[at]);
    let hi = _mm256_fmadd_pd(u, minus_inverse, round_u);
    let m = _mm256_fmadd_pd(u, minus_inverse, _mm256_sub_pd(round_u, hi));
    let carry = _mm256_add_epi64(columns[at], _mm256_set1_epi64x(HALF - 1));
    columns[at + 1] = _mm256_add_epi64(columns[at + 1], _mm256_srli_epi64::<51>(carry));
    let hi = _mm256_fmadd_pd(m, _mm256_set1_pd(M::P[0]), _mm256_set1_pd(ROUND));
    columns[at + 1] = _mm256_add_epi64(columns[at + 1], _mm256_castpd_si256(hi));
    for j in 1..5 {
        add(m, _mm256_set1_pd(M::P[j]), columns, at + j);
    }
}
