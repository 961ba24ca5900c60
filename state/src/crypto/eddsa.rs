//! EdDSA-Poseidon over BabyJubJub, as in circomlib and circomlibjs.
//!
//! A signature is (R, S) with `S * BASE8 = R + h * (8 * A)`, where `h = Poseidon(R.x, R.y, A.x, A.y, message)` is taken as an
//! integer in [0, r). Keys derive from 32-byte seeds by the original BLAKE-512 (the SHA-3 finalist, not BLAKE2), pruned
//! as in RFC 8032; nonces are deterministic, so that equal inputs give the signature circomlibjs gives, byte for byte.

use super::babyjub::{fr_from_le_bytes, le_bytes, Point, Scalar, EIGHTH};
use super::poseidon;
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField, Zero};
use blake_hash::{Blake512, Digest};
use thiserror::Error;
use zeroize::Zeroize;

/// Why a signature is refused. Checked in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EddsaError {
    /// A does not satisfy the curve equation.
    #[error("the public key is not on the curve")]
    KeyNotOnCurve,
    /// 8A is the identity: anybody could sign for such a key.
    #[error("the public key has small order")]
    KeyOfSmallOrder,
    /// R does not satisfy the curve equation.
    #[error("the signature's point R is not on the curve")]
    NonceNotOnCurve,
    /// S is l or more: S + l would be a second signature of the same message.
    #[error("the signature's scalar S is not below the subgroup order")]
    ScalarOutOfRange,
    /// The equation does not hold.
    #[error("the signature does not belong to this key and message")]
    EquationFails,
}

/// Why 64 bytes are not a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureBytesError {
    /// The first half names no curve point.
    #[error("the first 32 bytes name no curve point")]
    Nonce,
    /// The second half is not below l.
    #[error("the last 32 bytes are not a scalar below the subgroup order")]
    Scalar,
}

/// A signature. S is a field element, as on the circuit's wire, and possibly out of range until [`verify`] has said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// R.
    pub r: Point,
    /// S.
    pub s: Fr,
}

impl Signature {
    /// 64 bytes as circomlibjs packs them: R packed, then S little-endian.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut out = [0u8; 64];
        out[..32].copy_from_slice(&self.r.pack());
        out[32..].copy_from_slice(&le_bytes(&self.s));
        out
    }

    /// Reads what [`Signature::to_bytes`] writes.
    ///
    /// # Errors
    /// [`SignatureBytesError`]: R must unpack, S must be below l.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Signature, SignatureBytesError> {
        let (mut r, mut s) = ([0u8; 32], [0u8; 32]);
        r.copy_from_slice(&bytes[..32]);
        s.copy_from_slice(&bytes[32..]);
        let r = Point::unpack(&r).map_err(|_| SignatureBytesError::Nonce)?;
        let s = fr_from_le_bytes(&s).filter(is_scalar).ok_or(SignatureBytesError::Scalar)?;
        Ok(Signature { r, s })
    }
}

fn is_scalar(s: &Fr) -> bool {
    s.into_bigint() < Scalar::MODULUS
}

/// The challenge h, a field element whose representative in [0, r) multiplies 8A.
pub fn challenge(r: &Point, pk: &Point, msg: Fr) -> Fr {
    poseidon::hash(Fr::zero(), &[r.x, r.y, pk.x, pk.y, msg])
}

/// Checks a signature.
///
/// # Errors
/// The first of [`EddsaError`]'s conditions that is violated.
pub fn verify(pk: &Point, msg: Fr, sig: &Signature) -> Result<(), EddsaError> {
    if !pk.is_on_curve() {
        return Err(EddsaError::KeyNotOnCurve);
    }
    let key8 = pk.mul8();
    if key8.is_identity() {
        return Err(EddsaError::KeyOfSmallOrder);
    }
    if !sig.r.is_on_curve() {
        return Err(EddsaError::NonceNotOnCurve);
    }
    let s = sig.s.into_bigint();
    if s >= Scalar::MODULUS {
        return Err(EddsaError::ScalarOutOfRange);
    }
    let s = Scalar::from_bigint(s).expect("compared with the modulus above");
    let h = challenge(&sig.r, pk, msg);
    let right = sig.r.add(&key8.mul_bits(h.into_bigint().as_ref()));
    if Point::mul_base8(&s) == right {
        Ok(())
    } else {
        Err(EddsaError::EquationFails)
    }
}

/// A signing key. Wiped when dropped, and without `Debug`.
#[derive(Clone)]
pub struct SecretKey {
    /// The pruned lower half of the seed's digest, modulo l.
    scalar: Scalar,
    /// The upper half, from which nonces derive.
    prefix: [u8; 32],
    public: Point,
}

impl SecretKey {
    /// The key of a 32-byte seed, as circomlibjs derives it.
    pub fn from_seed(seed: &[u8; 32]) -> SecretKey {
        let mut digest = blake512(&[seed]);
        let mut prefix = [0u8; 32];
        prefix.copy_from_slice(&digest[32..]);
        let low = &mut digest[..32];
        low[0] &= 0xf8;
        low[31] = (low[31] & 0x7f) | 0x40;
        let scalar = Scalar::from_le_bytes_mod_order(low);
        digest.zeroize();
        // circomlib's A is (s / 8) * BASE8, an exact division of the pruned integer, hence also modulo l.
        let public = Point::mul_base8(&(scalar * EIGHTH));
        SecretKey { scalar, prefix, public }
    }

    /// The public key A.
    pub fn public(&self) -> Point {
        self.public
    }

    /// The deterministic signature of a message.
    pub fn sign(&self, msg: Fr) -> Signature {
        let mut digest = blake512(&[&self.prefix, &le_bytes(&msg)]);
        let mut nonce = Scalar::from_le_bytes_mod_order(&digest);
        digest.zeroize();
        let r = Point::mul_base8(&nonce);
        let h = challenge(&r, &self.public, msg);
        let h = Scalar::from_le_bytes_mod_order(&h.into_bigint().to_bytes_le());
        let s = nonce + h * self.scalar;
        nonce.zeroize();
        let s = Fr::from_bigint(s.into_bigint()).expect("l is below r");
        Signature { r, s }
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.scalar.zeroize();
        self.prefix.zeroize();
    }
}

fn blake512(parts: &[&[u8; 32]]) -> [u8; 64] {
    let mut hasher = Blake512::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
