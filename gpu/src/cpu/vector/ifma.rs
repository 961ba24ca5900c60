//! Field arithmetic in 52-bit limbs: AVX-512 IFMA.
//!
//! `vpmadd52luq` and `vpmadd52huq` multiply 52-bit integers, eight at a time, and add the low or the high half of the product to
//! a 64-bit column. [`Vector`] names the few instructions that are used; the arithmetic above them is written once and also runs
//! on [`Emulated`], which every machine has and the tests compare with arkworks.
//!
//! # Form and ranges
//! An element is five unsigned limbs below 2^52 (the top one may be as large as the value makes it), `x = sum limb[i] 2^(52 i)`;
//! Montgomery form with R = 2^260. In units of the modulus p, with p / 2^260 < 0.012 for both fields of BN254:
//!
//! | name | value |
//! |---|---|
//! | stored | below 1 and a millionth |
//! | tight | below 2.1: products, below `0.012 |a| |b| + 1` (a sum of two: one term each) |
//! | difference | below 4 more than what is subtracted from; what is subtracted is at most 4 |
//!
//! A product takes factors below 16, so columns, twenty halves below 2^52 and a carry, stay below 2^57.

#![allow(clippy::needless_range_loop)] // limbs and registers are indices of several arrays

mod constant;

use super::{
    minus_inverse, Constant, Element, InstructionSet, Lanes, Machine, Packed, Part, Parts, PlainPart, Work, LANES,
};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, MontConfig};
use std::arch::x86_64::*;
use std::marker::PhantomData;

/// Lanes of a register.
const WIDTH: usize = 8;
/// Registers that make up [`LANES`] lanes.
const N: usize = LANES / WIDTH;
const MASK: u64 = (1 << 52) - 1;

/// The instructions: eight 64-bit lanes.
pub trait Vector: Copy {
    /// The same word in all lanes.
    unsafe fn splat(x: u64) -> Self;
    /// Eight words in a row.
    unsafe fn row(words: *const u64) -> Self;
    /// Wrapping sum.
    unsafe fn add(self, b: Self) -> Self;
    /// Wrapping difference.
    unsafe fn sub(self, b: Self) -> Self;
    /// Bitwise and.
    unsafe fn and(self, b: Self) -> Self;
    /// Bitwise or.
    unsafe fn or(self, b: Self) -> Self;
    /// Shift to the left.
    unsafe fn left<const BITS: u32>(self) -> Self;
    /// Logical shift to the right.
    unsafe fn right<const BITS: u32>(self) -> Self;
    /// Arithmetic shift to the right.
    unsafe fn right_signed<const BITS: u32>(self) -> Self;
    /// The lanes that are zero.
    unsafe fn is_zero(self) -> u8;
    /// `self` plus the low 52 bits of the product of the low 52 bits of `a` and `b`.
    unsafe fn add_low(self, a: Self, b: Self) -> Self;
    /// `self` plus the product of the low 52 bits of `a` and `b`, shifted right by 52.
    unsafe fn add_high(self, a: Self, b: Self) -> Self;
    /// Word i of the four words at each of eight addresses.
    unsafe fn load(base: &[*const u8], offset: usize) -> [Self; 4];
    /// The reverse of [`Vector::load`].
    unsafe fn store(words: [Self; 4], base: &[*mut u8], offset: usize);
}

