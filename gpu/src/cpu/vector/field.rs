//! Base fields of the two groups, sixteen elements at once: the prime field and its quadratic extension.

use super::{Lanes, Packed, Part, Parts};
use crate::cpu::inverse::inverse;
use ark_bn254::{Fq, Fq2, FqConfig};
use ark_ff::Field;

/// Sixteen coordinates of points.
///
/// Ranges as in [`super`]; of an extension element they hold for both components.
pub trait Coordinates: Parts {
    /// One coordinate, as arkworks holds it.
    type Element: Field;
    /// One coordinate in memory.
    type Stored: Copy + Send + Sync + PartialEq + std::fmt::Debug;

    /// What is no stored coordinate: the x of infinity.
    const NONE: Self::Stored;

    /// As [`Lanes::pack`].
    fn pack(x: &Self::Element) -> Self::Stored;
    /// As [`Lanes::unpack`].
    fn unpack(x: &Self::Stored) -> Self::Element;
    /// `1 / x`; nothing for zero.
    fn inverse(x: &Self::Element) -> Option<Self::Element>;
    /// Its negative, in memory.
    fn negate(x: &Self::Stored) -> Self::Stored {
        Self::pack(&-Self::unpack(x))
    }
    /// As [`Lanes::mul_to`], except that the result may have to be tightened before a long chain.
    ///
    /// # Safety
    /// The machine has the instructions; so for all that follow.
    unsafe fn mul(out: &mut Self, a: &Self, b: &Self);
    /// `a b`, in the range of stored elements if ranges would otherwise grow in a chain of products.
    unsafe fn mul_chained(out: &mut Self, a: &Self, b: &Self);
    /// `a^2`, for what [`Coordinates::mul`] gives.
    unsafe fn square(out: &mut Self, a: &Self);
}

/// Coordinates of G1.
#[derive(Clone, Copy)]
pub struct Prime<L>(L);

impl<L: Parts> Parts for Prime<L> {
    type Part = L::Part;
    const PARTS: usize = L::PARTS;

    #[inline(always)]
    unsafe fn part(&self, n: usize) -> L::Part {
        self.0.part(n)
    }
    #[inline(always)]
    unsafe fn set(&mut self, n: usize, part: L::Part) {
        self.0.set(n, part);
    }
    #[inline(always)]
    unsafe fn zero() -> Self {
        Prime(L::zero())
    }
}

impl<L: Lanes<FqConfig>> Coordinates for Prime<L> {
    type Element = Fq;
    type Stored = Packed;
    const NONE: Packed = [u64::MAX; 4];

    fn pack(x: &Fq) -> Packed {
        L::pack(x)
    }
    fn unpack(x: &Packed) -> Fq {
        L::unpack(x)
    }
    fn inverse(x: &Fq) -> Option<Fq> {
        inverse(x)
    }
    #[inline(always)]
    unsafe fn mul(out: &mut Self, a: &Self, b: &Self) {
        L::mul_to(&mut out.0, &a.0, &b.0);
    }
    #[inline(always)]
    unsafe fn mul_chained(out: &mut Self, a: &Self, b: &Self) {
        Self::mul(out, a, b);
    }
    #[inline(always)]
    unsafe fn square(out: &mut Self, a: &Self) {
        L::mul_to(&mut out.0, &a.0, &a.0);
    }
}

/// Coordinates of G2: `c0 + c1 u` with `u^2 = -1`.
#[derive(Clone, Copy)]
pub struct Quadratic<L> {
    c0: L,
    c1: L,
}

/// A register of [`Quadratic`].
#[derive(Clone, Copy)]
pub struct Pair<P> {
    c0: P,
    c1: P,
}

