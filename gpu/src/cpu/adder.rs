//! Many affine additions for the price of one inversion.
//!
//! An affine addition needs one division. Dividing k pairs at once costs one inversion and 3(k-1) multiplications
//! (Montgomery's trick), so an addition is 5 multiplications and a squaring, against 10 for a mixed addition in extended
//! Jacobian coordinates, and its result takes part in the next round as it is.
//!
//! [`Adder`] is the interface; [`Scalar`] does it with arkworks' arithmetic for every case, [`super::vector::adder::Vectorised`]
//! sixteen pairs at a time for the general case and the rest through [`Scalar`].

use super::digits::{Block, Digit, Reader, BLOCK};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, Field, One, Zero};

/// Set in an index of [`Job`] when the point is subtracted.
pub const NEGATIVE: u32 = 1 << 31;

/// Set in an index of [`Job`] when it is one of [`Sources::sums`].
pub const SUM: u32 = 1 << 30;

/// One addition: the point at index `a` plus the one at `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Job {
    /// Index of the first summand, with [`NEGATIVE`] or without.
    pub a: u32,
    /// Index of the second summand, with [`NEGATIVE`] or without.
    pub b: u32,
}

/// Points that jobs name.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a, T> {
    /// Those of indices without [`SUM`].
    pub points: &'a [T],
    /// Those of indices with [`SUM`].
    pub sums: &'a [T],
}

impl<'a, T> Sources<'a, T> {
    /// No sums.
    pub fn points(points: &'a [T]) -> Self {
        Sources { points, sums: &[] }
    }

    /// The point at an index, whatever its sign.
    #[inline]
    pub fn at(&self, index: u32) -> &'a T {
        let points = if index & SUM == 0 { self.points } else { self.sums };
        &points[(index & (SUM - 1)) as usize]
    }
}

/// Adds points of a curve with `a = 0` and odd order, as both BN254 groups are: the tangent is `3x^2 / 2y`, and no point but
/// infinity is its own negative. All cases are handled: equal points, opposite points, infinity.
///
/// Keeps scratch, so one is made per task. Indices out of range panic.
pub trait Adder<P: SWCurveConfig>: Default + Send {
    /// A point in memory, in the form this adder computes in.
    type Point: Copy + Send + Sync + std::fmt::Debug;

    /// Infinity.
    const INFINITY: Self::Point;

    /// True for infinity.
    fn is_infinity(point: &Self::Point) -> bool;

    /// To this adder's form.
    fn pack(point: &Affine<P>) -> Self::Point;

    /// From this adder's form.
    fn unpack(point: &Self::Point) -> Affine<P>;

    /// `-point`.
    fn negate(point: &Self::Point) -> Self::Point;

    /// The point at an index, with its sign.
    fn signed(from: Sources<Self::Point>, index: u32) -> Self::Point {
        let point = from.at(index);
        if index & NEGATIVE == 0 {
            *point
        } else {
            Self::negate(point)
        }
    }

    /// [`Reader::read`], compiled for the instructions that additions use.
    fn read(reader: &Reader, block: &Block, out: &mut [Digit; BLOCK]) {
        reader.read(block, out);
    }

    /// Multiplies the x of finite points by a constant; it is the caller's to know that they stay on the curve.
    fn multiply_x(&mut self, points: &mut [Self::Point], by: &P::BaseField);

    /// `out[j] = from[a] + from[b]` for job j.
    fn add_pairs(&mut self, from: Sources<Self::Point>, jobs: &[Job], out: &mut [Self::Point]);

    /// `left[a] += right[b]` for every job. No two jobs have the same `a`, and no `a` has [`NEGATIVE`] or [`SUM`].
    fn add_to(&mut self, left: &mut [Self::Point], right: Sources<Self::Point>, jobs: &[Job]);
}

/// Pairs that share an inversion: enough to make its share (about 600 multiplications) small, few enough for the scratch
/// (64 bytes a pair in G1, 128 in G2) and the pairs themselves to stay in the second-level cache.
pub const BATCH: usize = 1024;

/// arkworks' arithmetic, one pair after the other, every case.
#[derive(Debug)]
pub struct Scalar<P: SWCurveConfig> {
    denominators: Vec<P::BaseField>,
    prefixes: Vec<P::BaseField>,
}

impl<P: SWCurveConfig> Default for Scalar<P> {
    fn default() -> Self {
        Scalar { denominators: Vec::with_capacity(BATCH), prefixes: Vec::with_capacity(BATCH) }
    }
}

impl<P: SWCurveConfig> Adder<P> for Scalar<P> {
    type Point = Affine<P>;
    const INFINITY: Affine<P> = Affine::identity();

    fn is_infinity(point: &Affine<P>) -> bool {
        point.is_zero()
    }

    fn pack(point: &Affine<P>) -> Affine<P> {
        *point
    }

