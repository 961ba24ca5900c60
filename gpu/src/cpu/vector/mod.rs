//! Prime field arithmetic on many elements at once.
//!
//! [`Lanes`] is sixteen elements of one prime field in whatever form a machine multiplies fastest. Two machines are known:
//!
//! * [`avx2`]: radix 2^51 in doubles, products by fused multiply-add. Any x86-64 server since 2013.
//! * [`ifma`]: radix 2^52 in 64-bit words, products by AVX-512 IFMA. Servers since 2019 (Intel) and 2022 (AMD).
//!
//! Everything else uses arkworks' scalar arithmetic. A machine is chosen at run time ([`Machine::detect`]).
//!
//! # Ranges
//! Elements are kept loosely reduced, so each operation says what it takes and gives. Three names are used:
//!
//! * *stored*: as in memory, [`Packed`]; what [`Part::gather`] gives and [`Part::scatter`] writes.
//! * *tight*: what products give, and [`Part::tighten`]. Every stored element is tight too.
//! * *loose*: a difference of two stored elements, or of a tight one and up to two stored ones.
//!
//! A product takes a tight factor and a tight one or a difference of two stored ones.

// Vector instructions are unsafe to call: only the processor that runs them knows whether it has them.
#![allow(unsafe_code, clippy::missing_safety_doc)]

pub mod adder;
#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(all(test, target_arch = "x86_64"))]
pub(crate) mod emulated;
pub mod field;
#[cfg(target_arch = "x86_64")]
pub mod ifma;
#[cfg(target_arch = "x86_64")]
pub mod ntt;

use ark_ff::{Fp, MontBackend, MontConfig};

/// Elements that are worked on at once. More than a register holds: a product is a chain of dependent steps, and several
/// registers' worth of independent chains keep the multipliers busy.
pub const LANES: usize = 16;

/// An element in memory: 256 bits in the machine's own Montgomery form. Forms of different machines do not mix.
pub type Packed = [u64; 4];

/// A factor of all lanes, prepared by [`Lanes::constant`]: one row of five limbs per limb of what it multiplies.
pub type Constant = [[u64; 5]; 5];

/// Reads 32 bytes. By an instruction that the compiler knows nothing about: the checks that debug assertions put around its own
/// reads cost more than the products between them.
///
/// # Safety
/// The address is readable for 32 bytes, and the machine has AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn read(address: *const u8) -> std::arch::x86_64::__m256i {
    std::arch::x86_64::_mm256_lddqu_si256(address.cast())
}

/// Writes 32 bytes, in the same way.
///
/// # Safety
/// The address is writable for 32 bytes, and the machine has AVX2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn write(address: *mut u8, words: std::arch::x86_64::__m256i) {
    use std::arch::x86_64::{_mm256_maskstore_epi64, _mm256_set1_epi64x};
    // A mask that selects everything becomes a plain store.
    _mm256_maskstore_epi64(address.cast(), _mm256_set1_epi64x(-1), words);
}

/// The lanes of one register. What lies between two products is done register by register, and never leaves them.
///
/// Ranges are those of the [module](self); a sum or difference is a factor only after [`Part::settle`].
pub trait Part: Copy {
    /// Reads a stored element for each lane, whose addresses are `base + offset`; `base` has as many as there are lanes.
    ///
    /// # Safety
    /// Every address is readable for 32 bytes (64 for the quadratic extension), and the machine has the instructions.
    unsafe fn gather(base: &[*const u8], offset: usize) -> Self;

    /// Writes elements in the range of stored ones to `base + offset`.
    ///
    /// # Safety
    /// Every address is writable for 32 bytes (64 for the quadratic extension), and the machine has the instructions.
    unsafe fn scatter(self, base: &[*mut u8], offset: usize);

    /// Lanes whose stored elements are equal, or one of which is no element but all ones. A lane in 2^50 that is neither may be
    /// among them.
    ///
    /// # Safety
    /// The machine has the instructions; so for all that follow.
    unsafe fn special(a: Self, b: Self) -> u16;

    /// `a + b`, loose, of two elements that are plain or tight.
    unsafe fn add(a: Self, b: Self) -> Self;

    /// `a - b`, loose.
    unsafe fn sub(a: Self, b: Self) -> Self;

    /// `-a` in the lanes whose word has bit `BIT`, for a stored `a`; at `words` there is one for each lane. To be tightened before
    /// it is written; a difference of two such elements multiplies a product, nothing larger.
    unsafe fn negate_if<const BIT: u32>(self, words: *const u64) -> Self;

