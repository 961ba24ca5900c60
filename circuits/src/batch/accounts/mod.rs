//! Accounts lane: one entry an account, in strictly increasing slot order, with the net effect of all lanes.

pub mod margin;
pub mod new;
pub mod old;
mod positions;

use crate::cs::{Cs, Lc};
use crate::gadgets::poseidon;
use ark_bn254::Fr;
use ark_ff::Zero;
use novation_state::leaf::{AccountLeaf, CHUNK};
use novation_state::tags::Tag;

/// Wires of an account leaf.
pub struct Leaf<'a> {
    pub owner: (&'a Lc, &'a Lc),
    pub viewing: (&'a Lc, &'a Lc),
    pub salt: &'a Lc,
    pub cash: &'a Lc,
    pub epoch: &'a Lc,
    /// Words of the first `slots` positions; the rest of the leaf's 64 are proven empty by being constants of the hash.
    pub words: &'a [Lc],
    pub orders_root: &'a Lc,
}

impl Leaf<'_> {
    /// The leaf hash, 609 + 504 constraints.
    pub fn hash(&self, cs: &mut Cs, name: &'static str) -> Lc {
        let mut words = self.words.to_vec();
        words.resize(CHUNK, Lc::constant(Fr::zero()));
        let chunk = poseidon::hash(cs, name, Tag::Positions.fr(), &words);
        let empty = Lc::constant(AccountLeaf::empty_chunk());
        let inputs = [
            self.owner.0,
            self.owner.1,
            self.viewing.0,
            self.viewing.1,
            self.salt,
            self.cash,
            self.epoch,
            &chunk,
            &empty,
            &empty,
            &empty,
            self.orders_root,
        ]
        .map(Lc::clone);
        poseidon::hash(cs, name, Tag::Account.fr(), &inputs)
    }
}