    fn unpack(point: &Affine<P>) -> Affine<P> {
        *point
    }

    fn negate(point: &Affine<P>) -> Affine<P> {
        -*point
    }

    fn multiply_x(&mut self, points: &mut [Affine<P>], by: &P::BaseField) {
        points.iter_mut().filter(|point| !point.is_zero()).for_each(|point| point.x *= by);
    }

    fn add_pairs(&mut self, from: Sources<Affine<P>>, jobs: &[Job], out: &mut [Affine<P>]) {
        for (batch, out) in jobs.chunks(BATCH).zip(out[..jobs.len()].chunks_mut(BATCH)) {
            let pair = |j: usize| (Self::signed(from, batch[j].a), Self::signed(from, batch[j].b));
            self.add(batch.len(), pair, |j, sum| out[j] = sum);
        }
    }

    fn add_to(&mut self, left: &mut [Affine<P>], right: Sources<Affine<P>>, jobs: &[Job]) {
        // The batch reads its operands twice, so sums wait until it is done.
        let mut sums = vec![Affine::identity(); jobs.len().min(BATCH)];
        for batch in jobs.chunks(BATCH) {
            let pair = |j: usize| (left[batch[j].a as usize], Self::signed(right, batch[j].b));
            self.add(batch.len(), pair, |j, sum| sums[j] = sum);
            for (job, sum) in batch.iter().zip(&sums) {
                left[job.a as usize] = *sum;
            }
        }
    }
}

impl<P: SWCurveConfig> Scalar<P> {
    /// `emit(j, p + q)` for `(p, q) = pair(j)`, for every `j < count`, in descending order of `j`.
    pub fn add(
        &mut self,
        count: usize,
        pair: impl Fn(usize) -> (Affine<P>, Affine<P>),
        mut emit: impl FnMut(usize, Affine<P>),
    ) {
        debug_assert!(P::COEFF_A.is_zero());
        self.denominators.clear();
        self.prefixes.clear();
        let mut product = P::BaseField::one();
        for j in 0..count {
            let (p, q) = pair(j);
            let d = denominator(&p, &q);
            self.prefixes.push(product);
            product *= d;
            self.denominators.push(d);
        }
        let mut inverse = product.inverse().expect("denominators are not zero");
        for j in (0..count).rev() {
            let (p, q) = pair(j);
            let inv = inverse * self.prefixes[j];
            inverse *= self.denominators[j];
            emit(j, finish(&p, &q, inv));
        }
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
    use ark_bn254::{g1, g2, Fr};
    use ark_ec::{short_weierstrass::Projective, CurveGroup};
    use ark_ff::UniformRand;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    /// Pairs of every kind, some of them subtracted, in every number up to two batches and a bit.
    fn all_cases_match_arkworks<P: SWCurveConfig, A: Adder<P>>() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        let mut points = Vec::new();
        for _ in 0..700 {
            let p = Projective::<P>::rand(&mut rng).into_affine();
            let q = Projective::<P>::rand(&mut rng).into_affine();
            let zero = Affine::<P>::identity();
            points.extend([p, q, p, p, p, -p, p, zero, zero, q, zero, zero]);
        }
        let packed: Vec<A::Point> = points.iter().map(A::pack).collect();
        for (p, point) in packed.iter().zip(&points) {
            assert_eq!(A::unpack(p), *point);
            assert_eq!(A::is_infinity(p), point.is_zero());
            assert_eq!(A::unpack(&A::negate(p)), -*point);
        }
        let sign = |point: &Affine<P>, index: u32| if index & NEGATIVE == 0 { *point } else { -*point };
        let mut adder = A::default();
        for count in (0..40).chain([points.len()]) {
            let (mut multiplied, by) = (packed.clone(), points[0].x().expect("finite"));
            adder.multiply_x(&mut multiplied[..count], &by);
            for (i, (product, point)) in multiplied.iter().zip(&points).enumerate() {
                let x = |x| if i < count { x * by } else { x };
                let expected = point.xy().map_or(*point, |(px, y)| Affine::new_unchecked(x(px), y));
                assert_eq!(A::unpack(product), expected, "point {i} of {count}");
            }
        }
        for count in (0..40).chain([1000, points.len() / 2]) {
            let jobs: Vec<Job> = (0..count as u32)
                .map(|i| {
                    let mut signed = |index| index | if rng.next_u32() % 4 == 0 { NEGATIVE } else { 0 };
                    Job { a: signed(2 * i), b: signed(2 * i + 1) }
                })
                .collect();
            // Every third point is looked up among the sums.
            let named = |index: u32| if (index & !NEGATIVE) % 3 == 2 { index | SUM } else { index };
            let jobs: Vec<Job> = jobs.iter().map(|job| Job { a: named(job.a), b: named(job.b) }).collect();
            let from = |sums: bool| -> Vec<A::Point> {
                packed.iter().enumerate().map(|(i, p)| if (i % 3 == 2) == sums { *p } else { A::INFINITY }).collect()
            };
            let (ours, theirs) = (from(false), from(true));
            let from = Sources { points: &ours, sums: &theirs };
            let mut sums = vec![A::INFINITY; count];
            adder.add_pairs(from, &jobs, &mut sums);
            for (i, (job, sum)) in jobs.iter().zip(sums).enumerate() {
                let expected = sign(&points[2 * i], job.a) + sign(&points[2 * i + 1], job.b);
                assert_eq!(A::unpack(&sum), expected.into_affine(), "pair {i} of {count}");
            }
            let mut left: Vec<_> = packed.iter().step_by(2).copied().collect();
            let place = |i: u32| Job { a: i, b: named((2 * i + 1) | if i % 3 == 1 { NEGATIVE } else { 0 }) };
            let jobs: Vec<Job> = (0..count as u32).map(place).collect();
            adder.add_to(&mut left, from, &jobs);
            for (i, (sum, pair)) in left.iter().zip(points.chunks(2)).enumerate() {
                let minus = if i % 3 == 1 { NEGATIVE } else { 0 };
                let added = (pair[0] + sign(&pair[1], minus)).into_affine();
                let expected = if i < count { added } else { pair[0] };
                assert_eq!(A::unpack(sum), expected, "pair {i} of {count}, in place");
            }
        }
    }

