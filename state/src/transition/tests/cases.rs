//! Every case of the testkit, and that every rejection has one.

use crate::reject::Rejection;
use crate::testkit::cases::{all, Attempt};
use crate::transition::Guard;
use std::collections::BTreeSet;

/// Names every variant once. A new variant does not compile until it is named here, and then needs a case.
macro_rules! variants {
    ($($name:ident)*) => {
        const VARIANTS: &[&str] = &[$(stringify!($name)),*];

        fn variant(rejection: &Rejection) -> &'static str {
            match rejection {
                $(Rejection::$name { .. } => stringify!($name),)*
            }
        }
    };
}

variants! {
    TimeWentBack NoMarkets TimeBeforeMarkets MarketsWentBack WindowRange LogWentBack EphemeralRange BatchFull
    HouseSlot Unopened JustOpened PositionBeyondSlots NoFreeSlot LotsRange PositionLimit ReduceOnlyMarket ReduceOnlyOrder
    CashRange Margin
    Deployment Epoch Signature Nonce EmptyFill Overfilled OrderExpired Limit Peg PegRange FeeCap
    NotListed NotTrading InstrumentExpired MarkStale MarkAhead Underlying Band WindowOutside TwoPrices Unbalanced
    TwoCommands CommandBesideOrders EmptyWithdrawal NoRecipient Chain WithdrawalOverEquity WithdrawalOverDailyEquity
    WithdrawalAwaitsSettlement EpochExhausted KeyOffCurve IdentityKey Possession NoPossession
    TwoDeposits HouseRange
    MarketsTime ChangedTwice IdNotSerial TermsChanged SettledChanged SettlementEarly UnderlyingRange MarkAfterUpdate
    BandReversed
}

#[test]
fn every_case_passes_at_its_bound_and_is_refused_just_past_it() {
    for case in all() {
        let (mut world, attempt) = case.good;
        assert_eq!(attempt.on(&mut world), Ok(()), "{}, at the bound", case.name);
        let (mut world, attempt) = case.bad;
        let (ledger, markets) = (world.ledger.clone(), world.markets.clone());
        assert_eq!(attempt.on(&mut world), Err(case.broken), "{}, past the bound", case.name);
        assert_eq!((world.ledger, world.markets), (ledger, markets), "{}: something changed", case.name);
    }
}

#[test]
fn every_rejection_has_a_case_and_every_case_a_name_of_its_own() {
    let cases = all();
    let covered: BTreeSet<&str> = cases.iter().map(|case| variant(&case.broken)).collect();
    assert_eq!(covered, VARIANTS.iter().copied().collect());
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len());
}

#[test]
fn lenient_guard_records_the_broken_rule_first_and_applies_nothing() {
    let mut without_trace = BTreeSet::new();
    for case in all() {
        let (world, attempt) = &case.bad;
        let Attempt::Batch(input) = attempt else { continue };
        let mut ledger = world.ledger.clone();
        let mut guard = Guard::Lenient(Vec::new());
        match ledger.apply_guarded(world.size, &world.markets, (**input).clone(), &mut guard) {
            Ok(_) => {
                let Guard::Lenient(broken) = &guard else { panic!("{}: the guard changed", case.name) };
                assert_eq!(broken.first(), Some(&case.broken), "{}", case.name);
            }
            Err(broken) => {
                assert_eq!(broken, case.broken, "{}", case.name);
                without_trace.insert(variant(&broken));
            }
        }
        assert_eq!(ledger, world.ledger, "{}: something changed", case.name);
    }
    // Where there is nothing to build, whatever the guard.
    let expected = [
        "BatchFull",
        "CashRange",
        "EpochExhausted",
        "HouseRange",
        "HouseSlot",
        "LotsRange",
        "NoFreeSlot",
        "PositionBeyondSlots",
        "Unopened",
    ];
    assert_eq!(without_trace, expected.into_iter().collect());
}

#[test]
fn account_of_a_rejection_is_the_one_it_names() {
    for case in all() {
        let text = format!("{:?}", case.broken);
        assert_eq!(case.broken.account().is_some(), text.contains("account: "), "{text}");
    }
}
