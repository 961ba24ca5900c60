//! The house leaf: account slot 0, rewritten in every batch.

use crate::crypto::babyjub::Point;
use crate::crypto::poseidon;
use crate::tags::Tag;
use crate::units::Cash;
use ark_bn254::Fr;

/// Words of the house's ciphertext.
pub const HOUSE_CIPHERTEXT_WORDS: usize = 3;

/// The house's own balances, in micro-units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseLeaf {
    /// Key to which the leaf is encrypted.
    pub viewing: Point,
    /// Makes the leaf hash hide.
    pub salt: Fr,
    /// Counterpart of settlements while holders roll: zero again when all have.
    pub clearing: Cash,
    /// Fees earned.
    pub fees: Cash,
    /// Insurance fund.
    pub insurance: Cash,
}

impl HouseLeaf {
    /// The leaf hash: `H([V.x, V.y, salt, clearing, fees, insurance])`.
    pub fn hash(&self) -> Fr {
        let [clearing, fees, insurance] = self.plaintext();
        poseidon::hash(Tag::House.fr(), &[self.viewing.x, self.viewing.y, self.salt, clearing, fees, insurance])
    }

    /// What is encrypted.
    pub fn plaintext(&self) -> [Fr; HOUSE_CIPHERTEXT_WORDS] {
        [self.clearing.into(), self.fees.into(), self.insurance.into()]
    }

    /// The sum of the house's balances, in micro-units.
    pub fn total(&self) -> i128 {
        self.clearing.get() + self.fees.get() + self.insurance.get()
    }
}