impl Vector for __m512i {
    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        _mm512_set1_epi64(x as i64)
    }
    #[inline(always)]
    unsafe fn row(words: *const u64) -> Self {
        _mm512_loadu_epi64(words.cast())
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        _mm512_add_epi64(self, b)
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        _mm512_sub_epi64(self, b)
    }
    #[inline(always)]
    unsafe fn and(self, b: Self) -> Self {
        _mm512_and_si512(self, b)
    }
    #[inline(always)]
    unsafe fn or(self, b: Self) -> Self {
        _mm512_or_si512(self, b)
    }
    #[inline(always)]
    unsafe fn left<const BITS: u32>(self) -> Self {
        _mm512_slli_epi64::<BITS>(self)
    }
    #[inline(always)]
    unsafe fn right<const BITS: u32>(self) -> Self {
        _mm512_srli_epi64::<BITS>(self)
    }
    #[inline(always)]
    unsafe fn right_signed<const BITS: u32>(self) -> Self {
        _mm512_srai_epi64::<BITS>(self)
    }
    #[inline(always)]
    unsafe fn is_zero(self) -> u8 {
        _mm512_testn_epi64_mask(self, self)
    }
    #[inline(always)]
    unsafe fn add_low(self, a: Self, b: Self) -> Self {
        _mm512_madd52lo_epu64(self, a, b)
    }
    #[inline(always)]
    unsafe fn add_high(self, a: Self, b: Self) -> Self {
        _mm512_madd52hi_epu64(self, a, b)
    }
    #[inline(always)]
    unsafe fn load(base: &[*const u8], offset: usize) -> [Self; 4] {
        // Rows i and i + 4 side by side, so that lanes come out in order.
        let mut rows = [_mm512_setzero_si512(); 4];
        for i in 0..4 {
            let low = super::read(base[i].wrapping_add(offset));
            let high = super::read(base[i + 4].wrapping_add(offset));
            rows[i] = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
        }
        let even = _mm512_unpacklo_epi64(rows[0], rows[1]);
        let odd = _mm512_unpackhi_epi64(rows[0], rows[1]);
        let even_2 = _mm512_unpacklo_epi64(rows[2], rows[3]);
        let odd_2 = _mm512_unpackhi_epi64(rows[2], rows[3]);
        let first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
        let second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
        [
            _mm512_permutex2var_epi64(even, first, even_2),
            _mm512_permutex2var_epi64(odd, first, odd_2),
            _mm512_permutex2var_epi64(even, second, even_2),
            _mm512_permutex2var_epi64(odd, second, odd_2),
        ]
    }
    #[inline(always)]
    unsafe fn store(words: [Self; 4], base: &[*mut u8], offset: usize) {
        let first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
        let second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
        let even = _mm512_permutex2var_epi64(words[0], first, words[2]);
        let odd = _mm512_permutex2var_epi64(words[1], first, words[3]);
        let even_2 = _mm512_permutex2var_epi64(words[0], second, words[2]);
        let odd_2 = _mm512_permutex2var_epi64(words[1], second, words[3]);
        let rows = [
            _mm512_unpacklo_epi64(even, odd),
            _mm512_unpackhi_epi64(even, odd),
            _mm512_unpacklo_epi64(even_2, odd_2),
            _mm512_unpackhi_epi64(even_2, odd_2),
        ];
        for (i, row) in rows.into_iter().enumerate() {
            super::write(base[i].wrapping_add(offset), _mm512_castsi512_si256(row));
            super::write(base[i + 4].wrapping_add(offset), _mm512_extracti64x4_epi64::<1>(row));
        }
    }
}

/// Sixteen elements: limb, register, eight lanes.
#[repr(C, align(64))]
pub struct Ifma<V, M>([[V; N]; 5], PhantomData<M>);

impl<V: Copy, M> Clone for Ifma<V, M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V: Copy, M> Copy for Ifma<V, M> {}

/// Constants of a modulus in this form.
trait Constants {
    /// Limbs of the modulus.
    const P: [u64; 5];
    /// `-1 / p` modulo 2^52.
    const MINUS_INVERSE: u64;
    /// `2^305 / p`, rounded down; below 2^52. The high half of its product with the top limb is 2^45 times a number of moduli.
    const TOP_TO_MODULI: u64;
}

impl<M: MontConfig<4>> Constants for M {
    const P: [u64; 5] = limbs(&M::MODULUS.0);
    const MINUS_INVERSE: u64 = minus_inverse(M::MODULUS.0[0]) & MASK;
    const TOP_TO_MODULI: u64 = {
        // 2^305 / p by 2^(305 - 192) over the top 64 bits of p, rounded up.
        ((1u128 << 113) / (M::MODULUS.0[3] as u128 + 1)) as u64
    };
}

const fn limbs(words: &[u64; 4]) -> [u64; 5] {
    [
        words[0] & MASK,
        (words[0] >> 52 | words[1] << 12) & MASK,
        (words[1] >> 40 | words[2] << 24) & MASK,
        (words[2] >> 28 | words[3] << 36) & MASK,
        words[3] >> 16,
    ]
}

impl<V: Vector, M: MontConfig<4>> Ifma<V, M> {
    /// Montgomery's product of sums, row by row: `a b`, plus `c d` if `TWO`.
    #[inline(always)]
    unsafe fn product<const TWO: bool>(a: &Self, b: &Self, c: &Self, d: &Self) -> Self {
        let zero = V::splat(0);
        let mut columns = [[zero; N]; 6];
        for i in 0..5 {
            columns[5] = [zero; N];
            for j in 0..5 {
                for n in 0..N {
                    columns[j][n] = columns[j][n].add_low(a.0[i][n], b.0[j][n]);
                    columns[j + 1][n] = columns[j + 1][n].add_high(a.0[i][n], b.0[j][n]);
                    if TWO {
                        columns[j][n] = columns[j][n].add_low(c.0[i][n], d.0[j][n]);
                        columns[j + 1][n] = columns[j + 1][n].add_high(c.0[i][n], d.0[j][n]);
                    }
                }
            }
            let mut m = [zero; N];
            for n in 0..N {
                m[n] = zero.add_low(columns[0][n], V::splat(M::MINUS_INVERSE));
            }
            for j in 0..5 {
                let p = V::splat(M::P[j]);
                for n in 0..N {
                    columns[j][n] = columns[j][n].add_low(m[n], p);
                    columns[j + 1][n] = columns[j + 1][n].add_high(m[n], p);
                }
            }
            for n in 0..N {
                columns[1][n] = columns[1][n].add(columns[0][n].right::<52>());
            }
            for j in 0..5 {
                columns[j] = columns[j + 1];
            }
        }
        let mut out = Self::zero();
        for n in 0..N {
            let limbs = [columns[0][n], columns[1][n], columns[2][n], columns[3][n], columns[4][n]];
            out.set(n, Eight(limbs, PhantomData).settle());
        }
        out
    }

