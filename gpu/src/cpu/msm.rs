//! Multi-scalar multiplication: bucket sums over signed windows (Pippenger), buckets filled by batched affine additions.
//!
//! For every window the points are sorted by digit and each run of equal digits is summed as a tree, all runs of a level
//! together, so that one inversion serves a thousand additions ([`super::affine`]). A bucket that gets most of the points
//! (the bits of a witness all meet in bucket 1) is no special case: its tree is only deeper.

use super::affine::{add_pairs, Scratch};
use super::digits::{Signed, Windows, MAGNITUDE_BITS};
use ark_ec::short_weierstrass::{Affine, Bucket, Projective, SWCurveConfig};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

/// Points sorted at once. Bounds the scratch of a window (68 bytes a point in G1, 132 in G2, at most) and keeps the random
/// reads of the sort inside 16 MB in G1, a third-level cache.
pub const CHUNK: usize = 1 << 18;

/// Points with the index of the scalar that multiplies each. Infinities are left out once, when a key is prepared: half of
/// a typical B query is infinity.
pub struct Bases<P: SWCurveConfig> {
    points: Vec<Affine<P>>,
    scalar: Vec<u32>,
}

impl<P: SWCurveConfig> Bases<P> {
    /// Keeps the finite ones of `points`; point `i` belongs to scalar `first + i`.
    ///
    /// The caller has checked that indices fit 31 bits (the limit of points is far below).
    pub fn new(mut points: Vec<Affine<P>>, first: usize) -> Self {
        let scalar: Vec<u32> =
            points.iter().enumerate().filter(|(_, p)| !p.is_zero()).map(|(i, _)| (first + i) as u32).collect();
        points.retain(|p| !p.is_zero());
        points.shrink_to_fit();
        Bases { points, scalar }
    }
}

/// A point that takes part: digits of its scalar, and which point with which sign.
#[derive(Clone, Copy)]
struct Term {
    biased: [u64; 4],
    point: u32,
}

/// Set in [`Term::point`] and in sorted entries when the point is subtracted.
const NEGATIVE: u32 = 1 << 31;

/// Work of a full extended Jacobian addition, plus a mixed one, per bucket, in units of a batched affine addition.
const BUCKET_COST: u64 = 4;

/// `sum points[i] * scalars[scalar[i]]`.
pub fn msm<P: SWCurveConfig>(bases: &Bases<P>, scalars: &[Signed]) -> Projective<P> {
    msm_tuned(bases, scalars, rayon::current_num_threads(), CHUNK)
}

/// [`msm`] with the work cut for a number of threads and into chunks of a length, so that tests reach every path.
fn msm_tuned<P: SWCurveConfig>(bases: &Bases<P>, scalars: &[Signed], threads: usize, chunk: usize) -> Projective<P> {
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
            window_sum(&bases.points, &terms[begin..end], &windows, window, chunk)
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
        fill + u64::from(windows.count()) * BUCKET_COST * windows.buckets() as u64
    };
    Windows::new((2..=20).min_by_key(|&width| cost(width)).expect("not empty"))
}

/// A run of points that belong to one bucket.
#[derive(Clone, Copy)]
struct Run {
    bucket: u32,
    begin: u32,
    len: u32,
}

/// `sum digit * point` over the terms, for one window.
fn window_sum<P: SWCurveConfig>(
    points: &[Affine<P>],
    terms: &[Term],
    windows: &Windows,
    window: u32,
    chunk: usize,
) -> Projective<P> {
    let mut buckets = vec![Affine::<P>::identity(); windows.buckets()];
    let mut filler = Filler::default();
    for chunk in terms.chunks(chunk) {
        filler.sort(chunk, windows, window);
        filler.fill(points, &mut buckets);
    }
    // sum (b + 1) * bucket[b] as a sum of suffix sums.
    let (mut suffix, mut total) = (Bucket::<P>::ZERO, Bucket::<P>::ZERO);
    for bucket in buckets.iter().rev() {
        suffix += bucket;
        total += &suffix;
    }
    total.into()
}

/// Sorts terms into buckets and sums them there. Its vectors are kept from chunk to chunk.
struct Filler<P: SWCurveConfig> {
    digits: Vec<i32>,
    sorted: Vec<u32>,
    runs: Vec<Run>,
    pairs: Vec<(u32, u32)>,
    level: Vec<Affine<P>>,
    next: Vec<Affine<P>>,
    done: Vec<(u32, Affine<P>)>,
    scratch: Scratch<P::BaseField>,
}

impl<P: SWCurveConfig> Default for Filler<P> {
    fn default() -> Self {
        Filler {
            digits: Vec::new(),
            sorted: Vec::new(),
            runs: Vec::new(),
            pairs: Vec::new(),
            level: Vec::new(),
            next: Vec::new(),
            done: Vec::new(),
            scratch: Scratch::default(),
        }
    }
}

