//! One set of buckets of a multi-scalar multiplication: `sum digit * point` for one window, or for several that share buckets.
//!
//! Points are sorted by digit and each run of equal digits is summed as a tree, all runs of a level together, so that one
//! inversion serves thousands of additions ([`super::adder`]). A bucket that gets most of the points (the bits of a witness all
//! meet in bucket 1) is no special case: its tree is only deeper. Buckets are summed in segments side by side, again many
//! affine additions at a time.

use super::adder::{Adder, Job, NEGATIVE};
use super::digits::{Windows, SMALL_BITS};
use super::msm::{Part, Term};
use ark_ec::short_weierstrass::{Bucket, Projective, SWCurveConfig};
use ark_ff::AdditiveGroup;

/// Which windows and which terms a task sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set {
    /// Windows `set`, `set + sets`, `set + 2 sets` and so on; those beyond the first meet further multiples of the points.
    pub set: u32,
    /// Sets in all.
    pub sets: u32,
    /// Which piece of the terms.
    pub cut: usize,
    /// Pieces in all.
    pub cuts: usize,
}

/// Points that a bucket gets from a chunk, on average and at least.
const FEW_POINTS: usize = 8;

/// One set of buckets: in bucket `i` the points whose digit is `i + 1`, minus those whose digit is `-(i + 1)`.
pub(super) fn fill<P: SWCurveConfig, A: Adder<P>>(
    filler: &mut Filler<P, A>,
    parts: &[Part<'_, P, A>],
    windows: &Windows,
    set: Set,
    chunk: usize,
) -> Vec<A::Point> {
    let count = windows.buckets(set.set);
    let mut buckets = vec![A::INFINITY; count];
    // Runs of a few points at least: shorter ones meet their buckets one by one.
    let chunk = chunk.max(FEW_POINTS * count).div_ceil(windows.count().div_ceil(set.sets) as usize);
    for part in parts {
        let terms = &part.terms[if set.set < windows.used(SMALL_BITS) { 0 } else { part.small }..];
        let len = terms.len().div_ceil(set.cuts);
        let (begin, end) = ((set.cut * len).min(terms.len()), ((set.cut + 1) * len).min(terms.len()));
        for terms in terms[begin..end].chunks(chunk) {
            filler.sort(terms, part.stride, windows, set);
            filler.fill(part.points, &mut buckets);
        }
    }
    buckets
}

/// Adds buckets to buckets.
pub(super) fn merge<P: SWCurveConfig, A: Adder<P>>(mut left: Vec<A::Point>, right: Vec<A::Point>) -> Vec<A::Point> {
    let all = 0..left.len() as u32;
    accumulate_finite(&mut A::default(), &mut Vec::new(), &mut left, &right, all.clone().zip(all));
    left
}

/// `sum (i + 1) * buckets[i]`.
pub(super) fn weighted_sum<P: SWCurveConfig, A: Adder<P>>(buckets: &[A::Point]) -> Projective<P> {
    weighted(&mut A::default(), buckets)
}

/// A run of points that belong to one bucket.
#[derive(Clone, Copy)]
struct Run {
    bucket: u32,
    begin: u32,
    len: u32,
}

/// Sorts terms into buckets and sums them there. Its vectors are kept from chunk to chunk and from task to task.
pub(super) struct Filler<P: SWCurveConfig, A: Adder<P>> {
    digits: Vec<i32>,
    sorted: Vec<u32>,
    runs: Vec<Run>,
    jobs: Vec<Job>,
    level: Vec<A::Point>,
    next: Vec<A::Point>,
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
            adder: A::default(),
        }
    }
}

impl<P: SWCurveConfig, A: Adder<P>> Filler<P, A> {
    /// Counting sort by digit: leaves signed point indices in `sorted` and one run a bucket in `runs`.
    fn sort(&mut self, terms: &[Term], stride: usize, windows: &Windows, set: Set) {
        let mut counts = vec![0u32; windows.buckets(set.set) + 1];
        self.digits.clear();
        for window in (set.set..windows.count()).step_by(set.sets as usize) {
            let digit = windows.reader(window);
            self.digits.extend(terms.iter().map(|t| digit(&t.biased)));
        }
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
        for (multiple, digits) in self.digits.chunks(terms.len()).enumerate() {
            let first = (multiple * stride) as u32;
            for (term, &digit) in terms.iter().zip(digits) {
                if digit != 0 {
                    let place = &mut counts[digit.unsigned_abs() as usize];
                    self.sorted[*place as usize] = (term.point + first) ^ if digit < 0 { NEGATIVE } else { 0 };
                    *place += 1;
                }
            }
        }
    }

