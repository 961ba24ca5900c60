//! Clearings and rows: what may trade, when, at which price, and that both sides agree.

use super::{case, fills, later, lots, ticks, Case};
use crate::leaf::{MarketLeaf, Status};
use crate::reject::Rejection;
use crate::testkit::stage::{A, B, C, D, FUTURE, HALTED, PERP, SETTLED, UNLISTED};
use crate::testkit::World;
use crate::transition::{BatchInput, Fill};
use crate::units::{InstrumentId, Ticks, Time, Window};

fn one(instrument: InstrumentId) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| w.trade(C, D, instrument, 1).to_vec())
}

/// One lot of the perpetual at a price.
fn at(price: i64) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| w.trade(C, D, PERP, 1).map(|fill| Fill { price: ticks(price), ..fill }).to_vec())
}

fn after(seconds: i64, instrument: InstrumentId) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        w.time = later(w, seconds);
        one(instrument)(w)
    }
}

/// A trade at the last second of the future but for `seconds`, on a fresh mark.
fn at_expiry(seconds: i64) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        let expiry = w.markets.get(FUTURE).expect("listed").expiry;
        w.time = Time::new(expiry.get() + seconds).expect("in range");
        let now = w.time;
        w.set_market(FUTURE, |leaf| leaf.mark_time = now);
        one(FUTURE)(w)
    }
}

fn marked(seconds: i64) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        let time = later(w, seconds);
        w.tamper_market(PERP, |leaf| leaf.mark_time = time);
        one(PERP)(w)
    }
}

fn of_underlying(underlying: u8) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        w.tamper_market(PERP, |leaf| leaf.underlying = underlying);
        one(PERP)(w)
    }
}

/// Two lots: bought by A and C, sold by B and D, the second pair in a window and at a price of its own.
fn in_two_clearings(windows: i64, price: i64) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| {
        let mut all = w.trade(A, B, PERP, 1).to_vec();
        let window = Window::new(all[0].window.get() + windows).expect("in range");
        all.extend(w.trade(C, D, PERP, 1).map(|fill| Fill { window, price: ticks(price), ..fill }));
        all
    })
}

fn unequal(sold: i64) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| {
        let [buy, mut sell] = w.trade(C, D, PERP, 2);
        sell.fill = lots(sold);
        vec![buy, sell]
    })
}

fn leaf(world: &World, instrument: InstrumentId) -> &MarketLeaf {
    world.markets.get(instrument).expect("listed")
}

fn window(world: &World, n: i64) -> Window {
    Window::new(world.ledger.head().window.get() + n).expect("in range")
}

pub(super) fn cases() -> Vec<Case> {
    let band = |price: i64| {
        move |_: &World| Rejection::Band { instrument: PERP, price: ticks(price), low: ticks(900), high: ticks(1_100) }
    };
    let outside = |n: i64| move |w: &World| Rejection::WindowOutside { instrument: PERP, window: window(w, n) };
    let in_window =
        |n: i64| fills(move |w| w.trade(C, D, PERP, 1).map(|fill| Fill { window: window(w, n), ..fill }).to_vec());
    let trading = |instrument, status| move |_: &World| Rejection::NotTrading { instrument, status };
    vec![
        case("trade_of_an_unlisted_instrument", one(PERP), one(UNLISTED), |_| Rejection::NotListed {
            instrument: UNLISTED,
        }),
        case("trade_of_a_halted_instrument", one(PERP), one(HALTED), trading(HALTED, Status::Halted)),
        case("trade_of_a_settled_instrument", one(FUTURE), one(SETTLED), trading(SETTLED, Status::Settled)),
        case("trade_at_expiry", at_expiry(-1), at_expiry(0), |w| {
            let expiry = leaf(w, FUTURE).expiry;
            Rejection::InstrumentExpired { instrument: FUTURE, expiry, time: expiry }
        }),
        // The stage's marks are 100 seconds old.
        case("trade_on_an_old_mark", after(800, PERP), after(801, PERP), |w| Rejection::MarkStale {
            instrument: PERP,
            mark_time: leaf(w, PERP).mark_time,
            time: w.time,
        }),
        case("trade_on_a_mark_of_the_future", marked(0), marked(1), |w| Rejection::MarkAhead {
            instrument: PERP,
            mark_time: later(w, 1),
            time: w.time,
        }),
        case("row_of_an_unknown_underlying", of_underlying(1), of_underlying(2), |_| Rejection::Underlying {
            instrument: PERP,
            underlying: 2,
            known: 2,
        }),
        case("price_below_the_band", at(900), at(899), band(899)),
        case("price_above_the_band", at(1_100), at(1_101), band(1_101)),
        case("window_before_the_first", in_window(1), in_window(0), outside(0)),
        case("window_after_the_last", in_window(3), in_window(4), outside(4)),
        case("two_prices_in_a_window", in_two_clearings(1, 1_001), in_two_clearings(0, 1_001), |w| {
            let prices = (Ticks::new(1_000), Ticks::new(1_001));
            let (Ok(first), Ok(second)) = prices else { unreachable!("in range") };
            Rejection::TwoPrices { instrument: PERP, window: window(w, 1), first, second }
        }),
        case("more_bought_than_sold", unequal(2), unequal(1), |w| Rejection::Unbalanced {
            instrument: PERP,
            window: window(w, 1),
            bought: 2,
            sold: 1,
        }),
    ]
}
