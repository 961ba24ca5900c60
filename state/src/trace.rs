//! What a transition leaves behind for the prover: every value that the circuit cannot compute from others, and nothing that
//! it can.

use crate::crypto::babyjub::{Point, Scalar};
use crate::crypto::eddsa::Signature;
use crate::leaf::{AccountLeaf, HouseLeaf, MarketLeaf, OrderSlot};
use crate::message::{Command, Order};
use crate::size::Size;
use crate::units::{AccountSlot, Amount, InstrumentId, Lots, Ticks, Time, Window};
use ark_bn254::Fr;

/// Depth of the accounts tree.
pub const ACCOUNTS_DEPTH: usize = 12;
/// Depth of the markets tree.
pub const MARKETS_DEPTH: usize = 10;
/// Depth of an account's orders tree.
pub const ORDERS_DEPTH: usize = 4;

/// Siblings of a leaf in a quaternary tree, leaf level first: the other three children in order.
pub type Path<const DEPTH: usize> = [[Fr; 3]; DEPTH];

/// The part of the public data that is not per entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Chain and contract: keccak256(abi.encode("novation", chain id, contract)) >> 8.
    pub deployment: Fr,
    /// This batch's number.
    pub batch: u64,
    /// Accounts root before.
    pub old_root: Fr,
    /// Accounts root after.
    pub new_root: Fr,
    /// Number of the markets root.
    pub markets_number: u32,
    /// Markets root that every price, band and margin of this batch uses.
    pub markets_root: Fr,
    /// Batch time.
    pub time: Time,
    /// First window of the batch.
    pub window_first: Window,
    /// Last window of the batch; `window_first - 1` if there is none.
    pub window_last: Window,
    /// Commitment to the order log up to `log_last`.
    pub log_root: Fr,
    /// First log entry of the batch.
    pub log_first: u64,
    /// Last log entry of the batch; `log_first - 1` if there is none.
    pub log_last: u64,
    /// Index of the first L1 deposit consumed.
    pub deposit_first: u64,
}

/// A market row.
#[derive(Clone, Debug)]
pub struct RowTrace {
    /// Instrument; strictly increasing.
    pub id: InstrumentId,
    /// Its leaf, `None` if it was never listed (padding).
    pub leaf: Option<MarketLeaf>,
    /// Path to the markets root.
    pub path: Path<MARKETS_DEPTH>,
}

/// One auction of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// Index into the rows. Clearings strictly increase in (row, window).
    pub row: usize,
    /// Window.
    pub window: Window,
    /// The one price.
    pub price: Ticks,
}

/// A filled order.
#[derive(Clone, Debug)]
pub struct OrderTrace {
    /// What was signed.
    pub order: Order,
    /// By the owner key of the old leaf.
    pub signature: Signature,
    /// Index into the clearings.
    pub clearing: usize,
    /// Lots filled, > 0.
    pub fill: Lots,
    /// The order slot before this fill.
    pub slot_before: OrderSlot,
    /// Path to the running orders root.
    pub path: Path<ORDERS_DEPTH>,
}

/// An L1 deposit consumed.
#[derive(Clone, Debug)]
pub struct DepositTrace {
    /// Account slot named on L1.
    pub account: AccountSlot,
    /// One eighth of the owner key.
    pub owner_eighth: Point,
    /// One eighth of the viewing key.
    pub viewing_eighth: Point,
    /// In micro-units, > 0.
    pub amount: Amount,
    /// Credited, or refunded on L1.
    pub credited: bool,
}

/// An executed command.
#[derive(Clone, Debug)]
pub struct CommandTrace {
    /// What was signed.
    pub command: Command,
    /// By the owner key of the old leaf.
    pub signature: Signature,
    /// For a rotation: by the new key, over the same message.
    pub possession: Option<Signature>,
    /// The order slot before.
    pub slot_before: OrderSlot,
    /// Path to the account's old orders root.
    pub path: Path<ORDERS_DEPTH>,
}

/// An account entry. Entries strictly increase in slot; an entry may be a decoy (nothing changes but the salt) or padding (an
/// account that was never opened and stays so).
#[derive(Clone, Debug)]
pub struct AccountTrace {
    /// Account slot, > 0.
    pub slot: AccountSlot,
    /// Old leaf, `None` if unopened.
    pub before: Option<AccountLeaf>,
    /// New leaf, `None` if still unopened.
    pub after: Option<AccountLeaf>,
    /// Path under the running root.
    pub path: Path<ACCOUNTS_DEPTH>,
    /// Whether settled positions roll and margin is checked. Fills and withdrawals need it; a touch asks for it.
    pub touch: bool,
    /// Instrument named by each of the first 16 slots in this batch (of the old or the new position, which are the same), 0
    /// for a slot that stays empty or is not touched.
    pub ids: [InstrumentId; crate::leaf::CHUNK],
}

/// The house entry, last.
#[derive(Clone, Debug)]
pub struct HouseTrace {
    /// Old leaf.
    pub before: HouseLeaf,
    /// New leaf.
    pub after: HouseLeaf,
    /// Path under the running root.
    pub path: Path<ACCOUNTS_DEPTH>,
}

/// Everything the circuit is told about a batch.
#[derive(Clone, Debug)]
pub struct BatchTrace {
    /// Circuit size.
    pub size: Size,
    /// Header.
    pub header: Header,
    /// Ephemeral scalar e in [2^249, 2^250), as [`crate::crypto::viewing::EphemeralKey`] makes it.
    pub ephemeral: Scalar,
    /// Random word that makes the commitment hide.
    pub blind: Fr,
    /// Exactly `size.rows`.
    pub rows: Vec<RowTrace>,
    /// At most `size.clearings`.
    pub clearings: Vec<Clearing>,
    /// At most `size.orders`; accounts never decrease.
    pub orders: Vec<OrderTrace>,
    /// At most `size.deposits`, in queue order, at most one an account.
    pub deposits: Vec<DepositTrace>,
    /// At most `size.commands`; accounts strictly increase; none for an account that has orders.
    pub commands: Vec<CommandTrace>,
    /// Exactly `size.accounts`.
    pub accounts: Vec<AccountTrace>,
    /// The house.
    pub house: HouseTrace,
}
