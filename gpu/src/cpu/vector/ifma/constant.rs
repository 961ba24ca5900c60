//! Products with a factor that is known long before, as in [`crate::cpu::vector::avx2`]: row i of it is `w 2^(52 (i + 2))` modulo p.
//!
//! The sum of all limbs by their rows has six columns, and two steps of Montgomery's reduction leave five limbs. It is below
//! `5 * 2^52 p`, so the result is below p and a millionth. A column sums at most fourteen halves below 2^52.

use super::{limbs, Constants, Eight, Vector};
use crate::cpu::vector::{Constant, Element, Part};
use ark_ff::{Field, MontConfig, PrimeField};
use std::marker::PhantomData;

/// The rows of a factor.
pub fn prepare<M: MontConfig<4>>(w: &Element<M>) -> Constant {
    let limb = Element::<M>::from(1u64 << 52);
    let mut row = *w * limb.square();
    [(); 5].map(|()| {
        let limbs = limbs(&row.into_bigint().0);
        row *= limb;
        limbs
    })
}

/// `w a`, for limbs below 2^52.
#[inline(always)]
pub unsafe fn product<V: Vector, M: MontConfig<4>>(w: &Constant, a: Eight<V, M>) -> Eight<V, M> {
    let zero = V::splat(0);
    let mut columns = [zero; 7];
    for i in 0..5 {
        for j in 0..5 {
            let w = V::splat(w[i][j]);
            columns[j] = columns[j].add_low(a.0[i], w);
            columns[j + 1] = columns[j + 1].add_high(a.0[i], w);
        }
    }
    for i in 0..2 {
        let m = zero.add_low(columns[i], V::splat(M::MINUS_INVERSE));
        for j in 0..5 {
            let p = V::splat(M::P[j]);
            columns[i + j] = columns[i + j].add_low(m, p);
            columns[i + j + 1] = columns[i + j + 1].add_high(m, p);
        }
        columns[i + 1] = columns[i + 1].add(columns[i].right::<52>());
    }
    Eight([columns[2], columns[3], columns[4], columns[5], columns[6]], PhantomData).settle()
}
