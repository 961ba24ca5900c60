//! Signed messages: sixteen plain words, whatever is asked for.
//!
//! Every message binds its type, the deployment (chain and contract), account slot, order slot, nonce and cancel epoch.

use crate::crypto::babyjub::Point;
use crate::crypto::poseidon;
use crate::tags::{MessageType, Tag};
use crate::units::{field, pow2, AccountSlot, Cash, Fee, InstrumentId, Lots, Ticks, Time, INSTRUMENT_WORD_BITS};
use ark_bn254::Fr;
use ark_ff::Zero;

/// Words of a signed message.
pub const MESSAGE_WORDS: usize = 16;

/// Which side of the trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Pays the price, receives the lots.
    Buy,
    /// Receives the price, gives the lots.
    Sell,
}

impl Side {
    /// +1 for a buy, -1 for a sell.
    pub fn sign(self) -> i128 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }
}

/// The words that every message shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Deployment id: chain and contract.
    pub deployment: Fr,
    /// Signing account.
    pub account: AccountSlot,
    /// Order slot that remembers the message, < 256.
    pub order_slot: u8,
    /// Greater than the slot's last nonce.
    pub nonce: u32,
    /// The account's cancel epoch.
    pub epoch: u32,
}

impl Binding {
    fn words(&self, kind: MessageType) -> [Fr; MESSAGE_WORDS] {
        let mut words = [Fr::zero(); MESSAGE_WORDS];
        words[0] = kind.fr();
        words[1] = self.deployment;
        words[2] = self.account.into();
        words[3] = Fr::from(self.order_slot);
        words[4] = Fr::from(self.nonce);
        words[5] = Fr::from(self.epoch);
        words
    }
}

/// A signed order. The message has room for four legs; this version trades one, at ratio 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Shared words.
    pub binding: Binding,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Most that may be filled, > 0.
    pub lots: Lots,
    /// Worst acceptable price.
    pub limit: Ticks,
    /// If set, also not worse than mark + this many ticks, |offset| < 2^32.
    pub peg_offset: Option<i64>,
    /// Last second at which a batch may fill it.
    pub valid_until: Time,
    /// Most that may be charged per lot.
    pub fee_cap: Fee,
    /// May only shrink the position.
    pub reduce_only: bool,
}

impl Order {
    /// The flags word: sell 1, reduce-only 2, pegged 4.
    pub fn flags(&self) -> u64 {
        u64::from(self.side == Side::Sell) + 2 * u64::from(self.reduce_only) + 4 * u64::from(self.peg_offset.is_some())
    }

    /// Words 6 to 12: lots, limit, peg offset, valid until, fee cap, flags, leg (id + ratio * 2^32). Words 13 to 15 are
    /// the other legs, zero.
    pub fn words(&self) -> [Fr; MESSAGE_WORDS] {
        let mut words = self.binding.words(MessageType::Order);
        words[6] = self.lots.into();
        words[7] = self.limit.into();
        words[8] = field(self.peg_offset.unwrap_or(0) as i128);
        words[9] = self.valid_until.into();
        words[10] = self.fee_cap.into();
        words[11] = Fr::from(self.flags());
        words[12] = Fr::from(self.instrument) + pow2(INSTRUMENT_WORD_BITS);
        words
    }

    /// What is signed.
    pub fn hash(&self) -> Fr {
        poseidon::hash(Tag::Message.fr(), &self.words())
    }
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Pays exactly `amount` micro-units to `recipient` on chain `chain`.
    Withdraw {
        /// In micro-units, > 0.
        amount: Cash,
        /// 20-byte L1 address, big-endian.
        recipient: [u8; 20],
        /// Chain id.
        chain: u64,
    },
    /// Kills the order with this order slot and nonce.
    Cancel,
    /// Raises the cancel epoch.
    Epoch,
    /// Replaces the owner key and raises the cancel epoch.
    Rotate {
        /// One eighth of the new key: the key is eight times it, so it lies in the prime subgroup.
        owner_eighth: Point,
    },
}

