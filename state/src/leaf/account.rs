//! The account leaf: keys, cash, cancel epoch, positions, orders root.

use crate::crypto::babyjub::Point;
use crate::crypto::poseidon;
use crate::tags::Tag;
use crate::units::{field, pow2, Cash, InstrumentId, Lots, CASH_BITS, INSTRUMENT_WORD_BITS};
use ark_bn254::Fr;
use ark_ff::Zero;
use std::sync::LazyLock;

/// Room for positions in a leaf.
pub const MAX_POSITIONS: usize = 64;
/// Positions hashed together.
pub const CHUNK: usize = 16;
/// Words of an account's ciphertext: cash and epoch, orders root, 16 position words three to a word.
pub const CIPHERTEXT_WORDS: usize = 8;
/// Spacing of position words packed three to a field element. A position word is below 2^73 in magnitude.
pub const POSITION_WORD_BITS: usize = 74;

/// A position. Empty is id 0 and 0 lots; otherwise both are nonzero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Instrument.
    pub id: InstrumentId,
    /// Signed lots.
    pub lots: Lots,
}

impl Position {
    /// True if the slot holds nothing.
    pub fn is_empty(&self) -> bool {
        self.lots == Lots::ZERO
    }

    /// `id + lots * 2^32`; 0 for an empty slot. Injective: id < 2^32.
    pub fn word(&self) -> Fr {
        field(self.id.wide() + (self.lots.wide() << INSTRUMENT_WORD_BITS))
    }
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLeaf {
    /// Key that signs orders and commands: in the prime subgroup, not the identity.
    pub owner: Point,
    /// Key to which the leaf is encrypted: in the prime subgroup, not the identity.
    pub viewing: Point,
    /// Makes the leaf hash hide; new in every batch that rewrites the leaf.
    pub salt: Fr,
    /// Accounting cash in micro-units. Users are shown equity, never this.
    pub cash: Cash,
    /// Orders and commands name the epoch; raising it cancels all that came before.
    pub epoch: u32,
    /// Positions keep their place while open.
    pub positions: [Position; MAX_POSITIONS],
    /// Root of the 256 order slots.
    pub orders_root: Fr,
}

impl AccountLeaf {
    /// `cash + epoch * 2^107`, one word of the ciphertext. Injective: |cash| < 2^106.
    pub fn cash_word(&self) -> Fr {
        Fr::from(self.cash) + Fr::from(self.epoch) * pow2(CASH_BITS + 1)
    }

    /// The position words of chunk `i`.
    pub fn chunk_words(&self, i: usize) -> [Fr; CHUNK] {
        std::array::from_fn(|k| self.positions[i * CHUNK + k].word())
    }

    /// The leaf hash: `H([A.x, A.y, V.x, V.y, salt, cash, epoch, chunk hashes 0..4, orders_root])`. Cash and epoch are words
    /// of their own: unpacking them in the circuit would cost more than the wider hash.
    pub fn hash(&self) -> Fr {
        let chunk = |i: usize| {
            let words = self.chunk_words(i);
            if words.iter().all(Fr::is_zero) {
                Self::empty_chunk()
            } else {
                poseidon::hash(Tag::Positions.fr(), &words)
            }
        };
        poseidon::hash(
            Tag::Account.fr(),
            &[
                self.owner.x,
                self.owner.y,
                self.viewing.x,
                self.viewing.y,
                self.salt,
                self.cash.into(),
                Fr::from(self.epoch),
                chunk(0),
                chunk(1),
                chunk(2),
                chunk(3),
                self.orders_root,
            ],
        )
    }

    /// The hash of 16 empty positions.
    pub fn empty_chunk() -> Fr {
        static EMPTY: LazyLock<Fr> = LazyLock::new(|| poseidon::hash(Tag::Positions.fr(), &[Fr::zero(); CHUNK]));
        *EMPTY
    }

    /// What is encrypted: cash word, orders root, then the words of the first 16 positions, three to a word at spacing
    /// 2^74.
    pub fn plaintext(&self) -> [Fr; CIPHERTEXT_WORDS] {
        let words = self.chunk_words(0);
        std::array::from_fn(|i| match i {
            0 => self.cash_word(),
            1 => self.orders_root,
            _ => words[3 * (i - 2)..CHUNK.min(3 * (i - 1))]
                .iter()
                .enumerate()
                .map(|(j, w)| *w * pow2(POSITION_WORD_BITS * j))
                .sum(),
        })
    }
}
