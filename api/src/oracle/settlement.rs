//! Settlement values: the mean of the index over the last thirty minutes before expiry, as at every large venue.

use super::OracleError;
use crate::instrument::{Contract, Right, Terms};
use novation_state::units::{PerLot, Ticks};

/// Length of the averaging window in minutes; one sample a minute.
pub const WINDOW_MINUTES: i64 = 30;
/// Share of the samples that has to be there, in percent.
pub const NEEDED_PERCENT: usize = 80;

/// One minute's index price in dollars, or that it is missing.
pub type Sample = Option<f64>;

/// The settlement price of an expiry in ticks: the mean of the samples of its last thirty minutes, rounded to the grid once for all
/// instruments of that expiry, so that parity holds exactly among them.
///
/// # Errors
/// [`OracleError::TooFewSamples`] below 80 %; [`OracleError::Range`] if the mean is no price.
pub fn price(terms: &Terms, samples: &[Sample]) -> Result<Ticks, OracleError> {
    let wanted = WINDOW_MINUTES as usize;
    let needed = (wanted * NEEDED_PERCENT).div_ceil(100);
    let present: Vec<f64> = samples.iter().rev().take(wanted).flatten().copied().collect();
    if present.len() < needed {
        return Err(OracleError::TooFewSamples {
            terms: *terms,
            present: present.len(),
            wanted,
            needed,
            minutes: WINDOW_MINUTES,
        });
    }
    let mean = present.iter().sum::<f64>() / present.len() as f64;
    let range = |reason| OracleError::Range { terms: *terms, what: "settlement price", reason };
    terms.asset.ticks(mean).map_err(range)
}

/// What a lot pays at a settlement price, in micro-units: exact integers from here on.
///
/// # Errors
/// [`OracleError::NeverExpires`] for perpetuals.
pub fn value(terms: &Terms, price: Ticks) -> Result<PerLot, OracleError> {
    let over = price.get() - terms.strike().get();
    let ticks = match terms.contract {
        Contract::Perpetual => return Err(OracleError::NeverExpires { terms: *terms }),
        Contract::Future { .. } => price.get(),
        Contract::Option { right: Right::Call, .. } => over.max(0),
        Contract::Option { right: Right::Put, .. } => (-over).max(0),
    };
    let range = |reason| OracleError::Range { terms: *terms, what: "settlement value", reason };
    PerLot::try_from(i128::from(ticks) * terms.asset.tick_value().wide()).map_err(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(name: &str) -> Terms {
        name.parse().unwrap()
    }

    #[test]
    fn price_is_the_mean_of_the_last_thirty_samples() {
        let mut samples: Vec<Sample> = vec![Some(1e6); 5];
        samples.extend((0..30).map(|i| Some(90_000.0 + f64::from(i))));
        assert_eq!(price(&terms("BTC-27MAR26"), &samples).unwrap().get(), 900_145);
    }

    #[test]
    fn a_fifth_of_the_samples_may_be_missing_and_no_more() {
        let future = terms("BTC-27MAR26");
        let mut samples: Vec<Sample> = vec![Some(90_000.0); 30];
        samples[..6].fill(None);
        assert_eq!(price(&future, &samples).unwrap().get(), 900_000);
        samples[29] = None;
        let refused = OracleError::TooFewSamples { terms: future, present: 23, wanted: 30, needed: 24, minutes: 30 };
        assert_eq!(price(&future, &samples), Err(refused));
    }

    #[test]
    fn values_at_settlement_obey_parity_exactly() {
        for ticks in [0, 999_999, 1_000_000, 1_000_001, 4_000_000] {
            let at = |name: &str| value(&terms(name), Ticks::new(ticks).unwrap()).unwrap().get();
            let (call, put) = (at("BTC-27MAR26-100000-C"), at("BTC-27MAR26-100000-P"));
            assert_eq!(call - put, at("BTC-27MAR26") - 100 * 1_000_000);
            assert!(call >= 0 && put >= 0 && (call == 0 || put == 0));
        }
    }

    #[test]
    fn a_perpetual_has_no_settlement_of_its_own() {
        let perp = terms("BTC-PERP");
        assert_eq!(value(&perp, Ticks::ZERO), Err(OracleError::NeverExpires { terms: perp }));
    }
}
