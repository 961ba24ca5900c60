//! What governance decides per asset: scan ranges, charges, bands, limits.

use crate::instrument::Asset;
use novation_state::units::Lots;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Risk parameters of an underlying.
///
/// Shares are parts of one, of the price of the instrument's own forward ("notional") if nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Scan range of the price: a move of one day that is exceeded less than once in a hundred (see [`super::calibrate`]).
    pub scan: f64,
    /// Scan range of the volatility at 30 days, as a share of the volatility.
    pub vol_scan: f64,
    /// Gross charge per lot of a future or perpetual: basis, calendar spread, cost of liquidation.
    pub charge_future: f64,
    /// Gross charge per short option lot; a long lot is charged the same, but never more than its price.
    pub charge_option: f64,
    /// Concentration charge per lot beyond [`Params::free`].
    pub charge_excess: f64,
    /// Lots free of the concentration charge.
    pub free: i64,
    /// Position limit in lots.
    pub limit: i64,
    /// Fee of futures and perpetuals.
    pub fee_future: f64,
    /// Fee of options.
    pub fee_option: f64,
    /// Most that an option fee takes of the option's price.
    pub fee_option_of_price: f64,
    /// Half width of a future's price band.
    pub band_future: f64,
    /// Half width of an option's band, as a share of its price ...
    pub band_option_of_price: f64,
    /// ... or of the forward, whichever is more.
    pub band_option: f64,
    /// Most funding paid in eight hours.
    pub funding_cap: f64,
}

impl Params {
    /// The parameters of the demo.
    ///
    /// Scan ranges: the 99 % quantile of daily moves over eight months of 2026, and some room (`calibrate` tests that). Vol
    /// scan as Deribit's portfolio margin has it, some 40 % at 30 days. Fees and bands are in line with the large venues.
    pub fn of(asset: Asset) -> Params {
        let (scan, coins_free, coins_limit) = match asset {
            Asset::Btc => (0.12, 50, 500),
            Asset::Eth => (0.16, 1_000, 10_000),
        };
        Params {
            scan,
            vol_scan: 0.40,
            charge_future: 0.003,
            charge_option: 0.005,
            charge_excess: 0.02,
            free: coins_free * asset.lots_per_coin(),
            limit: coins_limit * asset.lots_per_coin(),
            fee_future: 0.000_2,
            fee_option: 0.000_3,
            fee_option_of_price: 0.125,
            band_future: 0.05,
            band_option_of_price: 0.5,
            band_option: 0.02,
            funding_cap: 0.005,
        }
    }

    /// Scan range of the volatility of an option with so many seconds to live, as a share of that volatility.
    ///
    /// Short vols move more: scaled by (30 days / T)^0.30 as in Deribit's portfolio margin, T at least a day, and never down
    /// to zero volatility.
    pub fn vol_scan_at(&self, seconds: f64) -> f64 {
        let days = (seconds / DAY).max(1.0);
        (self.vol_scan * (30.0 / days).powf(0.30)).min(0.95)
    }

    /// [`Params::free`] as lots.
    pub fn free_lots(&self) -> Lots {
        Lots::new(self.free).expect("a parameter within 2^40")
    }

    /// [`Params::limit`] as lots.
    pub fn limit_lots(&self) -> Lots {
        Lots::new(self.limit).expect("a parameter within 2^40")
    }
}
