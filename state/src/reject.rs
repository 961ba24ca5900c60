//! Why a batch or a change of markets is refused: one variant a rule.
//!
//! A message names the field and the rule, and where somebody can do something about it, what.

use crate::crypto::eddsa::EddsaError;
use crate::leaf::Status;
use crate::math::margin::NoRelief;
use crate::units::{AccountSlot, Fee, InstrumentId, Lots, OutOfRange, Ticks, Time, Window};

/// A part of a batch that has a capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Account entries.
    Accounts,
    /// Filled orders.
    Orders,
    /// Market rows.
    Rows,
    /// Clearings.
    Clearings,
    /// Deposits.
    Deposits,
    /// Commands.
    Commands,
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Lane::Accounts => "account entries",
            Lane::Orders => "orders",
            Lane::Rows => "market rows",
            Lane::Clearings => "clearings",
            Lane::Deposits => "deposits",
            Lane::Commands => "commands",
        })
    }
}

/// A point that a message or deposit brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The key that signs.
    Owner,
    /// The key that reads.
    Viewing,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Key::Owner => "owner key",
            Key::Viewing => "viewing key",
        })
    }
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    // The batch as a whole.
    /// Batch times never decrease.
    #[error("batch time {time} lies before the last batch's {last}")]
    TimeWentBack {
        /// This batch's time.
        time: Time,
        /// The last batch's.
        last: Time,
    },
    /// There is a markets root to use.
    #[error("no markets root was published yet: update the markets first")]
    NoMarkets,
    /// A batch comes after its markets root.
    #[error("batch time {time} lies before the markets' {markets}")]
    TimeBeforeMarkets {
        /// This batch's time.
        time: Time,
        /// Time of the markets root.
        markets: Time,
    },
    /// Markets roots never go back.
    #[error("markets root {number} is older than the last batch's, {last}")]
    MarketsWentBack {
        /// This batch's markets root.
        number: u32,
        /// The last batch's.
        last: u32,
    },
    /// Windows strictly increase across batches; an empty range directly follows the last window.
    #[error("windows {first} to {last} do not follow the last batch's window {previous}")]
    WindowRange {
        /// First window.
        first: Window,
        /// Last window.
        last: Window,
        /// The last batch's last window.
        previous: Window,
    },
    /// The order log never goes back.
    #[error("last log entry {log_last} lies before the first of this batch, {first}")]
    LogWentBack {
        /// First log entry of this batch.
        first: u64,
        /// Its last one.
        log_last: u64,
    },
    /// The ephemeral scalar lies in [2^249, 2^250).
    #[error("the ephemeral scalar is not in [2^249, 2^250): derive it with EphemeralKey")]
    EphemeralRange,
    /// A lane is full.
    #[error("{needed} {lane} where {room} fit: leave some for the next batch")]
    BatchFull {
        /// Which one.
        lane: Lane,
        /// Entries asked for.
        needed: usize,
        /// Entries it has.
        room: usize,
    },

    // Any account.
    /// Slot 0 is the house.
    #[error("account slot 0 is the house: it neither signs nor receives deposits")]
    HouseSlot,
    /// Only an opened account can be touched.
    #[error("account {account} was never opened: deposit first")]
    Unopened {
        /// The account.
        account: AccountSlot,
    },
    /// An account opened in this batch waits for the next.
    #[error("account {account} was opened in this batch: it can act from the next one on")]
    JustOpened {
        /// The account.
        account: AccountSlot,
    },
    /// Positions lie within the slots of the circuit.
    #[error(
        "account {account} holds position slot {slot}, beyond the {slots} of this circuit size: use a larger size"
    )]
    PositionBeyondSlots {
        /// The account.
        account: AccountSlot,
        /// The position's slot.
        slot: usize,
        /// Slots of the circuit size.
        slots: usize,
    },
    /// A new position needs a slot that was empty before the batch.
    #[error("account {account} has no free slot for instrument {instrument}: close a position first")]
    NoFreeSlot {
        /// The account.
        account: AccountSlot,
        /// The new position's instrument.
        instrument: InstrumentId,
    },
    /// |lots| < 2^40.
    #[error("account {account} would hold {lots} lots of instrument {instrument}, 2^40 or more")]
    LotsRange {
        /// The account.
        account: AccountSlot,
        /// The instrument.
        instrument: InstrumentId,
        /// The position that does not fit.
        lots: i128,
    },
    /// A position stays within the limit or shrinks.
    #[error("account {account} would go from {before} to {after} lots of instrument {instrument}, limit {limit}")]
    PositionLimit {
        /// The account.
        account: AccountSlot,
        /// The instrument.
        instrument: InstrumentId,
        /// Position before.
        before: Lots,
        /// Position after.
        after: Lots,
        /// The market's limit.
        limit: Lots,
    },
    /// In a reduce-only market positions shrink.
    #[error("instrument {instrument} is reduce-only and account {account} would go from {before} to {after} lots")]
    ReduceOnlyMarket {
        /// The account.
        account: AccountSlot,
        /// The instrument.
        instrument: InstrumentId,
        /// Position before.
        before: Lots,
        /// Position after.
        after: Lots,
    },
    /// A batch that fills a reduce-only order shrinks the position it names; there is one.
    #[error(
        "a reduce-only order of account {account} would leave instrument {instrument} at {after} lots from {before}"
    )]
    ReduceOnlyOrder {
        /// The account.
        account: AccountSlot,
        /// The instrument.
        instrument: InstrumentId,
        /// Position before.
        before: Lots,
        /// Position after.
        after: Lots,
    },
    /// |cash| < 2^106.
    #[error("cash of account {account} would be {cash} micro-units, 2^106 or more")]
    CashRange {
        /// The account.
        account: AccountSlot,
        /// Cash that does not fit.
        cash: i128,
    },
    /// Equity covers initial margin, or the account is better off than before.
    #[error("account {account} would have equity {equity} under initial margin {initial}, and {relief}")]
    Margin {
        /// The account.
        account: AccountSlot,
        /// Equity after, micro-units.
        equity: i128,
        /// Initial margin after, micro-units.
        initial: i128,
        /// Why the better-of rule does not help.
        relief: NoRelief,
    },

    // Orders.
    /// A message is signed for this deployment.
    #[error("a message of account {account} is signed for another deployment")]
    Deployment {
        /// The account.
        account: AccountSlot,
    },
    /// A message names the account's cancel epoch.
    #[error("a message of account {account} names cancel epoch {signed}, the account is at {current}: sign again")]
    Epoch {
        /// The account.
        account: AccountSlot,
        /// Epoch in the message.
        signed: u32,
        /// The account's.
        current: u32,
    },
    /// A message carries its owner's signature.
    #[error("the signature of account {account} is refused: {reason}")]
    Signature {
        /// The account.
        account: AccountSlot,
        /// What is wrong with it.
        reason: EddsaError,
    },
    /// The nonce is newer than the order slot's, or the order is the one that the slot remembers.
    #[error("order slot {order_slot} of account {account} is at nonce {last}, {nonce} is not newer: sign with a greater one")]
    Nonce {
        /// The account.
        account: AccountSlot,
        /// The order slot.
        order_slot: u8,
        /// Nonce in the message.
        nonce: u32,
        /// The slot's.
        last: u32,
    },
    /// A fill fills something.
    #[error("a fill of account {account} is of {fill} lots: at least 1")]
    EmptyFill {
        /// The account.
        account: AccountSlot,
        /// The fill.
        fill: Lots,
    },
    /// An order is filled up to its lots.
    #[error("an order of account {account} for {lots} lots is filled by {filled} and cannot take {fill} more")]
    Overfilled {
        /// The account.
        account: AccountSlot,
        /// Lots of the order.
        lots: Lots,
        /// Filled so far.
        filled: Lots,
        /// This fill.
        fill: Lots,
    },
    /// An order is filled while it is valid.
    #[error("an order of account {account} was valid until {valid_until}, the batch is at {time}")]
    OrderExpired {
        /// The account.
        account: AccountSlot,
        /// Last valid second.
        valid_until: Time,
        /// Batch time.
        time: Time,
    },
    /// The price is within the limit.
    #[error("an order of account {account} with limit {limit} cannot trade at {price}")]
    Limit {
        /// The account.
        account: AccountSlot,
        /// The order's limit.
        limit: Ticks,
        /// The clearing's price.
        price: Ticks,
    },
    /// The price is within the peg.
    #[error("an order of account {account} pegged to {peg} (mark and offset) cannot trade at {price}")]
    Peg {
        /// The account.
        account: AccountSlot,
        /// Mark plus offset, in ticks.
        peg: i128,
        /// The clearing's price.
        price: Ticks,
    },
    /// |peg offset| < 2^32.
    #[error("an order of account {account} has peg offset {offset}, 2^32 or more")]
    PegRange {
        /// The account.
        account: AccountSlot,
        /// The offset.
        offset: i64,
    },
    /// The fee is within the cap.
    #[error("an order of account {account} caps the fee at {cap} a lot, the market takes {fee}")]
    FeeCap {
        /// The account.
        account: AccountSlot,
        /// The order's cap.
        cap: Fee,
        /// The market's fee.
        fee: Fee,
    },

    // Clearings and rows.
    /// Only a listed instrument trades.
    #[error("instrument {instrument} is not listed")]
    NotListed {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// Only an open or reduce-only instrument trades.
    #[error("instrument {instrument} does not trade: it is {status:?}")]
    NotTrading {
        /// The instrument.
        instrument: InstrumentId,
        /// Its status.
        status: Status,
    },
    /// An instrument trades until it expires.
    #[error("instrument {instrument} expired at {expiry}, the batch is at {time}")]
    InstrumentExpired {
        /// The instrument.
        instrument: InstrumentId,
        /// Its expiry.
        expiry: Time,
        /// Batch time.
        time: Time,
    },
    /// An instrument trades on a mark that is not older than the maximum.
    #[error("the mark of instrument {instrument} is of {mark_time}, too old at {time}: update the markets")]
    MarkStale {
        /// The instrument.
        instrument: InstrumentId,
        /// When the mark was taken.
        mark_time: Time,
        /// Batch time.
        time: Time,
    },
    /// A mark does not come from the future.
    #[error("the mark of instrument {instrument} is of {mark_time}, after the batch at {time}")]
    MarkAhead {
        /// The instrument.
        instrument: InstrumentId,
        /// When the mark was taken.
        mark_time: Time,
        /// Batch time.
        time: Time,
    },
    /// The circuit size knows the underlying of every loaded row.
    #[error("instrument {instrument} has underlying {underlying}, this circuit size knows {known}")]
    Underlying {
        /// The instrument.
        instrument: InstrumentId,
        /// Its underlying.
        underlying: u8,
        /// Underlyings of the size.
        known: usize,
    },
    /// A clearing's price lies inside the band.
    #[error("price {price} of instrument {instrument} lies outside its band {low} to {high}")]
    Band {
        /// The instrument.
        instrument: InstrumentId,
        /// The clearing's price.
        price: Ticks,
        /// Lowest price.
        low: Ticks,
        /// Highest price.
        high: Ticks,
    },
    /// A clearing's window belongs to the batch.
    #[error("window {window} of instrument {instrument} is not among the batch's")]
    WindowOutside {
        /// The instrument.
        instrument: InstrumentId,
        /// The window.
        window: Window,
    },
    /// An instrument has one price a window.
    #[error("instrument {instrument} has prices {first} and {second} in window {window}")]
    TwoPrices {
        /// The instrument.
        instrument: InstrumentId,
        /// The window.
        window: Window,
        /// One price.
        first: Ticks,
        /// The other.
        second: Ticks,
    },
    /// Bought and sold lots of a clearing are equal.
    #[error("in window {window} of instrument {instrument} {bought} lots are bought and {sold} sold")]
    Unbalanced {
        /// The instrument.
        instrument: InstrumentId,
        /// The window.
        window: Window,
        /// Lots bought.
        bought: i128,
        /// Lots sold.
        sold: i128,
    },

    // Commands.
    /// An account gives at most one command a batch.
    #[error("account {account} has two commands in the batch: leave one for the next")]
    TwoCommands {
        /// The account.
        account: AccountSlot,
    },
    /// An account either trades or commands in a batch.
    #[error("account {account} has fills and a command in the batch: leave the command for the next")]
    CommandBesideOrders {
        /// The account.
        account: AccountSlot,
    },
    /// A withdrawal is of something.
    #[error("account {account} withdraws {amount} micro-units: more than 0")]
    EmptyWithdrawal {
        /// The account.
        account: AccountSlot,
        /// The amount.
        amount: i128,
    },
    /// A withdrawal goes to somebody.
    #[error("account {account} withdraws to the zero address")]
    NoRecipient {
        /// The account.
        account: AccountSlot,
    },
    /// A withdrawal is paid on the chain of the deployment.
    #[error("account {account} withdraws on chain {chain}, this deployment is on {own}")]
    Chain {
        /// The account.
        account: AccountSlot,
        /// Chain in the message.
        chain: u64,
        /// The deployment's.
        own: u64,
    },
    /// A withdrawal leaves initial margin covered at the mark.
    #[error("a withdrawal would leave account {account} equity {equity} at the mark under initial margin {initial}")]
    WithdrawalOverEquity {
        /// The account.
        account: AccountSlot,
        /// Equity after, micro-units.
        equity: i128,
        /// Initial margin after, micro-units.
        initial: i128,
    },
    /// A withdrawal leaves initial margin covered at the last daily settlement mark.
    #[error(
        "a withdrawal would leave account {account} equity {equity} at the daily mark under initial margin {initial}"
    )]
    WithdrawalOverDailyEquity {
        /// The account.
        account: AccountSlot,
        /// Equity after at the daily mark, micro-units.
        equity: i128,
        /// Initial margin after, micro-units.
        initial: i128,
    },
    /// Who holds an expired instrument withdraws after it settled.
    #[error("account {account} holds instrument {instrument}, which expired and is not settled: withdraw afterwards")]
    WithdrawalAwaitsSettlement {
        /// The account.
        account: AccountSlot,
        /// The instrument.
        instrument: InstrumentId,
    },
    /// Epochs do not wrap.
    #[error("cancel epoch of account {account} is at its maximum")]
    EpochExhausted {
        /// The account.
        account: AccountSlot,
    },
    /// A key's eighth is a point of the curve.
    #[error("one eighth of a new {key} of account {account} is not on the curve")]
    KeyOffCurve {
        /// The account.
        account: AccountSlot,
        /// Which key.
        key: Key,
    },
    /// A new owner key is not the identity.
    #[error("the new owner key of account {account} is the identity: anybody could sign for it")]
    IdentityKey {
        /// The account.
        account: AccountSlot,
    },
    /// A rotation carries a signature by the new key.
    #[error("the new owner key of account {account} does not prove possession: {reason}")]
    Possession {
        /// The account.
        account: AccountSlot,
        /// What is wrong with the signature.
        reason: EddsaError,
    },
    /// A rotation carries the new key's signature.
    #[error("a rotation of account {account} lacks the new key's signature over the same message")]
    NoPossession {
        /// The account.
        account: AccountSlot,
    },

    // Deposits.
    /// An account receives at most one deposit a batch.
    #[error("account {account} has two deposits in the batch: end the range before the second")]
    TwoDeposits {
        /// The account.
        account: AccountSlot,
    },

    // The house.
    /// The house's balances fit.
    #[error("the house's {balance} balance does not fit: {reason}")]
    HouseRange {
        /// Which balance.
        balance: &'static str,
        /// What did not fit.
        reason: OutOfRange,
    },

    // Changes of markets.
    /// Markets' times start above zero and never decrease.
    #[error("markets time {time} lies before {last}")]
    MarketsTime {
        /// New time.
        time: Time,
        /// The least allowed.
        last: Time,
    },
    /// An instrument changes once an update.
    #[error("instrument {instrument} appears twice in the update")]
    ChangedTwice {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// Ids are serial from 1 and never reused.
    #[error("instrument {instrument} is not listed and the next id is {next}")]
    IdNotSerial {
        /// The id.
        instrument: InstrumentId,
        /// The next free one.
        next: i64,
    },
    /// Terms never change.
    #[error("kind, underlying, tick value, expiry and strike of instrument {instrument} never change: list a new one")]
    TermsChanged {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// Settled is terminal: such a leaf never changes again.
    #[error("instrument {instrument} is settled and never changes again")]
    SettledChanged {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// A settlement value comes with the status `Settled`.
    #[error("instrument {instrument} has a settlement value and is not settled")]
    SettlementEarly {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// A leaf names one of eight underlyings.
    #[error("instrument {instrument} names underlying {underlying}: below 8")]
    UnderlyingRange {
        /// The instrument.
        instrument: InstrumentId,
        /// The underlying.
        underlying: u8,
    },
    /// A mark is not younger than the update.
    #[error("the mark of instrument {instrument} is of {mark_time}, after the update at {time}")]
    MarkAfterUpdate {
        /// The instrument.
        instrument: InstrumentId,
        /// When the mark was taken.
        mark_time: Time,
        /// Time of the update.
        time: Time,
    },
    /// A band is not empty.
    #[error("the band of instrument {instrument} ends at {high}, below its start {low}")]
    BandReversed {
        /// The instrument.
        instrument: InstrumentId,
        /// Lowest price.
        low: Ticks,
        /// Highest price.
        high: Ticks,
    },
}

impl Rejection {
    /// The account that the rule was about, if it was about one: leave it out and the rest may pass.
    pub fn account(&self) -> Option<AccountSlot> {
        use Rejection::*;
        match self {
            Unopened { account }
            | JustOpened { account }
            | PositionBeyondSlots { account, .. }
            | NoFreeSlot { account, .. }
            | LotsRange { account, .. }
            | PositionLimit { account, .. }
            | ReduceOnlyMarket { account, .. }
            | ReduceOnlyOrder { account, .. }
            | CashRange { account, .. }
            | Margin { account, .. }
            | Deployment { account }
            | Epoch { account, .. }
            | Signature { account, .. }
            | Nonce { account, .. }
            | EmptyFill { account, .. }
            | Overfilled { account, .. }
            | OrderExpired { account, .. }
            | Limit { account, .. }
            | Peg { account, .. }
            | PegRange { account, .. }
            | FeeCap { account, .. }
            | TwoCommands { account }
            | CommandBesideOrders { account }
            | EmptyWithdrawal { account, .. }
            | NoRecipient { account }
            | Chain { account, .. }
            | WithdrawalOverEquity { account, .. }
            | WithdrawalOverDailyEquity { account, .. }
            | WithdrawalAwaitsSettlement { account, .. }
            | EpochExhausted { account }
            | KeyOffCurve { account, .. }
            | IdentityKey { account }
            | Possession { account, .. }
            | NoPossession { account }
            | TwoDeposits { account } => Some(*account),
            _ => None,
        }
    }
}
