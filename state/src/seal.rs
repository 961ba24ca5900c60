//! Encryption of leaves to their viewing keys.
//!
//! Each batch has one ephemeral scalar e, with `R = e * B8` in the public data; `shared = e * V`, which the owner computes as
//! `v * R`. The prover sees e, never v, so proving gives away no account's past or future.
//!
//! PRIVACY: the pad is bound to the leaf hash, and the leaf hash to a salt that no two batches share, so no pad is used twice.

use crate::crypto::babyjub::{Point, Scalar, BASE8};
use crate::crypto::poseidon;
use crate::tags::Tag;
use crate::units::{pow2, AccountSlot, SLOT_BITS};
use ark_bn254::Fr;
use ark_ff::Zero;

/// Most words one pad covers: the rate of the permutation.
pub const PAD_WORDS: usize = 8;

/// The public half of the ephemeral scalar.
pub fn ephemeral_point(e: &Scalar) -> Point {
    BASE8.mul(e)
}

/// The secret that a batch shares with the owner of `viewing`: the x coordinate of `e * V`. (The y coordinate adds nothing:
/// it is determined up to sign.)
pub fn shared_secret(e: &Scalar, viewing: &Point) -> Fr {
    viewing.mul(e).x
}

/// The salt of account `slot` in batch `batch`: `H(shared, batch * 2^24 + slot)`.
pub fn salt(shared: Fr, batch: u64, slot: AccountSlot) -> Fr {
    poseidon::hash(Tag::Salt.fr(), &[shared, Fr::from(batch) * pow2(SLOT_BITS) + Fr::from(slot)])
}

/// The pad for a leaf: one permutation of `[tag, shared, leaf hash, 0, ...]`, of which the rate is given out and the capacity
/// kept.
pub fn pad(shared: Fr, leaf_hash: Fr) -> [Fr; PAD_WORDS] {
    let mut state = [Fr::zero(); PAD_WORDS + 1];
    state[0] = Tag::Pad.fr();
    state[1] = shared;
    state[2] = leaf_hash;
    poseidon::permute(&mut state);
    std::array::from_fn(|i| state[i + 1])
}

/// Encrypts up to [`PAD_WORDS`] words.
pub fn encrypt<const N: usize>(shared: Fr, leaf_hash: Fr, plaintext: [Fr; N]) -> [Fr; N] {
    let pad = pad(shared, leaf_hash);
    std::array::from_fn(|i| plaintext[i] + pad[i])
}

/// Decrypts what [`encrypt`] made.
pub fn decrypt<const N: usize>(shared: Fr, leaf_hash: Fr, ciphertext: [Fr; N]) -> [Fr; N] {
    let pad = pad(shared, leaf_hash);
    std::array::from_fn(|i| ciphertext[i] - pad[i])
}