    /// `k p - a`, for an `a` of at most `k p`.
    #[inline(always)]
    unsafe fn moduli_minus<const K: u64>(a: &Self) -> Self {
        let mut out = Self::zero();
        for n in 0..N {
            out.set(n, a.part(n).negated::<K>().settle());
        }
        out
    }
}

/// Eight elements, a register for each limb.
pub struct Eight<V, M>([V; 5], PhantomData<M>);

impl<V: Copy, M> Clone for Eight<V, M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V: Copy, M> Copy for Eight<V, M> {}

impl<V: Vector, M: MontConfig<4>> Eight<V, M> {
    /// `k p - a` in limbs of either sign, for an `a` of at most `k p`.
    #[inline(always)]
    unsafe fn negated<const K: u64>(mut self) -> Self {
        for i in 0..5 {
            self.0[i] = V::splat(K * M::P[i]).sub(self.0[i]);
        }
        self
    }
}

impl<V: Vector, M: MontConfig<4>> Lanes<M> for Ifma<V, M> {
    // Products are inlined, and a square takes a third fewer of them.
    const SQUARES_AS_PRODUCTS: bool = false;

    fn pack(x: &Element<M>) -> Packed {
        // arkworks has x 2^256, this form x 2^260.
        (x.double().double().double().double()).0 .0
    }

    fn unpack(x: &Packed) -> Element<M> {
        let mut raw = BigInt(*x);
        if raw >= M::MODULUS {
            raw.sub_with_borrow(&M::MODULUS);
        }
        for _ in 0..4 {
            // Half of it, or of it plus p, below 2^255.
            if raw.is_odd() {
                raw.add_with_carry(&M::MODULUS);
            }
            raw.div2();
        }
        Element::<M>::new_unchecked(raw)
    }

    fn constant(x: &Element<M>) -> Constant {
        constant::prepare(x)
    }

    fn plain_product() -> Element<M> {
        // 2^260 over 2^256.
        Element::<M>::from(16u64)
    }

    #[inline(always)]
    unsafe fn mul_to(out: *mut Self, a: *const Self, b: *const Self) {
        *out = Self::product::<false>(&*a, &*b, &*a, &*b);
    }

    #[inline(always)]
    unsafe fn sum_of_products_to(out: *mut Self, a: *const Self, b: *const Self, c: *const Self, d: *const Self) {
        *out = Self::product::<true>(&*a, &*b, &*c, &*d);
    }

    #[inline(always)]
    unsafe fn difference_of_products_to(
        out: *mut Self,
        a: *const Self,
        b: *const Self,
        c: *const Self,
        d: *const Self,
    ) {
        *out = Self::product::<true>(&*a, &*b, &Self::moduli_minus::<8>(&*c), &*d);
    }

    #[cfg(test)]
    fn magnitude(&self) -> [f64; 2] {
        let words = LANES * 5;
        let mut most = [0.0f64; 2];
        let p = M::P[4] as f64 + M::P[3] as f64 / 2f64.powi(52);
        for i in 0..words {
            // SAFETY: five limbs of sixteen words, whichever type holds eight of them.
            let word = unsafe { std::ptr::from_ref(&self.0).cast::<u64>().add(i).read() } as i64 as f64;
            if i < 4 * LANES {
                most[1] = most[1].max(word.abs() / 2f64.powi(50));
            } else {
                most[0] = most[0].max((word.abs() + 1.0) / p);
            }
        }
        most
    }
}

impl<V: Vector, M: MontConfig<4>> Parts for Ifma<V, M> {
    type Part = Eight<V, M>;
    const PARTS: usize = N;

    #[inline(always)]
    unsafe fn part(&self, n: usize) -> Eight<V, M> {
        Eight([self.0[0][n], self.0[1][n], self.0[2][n], self.0[3][n], self.0[4][n]], PhantomData)
    }

    #[inline(always)]
    unsafe fn set(&mut self, n: usize, part: Eight<V, M>) {
        for i in 0..5 {
            self.0[i][n] = part.0[i];
        }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        Ifma([[V::splat(0); N]; 5], PhantomData)
    }
}

