//! Affine additions, sixteen pairs at a time.
//!
//! The general case only: two finite points with different x. A pair of any other kind is seen by its x ([`Part::special`]) and
//! goes through [`Scalar`]. Stored coordinates are almost but not quite unique, so an equal x could slip through; then the
//! product of the differences is zero, which is seen too, and the whole batch goes through [`Scalar`].

use super::field::{Coordinates, Prime, Quadratic};
use super::{InstructionSet, Part, Parts, Work, LANES};
use crate::cpu::adder::{Adder, Job, Scalar, NEGATIVE};
use ark_bn254::{g1, g2, FqConfig};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::AffineRepr;
use ark_ff::{Field, One};
use std::mem::offset_of;
use std::ptr::{null, null_mut};

/// Groups of [`LANES`] pairs that share an inversion. 96 to 256 made no difference: what a larger share saves, the second-level
/// cache takes.
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
    prefixes: Vec<P::Coordinates<I>>,
    groups: Box<[Group]>,
    special: Vec<Job>,
    // Two finite points with different x, for lanes that have nothing to add.
    idle: [Point<Stored<P, I>>; 2],
    scalar: Scalar<P>,
}

impl<P: Curve, I: InstructionSet> Default for Vectorised<P, I> {
    fn default() -> Self {
        assert!(I::MACHINE.is_here(), "{:?} was not detected", I::MACHINE);
        let g = Affine::<P>::generator();
        // SAFETY: the machine has the instructions.
        let prefixes = vec![unsafe { P::Coordinates::<I>::zero() }; GROUPS];
        let idle = [Self::pack(&g), Self::pack(&(g + g).into())];
        let groups = vec![Group::NONE; GROUPS].into();
        Vectorised { prefixes, groups, special: Vec::new(), idle, scalar: Scalar::default() }
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
            unsafe { self.add::<false>(from, from, to, batch) };
        }
    }

    fn add_to(&mut self, left: &mut [Self::Point], right: &[Self::Point], jobs: &[Job]) {
        let to = Target::new(left);
        let from = Source { data: to.data, len: to.len };
        for batch in jobs.chunks(GROUPS * LANES) {
            // SAFETY: a sum replaces its own summand, which no other job names.
            unsafe { self.add::<true>(from, Source::new(right), to, batch) };
        }
    }
}

/// Points to read.
struct Source<S> {
    data: *const Point<S>,
    len: usize,
}

/// Points to write.
struct Target<S> {
    data: *mut Point<S>,
    len: usize,
}

impl<S> Clone for Source<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Source<S> {}
impl<S> Clone for Target<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Target<S> {}

impl<S> Source<S> {
    fn new(points: &[Point<S>]) -> Self {
        Source { data: points.as_ptr(), len: points.len() }
    }

    #[inline(always)]
    fn at(self, index: u32) -> *const Point<S> {
        let index = (index & !NEGATIVE) as usize;
        assert!(index < self.len, "point {index} of {}", self.len);
        // SAFETY: inside the slice.
        unsafe { self.data.add(index) }
    }
}

impl<S> Target<S> {
    fn new(points: &mut [Point<S>]) -> Self {
        Target { data: points.as_mut_ptr(), len: points.len() }
    }

    #[inline(always)]
    fn at(self, index: u32) -> *mut Point<S> {
        assert!((index as usize) < self.len, "place {index} of {}", self.len);
        // SAFETY: inside the slice.
        unsafe { self.data.add(index as usize) }
    }
}

