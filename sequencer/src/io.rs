//! What goes into the engine and what comes out.

use crate::log::Entry;
use crate::reason::{Deferred, Lapsed, Refused, Waiting};
use ark_bn254::Fr;
use novation_state::crypto::eddsa::Signature;
use novation_state::leaf::MarketLeaf;
use novation_state::message::{Order, Side};
use novation_state::reject::Rejection;
use novation_state::trace::BatchTrace;
use novation_state::transition::{Deposit, SignedCommand};
use novation_state::units::{AccountSlot, InstrumentId, Lots, Ticks, Time, Window};

/// Something happens at a time. Times come from the shell's clock and never decrease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// When.
    pub time: Time,
    /// What.
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A trader sends an order.
    Order(SignedOrder),
    /// A trader sends a command.
    Command(SignedCommand),
    /// A deposit is final on L1.
    Deposit {
        /// Its index in the L1 queue.
        index: u64,
        /// The deposit.
        deposit: Deposit,
    },
    /// The markets change: the changed and newly listed leaves.
    Markets(Vec<(InstrumentId, MarketLeaf)>),
    /// The open window ends and its auctions are held.
    Window,
    /// A batch is wanted.
    Batch,
    /// L1 accepted the proof of a batch.
    Proven {
        /// The batch's number.
        batch: u64,
    },
}

/// An order with what the sender wants done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedOrder {
    /// The order.
    pub order: Order,
    /// By the account's owner.
    pub signature: Signature,
    /// How it is to be executed.
    pub execution: Execution,
}

/// How an order is to be executed. The last three are asked for at other venues and are refused here, each with the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// In every window until it is filled or its `valid_until` is over.
    UntilValid,
    /// In the open window; what is not filled there lapses.
    ThisWindow,
    /// All or nothing.
    FillOrKill,
    /// Only if it does not trade at once.
    PostOnly,
    /// When the price reaches a trigger.
    Stop,
}

/// Proof that a message has its place: the log binds it, whoever holds the log's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Position in the log.
    pub position: u64,
    /// What was signed.
    pub message: Fr,
    /// The log's root with this entry as its last.
    pub root: Fr,
    /// When it was logged.
    pub time: Time,
}

/// What the engine says. The shell acts on effects in order: whatever follows [`Effect::Logged`] may leave only once that entry
/// is stored.
#[derive(Clone, Debug)]
pub enum Effect {
    /// An entry for the log, to be stored before anything else.
    Logged(Box<Entry>),
    /// An order or command has its place.
    Accepted(Receipt),
    /// The input changed nothing.
    Refused(Refused),
    /// An order stays out of the window, for a reason it did not have in the one before.
    Deferred {
        /// Log position of the order.
        position: u64,
        /// Why.
        reason: Deferred,
    },
    /// An order is gone, with whatever was not filled.
    Lapsed {
        /// Log position of the order.
        position: u64,
        /// Why.
        reason: Lapsed,
    },
    /// A window is over. What its auctions decided is announced with its batch.
    WindowClosed {
        /// The window.
        window: Window,
    },
    /// Something is not in this batch.
    Waiting {
        /// What.
        item: Item,
        /// Why.
        reason: Waiting,
    },
    /// A command cannot be executed and is dropped. Its nonce stays used.
    CommandDropped {
        /// Log position of the command.
        position: u64,
        /// The rule that it breaks.
        reason: Rejection,
    },
    /// An auction traded. Firm: its batch satisfies the circuit.
    Auction(AuctionResult),
    /// A batch to prove.
    BatchReady(Box<BatchTrace>),
}

/// What waits for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// An auctioned window.
    Window(Window),
    /// The deposit with this index, and all behind it.
    Deposit(u64),
    /// The command at this log position.
    Command(u64),
}

/// What an auction decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuctionResult {
    /// Window.
    pub window: Window,
    /// Instrument.
    pub instrument: InstrumentId,
    /// The one price, in ticks.
    pub price: Ticks,
    /// Lots bought, and as many sold.
    pub lots: i128,
    /// Fills by log position.
    pub fills: Vec<FillReport>,
}

/// One order's part in an auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillReport {
    /// Log position of the order.
    pub position: u64,
    /// Account.
    pub account: AccountSlot,
    /// Side.
    pub side: Side,
    /// Lots filled, > 0.
    pub lots: Lots,
    /// Lots of the order that this auction left unfilled.
    pub left: Lots,
}
