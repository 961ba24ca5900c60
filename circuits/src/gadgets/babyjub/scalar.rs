//! Scalars as bits: proven below the subgroup's order, and challenges reduced modulo it.

use super::super::bits::{from_bits, to_bits};
use crate::cs::{Bit, Cs, Lc};
use ark_bn254::Fr;
use ark_ff::{batch_inversion, BigInt, BigInteger, MontFp, PrimeField, Zero};
use novation_state::crypto::babyjub::Scalar;
use std::sync::LazyLock;

/// Bits of l, the order of the prime subgroup.
pub const ORDER_BITS: usize = 251;
/// Where [`Challenge`] cuts: l mod 2^128 is more than 8l - r, which is below 2^126.
const CUT: usize = 128;
/// l in the field.
const ORDER: Fr = MontFp!("2736030358979909402780800718157159386076813972158567259200215660948447373041");

/// Proves `sum bits_i 2^i <= bound`. One constraint for every run of zeros in the binary form of the bound.
///
/// SOUND: where the number first departs from the bound, coming from the top, it must have a 0 for a 1. For a run of zeros in
/// the bound let n be how many ones of the bound above it the number lacks, and z how many ones the number has in the run. The
/// constraint `n * w = z` holds for some w exactly if n is not 0 or z is 0. Both count booleans, so they do not wrap. Inductively, n = 0
/// means that the number equals the bound above the run.
///
/// # Panics
/// If the bound has more bits than the number.
pub fn at_most(cs: &mut Cs, name: &'static str, bits: &[Bit], bound: BigInt<4>) {
    assert!(
        bound.num_bits() as usize <= bits.len(),
        "the bound has {} bits, the number {}",
        bound.num_bits(),
        bits.len()
    );
    let mut missing = Lc::zero();
    let mut i = bits.len();
    while i > 0 {
        while i > 0 && bound.get_bit(i - 1) {
            i -= 1;
            missing += bits[i].not().lc();
        }
        if i == 0 {
            break;
        }
        let mut ones = Lc::zero();
        while i > 0 && !bound.get_bit(i - 1) {
            i -= 1;
            ones += bits[i].lc();
        }
        let (n, z) = (missing.value(), ones.value());
        let w = cs.alloc(name, || z * small_inverse(n));
        cs.enforce(name, &missing, &w, &ones);
    }
}

/// 1/x for 0 < x <= 256, 0 otherwise (which a lie can bring about): counts of bits, looked up.
fn small_inverse(x: Fr) -> Fr {
    static TABLE: LazyLock<Vec<Fr>> = LazyLock::new(|| {
        let mut all: Vec<Fr> = (0..=256u64).map(Fr::from).collect();
        batch_inversion(&mut all);
        all
    });
    let limbs = x.into_bigint();
    match limbs.0 {
        [low, 0, 0, 0] if low <= 256 => TABLE[low as usize],
        _ => Fr::zero(),
    }
}

/// The bits, least significant first, of a number proven to be below l.
#[derive(Clone, Debug)]
pub struct ScalarBits(Vec<Bit>);

impl ScalarBits {
    /// Decomposes `x`, which it proves to be below l. 311 constraints: `scalar.bits` (251) and `scalar.below_order` (60).
    pub fn new(cs: &mut Cs, x: &Lc) -> ScalarBits {
        let bits = to_bits(cs, "scalar.bits", x, ORDER_BITS);
        at_most(cs, "scalar.below_order", &bits, order_minus_one());
        ScalarBits(bits)
    }

    /// The bits, least significant first.
    pub fn bits(&self) -> &[Bit] {
        &self.0
    }
}

fn order_minus_one() -> BigInt<4> {
    let mut out = Scalar::MODULUS;
    out.sub_with_borrow(&BigInt::from(1u64));
    out
}

/// A challenge h in [0, r), reduced: `h = magnitude` or `h = -magnitude` modulo l, with the magnitude in [2^249, l) so that a
/// ladder on it meets no exception.
///
/// **Statement.** There are q in 0..8, a sign and K in [2^249, l) such that h, *as an integer in [0, r)*, is `q l + K` or `(q + 1) l - K`.
///
/// SOUND: both forms are `V = q l + k` with 0 < k < l, so 0 < V < 8l = r + D with D below 2^126; `challenge.value` gives V = h modulo r, so V is h
/// or h + r, and the latter only if V >= r. That takes q = 7 and k >= l - D, so the first form (in the second k <= l - 2^249)
/// and a K that agrees with l above bit 128, for l mod 2^128 > D. `challenge.unique` forbids just that: the number of bits of
/// (q, sign) that are 0 plus the number of ones of l above bit 128 that K lacks has an inverse.
///
/// Unprovable, so that an honest prover would have to refuse: h within 2^128 below r, and h = 0, 1, -1 modulo l: together 2^-125 of all
/// challenges, which are hashes.
#[derive(Clone, Debug)]
pub struct Challenge {
    pub(super) magnitude: ScalarBits,
    pub(super) positive: Bit,
}

impl Challenge {
    /// 318 constraints: `challenge.bits` 251, `challenge.below_order` 60, `challenge.quotient` 3, `challenge.sign`, `challenge.leading`,
    /// `challenge.value`, `challenge.unique`.
    pub fn new(cs: &mut Cs, h: &Lc) -> Challenge {
        let hint = Reduced::of(h.value());
        let bits: Vec<Bit> = (0..ORDER_BITS).map(|i| cs.bit("challenge.bits", || hint.magnitude.get_bit(i))).collect();
        at_most(cs, "challenge.below_order", &bits, order_minus_one());
        let q: Vec<Bit> = (0..3).map(|i| cs.bit("challenge.quotient", || (hint.quotient >> i) & 1 == 1)).collect();
        let positive = cs.bit("challenge.sign", || hint.positive);

        // K >= 2^249: not both upper bits are 0.
        let (b, a) = (&bits[ORDER_BITS - 2], &bits[ORDER_BITS - 1]);
        cs.enforce("challenge.leading", b.not().lc(), a.not().lc(), &Lc::zero());

        // (2 sign - 1) K = h - q l - (1 - sign) l
        let sign = positive.lc() * Fr::from(2u64) - Lc::one();
        let rest = h - from_bits(&q) * ORDER - positive.not().lc() * ORDER;
        cs.enforce("challenge.value", &sign, &from_bits(&bits), &rest);

        let order = Scalar::MODULUS;
        let mut below = positive.not().lc().clone();
        q.iter().for_each(|bit| below += bit.not().lc());
        (CUT..ORDER_BITS).filter(|i| order.get_bit(*i)).for_each(|i| below += bits[i].not().lc());
        let count = below.value();
        let inverse = cs.alloc("challenge.unique", || small_inverse(count));
        cs.enforce("challenge.unique", &below, &inverse, &Lc::one());

        Challenge { magnitude: ScalarBits(bits), positive }
    }
}

/// The native side of [`Challenge`].
struct Reduced {
    quotient: u64,
    positive: bool,
    magnitude: BigInt<4>,
}

impl Reduced {
    fn of(h: Fr) -> Reduced {
        let order = Scalar::MODULUS;
        let mut rest = h.into_bigint();
        let mut quotient = 0;
        while rest >= order {
            rest.sub_with_borrow(&order);
            quotient += 1;
        }
        let mut negated = order;
        negated.sub_with_borrow(&rest);
        // The greater of the two is above l/2, hence above 2^249.
        let positive = rest > negated;
        Reduced { quotient, positive, magnitude: if positive { rest } else { negated } }
    }
}

#[cfg(test)]
mod tests;
