//! Multi-scalar multiplication: bucket sums over signed windows (Pippenger), buckets filled by batched affine additions.
//!
//! Sets of buckets are independent tasks: one a window, or fewer where a key keeps multiples of its points. [`super::buckets`]
//! does one.

use super::adder::{Adder, NEGATIVE};
use super::buckets::{fill, merge, weighted_sum, Filler, Set};
use super::digits::{Signed, Windows, MAGNITUDE_BITS};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;
use std::sync::Mutex;

/// Digits paired at once, at least (more where there are many buckets): bounds the scratch of a task (75 bytes a digit in G1, 139 in
/// G2, at most) and keeps it near the processor.
pub const CHUNK: usize = 1 << 15;

/// Points with the index of the scalar that multiplies each. Infinities are left out once, when a key is prepared: half of
/// a typical B query is infinity.
pub struct Bases<P: SWCurveConfig, A: Adder<P>> {
    // All points, then all of them again for each further multiple of the table.
    points: Vec<A::Point>,
    scalar: Vec<u32>,
    table: Option<Table>,
}

impl<P: SWCurveConfig, A: Adder<P>> Bases<P, A> {
    /// Keeps the finite ones of `points`, and up to `multiples` multiples of each ([`Table`]); point `i` belongs to scalar
    /// `first + i`.
    ///
    /// The caller has checked that indices fit 31 bits (the limit of points is far below).
    pub fn new(points: &[Affine<P>], first: usize, multiples: u32) -> Self {
        let finite = points.iter().enumerate().filter(|(_, p)| !p.is_zero());
        let scalar: Vec<u32> = finite.map(|(i, _)| (first + i) as u32).collect();
        let finite = |i: &u32| points[*i as usize - first];
        let mut kept: Vec<A::Point> = scalar.par_iter().with_min_len(1024).map(|i| A::pack(&finite(i))).collect();
        let table = Table::best(scalar.len(), multiples);
        if let Some(table) = table {
            let mut at: Vec<Projective<P>> = scalar.iter().map(|i| finite(i).into()).collect();
            for _ in 1..table.multiples() {
                kept.par_extend(at.par_chunks_mut(1024).flat_map_iter(|points| {
                    for point in points.iter_mut() {
                        double(point, table.step());
                    }
                    let affine = Projective::normalize_batch(points);
                    affine.iter().map(A::pack).collect::<Vec<_>>()
                }));
            }
        }
        Bases { points: kept, scalar, table }
    }
}

/// Which multiples of its points a key keeps.
///
/// With `2^(width * sets * k) P` at hand for every k, windows `sets` apart share one set of buckets: fewer buckets are summed in
/// the end, so windows can be wider and digits fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Table {
    width: u32,
    sets: u32,
}

impl Table {
    /// The one with the least additions for about `n` scalars of full width; none if only the points themselves are kept.
    fn best(n: usize, multiples: u32) -> Option<Self> {
        // Rounded, so that the queries of a key get the same table and can be summed together.
        let n = n.next_power_of_two();
        // Indices of points and multiples fit 31 bits, and the last such index stands for none.
        let multiples = multiples.min(((NEGATIVE as usize - 1) / n) as u32);
        if multiples < 2 {
            return None;
        }
        let all = (8..=22).map(|width| {
            let windows = Windows::of_width(width);
            let table = Table { width, sets: windows.count().div_ceil(multiples) };
            let buckets = f64::from(table.sets) * windows.buckets(0) as f64;
            let cost = f64::from(windows.count()) * n as f64 + BUCKET_COST * buckets;
            (table, cost)
        });
        all.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(table, _)| table)
    }

    /// Multiples of each point, the point itself included.
    fn multiples(&self) -> u32 {
        Windows::of_width(self.width).count().div_ceil(self.sets)
    }

    /// Doublings from one multiple to the next.
    fn step(&self) -> u32 {
        self.width * self.sets
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

/// Bases and what multiplies them.
pub(super) struct Part<'a, P: SWCurveConfig, A: Adder<P>> {
    /// As in [`Bases`].
    pub points: &'a [A::Point],
    /// Points of one multiple.
    pub stride: usize,
    /// Terms with small scalars come first: windows above them need not look at them.
    pub terms: Vec<Term>,
    /// How many are small.
    pub small: usize,
}

impl<'a, P: SWCurveConfig, A: Adder<P>> Part<'a, P, A> {
    fn new(bases: &'a Bases<P, A>, scalars: &[Signed], threads: usize) -> Self {
        let task = bases.scalar.len().div_ceil(4 * threads).max(1024);
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
        Part { points: &bases.points, stride: bases.scalar.len(), terms, small }
    }
}

/// Additions that a bucket costs when buckets are summed: two, and a rest for the levels above.
const BUCKET_COST: f64 = 2.4;

/// `sum points[i] * scalars[scalar[i]]` over all parts. Those with the same table share buckets.
pub fn msm<P: SWCurveConfig, A: Adder<P>>(parts: &[(&Bases<P, A>, &[Signed])]) -> Projective<P> {
    let mut total = Projective::zero();
    let mut rest = parts.to_vec();
    while let Some((first, _)) = rest.first() {
        let table = first.table;
        let (alike, others): (Vec<_>, _) = rest.into_iter().partition(|(bases, _)| bases.table == table);
        total += msm_tuned(&alike, table, rayon::current_num_threads(), CHUNK);
        rest = others;
    }
    total
}

