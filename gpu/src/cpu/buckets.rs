//! One set of buckets of a multi-scalar multiplication: `sum digit * point` for one window, or for several that share buckets.
//!
//! Points of equal digits are added in pairs as they come, sums of pairs in pairs again, or with a point that was left over, and so on,
//! all pairs of a level together, so that one inversion serves thousands of additions ([`super::adder`]). A bucket that gets most of
//! the points (the bits of a witness all meet in bucket 1) is no special case: its tree is only deeper. In the end buckets lie in a
//! plane, as digits do, and its rows and columns are filled in the same way.

use super::adder::{Adder, Job, Sources, SUM};
use super::digits::{Digit, Places, Windows, BLOCK, SMALL_BITS};
use super::msm::{turn, Group, Part, Terms};
use ark_ec::short_weierstrass::{Bucket, Projective};

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

/// Units that turn digits, but for their signs: 1, ω and ω^2.
pub(super) const UNITS: usize = 3;

/// One set of buckets: in each of [`Places::all`] the points of its digit, and behind them, in buckets of their own, those whose digit is
/// ω, and ω^2, times that.
pub(super) fn fill<P: Group, A: Adder<P>>(
    filler: &mut Filler<P, A>,
    parts: &[Part<'_, P, A>],
    windows: &Windows,
    places: &Places,
    set: Set,
    chunk: usize,
) -> Vec<A::Point> {
    let mut buckets = filler.buckets(UNITS * places.count());
    // A point a bucket at least: otherwise too many meet their buckets one by one.
    let digits = BLOCK * windows.count().div_ceil(set.sets) as usize;
    let chunk = chunk.max(buckets.len()).div_ceil(digits);
    for part in parts {
        let terms = &part.terms[if set.set < windows.used(SMALL_BITS) { 0 } else { part.small }..];
        let len = terms.len().div_ceil(set.cuts);
        let (begin, end) = ((set.cut * len).min(terms.len()), ((set.cut + 1) * len).min(terms.len()));
        for terms in terms[begin..end].chunks(chunk) {
            filler.pair_terms(terms, part.stride, windows, places, set);
            filler.sum(part.points, &mut buckets);
        }
    }
    buckets
}

/// Adds buckets to buckets.
pub(super) fn merge<P: Group, A: Adder<P>>(mut left: Vec<A::Point>, right: Vec<A::Point>) -> Vec<A::Point> {
    add_finite(&mut A::default(), &mut Vec::new(), &mut left, &right);
    left
}

/// `left[i] += right[i]` for all i.
fn add_finite<P: Group, A: Adder<P>>(adder: &mut A, jobs: &mut Vec<Job>, left: &mut [A::Point], right: &[A::Point]) {
    let finite = right.iter().zip(0..).filter(|(point, _)| !A::is_infinity(point));
    jobs.clear();
    for (point, i) in finite {
        if A::is_infinity(&left[i as usize]) {
            left[i as usize] = *point;
        } else {
            jobs.push(Job { a: i, b: i });
        }
    }
    adder.add_to(left, Sources::points(right), jobs);
}

/// Adds the buckets of ω and ω^2, turned, to those of 1, and leaves only these. A bucket is turned by one product. Keeping the images of
/// points instead, so that buckets need not be turned, was tried: three times the memory of a key, and no faster.
pub(super) fn join_units<P: Group, A: Adder<P>>(
    filler: &mut Filler<P, A>,
    places: &Places,
    buckets: &mut Vec<A::Point>,
) {
    for unit in (1..UNITS).rev() {
        let (left, right) = buckets.split_at_mut(unit * places.count());
        filler.adder.multiply_x(right, &turn::<P>());
        let left = &mut left[(unit - 1) * places.count()..];
        add_finite(&mut filler.adder, &mut filler.later, left, right);
        buckets.truncate(unit * places.count());
    }
}

/// `sum p * buckets[p, q]` and `sum q * buckets[p, q]` of all buckets, the first one plus the second one: what multiplies 1, and what
/// multiplies ω.
///
/// A bucket is one of its row and one of its column, so rows and columns are filled as buckets are.
pub(super) fn weighted_sum<P: Group, A: Adder<P>>(
    filler: &mut Filler<P, A>,
    places: &Places,
    buckets: &[A::Point],
) -> [Projective<P>; 2] {
    let side = places.side();
    filler.pairs.begin(2 * side, 2 * buckets.len());
    let mut open = filler.pairs.open();
    for ((p, q), i) in places.all().zip(0..) {
        if !A::is_infinity(&buckets[i as usize]) {
            open.add(p as u32, i);
            open.add(if q == 0 { 0 } else { (side + q) as u32 }, i);
        }
    }
    filler.pairs.len = open.len;
    let mut lines = filler.buckets(2 * side + 1);
    filler.sum(buckets, &mut lines);
    let along = |lines: &[A::Point]| {
        let (mut suffix, mut total) = (Bucket::<P>::ZERO, Bucket::<P>::ZERO);
        for line in lines.iter().rev() {
            suffix += &A::unpack(line);
            total += &suffix;
        }
        Projective::from(total)
    };
    let q = along(&lines[1 + side..]);
    [along(&lines[1..=side]) + q, q]
}

/// No index: there are fewer points.
const NOBODY: u32 = u32::MAX;

/// Pairs points of equal digits as they come.
///
/// Sorting them by digit would do as well, but in another pass, and points would then be read in an order as random as the digits
/// are. The second points of the pairs found here are read in order, the first ones not long after their neighbours. Who finds nobody
/// goes on waiting, for a sum: buckets, which are far, are met once a chunk.
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

    /// Its vectors, for points to come.
    fn open(&mut self) -> Open<'_> {
        Open { waiting: &mut self.waiting, jobs: &mut self.jobs, digits: &mut self.digits, len: self.len }
    }

    /// Pairs the sums of the pairs found, numbered from `first` on, with each other and with who still waits.
    fn again(&mut self, first: usize) {
        let sums = std::mem::take(&mut self.len);
        let mut open = self.open();
        for sum in 0..sums {
            open.add(open.digits[sum], SUM | (first + sum) as u32);
        }
        self.len = open.len;
    }

    /// Takes leave of those that have found nobody: in `later` if their bucket is `filled` already, in `first` if it is from now on.
    /// Without a branch, for the same reason.
    fn leave(&mut self, filled: &mut [bool], first: &mut Vec<Job>, later: &mut Vec<Job>) {
        debug_assert_eq!(self.waiting.len(), filled.len());
        self.waiting[0] = NOBODY;
        for jobs in [&mut *first, &mut *later] {
            jobs.resize(self.waiting.len() + 1, Job { a: 0, b: 0 });
        }
        let (mut firsts, mut laters) = (0, 0);
        for ((waiting, filled), digit) in self.waiting.iter_mut().zip(filled).zip(0..) {
            let point = std::mem::replace(waiting, NOBODY);
            let waited = point != NOBODY;
            first[firsts] = Job { a: digit, b: point };
            firsts += usize::from(waited & !*filled);
            later[laters] = Job { a: digit, b: point };
            laters += usize::from(waited & *filled);
            *filled |= waited;
        }
        first.truncate(firsts);
        later.truncate(laters);
    }
}

