//! Affine additions, sixteen pairs at a time.
//!
//! The general case only: two finite points with different x. A pair of any other kind is seen by its x ([`Part::special`]) and
//! goes through [`Scalar`]. Stored coordinates are almost but not quite unique, so an equal x could slip through; then the
//! product of the differences is zero, which is seen too, and the whole batch goes through [`Scalar`].

use super::field::{Coordinates, Prime, Quadratic};
use super::{InstructionSet, Part, Parts, Work, LANES};
use crate::cpu::adder::{Adder, Job, Scalar, Sources, NEGATIVE, SUM};
use crate::cpu::digits::{Block, Digit, Reader, BLOCK};
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

/// Addresses of a group of pairs.
#[derive(Clone, Copy)]
struct Group {
    a: [*const u8; LANES],
    b: [*const u8; LANES],
    /// Where sums go, unless they go side by side.
    to: [*mut u8; LANES],
}

/// Adds on the instruction set `I`.
pub struct Vectorised<P: Curve, I: InstructionSet> {
    prefixes: Vec<P::Coordinates<I>>,
    groups: Box<[Group]>,
    special: Vec<u32>,
    // Two finite points with different x, for lanes that have nothing to add.
    idle: [Point<Stored<P, I>>; 2],
    scalar: Scalar<P>,
}

impl<P: Curve, I: InstructionSet> Default for Vectorised<P, I> {
    fn default() -> Self {
        assert!(I::MACHINE.is_here(), "{:?} was not detected", I::MACHINE);
        let g = Affine::<P>::generator();
        // SAFETY: the machine has the instructions.
        let prefixes = vec![unsafe { P::Coordinates::<I>::zero() }; GROUPS + 1];
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

    fn read(reader: &Reader, block: &Block, out: &mut [Digit; BLOCK]) {
        assert!(I::MACHINE.is_here(), "{:?} was not detected", I::MACHINE);
        // SAFETY: the machine was asked.
        unsafe { I::call(Read(reader, block, out)) }
    }

    fn multiply_x(&mut self, points: &mut [Self::Point], by: &P::BaseField) {
        let (by, spare) = (P::Coordinates::<I>::pack(by), self.idle[0]);
        // SAFETY: an adder is made only where the machine has the instructions.
        unsafe { I::call(MultiplyX::<P, I> { points, by, spare }) }
    }

    fn add_pairs(&mut self, from: Sources<Self::Point>, jobs: &[Job], out: &mut [Self::Point]) {
        let from = Source::new(from);
        let out = &mut out[..jobs.len()];
        for (batch, out) in jobs.chunks(GROUPS * LANES).zip(out.chunks_mut(GROUPS * LANES)) {
            // SAFETY: sums go to memory that nobody reads, as many as there are jobs.
            unsafe { self.add::<false>(from, from, out.as_mut_ptr(), batch) };
        }
    }

    fn add_to(&mut self, left: &mut [Self::Point], right: Sources<Self::Point>, jobs: &[Job]) {
        let to = left.as_mut_ptr();
        let from = Source { data: [to, null()], len: [left.len(), 0] };
        for batch in jobs.chunks(GROUPS * LANES) {
            // SAFETY: a sum replaces its own summand, which no other job names.
            unsafe { self.add::<true>(from, Source::new(right), to, batch) };
        }
    }
}

/// [`Reader::read`]: plain Rust, of which the compiler makes vector instructions.
struct Read<'a>(&'a Reader, &'a Block, &'a mut [Digit; BLOCK]);

impl Work for Read<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        self.0.read(self.1, self.2);
    }
}

/// [`Adder::multiply_x`].
struct MultiplyX<'a, P: Curve, I: InstructionSet> {
    points: &'a mut [Point<Stored<P, I>>],
    by: Stored<P, I>,
    /// A finite point, for lanes that have none.
    spare: Point<Stored<P, I>>,
}

impl<P: Curve, I: InstructionSet> Work for MultiplyX<'_, P, I> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(mut self) {
        let spare: *mut u8 = (&raw mut self.spare).cast();
        let by = P::Coordinates::<I>::gather(&[(&raw const self.by).cast(); LANES], 0);
        let mut product = P::Coordinates::<I>::zero();
        for points in self.points.chunks_mut(LANES) {
            let mut at = [spare; LANES];
            for (at, point) in at.iter_mut().zip(points) {
                if point.x != P::Coordinates::<I>::NONE {
                    *at = (point as *mut Point<Stored<P, I>>).cast();
                }
            }
            let x = P::Coordinates::<I>::gather(&at.map(<*mut u8>::cast_const), offset_of!(Point<Stored<P, I>>, x));
            P::Coordinates::<I>::mul(&mut product, &x, &by);
            product.tighten();
            product.scatter(&at, offset_of!(Point<Stored<P, I>>, x));
        }
    }
}

