//! Stable names of reasons, with the status and the field that a refusal has over HTTP.

use axum::http::StatusCode;
use novation_sequencer::reason::{Deferred, Lapsed, Refused};
use novation_sequencer::NotAdmitted;
use novation_state::reject::{Key, Rejection};

/// How a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable name.
    pub code: &'static str,
    /// The field at fault, where there is one.
    pub field: Option<&'static str>,
}

const fn told(status: StatusCode, code: &'static str, field: &'static str) -> Told {
    Told { status, code, field: Some(field) }
}

/// A rule of the message itself: it will never be taken in as it is.
const fn rule(code: &'static str, field: &'static str) -> Told {
    told(StatusCode::UNPROCESSABLE_ENTITY, code, field)
}

/// The message does not fit what is there now: another one may.
const fn conflict(code: &'static str, field: &'static str) -> Told {
    told(StatusCode::CONFLICT, code, field)
}

/// A rule about the account that no field of a message breaks by itself.
const fn account(code: &'static str) -> Told {
    Told { status: StatusCode::UNPROCESSABLE_ENTITY, code, field: None }
}

/// A rule that only the operator's own inputs can break.
const fn internal(code: &'static str) -> Told {
    Told { status: StatusCode::INTERNAL_SERVER_ERROR, code, field: None }
}

/// Of a refusal.
pub fn refused(reason: &Refused) -> Told {
    match reason {
        Refused::Rule(broken) => rejection(broken),
        Refused::FillOrKill => rule("fill_or_kill", "execution"),
        Refused::PostOnly => rule("post_only", "execution"),
        Refused::Stop => rule("stop", "execution"),
        Refused::EmptyOrder { .. } => rule("empty_order", "lots"),
        Refused::Settled { .. } => rule("settled", "instrument"),
        Refused::InstrumentExpired { .. } => rule("instrument_expired", "instrument"),
        Refused::NonceSeen { .. } => conflict("nonce_seen", "nonce"),
        Refused::EpochEnds { .. } => conflict("epoch_ends", "epoch"),
        Refused::Full { .. } => Told { status: StatusCode::SERVICE_UNAVAILABLE, code: "queue_full", field: None },
        Refused::TimeWentBack { .. } => internal("time_went_back"),
        Refused::DepositOrder { .. } => internal("deposit_order"),
        Refused::Deposit { .. } => internal("deposit"),
        Refused::Unproven { .. } => internal("unproven"),
        Refused::Unbatched { .. } => internal("unbatched"),
        Refused::ProofOrder { .. } => internal("proof_order"),
        Refused::NothingUnproven { .. } => internal("nothing_unproven"),
        Refused::BatchRefused(_) => internal("batch_refused"),
        Refused::Unsatisfied(_) => internal("unsatisfied"),
    }
}

