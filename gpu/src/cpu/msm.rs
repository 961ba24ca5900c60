//! Multi-scalar multiplication: bucket sums over signed windows (Pippenger), buckets filled by batched affine additions.
//!
//! Windows are independent tasks; [`super::buckets`] does one.

use super::adder::{Adder, NEGATIVE};
use super::buckets::window_sum;
use super::digits::{Signed, Windows, MAGNITUDE_BITS};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

/// Points sorted at once, at least: bounds the scratch of a window (68 bytes a point in G1, 132 in G2, at most) and keeps the random
/// reads of the sort inside 8 MB in G1.
pub const CHUNK: usize = 1 << 17;

/// Points with the index of the scalar that multiplies each. Infinities are left out once, when a key is prepared: half of
/// a typical B query is infinity.
pub struct Bases<P: SWCurveConfig, A: Adder<P>> {
    points: Vec<A::Point>,
    scalar: Vec<u32>,
}

impl<P: SWCurveConfig, A: Adder<P>> Bases<P, A> {
    /// Keeps the finite ones of `points`; point `i` belongs to scalar `first + i`.
    ///
    /// The caller has checked that indices fit 31 bits (the limit of points is far below).
    pub fn new(points: &[Affine<P>], first: usize) -> Self {
        let finite = points.iter().enumerate().filter(|(_, p)| !p.is_zero());
        let scalar: Vec<u32> = finite.map(|(i, _)| (first + i) as u32).collect();
        let points = scalar.par_iter().with_min_len(1024).map(|i| A::pack(&points[*i as usize - first])).collect();
        Bases { points, scalar }
    }
}

/// A point that takes part: digits of its scalar, and which point with which sign.
#[derive(Clone, Copy)]
pub(super) struct Term {
    /// See [`Windows::biased`].
    pub biased: [u64; 4],
    /// Index into [`Bases`], with [`NEGATIVE`] or without.
    pub point: u32,
}

/// Additions that a bucket costs when buckets are summed: two, and a rest for the levels above.
const BUCKET_COST: f64 = 2.4;

/// `sum points[i] * scalars[scalar[i]]`.
pub fn msm<P: SWCurveConfig, A: Adder<P>>(bases: &Bases<P, A>, scalars: &[Signed]) -> Projective<P> {
    msm_tuned(bases, scalars, rayon::current_num_threads(), CHUNK)
}

/// [`msm`] with the work cut for a number of threads and into chunks of a length, so that tests reach every path.
fn msm_tuned<P: SWCurveConfig, A: Adder<P>>(
    bases: &Bases<P, A>,
    scalars: &[Signed],
    threads: usize,
    chunk: usize,
) -> Projective<P> {
    let task = bases.scalar.len().div_ceil(4 * threads).max(1024);

    // Terms with small scalars come first: windows above them need not look at them.
    let class = |small: bool| {
        bases.scalar.par_iter().enumerate().with_min_len(task).filter_map(move |(point, &i)| {
            let s = &scalars[i as usize];
            if s.is_zero() || s.is_small() != small {
                return None;
            }
            let sign = if s.negative { NEGATIVE } else { 0 };
            Some(Term { biased: s.magnitude, point: point as u32 | sign })
        })
    };
    let mut terms: Vec<Term> = class(true).collect();
    let small = terms.len();
    terms.par_extend(class(false));
    if terms.is_empty() {
        return Projective::zero();
    }

    let windows = best_windows(&terms);
    terms.par_iter_mut().with_min_len(1024).for_each(|t| t.biased = windows.biased(&t.biased));

    // One task a window; on many cores, windows are cut so that there are a few tasks a thread, but never so short that
    // summing the buckets outweighs filling them.
    let count = windows.count() as usize;
    let cuts = (3 * threads).div_ceil(count).min(terms.len().div_ceil(4 * windows.buckets())).max(1);
    let sums: Vec<Projective<P>> = (0..count * cuts)
        .into_par_iter()
        .with_max_len(1)
        .map(|task| {
            let (window, cut) = ((task / cuts) as u32, task % cuts);
            let first = if window < windows.first_empty_for_small() { 0 } else { small };
            let len = (terms.len() - first).div_ceil(cuts);
            let begin = (first + cut * len).min(terms.len());
            let end = (begin + len).min(terms.len());
            window_sum::<P, A>(&bases.points, &terms[begin..end], &windows, window, chunk)
        })
        .collect();

    let mut total = Projective::zero();
    for of_window in sums.chunks(cuts).rev() {
        for _ in 0..windows.width() {
            total.double_in_place();
        }
        of_window.iter().for_each(|s| total += s);
    }
    total
}