/// Points to read: as [`Sources`], without their lifetime.
struct Source<S> {
    data: [*const Point<S>; 2],
    len: [usize; 2],
}

impl<S> Clone for Source<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Source<S> {}

impl<S> Source<S> {
    fn new(Sources { points, sums }: Sources<Point<S>>) -> Self {
        Source { data: [points.as_ptr(), sums.as_ptr()], len: [points.len(), sums.len()] }
    }

    #[inline(always)]
    fn at(self, index: u32) -> *const Point<S> {
        let data = if index & SUM == 0 { self.data[0] } else { self.data[1] };
        data.wrapping_add((index & (SUM - 1)) as usize)
    }

    /// Panics unless there are as many points.
    fn check(self, counts: [u32; 2]) {
        for (count, len) in counts.into_iter().zip(self.len) {
            assert!(count as usize <= len, "point {} of {len}", count - 1);
        }
    }
}

impl<P: Curve, I: InstructionSet> Vectorised<P, I> {
    /// One batch. Sums go to `to` side by side, or replace their first summand, which is at `to`, if `IN_PLACE`.
    ///
    /// # Safety
    /// `left` and `right` are valid to read and `to` to write while this runs: for as many sums as there are jobs, or where the
    /// first summands are. A place that is written is read by its own job at most.
    unsafe fn add<const IN_PLACE: bool>(
        &mut self,
        left: Source<Stored<P, I>>,
        right: Source<Stored<P, I>>,
        to: *mut Point<Stored<P, I>>,
        batch: &[Job],
    ) {
        let idle = Addresses { a: &self.idle[0], b: &self.idle[1] };
        let mut spare = [self.idle[0]; LANES];
        let mut last = [Job { a: 0, b: 0 }; LANES];
        let rest = &batch[batch.len() / LANES * LANES..];
        last[..rest.len()].copy_from_slice(rest);
        let jobs = Jobs::<_, IN_PLACE> { left, right, to, batch, last: &last, idle, spare: &raw mut spare };
        let (groups, prefixes) = (&mut *self.groups, self.prefixes.as_mut_slice());
        self.special.clear();
        // Nothing is written when a denominator is zero after all.
        if !I::call(Additions::<P, I, IN_PLACE> { jobs: &jobs, groups, prefixes, special: &mut self.special }) {
            self.special.clear();
            self.special.extend(0..batch.len() as u32);
        } else if !IN_PLACE {
            // SAFETY: as for this function.
            unsafe { to.add(batch.len() - rest.len()).copy_from_nonoverlapping(spare.as_ptr(), rest.len()) };
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
            let job = &batch[special[j] as usize];
            let at = jobs.addresses(job);
            (point(at.a, job.a), point(at.b, job.b))
        };
        let mut sums = vec![Affine::identity(); special.len()];
        self.scalar.add(special.len(), pair, |j, sum| sums[j] = sum);
        for (&job, sum) in special.iter().zip(sums) {
            let place = if IN_PLACE { batch[job as usize].a } else { job };
            // SAFETY: as for this function.
            unsafe { *to.add(place as usize) = Self::pack(&sum) };
        }
    }
}

/// Where a pair is.
struct Addresses<S> {
    a: *const Point<S>,
    b: *const Point<S>,
}

/// A batch of jobs, and what their indices name.
struct Jobs<'a, S, const IN_PLACE: bool> {
    left: Source<S>,
    right: Source<S>,
    to: *mut Point<S>,
    batch: &'a [Job],
    /// The last group, if it is short, with jobs that nobody asked for.
    last: &'a [Job; LANES],
    /// Two finite points with different x, for lanes that have nothing to add.
    idle: Addresses<S>,
    /// Where the sums of the last group go if it is short, and those of idle lanes.
    spare: *mut [Point<S>; LANES],
}

