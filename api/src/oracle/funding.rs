//! Funding of perpetuals: what pulls their price to the index.
//!
//! A long lot owes the premium of the perpetual over its index, in proportion to time, a full premium in eight hours. The cap bounds
//! what a wrong index can do: no step pays more than its share of `funding_cap` of the notional.

use super::params::Params;
use crate::instrument::{Asset, MICRO};
use novation_state::units::Ticks;

/// Seconds over which one full premium is paid.
pub const PERIOD_SECONDS: f64 = 28_800.0;

/// What a long lot owes for `seconds`, in micro-units; negative if it receives.
pub fn step(asset: Asset, mark: Ticks, index_usd: f64, seconds: i64, params: &Params) -> i128 {
    let premium = asset.usd(mark) - index_usd;
    let cap = index_usd * params.funding_cap;
    let share = seconds as f64 / PERIOD_SECONDS;
    let usd = premium.clamp(-cap, cap) * share / asset.lots_per_coin() as f64;
    (usd * MICRO as f64).round() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pay(mark: f64, index: f64, seconds: i64) -> i128 {
        step(Asset::Btc, Asset::Btc.ticks(mark).unwrap(), index, seconds, &Params::of(Asset::Btc))
    }

    #[test]
    fn longs_pay_a_premium_and_receive_a_discount() {
        // 80 USD over 8 hours on 0.001 BTC: 0.08 USD.
        assert_eq!(pay(100_080.0, 100_000.0, 28_800), 80_000);
        assert_eq!(pay(99_920.0, 100_000.0, 28_800), -80_000);
        assert_eq!(pay(100_080.0, 100_000.0, 60), 167);
        assert_eq!(pay(100_000.0, 100_000.0, 28_800), 0);
    }

    #[test]
    fn a_premium_beyond_the_cap_pays_the_cap() {
        // 0.5 % of 100,000 USD on 0.001 BTC: 0.50 USD.
        assert_eq!(pay(150_000.0, 100_000.0, 28_800), 500_000);
        assert_eq!(pay(50_000.0, 100_000.0, 28_800), -500_000);
    }
}
