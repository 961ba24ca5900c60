//! One set of buckets of a multi-scalar multiplication: `sum digit * point` for one window, or for several that share buckets.
//!
//! Points of equal digits are added in pairs as they come, sums of pairs in pairs again, and so on, all pairs of a level together,
//! so that one inversion serves thousands of additions ([`super::adder`]). A bucket that gets most of the points (the bits of a
//! witness all meet in bucket 1) is no special case: its tree is only deeper. Buckets are summed in segments side by side, again
//! many affine additions at a time.

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
const FEW_POINTS: usize = 4;

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
    // A few points a bucket at least: otherwise most meet their buckets one by one.
    let chunk = chunk.max(FEW_POINTS * count).div_ceil(windows.count().div_ceil(set.sets) as usize);
    for part in parts {
        let terms = &part.terms[if set.set < windows.used(SMALL_BITS) { 0 } else { part.small }..];
        let len = terms.len().div_ceil(set.cuts);
        let (begin, end) = ((set.cut * len).min(terms.len()), ((set.cut + 1) * len).min(terms.len()));
        for terms in terms[begin..end].chunks(chunk) {
            filler.pair_terms(terms, part.stride, windows, set);
            filler.sum(part.points, &mut buckets);
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

/// No index: there are fewer points.
const NOBODY: u32 = u32::MAX;

/// Pairs points of equal digits as they come.
///
/// Sorting them by digit would do as well, but in another pass, and points would then be read in an order as random as the digits
/// are. The second points of the pairs found here are read in order, the first ones not long after their neighbours.
#[derive(Default)]
struct Pairs {
    /// By digit, the point that has found no other yet. Those of digit 0 are never used.
    waiting: Vec<u32>,
    /// The pairs found, and behind them a place that may be written to.
    jobs: Vec<Job>,
    /// Their digits.
    digits: Vec<u32>,
    len: usize,
}

impl Pairs {
    /// Begins with points of digits up to `most`, as many as `points`.
    fn begin(&mut self, most: usize, points: usize) {
        self.waiting.resize(most + 1, NOBODY);
        let places = points / 2 + 1;
        if self.jobs.len() < places {
            self.jobs.resize(places, Job { a: 0, b: 0 });
            self.digits.resize(places, 0);
        }
        self.len = 0;
    }

    /// A point comes. Whether it finds another one is a coin toss, so there is no branch on it.
    #[inline(always)]
    fn add(&mut self, digit: u32, point: u32) {
        debug_assert_ne!(point, NOBODY);
        let waiting = &mut self.waiting[digit as usize];
        let first = *waiting;
        let found = first != NOBODY;
        *waiting = if found { NOBODY } else { point };
        self.jobs[self.len] = Job { a: first, b: point };
        self.digits[self.len] = digit;
        self.len += usize::from(found & (digit != 0));
    }

    /// Pairs the sums of the pairs found.
    fn again(&mut self) {
        let sums = std::mem::take(&mut self.len);
        for sum in 0..sums {
            self.add(self.digits[sum], sum as u32);
        }
    }

    /// Takes leave of those that have found nobody: (bucket, point).
    fn alone(&mut self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.waiting[0] = NOBODY;
        let all = self.waiting[1..].iter_mut().zip(0..);
        all.filter(|(point, _)| **point != NOBODY).map(|(point, bucket)| (bucket, std::mem::replace(point, NOBODY)))
    }
}

/// Sums terms in buckets. Its vectors are kept from chunk to chunk and from task to task.
pub(super) struct Filler<P: SWCurveConfig, A: Adder<P>> {
    pairs: Pairs,
    alone: Vec<Job>,
    level: Vec<A::Point>,
    next: Vec<A::Point>,
    adder: A,
}

impl<P: SWCurveConfig, A: Adder<P>> Default for Filler<P, A> {
    fn default() -> Self {
        Filler { pairs: Pairs::default(), alone: Vec::new(), level: Vec::new(), next: Vec::new(), adder: A::default() }
    }
}

impl<P: SWCurveConfig, A: Adder<P>> Filler<P, A> {
    /// Pairs the points of terms by their digits.
    fn pair_terms(&mut self, terms: &[Term], stride: usize, windows: &Windows, set: Set) {
        let all = (set.set..windows.count()).step_by(set.sets as usize);
        self.pairs.begin(windows.buckets(set.set), terms.len() * all.len());
        for (window, multiple) in all.zip(0..) {
            let (digit, first) = (windows.reader(window), (multiple * stride) as u32);
            for term in terms {
                let digit = digit(&term.biased);
                let sign = (digit as u32) & NEGATIVE;
                self.pairs.add(digit.unsigned_abs(), (term.point + first) ^ sign);
            }
        }
    }

    /// Adds up pairs, pairs of their sums, and so on. Whoever is left alone meets its bucket.
    fn sum(&mut self, points: &[A::Point], buckets: &mut [A::Point]) {
        self.sum_pairs(points, buckets);
        while self.pairs.len > 0 {
            let level = std::mem::replace(&mut self.next, std::mem::take(&mut self.level));
            self.pairs.again();
            self.sum_pairs(&level, buckets);
            self.level = level;
        }
    }

    /// Leaves the sums of all pairs in `next`.
    fn sum_pairs(&mut self, source: &[A::Point], buckets: &mut [A::Point]) {
        let Filler { pairs, alone, next, adder, .. } = self;
        accumulate(adder, alone, buckets, source, pairs.alone());
        // What is left there from before is overwritten.
        if next.len() < pairs.len {
            next.resize(pairs.len, A::INFINITY);
        }
        adder.add_pairs(source, &pairs.jobs[..pairs.len], next);
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

    /// In rounds of different lengths, so that nobody may still wait when the next one begins.
    #[test]
    fn each_point_is_in_one_pair_of_its_digit_or_alone_unless_its_digit_is_0() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut pairs = Pairs::default();
        for (most, points) in [(1, 0), (7, 1), (7, 200), (64, 50), (3, 999)] {
            // Half of them 0 or 1, as bits are.
            let mut digit = || rng.next_u32() % [2, most + 1][rng.next_u32() as usize % 2];
            let came: Vec<(u32, u32)> =
                (0..points).map(|i| (i ^ if i % 3 == 0 { NEGATIVE } else { 0 }, digit())).collect();
            pairs.begin(most as usize, points as usize);
            came.iter().for_each(|(point, digit)| pairs.add(*digit, *point));
            let alone = pairs.alone().map(|(bucket, point)| (point, bucket + 1));
            let mut seen: Vec<_> = alone.collect();
            for (job, digit) in pairs.jobs[..pairs.len].iter().zip(&pairs.digits) {
                seen.extend([(job.a, *digit), (job.b, *digit)]);
            }
            seen.sort_unstable_by_key(|(point, _)| point & !NEGATIVE);
            assert_eq!(seen, came.into_iter().filter(|(_, digit)| *digit != 0).collect::<Vec<_>>());

            let (sums, digits) = (pairs.len, pairs.digits.clone());
            pairs.again();
            for (job, digit) in pairs.jobs[..pairs.len].iter().zip(&pairs.digits) {
                assert!(job.a < job.b && (job.b as usize) < sums);
                assert_eq!((digits[job.a as usize], digits[job.b as usize]), (*digit, *digit));
            }
            assert_eq!(pairs.alone().count() + 2 * pairs.len, sums);
            assert!(pairs.waiting.iter().all(|point| *point == NOBODY));
        }
    }

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