/// The width with the least additions for these magnitudes.
fn best_windows(terms: &[Term]) -> Windows {
    let mut by_bits = [0u64; MAGNITUDE_BITS as usize + 1];
    for t in terms {
        let top = (0..4).rev().find(|&i| t.biased[i] != 0).unwrap_or(0);
        by_bits[64 * top + (64 - t.biased[top].leading_zeros() as usize)] += 1;
    }
    let cost = |width: u32| {
        let windows = Windows::new(width);
        let fill: u64 = by_bits.iter().zip(0u64..).map(|(n, bits)| n * (bits / u64::from(width) + 1)).sum();
        fill as f64 + f64::from(windows.count()) * BUCKET_COST * windows.buckets() as f64
    };
    Windows::new((2..=20).min_by(|&a, &b| cost(a).total_cmp(&cost(b))).expect("not empty"))
}

#[cfg(test)]
mod tests {
    use super::super::adder::Scalar;
    use super::super::digits;
    use super::super::vector::{adder::Curve, Machine};
    use super::*;
    use ark_bn254::{g1, g2, Fr};
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::UniformRand;
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Few distinct points, so that buckets meet equal and opposite ones; scalars of every class.
    fn any_cut_and_chunk_gives_the_same_sum<P: Curve<ScalarField = Fr>>() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let few: Vec<Projective<P>> = (0..7).map(|_| Projective::rand(&mut rng)).collect();
        let points: Vec<Affine<P>> = (0..700)
            .map(|i| match i % 5 {
                0 => Affine::identity(),
                1 => Projective::<P>::rand(&mut rng).into_affine(),
                2 => (-few[i % 7]).into_affine(),
                _ => few[i % 7].into_affine(),
            })
            .collect();
        let scalars: Vec<Fr> = (0..700u64)
            .map(|i| match i % 6 {
                0 => Fr::from(i % 2),
                1 => -Fr::from(i % 3),
                2 => Fr::from(rng.next_u32()),
                3 => Fr::from(77u64),
                _ => Fr::rand(&mut rng),
            })
            .collect();
        let expected: Projective<P> = points.iter().zip(&scalars).map(|(p, s)| *p * s).sum();
        check::<P, Scalar<P>>(&points, &scalars, &expected);
        #[cfg(target_arch = "x86_64")]
        if Machine::Avx2.is_here() {
            use super::super::vector::{adder::Vectorised, avx2::Avx2Set};
            check::<P, Vectorised<P, Avx2Set>>(&points, &scalars, &expected);
        }
        #[cfg(target_arch = "x86_64")]
        {
            use super::super::vector::{adder::Vectorised, emulated::EmulatedSet};
            check::<P, Vectorised<P, EmulatedSet>>(&points, &scalars, &expected);
        }
    }

    fn check<P: SWCurveConfig, A: Adder<P>>(points: &[Affine<P>], scalars: &[Fr], expected: &Projective<P>) {
        let (bases, signed) = (Bases::<P, A>::new(points, 0), digits::signed(scalars));
        for (threads, chunk) in [(1, 1), (1, 7), (2, 64), (3, 1000), (64, 5), (1000, 100)] {
            assert_eq!(msm_tuned(&bases, &signed, threads, chunk), *expected, "threads {threads} chunk {chunk}");
        }
    }

    #[test]
    fn any_cut_and_chunk_gives_the_same_sum_g1() {
        any_cut_and_chunk_gives_the_same_sum::<g1::Config>();
    }

    #[test]
    fn any_cut_and_chunk_gives_the_same_sum_g2() {
        any_cut_and_chunk_gives_the_same_sum::<g2::Config>();
    }

    #[test]
    fn infinities_are_left_out_when_bases_are_prepared() {
        let g = Projective::<g1::Config>::generator().into_affine();
        let points = [Affine::identity(), g, Affine::identity(), g];
        let bases = Bases::<g1::Config, Scalar<g1::Config>>::new(&points, 10);
        assert_eq!((bases.points.len(), bases.scalar), (2, vec![11, 13]));
    }
}
