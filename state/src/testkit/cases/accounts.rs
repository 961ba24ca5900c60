//! Entries: slots, ranges, limits, reduce-only; and the house's balances.

use super::{case, fills, lots, slot, ticks, Case};
use crate::leaf::{MarketLeaf, Position};
use crate::message::{Order, Side};
use crate::reject::Rejection;
use crate::testkit::stage::{self, A, B, C, D, FREE, FUTURE, HEDGE, MARK, PERP, REDUCE, UNLISTED};
use crate::testkit::World;
use crate::transition::{BatchInput, Fill};
use crate::units::{Cash, InstrumentId, Lots, OutOfRange, Window};

fn trade(buyer: usize, seller: usize, id: InstrumentId, lots: i64) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| w.trade(buyer, seller, id, lots).to_vec())
}

/// Trades of C and D before, a batch an instrument, then one more.
fn trades(before: &'static [InstrumentId], last: InstrumentId) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        w.markets.update([(UNLISTED, stage::perpetual())], w.time).expect("the next id");
        for id in before {
            let input = trade(C, D, *id, 1)(w);
            w.apply(input);
        }
        trade(C, D, last, 1)(w)
    }
}

fn with_market(
    id: InstrumentId,
    change: impl FnOnce(&mut MarketLeaf),
    then: impl FnOnce(&mut World) -> BatchInput,
) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        w.set_market(id, change);
        then(w)
    }
}

fn slots() -> Vec<Case> {
    let holding_at = |k: usize| {
        move |w: &mut World| {
            w.tamper(C, |account| account.leaf.positions[k] = Position { id: FREE, lots: lots(1) });
            BatchInput { decoys: vec![slot(w, C)], ..w.input() }
        }
    };
    let opening =
        |ids: &'static [InstrumentId]| fills(move |w| ids.iter().flat_map(|id| w.trade(A, C, *id, 1)).collect());
    let full = |trader: usize, instrument: InstrumentId| {
        move |w: &World| Rejection::NoFreeSlot { account: slot(w, trader), instrument }
    };
    vec![
        case("position_beyond_the_slots_of_the_size", holding_at(3), holding_at(4), |w| {
            Rejection::PositionBeyondSlots { account: slot(w, C), slot: 4, slots: 4 }
        }),
        case(
            "position_more_than_slots",
            trades(&[PERP, HEDGE, FREE], FUTURE),
            trades(&[PERP, HEDGE, FREE, FUTURE], UNLISTED),
            full(C, UNLISTED),
        ),
        // A's third slot held what settled: it empties in this batch and is free from the next.
        case("position_in_a_slot_emptied_by_the_roll", opening(&[FUTURE]), opening(&[FUTURE, HEDGE]), full(A, HEDGE)),
    ]
}

fn ranges() -> Vec<Case> {
    let hoard = |more: i64| {
        move |w: &mut World| {
            let input = trade(C, D, FREE, Lots::MAX.get() - 1)(w);
            w.apply(input);
            trade(C, D, FREE, more)(w)
        }
    };
    // C sells a lot of FREE for 1,000 micro-units.
    let rich = |short_of_the_bound: i128| {
        move |w: &mut World| {
            let cash = Cash::new(Cash::MAX.get() - short_of_the_bound).expect("in range");
            w.tamper(C, |account| account.leaf.cash = cash);
            trade(D, C, FREE, 1)(w)
        }
    };
    let fees = |short_of_the_bound: i128| {
        move |w: &mut World| {
            let fees = Cash::new(Cash::MAX.get() - short_of_the_bound).expect("in range");
            w.tamper_house(|house| house.fees = fees);
            trade(C, D, PERP, 1)(w)
        }
    };
    // A's settled lots turn into 21,000 micro-units.
    let clearing = |above_the_bound: i128| {
        move |w: &mut World| {
            let clearing = Cash::new(Cash::MIN.get() + above_the_bound).expect("in range");
            w.tamper_house(|house| house.clearing = clearing);
            BatchInput { touches: vec![slot(w, A)], ..w.input() }
        }
    };
    let out =
        |balance, value| move |_: &World| Rejection::HouseRange { balance, reason: OutOfRange { unit: "Cash", value } };
    vec![
        case("position_of_too_many_lots", hoard(1), hoard(2), |w| Rejection::LotsRange {
            account: slot(w, C),
            instrument: FREE,
            lots: 1 << 40,
        }),
        case("cash_over_the_bound", rich(1_000), rich(999), |w| Rejection::CashRange {
            account: slot(w, C),
            cash: 1 << 106,
        }),
        case("fees_over_the_bound", fees(2), fees(1), out("fee", 1 << 106)),
        case("clearing_under_the_bound", clearing(21_000), clearing(20_999), out("clearing", -(1 << 106))),
    ]
}

