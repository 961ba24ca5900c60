//! An order slot: what an account's orders tree remembers.

use crate::crypto::poseidon;
use crate::tags::Tag;
use crate::units::{pow2, Lots, LOTS_BITS};
use ark_bn254::Fr;

/// Width of the filled quantity in the packed word.
pub const FILLED_BITS: usize = LOTS_BITS + 1;

/// The last order or command that used a slot. The default, all zero, is an unused slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderSlot {
    /// Its nonce; a later message needs a greater one, or the same order again.
    pub nonce: u32,
    /// Its message hash.
    pub message: Fr,
    /// Lots filled so far, 0 for commands.
    pub filled: Lots,
}

impl OrderSlot {
    /// `filled + nonce * 2^41`.
    pub fn word(&self) -> Fr {
        Fr::from(self.filled) + Fr::from(self.nonce) * pow2(FILLED_BITS)
    }

    /// The leaf of the orders tree. An unused slot has the hash of zeros, so that no case is special.
    pub fn hash(&self) -> Fr {
        poseidon::hash(Tag::OrderSlot.fr(), &[self.word(), self.message])
    }
}
