//! The market that tests of the venue begin with.

use super::START;
use crate::leaf::{Kind, MarketLeaf, Status, NEVER, SCENARIOS};
use crate::units::{Charge, Fee, Lots, PerLot, Strike, TickValue, Ticks, Time};

/// A perpetual at 1,000 ticks of 1,000 micro-units, banded 500 to 1,500, marked at [`START`]: a lot is worth a dollar, gains or loses a
/// tenth of it in scenarios 0 and 1, and is free of fees and charges.
///
/// # Panics
/// Never: the numbers are in their ranges.
pub fn perpetual() -> MarketLeaf {
    let ticks = |n| Ticks::new(n).expect("a price");
    let mut risk = [PerLot::ZERO; SCENARIOS];
    risk[0] = PerLot::new(100_000).expect("a tenth of a dollar");
    risk[1] = PerLot::new(-100_000).expect("a tenth of a dollar");
    MarketLeaf {
        kind: Kind::Perpetual,
        underlying: 0,
        tick_value: TickValue::new(1_000).expect("a tenth of a cent"),
        expiry: NEVER,
        strike: Strike::ZERO,
        status: Status::Open,
        mark_time: Time::new(START).expect("a time"),
        mark: ticks(1_000),
        daily_mark: ticks(1_000),
        settlement: PerLot::ZERO,
        index: PerLot::ZERO,
        risk,
        charge_long: Charge::ZERO,
        charge_short: Charge::ZERO,
        free: Lots::MAX,
        excess_charge: Charge::ZERO,
        limit: Lots::new(1_000_000).expect("lots"),
        fee: Fee::ZERO,
        band_low: ticks(500),
        band_high: ticks(1_500),
    }
}
