//! Groth16 over BN254: checked keys, checked proofs, one equation.
//!
//! The equation is that of Groth, "On the Size of Pairing-based Non-interactive Arguments" (EUROCRYPT 2016), section
//! 3.2: with public inputs `x_1 .. x_n` and `L = IC_0 + x_1 IC_1 + ... + x_n IC_n`,
//!
//! ```text
//! e(A, B) = e(alpha, beta) * e(L, gamma) * e(C, delta)
//! ```
//!
//! A pairing check says nothing about where the key came from, so the key is judged when it is read: see
//! [`VerifyingKey::new`]. All types here are checked on construction; a value of type [`VerifyingKey`] or [`Proof`]
//! holds only points of the right groups.

mod evm;
mod key;
mod proof;
pub mod snarkjs;

pub use evm::{key_from_words, key_words, proof_from_words, proof_words, KeyWordError, ProofWordError};
pub use key::{Element, KeyError, KeyParts, VerifyingKey, MAX_PUBLIC_INPUTS};
pub use proof::{verify, Proof, ProofError, VerifyError};

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use thiserror::Error;

/// What is wrong with a point that should belong to one of the two pairing groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PointError {
    /// The coordinates do not satisfy the curve's equation.
    #[error("point is not on the curve")]
    NotOnCurve,
    /// On the twist, but not of prime order r. (G1 has cofactor 1: there every point of the curve qualifies.)
    #[error("point is not in the subgroup of order r")]
    NotInSubgroup,
    /// The point at infinity, which no honest key or proof holds except with negligible probability.
    #[error("point is the identity")]
    Identity,
}

fn check_g1(point: &G1Affine) -> Result<(), PointError> {
    if point.is_zero() {
        return Err(PointError::Identity);
    }
    if !point.is_on_curve() {
        return Err(PointError::NotOnCurve);
    }
    Ok(())
}

fn check_g2(point: &G2Affine) -> Result<(), PointError> {
    if point.is_zero() {
        return Err(PointError::Identity);
    }
    if !point.is_on_curve() {
        return Err(PointError::NotOnCurve);
    }
    // SOUND: the twist has a large cofactor. A point outside the subgroup pairs to a value outside the target group's
    // prime-order part, where the equation no longer binds the proof to the statement.
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(PointError::NotInSubgroup);
    }
    Ok(())
}
