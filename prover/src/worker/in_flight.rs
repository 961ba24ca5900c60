//! How many batches a worker works on at a time.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Most proofs in flight of one worker. Each holds a job that no other worker gets meanwhile, and memory of its own; no backend
/// has work left over for more: the cores or the card are busy long before.
pub const MAX_IN_FLIGHT: usize = 16;

/// Proofs in flight of one worker: 1 to [`MAX_IN_FLIGHT`], 1 unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight(usize);

/// No number of proofs in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a whole number from 1 to {MAX_IN_FLIGHT}")]
pub struct InFlightError;

impl InFlight {
    /// The number.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for InFlight {
    fn default() -> InFlight {
        InFlight(1)
    }
}

impl TryFrom<u64> for InFlight {
    type Error = InFlightError;

    fn try_from(number: u64) -> Result<InFlight, InFlightError> {
        let number = usize::try_from(number).map_err(|_| InFlightError)?;
        (1..=MAX_IN_FLIGHT).contains(&number).then_some(InFlight(number)).ok_or(InFlightError)
    }
}

impl FromStr for InFlight {
    type Err = InFlightError;

    fn from_str(text: &str) -> Result<InFlight, InFlightError> {
        text.parse().map_err(|_| InFlightError).and_then(|number: u64| number.try_into())
    }
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
