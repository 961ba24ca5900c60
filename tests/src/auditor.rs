//! An auditor who recomputes money and lots from what went in and what came out, without the ledger's own sums.

use novation_state::leaf::Status;
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::units::InstrumentId;
use std::collections::BTreeMap;

/// What must hold after every batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Cash of all accounts, micro-units.
    pub accounts_micro: i128,
    /// Balances of the house, micro-units.
    pub house_micro: i128,
    /// Net lots of every unsettled instrument in which somebody has a position.
    pub net_lots: BTreeMap<InstrumentId, i128>,
}

/// Sums over leaves.
pub fn audit(ledger: &Ledger, markets: &Markets) -> Audit {
    let mut audit = Audit { house_micro: ledger.house().total(), ..Audit::default() };
    for (_, account) in ledger.accounts() {
        audit.accounts_micro += account.leaf.cash.get();
        for position in account.leaf.positions.iter().filter(|p| !p.is_empty()) {
            let leaf = markets.get(position.id).expect("a position is in a listed instrument");
            if leaf.status != Status::Settled {
                *audit.net_lots.entry(position.id).or_default() += position.lots.wide();
            }
        }
    }
    audit
}

impl Audit {
    /// Cash of accounts and house equals what the vault holds for them; lots net to zero.
    ///
    /// # Panics
    /// With both sides, if not.
    pub fn assert_balanced(&self, vault_micro: i128) {
        assert_eq!(self.accounts_micro + self.house_micro, vault_micro, "cash of accounts and house is not the vault");
        for (id, lots) in &self.net_lots {
            assert_eq!(*lots, 0, "lots of instrument {id} do not net to zero");
        }
    }
}
