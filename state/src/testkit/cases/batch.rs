//! The batch as a whole: order in time, capacity, who may be named.

use super::{case, fills, later, slot, Case};
use crate::crypto::babyjub::Scalar;
use crate::markets::Markets;
use crate::reject::{Lane, Rejection};
use crate::testkit::stage::{A, B, C, D, E, F, FREE, HEDGE, PERP, UNLISTED};
use crate::testkit::World;
use crate::transition::{BatchInput, Fill};
use crate::units::{AccountSlot, InstrumentId, Window};
use ark_ff::Field;

fn empty(world: &mut World) -> BatchInput {
    world.input()
}

/// The scalar `2^n`.
fn scalar(n: u64) -> Scalar {
    Scalar::from(2u64).pow([n])
}

fn windows(world: &World, first: i64, last: i64) -> [Window; 2] {
    [first, last].map(|n| Window::new(world.ledger.head().window.get() + n).expect("in range"))
}

/// A batch with that range of windows, counted from the last one.
fn range(first: i64, last: i64) -> impl FnOnce(&mut World) -> BatchInput {
    move |world| {
        let [window_first, window_last] = windows(world, first, last);
        BatchInput { window_first, window_last, ..world.input() }
    }
}

fn range_broken(first: i64, last: i64) -> impl FnOnce(&World) -> Rejection {
    move |world| {
        let [first, last] = windows(world, first, last);
        Rejection::WindowRange { first, last, previous: world.ledger.head().window }
    }
}

fn order_in_time() -> Vec<Case> {
    vec![
        case(
            "batch_before_the_last_one",
            |w| BatchInput { time: w.ledger.head().time, ..w.input() },
            |w| BatchInput { time: later(w, -1), ..w.input() },
            |w| Rejection::TimeWentBack { time: later(w, -1), last: w.time },
        ),
        case(
            "batch_before_its_markets",
            |w| {
                w.time = later(w, 50);
                w.set_market(PERP, |_| {});
                w.input()
            },
            |w| {
                w.time = later(w, 50);
                w.set_market(PERP, |_| {});
                BatchInput { time: later(w, -1), ..w.input() }
            },
            |w| Rejection::TimeBeforeMarkets { time: later(w, -1), markets: w.time },
        ),
        case(
            "batch_without_markets",
            empty,
            |w| {
                w.markets = Markets::new();
                w.input()
            },
            |_| Rejection::NoMarkets,
        ),
        case(
            "batch_on_older_markets",
            |w| {
                let old = w.markets.clone();
                w.set_market(PERP, |_| {});
                w.markets = old;
                w.input()
            },
            |w| {
                let old = w.markets.clone();
                w.set_market(PERP, |_| {});
                let input = w.input();
                w.apply(input);
                w.markets = old;
                w.input()
            },
            |w| Rejection::MarketsWentBack { number: w.markets.number(), last: w.markets.number() + 1 },
        ),
        case("windows_repeat_the_last_one", range(1, 1), range(0, 1), range_broken(0, 1)),
        case("windows_leave_some_out", range(5, 9), range(5, 4), range_broken(5, 4)),
        case("windows_none", range(1, 0), range(2, 1), range_broken(2, 1)),
        case(
            "log_before_the_last_batch",
            |w| BatchInput { log_last: w.ledger.head().log, ..w.input() },
            |w| BatchInput { log_last: w.ledger.head().log - 1, ..w.input() },
            |w| Rejection::LogWentBack { first: w.ledger.head().log + 1, log_last: w.ledger.head().log - 1 },
        ),
        case(
            "ephemeral_too_great",
            |w| BatchInput { ephemeral: scalar(250) - Scalar::from(1u64), ..w.input() },
            |w| BatchInput { ephemeral: scalar(250), ..w.input() },
            |_| Rejection::EphemeralRange,
        ),
        case(
            "ephemeral_too_small",
            |w| BatchInput { ephemeral: scalar(249), ..w.input() },
            |w| BatchInput { ephemeral: scalar(249) - Scalar::from(1u64), ..w.input() },
            |_| Rejection::EphemeralRange,
        ),
    ]
}

fn full(lane: Lane, needed: usize, room: usize) -> impl FnOnce(&World) -> Rejection {
    move |_| Rejection::BatchFull { lane, needed, room }
}

