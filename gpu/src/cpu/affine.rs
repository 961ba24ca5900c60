//! Many affine additions for the price of one inversion.
//!
//! An affine addition needs one division. Dividing k pairs at once costs one inversion and 3(k-1) multiplications
//! (Montgomery's trick), so an addition is 5 multiplications and a squaring, against 10 for a mixed addition in extended
//! Jacobian coordinates, and its result takes part in the next round as it is.

use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, Field, One, Zero};

/// Pairs that share an inversion: enough to make its share (about 600 multiplications) small, few enough for the scratch
/// (64 bytes a pair in G1, 128 in G2) and the pairs themselves to stay in the second-level cache.
pub const BATCH: usize = 1024;

/// Scratch of [`add_pairs`], kept across calls.
#[derive(Debug)]
pub struct Scratch<F> {
    denominators: Vec<F>,
    prefixes: Vec<F>,
}

impl<F> Default for Scratch<F> {
    fn default() -> Self {
        Scratch { denominators: Vec::with_capacity(BATCH), prefixes: Vec::with_capacity(BATCH) }
    }
}

/// `emit(j, p + q)` for `(p, q) = pair(j)`, for every `j < count`, in descending order of `j` inside a batch.
///
/// Handles all cases: equal points, opposite points, infinity. The curve must have `a = 0` and odd order, as both BN254
/// groups do: the tangent is `3x^2 / 2y`, and no point but infinity is its own negative.
pub fn add_pairs<P: SWCurveConfig>(
    scratch: &mut Scratch<P::BaseField>,
    count: usize,
    pair: impl Fn(usize) -> (Affine<P>, Affine<P>),
    mut emit: impl FnMut(usize, Affine<P>),
) {
    debug_assert!(P::COEFF_A.is_zero());
    let mut begin = 0;
    while begin < count {
        let end = count.min(begin + BATCH);
        scratch.denominators.clear();
        scratch.prefixes.clear();
        let mut product = P::BaseField::one();
        for j in begin..end {
            let (p, q) = pair(j);
            let d = denominator(&p, &q);
            scratch.prefixes.push(product);
            product *= d;
            scratch.denominators.push(d);
        }
        let mut inverse = product.inverse().expect("denominators are not zero");
        for j in (begin..end).rev() {
            let (p, q) = pair(j);
            let inv = inverse * scratch.prefixes[j - begin];
            inverse *= scratch.denominators[j - begin];
            emit(j, finish(&p, &q, inv));
        }
        begin = end;
    }
}

/// What the slope of `p + q` is divided by; 1 where there is no slope.
#[inline]
fn denominator<P: SWCurveConfig>(p: &Affine<P>, q: &Affine<P>) -> P::BaseField {
    if p.is_zero() || q.is_zero() {
        return P::BaseField::one();
    }
    let dx = q.x - p.x;
    if !dx.is_zero() {
        dx
    } else if p.y == q.y {
        p.y.double()
    } else {
        P::BaseField::one()
    }
}

/// `p + q`, given the inverse of [`denominator`].
#[inline]
fn finish<P: SWCurveConfig>(p: &Affine<P>, q: &Affine<P>, inv: P::BaseField) -> Affine<P> {
    if p.is_zero() {
        return *q;
    }
    if q.is_zero() {
        return *p;
    }
    let slope = if p.x != q.x {
        (q.y - p.y) * inv
    } else if p.y == q.y {
        let xx = p.x.square();
        (xx.double() + xx) * inv
    } else {
        return Affine::identity();
    };
    let x = slope.square() - p.x - q.x;
    Affine::new_unchecked(x, slope * (p.x - x) - p.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{g1, g2};
    use ark_ec::{short_weierstrass::Projective, CurveGroup};
    use ark_ff::UniformRand;
    use rand_chacha::rand_core::SeedableRng;

    fn all_cases_match_arkworks<P: SWCurveConfig>() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        let mut pairs = Vec::new();
        // More than one batch, with every special case in each.
        for _ in 0..BATCH {
            let p = Projective::<P>::rand(&mut rng).into_affine();
            let q = Projective::<P>::rand(&mut rng).into_affine();
            let zero = Affine::<P>::identity();
            pairs.extend([(p, q), (p, p), (p, -p), (p, zero), (zero, q), (zero, zero)]);
        }
        let mut sums = vec![Affine::identity(); pairs.len()];
        add_pairs(&mut Scratch::default(), pairs.len(), |j| pairs[j], |j, p| sums[j] = p);
        for ((p, q), sum) in pairs.iter().zip(sums) {
            assert_eq!(sum, (*p + *q).into_affine());
        }
    }

    #[test]
    fn g1_additions_match_arkworks() {
        all_cases_match_arkworks::<g1::Config>();
    }

    #[test]
    fn g2_additions_match_arkworks() {
        all_cases_match_arkworks::<g2::Config>();
    }
}
