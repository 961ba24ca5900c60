//! The sixteen scenarios of a risk array, in the order of CME's SPAN.
//!
//! Price moves of 0, +-1/3, +-2/3 and +-3/3 of the scan range, each with the volatility up and down; then two extremes at twice
//! the range, of which 35 % counts. (Source: the worked example in `tests/vectors/span_published_examples.json`.)

use novation_state::leaf::SCENARIOS;

/// Share of an extreme's result that counts, in percent.
pub const EXTREME_PERCENT: f64 = 35.0;
/// Scan ranges of an extreme move.
pub const EXTREME_RANGES: f64 = 2.0;

/// One scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    /// Move of the price, in scan ranges.
    pub ranges: f64,
    /// Move of the volatility, in vol scan ranges.
    pub vol: f64,
    /// Share of the result that counts.
    pub weight: f64,
}

/// The sixteen.
pub fn scenarios() -> [Scenario; SCENARIOS] {
    const THIRDS: [f64; 7] = [0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0];
    std::array::from_fn(|i| match i {
        14 => Scenario { ranges: EXTREME_RANGES, vol: 0.0, weight: EXTREME_PERCENT / 100.0 },
        15 => Scenario { ranges: -EXTREME_RANGES, vol: 0.0, weight: EXTREME_PERCENT / 100.0 },
        _ => Scenario { ranges: THIRDS[i / 2] / 3.0, vol: if i % 2 == 0 { 1.0 } else { -1.0 }, weight: 1.0 },
    })
}
