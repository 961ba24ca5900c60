//! Margin: equity over initial, the better-of rule, withdrawals.

use super::{case, commands, fills, later, lots, slot, ticks, Case};
use crate::math::margin::NoRelief;
use crate::reject::Rejection;
use crate::testkit::stage::{C, D, FUTURE, HEDGE, LOT, MARK, PERP};
use crate::testkit::World;
use crate::transition::{BatchInput, Fill};
use crate::units::{Cash, Charge, InstrumentId};

/// Sets C's cash such that its equity at the mark is `equity`. Every lot is worth [`LOT`].
fn with_equity(w: &mut World, equity: i128) {
    w.tamper(C, |account| {
        let value: i128 = account.leaf.positions.iter().map(|p| p.lots.wide() * LOT).sum();
        account.leaf.cash = Cash::new(equity - value).expect("in range");
    });
}

/// C bought the lots from D in a batch before.
fn holding(w: &mut World, positions: &[(InstrumentId, i64)]) {
    let fills = positions.iter().flat_map(|(id, lots)| w.trade(C, D, *id, *lots)).collect();
    let input = BatchInput { fills, ..w.input() };
    w.apply(input);
}

/// C holds lots, has an equity, and sells some of an instrument to D at a price.
fn selling(
    positions: &'static [(InstrumentId, i64)],
    equity: i128,
    (instrument, sold, price): (InstrumentId, i64, i64),
) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        holding(w, positions);
        with_equity(w, equity);
        fills(|w| w.trade(D, C, instrument, sold).map(|f| Fill { price: ticks(price), ..f }).to_vec())(w)
    }
}

fn broken(equity: i128, initial: i128, relief: NoRelief) -> impl FnOnce(&World) -> Rejection {
    move |w| Rejection::Margin { account: slot(w, C), equity, initial, relief }
}

fn rule() -> Vec<Case> {
    // Ten lots take a margin of 1,000 and a fee of 10.
    let buying = |equity: i128| {
        move |w: &mut World| {
            with_equity(w, equity);
            fills(|w| w.trade(C, D, PERP, 10).to_vec())(w)
        }
    };
    let touched = |equity: i128| {
        move |w: &mut World| {
            with_equity(w, equity);
            BatchInput { touches: vec![slot(w, C)], ..w.input() }
        }
    };
    let concentrated = |equity: i128| {
        move |w: &mut World| {
            w.set_market(PERP, |leaf| {
                leaf.free = lots(5);
                leaf.excess_charge = Charge::new(1_000).expect("in range");
            });
            selling(&[(PERP, 10)], equity, (PERP, 6, MARK))(w)
        }
    };
    const LONG: &[(InstrumentId, i64)] = &[(PERP, 10)];
    const HEDGED: &[(InstrumentId, i64)] = &[(PERP, 10), (HEDGE, 10)];
    vec![
        case(
            "position_grown_over_the_margin",
            buying(1_010),
            buying(1_009),
            broken(999, 1_000, NoRelief::PositionGrew),
        ),
        case("touch_at_negative_equity", touched(0), touched(-1), broken(-1, 0, NoRelief::NegativeEquity)),
        case(
            "hedge_sold_under_the_margin",
            selling(HEDGED, 101, (HEDGE, 1, MARK)),
            selling(HEDGED, 100, (HEDGE, 1, MARK)),
            broken(99, 100, NoRelief::InitialRose),
        ),
        case(
            "position_shrunk_at_a_cost_under_the_margin",
            selling(LONG, 10, (PERP, 5, MARK)),
            selling(LONG, 9, (PERP, 5, MARK)),
            broken(4, 500, NoRelief::CoverFell),
        ),
        case(
            "loss_dumped_to_a_friend_under_the_margin",
            selling(LONG, 500, (PERP, 5, 996)),
            selling(LONG, 500, (PERP, 5, 995)),
            broken(245, 500, NoRelief::CoverFell),
        ),
        case(
            "loss_dumped_to_a_friend_below_zero",
            selling(LONG, 500, (PERP, 5, 996)),
            selling(LONG, 500, (PERP, 5, 990)),
            broken(-5, 500, NoRelief::NegativeEquity),
        ),
        // With the concentration charge of before, an equity of 7 would do.
        case(
            "position_shrunk_out_of_concentration_at_a_cost",
            concentrated(10),
            concentrated(9),
            broken(3, 400, NoRelief::CoverFell),
        ),
    ]
}

fn withdrawals() -> Vec<Case> {
    // C holds 10 lots, margin 1,000, and has an equity of 5,000.
    let paying = |amount: i128, daily_mark: i64| {
        move |w: &mut World| {
            w.set_market(PERP, |leaf| leaf.daily_mark = ticks(daily_mark));
            holding(w, &[(PERP, 10)]);
            with_equity(w, 5_000);
            commands(|w| vec![w.command(C, w.withdrawal(C, amount))])(w)
        }
    };
    let from = |equity: i128| {
        move |w: &mut World| {
            holding(w, &[(PERP, 10)]);
            with_equity(w, equity);
            commands(|w| vec![w.command(C, w.withdrawal(C, 1))])(w)
        }
    };
    let waiting = |seconds: i64| {
        move |w: &mut World| {
            holding(w, &[(FUTURE, 1)]);
            let expiry = w.markets.get(FUTURE).expect("listed").expiry;
            w.time = later(w, expiry.get() - w.time.get() + seconds);
            commands(|w| vec![w.command(C, w.withdrawal(C, 1))])(w)
        }
    };
    let over =
        |equity: i128| move |w: &World| Rejection::WithdrawalOverEquity { account: slot(w, C), equity, initial: 1_000 };
    vec![
        case("withdrawal_over_equity_at_the_mark", paying(4_000, 1_010), paying(4_001, 1_010), over(999)),
        case("withdrawal_over_equity_at_the_daily_mark", paying(3_000, 990), paying(3_001, 990), |w| {
            Rejection::WithdrawalOverDailyEquity { account: slot(w, C), equity: 999, initial: 1_000 }
        }),
        case("withdrawal_under_the_margin_though_nothing_grew", from(1_001), from(1_000), over(999)),
        case("withdrawal_before_an_expired_future_settles", waiting(-1), waiting(0), |w| {
            Rejection::WithdrawalAwaitsSettlement { account: slot(w, C), instrument: FUTURE }
        }),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [rule(), withdrawals()].into_iter().flatten().collect()
}
