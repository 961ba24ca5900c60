//! The house: the other side of settlements and fees.

use crate::leaf::HouseLeaf;
use crate::reject::Rejection;
use crate::units::Cash;

/// What a batch moves from accounts to the house, in micro-units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// To the clearing balance: minus what rolls paid out.
    pub clearing: i128,
    /// To the fee balance.
    pub fees: i128,
}

impl Flow {
    /// The house's balances after the batch. Each flow is below 64 * 16 * 2^97 = 2^107, each balance below 2^106.
    pub fn apply(&self, before: &HouseLeaf) -> Result<HouseLeaf, Rejection> {
        let sum = |balance, old: Cash, change: i128| {
            Cash::new(old.get() + change).map_err(|reason| Rejection::HouseRange { balance, reason })
        };
        Ok(HouseLeaf {
            clearing: sum("clearing", before.clearing, self.clearing)?,
            fees: sum("fee", before.fees, self.fees)?,
            ..before.clone()
        })
    }

    /// Everything that reached the house.
    pub fn total(&self) -> i128 {
        self.clearing + self.fees
    }
}
