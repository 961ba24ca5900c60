//! Four elements at a time: reading, writing, and what lies between two products.

use super::{constant, low_bits, power_of_two, Constants, HALF, INTEGER, MASK};
use crate::cpu::vector::{read, write, Constant, Part, PlainPart};
use ark_ff::MontConfig;
use std::arch::x86_64::*;
use std::marker::PhantomData;

/// [`super::RAISED`] for [`Four::read`] and [`Four::write`].
const STORED: [f64; 2] = [INTEGER + HALF as f64, INTEGER + power_of_two(51)];
const PLAIN: [f64; 2] = [INTEGER, INTEGER];

/// Four elements, a register for each limb.
pub struct Four<M>(pub(super) [__m256d; 5], pub(super) PhantomData<M>);

impl<M> Clone for Four<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Four<M> {}

impl<M: MontConfig<4>> Four<M> {
    /// Reads words; `raised` is 2^52 plus what limbs are too large by, the top one's last.
    #[inline(always)]
    unsafe fn read(base: &[*const u8], offset: usize, raised: [f64; 2]) -> Self {
        let lower = _mm256_set1_pd(raised[0]);
        let mut rows = [_mm256_setzero_si256(); 4];
        for i in 0..4 {
            rows[i] = read(base[i].wrapping_add(offset));
        }
        let words = transpose(rows);
        let second = _mm256_or_si256(_mm256_srli_epi64::<51>(words[0]), _mm256_slli_epi64::<13>(words[1]));
        let third = _mm256_or_si256(_mm256_srli_epi64::<38>(words[1]), _mm256_slli_epi64::<26>(words[2]));
        let fourth = _mm256_or_si256(_mm256_srli_epi64::<25>(words[2]), _mm256_slli_epi64::<39>(words[3]));
        let top = _mm256_or_si256(_mm256_srli_epi64::<12>(words[3]), _mm256_castpd_si256(_mm256_set1_pd(INTEGER)));
        let limbs = [
            _mm256_sub_pd(low_bits(words[0]), lower),
            _mm256_sub_pd(low_bits(second), lower),
            _mm256_sub_pd(low_bits(third), lower),
            _mm256_sub_pd(low_bits(fourth), lower),
            _mm256_sub_pd(_mm256_castsi256_pd(top), _mm256_set1_pd(raised[1])),
        ];
        Four(limbs, PhantomData)
    }

    /// The reverse of [`Self::read`]: raised by that, limbs are below 2^51.
    #[inline(always)]
    unsafe fn write(self, base: &[*mut u8], offset: usize, raised: [f64; 2]) {
        let mut bits = [_mm256_setzero_si256(); 4];
        for i in 0..4 {
            let integer = _mm256_castpd_si256(_mm256_add_pd(self.0[i], _mm256_set1_pd(raised[0])));
            bits[i] = _mm256_and_si256(integer, _mm256_set1_epi64x(MASK));
        }
        // The shift drops the exponent.
        let top = _mm256_castpd_si256(_mm256_add_pd(self.0[4], _mm256_set1_pd(raised[1])));
        let rows = transpose([
            _mm256_or_si256(bits[0], _mm256_slli_epi64::<51>(bits[1])),
            _mm256_or_si256(_mm256_srli_epi64::<13>(bits[1]), _mm256_slli_epi64::<38>(bits[2])),
            _mm256_or_si256(_mm256_srli_epi64::<26>(bits[2]), _mm256_slli_epi64::<25>(bits[3])),
            _mm256_or_si256(_mm256_srli_epi64::<39>(bits[3]), _mm256_slli_epi64::<12>(top)),
        ]);
        for i in 0..4 {
            write(base[i].wrapping_add(offset), rows[i]);
        }
    }

    /// Lower limbs in `[-2^50, 2^50)` if `BALANCED`, else in `[0, 2^51)`.
    #[inline(always)]
    unsafe fn carried<const BALANCED: bool>(mut self) -> Self {
        for i in 0..4 {
            // A limb of at most 2^53 by 2^51, plus a half: exact below 4, and above that no integer is near.
            let half = _mm256_set1_pd(if BALANCED { 0.5 } else { 0.0 });
            let carry = _mm256_floor_pd(_mm256_fmadd_pd(self.0[i], _mm256_set1_pd(1.0 / power_of_two(51)), half));
            self.0[i] = _mm256_fnmadd_pd(carry, _mm256_set1_pd(power_of_two(51)), self.0[i]);
            self.0[i + 1] = _mm256_add_pd(self.0[i + 1], carry);
        }
        self
    }

