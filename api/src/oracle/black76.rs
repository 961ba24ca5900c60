//! Undiscounted Black-76: European options on a forward.
//!
//! F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976), without the discount factor:
//! collateral earns nothing here, so a settlement is worth at mark what it pays later.
//!
//! The option that is out of the money is computed and the other one follows by parity: the difference of two large terms
//! would cost the digits that matter.

use crate::instrument::Right;
use std::f64::consts::FRAC_1_SQRT_2;

/// Seconds of a year, by convention 365 days.
pub const YEAR_SECONDS: f64 = 31_536_000.0;

/// The normal distribution function.
fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The price of an option on forward `forward` with strike `strike` and total volatility `sigma * sqrt(T)`, in the unit of
/// both prices. All arguments are nonnegative.
///
/// At a total volatility of zero this is the intrinsic value, without a forward or a strike likewise.
pub fn price(forward: f64, strike: f64, total_vol: f64, right: Right) -> f64 {
    debug_assert!(forward >= 0.0 && strike >= 0.0 && total_vol >= 0.0, "prices and vols are nonnegative");
    let intrinsic = match right {
        Right::Call => (forward - strike).max(0.0),
        Right::Put => (strike - forward).max(0.0),
    };
    if forward == 0.0 || strike == 0.0 || total_vol == 0.0 {
        return intrinsic;
    }
    let log_moneyness = (forward / strike).ln();
    let d1 = log_moneyness / total_vol + 0.5 * total_vol;
    let d2 = d1 - total_vol;
    let time_value =
        if forward < strike { forward * cdf(d1) - strike * cdf(d2) } else { strike * cdf(-d2) - forward * cdf(-d1) };
    // Rounding may leave a hair below zero far out of the money.
    intrinsic + time_value.max(0.0)
}

/// `sigma * sqrt(T)` for a yearly volatility and a time in seconds.
pub fn total_vol(sigma: f64, seconds: f64) -> f64 {
    sigma * (seconds.max(0.0) / YEAR_SECONDS).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_holds_to_the_last_digits() {
        for (f, k, v) in [(100.0, 100.0, 0.2), (100.0, 250.0, 0.6), (90_000.0, 40_000.0, 0.1), (3_000.0, 3_001.0, 1e-4)]
        {
            let parity = price(f, k, v, Right::Call) - price(f, k, v, Right::Put);
            assert!((parity - (f - k)).abs() <= 1e-12 * f.max(k), "F {f}, K {k}, v {v}: {parity}");
        }
    }

    #[test]
    fn at_the_money_price_is_that_of_the_closed_form() {
        // F * (2 N(v/2) - 1) with N(0.1) = 0.539827837277029 (tables).
        let expected = 100.0 * (2.0 * 0.539_827_837_277_029 - 1.0);
        assert!((price(100.0, 100.0, 0.2, Right::Call) - expected).abs() < 1e-12);
    }

    #[test]
    fn an_expired_option_is_worth_its_intrinsic_value() {
        assert_eq!(price(100.0, 90.0, total_vol(0.8, 0.0), Right::Call), 10.0);
        assert_eq!(price(100.0, 90.0, total_vol(0.8, -5.0), Right::Put), 0.0);
    }
}