fn decoys(count: usize) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        let decoys = w.traders.iter().take(count).map(|t| t.slot).collect();
        BatchInput { decoys, ..w.input() }
    }
}

fn rows(count: i64) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        let id = |n| InstrumentId::new(UNLISTED.get() + n).expect("in range");
        BatchInput { extra_rows: (0..count).map(id).collect(), ..w.input() }
    }
}

fn top_ups(count: usize) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        let deposits = (0..count).map(|trader| w.deposit(trader, 1)).collect();
        BatchInput { deposits, ..w.input() }
    }
}

fn withdrawals(count: usize) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        let commands = [C, D, E].iter().take(count).map(|t| w.command(*t, w.withdrawal(*t, 1))).collect();
        BatchInput { commands, ..w.input() }
    }
}

fn trades(w: &World, instruments: &[InstrumentId]) -> Vec<Fill> {
    instruments.iter().flat_map(|id| w.trade(C, D, *id, 1)).collect()
}

fn capacity() -> Vec<Case> {
    let two = || fills(|w| trades(w, &[PERP, HEDGE]));
    vec![
        case("accounts_full", decoys(4), decoys(5), full(Lane::Accounts, 5, 4)),
        case("rows_full", rows(8), rows(9), full(Lane::Rows, 9, 8)),
        case("deposits_full", top_ups(2), top_ups(3), full(Lane::Deposits, 3, 2)),
        case("commands_full", withdrawals(2), withdrawals(3), full(Lane::Commands, 3, 2)),
        case("orders_full", two(), fills(|w| trades(w, &[PERP, HEDGE, FREE])), full(Lane::Orders, 6, 4)),
        case(
            "clearings_full",
            two(),
            fills(|w| {
                // A clearing an order: that their fills do not balance is not looked at any more.
                let mut all = trades(w, &[PERP, HEDGE]);
                for (i, fill) in all.iter_mut().enumerate() {
                    fill.window = Window::new(w.ledger.head().window.get() + 1 + i as i64 / 2).expect("in range");
                    fill.price = crate::units::Ticks::new(1_000 + i as i64).expect("in range");
                }
                all
            }),
            full(Lane::Clearings, 4, 3),
        ),
    ]
}

fn parties() -> Vec<Case> {
    let touch = |account: fn(&mut World) -> AccountSlot| {
        move |w: &mut World| {
            let touches = vec![account(w)];
            BatchInput { touches, ..w.input() }
        }
    };
    let newcomer = |w: &mut World| {
        assert_eq!(w.newcomer(), F);
        slot(w, F)
    };
    vec![
        case("house_as_an_account", touch(|w| slot(w, A)), touch(|_| AccountSlot::ZERO), |_| Rejection::HouseSlot),
        case("touch_of_an_unopened_account", touch(|w| slot(w, B)), touch(newcomer), |w| Rejection::Unopened {
            account: slot(w, F),
        }),
        case(
            "order_of_an_unopened_account",
            fills(|w| w.trade(C, D, PERP, 1).to_vec()),
            |w| {
                w.newcomer();
                let fills = w.trade(F, C, PERP, 1).to_vec();
                BatchInput { fills, ..w.input() }
            },
            |w| Rejection::Unopened { account: slot(w, F) },
        ),
        case(
            "order_of_an_account_opened_in_the_batch",
            |w| {
                w.newcomer();
                let deposits = vec![w.deposit(F, 1_000_000)];
                let input = BatchInput { deposits, ..w.input() };
                w.apply(input);
                let fills = w.trade(F, C, PERP, 1).to_vec();
                BatchInput { fills, ..w.input() }
            },
            |w| {
                w.newcomer();
                let (deposits, fills) = (vec![w.deposit(F, 1_000_000)], w.trade(F, C, PERP, 1).to_vec());
                BatchInput { deposits, fills, ..w.input() }
            },
            |w| Rejection::JustOpened { account: slot(w, F) },
        ),
        case(
            "withdrawal_of_an_account_opened_in_the_batch",
            withdrawals(1),
            |w| {
                w.newcomer();
                let deposits = vec![w.deposit(F, 1_000_000)];
                let commands = vec![w.command(F, w.withdrawal(F, 1))];
                BatchInput { deposits, commands, ..w.input() }
            },
            |w| Rejection::JustOpened { account: slot(w, F) },
        ),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [order_in_time(), capacity(), parties()].into_iter().flatten().collect()
}
