//! Random markets and accounts for the tests of this crate.

use crate::view::View;
use novation_state::leaf::{Kind, MarketLeaf, Status, NEVER};
use novation_state::markets::Markets;
use novation_state::units::{Charge, Fee, InstrumentId, Lots, PerLot, Strike, TickValue, Ticks, Time};
use rand::Rng;
use rand_chacha::ChaCha20Rng;

pub fn id(n: i64) -> InstrumentId {
    InstrumentId::new(n).unwrap()
}

pub fn now() -> Time {
    Time::new(1_000).unwrap()
}

/// A market in which every rule can bind: risk on both sides, charges, concentration from a few lots on, a fee, a limit.
pub fn market(rng: &mut ChaCha20Rng) -> MarketLeaf {
    let charge = |rng: &mut ChaCha20Rng| Charge::new(rng.gen_range(0..200)).unwrap();
    let mark = rng.gen_range(100..200);
    MarketLeaf {
        kind: Kind::Perpetual,
        underlying: rng.gen_range(0..2),
        tick_value: TickValue::new(rng.gen_range(1..10)).unwrap(),
        expiry: NEVER,
        strike: Strike::ZERO,
        status: if rng.gen_ratio(1, 10) { Status::ReduceOnly } else { Status::Open },
        mark_time: now(),
        mark: Ticks::new(mark).unwrap(),
        daily_mark: Ticks::new(mark).unwrap(),
        settlement: PerLot::ZERO,
        index: PerLot::new(rng.gen_range(-50..50)).unwrap(),
        risk: std::array::from_fn(|_| PerLot::new(rng.gen_range(-300..300)).unwrap()),
        charge_long: charge(rng),
        charge_short: charge(rng),
        free: Lots::new(rng.gen_range(0..20)).unwrap(),
        excess_charge: charge(rng),
        limit: Lots::new(rng.gen_range(10..60)).unwrap(),
        fee: Fee::new(rng.gen_range(0..20)).unwrap(),
        band_low: Ticks::new(mark - 60).unwrap(),
        band_high: Ticks::new(mark + 60).unwrap(),
    }
}

/// Some markets, among them a settled one, and an account with up to `most` positions and cash around its initial margin, so that
/// the margin rule decides.
pub fn account(rng: &mut ChaCha20Rng, markets: i64, most: usize) -> (Markets, View) {
    let mut all = Markets::new();
    let leaves: Vec<_> = (1..=markets).map(|n| (id(n), market(rng))).collect();
    all.update(leaves, now()).unwrap();
    let mut settled = all.get(id(1)).unwrap().clone();
    settled.status = Status::Settled;
    settled.settlement = PerLot::new(777).unwrap();
    all.update([(id(1), settled)], now()).unwrap();

    let mut view = View { cash: 0, positions: Default::default() };
    for _ in 0..rng.gen_range(0..=most) {
        let lots = rng.gen_range(-40..=40i64);
        if lots != 0 {
            view.positions.insert(id(rng.gen_range(1..=markets)), lots.into());
        }
    }
    let plain: Vec<_> = view.holdings(&all).into_iter().map(|(_, holding)| holding).collect();
    let standing = novation_state::math::margin::Standing::of(0, &plain);
    view.cash = standing.initial * rng.gen_range(0..25) / 10 - standing.equity + rng.gen_range(-100..2_000);
    (all, view)
}