impl<P: Curve, I: InstructionSet> Vectorised<P, I> {
    /// One batch. Sums go where jobs say, or replace their first summand if `IN_PLACE`.
    ///
    /// # Safety
    /// `left` and `right` are valid to read and `to` to write while this runs; a place that is written is read by its own job at
    /// most.
    unsafe fn add<const IN_PLACE: bool>(
        &mut self,
        left: Source<Stored<P, I>>,
        right: Source<Stored<P, I>>,
        to: Target<Stored<P, I>>,
        batch: &[Job],
    ) {
        let mut sink = self.idle[0];
        let idle = Addresses { a: &self.idle[0], b: &self.idle[1], to: &raw mut sink };
        let jobs = Jobs::<_, IN_PLACE> { left, right, to, batch, idle };
        let (groups, prefixes) = (&mut *self.groups, self.prefixes.as_mut_slice());
        self.special.clear();
        // Nothing is written when a denominator is zero after all.
        if !I::call(Additions::<P, I, IN_PLACE> { jobs: &jobs, groups, prefixes, special: &mut self.special }) {
            self.special.clear();
            self.special.extend_from_slice(batch);
        }
        if self.special.is_empty() {
            return;
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
        let special = &self.special;
        let pair = |j: usize| {
            let (job, at) = (special[j], jobs.addresses(&special[j]));
            (point(at.a, job.a), point(at.b, job.b))
        };
        let mut sums = vec![Affine::identity(); special.len()];
        self.scalar.add(special.len(), pair, |j, sum| sums[j] = sum);
        for (job, sum) in special.iter().zip(sums) {
            // SAFETY: as for this function.
            unsafe { *jobs.addresses(job).to = Self::pack(&sum) };
        }
    }
}

/// Where a pair and its sum are.
struct Addresses<S> {
    a: *const Point<S>,
    b: *const Point<S>,
    to: *mut Point<S>,
}

/// A batch of jobs, and what their indices name.
struct Jobs<'a, S, const IN_PLACE: bool> {
    left: Source<S>,
    right: Source<S>,
    to: Target<S>,
    batch: &'a [Job],
    /// Two finite points with different x and a place that nobody reads, for lanes that have nothing to add.
    idle: Addresses<S>,
}

impl<S, const IN_PLACE: bool> Jobs<'_, S, IN_PLACE> {
    #[inline(always)]
    fn addresses(&self, job: &Job) -> Addresses<S> {
        let to = if IN_PLACE { job.a } else { job.to };
        Addresses { a: self.left.at(job.a), b: self.right.at(job.b), to: self.to.at(to) }
    }

    /// Fills in group `g`, which may lie beyond the end.
    #[inline(always)]
    fn prepare(&self, g: usize, groups: &mut [Group]) {
        let Some(group) = groups.get_mut(g) else { return };
        let jobs = &self.batch[g * LANES..];
        let (mut negative_a, mut negative_b) = (0, 0);
        for lane in 0..LANES {
            let Some(job) = jobs.get(lane) else {
                group.set(lane, &self.idle);
                continue;
            };
            group.set(lane, &self.addresses(job));
            negative_a |= (job.a >> 31) << lane;
            negative_b |= (job.b >> 31) << lane;
        }
        group.negative = [negative_a as u16, negative_b as u16];
    }
}

impl Group {
    const NONE: Self = Group { a: [null(); LANES], b: [null(); LANES], to: [null_mut(); LANES], negative: [0; 2] };

    #[inline(always)]
    fn set<S>(&mut self, lane: usize, at: &Addresses<S>) {
        (self.a[lane], self.b[lane], self.to[lane]) = (at.a.cast(), at.b.cast(), at.to.cast());
    }

    /// Asks for half of the first summands (`piece` 0 and 1), of the second ones (2 and 3) or of the places of sums (4 and 5), each a
    /// [`Point<S>`]. In pieces, because a processor keeps track of two dozen lines under way, and waits if asked for more.
    #[inline(always)]
    fn prefetch<S>(&self, piece: usize) {
        for lane in (piece % 2 * LANES / 2..).take(LANES / 2) {
            let point = [self.a[lane], self.b[lane], self.to[lane].cast_const()][piece / 2];
            for line in 0..size_of::<Point<S>>() / 64 {
                ask(point.wrapping_add(64 * line));
            }
        }
    }
}