    /// The value brought to half a modulus at most, limbs as [`Self::carried`] leaves them.
    ///
    /// Every step is exact: lower limbs of p are below 0.55 * 2^50 for both fields, so that `|limb| + |quotient * p_i|` is at
    /// most (5 + 4 * 0.55) * 2^50, below 2^53, and the top limb, as large as the value makes it, is below that as well.
    #[inline(always)]
    unsafe fn reduced<const BALANCED: bool>(mut self) -> Self {
        let moduli = _mm256_mul_pd(self.0[4], _mm256_set1_pd(M::TOP_TO_MODULI));
        let moduli = _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(moduli);
        for i in 0..5 {
            self.0[i] = _mm256_fnmadd_pd(moduli, _mm256_set1_pd(M::P[i]), self.0[i]);
        }
        self.carried::<BALANCED>()
    }
}

impl<M: MontConfig<4>> Part for Four<M> {
    #[inline(always)]
    unsafe fn gather(base: &[*const u8], offset: usize) -> Self {
        Self::read(base, offset, STORED)
    }

    #[inline(always)]
    unsafe fn scatter(self, base: &[*mut u8], offset: usize) {
        self.write(base, offset, STORED);
    }

    #[inline(always)]
    unsafe fn special(a: Self, b: Self) -> u16 {
        // The top limb of all ones is 2^51 - 1, that of an element far below 2^50.
        let top = _mm256_max_pd(a.0[4], b.0[4]);
        let infinite = _mm256_cmp_pd::<_CMP_GT_OQ>(top, _mm256_set1_pd(HALF as f64));
        let equal = _mm256_cmp_pd::<_CMP_EQ_OQ>(a.0[0], b.0[0]);
        _mm256_movemask_pd(_mm256_or_pd(infinite, equal)) as u16
    }

    #[inline(always)]
    unsafe fn add(mut a: Self, b: Self) -> Self {
        for i in 0..5 {
            a.0[i] = _mm256_add_pd(a.0[i], b.0[i]);
        }
        a
    }

    #[inline(always)]
    unsafe fn sub(mut a: Self, b: Self) -> Self {
        for i in 0..5 {
            a.0[i] = _mm256_sub_pd(a.0[i], b.0[i]);
        }
        a
    }

    #[inline(always)]
    unsafe fn negate_if<const BIT: u32>(mut self, words: *const u64) -> Self {
        // The bit, shifted to the sign of a double.
        let bits = _mm256_sll_epi64(read(words.cast()), _mm_cvtsi32_si128(63 - BIT as i32));
        let sign = _mm256_castsi256_pd(_mm256_and_si256(bits, _mm256_set1_epi64x(i64::MIN)));
        for i in 0..5 {
            self.0[i] = _mm256_xor_pd(self.0[i], sign);
        }
        self
    }

    #[inline(always)]
    unsafe fn settle(self) -> Self {
        self
    }

    #[inline(always)]
    unsafe fn tighten(self) -> Self {
        self.reduced::<true>()
    }
}

impl<M: MontConfig<4>> PlainPart for Four<M> {
    #[inline(always)]
    unsafe fn gather_plain(base: &[*const u8], offset: usize) -> Self {
        Self::read(base, offset, PLAIN)
    }

    #[inline(always)]
    unsafe fn scatter_plain(self, base: &[*mut u8], offset: usize) {
        let mut x = self.reduced::<false>();
        // Lower limbs are positive, so the top one has the sign. One modulus makes the value positive.
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(x.0[4], _mm256_setzero_pd());
        for i in 0..5 {
            x.0[i] = _mm256_add_pd(x.0[i], _mm256_and_pd(negative, _mm256_set1_pd(M::P[i])));
        }
        x.carried::<false>().write(base, offset, PLAIN);
    }

    #[inline(always)]
    unsafe fn mul_constant(self, w: &Constant) -> Self {
        constant::product(w, self)
    }
}

/// Four rows of four words to four columns, and back.
#[inline(always)]
unsafe fn transpose(rows: [__m256i; 4]) -> [__m256i; 4] {
    let even = _mm256_unpacklo_epi64(rows[0], rows[1]);
    let odd = _mm256_unpackhi_epi64(rows[0], rows[1]);
    let even_2 = _mm256_unpacklo_epi64(rows[2], rows[3]);
    let odd_2 = _mm256_unpackhi_epi64(rows[2], rows[3]);
    [
        _mm256_permute2x128_si256::<0x20>(even, even_2),
        _mm256_permute2x128_si256::<0x20>(odd, odd_2),
        _mm256_permute2x128_si256::<0x31>(even, even_2),
        _mm256_permute2x128_si256::<0x31>(odd, odd_2),
    ]
}