impl<S, const IN_PLACE: bool> Jobs<'_, S, IN_PLACE> {
    #[inline(always)]
    fn addresses(&self, job: &Job) -> Addresses<S> {
        Addresses { a: self.left.at(job.a), b: self.right.at(job.b) }
    }

    /// Lets a lane add nothing.
    #[inline(always)]
    fn idle(&self, group: &mut Group, lane: usize) {
        group.set(lane, &self.idle);
        group.to[lane] = self.spare.cast();
    }

    /// Asks for half of the places of group `g`, which may lie before the beginning.
    #[inline(always)]
    fn prefetch_places(&self, g: usize, half: usize) {
        // In place they are asked for as first summands.
        if !IN_PLACE && g < self.batch.len() {
            let places = self.to.wrapping_add(g * LANES + half * LANES / 2).cast::<u8>();
            for line in 0..LANES / 2 * size_of::<Point<S>>() / 64 {
                ask(places.wrapping_add(64 * line));
            }
        }
    }

    /// Where the sums of group `g` go.
    #[inline(always)]
    fn places(&self, g: usize, group: &Group) -> [*mut u8; LANES] {
        if IN_PLACE {
            return group.to;
        }
        let whole = (g + 1) * LANES <= self.batch.len();
        let first = if whole { self.to.wrapping_add(g * LANES) } else { self.spare.cast() };
        std::array::from_fn(|lane| first.wrapping_add(lane).cast())
    }

    /// The jobs of group `g`.
    #[inline(always)]
    fn group(&self, g: usize) -> &[Job; LANES] {
        self.batch[g * LANES..].first_chunk().unwrap_or(self.last)
    }

    /// Panics if an index is out of range. A place to write has no sign, and is no sum.
    #[inline(always)]
    fn check(&self) {
        let (mut place, mut a, mut b) = (0, [0; 2], [0; 2]);
        for job in self.batch {
            place = place.max(job.a);
            count(&mut a, job.a);
            count(&mut b, job.b);
        }
        if IN_PLACE {
            // Below SUM, so that it is looked up where it was checked.
            let places = self.left.len[0].min(SUM as usize);
            assert!((place as usize) < places, "point {place} of {places}");
        } else {
            self.left.check(a);
        }
        self.right.check(b);
    }

    /// Fills in group `g`, which may lie beyond the end.
    #[inline(always)]
    fn prepare(&self, g: usize, groups: &mut [Group]) {
        let Some(group) = groups.get_mut(g) else { return };
        let jobs = self.group(g);
        for (lane, job) in jobs.iter().enumerate() {
            group.set(lane, &self.addresses(job));
            if IN_PLACE {
                group.to[lane] = group.a[lane].cast_mut();
            }
        }
        for lane in (self.batch.len() - g * LANES).min(LANES)..LANES {
            self.idle(group, lane);
        }
    }
}

/// Raises the counts of points and of sums so that they hold an index. Without a branch, so that the compiler makes vector
/// instructions of it.
#[inline(always)]
fn count(counts: &mut [u32; 2], index: u32) {
    let (count, sum) = ((index & (SUM - 1)) + 1, u32::from(index & SUM != 0).wrapping_neg());
    counts[0] = counts[0].max(count & !sum);
    counts[1] = counts[1].max(count & sum);
}

impl Group {
    const NONE: Self = Group { a: [null(); LANES], b: [null(); LANES], to: [null_mut(); LANES] };

    #[inline(always)]
    fn set<S>(&mut self, lane: usize, at: &Addresses<S>) {
        (self.a[lane], self.b[lane]) = (at.a.cast(), at.b.cast());
    }

