//! Inner products of a row with an assignment, reduced once.
//!
//! A sum of k products of arkworks' is k Montgomery reductions and as many comparisons with the modulus. Here products are added
//! at their full length, terms of coefficient 1 and -1 as if they were multiplied by R = 2^256, and the sum is reduced at its end.

use ark_bn254::{Fr, FrConfig};
use ark_ff::{AdditiveGroup, BigInt, MontConfig};

const P: [u64; 4] = <FrConfig as MontConfig<4>>::MODULUS.0;
/// `-1 / p` modulo 2^64.
const MINUS_INVERSE: u64 = <FrConfig as MontConfig<4>>::INV;

/// Where quotients are estimated: p has 32 bits above.
const TOP: u32 = 222;
/// `2^64 / (p / 2^TOP + 1)`, rounded down: estimates are never too large.
const RECIPROCAL: u64 = ((1u128 << 64) / ((P[3] >> (TOP - 192)) as u128 + 1)) as u64;

/// A sum of fewer than 2^32 terms, more than a matrix has, each at most `p 2^256`: below 2^542, also with the multiples of p that the
/// reduction adds (below `2^256 p`). Nine words hold 2^576.
#[derive(Default)]
pub(crate) struct Sum([u64; 9]);

impl Sum {
    /// Adds a number, from a word on.
    #[inline(always)]
    fn add_words<const N: usize>(&mut self, words: [u64; N], first: usize) {
        let mut carry = false;
        for (i, word) in words.into_iter().enumerate() {
            (self.0[first + i], carry) = self.0[first + i].carrying_add(word, carry);
        }
        for word in &mut self.0[first + N..] {
            (*word, carry) = word.carrying_add(0, carry);
        }
    }

    /// Adds `x`.
    #[inline(always)]
    pub(crate) fn add(&mut self, x: &Fr) {
        self.add_words(x.0 .0, 4);
    }

    /// Subtracts `x`: adds `p - x`, which is p for zero.
    #[inline(always)]
    pub(crate) fn sub(&mut self, x: &Fr) {
        let (mut difference, mut borrow) = ([0; 4], false);
        for i in 0..4 {
            (difference[i], borrow) = P[i].borrowing_sub(x.0 .0[i], borrow);
        }
        self.add_words(difference, 4);
    }

    /// Adds `x y`.
    #[inline(always)]
    pub(crate) fn add_product(&mut self, x: &Fr, y: &Fr) {
        let mut product = [0; 8];
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..4 {
                (product[i + j], carry) = x.0 .0[i].carrying_mul_add(y.0 .0[j], product[i + j], carry);
            }
            product[i + 4] = carry;
        }
        self.add_words(product, 0);
    }

    /// The sum, in arkworks' form.
    #[inline(always)]
    pub(crate) fn finish(mut self) -> Fr {
        // Montgomery's reduction: multiples of p make the low half zero. Nothing to do for sums of signs alone.
        if self.0[..4] != [0; 4] {
            let mut above = false;
            for i in 0..4 {
                let m = self.0[i].wrapping_mul(MINUS_INVERSE);
                let mut carry = 0;
                for (j, p) in P.into_iter().enumerate() {
                    (self.0[i + j], carry) = m.carrying_mul_add(p, self.0[i + j], carry);
                }
                (self.0[i + 4], above) = self.0[i + 4].carrying_add(carry, above);
            }
            self.0[8] += u64::from(above);
        }
        let [_, _, _, _, mut r @ ..] = self.0;
        // With fewer than 2^31 terms the estimate is one too small at most.
        debug_assert!(r[4] >> (TOP - 192) == 0, "a sum of more than 2^32 terms");
        let top = r[3] >> (TOP - 192) | r[4] << (256 - TOP);
        let q = (u128::from(top).wrapping_mul(RECIPROCAL.into()) >> 64) as u64;
        subtract(&mut r, q);
        while r[4] != 0 || !below_p(&r) {
            subtract(&mut r, 1);
        }
        let [r @ .., _] = r;
        Fr::new_unchecked(BigInt(r))
    }
}

/// Subtracts `q p`, which is not larger.
#[inline(always)]
fn subtract(r: &mut [u64; 5], q: u64) {
    let (mut carry, mut borrow) = (0, false);
    for i in 0..4 {
        let product;
        (product, carry) = q.carrying_mul(P[i], carry);
        (r[i], borrow) = r[i].borrowing_sub(product, borrow);
    }
    (r[4], borrow) = r[4].borrowing_sub(carry, borrow);
    debug_assert!(!borrow, "more than there is");
}

#[inline(always)]
fn below_p(r: &[u64; 5]) -> bool {
    r[..4].iter().rev().lt(P.iter().rev())
}

/// `sum coefficients[c] assignment[wire]` over the terms (wire, c). `coefficients` begins with 1 and -1.
#[inline]
pub(crate) fn dot(terms: &[(u32, u32)], coefficients: &[Fr], assignment: &[Fr]) -> Fr {
    use crate::matrices::{MINUS_ONE, ONE};
    match *terms {
        [] => Fr::ZERO,
        [(wire, ONE)] => assignment[wire as usize],
        _ => {
            let mut sum = Sum::default();
            for &(wire, coefficient) in terms {
                let w = &assignment[wire as usize];
                match coefficient {
                    ONE => sum.add(w),
                    MINUS_ONE => sum.sub(w),
                    c => sum.add_product(&coefficients[c as usize], w),
                }
            }
            sum.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{Field, UniformRand};
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    /// Terms of every kind, in every number, over values at both ends of the field: what arkworks sums.
    #[test]
    fn inner_products_match_arkworks() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut values = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2u64), -Fr::from(2u64)];
        // The largest and the least numbers in arkworks' form.
        values.extend(
            [(P[0] - 1, P), (1, [0; 4]), (u64::MAX, [0; 4])]
                .map(|(low, high)| Fr::new_unchecked(BigInt([low, high[1], high[2], high[3]]))),
        );
        values.extend((0..8).map(|_| Fr::rand(&mut rng)));
        let coefficients: Vec<Fr> = [Fr::ONE, -Fr::ONE].into_iter().chain(values[3..].iter().copied()).collect();
        for len in (0..200).chain([5_000, 100_000]) {
            for kinds in [1, 2, coefficients.len() as u32] {
                for wires in [1, 3, 7, values.len() as u32] {
                    let mut term = || (rng.next_u32() % wires, rng.next_u32() % kinds);
                    let terms: Vec<(u32, u32)> = (0..len).map(|_| term()).collect();
                    let all = terms.iter().map(|&(w, c)| coefficients[c as usize] * values[w as usize]);
                    assert_eq!(dot(&terms, &coefficients, &values), all.sum(), "{len} terms");
                }
            }
        }
        // The largest sum of each length: every estimate of a quotient is right.
        let largest = [values[5]; 2];
        for len in (1..100).chain([1 << 16, 1 << 20]) {
            for c in [0, 2] {
                let coefficients = [Fr::ONE, -Fr::ONE, values[5]];
                let terms = vec![(0, c); len];
                let expected = coefficients[c as usize] * largest[0] * Fr::from(len as u64);
                assert_eq!(dot(&terms, &coefficients, &largest), expected, "{len} times");
            }
        }
        assert_eq!(dot(&[(0, 1); 3], &coefficients, &[Fr::ZERO]), Fr::ZERO);
    }
}
