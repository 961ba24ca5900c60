//! Receipts that the operator has signed.
//!
//! A receipt says: this message has this position in the log, the log's root with it is this one, and that was at
//! this time. Two receipts with one position and two roots, or a receipt whose root is not the one that a later
//! batch's log leads to, prove that the operator wrote two logs.
//!
//! What is signed, with the EdDSA-Poseidon of every other signature here: `keccak256("novation receipt 1" || deployment (32) || position (8) ||
//! message (32) || root (32) || time (8)) >> 8`, numbers big-endian: 248 bits, a field element as it is. Keccak as in the log, since who
//! judges a receipt judges a log. Signatures are deterministic: one receipt has one signature, however often it is
//! asked for.

use crate::io::Receipt;
use crate::log::{top_248_bits, word};
use ark_bn254::Fr;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::{self, EddsaError, SecretKey, Signature};
use sha3::{Digest, Keccak256};

/// A receipt with the operator's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// By the operator's key, of [`statement`].
    pub signature: Signature,
}

/// What the operator signs.
pub fn statement(deployment: &Fr, receipt: &Receipt) -> Fr {
    let mut hasher = Keccak256::new();
    hasher.update(b"novation receipt 1");
    hasher.update(word(deployment));
    hasher.update(receipt.position.to_be_bytes());
    hasher.update(word(&receipt.message));
    hasher.update(word(&receipt.root));
    hasher.update(receipt.time.get().to_be_bytes());
    top_248_bits(hasher)
}

impl SignedReceipt {
    /// Signs. The entry must be stored before this leaves the house.
    pub fn sign(operator: &SecretKey, deployment: &Fr, receipt: Receipt) -> SignedReceipt {
        SignedReceipt { receipt, signature: operator.sign(statement(deployment, &receipt)) }
    }

    /// Checks the operator's signature.
    ///
    /// # Errors
    /// [`EddsaError`]: not signed by this operator for this deployment.
    pub fn verify(&self, operator: &Point, deployment: &Fr) -> Result<(), EddsaError> {
        eddsa::verify(operator, statement(deployment, &self.receipt), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use novation_state::units::Time;

    #[test]
    fn a_signed_receipt_verifies_and_no_word_of_it_can_be_changed() {
        let key = SecretKey::from_seed(&[3; 32]);
        let deployment = Fr::from(9);
        let receipt = Receipt { position: 5, message: 6.into(), root: 7.into(), time: Time::new(8).unwrap() };
        let signed = SignedReceipt::sign(&key, &deployment, receipt);
        let verify = |receipt, operator: &SecretKey, deployment: u64| {
            SignedReceipt { receipt, ..signed }.verify(&operator.public(), &deployment.into())
        };
        assert_eq!(verify(receipt, &key, 9), Ok(()));
        let other = |edit: fn(&mut Receipt)| {
            let mut receipt = receipt;
            edit(&mut receipt);
            receipt
        };
        for changed in [
            other(|r| r.position += 1),
            other(|r| r.message = 1.into()),
            other(|r| r.root = 1.into()),
            other(|r| r.time = Time::ZERO),
        ] {
            assert_eq!(verify(changed, &key, 9), Err(EddsaError::EquationFails), "{changed:?}");
        }
        assert_eq!(verify(receipt, &key, 10), Err(EddsaError::EquationFails));
        assert_eq!(verify(receipt, &SecretKey::from_seed(&[4; 32]), 9), Err(EddsaError::EquationFails));
    }
}
