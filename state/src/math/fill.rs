//! What a fill and a settlement do to cash.

use crate::leaf::MarketLeaf;
use crate::message::Side;
use crate::units::{Lots, Ticks};

/// The cash effect of a fill on one side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillCash {
    /// Signed change of the account's cash before the fee. Buyer and seller of the same lots cancel.
    pub traded: i128,
    /// Fee, >= 0, from the account to the house.
    pub fee: i128,
}

impl FillCash {
    /// The account's whole change.
    pub fn net(&self) -> i128 {
        self.traded - self.fee
    }
}

/// A fill of `lots` > 0 at `price`: the buyer pays `lots * (price * tick_value - index)`, the seller receives it, both pay
/// `lots * fee`. Funding accrued so far is inside the price: the index is what earlier holders owe, so nothing about it is
/// stored per position.
///
/// Below 2^40 * 2^57 + 2^40 * 2^32 < 2^98.
pub fn fill(side: Side, lots: Lots, price: Ticks, market: &MarketLeaf) -> FillCash {
    let per_lot = price.wide() * market.tick_value.wide() - market.index.wide();
    FillCash { traded: -side.sign() * lots.wide() * per_lot, fee: lots.wide() * market.fee.wide() }
}

/// What a settled position of `lots` turns into: `lots * (settlement - index)`, against the house's clearing balance.
///
/// Below 2^40 * 2^57 = 2^97.
pub fn roll(lots: Lots, market: &MarketLeaf) -> i128 {
    lots.wide() * market.settled_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::margin::tests::market;
    use crate::units::{Fee, PerLot};

    #[test]
    fn fill_pays_price_less_index_and_fees_on_both_sides() {
        let mut m = market();
        m.index = PerLot::new(-30).unwrap();
        m.fee = Fee::new(7).unwrap();
        let (lots, price) = (Lots::new(5).unwrap(), Ticks::new(100).unwrap());
        let per_lot = 100 * m.tick_value.wide() + 30;
        assert_eq!(fill(Side::Buy, lots, price, &m), FillCash { traded: -5 * per_lot, fee: 35 });
        assert_eq!(fill(Side::Sell, lots, price, &m), FillCash { traded: 5 * per_lot, fee: 35 });
        assert_eq!(fill(Side::Sell, lots, price, &m).net(), 5 * per_lot - 35);
    }

    #[test]
    fn fill_at_every_bound_fits() {
        let mut m = market();
        m.tick_value = crate::units::TickValue::MAX;
        m.index = PerLot::MIN;
        m.fee = Fee::MAX;
        let cash = fill(Side::Buy, Lots::MAX, Ticks::MAX, &m);
        assert!(cash.net() > -(1 << 98), "{cash:?}");
    }

    #[test]
    fn roll_of_long_and_short_mirror_each_other() {
        let mut m = market();
        m.settlement = PerLot::new(1_000).unwrap();
        m.index = PerLot::new(40).unwrap();
        assert_eq!(roll(Lots::new(3).unwrap(), &m), 2_880);
        assert_eq!(roll(Lots::new(-3).unwrap(), &m), -2_880);
    }
}
