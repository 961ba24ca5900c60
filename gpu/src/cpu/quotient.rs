//! Row products and the quotient, with the fewest transforms.
//!
//! Let `a`, `b`, `c` be the polynomials of degree below n that take the row products as values on the subgroup. Then
//! `a b = c + h Z` with `Z = X^n - 1`, so `h` is the upper half of the product `a b`, and `c` the sum of its halves. On the
//! coset `g` of odd 2n-th roots, where `g^n = -1`, the values of `a b` interpolate to `p = lower half - upper half`, hence
//! `h = (c - p) / 2`: three inverse transforms (a, b, c), two forward ones (a, b), one back (p). Six, where libsnark and
//! arkworks use seven; for keys in evaluation form the values of `a b - c` on that coset are the answer: six as well. For keys
//! that take `c` elsewhere, the values of `a b` are: four.

#[cfg(target_arch = "x86_64")]
use super::ntt::pack;
use super::ntt::{ascend, descend, inverse_of, reversed, Direction, Roots};
use super::vector::Machine;
#[cfg(target_arch = "x86_64")]
use super::vector::{avx2::Avx2Set, ifma::IfmaSet, ntt::combine, InstructionSet, Lanes};
use crate::backend::Reduction;
use crate::error::Error;
use crate::matrices::Matrices;
use ark_bn254::{Fr, FrConfig};
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
pub(super) fn quotient(roots: &Roots, rows: [&[Fr]; 3], reduction: Reduction) -> Vec<Fr> {
    match roots.machine(rows[0].len().trailing_zeros()) {
        #[cfg(target_arch = "x86_64")]
        Machine::Ifma => in_lanes::<IfmaSet>(roots, rows, reduction),
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2 => in_lanes::<Avx2Set>(roots, rows, reduction),
        _ => scalar(roots, rows, reduction),
    }
}

/// What the parts are multiplied with: `a b`, then `c` if it takes part.
///
/// Unscaled transforms multiply by n: coefficients of a, b and c carry one n each, those of p a third one.
fn factors(n: usize, reduction: Reduction) -> [Fr; 2] {
    let n_inverse = inverse_of(n);
    match reduction {
        Reduction::OddCoset => [n_inverse.square(), -n_inverse],
        Reduction::Product => [n_inverse.square(), Fr::ZERO],
        Reduction::Coefficients => {
            let half = Fr::from(2u64).inverse().expect("r is odd");
            [-half * n_inverse * n_inverse.square(), half * n_inverse]
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn in_lanes<I: InstructionSet>(roots: &Roots, [a, b, c]: [&[Fr]; 3], reduction: Reduction) -> Vec<Fr> {
    let lanes = roots.lanes(a.len().trailing_zeros());
    let [k, k_c] = factors(a.len(), reduction);
    // Lanes multiply two values that are not packed.
    let (k, k_c) = (pack::<I>(&(k * <I::Lanes<FrConfig> as Lanes<FrConfig>>::plain_product())), pack::<I>(&k_c));
    let on_coset = |x: &[Fr]| {
        let mut x = lanes.stored::<I>(x, Direction::Inverse);
        lanes.descend::<I>(&mut x);
        x
    };
    let (mut a, b) = (on_coset(a), on_coset(b));
    match reduction {
        Reduction::OddCoset => combine::<I>(&a, &b, k, Some((&on_coset(c), k_c))),
        Reduction::Product => combine::<I>(&a, &b, k, None),
        Reduction::Coefficients => {
            let c = lanes.stored::<I>(c, Direction::Inverse);
            lanes.product::<I>(&mut a, &b, k, &c, k_c)
        }
    }
}

fn scalar(roots: &Roots, [a, b, c]: [&[Fr]; 3], reduction: Reduction) -> Vec<Fr> {
    let log = a.len().trailing_zeros();
    let [k, k_c] = factors(a.len(), reduction);
    let coefficients = |x: &[Fr]| {
        let mut x: Vec<Fr> = (0..x.len()).into_par_iter().with_min_len(ROWS).map(|i| x[reversed(i, log)]).collect();
        ascend(roots, &mut x, 0, Direction::Inverse);
        x
    };
    let on_coset = |x: &[Fr]| {
        let mut x = coefficients(x);
        descend(roots, &mut x, 1);
        x
    };
    let mut p = on_coset(a);
    p.par_iter_mut().zip(on_coset(b)).with_min_len(ROWS).for_each(|(a, b)| *a *= b);
    match reduction {
        Reduction::OddCoset => {
            let c = on_coset(c);
            let value = |i| k * p[reversed(i, log)] + k_c * c[reversed(i, log)];
            (0..p.len()).into_par_iter().with_min_len(ROWS).map(value).collect()
        }
        Reduction::Product => {
            (0..p.len()).into_par_iter().with_min_len(ROWS).map(|i| k * p[reversed(i, log)]).collect()
        }
        Reduction::Coefficients => {
            ascend(roots, &mut p, 1, Direction::Inverse);
            p.par_iter_mut().zip(coefficients(c)).with_min_len(ROWS).for_each(|(p, c)| *p = k * *p + k_c * c);
            p
        }
    }
}
