//! The one table of domain tags.
//!
//! A tag is the initial capacity element of the Poseidon state (circomlibjs calls it `initState`), so separation costs no
//! input and no constraint. Tag 0 is plain circomlib Poseidon and is used by EdDSA alone.

use ark_bn254::Fr;

/// What a Poseidon hash commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Tag {
    /// An inner node of a quaternary tree: 4 children.
    Node = 1,
    /// An account leaf: 12 words.
    Account = 2,
    /// A chunk of 16 position words.
    Positions = 3,
    /// An order slot: (filled + nonce * 2^41, message hash).
    OrderSlot = 4,
    /// The house leaf: 6 words.
    House = 5,
    /// A market leaf: 7 words.
    Market = 6,
    /// A signed message: 16 words.
    Message = 7,
    /// An account's salt: (shared secret x, batch * 2^24 + slot).
    Salt = 8,
    /// The one-time pad of a leaf's ciphertext.
    Pad = 9,
    /// The commitment c to everything the public data is computed from.
    Commitment = 10,
}

impl Tag {
    /// The capacity element.
    pub fn fr(self) -> Fr {
        Fr::from(self as u64)
    }
}

/// What a signed message asks for: its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum MessageType {
    /// An order.
    Order = 1,
    /// A withdrawal to L1.
    Withdraw = 2,
    /// The cancellation of one order.
    Cancel = 3,
    /// A raised cancel epoch: cancels every order signed before.
    Epoch = 4,
    /// A new owner key.
    Rotate = 5,
    /// Leave to read an account. Never in a log or a batch.
    Read = 6,
}

impl MessageType {
    /// The word.
    pub fn fr(self) -> Fr {
        Fr::from(self as u64)
    }
}
