//! What a trader reads of the own account. Everything rests on announced batches.

use super::{ActionJson, ExecutionName, Micro, SideName, SignatureHex, Word};
use novation_sequencer::durable::SignedReceipt;
use novation_sequencer::io::Receipt as Place;
use novation_state::units::{OutOfRange, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A signed receipt: the message has this place in the log. The signature is by the operator's receipt key
/// (`GET /v1/venue`) over `keccak256("novation receipt 1" || deployment || position || message || root || time) >> 8`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// Position in the log, from 1.
    pub position: u64,
    /// The message hash that was signed.
    pub message: Word,
    /// The log's root with this entry as its last.
    pub root: Word,
    /// When it was logged, Unix seconds.
    pub time: i64,
    /// By the operator.
    pub signature: SignatureHex,
}

impl From<SignedReceipt> for Receipt {
    fn from(signed: SignedReceipt) -> Receipt {
        let Place { position, message, root, time } = signed.receipt;
        let (message, root) = (Word(message), Word(root));
        Receipt { position, message, root, time: time.get(), signature: SignatureHex(signed.signature) }
    }
}

impl Receipt {
    /// What [`SignedReceipt::verify`] checks.
    ///
    /// # Errors
    /// [`OutOfRange`] for a time that no log has.
    pub fn signed(&self) -> Result<SignedReceipt, OutOfRange> {
        let Receipt { position, message, root, time, signature } = self;
        let receipt = Place { position: *position, message: message.0, root: root.0, time: Time::new(*time)? };
        Ok(SignedReceipt { receipt, signature: signature.0 })
    }
}

/// A reason with its stable name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasonView {
    /// Stable name.
    #[schema(example = "margin")]
    pub code: String,
    /// For people.
    pub message: String,
}

/// Why an order stayed out of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeferralView {
    /// The window.
    pub window: i64,
    /// Stable name.
    #[schema(example = "margin")]
    pub code: String,
    /// For people.
    pub message: String,
}

/// What stands behind an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// It takes part in windows.
    Open,
    /// Every lot is filled.
    Filled,
    /// It takes part in no window any more; fills of earlier windows may still be announced.
    Lapsed,
}

/// An order and what has been announced of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderView {
    /// Log position.
    pub position: u64,
    /// The message hash that was signed.
    pub message: Word,
    /// When it was logged, Unix seconds.
    pub time: i64,
    /// Order slot.
    pub order_slot: u8,
    /// Nonce.
    pub nonce: u32,
    /// Cancel epoch.
    pub epoch: u32,
    /// Instrument id.
    pub instrument: i64,
    /// Side.
    pub side: SideName,
    /// Lots asked for.
    pub lots: i64,
    /// Worst price, in ticks.
    pub limit: i64,
    /// Ticks from the mark, if pegged.
    pub peg_offset: Option<i64>,
    /// Last second at which it may be filled.
    pub valid_until: i64,
    /// Most fee per lot, micro-units.
    pub fee_cap: Micro,
    /// May only shrink the position.
    pub reduce_only: bool,
    /// How it is executed.
    pub execution: ExecutionName,
    /// What stands behind it.
    pub state: OrderState,
    /// Lots filled, as announced.
    pub filled: i64,
    /// Lots not filled, as announced.
    pub left: i64,
    /// Why it stayed out of a window, as announced with that window's batch. It need not have stayed out of later ones.
    pub deferred: Option<DeferralView>,
    /// Why it lapsed.
    pub lapsed: Option<ReasonView>,
}

/// An order with the receipt that it got, the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderDetail {
    /// The order.
    pub order: OrderView,
    /// The receipt.
    pub receipt: Receipt,
}

/// A fill, announced with its batch. Firm: the batch satisfies the circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FillView {
    /// Counts the account's fills, from 1: the cursor of `after`.
    pub id: u64,
    /// Log position of the order.
    pub position: u64,
    /// Window.
    pub window: i64,
    /// Instrument id.
    pub instrument: i64,
    /// Side.
    pub side: SideName,
    /// Price, in ticks.
    pub price: i64,
    /// Lots filled.
    pub lots: i64,
    /// Fee paid, micro-units.
    pub fee: Micro,
    /// The batch that holds it.
    pub batch: u64,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// It waits for a batch.
    Queued,
    /// A batch executed it.
    Executed,
    /// It broke a rule when its turn came; its nonce stays used.
    Dropped,
}

/// A command and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandView {
    /// Log position.
    pub position: u64,
    /// The message hash that was signed.
    pub message: Word,
    /// When it was logged, Unix seconds.
    pub time: i64,
    /// Order slot.
    pub order_slot: u8,
    /// Nonce.
    pub nonce: u32,
    /// Cancel epoch.
    pub epoch: u32,
    /// What it does.
    pub action: ActionJson,
    /// What became of it.
    pub state: CommandState,
    /// The batch that executed it.
    pub batch: Option<u64>,
    /// Why it was dropped.
    pub dropped: Option<ReasonView>,
}

/// Equity and margin, micro-units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// Worth at the marks.
    pub equity: Micro,
    /// Initial margin.
    pub initial: Micro,
    /// Maintenance margin.
    pub maintenance: Micro,
    /// What may be withdrawn; negative if margin is owed.
    pub withdrawable: Micro,
}

/// A position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Positioned {
    /// Instrument id.
    pub instrument: i64,
    /// Its name.
    pub name: String,
    /// Signed lots.
    pub lots: i64,
    /// Mark, in ticks.
    pub mark: i64,
    /// Worth at the mark, or at the settlement value once there is one; micro-units.
    pub value: Micro,
    /// Whether it is settled and waits to be turned into cash.
    pub settled: bool,
}

/// Gains and losses of the account by scenario of an underlying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioView {
    /// Number of the underlying.
    pub underlying: u8,
    /// Its ticker.
    pub asset: Option<String>,
    /// Loss in each of the 16 scenarios, micro-units; a gain is negative.
    pub losses: Vec<Micro>,
    /// What enters initial margin: the greatest loss, at least 0.
    pub worst: Micro,
}

/// The next nonce of an order slot that was used in this cancel epoch. Every other order slot starts at 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NonceView {
    /// Order slot.
    pub order_slot: u8,
    /// The least nonce that an order may have; `null` if all are used.
    pub next: Option<u32>,
}

/// The account after the last batch, at the newest marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// Account slot.
    pub account: i64,
    /// Number of the last batch.
    pub batch: u64,
    /// Number of the markets root whose marks are used.
    pub markets: u32,
    /// Cancel epoch.
    pub epoch: u32,
    /// Equity and margin.
    pub standing: Standing,
    /// Positions by instrument.
    pub positions: Vec<Positioned>,
    /// Margin by scenario of each underlying that the account holds.
    pub scenarios: Vec<ScenarioView>,
    /// What enters initial margin besides the scenarios: gross and concentration charges, micro-units.
    pub charges: Micro,
    /// Next nonces by order slot.
    pub nonces: Vec<NonceView>,
}

/// Whether an order would take part in the next window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// Whether it would.
    pub admitted: bool,
    /// Lots with which it would: less than asked for where an order may only reduce.
    pub lots: i64,
    /// Why not.
    pub reason: Option<ReasonView>,
}

/// What some orders would do. Judged by announced batches: own fills that wait for their batch are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhatIfView {
    /// As the account stands.
    pub before: Standing,
    /// With the admitted orders filled whole at their worst prices, fees included.
    pub after: Standing,
    /// For each order, in the order of the request, behind the account's open orders.
    pub orders: Vec<Verdict>,
}
