//! Why something is refused, waits or lapses. Every reason has a name, and a message that says what helps.

use novation_state::leaf::Status;
use novation_state::math::margin::NoRelief;
use novation_state::reject::{Lane, Rejection};
use novation_state::units::{AccountSlot, Fee, InstrumentId, Lots, Ticks, Time};

/// An input that changes nothing and leaves no trace in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The log's times never decrease.
    #[error("input of {time} comes after one of {last}: the log's times never decrease")]
    TimeWentBack {
        /// Time of the input.
        time: Time,
        /// Time of the last one.
        last: Time,
    },
    /// A message breaks a rule of the ledger that no waiting mends.
    #[error("the ledger would refuse it: {0}")]
    Rule(#[from] Rejection),
    /// Fill-or-kill does not exist here.
    #[error("fill-or-kill is not offered: an auction fills at the margin pro rata; use an order for this window only")]
    FillOrKill,
    /// Post-only does not exist here.
    #[error("post-only is not offered: in an auction nobody makes or takes, and both sides pay one fee")]
    PostOnly,
    /// Stop orders do not exist here.
    #[error("stop orders are not offered: send the order when its condition holds")]
    Stop,
    /// An order is for something.
    #[error("an order is for {lots} lots: at least 1")]
    EmptyOrder {
        /// Lots asked for.
        lots: Lots,
    },
    /// The instrument settled: nothing will ever trade in it.
    #[error("instrument {instrument} is settled: it never trades again")]
    Settled {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// The instrument expired: nothing will ever trade in it.
    #[error("instrument {instrument} expired at {expiry}: it never trades again")]
    InstrumentExpired {
        /// The instrument.
        instrument: InstrumentId,
        /// Its expiry.
        expiry: Time,
    },
    /// An order, replaced or not, was seen with this nonce or a later one.
    #[error("order slot {order_slot} of account {account} has seen nonce {last}, {nonce} is not newer: sign with a greater one")]
    NonceSeen {
        /// The account.
        account: AccountSlot,
        /// The order slot.
        order_slot: u8,
        /// Nonce in the message.
        nonce: u32,
        /// Greatest nonce seen.
        last: u32,
    },
    /// The epoch that the message names is about to end.
    #[error("a command of account {account} ends its cancel epoch: wait for its batch and sign again")]
    EpochEnds {
        /// The account.
        account: AccountSlot,
    },
    /// A queue is full.
    #[error("{queue} holds {limit} entries, its maximum: try again after the next batch")]
    Full {
        /// Which one.
        queue: &'static str,
        /// Its maximum.
        limit: usize,
    },
    /// Deposits come in queue order.
    #[error("deposit {index} was sent where deposit {expected} is next: the L1 queue has no gaps")]
    DepositOrder {
        /// Index sent.
        index: u64,
        /// Index that is next.
        expected: u64,
    },
    /// The contract keeps such a deposit out of its queue.
    #[error("deposit {index} cannot come from the contract: {reason}")]
    Deposit {
        /// Its index.
        index: u64,
        /// The rule that the contract enforces.
        reason: Rejection,
    },
    /// Too much is unproven: new windows and batches wait.
    #[error("{unproven} batches wait for their proofs, the bound is {bound}: windows and batches wait too")]
    Unproven {
        /// Batches without an accepted proof.
        unproven: u64,
        /// Their bound.
        bound: u64,
    },
    /// Too many windows wait for a batch: new ones wait too.
    #[error("{windows} auctioned windows wait for a batch, the bound is {bound}: ask for a batch first")]
    Unbatched {
        /// Windows with fills that no batch holds yet.
        windows: usize,
        /// Their bound.
        bound: usize,
    },
    /// Proofs are accepted in order.
    #[error("batch {batch} was reported as proven where batch {expected} is next")]
    ProofOrder {
        /// Batch reported.
        batch: u64,
        /// The next one without a proof.
        expected: u64,
    },
    /// Nothing was batched that could be proven.
    #[error("batch {batch} was reported as proven and no batch waits for a proof")]
    NothingUnproven {
        /// Batch reported.
        batch: u64,
    },
    /// The planned batch breaks a rule: a fault of the sequencer. Nothing changed and nothing was announced.
    #[error("the planned batch is refused by the ledger, which is a fault of the sequencer: {0}")]
    BatchRefused(Rejection),
    /// The planned batch does not satisfy the circuit. Nothing changed and nothing was announced.
    #[error("the planned batch does not satisfy the circuit: {0}")]
    Unsatisfied(String),
}

/// Why a resting order stays out of a window. It takes part again as soon as the reason is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Deferred {
    /// The market is halted.
    #[error("instrument {instrument} does not trade: it is {status:?}")]
    NotTrading {
        /// The instrument.
        instrument: InstrumentId,
        /// Its status.
        status: Status,
    },
    /// The mark is too old to trade on.
    #[error("the mark of instrument {instrument} is of {mark_time}, too old at {time}")]
    MarkStale {
        /// The instrument.
        instrument: InstrumentId,
        /// When the mark was taken.
        mark_time: Time,
        /// Time of the window.
        time: Time,
    },
    /// The market's fee is above the order's cap.
    #[error("the order caps the fee at {cap} a lot, the market takes {fee}")]
    FeeCap {
        /// The order's cap.
        cap: Fee,
        /// The market's fee.
        fee: Fee,
    },
    /// The peg is at no price that exists.
    #[error("mark {mark} with offset {offset} is no price")]
    PegWithoutPrice {
        /// The mark.
        mark: Ticks,
        /// The order's offset.
        offset: i64,
    },
    /// A signed command of the account is on its way into a batch.
    #[error("a command of account {account} comes first: an account either trades or commands in a batch")]
    CommandFirst {
        /// The account.
        account: AccountSlot,
    },
    /// The order may only shrink the position, and nothing is left to shrink.
    #[error("nothing of the position in instrument {instrument} is left to reduce: it holds {held} lots")]
    NothingToReduce {
        /// The instrument.
        instrument: InstrumentId,
        /// The account's position.
        held: i128,
    },
    /// A reduce-only order and one that opens cannot both be kept to their word.
    #[error(
        "instrument {instrument} has a reduce-only and an opening order of the account in one window: the newer waits"
    )]
    BesideReduceOnly {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// The account would trade with itself: the newer order is cut.
    #[error("the order crosses the account's own order at log position {older}")]
    SelfCross {
        /// Log position of the older order.
        older: u64,
    },
    /// The position could pass the market's limit.
    #[error("the position in instrument {instrument} could reach {worst} lots, limit {limit}")]
    PositionLimit {
        /// The instrument.
        instrument: InstrumentId,
        /// Signed lots, with the account's orders of that side filled.
        worst: i128,
        /// The market's limit.
        limit: Lots,
    },
    /// Every position slot is taken.
    #[error("all {slots} position slots are taken, orders of this window included: close a position first")]
    NoFreeSlot {
        /// Position slots of the circuit size.
        slots: usize,
    },
    /// Cash could leave its range.
    #[error("cash could leave its range of 2^106 micro-units")]
    CashRange,
    /// The account cannot bear the order.
    #[error("with its earlier orders filled in the worst subset the account lacks {shortfall} micro-units of initial margin, and {relief}")]
    Margin {
        /// Initial margin less equity in the worst outcome, micro-units.
        shortfall: i128,
        /// Why the better-of rule does not help.
        relief: NoRelief,
    },
    /// The window fills more than a batch can hold.
    #[error("the window fills more {0} than a batch holds: earlier log positions go first")]
    WindowFull(Lane),
}

