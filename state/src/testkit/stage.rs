//! One small world with round numbers, on which every rule can be tried at its bound.
//!
//! Five traders, [`A`] to [`E`], with a million micro-units each. A is long and B short: 10 lots of [`PERP`], 5 of [`REDUCE`], 2
//! of [`SETTLED`], all bought at 1,000 ticks. A tick of a lot is worth 10 micro-units, a lot 10,000; it takes 100 micro-units of
//! initial margin and costs a fee of 1.

use super::{World, START};
use crate::leaf::{Kind, MarketLeaf, Status, NEVER, SCENARIOS};
use crate::size::TINY;
use crate::units::{Charge, Fee, InstrumentId, Lots, PerLot, Strike, TickValue, Ticks, Time};
use std::sync::LazyLock;

/// Trader, long.
pub const A: usize = 0;
/// Trader, short.
pub const B: usize = 1;
/// Trader without positions.
pub const C: usize = 2;
/// Trader without positions.
pub const D: usize = 3;
/// Trader without positions.
pub const E: usize = 4;
/// A trader whom [`World::newcomer`] adds to the stage: nothing was deposited yet.
pub const F: usize = 5;

/// Perpetual.
pub const PERP: InstrumentId = id(1);
/// Future of the second underlying, expires 10,000 seconds after [`START`].
pub const FUTURE: InstrumentId = id(2);
/// Perpetual, reduce-only.
pub const REDUCE: InstrumentId = id(3);
/// Perpetual, halted.
pub const HALTED: InstrumentId = id(4);
/// Future that settled at 1,050 ticks.
pub const SETTLED: InstrumentId = id(5);
/// Perpetual whose scenarios mirror those of [`PERP`]: long both risks nothing.
pub const HEDGE: InstrumentId = id(6);
/// Perpetual without risk, fee, band and limit, a micro-unit a tick.
pub const FREE: InstrumentId = id(7);
/// The next id, never listed.
pub const UNLISTED: InstrumentId = id(8);

/// What everybody deposited, micro-units.
pub const DEPOSIT: i128 = 1_000_000;
/// Seconds from [`START`] to the present of the stage.
pub const ELAPSED: i64 = 100;
/// Mark of everything, in ticks.
pub const MARK: i64 = 1_000;
/// Value of a lot at the mark, micro-units.
pub const LOT: i128 = 10_000;

const fn id(n: i64) -> InstrumentId {
    match InstrumentId::new(n) {
        Ok(id) => id,
        Err(_) => panic!("below 2^20"),
    }
}

/// A lot of it loses 100 long in scenario 0 and 100 short in scenario 1.
pub fn perpetual() -> MarketLeaf {
    let ticks = |n| Ticks::new(n).expect("in range");
    let mut risk = [PerLot::ZERO; SCENARIOS];
    risk[0] = PerLot::new(-100).expect("in range");
    risk[1] = PerLot::new(100).expect("in range");
    MarketLeaf {
        kind: Kind::Perpetual,
        underlying: 0,
        tick_value: TickValue::new(10).expect("in range"),
        expiry: NEVER,
        strike: Strike::ZERO,
        status: Status::Open,
        mark_time: Time::new(START).expect("in range"),
        mark: ticks(MARK),
        daily_mark: ticks(MARK),
        settlement: PerLot::ZERO,
        index: PerLot::ZERO,
        risk,
        charge_long: Charge::ZERO,
        charge_short: Charge::ZERO,
        free: Lots::new(20).expect("in range"),
        excess_charge: Charge::ZERO,
        limit: Lots::new(50).expect("in range"),
        fee: Fee::new(1).expect("in range"),
        band_low: ticks(900),
        band_high: ticks(1_100),
    }
}

/// The future of the second underlying.
pub fn future(seconds: i64) -> MarketLeaf {
    let expiry = Time::new(START + seconds).expect("in range");
    MarketLeaf { kind: Kind::Future, underlying: 1, expiry, ..perpetual() }
}

/// The stage.
pub fn stage() -> World {
    static STAGE: LazyLock<World> = LazyLock::new(build);
    STAGE.clone()
}

fn build() -> World {
    let mut world = World::empty(0, TINY);
    let mut hedge = perpetual();
    hedge.risk.swap(0, 1);
    let free = MarketLeaf {
        tick_value: TickValue::new(1).expect("in range"),
        risk: [PerLot::ZERO; SCENARIOS],
        limit: Lots::MAX,
        fee: Fee::ZERO,
        band_low: Ticks::ZERO,
        band_high: Ticks::MAX,
        ..perpetual()
    };
    let listed = [
        (PERP, perpetual()),
        (FUTURE, future(10_000)),
        (REDUCE, perpetual()),
        (HALTED, perpetual()),
        (SETTLED, future(50)),
        (HEDGE, hedge),
        (FREE, free),
    ];
    world.markets.update(listed, world.time).expect("a first listing");

    for traders in [[A, B].as_slice(), &[C, D], &[E]] {
        let mut input = world.input();
        for _ in traders {
            let trader = world.newcomer();
            input.deposits.push(world.deposit(trader, DEPOSIT));
        }
        input.log_last += 1;
        world.apply(input);
    }
    for trades in [[(PERP, 10), (REDUCE, 5)].as_slice(), &[(SETTLED, 2)]] {
        let mut input = world.input();
        for (instrument, lots) in trades {
            input.fills.extend(world.trade(A, B, *instrument, *lots));
        }
        world.apply(input);
    }
    world.time = Time::new(START + ELAPSED).expect("in range");
    world.set_market(REDUCE, |leaf| leaf.status = Status::ReduceOnly);
    world.set_market(HALTED, |leaf| leaf.status = Status::Halted);
    world.set_market(SETTLED, |leaf| {
        leaf.status = Status::Settled;
        leaf.settlement = PerLot::new(10_500).expect("in range");
    });
    let input = world.input();
    world.apply(input);
    world
}
