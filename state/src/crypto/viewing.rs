//! Viewing keys and the one-time keys that batches are encrypted with.
//!
//! An account shows V = v * BASE8. A batch has one ephemeral e with R = e * BASE8 in the public data. The writer of a leaf
//! computes `e * V`, its owner `v * R`; both are the shared secret. Whoever learns e can read one batch and nothing else.

use super::babyjub::{Point, PointError, Scalar};
use ark_ff::{BigInt, BigInteger, PrimeField, Zero};
use sha3::{Digest, Sha3_512};
use thiserror::Error;
use zeroize::Zeroize;

const VIEWING_TAG: &[u8] = b"novation viewing key 1";
const EPHEMERAL_TAG: &[u8] = b"novation ephemeral key 1";

/// Free bits of an ephemeral scalar, below its leading one.
///
/// e lies in [2^249, 2^250), below l/2. So a ladder that starts from the leading one meets no multiple of the point equal to plus
/// or minus the point again, and the circuit multiplies by e without a range check; half of l loses less than two bits of
/// entropy.
pub const EPHEMERAL_BITS: usize = 249;

/// 32 bytes that are no viewing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a viewing key is a number from 1 to l - 1, l the order of the prime subgroup")]
pub struct ViewingKeyError;

/// The scalar v with which an owner reads. Wiped when dropped, and without `Debug`.
#[derive(Clone)]
pub struct ViewingKey(Scalar);

impl ViewingKey {
    /// The default viewing key of a signing seed: a hash under its own tag, so that handing v to an auditor says nothing
    /// about the signing key.
    pub fn from_seed(seed: &[u8; 32]) -> ViewingKey {
        let mut wide = tagged(VIEWING_TAG, &[seed]);
        // 512 bits modulo a 251-bit number: bias below 2^-261.
        let key = ViewingKey(Scalar::from_le_bytes_mod_order(&wide));
        wide.zeroize();
        key
    }

    /// Reads what [`ViewingKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ViewingKeyError`] for a number that is 0 or not below l.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<ViewingKey, ViewingKeyError> {
        let mut limbs = [0u64; 4];
        for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
            *limb = u64::from_be_bytes(chunk.try_into().expect("chunks of eight"));
        }
        let key = Scalar::from_bigint(BigInt::new(limbs)).filter(|v| !v.is_zero()).map(ViewingKey);
        limbs.zeroize();
        key.ok_or(ViewingKeyError)
    }

    /// v as 32 big-endian bytes, for its owner to hand to an auditor. Whoever has them reads the account, past and future.
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut out = [0u8; 32];
        out.copy_from_slice(&self.0.into_bigint().to_bytes_be());
        out
    }

    /// V.
    pub fn public(&self) -> Point {
        Point::mul_base8(&self.0)
    }

    /// v * R, the owner's way to the shared secret of a batch.
    ///
    /// # Errors
    /// [`PointError`] if R is not in the prime subgroup: another point would leak v modulo 8.
    pub fn shared_secret(&self, ephemeral: &Point) -> Result<Point, PointError> {
        in_subgroup(ephemeral)?;
        Ok(ephemeral.mul(&self.0))
    }
}

impl Drop for ViewingKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The scalar e of one batch. Wiped when dropped, and without `Debug`.
#[derive(Clone)]
pub struct EphemeralKey(Scalar);

impl EphemeralKey {
    /// e = PRF(secret; parts). Every part is preceded by its length, so different lists never collide. A batch puts its
    /// number and a digest of its content among the parts: two contents never share an e.
    pub fn derive(secret: &[u8; 32], parts: &[&[u8]]) -> EphemeralKey {
        let mut all: Vec<&[u8]> = vec![secret];
        all.extend(parts);
        let mut wide = tagged(EPHEMERAL_TAG, &all);
        let mut limbs = [0u64; 4];
        for (limb, chunk) in limbs.iter_mut().zip(wide.chunks_exact(8)) {
            *limb = u64::from_le_bytes(chunk.try_into().expect("chunks of eight"));
        }
        wide.zeroize();
        let top = EPHEMERAL_BITS - 192;
        limbs[3] = (limbs[3] & ((1 << top) - 1)) | (1 << top);
        EphemeralKey(Scalar::from_bigint(BigInt::new(limbs)).expect("below 2^250, hence below l"))
    }

