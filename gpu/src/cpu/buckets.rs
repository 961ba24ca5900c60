//! One window of a multi-scalar multiplication: `sum digit * point`.
//!
//! Points are sorted by digit and each run of equal digits is summed as a tree, all runs of a level together, so that one
//! inversion serves a thousand additions ([`super::adder`]). A bucket that gets most of the points (the bits of a witness all
//! meet in bucket 1) is no special case: its tree is only deeper. Buckets are summed in segments side by side, again many
//! affine additions at a time.

use super::adder::{Adder, Job, NEGATIVE};
use super::digits::Windows;
use super::msm::Term;
use ark_ec::short_weierstrass::{Bucket, Projective, SWCurveConfig};
use ark_ff::AdditiveGroup;

/// `sum digit * point` over the terms, for one window.
pub(super) fn window_sum<P: SWCurveConfig, A: Adder<P>>(
    points: &[A::Point],
    terms: &[Term],
    windows: &Windows,
    window: u32,
    chunk: usize,
) -> Projective<P> {
    let mut buckets = vec![A::INFINITY; windows.buckets()];
    let mut filler = Filler::<P, A>::default();
    for chunk in terms.chunks(chunk) {
        filler.sort(chunk, windows, window);
        filler.fill(points, &mut buckets);
    }
    weighted_sum(&mut filler.adder, &buckets)
}

/// A run of points that belong to one bucket.
#[derive(Clone, Copy)]
struct Run {
    bucket: u32,
    begin: u32,
    len: u32,
}

/// Sorts terms into buckets and sums them there. Its vectors are kept from chunk to chunk.
struct Filler<P: SWCurveConfig, A: Adder<P>> {
    digits: Vec<i32>,
    sorted: Vec<u32>,
    runs: Vec<Run>,
    jobs: Vec<Job>,
    level: Vec<A::Point>,
    next: Vec<A::Point>,
    // Runs that are down to one point: its bucket, and the point in `single`.
    done: Vec<u32>,
    single: Vec<A::Point>,
    adder: A,
}

impl<P: SWCurveConfig, A: Adder<P>> Default for Filler<P, A> {
    fn default() -> Self {
        Filler {
            digits: Vec::new(),
            sorted: Vec::new(),
            runs: Vec::new(),
            jobs: Vec::new(),
            level: Vec::new(),
            next: Vec::new(),
            done: Vec::new(),
            single: Vec::new(),
            adder: A::default(),
        }
    }
}

impl<P: SWCurveConfig, A: Adder<P>> Filler<P, A> {
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
    fn fill(&mut self, points: &[A::Point], buckets: &mut [A::Point]) {
        self.done.clear();
        self.single.clear();
        let sorted = std::mem::take(&mut self.sorted);
        self.halve(points, |at| sorted[at as usize]);
        self.sorted = sorted;
        while !self.runs.is_empty() {
            let level = std::mem::take(&mut self.next);
            self.next = std::mem::take(&mut self.level);
            self.halve(&level, |at| at);
            self.level = level;
        }
        accumulate(&mut self.adder, &mut self.jobs, buckets, &self.single, self.done.iter().copied().zip(0..));
    }

    /// Adds the points of every run in pairs. Runs of one point leave; the rest shrink to half, in `next`.
    fn halve(&mut self, source: &[A::Point], index: impl Fn(u32) -> u32) {
        let Filler { runs, jobs, next, done, single, adder, .. } = self;
        let point = |at: u32| {
            let index = index(at);
            let point = source[(index & !NEGATIVE) as usize];
            if index & NEGATIVE == 0 {
                point
            } else {
                A::pack(&-A::unpack(&point))
            }
        };
        runs.retain(|run| {
            if run.len == 1 {
                done.push(run.bucket);
                single.push(point(run.begin));
            }
            run.len > 1
        });
        jobs.clear();
        next.clear();
        next.resize(runs.iter().map(|run| run.len.div_ceil(2) as usize).sum(), A::INFINITY);
        let mut out = 0;
        for run in runs.iter_mut() {
            let pair = |i| Job { a: index(run.begin + 2 * i), b: index(run.begin + 2 * i + 1), to: out + i };
            jobs.extend((0..run.len / 2).map(pair));
            if run.len % 2 == 1 {
                next[(out + run.len / 2) as usize] = point(run.begin + run.len - 1);
            }
            *run = Run { bucket: run.bucket, begin: out, len: run.len.div_ceil(2) };
            out += run.len;
        }
        adder.add_pairs(source, jobs, next);
    }
}

