//! Multi-scalar multiplication: bucket sums over windows (Pippenger) of digits in Z[ω], buckets filled by batched affine additions.
//!
//! Sets of buckets are independent tasks: one a window, or fewer where a key keeps multiples of its points. [`super::buckets`]
//! does one.

use super::adder::{Adder, SUM};
use super::buckets::{fill, join_units, merge, weighted_sum, Filler, Set, UNITS};
use super::digits::{Block, Places, Short, Windows, BITS, BLOCK, MAX_WIDTH, MIN_WIDTH};
use ark_bn254::{g2, Fr};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field, Zero};
use rayon::prelude::*;
use std::sync::Mutex;

/// Digits paired at once, at least (as many as buckets where those are more): bounds the scratch of a task (155 bytes a digit in G1,
/// 283 in G2, at most, buckets included) and keeps it near the processor.
pub const CHUNK: usize = 1 << 15;

/// A group of order r with an endomorphism `(x, y) -> (c x, y)`, c a cube root of unity, as both BN254 groups are.
pub trait Group: GLVConfig<ScalarField = Fr> {}
impl<P: GLVConfig<ScalarField = Fr>> Group for P {}

/// What x is multiplied by where a point is by the ω of [`super::digits`].
pub(super) fn turn<P: Group>() -> P::BaseField {
    let c = P::ENDO_COEFFS[0];
    // The other cube root of unity, if this one belongs to ω^2.
    if P::LAMBDA == g2::Config::LAMBDA {
        c
    } else {
        c.square()
    }
}

/// Points with the index of the scalar that multiplies each. Infinities are left out once, when a key is prepared: half of
/// a typical B query is infinity.
pub struct Bases<P: Group, A: Adder<P>> {
    // All points, then all of them again for each further multiple of the table.
    points: Vec<A::Point>,
    scalar: Vec<u32>,
    table: Option<Table>,
}

impl<P: Group, A: Adder<P>> Bases<P, A> {
    /// Keeps the finite ones of `points`, and up to `multiples` multiples of each ([`Table`]); point `i` belongs to scalar
    /// `first + i`.
    ///
    /// The caller has checked that indices fit 30 bits (the limit of points is far below).
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
        // Indices of points and multiples fit 30 bits.
        let multiples = multiples.min((SUM as usize / n) as u32);
        if multiples < 2 {
            return None;
        }
        let all = (MIN_WIDTH..=MAX_WIDTH).map(|width| {
            let count = Windows::of_width(width).count();
            let table = Table { width, sets: count.div_ceil(multiples) };
            let buckets = f64::from(table.sets) * Places::new(width).count() as f64;
            let cost = f64::from(count) * n as f64 + BUCKET_COST * buckets;
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

/// Points that take part: digits of their scalars, and which points they are.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Scalars; behind the last one, zeros.
    pub scalars: Block,
    /// Indices of points into [`Bases`].
    pub points: [u32; BLOCK],
}

/// Bases and what multiplies them.
pub(super) struct Part<'a, P: Group, A: Adder<P>> {
    /// As in [`Bases`].
    pub points: &'a [A::Point],
    /// Points of one multiple.
    pub stride: usize,
    /// Those with small scalars come first: windows above them need not look at them.
    pub terms: Vec<Terms>,
    /// How many are small.
    pub small: usize,
}

/// Bases with their scalars and which of them take part: not those of zero.
struct Chosen<'a, P: Group, A: Adder<P>> {
    bases: &'a Bases<P, A>,
    scalars: &'a [Short],
    /// Places in the bases, those of small scalars first.
    places: Vec<u32>,
    small: usize,
}

impl<'a, P: Group, A: Adder<P>> Chosen<'a, P, A> {
    fn new(bases: &'a Bases<P, A>, scalars: &'a [Short], threads: usize) -> Self {
        let task = bases.scalar.len().div_ceil(4 * threads).max(1024);
        let class = |small: bool| {
            bases.scalar.par_iter().enumerate().with_min_len(task).filter_map(move |(place, &i)| {
                let s = &scalars[i as usize];
                (!s.is_zero() && s.is_small() == small).then_some(place as u32)
            })
        };
        let mut places: Vec<u32> = class(true).collect();
        let small = places.len();
        places.par_extend(class(false));
        Chosen { bases, scalars, places, small }
    }

