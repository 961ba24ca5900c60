//! Row products and the quotient, with the fewest transforms.
//!
//! Let `a`, `b`, `c` be the polynomials of degree below n that take the row products as values on the subgroup. Then
//! `a b = c + h Z` with `Z = X^n - 1`, so `h` is the upper half of the product `a b`, and `c` the sum of its halves. On the
//! coset `g` of odd 2n-th roots, where `g^n = -1`, the values of `a b` interpolate to `p = lower half - upper half`, hence
//! `h = (c - p) / 2`: three inverse transforms (a, b, c), two forward ones (a, b), one back (p). Six, where libsnark and
//! arkworks use seven; for keys in evaluation form the values of `a b - c` on that coset are the answer: six as well.

use super::ntt::{from_reversed, powers_into, reversed, root, to_reversed, Direction, Roots};
use crate::backend::Reduction;
use crate::error::Error;
use crate::matrices::Matrices;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// Rows a task multiplies at once.
const ROWS: usize = 1024;

/// The checked products of [`crate::Backend::rows`].
pub(super) fn rows(m: &Matrices, assignment: &[Fr]) -> Result<[Vec<Fr>; 3], Error> {
    m.check_shape(assignment)?;
    let (count, n) = (m.num_constraints(), 1usize << m.log_domain());
    let mut out = [vec![Fr::ZERO; n], vec![Fr::ZERO; n], vec![Fr::ZERO; n]];
    let [a, b, c] = &mut out;
    let [ma, mb, mc] = m.abc();
    let failing = a[..count]
        .par_chunks_mut(ROWS)
        .zip(b[..count].par_chunks_mut(ROWS))
        .zip(c[..count].par_chunks_mut(ROWS))
        .enumerate()
        .filter_map(|(k, ((a, b), c))| {
            let mut failing = None;
            for (i, ((a, b), c)) in a.iter_mut().zip(b).zip(c).enumerate() {
                let row = k * ROWS + i;
                *a = m.dot(ma, row, assignment);
                *b = m.dot(mb, row, assignment);
                *c = m.dot(mc, row, assignment);
                if failing.is_none() && *a * *b != *c {
                    failing = Some(row);
                }
            }
            failing
        })
        .min();
    if let Some(row) = failing {
        return Err(Error::Unsatisfied { row });
    }
    a[count..count + m.num_instance()].copy_from_slice(&assignment[..m.num_instance()]);
    Ok(out)
}

/// The scalars of the quotient sum. `roots` reach to n at least.
pub(super) fn quotient(roots: &Roots, [a, b, c]: [&[Fr]; 3], reduction: Reduction) -> Vec<Fr> {
    let n = a.len();
    let log = n.trailing_zeros();
    let n_inverse = Fr::from(n as u64).inverse().expect("n is a power of two below r");

    // Values on the coset, times n.
    let shift = coset_powers(log);
    let on_coset = |x: &[Fr]| {
        let mut x = x.to_vec();
        to_reversed(roots, &mut x, Direction::Inverse);
        x.par_iter_mut().zip(&shift).with_min_len(ROWS).for_each(|(x, s)| *x *= s);
        from_reversed(roots, &mut x, Direction::Forward);
        x
    };
    let mut p = on_coset(a);
    p.par_iter_mut().zip(on_coset(b)).with_min_len(ROWS).for_each(|(a, b)| *a *= b);

    match reduction {
        Reduction::OddCoset => {
            let (k, square) = (n_inverse, n_inverse.square());
            p.par_iter_mut().zip(on_coset(c)).with_min_len(ROWS).for_each(|(p, c)| *p = square * *p - k * c);
            p
        }
        Reduction::Coefficients => {
            drop(shift);
            let mut c = c.to_vec();
            to_reversed(roots, &mut c, Direction::Inverse);
            to_reversed(roots, &mut p, Direction::Inverse);
            // Both are unscaled: c by n, p by n^3, and p still lies on the coset. Undone together with the permutation.
            let half = Fr::from(2u64).inverse().expect("r is odd");
            let (kc, kp) = (half * n_inverse, -half * n_inverse * n_inverse.square());
            let mut h = vec![Fr::ZERO; n];
            powers_into(&mut h, kp, root(log + 1).inverse().expect("a root is not zero"));
            h.par_iter_mut().enumerate().with_min_len(ROWS).for_each(|(i, h)| {
                let j = reversed(i, log);
                *h = *h * p[j] + kc * c[j];
            });
            h
        }
    }
}

/// `g^rev(i)` for the generator `g` of order 2n of the odd coset: what moves bit-reversed coefficients there.
///
/// Setting bit k of `i` sets bit `log - 1 - k` of `rev(i)`, and `g` to that power of two is the root of order `2^(k + 2)`.
fn coset_powers(log: u32) -> Vec<Fr> {
    let mut powers = Vec::with_capacity(1 << log);
    powers.push(Fr::ONE);
    for k in 0..log {
        let g = root(k + 2);
        let len = powers.len();
        powers.resize(2 * len, Fr::ZERO);
        let (low, high) = powers.split_at_mut(len);
        high.par_iter_mut().zip(low).with_min_len(ROWS).for_each(|(h, l)| *h = *l * g);
    }
    powers
}
