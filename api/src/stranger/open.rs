//! An account's leaf, opened with its viewing key from public data.
//!
//! `v * R` is the secret that the batch shares with the owner of v. The ciphertext it opens is proven to be the leaf's, but a
//! reader need not rely on that: with owner key and salt the leaf is hashed again and must be the one in the public data.

use super::unpack::{self, UnpackError};
use ark_bn254::Fr;
use novation_state::crypto::babyjub::{Point, PointError};
use novation_state::crypto::viewing::ViewingKey;
use novation_state::leaf::{AccountLeaf, HouseLeaf, CIPHERTEXT_WORDS, HOUSE_CIPHERTEXT_WORDS};
use novation_state::ledger::HOUSE;
use novation_state::seal;
use novation_state::units::AccountSlot;

/// Why a leaf does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// R is not a key.
    #[error("the batch's ephemeral point is refused: {0:?}")]
    Ephemeral(PointError),
    /// The decrypted words are no leaf.
    #[error("slot {slot} does not open with this key: {reason}")]
    Content {
        /// The slot.
        slot: AccountSlot,
        /// What is wrong with the words.
        reason: UnpackError,
    },
    /// The leaf hashes to something else.
    #[error("slot {slot} does not open with this key: the leaf's hash is another")]
    Hash {
        /// The slot.
        slot: AccountSlot,
    },
}

/// Where a leaf was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The batch's number.
    pub batch: u64,
    /// The batch's ephemeral point R.
    pub ephemeral: Point,
    /// The account slot.
    pub slot: AccountSlot,
    /// The leaf hash.
    pub hash: Fr,
}

impl Published {
    fn shared(&self, key: &ViewingKey) -> Result<Fr, OpenError> {
        key.shared_secret(&self.ephemeral).map(|point| point.x).map_err(OpenError::Ephemeral)
    }

    fn content_error(&self) -> impl Fn(UnpackError) -> OpenError {
        let slot = self.slot;
        move |reason| OpenError::Content { slot, reason }
    }
}

/// Opens an account of owner key `owner`.
///
/// # Errors
/// [`OpenError`]: another key than the account's opens nothing.
pub fn account(
    published: &Published,
    ciphertext: &[Fr; CIPHERTEXT_WORDS],
    owner: Point,
    key: &ViewingKey,
) -> Result<AccountLeaf, OpenError> {
    let shared = published.shared(key)?;
    let plaintext = seal::decrypt(shared, published.hash, *ciphertext);
    let unpack::Content { cash, epoch, orders_root, positions } =
        unpack::content(&plaintext).map_err(published.content_error())?;
    let salt = seal::salt(shared, published.batch, published.slot);
    let leaf = AccountLeaf { owner, viewing: key.public(), salt, cash, epoch, positions, orders_root };
    if leaf.hash() == published.hash {
        Ok(leaf)
    } else {
        Err(OpenError::Hash { slot: published.slot })
    }
}

/// Opens the house.
///
/// # Errors
/// [`OpenError`].
pub fn house(
    published: &Published,
    ciphertext: &[Fr; HOUSE_CIPHERTEXT_WORDS],
    key: &ViewingKey,
) -> Result<HouseLeaf, OpenError> {
    let shared = published.shared(key)?;
    let plaintext = seal::decrypt(shared, published.hash, *ciphertext);
    let balance = |i: usize| unpack::balance(plaintext[i]).map_err(published.content_error());
    let salt = seal::salt(shared, published.batch, HOUSE);
    let leaf =
        HouseLeaf { viewing: key.public(), salt, clearing: balance(0)?, fees: balance(1)?, insurance: balance(2)? };
    if leaf.hash() == published.hash {
        Ok(leaf)
    } else {
        Err(OpenError::Hash { slot: HOUSE })
    }
}