    fn scalar(&self, place: u32) -> Short {
        self.scalars[self.bases.scalar[place as usize] as usize]
    }

    /// Their scalars cut into windows.
    fn cut(&self, windows: &Windows) -> Part<'a, P, A> {
        let terms = |places: &[u32]| {
            let mut points = [0; BLOCK];
            points[..places.len()].copy_from_slice(places);
            Terms { scalars: Block::new(windows, places.iter().map(|place| self.scalar(*place))), points }
        };
        let (small, dense) = self.places.split_at(self.small);
        let mut all = Vec::with_capacity(small.len().div_ceil(BLOCK) + dense.len().div_ceil(BLOCK));
        all.par_extend(small.par_chunks(BLOCK).with_min_len(16).map(terms));
        let small = all.len();
        all.par_extend(dense.par_chunks(BLOCK).with_min_len(16).map(terms));
        Part { points: &self.bases.points, stride: self.bases.scalar.len(), terms: all, small }
    }
}

/// Additions that a place costs: its three buckets are joined by two additions and two products and take part in two more, while the first
/// point of each costs none; the rest is for what lies further apart in memory. 1.6 to 4 made no difference to be seen.
const BUCKET_COST: f64 = 2.2;

/// `sum points[i] * scalars[scalar[i]]` over all parts. Those with the same table share buckets.
pub fn msm<P: Group, A: Adder<P>>(parts: &[(&Bases<P, A>, &[Short])]) -> Projective<P> {
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
fn msm_tuned<P: Group, A: Adder<P>>(
    parts: &[(&Bases<P, A>, &[Short])],
    table: Option<Table>,
    threads: usize,
    chunk: usize,
) -> Projective<P> {
    let parts: Vec<_> = parts.iter().map(|(bases, scalars)| Chosen::new(bases, scalars, threads)).collect();
    let terms: usize = parts.iter().map(|part| part.places.len()).sum();
    if terms == 0 {
        return Projective::zero();
    }
    let windows = table.map_or_else(|| best_windows(&parts), |table| Windows::of_width(table.width));
    let sets = table.map_or(windows.count(), |table| table.sets);
    let parts: Vec<_> = parts.iter().map(|part| part.cut(&windows)).collect();

    // One task a set of buckets; on many cores, or with few sets, terms are cut so that there are a few tasks a thread, but
    // never so short that merging buckets outweighs filling them.
    let entries = terms * windows.count().div_ceil(sets) as usize;
    let buckets = UNITS * Places::new(windows.bits(0)).count();
    let cuts = (3 * threads).div_ceil(sets as usize).min(entries.div_ceil(4 * buckets)).max(1);
    // A lock is poisoned only while another task's panic is on its way to the caller.
    let idle = Mutex::new(Vec::<Filler<P, A>>::new());
    let with_filler = |run: &mut dyn FnMut(&mut Filler<P, A>)| {
        let mut filler = idle.lock().ok().and_then(|mut idle| idle.pop()).unwrap_or_default();
        run(&mut filler);
        if let Ok(mut idle) = idle.lock() {
            idle.push(filler);
        }
    };
    let sums: Vec<Projective<P>> = (0..sets)
        .into_par_iter()
        .with_max_len(1)
        .map(|set| {
            let places = Places::new(windows.bits(set));
            let buckets = (0..cuts).into_par_iter().with_max_len(1).map(|cut| {
                let mut buckets = Vec::new();
                with_filler(&mut |filler| {
                    buckets = fill(filler, &parts, &windows, &places, Set { set, sets, cut, cuts }, chunk);
                });
                buckets
            });
            let mut buckets = buckets.reduce_with(merge::<P, A>).expect("one cut at least");
            let mut sum = [Projective::zero(); 2];
            with_filler(&mut |filler| {
                join_units(filler, &places, &mut buckets);
                sum = weighted_sum(filler, &places, &buckets);
            });
            let [plain, mut turned] = sum;
            turned.x *= turn::<P>();
            plain + turned
        })
        .collect();
    (0..sets).zip(sums).rev().fold(Projective::zero(), |mut total, (set, sum)| {
        double(&mut total, windows.bits(set));
        total + sum
    })
}

fn double<P: Group>(point: &mut Projective<P>, times: u32) {
    for _ in 0..times {
        point.double_in_place();
    }
}

/// Those with the least additions for these scalars.
fn best_windows<P: Group, A: Adder<P>>(parts: &[Chosen<'_, P, A>]) -> Windows {
    let mut by_bits = [0u64; BITS as usize];
    for part in parts {
        for place in &part.places {
            by_bits[part.scalar(*place).bits() as usize] += 1;
        }
    }
    let places: Vec<usize> = (0..=MAX_WIDTH).map(|bits| Places::new(bits).count()).collect();
    let cost = |windows: &Windows| {
        let fill: u64 = by_bits.iter().zip(0..).map(|(n, bits)| n * u64::from(windows.holding(bits + 1))).sum();
        let buckets: usize = (0..windows.count()).map(|window| places[windows.bits(window) as usize]).sum();
        fill as f64 + BUCKET_COST * buckets as f64
    };
    let all = (BITS.div_ceil(MAX_WIDTH)..=BITS / MIN_WIDTH).map(Windows::of_count);
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
    fn any_cut_and_chunk_gives_the_same_sum<P: Curve + Group>() {
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

    fn check<P: Group, A: Adder<P>>(points: &[Affine<P>], scalars: &[Fr], expected: &Projective<P>) {
        let short = digits::short(scalars);
        for multiples in [1, 2, 3, 7, 40] {
            // In one part, and in two that share buckets.
            let (all, head) = (Bases::<P, A>::new(points, 0, multiples), Bases::new(&points[..400], 0, multiples));
            let tail = Bases::new(&points[400..], 150, multiples);
            let table = Table::best(points.len(), multiples);
            for (threads, chunk) in [(1, 1), (1, 7), (2, 64), (3, 1000), (64, 5), (1000, 100)] {
                let case = format!("threads {threads} chunk {chunk} multiples {multiples}");
                let sum = msm_tuned(&[(&all, &short)], table, threads, chunk);
                assert_eq!(sum, *expected, "{case}");
                let parts: [(&Bases<P, A>, &[digits::Short]); 2] = [(&head, &short[..400]), (&tail, &short[250..])];
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
                    (2..=multiples).contains(&kept) && n as u64 * u64::from(kept) <= 1 << 30,
                    "{kept} of {multiples}, {n}"
                );
            }
            assert_eq!(Table::best(n, 1), None);
        }
        assert_eq!(Table::best(1 << 29, 8).map(|table| table.multiples()), Some(2));
        assert_eq!((Table::best(1 << 30, 8), Table::best(0, 16).is_some()), (None, true));
    }

    #[test]
    fn turning_a_point_multiplies_it_by_omega() {
        fn check<P: Group>() {
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            let point = Projective::<P>::rand(&mut rng);
            let mut turned = point;
            turned.x *= turn::<P>();
            assert_eq!(turned, point * g2::Config::LAMBDA);
        }
        check::<g1::Config>();
        check::<g2::Config>();
    }

    #[test]
    fn infinities_are_left_out_when_bases_are_prepared() {
        let g = Projective::<g1::Config>::generator().into_affine();
        let points = [Affine::identity(), g, Affine::identity(), g];
        let bases = Bases::<g1::Config, Scalar<g1::Config>>::new(&points, 10, 1);
        assert_eq!((bases.points.len(), bases.scalar), (2, vec![11, 13]));
    }
}
