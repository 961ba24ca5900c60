//! EdDSA-Poseidon. Native twin: [`novation_state::crypto::eddsa::verify`].
//!
//! **Statement.** If `enabled`: A is on the curve, 8A is not the identity, S < l, and `S * BASE8 - h * (8A) = R` for
//! `h = Poseidon(R.x, R.y, A.x, A.y, message)` taken as an integer in [0, r). If not: nothing, and any inputs satisfy it.
//!
//! That R is on the curve follows from the equation, whose left side is computed on the curve.
//!
//! **Constraints** (3,000 in all), by name:
//!
//! | name | number | |
//! |---|---|---|
//! | `eddsa.key` | 2 | A, or BASE8 where disabled |
//! | `eddsa.s` | 1 | S, or 0 where disabled |
//! | `eddsa.challenge` | 321 | the hash |
//! | `point.*`, `double.*` | 16 | A on the curve, 8A |
//! | `base.*` | 2 | 8A is not the identity |
//! | `challenge.*` | 318 | h modulo l |
//! | `ladder.*`, `mont_*`, `edwards.*`, `add.*` | 1,516 | h * 8A |
//! | `scalar.*` | 311 | S < l |
//! | `fixed.*`, `mont_add.*`, `edwards.*`, `add.*` | 505 | S * BASE8 |
//! | `add.*` | 6 | the difference |
//! | `eddsa.equation` | 2 | equals R |
//!
//! Unprovable though valid: see [`Challenge`] and [`mul_challenge`]; 2^-125 of all signatures.

use super::babyjub::{mul_challenge, Base, Challenge, FixedBase, ScalarBits, SubgroupPoint, ORDER_BITS};
use super::poseidon;
use crate::cs::{Bit, Cs, Lc};
use ark_bn254::Fr;
use ark_ff::Zero;
use novation_state::crypto::babyjub::{Scalar, BASE8};
use std::sync::LazyLock;

#[cfg(test)]
mod tests;

/// The wires of a signature.
#[derive(Clone, Debug)]
pub struct SignatureWires {
    /// R.x
    pub r_x: Lc,
    /// R.y
    pub r_y: Lc,
    /// S
    pub s: Lc,
}

static S_TIMES_BASE8: LazyLock<FixedBase> = LazyLock::new(|| FixedBase::new(ORDER_BITS, &Scalar::zero()));

/// What [`verify`] costs.
pub const CONSTRAINTS: usize = 3_000;

/// Enforces the statement of this module.
pub fn verify(cs: &mut Cs, enabled: &Bit, key: (&Lc, &Lc), msg: &Lc, sig: &SignatureWires) {
    let ax = cs.select("eddsa.key", enabled, key.0, &Lc::constant(BASE8.x));
    let ay = cs.select("eddsa.key", enabled, key.1, &Lc::constant(BASE8.y));
    let s = cs.mul("eddsa.s", enabled.lc(), &sig.s);

    let inputs = [sig.r_x.clone(), sig.r_y.clone(), ax.clone(), ay.clone(), msg.clone()];
    let h = poseidon::hash(cs, "eddsa.challenge", Fr::zero(), &inputs);
    let h = Challenge::new(cs, &h);
    let key8 = SubgroupPoint::mul8(cs, &ax, &ay);
    let key8 = Base::new(cs, &key8);
    let h_key8 = mul_challenge(cs, &key8, &h);

    let s = ScalarBits::new(cs, &s);
    let s_base = S_TIMES_BASE8.mul(cs, s.bits());
    let r = s_base.add(cs, &h_key8.neg());
    cs.enforce("eddsa.equation", enabled.lc(), &(r.x() - &sig.r_x), &Lc::zero());
    cs.enforce("eddsa.equation", enabled.lc(), &(r.y() - &sig.r_y), &Lc::zero());
}
