//! Affine additions, sixteen pairs at a time.
//!
//! The general case only: two finite points with different x. A pair of any other kind is seen by comparing the x in memory and
//! goes through [`Scalar`]. Stored coordinates are almost but not quite unique, so an equal x could slip through; then the
//! product of the differences is zero, which is seen too, and the whole batch goes through [`Scalar`].

use super::field::{Coordinates, Prime, Quadratic};
use super::{InstructionSet, Part, Parts, Work, LANES};
use crate::cpu::adder::{Adder, Job, Scalar, NEGATIVE};
use ark_bn254::{g1, g2, FqConfig};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::AffineRepr;
use ark_ff::{Field, One};
use std::mem::{offset_of, MaybeUninit};

/// Groups of [`LANES`] pairs that share an inversion: it costs about as much as forty products of all lanes.
const GROUPS: usize = 192;

/// Groups between asking for memory and reading it.
const AHEAD: usize = 4;

/// A point in memory. Infinity has the x [`Coordinates::NONE`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Point<S> {
    x: S,
    y: S,
}

/// Which coordinates the points of a curve have.
pub trait Curve: SWCurveConfig {
    /// Sixteen coordinates.
    type Coordinates<I: InstructionSet>: Coordinates<Element = Self::BaseField>;
}

impl Curve for g1::Config {
    type Coordinates<I: InstructionSet> = Prime<I::Lanes<FqConfig>>;
}

impl Curve for g2::Config {
    type Coordinates<I: InstructionSet> = Quadratic<I::Lanes<FqConfig>>;
}

type Stored<P, I> = <<P as Curve>::Coordinates<I> as Coordinates>::Stored;

/// Addresses and signs of a group of pairs.
#[derive(Clone, Copy)]
struct Group {
    a: [*const u8; LANES],
    b: [*const u8; LANES],
    to: [*mut u8; LANES],
    negative: [u16; 2],
}

/// Adds on the instruction set `I`.
pub struct Vectorised<P: Curve, I: InstructionSet> {
    prefixes: Vec<MaybeUninit<P::Coordinates<I>>>,
    groups: Vec<Group>,
    // Two finite points with different x, for lanes that have nothing to add.
    idle: [Point<Stored<P, I>>; 2],
    scalar: Scalar<P>,
}

impl<P: Curve, I: InstructionSet> Default for Vectorised<P, I> {
    fn default() -> Self {
        assert!(I::MACHINE.is_here(), "{:?} was not detected", I::MACHINE);
        let g = Affine::<P>::generator();
        let mut prefixes = Vec::new();
        prefixes.resize_with(GROUPS, MaybeUninit::uninit);
        let idle = [Self::pack(&g), Self::pack(&(g + g).into())];
        Vectorised { prefixes, groups: Vec::with_capacity(GROUPS), idle, scalar: Scalar::default() }
    }
}

// SAFETY: the addresses in `groups` are used by the call that wrote them only.
unsafe impl<P: Curve, I: InstructionSet> Send for Vectorised<P, I> {}

impl<P: Curve, I: InstructionSet> Adder<P> for Vectorised<P, I> {
    type Point = Point<Stored<P, I>>;
    const INFINITY: Self::Point = Point { x: P::Coordinates::<I>::NONE, y: P::Coordinates::<I>::NONE };

    fn is_infinity(point: &Self::Point) -> bool {
        point.x == P::Coordinates::<I>::NONE
    }

    fn pack(point: &Affine<P>) -> Self::Point {
        match point.xy() {
            None => Self::INFINITY,
            Some((x, y)) => Point { x: P::Coordinates::<I>::pack(&x), y: P::Coordinates::<I>::pack(&y) },
        }
    }

    fn unpack(point: &Self::Point) -> Affine<P> {
        if Self::is_infinity(point) {
            return Affine::identity();
        }
        Affine::new_unchecked(P::Coordinates::<I>::unpack(&point.x), P::Coordinates::<I>::unpack(&point.y))
    }

    fn negate(point: &Self::Point) -> Self::Point {
        if Self::is_infinity(point) {
            return *point;
        }
        Point { x: point.x, y: P::Coordinates::<I>::negate(&point.y) }
    }

    fn add_pairs(&mut self, source: &[Self::Point], jobs: &[Job], out: &mut [Self::Point]) {
        let (from, to) = (Source::new(source), Target::new(out));
        for batch in jobs.chunks(GROUPS * LANES) {
            // SAFETY: sums go to memory that nobody reads.
            unsafe { self.add(from, from, to, batch, |job| job.to) };
        }
    }