    /// Sums every run and adds it to its bucket.
    fn fill(&mut self, points: &[A::Point], buckets: &mut [A::Point]) {
        let sorted = std::mem::take(&mut self.sorted);
        self.halve(points, buckets, |at| sorted[at as usize]);
        self.sorted = sorted;
        while !self.runs.is_empty() {
            let level = std::mem::take(&mut self.next);
            self.next = std::mem::take(&mut self.level);
            self.halve(&level, buckets, |at| at);
            self.level = level;
        }
    }

    /// Adds the points of every run in pairs. The last one of an odd run goes to its bucket; the sums are half a run, in `next`.
    fn halve(&mut self, source: &[A::Point], buckets: &mut [A::Point], index: impl Fn(u32) -> u32) {
        let Filler { runs, jobs, next, adder, .. } = self;
        let odd = runs.iter().filter(|run| run.len % 2 == 1);
        accumulate(adder, jobs, buckets, source, odd.map(|run| (run.bucket, index(run.begin + run.len - 1))));
        jobs.clear();
        let mut out = 0;
        runs.retain_mut(|run| {
            let half = run.len / 2;
            let pair = |i| Job { a: index(run.begin + 2 * i), b: index(run.begin + 2 * i + 1) };
            jobs.extend((0..half).map(pair));
            *run = Run { bucket: run.bucket, begin: out, len: half };
            out += half;
            half > 0
        });
        // What is left there from before is overwritten.
        if next.len() < out as usize {
            next.resize(out as usize, A::INFINITY);
        }
        adder.add_pairs(source, jobs, next);
    }
}

/// The point at an index, with its sign.
#[inline]
fn signed<P: SWCurveConfig, A: Adder<P>>(source: &[A::Point], index: u32) -> A::Point {
    let point = source[(index & !NEGATIVE) as usize];
    if index & NEGATIVE == 0 {
        point
    } else {
        A::negate(&point)
    }
}

/// `left[a] += right[b]` for all `(a, b)`; every `a` comes once, `b` with its sign.
fn accumulate<P: SWCurveConfig, A: Adder<P>>(
    adder: &mut A,
    jobs: &mut Vec<Job>,
    left: &mut [A::Point],
    right: &[A::Point],
    pairs: impl Iterator<Item = (u32, u32)>,
) {
    jobs.clear();
    for (a, b) in pairs {
        let point = &mut left[a as usize];
        if A::is_infinity(point) {
            *point = signed::<P, A>(right, b);
        } else {
            jobs.push(Job { a, b });
        }
    }
    adder.add_to(left, right, jobs);
}

/// [`accumulate`] without the pairs that add infinity: empty buckets are frequent.
fn accumulate_finite<P: SWCurveConfig, A: Adder<P>>(
    adder: &mut A,
    jobs: &mut Vec<Job>,
    left: &mut [A::Point],
    right: &[A::Point],
    pairs: impl Iterator<Item = (u32, u32)>,
) {
    accumulate(adder, jobs, left, right, pairs.filter(|(_, b)| !A::is_infinity(&right[*b as usize])));
}

/// Buckets below which one addition after the other is faster.
const FEW: usize = 128;

/// `sum (i + 1) * buckets[i]`.
///
/// Segments of equal length are summed side by side, from their ends: the sum of the suffixes of a segment weighs its buckets by
/// their place in it. What is left are the sums of whole segments, weighed by the place of the segment: the same problem, shorter.
fn weighted<P: SWCurveConfig, A: Adder<P>>(adder: &mut A, buckets: &[A::Point]) -> Projective<P> {
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
        accumulate_finite(
            adder,
            &mut jobs,
            &mut suffixes,
            buckets,
            pairs.filter(|(_, b)| (*b as usize) < buckets.len()),
        );
        accumulate_finite(adder, &mut jobs, &mut totals, &suffixes, (0..count as u32).map(|s| (s, s)));
    }
    let mut above = weighted(adder, &suffixes[1..]);
    for _ in 0..log {
        above.double_in_place();
    }
    while totals.len() > 1 {
        let half = totals.len().div_ceil(2);
        let (low, high) = totals.split_at_mut(half);
        let pairs = (0..high.len() as u32).map(|i| (i, i));
        accumulate_finite(adder, &mut jobs, low, high, pairs);
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
        assert_eq!(weighted_sum::<_, A>(&packed), expected, "{} buckets", buckets.len());
    }
}