/// [`Pairs`] while points come: in registers, not behind a reference.
struct Open<'a> {
    waiting: &'a mut [u32],
    jobs: &'a mut [Job],
    digits: &'a mut [u32],
    len: usize,
}

impl Open<'_> {
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
}

/// Sums terms in buckets. Its vectors are kept from chunk to chunk and from task to task.
pub(super) struct Filler<P: Group, A: Adder<P>> {
    pairs: Pairs,
    /// Which buckets have got something: asked instead of buckets, which are far.
    filled: Vec<bool>,
    /// What comes to empty buckets, and to others.
    first: Vec<Job>,
    later: Vec<Job>,
    sums: Vec<A::Point>,
    adder: A,
}

impl<P: Group, A: Adder<P>> Default for Filler<P, A> {
    fn default() -> Self {
        let (first, later) = (Vec::new(), Vec::new());
        Filler { pairs: Pairs::default(), filled: Vec::new(), first, later, sums: Vec::new(), adder: A::default() }
    }
}

impl<P: Group, A: Adder<P>> Filler<P, A> {
    /// Buckets to fill.
    fn buckets(&mut self, count: usize) -> Vec<A::Point> {
        self.filled.clear();
        self.filled.resize(count, false);
        vec![A::INFINITY; count]
    }

    /// Pairs the points of terms by their digits.
    fn pair_terms(&mut self, terms: &[Terms], stride: usize, windows: &Windows, places: &Places, set: Set) {
        let all = (set.set..windows.count()).step_by(set.sets as usize);
        self.pairs.begin(UNITS * places.count() - 1, terms.len() * BLOCK * all.len());
        let (mut digits, mut buckets, count) = ([Digit(0); BLOCK], [0; BLOCK], places.count() as u32);
        let mut open = self.pairs.open();
        for (window, multiple) in all.zip(0..) {
            let (reader, first) = (windows.reader(window), (multiple * stride) as u32);
            for terms in terms {
                A::read(&reader, &terms.scalars, &mut digits);
                for (bucket, digit) in buckets.iter_mut().zip(&digits) {
                    *bucket = places.of(*digit).wrapping_add(digit.turns().wrapping_mul(count));
                }
                for ((bucket, digit), point) in buckets.iter().zip(&digits).zip(&terms.points) {
                    open.add(*bucket, point.wrapping_add(first) | digit.sign());
                }
            }
        }
        self.pairs.len = open.len;
    }