    fn add_to(&mut self, left: &mut [Self::Point], right: &[Self::Point], jobs: &[Job]) {
        let to = Target::new(left);
        let from = Source { data: to.data, len: to.len };
        for batch in jobs.chunks(GROUPS * LANES) {
            // SAFETY: a sum replaces its own summand, which no other job names.
            unsafe { self.add(from, Source::new(right), to, batch, |job| job.a) };
        }
    }
}

/// Points to read.
struct Source<T> {
    data: *const T,
    len: usize,
}

/// Points to write.
struct Target<T> {
    data: *mut T,
    len: usize,
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Source<T> {}
impl<T> Clone for Target<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Target<T> {}

impl<T> Source<T> {
    fn new(points: &[T]) -> Self {
        Source { data: points.as_ptr(), len: points.len() }
    }

    #[inline(always)]
    fn at(self, index: u32) -> *const T {
        let index = (index & !NEGATIVE) as usize;
        assert!(index < self.len, "point {index} of {}", self.len);
        // SAFETY: inside the slice.
        unsafe { self.data.add(index) }
    }
}

impl<T> Target<T> {
    fn new(points: &mut [T]) -> Self {
        Target { data: points.as_mut_ptr(), len: points.len() }
    }

    #[inline(always)]
    fn at(self, index: u32) -> *mut T {
        assert!((index as usize) < self.len, "place {index} of {}", self.len);
        // SAFETY: inside the slice.
        unsafe { self.data.add(index as usize) }
    }
}

impl<P: Curve, I: InstructionSet> Vectorised<P, I> {
    /// One batch.
    ///
    /// # Safety
    /// `left` and `right` are valid to read and `to` to write while this runs; a place that is written is read by its own job at
    /// most.
    unsafe fn add(
        &mut self,
        left: Source<Point<Stored<P, I>>>,
        right: Source<Point<Stored<P, I>>>,
        to: Target<Point<Stored<P, I>>>,
        batch: &[Job],
        place: impl Fn(&Job) -> u32,
    ) {
        let mut sink = self.idle[0];
        let idle = Group {
            a: [(&raw const self.idle[0]).cast(); LANES],
            b: [(&raw const self.idle[1]).cast(); LANES],
            to: [(&raw mut sink).cast(); LANES],
            negative: [0; 2],
        };
        let word = |p: *const Point<Stored<P, I>>| P::Coordinates::<I>::word(unsafe { &(*p).x });
        let mut special = Vec::new();
        self.groups.clear();
        for (g, jobs) in batch.chunks(LANES).enumerate() {
            for job in batch[g * LANES..].iter().skip(AHEAD * LANES).take(LANES) {
                prefetch(left.at(job.a));
                prefetch(right.at(job.b));
            }
            let mut group = idle;
            for (lane, job) in jobs.iter().enumerate() {
                let (a, b) = (left.at(job.a), right.at(job.b));
                let (x, y) = (word(a), word(b));
                if x == y || x == u64::MAX || y == u64::MAX {
                    special.push(*job);
                    continue;
                }
                (group.a[lane], group.b[lane], group.to[lane]) = (a.cast(), b.cast(), to.at(place(job)).cast());
                group.negative[0] |= ((job.a >> 31) as u16) << lane;
                group.negative[1] |= ((job.b >> 31) as u16) << lane;
            }
            self.groups.push(group);
        }
        let prefixes = self.prefixes.as_mut_slice();
        // Nothing is written when a denominator is zero after all.
        if !I::call(Additions::<P, I> { groups: &self.groups, prefixes }) {
            special = batch.to_vec();
        }
        let point = |p: *const Point<Stored<P, I>>, index: u32| {
            // SAFETY: as for this function.
            let p = Self::unpack(unsafe { &*p });
            if index & NEGATIVE == 0 {
                p
            } else {
                -p
            }
        };
        let pair = |j: usize| (point(left.at(special[j].a), special[j].a), point(right.at(special[j].b), special[j].b));
        let mut sums = vec![Affine::identity(); special.len()];
        self.scalar.add(special.len(), pair, |j, sum| sums[j] = sum);
        for (job, sum) in special.iter().zip(sums) {
            // SAFETY: as for this function.
            unsafe { *to.at(place(job)) = Self::pack(&sum) };
        }
    }
}

#[inline(always)]
fn prefetch<T>(point: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it reads nothing.
    unsafe {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        for line in 0..size_of::<T>() / 64 {
            _mm_prefetch::<_MM_HINT_T0>(point.cast::<i8>().add(64 * line));
        }
    }
}

type C<P, I> = <P as Curve>::Coordinates<I>;

/// The additions of a batch. False, with nothing written, if a denominator was zero.
struct Additions<'a, P: Curve, I: InstructionSet> {
    groups: &'a [Group],
    prefixes: &'a mut [MaybeUninit<P::Coordinates<I>>],
}

