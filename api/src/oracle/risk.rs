//! Risk arrays: what a long lot gains or loses in each scenario, in whole micro-units.
//!
//! Futures first: their entries are rounded once; a call's entries likewise, and a put's are the call's minus the future's. So
//! put-call parity holds exactly in every scenario, and a conversion (long put, short call, long future) risks nothing.

use super::black76;
use super::params::Params;
use super::scenarios::{scenarios, Scenario};
use crate::instrument::{Asset, Contract, Right, Terms, MICRO};
use novation_state::leaf::SCENARIOS;
use novation_state::units::Ticks;

/// What a risk array is computed from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Price of the future (of an option: of the future below it).
    pub forward: Ticks,
    /// Yearly volatility; 0 where there is none.
    pub vol: f64,
    /// Seconds to expiry; 0 where there is none.
    pub seconds: f64,
}

/// Micro-units that a lot gains when the price of its coin gains a dollar.
fn micro_per_usd(asset: Asset) -> f64 {
    MICRO as f64 / asset.lots_per_coin() as f64
}

/// The value change of a long lot in every scenario, in micro-units.
pub fn array(terms: &Terms, point: &Point, params: &Params) -> [i128; SCENARIOS] {
    scenarios().map(|scenario| match terms.contract {
        Contract::Perpetual | Contract::Future { .. } => future(terms.asset, point, params, &scenario),
        Contract::Option { right, .. } => {
            let call = call(terms, point, params, &scenario);
            match right {
                Right::Call => call,
                Right::Put => call - future(terms.asset, point, params, &scenario),
            }
        }
    })
}

/// Dollars that the price moves by in a scenario.
fn price_move(asset: Asset, point: &Point, params: &Params, scenario: &Scenario) -> f64 {
    asset.usd(point.forward) * params.scan * scenario.ranges
}

fn future(asset: Asset, point: &Point, params: &Params, scenario: &Scenario) -> i128 {
    (price_move(asset, point, params, scenario) * scenario.weight * micro_per_usd(asset)).round() as i128
}

fn call(terms: &Terms, point: &Point, params: &Params, scenario: &Scenario) -> i128 {
    let asset = terms.asset;
    let strike = terms.strike().get() as f64 * asset.tick_usd();
    let forward = asset.usd(point.forward);
    let at = |forward: f64, vol: f64| {
        black76::price(forward.max(0.0), strike, black76::total_vol(vol, point.seconds), Right::Call)
    };
    let shocked_vol = point.vol * (1.0 + scenario.vol * params.vol_scan_at(point.seconds));
    let shocked = at(forward + price_move(asset, point, params, scenario), shocked_vol);
    ((shocked - at(forward, point.vol)) * scenario.weight * micro_per_usd(asset)).round() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(usd: f64, vol: f64, days: f64) -> Point {
        Point { forward: Asset::Btc.ticks(usd).unwrap(), vol, seconds: days * 86_400.0 }
    }

    fn risk(name: &str, point: &Point) -> [i128; SCENARIOS] {
        array(&name.parse().unwrap(), point, &Params::of(Asset::Btc))
    }

    /// A future's array is known by hand: a lot of 0.001 BTC at 90,000 USD and a range of 12 % moves by 10.80 USD.
    #[test]
    fn a_future_moves_in_thirds_of_its_range() {
        let third = 3_600_000;
        let extreme = 7_560_000;
        let by_hand = [0, 1, -1, 2, -2, 3, -3].map(|thirds| thirds * third);
        let array = risk("BTC-PERP", &point(90_000.0, 0.0, 0.0));
        for (i, entry) in array[..14].iter().enumerate() {
            assert_eq!(*entry, by_hand[i / 2], "scenario {i}");
        }
        assert_eq!((array[14], array[15]), (extreme, -extreme));
    }

    #[test]
    fn a_conversion_risks_nothing_in_any_scenario() {
        let at = point(88_530.2, 0.55, 17.3);
        let call = risk("BTC-16JAN26-92000-C", &at);
        let put = risk("BTC-16JAN26-92000-P", &at);
        let future = risk("BTC-16JAN26", &at);
        for s in 0..SCENARIOS {
            assert_eq!(put[s] - call[s] + future[s], 0, "scenario {s}");
        }
    }

    #[test]
    fn a_long_option_gains_with_the_volatility_and_never_loses_more_than_its_price() {
        let at = point(90_000.0, 0.5, 30.0);
        for name in ["BTC-27MAR26-100000-C", "BTC-27MAR26-80000-P"] {
            let array = risk(name, &at);
            for pair in array[..14].chunks(2) {
                assert!(pair[0] > pair[1], "{name}: vol up {} is worth more than vol down {}", pair[0], pair[1]);
            }
            let terms: Terms = name.parse().unwrap();
            let Contract::Option { right, .. } = terms.contract else { panic!("{name} is an option") };
            let strike = terms.strike().get() as f64 * 0.1;
            let price = black76::price(90_000.0, strike, black76::total_vol(0.5, at.seconds), right) * 1_000.0;
            let worst = *array.iter().min().unwrap() as f64;
            assert!(worst >= -price - 1.0 && worst < 0.0, "{name}: loses {worst} of {price}");
        }
    }
}