impl<P: Part> Part for Pair<P> {
    #[inline(always)]
    unsafe fn gather(base: &[*const u8], offset: usize) -> Self {
        Pair { c0: P::gather(base, offset), c1: P::gather(base, offset + size_of::<Packed>()) }
    }
    #[inline(always)]
    unsafe fn scatter(self, base: &[*mut u8], offset: usize) {
        self.c0.scatter(base, offset);
        self.c1.scatter(base, offset + size_of::<Packed>());
    }
    #[inline(always)]
    unsafe fn special(a: Self, b: Self) -> u16 {
        P::special(a.c0, b.c0) & P::special(a.c1, b.c1)
    }
    #[inline(always)]
    unsafe fn add(a: Self, b: Self) -> Self {
        Pair { c0: P::add(a.c0, b.c0), c1: P::add(a.c1, b.c1) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self, b: Self) -> Self {
        Pair { c0: P::sub(a.c0, b.c0), c1: P::sub(a.c1, b.c1) }
    }
    #[inline(always)]
    unsafe fn negate_if<const BIT: u32>(self, words: *const u64) -> Self {
        Pair { c0: self.c0.negate_if::<BIT>(words), c1: self.c1.negate_if::<BIT>(words) }
    }
    #[inline(always)]
    unsafe fn settle(self) -> Self {
        Pair { c0: self.c0.settle(), c1: self.c1.settle() }
    }
    #[inline(always)]
    unsafe fn tighten(self) -> Self {
        Pair { c0: self.c0.tighten(), c1: self.c1.tighten() }
    }
}

impl<L: Parts> Parts for Quadratic<L> {
    type Part = Pair<L::Part>;
    const PARTS: usize = L::PARTS;

    #[inline(always)]
    unsafe fn part(&self, n: usize) -> Self::Part {
        Pair { c0: self.c0.part(n), c1: self.c1.part(n) }
    }
    #[inline(always)]
    unsafe fn set(&mut self, n: usize, part: Self::Part) {
        self.c0.set(n, part.c0);
        self.c1.set(n, part.c1);
    }
    #[inline(always)]
    unsafe fn zero() -> Self {
        Quadratic { c0: L::zero(), c1: L::zero() }
    }
}

impl<L: Lanes<FqConfig>> Coordinates for Quadratic<L> {
    type Element = Fq2;
    type Stored = [Packed; 2];
    const NONE: [Packed; 2] = [[u64::MAX; 4]; 2];

    fn pack(x: &Fq2) -> [Packed; 2] {
        [L::pack(&x.c0), L::pack(&x.c1)]
    }
    fn unpack(x: &[Packed; 2]) -> Fq2 {
        Fq2::new(L::unpack(&x[0]), L::unpack(&x[1]))
    }
    fn inverse(x: &Fq2) -> Option<Fq2> {
        // The conjugate over the norm.
        let norm = inverse(&(x.c0.square() + x.c1.square()))?;
        Some(Fq2::new(x.c0 * norm, -x.c1 * norm))
    }
    // Four products and two reductions: cheaper than Karatsuba's three products with three reductions.
    #[inline(always)]
    unsafe fn mul(out: &mut Self, a: &Self, b: &Self) {
        L::difference_of_products_to(&mut out.c0, &a.c0, &b.c0, &a.c1, &b.c1);
        L::sum_of_products_to(&mut out.c1, &a.c0, &b.c1, &a.c1, &b.c0);
    }
    #[inline(always)]
    unsafe fn mul_chained(out: &mut Self, a: &Self, b: &Self) {
        Self::mul(out, a, b);
        out.tighten();
    }
    #[inline(always)]
    unsafe fn square(out: &mut Self, a: &Self) {
        if L::SQUARES_AS_PRODUCTS {
            return Self::mul(out, a, a);
        }
        // (c0 + c1) (c0 - c1) + 2 c0 c1 u. Products are at most 2.1 p, so that sums and differences are factors like any other, below
        // 16 p.
        L::mul_to(&mut out.c0, &L::add(&a.c0, &a.c1), &L::sub(&a.c0, &a.c1));
        L::mul_to(&mut out.c1, &a.c1, &L::add(&a.c0, &a.c0));
    }
}