    /// e itself, for the batch trace.
    pub fn scalar(&self) -> Scalar {
        self.0
    }

    /// R.
    pub fn public(&self) -> Point {
        Point::mul_base8(&self.0)
    }

    /// e * V, the writer's way to the shared secret.
    ///
    /// # Errors
    /// [`PointError`] if V is not in the prime subgroup.
    pub fn shared_secret(&self, viewing: &Point) -> Result<Point, PointError> {
        in_subgroup(viewing)?;
        Ok(viewing.mul(&self.0))
    }

    /// The [`EPHEMERAL_BITS`] bits below the leading one, least significant first: the circuit's witness.
    pub fn low_bits(&self) -> Vec<bool> {
        let mut bits = self.0.into_bigint().to_bits_le();
        bits.truncate(EPHEMERAL_BITS);
        bits
    }
}

impl Drop for EphemeralKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

fn in_subgroup(p: &Point) -> Result<(), PointError> {
    if !p.is_on_curve() {
        Err(PointError::NotOnCurve)
    } else if !p.in_prime_subgroup() {
        Err(PointError::NotInPrimeSubgroup)
    } else {
        Ok(())
    }
}

fn tagged(tag: &[u8], parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha3_512::new();
    for part in std::iter::once(&tag).chain(parts) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::babyjub::BASE8;
    use ark_ff::One;

    #[test]
    fn viewing_keys_round_trip_and_numbers_that_are_none_are_refused() {
        let key = ViewingKey::from_seed(&[7; 32]);
        assert_eq!(ViewingKey::from_bytes(&key.to_bytes()).map(|k| k.public()), Ok(key.public()));
        let mut order = [0u8; 32];
        order.copy_from_slice(&Scalar::MODULUS.to_bytes_be());
        for bytes in [[0; 32], order, [255; 32]] {
            assert_eq!(ViewingKey::from_bytes(&bytes).map(|k| k.public()), Err(ViewingKeyError));
        }
        order[31] -= 1;
        assert_eq!(ViewingKey::from_bytes(&order).map(|k| k.public()), Ok(BASE8.neg()));
    }

    #[test]
    fn writer_and_owner_reach_the_same_secret() {
        let v = ViewingKey::from_seed(&[7; 32]);
        let e = EphemeralKey::derive(&[9; 32], &[&5u64.to_le_bytes(), b"content"]);
        assert_eq!(e.shared_secret(&v.public()), v.shared_secret(&e.public()));
        assert!(!e.shared_secret(&v.public()).unwrap().is_identity());
    }

    #[test]
    fn viewing_key_differs_from_signing_key_of_the_same_seed() {
        let seed = [3; 32];
        let signing = crate::crypto::eddsa::SecretKey::from_seed(&seed);
        assert_ne!(ViewingKey::from_seed(&seed).public(), signing.public());
    }

    #[test]
    fn moving_a_byte_between_parts_changes_the_ephemeral() {
        let a = EphemeralKey::derive(&[1; 32], &[b"ab", b"c"]);
        let b = EphemeralKey::derive(&[1; 32], &[b"a", b"bc"]);
        assert_ne!(a.public(), b.public());
    }

    #[test]
    fn ephemeral_is_its_low_bits_under_a_leading_one() {
        for i in 0..20u8 {
            let e = EphemeralKey::derive(&[i; 32], &[]);
            let two = Scalar::from(2u64);
            let mut value = Scalar::one();
            for bit in e.low_bits().iter().rev() {
                value = value * two + Scalar::from(u64::from(*bit));
            }
            assert_eq!(value, e.0);
            assert_eq!(e.low_bits().len(), EPHEMERAL_BITS);
            assert_eq!(e.0.into_bigint().num_bits() as usize, EPHEMERAL_BITS + 1);
        }
    }

    #[test]
    fn points_outside_the_prime_subgroup_are_refused() {
        let low = Point { x: ark_bn254::Fr::zero(), y: -ark_bn254::Fr::one() };
        let v = ViewingKey::from_seed(&[7; 32]);
        assert_eq!(v.shared_secret(&BASE8.add(&low)), Err(PointError::NotInPrimeSubgroup));
        assert_eq!(v.shared_secret(&Point { x: BASE8.x, y: BASE8.x }), Err(PointError::NotOnCurve));
    }
}
