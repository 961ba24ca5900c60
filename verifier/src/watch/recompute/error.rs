//! What the auditor finds.

use novation_state::units::{AccountSlot, InstrumentId};

/// What was announced cannot have happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecomputeError {
    /// Batches have to be given in order.
    #[error("batch {found} follows batch {last}")]
    Order {
        /// The last one.
        last: u32,
        /// The one given.
        found: u32,
    },
    /// Signed for another deployment, by an account that was not opened before the batch, or not with its key.
    #[error("batch {batch}: a message of account {account} is not signed by its owner for this deployment and epoch")]
    Signature {
        /// The batch.
        batch: u32,
        /// The account.
        account: AccountSlot,
    },
    /// An order was filled beyond what it allows.
    #[error("batch {batch}: account {account}, order slot {order_slot}, nonce {nonce}: {rule}")]
    Fill {
        /// The batch.
        batch: u32,
        /// The account.
        account: AccountSlot,
        /// Order slot.
        order_slot: u8,
        /// Nonce.
        nonce: u32,
        /// The rule that is broken.
        rule: &'static str,
    },
    /// One auction has several prices, or its lots do not net to zero.
    #[error("batch {batch}: window {window} of instrument {instrument} has prices {prices:?} and nets to {net} lots")]
    Auction {
        /// The batch.
        batch: u32,
        /// The window.
        window: i64,
        /// The instrument.
        instrument: InstrumentId,
        /// Its prices, ticks.
        prices: Vec<i64>,
        /// Sum of signed lots.
        net: i128,
    },
    /// The withdrawals that L1 paid are not those that were signed.
    #[error("batch {batch}: L1 pays {paid} withdrawals, {signed} were signed, or they differ in recipient or amount")]
    Withdrawals {
        /// The batch.
        batch: u32,
        /// On L1.
        paid: usize,
        /// Announced.
        signed: usize,
    },
    /// An account's leaf is another than follows.
    #[error("account {account}: the leaf has {what} {found}, {expected} follows")]
    Account {
        /// The account.
        account: AccountSlot,
        /// `cash`, `epoch`, `owner` or the instrument.
        what: String,
        /// In the leaf.
        found: String,
        /// Computed.
        expected: String,
    },
    /// An account is opened here and not there, or the other way round.
    #[error("accounts {0:?} are opened in only one of leaves and requests")]
    Accounts(Vec<AccountSlot>),
    /// A balance of the house is another than follows.
    #[error("the house's {what} balance is {found}, {expected} follows")]
    House {
        /// Which.
        what: &'static str,
        /// In the leaf, micro-units.
        found: i128,
        /// Computed, micro-units.
        expected: i128,
    },
    /// The vault holds something else.
    #[error("the vault holds {vault} micro-units for accounts, {expected} follows")]
    Vault {
        /// The contract's count, micro-units.
        vault: i128,
        /// Computed, micro-units.
        expected: i128,
    },
    /// A live instrument has more lots long than short.
    #[error("lots of live instrument {instrument} net to {net}")]
    OpenInterest {
        /// The instrument.
        instrument: InstrumentId,
        /// Their sum.
        net: i128,
    },
}
