//! What an account is worth.

use crate::leaf::{MarketLeaf, Status};
use crate::units::Lots;

/// Some lots of an instrument, valued and margined with its market leaf.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a> {
    /// Signed lots.
    pub lots: Lots,
    /// The instrument.
    pub market: &'a MarketLeaf,
}

impl Holding<'_> {
    /// Worth at the mark; at the settlement value once there is one.
    ///
    /// Below 2^97.
    pub fn value(&self) -> i128 {
        let per_lot = match self.market.status {
            Status::Settled => self.market.settled_value(),
            Status::Open | Status::ReduceOnly | Status::Halted => self.market.value(),
        };
        self.lots.wide() * per_lot
    }

    /// Concentration charge, for the lots beyond the free ones; 0 once settled.
    ///
    /// Below 2^96.
    pub fn excess_charge(&self) -> i128 {
        let excess = (self.lots.wide().abs() - self.market.free.wide()).max(0);
        match self.market.status {
            Status::Settled => 0,
            Status::Open | Status::ReduceOnly | Status::Halted => excess * self.market.excess_charge.wide(),
        }
    }

    /// Worth at the last daily settlement's mark; at the settlement value once there is one.
    pub fn daily_value(&self) -> i128 {
        match self.market.status {
            Status::Settled => self.value(),
            Status::Open | Status::ReduceOnly | Status::Halted => self.lots.wide() * self.market.daily_value(),
        }
    }
}

/// `cash + sum of values`, in micro-units. Below 2^106 + 2^6 * 2^97 < 2^107.
pub fn equity(cash: i128, holdings: &[Holding]) -> i128 {
    cash + holdings.iter().map(Holding::value).sum::<i128>()
}

/// [`equity`] at the last daily settlement's marks.
pub fn daily_equity(cash: i128, holdings: &[Holding]) -> i128 {
    cash + holdings.iter().map(Holding::daily_value).sum::<i128>()
}
