//! Bits, ranges, comparisons, zero tests, one-hot selection.

use crate::cs::{Bit, Cs, Lc};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, One, PrimeField, Zero};

/// Widest range whose sums cannot wrap: the field has 254 bits, the top one incomplete.
pub const MAX_BITS: usize = 253;

/// 2^n in the field.
pub fn pow2(n: usize) -> Fr {
    Fr::from(2u64).pow([n as u64])
}

/// `sum bits_i 2^i`.
pub fn from_bits(bits: &[Bit]) -> Lc {
    let mut out = Lc::zero();
    let mut weight = Fr::one();
    for b in bits {
        out.add_scaled(b.lc(), weight);
        weight.double_in_place();
    }
    out
}

/// Proves `0 <= x < 2^n` and returns the bits, least significant first. `n` constraints: the top bit is the linear rest
/// `(x - sum of the lower bits) / 2^(n-1)`, proven boolean.
///
/// `n <= 253`, so the sum of the bits cannot wrap.
pub fn to_bits(cs: &mut Cs, name: &'static str, x: &Lc, n: usize) -> Vec<Bit> {
    assert!((1..=MAX_BITS).contains(&n));
    let value = x.value().into_bigint();
    let mut bits = Vec::with_capacity(n);
    for i in 0..n - 1 {
        bits.push(cs.bit(name, || value.get_bit(i)));
    }
    let top = (x - from_bits(&bits)) * pow2(n - 1).inverse().expect("2 is invertible");
    cs.enforce(name, &top, &(&top - &Lc::one()), &Lc::zero());
    // SOUND: proven boolean on the line above.
    bits.push(Bit::unchecked(top));
    bits
}

/// Proves `0 <= x < 2^n`, `n` constraints.
pub fn range(cs: &mut Cs, name: &'static str, x: &Lc, n: usize) {
    to_bits(cs, name, x, n);
}

/// Proves `-2^n <= x < 2^n`, `n + 1` constraints.
pub fn signed_range(cs: &mut Cs, name: &'static str, x: &Lc, n: usize) {
    range(cs, name, &(x + Lc::constant(pow2(n))), n + 1);
}

/// Sign and magnitude of `x`, `|x| < 2^n`: returns (negative, |x|); `n + 2` constraints. Zero may carry either sign.
pub fn sign_magnitude(cs: &mut Cs, name: &'static str, x: &Lc, n: usize) -> (Bit, Lc) {
    let value = x.value();
    let negative = cs.bit(name, || value.into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO);
    let magnitude = x - cs.mul(name, &(negative.lc() * Fr::from(2u64)), x);
    range(cs, name, &magnitude, n);
    (negative, magnitude)
}

/// The bit `x >= 0` for `-2^n <= x < 2^n`; `n + 1` constraints, and `x` is range-checked by the way.
pub fn is_nonnegative(cs: &mut Cs, name: &'static str, x: &Lc, n: usize) -> Bit {
    let bits = to_bits(cs, name, &(x + Lc::constant(pow2(n))), n + 1);
    bits.into_iter().next_back().expect("n + 1 bits")
}

/// The bit `x == 0`; 2 constraints, exact in both directions.
pub fn is_zero(cs: &mut Cs, name: &'static str, x: &Lc) -> Bit {
    let value = x.value();
    let inverse = cs.alloc(name, || value.inverse().unwrap_or_default());
    let zero = Lc::one() - cs.mul(name, x, &inverse);
    cs.enforce(name, x, &zero, &Lc::zero());
    // SOUND: x != 0 forces zero = 0 by the second constraint; x = 0 forces zero = 1 by the first.
    Bit::unchecked(zero)
}

/// Indicator of the position at which `keys` holds `key`, all zero when `active` is 0: `keys.len() + 1` constraints.
///
/// SOUND: an indicator can be nonzero only where the keys agree. The keys are pairwise distinct (the caller says why), so at
/// most one is nonzero, and the sum makes it `active`, which is boolean.
pub fn one_hot(cs: &mut Cs, name: &'static str, keys: &[Lc], key: &Lc, active: &Bit) -> Vec<Bit> {
    let mut indicators = Vec::with_capacity(keys.len());
    for k in keys {
        let hit = active.value() && k.value() == key.value();
        let e = cs.alloc(name, || Fr::from(hit));
        cs.enforce(name, &e, &(k - key), &Lc::zero());
        indicators.push(Bit::unchecked(e));
    }
    let total = Lc::sum(indicators.iter().map(Bit::lc));
    cs.enforce_eq(name, &total, active.lc());
    indicators
}

/// The entry of `column` at the indicator, 0 when no indicator is set: `column.len()` constraints.
pub fn pick(cs: &mut Cs, name: &'static str, indicators: &[Bit], column: &[Lc]) -> Lc {
    assert_eq!(indicators.len(), column.len());
    let mut out = Lc::zero();
    for (e, v) in indicators.iter().zip(column) {
        out += &cs.mul(name, e.lc(), v);
    }
    out
}

/// `count` in unary: returns bits that are 1 for exactly the first `count` entries; `n + 1` constraints on top of the
/// booleans. A prefix computed this way leaves the prover no freedom in where padding starts.
pub fn prefix(cs: &mut Cs, name: &'static str, count: &Lc, n: usize) -> Vec<Bit> {
    let value = count.value();
    let mut bits: Vec<Bit> = Vec::with_capacity(n);
    for i in 0..n {
        let b = cs.bit(name, || value.into_bigint() > Fr::from(i as u64).into_bigint());
        if let Some(last) = bits.last() {
            // A later entry is active only if the one before it is.
            cs.enforce(name, b.lc(), &last.not().lc().clone(), &Lc::zero());
        }
        bits.push(b);
    }
    cs.enforce_eq(name, &Lc::sum(bits.iter().map(Bit::lc)), count);
    bits
}

/// One term of a weighted pole sum: returns `t` with `t * (z - key) = weight`. One constraint.
///
/// SOUND: the sum of all `t` of an equation is zero for a random `z` only if the weights of every key sum to zero (a rational
/// function with simple poles; error items/r), provided keys and weights were fixed by `c` before `z` existed. A key equal
/// to `z` would leave `t` free: keys are below 2^128 and z is a hash output, so that has probability 2^-126.
pub fn pole(cs: &mut Cs, name: &'static str, z: &Lc, key: &Lc, weight: &Lc) -> Lc {
    let denominator = z - key;
    let (d, w) = (denominator.value(), weight.value());
    let t = cs.alloc(name, || if w.is_zero() { Fr::zero() } else { d.inverse().unwrap_or_default() * w });
    cs.enforce(name, &t, &denominator, weight);
    t
}