impl<P: Curve, I: InstructionSet> Work for Additions<'_, P, I> {
    type Output = bool;

    #[inline(always)]
    unsafe fn run(self) -> bool {
        let x = offset_of!(Point<Stored<P, I>>, x);
        let y = offset_of!(Point<Stored<P, I>>, y);
        let one = [C::<P, I>::pack(&P::BaseField::one()); LANES];
        let mut product = C::<P, I>::gather(&one.each_ref().map(|one| (one as *const Stored<P, I>).cast()), 0);
        for (group, prefix) in self.groups.iter().zip(&mut *self.prefixes) {
            prefix.write(product);
            let mut difference = product;
            for n in 0..C::<P, I>::PARTS {
                let (a, b) = (C::<P, I>::lanes(&group.a, n), C::<P, I>::lanes(&group.b, n));
                let (x1, x2) = (<C<P, I> as Parts>::Part::gather(a, x), <C<P, I> as Parts>::Part::gather(b, x));
                difference.set(n, Part::sub(x2, x1).settle());
            }
            product = C::<P, I>::mul_chained(&product, &difference);
        }
        let Some(mut inverse) = invert::<P, I>(product) else { return false };
        // Between products everything is done register by register: what does not wait for a product stays in registers.
        let (mut dx, mut dy, mut x1, mut y1, mut xs) = (product, product, product, product, product);
        for (group, prefix) in self.groups.iter().zip(&*self.prefixes).rev() {
            for n in 0..C::<P, I>::PARTS {
                let (a, b) = (C::<P, I>::lanes(&group.a, n), C::<P, I>::lanes(&group.b, n));
                let (p, q) = (<C<P, I> as Parts>::Part::gather(a, x), <C<P, I> as Parts>::Part::gather(b, x));
                dx.set(n, Part::sub(q, p).settle());
                xs.set(n, Part::add(p, q));
                x1.set(n, p);
                let signs = group.negative.map(|lanes| lanes >> (n * C::<P, I>::WIDTH));
                let p = <C<P, I> as Parts>::Part::gather(a, y).negate_if(signs[0]);
                let q = <C<P, I> as Parts>::Part::gather(b, y).negate_if(signs[1]);
                dy.set(n, Part::sub(q, p).settle());
                y1.set(n, p);
            }
            // Written above, for every group.
            let slope = C::<P, I>::mul(&inverse, &prefix.assume_init());
            inverse = C::<P, I>::mul_chained(&inverse, &dx);
            let slope = C::<P, I>::mul(&slope, &dy);
            let square = C::<P, I>::square(&slope);
            for n in 0..C::<P, I>::PARTS {
                let x3 = Part::sub(square.part(n), xs.part(n)).tighten();
                x3.scatter(C::<P, I>::lanes(&group.to, n), x);
                dx.set(n, Part::sub(x1.part(n), x3).settle());
            }
            let product = C::<P, I>::mul(&slope, &dx);
            for n in 0..C::<P, I>::PARTS {
                let y3 = Part::sub(product.part(n), y1.part(n)).tighten();
                y3.scatter(C::<P, I>::lanes(&group.to, n), y);
            }
        }
        true
    }
}

/// Inverts every lane, with one inversion for all; nothing if one is zero.
#[inline(always)]
unsafe fn invert<P: Curve, I: InstructionSet>(x: P::Coordinates<I>) -> Option<P::Coordinates<I>> {
    let mut lanes = [P::Coordinates::<I>::NONE; LANES];
    x.tighten().scatter(&lanes.each_mut().map(|lane| (lane as *mut Stored<P, I>).cast()), 0);
    let values = lanes.map(|lane| P::Coordinates::<I>::unpack(&lane));
    let mut prefixes = [P::BaseField::ONE; LANES];
    for i in 1..LANES {
        prefixes[i] = prefixes[i - 1] * values[i - 1];
    }
    let mut inverse = (prefixes[LANES - 1] * values[LANES - 1]).inverse()?;
    for i in (0..LANES).rev() {
        lanes[i] = P::Coordinates::<I>::pack(&(inverse * prefixes[i]));
        inverse *= values[i];
    }
    Some(P::Coordinates::<I>::gather(&lanes.each_ref().map(|lane| (lane as *const Stored<P, I>).cast()), 0))
}
