//! A price feed for tests: two underlyings, futures, perpetuals, calls and puts that expire, settle and make room for new ones.
//!
//! Values are plausible, not modelled: an option is its payoff plus a fiftieth of the spot, its delta one half.

use crate::leaf::{Kind, MarketLeaf, Status, NEVER, SCENARIOS};
use crate::markets::Markets;
use crate::size::Size;
use crate::units::{Charge, Fee, InstrumentId, Lots, PerLot, Strike, TickValue, Ticks, Time};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Moves of the underlying in the scenarios, in thirtieths of the scan range of a tenth: 0, thirds, each twice for both moves
/// of the volatility, and two extremes.
const MOVES: [i64; SCENARIOS] = [0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3, 6, -6];

/// Spot prices and what is to be listed.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Spot by underlying, in ticks.
    pub spot: [i64; 2],
    /// Tick value by underlying: a lot is a thousandth of the first and a hundredth of the second underlying.
    tick_value: [i64; 2],
    /// Instruments that are kept alive.
    pub alive: usize,
}

impl Feed {
    /// Bitcoin and ether at round prices.
    pub fn new(size: &Size) -> Feed {
        Feed { spot: [100_000, 4_000], tick_value: [1_000, 10_000], alive: (size.rows - 2).min(12) }
    }

    /// Moves spots and marks, pays funding, settles what expired, and lists what is missing.
    pub fn tick(&mut self, markets: &mut Markets, time: Time, rng: &mut ChaCha8Rng) {
        for spot in &mut self.spot {
            *spot += *spot * rng.gen_range(-100..=100) / 10_000;
        }
        let mut changes = Vec::new();
        for (id, leaf) in markets.iter().filter(|(_, leaf)| leaf.status != Status::Settled) {
            // Some marks stay behind; they are still fresh enough to trade on.
            if rng.gen_ratio(7, 8) {
                changes.push((id, self.next(leaf, time, rng)));
            }
        }
        let unsettled = markets.iter().filter(|(_, leaf)| leaf.status != Status::Settled).count();
        let settled = changes.iter().filter(|(_, leaf)| leaf.status == Status::Settled).count();
        let missing = self.alive.saturating_sub(unsettled - settled) as i64;
        for id in markets.next_id()..markets.next_id() + missing {
            changes.push((InstrumentId::new(id).expect("few instruments"), self.list(id, time, rng)));
        }
        markets.update(changes, time).expect("the feed keeps the rules of markets");
    }

    /// A new instrument; the kind follows from the id.
    fn list(&self, id: i64, time: Time, rng: &mut ChaCha8Rng) -> MarketLeaf {
        let underlying = (id % 2) as u8;
        let kind = [Kind::Perpetual, Kind::Future, Kind::Call, Kind::Put][(id / 2 % 4) as usize];
        let spot = self.spot[usize::from(underlying)];
        let strike = match kind {
            Kind::Call | Kind::Put => spot * rng.gen_range(90..110) / 100,
            Kind::Future | Kind::Perpetual => 0,
        };
        let expiry = match kind {
            Kind::Perpetual => NEVER,
            _ => Time::new(time.get() + rng.gen_range(600..3_600)).expect("in range"),
        };
        let leaf = MarketLeaf {
            kind,
            underlying,
            tick_value: TickValue::new(self.tick_value[usize::from(underlying)]).expect("in range"),
            expiry,
            strike: Strike::new(strike).expect("in range"),
            status: Status::Open,
            mark_time: time,
            mark: Ticks::ZERO,
            daily_mark: Ticks::ZERO,
            settlement: PerLot::ZERO,
            index: PerLot::ZERO,
            risk: [PerLot::ZERO; SCENARIOS],
            charge_long: Charge::new(rng.gen_range(0..300_000)).expect("in range"),
            charge_short: Charge::new(rng.gen_range(0..300_000)).expect("in range"),
            free: Lots::new(rng.gen_range(20..200)).expect("in range"),
            excess_charge: Charge::new(rng.gen_range(0..300_000)).expect("in range"),
            limit: Lots::new(2_000).expect("in range"),
            fee: Fee::new(rng.gen_range(0..20_000)).expect("in range"),
            band_low: Ticks::ZERO,
            band_high: Ticks::ZERO,
        };
        let marked = self.mark(&leaf, time);
        MarketLeaf { daily_mark: marked.mark, ..marked }
    }

    fn next(&self, leaf: &MarketLeaf, time: Time, rng: &mut ChaCha8Rng) -> MarketLeaf {
        let delisted = leaf.kind == Kind::Perpetual && rng.gen_ratio(1, 60);
        if delisted || (time >= leaf.expiry && rng.gen_ratio(3, 4)) {
            let settlement = self.payoff(leaf) * leaf.tick_value.get();
            let settlement = PerLot::new(settlement).expect("in range");
            return MarketLeaf { status: Status::Settled, settlement, ..leaf.clone() };
        }
        if time >= leaf.expiry {
            return leaf.clone();
        }
        let mut next = self.mark(leaf, time);
        if leaf.kind == Kind::Perpetual {
            let funding = rng.gen_range(-200_000..=200_000);
            next.index = PerLot::new(leaf.index.get() + funding).expect("in range");
        }
        if rng.gen_ratio(1, 5) {
            next.daily_mark = next.mark;
        }
        next.status = match rng.gen_range(0..30) {
            0 => Status::Halted,
            1 | 2 => Status::ReduceOnly,
            _ => Status::Open,
        };
        next
    }

    /// Worth at expiry, in ticks.
    fn payoff(&self, leaf: &MarketLeaf) -> i64 {
        let spot = self.spot[usize::from(leaf.underlying)];
        match leaf.kind {
            Kind::Future | Kind::Perpetual => spot,
            Kind::Call => (spot - leaf.strike.get()).max(0),
            Kind::Put => (leaf.strike.get() - spot).max(0),
        }
    }

    /// The leaf with mark, band and risk array of now.
    fn mark(&self, leaf: &MarketLeaf, time: Time) -> MarketLeaf {
        let spot = self.spot[usize::from(leaf.underlying)];
        let (half_delta, time_value) = match leaf.kind {
            Kind::Future | Kind::Perpetual => (2, 0),
            Kind::Call => (1, spot / 50),
            Kind::Put => (-1, spot / 50),
        };
        let mark = self.payoff(leaf) + time_value;
        let risk = std::array::from_fn(|s| {
            let volatility = if s % 2 == 0 { time_value / 4 } else { -time_value / 4 };
            // A move of three is a tenth of the spot.
            let change = MOVES[s] * spot * half_delta / 60 + volatility;
            PerLot::new(change * leaf.tick_value.get()).expect("in range")
        });
        let ticks = |n: i64| Ticks::new(n).expect("in range");
        MarketLeaf {
            mark: ticks(mark),
            mark_time: time,
            risk,
            band_low: ticks(mark * 9 / 10),
            band_high: ticks(mark * 11 / 10 + 10),
            ..leaf.clone()
        }
    }
}