/// A signed command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Shared words. For a cancellation, order slot and nonce name the order.
    pub binding: Binding,
    /// What it does.
    pub action: Action,
}

impl Command {
    /// The type word.
    pub fn kind(&self) -> MessageType {
        match self.action {
            Action::Withdraw { .. } => MessageType::Withdraw,
            Action::Cancel => MessageType::Cancel,
            Action::Epoch => MessageType::Epoch,
            Action::Rotate { .. } => MessageType::Rotate,
        }
    }

    /// Words 6 to 10: amount, recipient, chain, eighth of the new key. The rest is zero.
    pub fn words(&self) -> [Fr; MESSAGE_WORDS] {
        let mut words = self.binding.words(self.kind());
        match self.action {
            Action::Withdraw { amount, recipient, chain } => {
                words[6] = amount.into();
                words[7] = address_word(&recipient);
                words[8] = Fr::from(chain);
            }
            Action::Rotate { owner_eighth } => {
                words[9] = owner_eighth.x;
                words[10] = owner_eighth.y;
            }
            Action::Cancel | Action::Epoch => {}
        }
        words
    }

    /// What is signed.
    pub fn hash(&self) -> Fr {
        poseidon::hash(Tag::Message.fr(), &self.words())
    }
}

/// A request to read one's own account, until a time. It is no entry of a log and no circuit sees it: whoever serves the account checks
/// it against the owner key. Its own type word keeps it apart from everything that moves money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Deployment id: chain and contract.
    pub deployment: Fr,
    /// The account that is read, and whose owner signs.
    pub account: AccountSlot,
    /// Last second at which it is valid.
    pub expires: Time,
}

impl Read {
    /// Type, deployment, account; order slot, nonce and epoch are zero; word 6 is the time. The rest is zero.
    pub fn words(&self) -> [Fr; MESSAGE_WORDS] {
        let Read { deployment, account, expires } = *self;
        let binding = Binding { deployment, account, order_slot: 0, nonce: 0, epoch: 0 };
        let mut words = binding.words(MessageType::Read);
        words[6] = expires.into();
        words
    }

    /// What is signed.
    pub fn hash(&self) -> Fr {
        poseidon::hash(Tag::Message.fr(), &self.words())
    }
}

/// A 20-byte address as a number.
pub fn address_word(address: &[u8; 20]) -> Fr {
    use ark_ff::PrimeField;
    Fr::from_be_bytes_mod_order(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read() -> Read {
        let time = |t| Time::new(t).expect("in range");
        Read { deployment: Fr::from(9), account: AccountSlot::new(3).expect("in range"), expires: time(1_800_000_000) }
    }

    #[test]
    fn read_message_is_sixteen_words_with_type_deployment_account_and_time() {
        let mut words = [Fr::zero(); MESSAGE_WORDS];
        for (at, value) in [(0, 6u64), (1, 9), (2, 3), (6, 1_800_000_000)] {
            words[at] = Fr::from(value);
        }
        assert_eq!(read().words(), words);
        assert_eq!(read().hash(), poseidon::hash(Tag::Message.fr(), &words));
    }

    #[test]
    fn read_message_changes_with_each_field_and_is_never_another_message() {
        let base = read();
        for other in [
            Read { deployment: Fr::from(10), ..base },
            Read { account: AccountSlot::ZERO, ..base },
            Read { expires: Time::ZERO, ..base },
        ] {
            assert_ne!(other.hash(), base.hash(), "{other:?}");
        }
        // A withdrawal of as many micro-units has the same words but for the type.
        let binding = Binding { deployment: base.deployment, account: base.account, order_slot: 0, nonce: 0, epoch: 0 };
        let amount = Cash::new(1_800_000_000).expect("in range");
        let withdrawal = Command { binding, action: Action::Withdraw { amount, recipient: [0; 20], chain: 0 } };
        assert_eq!(withdrawal.words()[1..], base.words()[1..]);
        assert_ne!(withdrawal.hash(), base.hash());
    }
}
