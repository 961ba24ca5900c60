//! A made-up market for a node without quotes of its own: index prices that wander as a function of time alone, and the instruments
//! that a venue would list on them.
//!
//! A function of time and not a random walk: a node that was killed goes on where the market would be, and a settlement can be
//! computed after the fact.

use crate::calendar::{Date, DAY, HOUR};
use crate::instrument::{Asset, Contract, Right, Terms};
use crate::oracle::model::Model;
use crate::oracle::rounds::{Oracle, Snapshot};
use crate::oracle::settlement::{Sample, WINDOW_MINUTES};
use novation_state::units::Strike;
use std::f64::consts::TAU;

/// Relative swings of the index: period in seconds, amplitude, phase. The fastest moves it by at most 0.02 % in a minute.
const SWINGS: [(f64, f64, f64); 5] = [
    (1_380.0, 0.000_7, 0.3),
    (7_020.0, 0.002_5, 1.1),
    (31_500.0, 0.008, 2.3),
    (173_000.0, 0.02, 4.0),
    (1_210_000.0, 0.05, 5.2),
];

/// The market at a moment.
pub fn model(time: i64) -> Model {
    let swing = |shift: f64| -> f64 {
        SWINGS
            .iter()
            .map(|(period, amplitude, phase)| amplitude * (TAU * time as f64 / period + phase + shift).sin())
            .sum()
    };
    Model { btc: 88_500.0 * (1.0 + swing(0.0)), eth: 2_950.0 * (1.0 + 1.3 * swing(0.6)), premium: 0.02 * swing(2.0) }
}

/// What a round at `time` is computed from, with settlements of whatever of `oracle`'s listing has expired.
pub fn snapshot(time: i64, oracle: &Oracle, new: &[Terms]) -> Snapshot {
    let listed: Vec<Terms> = oracle.listed().map(|(_, terms, _)| *terms).chain(new.iter().copied()).collect();
    let mut snapshot = model(time).snapshot(time, listed.iter());
    for terms in &listed {
        if let Some(date) = terms.date().filter(|date| date.expiry() <= time) {
            snapshot.settlements.entry((terms.asset, date)).or_insert_with(|| half_hour(terms.asset, date));
        }
    }
    snapshot
}

/// The index of each of the thirty minutes before an expiry.
fn half_hour(asset: Asset, date: Date) -> Vec<Sample> {
    let first = date.expiry() - 60 * WINDOW_MINUTES;
    (0..WINDOW_MINUTES).map(|minute| Some(model(first + 60 * minute).index(asset))).collect()
}

/// What should be listed at `time` and is not: of each asset a perpetual, futures of the next two Fridays that are more than a
/// day away, and on the nearer one calls and puts at three strikes around the index.
pub fn to_list(time: i64, oracle: &Oracle) -> Vec<Terms> {
    // 1970-01-02 was a Friday.
    let today = time.div_euclid(DAY);
    let friday = today + 2 + (1 - (today + 2)).rem_euclid(7);
    let date = |days: i64| Date::of_seconds(days * DAY).expect("a date of this century");
    let (near, far) = (date(friday), date(friday + 7));
    let mut wanted = Vec::new();
    for asset in Asset::ALL {
        let dated = |expiry| Terms { asset, contract: Contract::Future { expiry } };
        wanted.push(Terms { asset, contract: Contract::Perpetual });
        wanted.extend([dated(near), dated(far)]);
        // Strikes are chosen when their expiry becomes the nearer one, and stay.
        let options = |terms: &Terms| terms.asset == asset && terms.is_option() && terms.date() == Some(near);
        if !oracle.listed().any(|(_, terms, _)| options(terms)) {
            let step = match asset {
                Asset::Btc => 2_000.0,
                Asset::Eth => 100.0,
            };
            let middle = (model(time).index(asset) / step).round();
            for strike in [middle - 1.0, middle, middle + 1.0].map(|steps| asset.ticks(steps * step)) {
                let strike = strike.expect("a strike near the index");
                let strike = Strike::new(strike.get()).expect("prices are strikes");
                let option = |right| Terms { asset, contract: Contract::Option { expiry: near, strike, right } };
                wanted.extend([option(Right::Call), option(Right::Put)]);
            }
        }
    }
    debug_assert!(near.expiry() > time + 12 * HOUR);
    wanted.retain(|terms| oracle.id(terms).is_none());
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use novation_state::leaf::Status;
    use novation_state::markets::Markets;
    use novation_state::units::Time;

    const START: i64 = 20_538 * DAY + 19 * HOUR;

    #[test]
    fn three_weeks_of_rounds_lists_settles_and_breaks_no_rule_of_markets() {
        let (mut oracle, mut markets) = (Oracle::new(), Markets::new());
        for round in 0..21 * 24 {
            let time = START + round * HOUR;
            let new = to_list(time, &oracle);
            if round == 0 {
                assert_eq!(new.len(), 2 * (1 + 2 + 6));
            }
            let changes = oracle.round(&snapshot(time, &oracle, &new), &new).unwrap();
            markets.update(changes, Time::new(time).unwrap()).unwrap();
            let live = |leaf: &novation_state::leaf::MarketLeaf| leaf.status != Status::Settled;
            assert!(markets.iter().all(|(_, leaf)| !live(leaf) || leaf.expiry.get() > time), "round {round}");
        }
        let settled = markets.iter().filter(|(_, leaf)| leaf.status == Status::Settled).count();
        // Two Fridays: on each, two futures and twelve options.
        assert_eq!(settled, 28);
    }

    #[test]
    fn index_moves_little_in_a_minute() {
        for minute in 0..5_000 {
            let (from, to) = (model(START + 60 * minute), model(START + 60 * minute + 60));
            assert!((to.btc / from.btc - 1.0).abs() < 0.001 && (to.eth / from.eth - 1.0).abs() < 0.001);
        }
    }
}
