//! Converters: what real venues recorded, as tables that the demo reads.
//!
//! Chains become instruments with quotes; order flow becomes orders of synthetic traders. Who a trader was is not in any of these
//! files, so each order goes to one of a few names, drawn from a seed: equal seeds give equal tables.

pub mod binance;
pub mod bitstamp;
pub mod deribit;

use crate::instrument::{Asset, Contract, Terms};
use crate::oracle::rounds::Quote;
use crate::tables::markets::{MarketsTable, Quoted};
use crate::tables::orders::OrderLine;
use crate::tables::TableError;
use novation_state::message::Side;
use novation_state::units::Ticks;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;

/// Names of synthetic traders.
const NAMES: [&str; 8] = ["ada", "bela", "cato", "dora", "emil", "fay", "gero", "hana"];

/// What every converter is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Draws traders and sizes.
    pub seed: u64,
    /// Number of traders, 2 to 8.
    pub traders: usize,
    /// Minutes of order flow to take.
    pub minutes: i64,
    /// Most orders to take.
    pub orders: usize,
}

/// What a converter makes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    /// Quotes.
    pub markets: MarketsTable,
    /// Orders.
    pub orders: Vec<OrderLine>,
    /// Rows of the source that were read.
    pub read: usize,
    /// What was left out, with the reason.
    pub left_out: Vec<(&'static str, usize)>,
}

/// Why a file cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The table is refused.
    #[error(transparent)]
    Table(#[from] TableError),
    /// There is nothing to trade in it.
    #[error("{file} yields no orders: {what}")]
    Nothing {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Too few or too many traders.
    #[error("{given} traders: from 2 to {}", NAMES.len())]
    Traders {
        /// As asked for.
        given: usize,
    },
}

/// Draws traders.
struct Cast {
    rng: ChaCha8Rng,
    traders: usize,
}

impl Cast {
    fn new(options: &Options) -> Result<Cast, ConvertError> {
        if !(2..=NAMES.len()).contains(&options.traders) {
            return Err(ConvertError::Traders { given: options.traders });
        }
        Ok(Cast { rng: ChaCha8Rng::seed_from_u64(options.seed), traders: options.traders })
    }

    fn draw(&mut self) -> usize {
        self.rng.gen_range(0..self.traders)
    }

    /// Somebody else than `other`.
    fn draw_other(&mut self, other: usize) -> usize {
        (other + self.rng.gen_range(1..self.traders)) % self.traders
    }

    fn name(trader: usize) -> String {
        NAMES[trader].to_owned()
    }
}

/// A limit on the grid that is never worse for its owner than the price in the source.
fn limit(asset: Asset, side: Side, usd: f64) -> Option<Ticks> {
    // A price that lies on the grid but for the last bits of its double stays where it is.
    const SLACK: f64 = 1e-6;
    let ticks = usd / asset.tick_usd();
    let rounded = match side {
        Side::Buy => (ticks + SLACK).floor(),
        Side::Sell => (ticks - SLACK).ceil(),
    };
    if rounded.is_finite() {
        Ticks::new(rounded as i64).ok()
    } else {
        None
    }
}

fn perpetual(asset: Asset) -> Terms {
    Terms { asset, contract: Contract::Perpetual }
}

/// Quotes index and perpetual of an asset at one price.
fn quote_perpetual(markets: &mut MarketsTable, time: i64, asset: Asset, usd: f64) {
    let row = markets.rows.entry(time).or_default();
    row.push(Quoted::Index(asset, usd));
    row.push(Quoted::Instrument(perpetual(asset), Quote::Price(usd)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_never_worse_for_their_owner() {
        let at = |side, usd| limit(Asset::Btc, side, usd).map(Ticks::get);
        assert_eq!((at(Side::Buy, 236.47), at(Side::Sell, 236.47)), (Some(2_364), Some(2_365)));
        assert_eq!((at(Side::Buy, 236.4), at(Side::Sell, 236.4)), (Some(2_364), Some(2_364)));
        assert_eq!(at(Side::Buy, f64::INFINITY), None);
    }

    #[test]
    fn nobody_trades_with_himself() {
        let options = Options { seed: 1, traders: 2, minutes: 1, orders: 1 };
        let mut cast = Cast::new(&options).unwrap();
        for _ in 0..50 {
            let one = cast.draw();
            assert_eq!(cast.draw_other(one), 1 - one);
        }
        let refused = Cast::new(&Options { traders: 9, ..options }).err().map(|e| e.to_string());
        assert_eq!(refused.as_deref(), Some("9 traders: from 2 to 8"));
    }
}