/// `left[a] += right[b]` for all `(a, b)`; every `a` comes once.
fn accumulate<P: SWCurveConfig, A: Adder<P>>(
    adder: &mut A,
    jobs: &mut Vec<Job>,
    left: &mut [A::Point],
    right: &[A::Point],
    pairs: impl Iterator<Item = (u32, u32)>,
) {
    jobs.clear();
    for (a, b) in pairs {
        if A::is_infinity(&left[a as usize]) {
            left[a as usize] = right[b as usize];
        } else if !A::is_infinity(&right[b as usize]) {
            jobs.push(Job { a, b, to: a });
        }
    }
    adder.add_to(left, right, jobs);
}

/// Buckets below which one addition after the other is faster.
const FEW: usize = 512;

/// `sum (i + 1) * buckets[i]`.
///
/// Segments of equal length are summed side by side, from their ends: the sum of the suffixes of a segment weighs its buckets by
/// their place in it. What is left are the sums of whole segments, weighed by the place of the segment: the same problem, shorter.
fn weighted_sum<P: SWCurveConfig, A: Adder<P>>(adder: &mut A, buckets: &[A::Point]) -> Projective<P> {
    if buckets.len() < FEW {
        let (mut suffix, mut total) = (Bucket::<P>::ZERO, Bucket::<P>::ZERO);
        for bucket in buckets.iter().rev() {
            suffix += &A::unpack(bucket);
            total += &suffix;
        }
        return total.into();
    }
    // Long segments leave little for the next round, but too few side by side for their inversions.
    let log = if buckets.len() < 1 << 14 { 3 } else { 4 };
    let length = 1 << log;
    let count = buckets.len().div_ceil(length);
    let mut suffixes = vec![A::INFINITY; count];
    let mut totals = vec![A::INFINITY; count];
    let mut jobs = Vec::with_capacity(count);
    for place in (0..length).rev() {
        let pairs = (0..count).map(|s| (s as u32, (s * length + place) as u32));
        accumulate(adder, &mut jobs, &mut suffixes, buckets, pairs.filter(|(_, b)| (*b as usize) < buckets.len()));
        accumulate(adder, &mut jobs, &mut totals, &suffixes, (0..count as u32).map(|s| (s, s)));
    }
    let mut above = weighted_sum(adder, &suffixes[1..]);
    for _ in 0..log {
        above.double_in_place();
    }
    while totals.len() > 1 {
        let half = totals.len().div_ceil(2);
        let (low, high) = totals.split_at_mut(half);
        let pairs = (0..high.len() as u32).map(|i| (i, i));
        accumulate(adder, &mut jobs, low, high, pairs);
        totals.truncate(half);
    }
    above + A::unpack(&totals[0])
}

#[cfg(test)]
mod tests {
    use super::super::adder::Scalar;
    use super::*;
    use ark_bn254::{g1, G1Affine, G1Projective};
    use ark_ec::CurveGroup;
    use ark_ff::{UniformRand, Zero};
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Lengths that are no multiple of a segment, empty and equal buckets.
    #[test]
    fn weighted_sums_match_their_definition() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let few: Vec<G1Affine> = (0..5).map(|_| G1Projective::rand(&mut rng).into_affine()).collect();
        for len in [0, 1, 2, FEW - 1, FEW, FEW + 5, 4 * FEW + 3] {
            let buckets: Vec<G1Affine> = (0..len)
                .map(|_| match rng.next_u32() % 3 {
                    0 => G1Affine::identity(),
                    1 => few[rng.next_u32() as usize % 5],
                    _ => G1Projective::rand(&mut rng).into_affine(),
                })
                .collect();
            let expected =
                buckets.iter().zip(1u64..).fold(G1Projective::zero(), |sum, (b, i)| sum + *b * ark_bn254::Fr::from(i));
            check::<Scalar<g1::Config>>(&buckets, expected);
            #[cfg(target_arch = "x86_64")]
            {
                use super::super::vector::{adder::Vectorised, avx2::Avx2Set, emulated::EmulatedSet, Machine};
                check::<Vectorised<g1::Config, EmulatedSet>>(&buckets, expected);
                if Machine::Avx2.is_here() {
                    check::<Vectorised<g1::Config, Avx2Set>>(&buckets, expected);
                }
            }
        }
    }

    fn check<A: Adder<g1::Config>>(buckets: &[G1Affine], expected: G1Projective) {
        let packed: Vec<A::Point> = buckets.iter().map(A::pack).collect();
        assert_eq!(weighted_sum(&mut A::default(), &packed), expected, "{} buckets", buckets.len());
    }
}