/// Why a resting order is gone without having been filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lapsed {
    /// It was for one window.
    #[error("the order was for one window")]
    WindowOver,
    /// Its time is over.
    #[error("the order was valid until {valid_until}")]
    Expired {
        /// Last valid second.
        valid_until: Time,
    },
    /// Its instrument never trades again.
    #[error("instrument {instrument} expired or is settled")]
    InstrumentOver {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// A newer message uses its order slot.
    #[error("the message at log position {by} replaces it")]
    Replaced {
        /// Log position of the newer message.
        by: u64,
    },
    /// The account raised its cancel epoch.
    #[error("the command at log position {by} ends every earlier order of the account")]
    EpochOver {
        /// Log position of the command.
        by: u64,
    },
}

/// Why a window, a deposit or a command is not in a batch yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Waiting {
    /// No room.
    #[error("the batch has no room for more {0}")]
    Lane(Lane),
    /// Windows of a batch share one markets root.
    #[error("its auction used another markets root than this batch")]
    OtherMarkets,
    /// Windows go into batches in order.
    #[error("an earlier window waits")]
    EarlierWindow,
    /// Fills of an account share its old leaf's position slots.
    #[error("account {account} has no free position slot before the next batch")]
    NoFreeSlot {
        /// The account.
        account: AccountSlot,
    },
    /// A reduce-only order is measured against the position before the batch.
    #[error("a reduce-only order of account {account} in instrument {instrument} needs the batch before to be final")]
    ReduceOnly {
        /// The account.
        account: AccountSlot,
        /// The instrument.
        instrument: InstrumentId,
    },
    /// An account receives one deposit a batch.
    #[error("account {account} has a deposit in this batch already")]
    SecondDeposit {
        /// The account.
        account: AccountSlot,
    },
    /// An account gives one command a batch, in log order.
    #[error("an earlier command of account {account} goes first")]
    SecondCommand {
        /// The account.
        account: AccountSlot,
    },
    /// A command waits for the fills before it.
    #[error("fills of account {account} go first: an account either trades or commands in a batch")]
    FillsFirst {
        /// The account.
        account: AccountSlot,
    },
    /// A withdrawal waits for the deposit before it.
    #[error("a deposit of account {account} goes first")]
    DepositFirst {
        /// The account.
        account: AccountSlot,
    },
}