    /// Adds up pairs, pairs of their sums and of who was left alone, and so on. In the end one is left of each digit, and meets its bucket.
    fn sum(&mut self, points: &[A::Point], buckets: &mut [A::Point]) {
        let Filler { pairs, filled, first, later, sums, adder } = self;
        let mut done = 0;
        while pairs.len > 0 {
            let end = done + pairs.len;
            // What is left there from before is overwritten.
            if sums.len() < end {
                sums.resize(end, A::INFINITY);
            }
            let (before, next) = sums.split_at_mut(done);
            adder.add_pairs(Sources { points, sums: before }, &pairs.jobs[..pairs.len], next);
            pairs.again(done);
            done = end;
        }
        pairs.leave(filled, first, later);
        let from = Sources { points, sums };
        for job in &*first {
            buckets[job.a as usize] = A::signed(from, job.b);
        }
        adder.add_to(buckets, from, later);
    }
}

#[cfg(test)]
mod tests {
    use super::super::adder::{Scalar, NEGATIVE};
    use super::*;
    use ark_bn254::{g1, Fr, G1Affine, G1Projective};
    use ark_ec::CurveGroup;
    use ark_ff::{UniformRand, Zero};
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// In rounds of different lengths, so that nobody may still wait when the next one begins.
    #[test]
    fn each_point_is_in_one_sum_of_its_digit_or_alone_unless_its_digit_is_0() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut pairs = Pairs::default();
        for (most, points) in [(1, 0), (7, 1), (7, 200), (64, 50), (3, 999)] {
            // Half of them 0 or 1, as bits are.
            let mut digit = || rng.next_u32() % [2, most + 1][rng.next_u32() as usize % 2];
            let came: Vec<(u32, u32)> =
                (0..points).map(|i| (i ^ if i % 3 == 0 { NEGATIVE } else { 0 }, digit())).collect();
            pairs.begin(most as usize, points as usize);
            let mut open = pairs.open();
            came.iter().for_each(|(point, digit)| open.add(*digit, *point));
            pairs.len = open.len;
            let found: Vec<_> = pairs.jobs[..pairs.len].iter().copied().zip(pairs.digits.iter().copied()).collect();

            // What sums stand for; taken away from those that find somebody.
            let mut sums: Vec<Vec<u32>> = found.iter().map(|(job, _)| vec![job.a, job.b]).collect();
            let digits: Vec<u32> = found.iter().map(|(_, digit)| *digit).collect();
            pairs.again(0);
            for (job, digit) in pairs.jobs[..pairs.len].iter().zip(&pairs.digits) {
                assert!(job.b & SUM != 0 && digits[(job.b ^ SUM) as usize] == *digit);
                let of = |index: u32, sums: &mut Vec<Vec<u32>>| match index & SUM {
                    0 => vec![index],
                    _ => std::mem::take(&mut sums[(index ^ SUM) as usize]),
                };
                let both = [of(job.a, &mut sums), of(job.b, &mut sums)].concat();
                assert!(both.len() > 2, "{job:?} has nobody, or somebody twice");
                sums.push(both);
            }
            let mut filled: Vec<bool> = (0..=most).map(|digit| digit % 3 == 0).collect();
            let before = filled.clone();
            let (mut first, mut later) = (Vec::new(), Vec::new());
            pairs.leave(&mut filled, &mut first, &mut later);
            assert!(first.iter().all(|job| !before[job.a as usize]) && later.iter().all(|job| before[job.a as usize]));
            let mut seen = Vec::new();
            for job in first.iter().chain(&later) {
                assert!(job.a != 0 && filled[job.a as usize]);
                match job.b & SUM {
                    0 => seen.push((job.b, job.a)),
                    _ => seen.extend(sums[(job.b ^ SUM) as usize].drain(..).map(|point| (point, job.a))),
                }
            }
            // The sums of the second round have not come again.
            for (sum, digit) in sums[found.len()..].iter().zip(&pairs.digits) {
                seen.extend(sum.iter().map(|point| (*point, *digit)));
            }
            assert_eq!(sums[..found.len()].iter().flatten().count(), 0);
            seen.sort_unstable_by_key(|(point, _)| point & !NEGATIVE);
            assert_eq!(seen, came.into_iter().filter(|(_, digit)| *digit != 0).collect::<Vec<_>>());
            assert!(pairs.waiting.iter().all(|point| *point == NOBODY));
        }
    }

    /// Empty and equal buckets, alone in their line and not.
    #[test]
    fn weighted_sums_match_their_definition() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let few: Vec<G1Affine> = (0..5).map(|_| G1Projective::rand(&mut rng).into_affine()).collect();
        for (bits, empty) in [(4, 0), (4, 10), (5, 1), (7, 3), (7, 200), (6, 100_000)] {
            let places = Places::new(bits);
            let mut expected = [G1Projective::zero(); 2];
            let mut buckets = Vec::new();
            for (p, q) in places.all() {
                let bucket = match rng.next_u32() % (3 + empty) {
                    0 => few[rng.next_u32() as usize % 5],
                    1 | 2 => G1Projective::rand(&mut rng).into_affine(),
                    _ => G1Affine::identity(),
                };
                let bucket = if (p, q) == (0, 0) { G1Affine::identity() } else { bucket };
                expected[0] += bucket * Fr::from((p + q) as u64);
                expected[1] += bucket * Fr::from(q as u64);
                buckets.push(bucket);
            }
            check::<Scalar<g1::Config>>(&places, &buckets, expected);
            #[cfg(target_arch = "x86_64")]
            {
                use super::super::vector::{adder::Vectorised, avx2::Avx2Set, emulated::EmulatedSet, Machine};
                check::<Vectorised<g1::Config, EmulatedSet>>(&places, &buckets, expected);
                if Machine::Avx2.is_here() {
                    check::<Vectorised<g1::Config, Avx2Set>>(&places, &buckets, expected);
                }
            }
        }
    }

    fn check<A: Adder<g1::Config>>(places: &Places, buckets: &[G1Affine], expected: [G1Projective; 2]) {
        let packed: Vec<A::Point> = buckets.iter().map(A::pack).collect();
        let sums = weighted_sum(&mut Filler::<g1::Config, A>::default(), places, &packed);
        assert_eq!(sums, expected, "{} buckets", buckets.len());
    }
}