impl<P: SWCurveConfig> Filler<P> {
    /// Counting sort by digit: leaves signed point indices in `sorted` and one run a bucket in `runs`.
    fn sort(&mut self, terms: &[Term], windows: &Windows, window: u32) {
        let mut counts = vec![0u32; windows.buckets() + 1];
        self.digits.clear();
        self.digits.extend(terms.iter().map(|t| windows.digit(&t.biased, window)));
        for d in &self.digits {
            counts[d.unsigned_abs() as usize] += 1;
        }
        self.runs.clear();
        let mut begin = 0;
        for (digit, count) in counts.iter_mut().enumerate().skip(1) {
            let len = *count;
            if len > 0 {
                self.runs.push(Run { bucket: digit as u32 - 1, begin, len });
            }
            *count = begin;
            begin += len;
        }
        self.sorted.clear();
        self.sorted.resize(begin as usize, 0);
        for (term, &digit) in terms.iter().zip(&self.digits) {
            if digit != 0 {
                let place = &mut counts[digit.unsigned_abs() as usize];
                self.sorted[*place as usize] = term.point ^ if digit < 0 { NEGATIVE } else { 0 };
                *place += 1;
            }
        }
    }

    /// Sums every run and adds it to its bucket.
    fn fill(&mut self, points: &[Affine<P>], buckets: &mut [Affine<P>]) {
        let Filler { sorted, runs, pairs, level, next, done, scratch, .. } = self;
        done.clear();
        let first = |at: u32| {
            let entry = sorted[at as usize];
            let point = points[(entry & !NEGATIVE) as usize];
            if entry & NEGATIVE != 0 {
                -point
            } else {
                point
            }
        };
        halve(runs, first, next, pairs, done, scratch);
        while !runs.is_empty() {
            std::mem::swap(level, next);
            halve(runs, |at| level[at as usize], next, pairs, done, scratch);
        }
        let old = |j: usize| buckets[done[j].0 as usize];
        // Buckets are distinct, so every addition of the batch is independent; results go through `next`, because the
        // batch reads its operands twice.
        next.clear();
        next.resize(done.len(), Affine::identity());
        add_pairs(scratch, done.len(), |j| (old(j), done[j].1), |j, p| next[j] = p);
        for ((bucket, _), sum) in done.iter().zip(next.iter()) {
            buckets[*bucket as usize] = *sum;
        }
    }
}

/// Adds the points of every run in pairs. Runs of one point leave for `done`; the rest shrink to half, in `next`.
fn halve<P: SWCurveConfig>(
    runs: &mut Vec<Run>,
    source: impl Fn(u32) -> Affine<P>,
    next: &mut Vec<Affine<P>>,
    pairs: &mut Vec<(u32, u32)>,
    done: &mut Vec<(u32, Affine<P>)>,
    scratch: &mut Scratch<P::BaseField>,
) {
    pairs.clear();
    runs.retain(|run| {
        if run.len == 1 {
            done.push((run.bucket, source(run.begin)));
        }
        run.len > 1
    });
    next.clear();
    next.resize(runs.iter().map(|run| run.len.div_ceil(2) as usize).sum(), Affine::identity());
    let mut out = 0;
    for run in runs.iter_mut() {
        pairs.extend((0..run.len / 2).map(|i| (run.begin + 2 * i, out + i)));
        if run.len % 2 == 1 {
            next[(out + run.len / 2) as usize] = source(run.begin + run.len - 1);
        }
        *run = Run { bucket: run.bucket, begin: out, len: run.len.div_ceil(2) };
        out += run.len;
    }
    let pair = |j: usize| (source(pairs[j].0), source(pairs[j].0 + 1));
    add_pairs(scratch, pairs.len(), pair, |j, p| next[pairs[j].1 as usize] = p);
}

#[cfg(test)]
mod tests {
    use super::super::digits;
    use super::*;
    use ark_bn254::{g1, g2, Fr};
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::UniformRand;
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Few distinct points, so that buckets meet equal and opposite ones; scalars of every class.
    fn any_cut_and_chunk_gives_the_same_sum<P: SWCurveConfig<ScalarField = Fr>>() {
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
        let (bases, signed) = (Bases::new(points, 0), digits::signed(&scalars));
        for (threads, chunk) in [(1, 1), (1, 7), (2, 64), (3, 1000), (64, 5), (1000, 100)] {
            assert_eq!(msm_tuned(&bases, &signed, threads, chunk), expected, "threads {threads} chunk {chunk}");
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
        let bases = Bases::new(vec![Affine::identity(), g, Affine::identity(), g], 10);
        assert_eq!((bases.points.len(), bases.scalar), (2, vec![11, 13]));
    }
}