/// [`msm`] with the work cut for a number of threads and into chunks of a length, so that tests reach every path.
fn msm_tuned<P: SWCurveConfig, A: Adder<P>>(
    parts: &[(&Bases<P, A>, &[Signed])],
    table: Option<Table>,
    threads: usize,
    chunk: usize,
) -> Projective<P> {
    let mut parts: Vec<_> = parts.iter().map(|(bases, scalars)| Part::new(bases, scalars, threads)).collect();
    let terms: usize = parts.iter().map(|part| part.terms.len()).sum();
    if terms == 0 {
        return Projective::zero();
    }
    let windows = table.map_or_else(|| best_windows(&parts), |table| Windows::of_width(table.width));
    let sets = table.map_or(windows.count(), |table| table.sets);
    for part in &mut parts {
        part.terms.par_iter_mut().with_min_len(1024).for_each(|t| t.biased = windows.biased(&t.biased));
    }

    // One task a set of buckets; on many cores, or with few sets, terms are cut so that there are a few tasks a thread, but
    // never so short that merging buckets outweighs filling them.
    let entries = terms * windows.count().div_ceil(sets) as usize;
    let cuts = (3 * threads).div_ceil(sets as usize).min(entries.div_ceil(8 * windows.buckets(0))).max(1);
    // A lock is poisoned only while another task's panic is on its way to the caller.
    let idle = Mutex::new(Vec::<Filler<P, A>>::new());
    let fill = |set| {
        let mut filler = idle.lock().ok().and_then(|mut idle| idle.pop()).unwrap_or_default();
        let buckets = fill(&mut filler, &parts, &windows, set, chunk);
        if let Ok(mut idle) = idle.lock() {
            idle.push(filler);
        }
        buckets
    };
    let sums: Vec<Projective<P>> = (0..sets)
        .into_par_iter()
        .with_max_len(1)
        .map(|set| {
            let buckets = (0..cuts).into_par_iter().with_max_len(1);
            let buckets = buckets.map(|cut| fill(Set { set, sets, cut, cuts }));
            weighted_sum::<P, A>(&buckets.reduce_with(merge::<P, A>).expect("one cut at least"))
        })
        .collect();
    (0..sets).zip(sums).rev().fold(Projective::zero(), |mut total, (set, sum)| {
        double(&mut total, windows.bits(set));
        total + sum
    })
}

fn double<P: SWCurveConfig>(point: &mut Projective<P>, times: u32) {
    for _ in 0..times {
        point.double_in_place();
    }
}

/// Those with the least additions for these magnitudes.
fn best_windows<P: SWCurveConfig, A: Adder<P>>(parts: &[Part<'_, P, A>]) -> Windows {
    let mut by_bits = [0u64; MAGNITUDE_BITS as usize + 1];
    for t in parts.iter().flat_map(|part| &part.terms) {
        let top = (0..4).rev().find(|&i| t.biased[i] != 0).unwrap_or(0);
        by_bits[64 * top + (64 - t.biased[top].leading_zeros() as usize)] += 1;
    }
    let cost = |windows: &Windows| {
        let fill: u64 = by_bits.iter().zip(0..).map(|(n, bits)| n * u64::from(windows.holding(bits + 1))).sum();
        fill as f64 + BUCKET_COST * windows.all_buckets() as f64
    };
    // Up to 20 bits.
    let all = (13..=127).map(Windows::of_count);
    all.min_by(|a, b| cost(a).total_cmp(&cost(b))).expect("not empty")
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
        let signed = digits::signed(scalars);
        for multiples in [1, 2, 3, 7, 40] {
            // In one part, and in two that share buckets.
            let (all, head) = (Bases::<P, A>::new(points, 0, multiples), Bases::new(&points[..400], 0, multiples));
            let tail = Bases::new(&points[400..], 150, multiples);
            let table = Table::best(points.len(), multiples);
            for (threads, chunk) in [(1, 1), (1, 7), (2, 64), (3, 1000), (64, 5), (1000, 100)] {
                let case = format!("threads {threads} chunk {chunk} multiples {multiples}");
                let sum = msm_tuned(&[(&all, &signed)], table, threads, chunk);
                assert_eq!(sum, *expected, "{case}");
                let parts: [(&Bases<P, A>, &[digits::Signed]); 2] = [(&head, &signed[..400]), (&tail, &signed[250..])];
                assert_eq!(msm(&parts), *expected, "{case}, in parts");
            }
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
    fn tables_keep_to_what_was_allowed_and_what_indices_can_name() {
        for n in [1, 700, 1 << 17, (1 << 19) - 1, 1 << 26, 1 << 28] {
            for multiples in [2, 3, 8, 16, 32] {
                let kept = Table::best(n, multiples).expect("two are always possible").multiples();
                assert!(
                    (2..=multiples).contains(&kept) && n as u64 * u64::from(kept) < 1 << 31,
                    "{kept} of {multiples}, {n}"
                );
            }
            assert_eq!(Table::best(n, 1), None);
        }
        assert_eq!(Table::best(1 << 29, 8).map(|table| table.multiples()), Some(3));
        assert_eq!((Table::best(1 << 30, 8), Table::best(0, 16).is_some()), (None, true));
    }

    #[test]
    fn infinities_are_left_out_when_bases_are_prepared() {
        let g = Projective::<g1::Config>::generator().into_affine();
        let points = [Affine::identity(), g, Affine::identity(), g];
        let bases = Bases::<g1::Config, Scalar<g1::Config>>::new(&points, 10, 1);
        assert_eq!((bases.points.len(), bases.scalar), (2, vec![11, 13]));
    }
}