/// Asks for a line of memory. A hint: it reads nothing.
#[inline(always)]
fn ask(line: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: no address is invalid for a hint.
    unsafe {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        _mm_prefetch::<_MM_HINT_T0>(line.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

type C<P, I> = <P as Curve>::Coordinates<I>;
type R<P, I> = <C<P, I> as Parts>::Part;

#[inline(always)]
fn prefetch<P: Curve, I: InstructionSet>(groups: &[Group], g: usize, piece: usize) {
    if let Some(group) = groups.get(g) {
        group.prefetch::<Stored<P, I>>(piece);
    }
}

/// The additions of a batch. False, with nothing written, if a denominator was zero.
struct Additions<'a, P: Curve, I: InstructionSet, const IN_PLACE: bool> {
    jobs: &'a Jobs<'a, Stored<P, I>, IN_PLACE>,
    groups: &'a mut [Group],
    prefixes: &'a mut [P::Coordinates<I>],
    /// Gets the jobs that are not the general case.
    special: &'a mut Vec<Job>,
}

impl<P: Curve, I: InstructionSet, const IN_PLACE: bool> Work for Additions<'_, P, I, IN_PLACE> {
    type Output = bool;

    #[inline(always)]
    unsafe fn run(self) -> bool {
        let Additions { jobs, groups, prefixes, special } = self;
        let groups = &mut groups[..jobs.batch.len().div_ceil(LANES)];
        let x = offset_of!(Point<Stored<P, I>>, x);
        let y = offset_of!(Point<Stored<P, I>>, y);
        let one = [C::<P, I>::pack(&P::BaseField::one()); LANES];
        let mut product = C::<P, I>::gather(&one.each_ref().map(|one| (one as *const Stored<P, I>).cast()), 0);
        for g in 0..AHEAD {
            jobs.prepare(g, groups);
            for piece in 0..4 {
                prefetch::<P, I>(groups, g, piece);
            }
        }
        for g in 0..groups.len() {
            // Addresses are integer work, done while products keep the multipliers busy.
            jobs.prepare(g + AHEAD, groups);
            prefetch::<P, I>(groups, g + AHEAD, 0);
            prefetch::<P, I>(groups, g + AHEAD, 1);
            let mut difference = product;
            loop {
                let mut found = 0;
                for n in 0..C::<P, I>::PARTS {
                    prefixes[g].set(n, product.part(n));
                    let (a, b) = (C::<P, I>::lanes(&groups[g].a, n), C::<P, I>::lanes(&groups[g].b, n));
                    let (x1, x2) = (R::<P, I>::gather(a, x), R::<P, I>::gather(b, x));
                    found |= R::<P, I>::special(x1, x2) << (n * C::<P, I>::WIDTH);
                    difference.set(n, Part::sub(x2, x1).settle());
                }
                if found == 0 {
                    break;
                }
                for lane in (0..LANES).filter(|lane| found >> lane & 1 == 1) {
                    special.push(jobs.batch[g * LANES + lane]);
                    groups[g].set(lane, &jobs.idle);
                }
            }
            product = C::<P, I>::mul_chained(&product, &difference);
            prefetch::<P, I>(groups, g + AHEAD, 2);
            prefetch::<P, I>(groups, g + AHEAD, 3);
        }
        let Some(mut inverse) = invert::<P, I>(product) else { return false };
        // Between products everything is done register by register: what does not wait for a product stays in registers.
        let (mut dx, mut dy, mut x1, mut y1, mut xs) = (product, product, product, product, product);
        for g in (0..groups.len()).rev() {
            let (group, prefix) = (&groups[g], &prefixes[g]);
            for n in 0..C::<P, I>::PARTS {
                let (a, b) = (C::<P, I>::lanes(&group.a, n), C::<P, I>::lanes(&group.b, n));
                let (p, q) = (R::<P, I>::gather(a, x), R::<P, I>::gather(b, x));
                dx.set(n, Part::sub(q, p).settle());
                xs.set(n, Part::add(p, q));
                x1.set(n, p);
                let signs = group.negative.map(|lanes| lanes >> (n * C::<P, I>::WIDTH));
                let p = R::<P, I>::gather(a, y).negate_if(signs[0]);
                let q = R::<P, I>::gather(b, y).negate_if(signs[1]);
                dy.set(n, Part::sub(q, p).settle());
                y1.set(n, p);
            }
            let next = g.wrapping_sub(AHEAD);
            let slope = C::<P, I>::mul(&inverse, prefix);
            prefetch::<P, I>(groups, next, 0);
            inverse = C::<P, I>::mul_chained(&inverse, &dx);
            prefetch::<P, I>(groups, next, 1);
            let slope = C::<P, I>::mul(&slope, &dy);
            prefetch::<P, I>(groups, next, 2);
            let square = C::<P, I>::square(&slope);
            prefetch::<P, I>(groups, next, 3);
            for n in 0..C::<P, I>::PARTS {
                let x3 = Part::sub(square.part(n), xs.part(n)).tighten();
                x3.scatter(C::<P, I>::lanes(&group.to, n), x);
                dx.set(n, Part::sub(x1.part(n), x3).settle());
            }
            prefetch::<P, I>(groups, next, 4);
            let product = C::<P, I>::mul(&slope, &dx);
            prefetch::<P, I>(groups, next, 5);
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
    let mut inverse = P::Coordinates::<I>::inverse(&(prefixes[LANES - 1] * values[LANES - 1]))?;
    for i in (0..LANES).rev() {
        lanes[i] = P::Coordinates::<I>::pack(&(inverse * prefixes[i]));
        inverse *= values[i];
    }
    Some(P::Coordinates::<I>::gather(&lanes.each_ref().map(|lane| (lane as *const Stored<P, I>).cast()), 0))
}