    #[test]
    fn scalar_additions_match_arkworks() {
        all_cases_match_arkworks::<g1::Config, Scalar<_>>();
        all_cases_match_arkworks::<g2::Config, Scalar<_>>();
    }

    #[cfg(target_arch = "x86_64")]
    fn vector_additions_match_arkworks<I: super::super::vector::InstructionSet>() {
        use super::super::vector::adder::Vectorised;
        if I::MACHINE.is_here() {
            all_cases_match_arkworks::<g1::Config, Vectorised<_, I>>();
            all_cases_match_arkworks::<g2::Config, Vectorised<_, I>>();
        }
    }

    /// Memory is safe whatever the jobs say.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn indices_out_of_range_panic_before_anything_is_written() {
        use super::super::vector::{adder::Vectorised, emulated::EmulatedSet};
        type A = Vectorised<g1::Config, EmulatedSet>;
        let g = A::pack(&Affine::generator());
        let panicked = |run: &mut dyn FnMut()| {
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            panic.map_err(|panic| *panic.downcast::<String>().expect("a formatted message"))
        };
        let from = Sources { points: &[g; 4], sums: &[g; 3] };
        for (a, b, said) in [
            (4, 0, "point 4 of 4"),
            (0, 4, "point 4 of 4"),
            (0, 4 | NEGATIVE, "point 4 of 4"),
            (4 | NEGATIVE, 0, "point 4 of 4"),
            (0, 3 | SUM, "point 3 of 3"),
            (0, 3 | SUM | NEGATIVE, "point 3 of 3"),
            (0, u32::MAX, "point 1073741823 of 3"),
            (3 | SUM, 0, "point 3 of 3"),
            (NEGATIVE, 0, ""),
            (SUM, 0, ""),
        ] {
            let jobs = [Job { a: 1, b: 2 }, Job { a, b }];
            let mut out = [g; 4];
            let pairs = panicked(&mut || A::default().add_pairs(from, &jobs, &mut out));
            if said.is_empty() {
                // A summand that is only read may have a sign, and be a sum.
                let sum = if a & NEGATIVE == 0 {
                    A::pack(&(Affine::generator() * Fr::from(2)).into_affine())
                } else {
                    A::INFINITY
                };
                assert_eq!((pairs, A::unpack(&out[1])), (Ok(()), A::unpack(&sum)), "{jobs:?}");
            } else {
                assert_eq!((pairs, out), (Err(said.into()), [g; 4]), "{jobs:?}");
            }
            // A place may not.
            let said = if a > 3 { format!("point {a} of 4") } else { said.into() };
            let mut left = [g; 4];
            let in_place = panicked(&mut || A::default().add_to(&mut left, from, &jobs));
            assert_eq!((in_place, left), (Err(said), [g; 4]), "{jobs:?}");
        }
        let jobs = [Job { a: 0, b: 1 }; 2];
        let short = panicked(&mut || A::default().add_pairs(Sources::points(&[g; 4]), &jobs, &mut [g; 1]));
        assert_eq!(short, Err("range end index 2 out of range for slice of length 1".into()));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn avx2_additions_match_arkworks() {
        vector_additions_match_arkworks::<super::super::vector::avx2::Avx2Set>();
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn ifma_additions_match_arkworks() {
        vector_additions_match_arkworks::<super::super::vector::ifma::IfmaSet>();
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn emulated_ifma_additions_match_arkworks() {
        vector_additions_match_arkworks::<super::super::vector::emulated::EmulatedSet>();
    }
}