    /// Asks for half of the first summands (`piece` 0 and 1) or of the second ones (2 and 3), each a [`Point<S>`]. In pieces, because
    /// a processor keeps track of two dozen lines under way, and waits if asked for more.
    #[inline(always)]
    fn prefetch<S>(&self, piece: usize) {
        for lane in (piece % 2 * LANES / 2..).take(LANES / 2) {
            let point = [self.a[lane], self.b[lane]][piece / 2];
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
    /// Gets the places in the batch of jobs that are not the general case.
    special: &'a mut Vec<u32>,
}

impl<P: Curve, I: InstructionSet, const IN_PLACE: bool> Work for Additions<'_, P, I, IN_PLACE> {
    type Output = bool;

    #[inline(always)]
    unsafe fn run(self) -> bool {
        let Additions { jobs, groups, prefixes, special } = self;
        jobs.check();
        let groups = &mut groups[..jobs.batch.len().div_ceil(LANES)];
        let x = offset_of!(Point<Stored<P, I>>, x);
        let y = offset_of!(Point<Stored<P, I>>, y);
        let one = [C::<P, I>::pack(&P::BaseField::one()); LANES];
        let mut difference = C::<P, I>::zero();
        prefixes[0] = C::<P, I>::gather(&one.each_ref().map(|one| (one as *const Stored<P, I>).cast()), 0);
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
            loop {
                let mut found = 0;
                for n in 0..C::<P, I>::PARTS {
                    let (a, b) = (C::<P, I>::lanes(&groups[g].a, n), C::<P, I>::lanes(&groups[g].b, n));
                    let (x1, x2) = (R::<P, I>::gather(a, x), R::<P, I>::gather(b, x));
                    found |= R::<P, I>::special(x1, x2) << (n * C::<P, I>::WIDTH);
                    difference.set(n, Part::sub(x2, x1).settle());
                }
                if found == 0 {
                    break;
                }
                for lane in (0..LANES).filter(|lane| found >> lane & 1 == 1) {
                    special.push((g * LANES + lane) as u32);
                    jobs.idle(&mut groups[g], lane);
                }
            }
            let (prefixes, product) = prefixes.split_at_mut(g + 1);
            C::<P, I>::mul_chained(&mut product[0], &prefixes[g], &difference);
            prefetch::<P, I>(groups, g + AHEAD, 2);
            prefetch::<P, I>(groups, g + AHEAD, 3);
        }
        let Some(mut inverse) = invert::<P, I>(prefixes[groups.len()]) else { return false };
        // Between products everything is done register by register: what does not wait for a product stays in registers.
        let zero = C::<P, I>::zero();
        let (mut dx, mut dy, mut x1, mut y1, mut xs) = (zero, zero, zero, zero, zero);
        let (mut quotient, mut slope, mut square, mut product) = (zero, zero, zero, zero);
        let mut next_inverse = zero;
        let (mut inverse, mut next_inverse) = (&mut inverse, &mut next_inverse);
        for g in (0..groups.len()).rev() {
            let (group, prefix) = (&groups[g], &prefixes[g]);
            let (signs, to) = (jobs.group(g).as_ptr().cast::<u64>(), jobs.places(g, group));
            for n in 0..C::<P, I>::PARTS {
                let (a, b) = (C::<P, I>::lanes(&group.a, n), C::<P, I>::lanes(&group.b, n));
                let (p, q) = (R::<P, I>::gather(a, x), R::<P, I>::gather(b, x));
                dx.set(n, Part::sub(q, p).settle());
                xs.set(n, Part::add(p, q));
                x1.set(n, p);
                let signs = signs.wrapping_add(n * C::<P, I>::WIDTH);
                let p = R::<P, I>::gather(a, y).negate_if::<31>(signs);
                let q = R::<P, I>::gather(b, y).negate_if::<63>(signs);
                dy.set(n, Part::sub(q, p).settle());
                y1.set(n, p);
            }
            let next = g.wrapping_sub(AHEAD);
            C::<P, I>::mul(&mut quotient, inverse, prefix);
            prefetch::<P, I>(groups, next, 0);
            C::<P, I>::mul_chained(next_inverse, inverse, &dx);
            std::mem::swap(&mut inverse, &mut next_inverse);
            prefetch::<P, I>(groups, next, 1);
            C::<P, I>::mul(&mut slope, &quotient, &dy);
            prefetch::<P, I>(groups, next, 2);
            C::<P, I>::square(&mut square, &slope);
            prefetch::<P, I>(groups, next, 3);
            for n in 0..C::<P, I>::PARTS {
                let x3 = Part::sub(square.part(n), xs.part(n)).tighten();
                x3.scatter(C::<P, I>::lanes(&to, n), x);
                dx.set(n, Part::sub(x1.part(n), x3).settle());
            }
            jobs.prefetch_places(next, 0);
            C::<P, I>::mul(&mut product, &slope, &dx);
            jobs.prefetch_places(next, 1);
            for n in 0..C::<P, I>::PARTS {
                let y3 = Part::sub(product.part(n), y1.part(n)).tighten();
                y3.scatter(C::<P, I>::lanes(&to, n), y);
            }
        }
        true
    }
}

/// Inverts every lane, with one inversion for all; nothing if one is zero.
#[inline(always)]
unsafe fn invert<P: Curve, I: InstructionSet>(mut x: P::Coordinates<I>) -> Option<P::Coordinates<I>> {
    let mut lanes = [P::Coordinates::<I>::NONE; LANES];
    x.tighten();
    x.scatter(&lanes.each_mut().map(|lane| (lane as *mut Stored<P, I>).cast()), 0);
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
