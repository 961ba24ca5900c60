//! A made-up market: index prices from which futures and volatilities follow.

use crate::calendar::DAY;
use crate::instrument::{Asset, Contract, Terms};
use crate::oracle::rounds::{Quote, Snapshot};
use crate::oracle::settlement::{Sample, WINDOW_MINUTES};
use novation_state::units::Time;
use std::collections::BTreeMap;

/// Interest that futures carry over the index, a year.
const CARRY: f64 = 0.05;
/// Growth of the volatility with the square of the distance from the money.
const SMILE: f64 = 1.5;

/// A market at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Index of BTC in dollars.
    pub btc: f64,
    /// Index of ETH in dollars.
    pub eth: f64,
    /// By how much perpetuals stand above the index, as a share of it.
    pub premium: f64,
}

impl Model {
    /// The index of an asset.
    pub fn index(&self, asset: Asset) -> f64 {
        match asset {
            Asset::Btc => self.btc,
            Asset::Eth => self.eth,
        }
    }

    fn base_vol(asset: Asset) -> f64 {
        match asset {
            Asset::Btc => 0.45,
            Asset::Eth => 0.62,
        }
    }

    fn forward(&self, terms: &Terms, time: i64) -> f64 {
        let years = (terms.expiry().get() - time) as f64 / (365 * DAY) as f64;
        self.index(terms.asset) * (1.0 + CARRY * years)
    }

    fn quote(&self, terms: &Terms, time: i64) -> Quote {
        match terms.contract {
            Contract::Perpetual => Quote::Price(self.index(terms.asset) * (1.0 + self.premium)),
            Contract::Future { .. } => Quote::Price(self.forward(terms, time)),
            Contract::Option { strike, .. } => {
                let forward = self.forward(terms, time);
                let distance = (strike.get() as f64 * terms.asset.tick_usd() / forward).ln();
                let vol = Self::base_vol(terms.asset) * (1.0 + SMILE * distance * distance);
                Quote::Vol { forward, vol }
            }
        }
    }

    /// What the oracle role is told: quotes of everything that has not expired.
    pub fn snapshot<'a>(&self, time: i64, instruments: impl Iterator<Item = &'a Terms>) -> Snapshot {
        let live = instruments.filter(|terms| terms.expiry().get() > time);
        Snapshot {
            time: Time::new(time).expect("a time of this century"),
            index: Asset::ALL.into_iter().map(|asset| (asset, self.index(asset))).collect(),
            quotes: live.map(|terms| (*terms, self.quote(terms, time))).collect(),
            settlements: BTreeMap::new(),
        }
    }

    /// A minute's index each over the last half hour before an expiry, drifting from one model to the next.
    pub fn half_hour(from: &Model, to: &Model, asset: Asset) -> Vec<Sample> {
        let share = |minute: i64| (minute + 1) as f64 / WINDOW_MINUTES as f64;
        let at = |minute| from.index(asset) + (to.index(asset) - from.index(asset)) * share(minute);
        (0..WINDOW_MINUTES).map(|minute| Some(at(minute))).collect()
    }
}
