//! An account as the log has it: the ledger's leaf, and the fills that no batch holds yet.

use novation_state::account::Account;
use novation_state::leaf::MarketLeaf;
use novation_state::markets::Markets;
use novation_state::math::fill::fill as fill_cash;
use novation_state::math::value::Holding;
use novation_state::message::Side;
use novation_state::units::{InstrumentId, Lots, Ticks};
use std::collections::BTreeMap;

/// What fills change in an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Micro-units, fees included.
    pub cash: i128,
    /// Signed lots by instrument; an instrument stays here when its fills cancel out.
    pub lots: BTreeMap<InstrumentId, i128>,
}

impl Change {
    /// Adds a fill.
    pub fn fill(&mut self, instrument: InstrumentId, side: Side, lots: Lots, price: Ticks, market: &MarketLeaf) {
        self.cash += fill_cash(side, lots, price, market).net();
        *self.lots.entry(instrument).or_default() += side.sign() * lots.wide();
    }
}

/// Cash and positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// Micro-units.
    pub cash: i128,
    /// Signed lots, none zero. Settled positions are among them until a batch rolls them.
    pub positions: BTreeMap<InstrumentId, i128>,
}

impl View {
    /// The account after the fills.
    pub fn of(account: &Account, fills: Option<&Change>) -> View {
        let held = account.leaf.positions.iter().filter(|p| !p.is_empty());
        let mut view = View { cash: account.leaf.cash.get(), positions: held.map(|p| (p.id, p.lots.wide())).collect() };
        if let Some(change) = fills {
            view.cash += change.cash;
            for (id, lots) in &change.lots {
                *view.positions.entry(*id).or_default() += lots;
            }
            view.positions.retain(|_, lots| *lots != 0);
        }
        view
    }

    /// The positions with their leaves.
    pub fn holdings<'a>(&self, markets: &'a Markets) -> Vec<(InstrumentId, Holding<'a>)> {
        let holding = |(id, lots): (&InstrumentId, &i128)| {
            let market = markets.get(*id).expect("only listed instruments are held");
            // Admission keeps positions within limits below 2^40.
            (*id, Holding { lots: Lots::try_from(*lots).expect("positions stay within their limits"), market })
        };
        self.positions.iter().map(holding).collect()
    }
}