/// Of a broken rule of the ledger.
pub fn rejection(broken: &Rejection) -> Told {
    use Rejection::*;
    match broken {
        // Messages.
        HouseSlot => rule("house_slot", "account"),
        Unopened { .. } => told(StatusCode::NOT_FOUND, "unopened", "account"),
        Deployment { .. } => rule("deployment", "deployment"),
        Epoch { .. } => conflict("epoch", "epoch"),
        Signature { .. } => rule("signature", "signature"),
        Nonce { .. } => conflict("nonce_seen", "nonce"),
        OrderExpired { .. } => rule("order_expired", "valid_until"),
        PegRange { .. } => rule("peg_range", "peg_offset"),
        FeeCap { .. } => rule("fee_cap", "fee_cap"),
        Limit { .. } => rule("limit", "limit"),
        Peg { .. } => rule("peg", "peg_offset"),
        NotListed { .. } => rule("not_listed", "instrument"),
        NotTrading { .. } => rule("not_trading", "instrument"),
        InstrumentExpired { .. } => rule("instrument_expired", "instrument"),
        Underlying { .. } => rule("underlying", "instrument"),
        EmptyWithdrawal { .. } => rule("empty_withdrawal", "action.withdraw.amount"),
        NoRecipient { .. } => rule("no_recipient", "action.withdraw.recipient"),
        Chain { .. } => rule("chain", "action.withdraw.chain"),
        WithdrawalOverEquity { .. } => rule("withdrawal_over_equity", "action.withdraw.amount"),
        WithdrawalOverDailyEquity { .. } => rule("withdrawal_over_daily_equity", "action.withdraw.amount"),
        WithdrawalAwaitsSettlement { .. } => rule("withdrawal_awaits_settlement", "action.withdraw.amount"),
        EpochExhausted { .. } => rule("epoch_exhausted", "epoch"),
        KeyOffCurve { key: Key::Owner, .. } => rule("key_off_curve", "action.rotate.owner_eighth"),
        KeyOffCurve { key: Key::Viewing, .. } => rule("key_off_curve", "viewing"),
        IdentityKey { .. } => rule("identity_key", "action.rotate.owner_eighth"),
        Possession { .. } => rule("possession", "possession"),
        NoPossession { .. } => rule("no_possession", "possession"),
        // Accounts.
        JustOpened { .. } => account("just_opened"),
        PositionBeyondSlots { .. } => account("position_beyond_slots"),
        NoFreeSlot { .. } => account("no_free_slot"),
        LotsRange { .. } => account("lots_range"),
        PositionLimit { .. } => account("position_limit"),
        ReduceOnlyMarket { .. } => account("reduce_only_market"),
        ReduceOnlyOrder { .. } => account("reduce_only_order"),
        CashRange { .. } => account("cash_range"),
        Margin { .. } => account("margin"),
        EmptyFill { .. } => account("empty_fill"),
        Overfilled { .. } => account("overfilled"),
        TwoCommands { .. } => account("two_commands"),
        CommandBesideOrders { .. } => account("command_beside_orders"),
        TwoDeposits { .. } => account("two_deposits"),
        // Batches and markets: the operator's own.
        TimeWentBack { .. } => internal("time_went_back"),
        NoMarkets => internal("no_markets"),
        TimeBeforeMarkets { .. } => internal("time_before_markets"),
        MarketsWentBack { .. } => internal("markets_went_back"),
        WindowRange { .. } => internal("window_range"),
        LogWentBack { .. } => internal("log_went_back"),
        EphemeralRange => internal("ephemeral_range"),
        BatchFull { .. } => internal("batch_full"),
        MarkStale { .. } => internal("mark_stale"),
        MarkAhead { .. } => internal("mark_ahead"),
        Band { .. } => internal("band"),
        WindowOutside { .. } => internal("window_outside"),
        TwoPrices { .. } => internal("two_prices"),
        Unbalanced { .. } => internal("unbalanced"),
        HouseRange { .. } => internal("house_range"),
        MarketsTime { .. } => internal("markets_time"),
        ChangedTwice { .. } => internal("changed_twice"),
        IdNotSerial { .. } => internal("id_not_serial"),
        TermsChanged { .. } => internal("terms_changed"),
        SettledChanged { .. } => internal("settled_changed"),
        SettlementEarly { .. } => internal("settlement_early"),
        UnderlyingRange { .. } => internal("underlying_range"),
        MarkAfterUpdate { .. } => internal("mark_after_update"),
        BandReversed { .. } => internal("band_reversed"),
    }
}

/// Of a reason to stay out of a window.
pub fn deferred(reason: &Deferred) -> &'static str {
    match reason {
        Deferred::NotTrading { .. } => "not_trading",
        Deferred::MarkStale { .. } => "mark_stale",
        Deferred::FeeCap { .. } => "fee_cap",
        Deferred::PegWithoutPrice { .. } => "peg_without_price",
        Deferred::CommandFirst { .. } => "command_first",
        Deferred::NothingToReduce { .. } => "nothing_to_reduce",
        Deferred::BesideReduceOnly { .. } => "beside_reduce_only",
        Deferred::SelfCross { .. } => "self_cross",
        Deferred::PositionLimit { .. } => "position_limit",
        Deferred::NoFreeSlot { .. } => "no_free_slot",
        Deferred::CashRange => "cash_range",
        Deferred::Margin { .. } => "margin",
        Deferred::WindowFull(_) => "window_full",
    }
}

/// Of a reason to be over.
pub fn lapsed(reason: &Lapsed) -> &'static str {
    match reason {
        Lapsed::WindowOver => "window_over",
        Lapsed::Expired { .. } => "expired",
        Lapsed::InstrumentOver { .. } => "instrument_over",
        Lapsed::Replaced { .. } => "replaced",
        Lapsed::EpochOver { .. } => "epoch_over",
    }
}

/// Of a reason not to be admitted.
pub fn not_admitted(reason: &NotAdmitted) -> &'static str {
    match reason {
        NotAdmitted::Refused(reason) => refused(reason).code,
        NotAdmitted::Deferred(reason) => deferred(reason),
    }
}
