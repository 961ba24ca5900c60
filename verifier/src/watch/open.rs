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

#[cfg(test)]
mod tests {
    use super::*;
    use novation_state::crypto::eddsa::SecretKey;
    use novation_state::crypto::viewing::EphemeralKey;
    use novation_state::leaf::{Position, MAX_POSITIONS};
    use novation_state::units::{Cash, InstrumentId, Lots};

    fn slot() -> AccountSlot {
        AccountSlot::new(5).unwrap()
    }

    /// A leaf of `key` as a batch would publish it.
    fn publish(key: &ViewingKey, owner: Point) -> (AccountLeaf, Published, [Fr; CIPHERTEXT_WORDS]) {
        let e = EphemeralKey::derive(&[1; 32], &[b"batch"]);
        let shared = seal::shared_secret(&e.scalar(), &key.public());
        let mut positions = [Position::default(); MAX_POSITIONS];
        positions[2] = Position { id: InstrumentId::new(9).unwrap(), lots: Lots::new(-77).unwrap() };
        let leaf = AccountLeaf {
            owner,
            viewing: key.public(),
            salt: seal::salt(shared, 3, slot()),
            cash: Cash::new(-12_345).unwrap(),
            epoch: 2,
            positions,
            orders_root: Fr::from(8),
        };
        let published = Published { batch: 3, ephemeral: e.public(), slot: slot(), hash: leaf.hash() };
        let ciphertext = seal::encrypt(shared, leaf.hash(), leaf.plaintext());
        (leaf, published, ciphertext)
    }

    #[test]
    fn the_viewing_key_opens_the_leaf_and_no_other_key_does() {
        let (key, other) = (ViewingKey::from_seed(&[2; 32]), ViewingKey::from_seed(&[3; 32]));
        let owner = SecretKey::from_seed(&[2; 32]).public();
        let (leaf, published, ciphertext) = publish(&key, owner);
        assert_eq!(account(&published, &ciphertext, owner, &key), Ok(leaf));
        let refused = account(&published, &ciphertext, owner, &other).unwrap_err();
        assert!(matches!(refused, OpenError::Content { slot: s, .. } if s == slot()), "{refused:?}");
    }

    #[test]
    fn a_leaf_that_hashes_to_something_else_is_refused() {
        let key = ViewingKey::from_seed(&[2; 32]);
        let owner = SecretKey::from_seed(&[2; 32]).public();
        let (_, published, mut ciphertext) = publish(&key, owner);
        let hash = Err(OpenError::Hash { slot: slot() });
        // Another owner, another batch number, another amount of cash: the words are a leaf, but not this one.
        assert_eq!(account(&published, &ciphertext, key.public(), &key), hash);
        assert_eq!(account(&Published { batch: 4, ..published }, &ciphertext, owner, &key), hash);
        ciphertext[0] += Fr::from(1);
        assert_eq!(account(&published, &ciphertext, owner, &key), hash);
    }

    #[test]
    fn an_ephemeral_point_outside_the_subgroup_is_refused() {
        let key = ViewingKey::from_seed(&[2; 32]);
        let (_, published, ciphertext) = publish(&key, key.public());
        let low = Point { x: Fr::from(0), y: -Fr::from(1) };
        let bad = Published { ephemeral: published.ephemeral.add(&low), ..published };
        let refused = Err(OpenError::Ephemeral(PointError::NotInPrimeSubgroup));
        assert_eq!(account(&bad, &ciphertext, key.public(), &key), refused);
    }

    #[test]
    fn the_house_opens_with_its_key_alone() {
        let (key, other) = (ViewingKey::from_seed(&[4; 32]), ViewingKey::from_seed(&[5; 32]));
        let e = EphemeralKey::derive(&[1; 32], &[b"batch"]);
        let shared = seal::shared_secret(&e.scalar(), &key.public());
        let cash = |x| Cash::new(x).unwrap();
        let salt = seal::salt(shared, 3, HOUSE);
        let leaf = HouseLeaf { viewing: key.public(), salt, clearing: cash(-9), fees: cash(40), insurance: cash(0) };
        let published = Published { batch: 3, ephemeral: e.public(), slot: HOUSE, hash: leaf.hash() };
        let ciphertext = seal::encrypt(shared, leaf.hash(), leaf.plaintext());
        assert_eq!(house(&published, &ciphertext, &key), Ok(leaf));
        let refused = house(&published, &ciphertext, &other).unwrap_err();
        assert!(matches!(refused, OpenError::Content { slot: HOUSE, .. }), "{refused:?}");
    }
}
