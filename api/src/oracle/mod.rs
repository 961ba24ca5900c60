//! The oracle role: a model that says what instruments are worth and what they risk.
//!
//! **Known gap number one.** Until the market proof exists, marks, risk arrays and settlement values are what this role says
//! they are; the contract and the batch proof only make sure that everybody uses the same ones, that terms never
//! change and that a settlement is written once. Here, and nowhere else in the workspace, numbers may be floating point: what
//! leaves this module is a [`novation_state::leaf::MarketLeaf`] of exact integers.
//!
//! | file | what |
//! |---|---|
//! | [`black76`] | undiscounted Black-76 prices |
//! | [`scenarios`] | the sixteen scenarios of SPAN |
//! | [`params`] | scan ranges, charges, bands, limits per asset |
//! | [`risk`] | risk arrays |
//! | [`funding`] | steps of a perpetual's funding index |
//! | [`settlement`] | settlement values at expiry |
//! | [`rounds`] | from quotes to the leaves of one round |
//! | [`model`] | quotes of everything from two index prices |
//! | [`calibrate`] | whether a scan range covers what the market did |

pub mod black76;
pub mod calibrate;
pub mod funding;
pub mod model;
pub mod params;
pub mod risk;
pub mod rounds;
pub mod scenarios;
pub mod settlement;

use crate::instrument::{Asset, Terms};
use novation_state::units::{InstrumentId, OutOfRange, Time};

/// Why the oracle cannot say what something is worth.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OracleError {
    /// A price, a vol or a time is no number to work with.
    #[error("the {what} of {terms} is {value}: it has to be finite and {rule}")]
    Input {
        /// The instrument.
        terms: Terms,
        /// Which input.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A result does not fit the market leaf.
    #[error("the {what} of {terms} does not fit a market leaf: {reason}")]
    Range {
        /// The instrument.
        terms: Terms,
        /// Which field.
        what: &'static str,
        /// What did not fit.
        reason: OutOfRange,
    },
    /// Only a quoted instrument can be priced.
    #[error("{terms} is not quoted at {time}: every listed instrument needs a quote in every round until it settles")]
    NoQuote {
        /// The instrument.
        terms: Terms,
        /// Time of the round.
        time: Time,
    },
    /// A perpetual is funded against its index.
    #[error("{asset} has no index price at {time}: the index is needed for funding and settlement")]
    NoIndex {
        /// The asset.
        asset: Asset,
        /// Time of the round.
        time: Time,
    },
    /// A settlement stands on enough samples.
    #[error("{terms} cannot settle: {present} of {wanted} samples of the last {minutes} minutes are present, {needed} are needed")]
    TooFewSamples {
        /// The instrument.
        terms: Terms,
        /// Samples there are.
        present: usize,
        /// Samples of a full window.
        wanted: usize,
        /// Fewest to settle on.
        needed: usize,
        /// Length of the window.
        minutes: i64,
    },
    /// Perpetuals do not expire.
    #[error("{terms} never expires: delisting a perpetual is a decision of governance")]
    NeverExpires {
        /// The instrument.
        terms: Terms,
    },
    /// Settlement is after expiry.
    #[error("{terms} expires at {expiry}, and it is {time}: settle it afterwards")]
    NotExpired {
        /// The instrument.
        terms: Terms,
        /// Its expiry.
        expiry: Time,
        /// Time of the attempt.
        time: Time,
    },
    /// An instrument is listed once.
    #[error("{terms} is listed already: ids are never reused")]
    AlreadyListed {
        /// The instrument.
        terms: Terms,
    },
    /// A leaf that names what is not traded here.
    #[error("the leaf of instrument {instrument} names no contract that this oracle knows: was it posted by another program?")]
    Unknown {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// New instruments have time to live.
    #[error("{terms} expired at {expiry} and cannot be listed at {time}")]
    ListedTooLate {
        /// The instrument.
        terms: Terms,
        /// Its expiry.
        expiry: Time,
        /// Time of the attempt.
        time: Time,
    },
}