    /// The same number in limbs that a product takes.
    unsafe fn settle(self) -> Self;

    /// The same element, in the range of stored ones. Takes anything loose.
    unsafe fn tighten(self) -> Self;
}

/// [`Part`] of a prime field: elements as arkworks holds them can be read and written.
pub trait PlainPart: Part {
    /// Reads elements as arkworks holds them: `x 2^256 mod p`, below p. The result counts as stored, but stands for another
    /// element: a product with a packed factor is again one in arkworks' form.
    ///
    /// # Safety
    /// As for [`Part::gather`].
    unsafe fn gather_plain(base: &[*const u8], offset: usize) -> Self;

    /// The reverse of [`PlainPart::gather_plain`], for anything loose: writes integers below p.
    ///
    /// # Safety
    /// As for [`Part::scatter`].
    unsafe fn scatter_plain(self, base: &[*mut u8], offset: usize);

    /// The product with a prepared factor, tight: with fewer instructions than [`Lanes::mul`]. Takes what is settled, of limbs up
    /// to 2^52 (doubles) or values up to 16 moduli (integers). In arkworks' form if `self` is.
    ///
    /// # Safety
    /// The machine has the instructions.
    unsafe fn mul_constant(self, w: &Constant) -> Self;
}

/// Sixteen elements, seen as registers.
pub trait Parts: Copy {
    /// The lanes of one register.
    type Part: Part;

    /// Registers.
    const PARTS: usize;

    /// Lanes of a register.
    const WIDTH: usize = LANES / Self::PARTS;

    /// The addresses of register `n`, among those of all lanes.
    #[inline(always)]
    fn lanes<T>(all: &[T; LANES], n: usize) -> &[T] {
        &all[n * Self::WIDTH..(n + 1) * Self::WIDTH]
    }

    /// Register `n`.
    ///
    /// # Safety
    /// The machine has the instructions; so for all that follow.
    unsafe fn part(&self, n: usize) -> Self::Part;

    /// Replaces register `n`.
    unsafe fn set(&mut self, n: usize, part: Self::Part);

    /// Zero.
    unsafe fn zero() -> Self;

    /// [`Part::gather`] for all lanes.
    #[inline(always)]
    unsafe fn gather(base: &[*const u8; LANES], offset: usize) -> Self {
        let mut out = Self::zero();
        for n in 0..Self::PARTS {
            out.set(n, Self::Part::gather(Self::lanes(base, n), offset));
        }
        out
    }

    /// [`Part::scatter`] for all lanes.
    #[inline(always)]
    unsafe fn scatter(&self, base: &[*mut u8; LANES], offset: usize) {
        for n in 0..Self::PARTS {
            self.part(n).scatter(Self::lanes(base, n), offset);
        }
    }

    /// `a + b`, settled.
    #[inline(always)]
    unsafe fn add(a: &Self, b: &Self) -> Self {
        let mut out = Self::zero();
        for n in 0..Self::PARTS {
            out.set(n, Self::Part::add(a.part(n), b.part(n)).settle());
        }
        out
    }

    /// `a - b`, settled.
    #[inline(always)]
    unsafe fn sub(a: &Self, b: &Self) -> Self {
        let mut out = Self::zero();
        for n in 0..Self::PARTS {
            out.set(n, Self::Part::sub(a.part(n), b.part(n)).settle());
        }
        out
    }

    /// [`Part::tighten`] for all lanes.
    #[inline(always)]
    unsafe fn tighten(&mut self) {
        for n in 0..Self::PARTS {
            self.set(n, self.part(n).tighten());
        }
    }
}

/// Sixteen elements of the field of `M`.
pub trait Lanes<M: MontConfig<4>>: Parts<Part: PlainPart> {
    /// True where a square in the quadratic extension is best taken as the product that it is: more arithmetic, but no instructions
    /// that nothing else needs.
    const SQUARES_AS_PRODUCTS: bool;

    /// An element as this machine stores it.
    fn pack(x: &Element<M>) -> Packed;

    /// The reverse of [`Lanes::pack`], for any stored element.
    fn unpack(x: &Packed) -> Element<M>;

    /// Prepares a factor for [`PlainPart::mul_constant`].
    fn constant(x: &Element<M>) -> Constant;

    /// What a product of two elements in arkworks' form lacks of being one: `x 2^256` by `y 2^256` gives `x y 2^512` over this
    /// machine's Montgomery factor. The factor over 2^256.
    fn plain_product() -> Element<M>;