fn limits() -> Vec<Case> {
    let over = |trader: usize, before: i64, after: i64, limit: i64| {
        move |w: &World| Rejection::PositionLimit {
            account: slot(w, trader),
            instrument: PERP,
            before: lots(before),
            after: lots(after),
            limit: lots(limit),
        }
    };
    let tight = |then| with_market(PERP, |leaf| leaf.limit = lots(3), then);
    vec![
        case("long_over_the_limit", trade(C, D, PERP, 50), trade(C, D, PERP, 51), over(C, 0, 51, 50)),
        case("short_over_the_limit", trade(D, C, PERP, 50), trade(D, C, PERP, 51), over(C, 0, -51, 50)),
        // A is at 10 of 3: smaller is fine, greater is not; nor is the other side beyond the limit.
        case("growth_over_a_lowered_limit", tight(sell_back(5)), tight(sell_back(-1)), over(A, 10, 11, 3)),
        case("turn_over_a_lowered_limit", tight(sell_back(13)), tight(sell_back(14)), over(A, 10, -4, 3)),
    ]
}

/// A sells lots of PERP back to B; negative: buys more.
fn sell_back(lots: i64) -> Box<dyn FnOnce(&mut World) -> BatchInput> {
    if lots > 0 {
        Box::new(trade(B, A, PERP, lots))
    } else {
        Box::new(trade(A, B, PERP, -lots))
    }
}

/// A's reduce-only order for lots of PERP, against B's plain one.
fn reducing(trader: usize, side: Side, lots: i64) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| {
        let order = Order { reduce_only: true, ..w.order(trader, PERP, side, lots) };
        let other = match side {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        };
        let fill = |order| w.fill(order, ticks(MARK), lots);
        vec![fill(order), fill(w.order(B, PERP, other, lots))]
    })
}

/// C buys a lot in one window and sells it in the next, the second time reduce-only or not.
fn round_trip(reduce_only: bool) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| {
        let mut all = w.trade(C, D, PERP, 1).to_vec();
        let window = Window::new(all[0].window.get() + 1).expect("in range");
        for (trader, side) in [(C, Side::Sell), (D, Side::Buy)] {
            let mut order = w.order(trader, PERP, side, 1);
            order.binding = w.binding(trader, 100);
            order.reduce_only = reduce_only && trader == C;
            all.push(Fill { window, ..w.fill(order, ticks(MARK), 1) });
        }
        all
    })
}

fn reduce_only() -> Vec<Case> {
    let market = |trader: usize, before: i64, after: i64| {
        move |w: &World| Rejection::ReduceOnlyMarket {
            account: slot(w, trader),
            instrument: REDUCE,
            before: lots(before),
            after: lots(after),
        }
    };
    let order = |trader: usize, before: i64, after: i64| {
        move |w: &World| Rejection::ReduceOnlyOrder {
            account: slot(w, trader),
            instrument: PERP,
            before: lots(before),
            after: lots(after),
        }
    };
    vec![
        case("reduce_only_market_turned", trade(B, A, REDUCE, 5), trade(B, A, REDUCE, 6), market(A, 5, -1)),
        case("reduce_only_market_grown", trade(B, A, REDUCE, 1), trade(A, B, REDUCE, 1), market(A, 5, 6)),
        case("reduce_only_market_entered", trade(B, A, REDUCE, 5), trade(C, A, REDUCE, 5), market(C, 0, 5)),
        case("reduce_only_order_turns", reducing(A, Side::Sell, 10), reducing(A, Side::Sell, 11), order(A, 10, -1)),
        case("reduce_only_order_grows", reducing(A, Side::Sell, 1), reducing(A, Side::Buy, 1), order(A, 10, 11)),
        case("reduce_only_order_opens", reducing(A, Side::Sell, 1), reducing(C, Side::Buy, 1), order(C, 0, 1)),
        case("reduce_only_order_of_a_round_trip", round_trip(false), round_trip(true), order(C, 0, 0)),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [slots(), ranges(), limits(), reduce_only()].into_iter().flatten().collect()
}