impl<V: Vector, M: MontConfig<4>> Part for Eight<V, M> {
    #[inline(always)]
    unsafe fn gather(base: &[*const u8], offset: usize) -> Self {
        let mask = V::splat(MASK);
        let w = V::load(base, offset);
        let limbs = [
            w[0].and(mask),
            w[0].right::<52>().or(w[1].left::<12>()).and(mask),
            w[1].right::<40>().or(w[2].left::<24>()).and(mask),
            w[2].right::<28>().or(w[3].left::<36>()).and(mask),
            w[3].right::<16>(),
        ];
        Eight(limbs, PhantomData)
    }

    #[inline(always)]
    unsafe fn scatter(self, base: &[*mut u8], offset: usize) {
        let words = [
            self.0[0].or(self.0[1].left::<52>()),
            self.0[1].right::<12>().or(self.0[2].left::<40>()),
            self.0[2].right::<24>().or(self.0[3].left::<28>()),
            self.0[3].right::<36>().or(self.0[4].left::<16>()),
        ];
        V::store(words, base, offset);
    }

    #[inline(always)]
    unsafe fn special(a: Self, b: Self) -> u16 {
        // The top limb of all ones is 2^48 - 1, that of an element below 2^47.
        let finite = a.0[4].or(b.0[4]).right::<47>().is_zero();
        (!finite | a.0[0].sub(b.0[0]).is_zero()).into()
    }

    #[inline(always)]
    unsafe fn add(mut a: Self, b: Self) -> Self {
        for i in 0..5 {
            a.0[i] = a.0[i].add(b.0[i]);
        }
        a
    }

    #[inline(always)]
    unsafe fn sub(mut a: Self, b: Self) -> Self {
        for i in 0..5 {
            a.0[i] = a.0[i].add(V::splat(4 * M::P[i])).sub(b.0[i]);
        }
        a
    }

    #[inline(always)]
    unsafe fn negate_if<const BIT: u32>(mut self, words: *const u64) -> Self {
        let words = V::row(words);
        let words = if BIT == 63 { words } else { words.left::<32>() };
        let (negated, select) = (self.negated::<4>(), words.right_signed::<63>());
        for i in 0..5 {
            // a, or a + (b - a).
            self.0[i] = self.0[i].add(negated.0[i].sub(self.0[i]).and(select));
        }
        self
    }

    // Limbs below 2^52, from limbs of either sign; the value is not negative.
    #[inline(always)]
    unsafe fn settle(mut self) -> Self {
        for i in 0..4 {
            self.0[i + 1] = self.0[i + 1].add(self.0[i].right_signed::<52>());
            self.0[i] = self.0[i].and(V::splat(MASK));
        }
        self
    }

    // The quotient is at most 15 and never too large: the top limb, settled, and the factor are rounded down, by less than 2^-44.
    #[inline(always)]
    unsafe fn tighten(self) -> Self {
        let zero = V::splat(0);
        let mut x = self.settle();
        let moduli = zero.add_high(x.0[4], V::splat(M::TOP_TO_MODULI)).right::<45>();
        for i in 0..5 {
            x.0[i] = x.0[i].sub(zero.add_low(moduli, V::splat(M::P[i])));
            if i < 4 {
                x.0[i + 1] = x.0[i + 1].sub(zero.add_high(moduli, V::splat(M::P[i])));
            }
        }
        x.settle()
    }
}

impl<V: Vector, M: MontConfig<4>> PlainPart for Eight<V, M> {
    #[inline(always)]
    unsafe fn gather_plain(base: &[*const u8], offset: usize) -> Self {
        Self::gather(base, offset)
    }

    #[inline(always)]
    unsafe fn scatter_plain(self, base: &[*mut u8], offset: usize) {
        // Below p and a little; the modulus is taken off where the difference is not negative.
        let mut x = self.tighten();
        let mut below = x;
        for i in 0..5 {
            below.0[i] = x.0[i].sub(V::splat(M::P[i]));
        }
        below = below.settle();
        let negative = below.0[4].right_signed::<63>();
        for i in 0..5 {
            x.0[i] = below.0[i].add(x.0[i].sub(below.0[i]).and(negative));
        }
        x.scatter(base, offset);
    }

    #[inline(always)]
    unsafe fn mul_constant(self, w: &Constant) -> Self {
        constant::product(w, self)
    }
}

/// The instructions of this module.
#[derive(Clone, Copy, Debug)]
pub struct IfmaSet;

impl InstructionSet for IfmaSet {
    const MACHINE: Machine = Machine::Ifma;
    type Lanes<M: MontConfig<4>> = Ifma<__m512i, M>;

    unsafe fn call<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx512ifma")]
        unsafe fn inner<W: Work>(work: W) -> W::Output {
            work.run()
        }
        inner(work)
    }
}