    /// `a b`, tight. One factor tight, the other a difference of two stored elements at most.
    ///
    /// Results of products go to a place, so that none is copied; it may be that of a factor.
    ///
    /// # Safety
    /// Places are valid, and the machine has the instructions; so for all that follow.
    unsafe fn mul_to(out: *mut Self, a: *const Self, b: *const Self);

    /// `a b + c d`, tight in its limbs, in value up to twice what [`Lanes::mul_to`] gives: to be tightened before it takes part
    /// in a long chain of products. Factors as for [`Lanes::mul_to`].
    unsafe fn sum_of_products_to(out: *mut Self, a: *const Self, b: *const Self, c: *const Self, d: *const Self);

    /// `a b - c d`, otherwise as [`Lanes::sum_of_products_to`].
    unsafe fn difference_of_products_to(out: *mut Self, a: *const Self, b: *const Self, c: *const Self, d: *const Self);

    /// Reads sixteen elements as arkworks holds them: [`PlainPart::gather_plain`].
    ///
    /// # Safety
    /// Every address is readable for 32 bytes.
    #[inline(always)]
    unsafe fn gather_plain(base: &[*const u8; LANES], offset: usize) -> Self {
        let mut out = Self::zero();
        for n in 0..Self::PARTS {
            out.set(n, Self::Part::gather_plain(Self::lanes(base, n), offset));
        }
        out
    }

    /// Writes sixteen elements as arkworks holds them: [`PlainPart::scatter_plain`].
    ///
    /// # Safety
    /// Every address is writable for 32 bytes.
    #[inline(always)]
    unsafe fn scatter_plain(self, base: &[*mut u8; LANES], offset: usize) {
        for n in 0..Self::PARTS {
            self.part(n).scatter_plain(Self::lanes(base, n), offset);
        }
    }

    /// The same element in all lanes.
    #[inline(always)]
    unsafe fn splat(x: &Packed) -> Self {
        Self::gather(&[x.as_ptr().cast(); LANES], 0)
    }

    /// The largest value, over p, and the largest limb but the top one, over 2^50.
    #[cfg(test)]
    fn magnitude(&self) -> [f64; 2];
}

/// An element as arkworks holds it.
pub type Element<M> = Fp<MontBackend<M, 4>, 4>;

/// `-1 / p` modulo 2^64, for odd p: what makes columns of a Montgomery product divisible.
#[cfg(target_arch = "x86_64")]
const fn minus_inverse(p: u64) -> u64 {
    // Newton's iteration doubles the correct bits: 1, 2, 4, ... 64.
    let (mut inverse, mut i) = (1u64, 0);
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg()
}

/// A computation that is compiled once per instruction set. Its `run` is `#[inline(always)]`, and so is all it calls.
pub trait Work {
    /// What it gives.
    type Output;

    /// Does it.
    ///
    /// # Safety
    /// The machine has the instructions of the lanes that the work is generic over.
    unsafe fn run(self) -> Self::Output;
}

/// A set of vector instructions.
pub trait InstructionSet: Copy + Send + Sync + std::fmt::Debug + 'static {
    /// Its name.
    const MACHINE: Machine;

    /// Its arithmetic.
    type Lanes<M: MontConfig<4>>: Lanes<M>;

    /// Runs work inside a function that is compiled for these instructions.
    ///
    /// # Safety
    /// The machine has them: [`Machine::is_here`].
    unsafe fn call<W: Work>(work: W) -> W::Output;
}

/// Which arithmetic this machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// AVX-512 IFMA, 52-bit limbs.
    Ifma,
    /// AVX2 with fused multiply-add, 51-bit limbs in doubles.
    Avx2,
    /// arkworks' scalar arithmetic.
    Portable,
}

impl Machine {
    /// The fastest that this processor has.
    pub fn detect() -> Self {
        Machine::ALL.into_iter().find(|m| m.is_here()).expect("the portable one is everywhere")
    }

    /// All of them, fastest first.
    pub const ALL: [Machine; 3] = [Machine::Ifma, Machine::Avx2, Machine::Portable];

    /// True if this processor has the instructions.
    pub fn is_here(self) -> bool {
        match self {
            Machine::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Machine::Ifma => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma"),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// A few words for people.
    pub fn description(self) -> &'static str {
        match self {
            Machine::Ifma => "AVX-512 IFMA, 16 lanes of 52-bit limbs",
            Machine::Avx2 => "AVX2 with fused multiply-add, 16 lanes of 51-bit limbs in doubles",
            Machine::Portable => "portable 64-bit arithmetic",
        }
    }
}

#[cfg(test)]
mod tests;
