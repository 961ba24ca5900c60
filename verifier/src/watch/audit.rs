//! The audit line: what accounts and house hold is what the vault holds, and lots of every live series net to zero.

use novation_state::leaf::{AccountLeaf, HouseLeaf, Status};
use novation_state::markets::Markets;
use novation_state::units::{AccountSlot, InstrumentId};
use serde::Serialize;
use std::collections::BTreeMap;

/// An instrument's positions over all accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Signed lots of all accounts.
    pub net: i128,
    /// Lots held long.
    pub long: i128,
    /// Whether it is settled: then holders roll one by one and the house's clearing balance is the other side.
    pub settled: bool,
}

/// What adds up, in micro-units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Cash of all accounts.
    pub cash_of_accounts: i128,
    /// The house's balances.
    pub house: i128,
    /// What the vault holds for accounts.
    pub vault: i128,
    /// What settled positions that have not rolled are worth: the house's clearing balance owes it.
    pub unrolled: i128,
    /// The house's clearing balance.
    pub clearing: i128,
    /// By instrument.
    pub series: BTreeMap<i64, Series>,
}

/// What does not add up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// Money.
    #[error("accounts hold {accounts} and the house {house}, together not the vault's {vault} (micro-units)")]
    Money {
        /// Cash of accounts.
        accounts: i128,
        /// Balances of the house.
        house: i128,
        /// The vault.
        vault: i128,
    },
    /// Lots.
    #[error("lots of live instrument {instrument} net to {net}, not to zero")]
    Lots {
        /// The instrument.
        instrument: InstrumentId,
        /// Their sum.
        net: i128,
    },
    /// Settlements that have not rolled.
    #[error("the clearing balance is {clearing}, but settled positions that have not rolled are worth {unrolled}")]
    Clearing {
        /// The house's clearing balance.
        clearing: i128,
        /// Value of settled positions.
        unrolled: i128,
    },
    /// An account holds what was never listed.
    #[error("account {account} holds instrument {instrument}, which was never listed")]
    Unlisted {
        /// The account.
        account: AccountSlot,
        /// The instrument.
        instrument: InstrumentId,
    },
}

/// Adds up.
///
/// # Errors
/// [`AuditError`], the first thing that does not.
pub fn audit(
    accounts: &BTreeMap<AccountSlot, AccountLeaf>,
    house: &HouseLeaf,
    markets: &Markets,
    vault: i128,
) -> Result<Audit, AuditError> {
    let mut series: BTreeMap<i64, Series> = BTreeMap::new();
    let mut unrolled = 0;
    for (account, leaf) in accounts {
        for position in leaf.positions.iter().filter(|position| !position.is_empty()) {
            let instrument = position.id;
            let unlisted = AuditError::Unlisted { account: *account, instrument };
            let market = markets.get(instrument).ok_or(unlisted)?;
            let entry = series.entry(instrument.get()).or_default();
            entry.settled = market.status == Status::Settled;
            entry.net += position.lots.wide();
            entry.long += position.lots.wide().max(0);
            if entry.settled {
                unrolled += position.lots.wide() * market.settled_value();
            }
        }
    }
    let cash_of_accounts = accounts.values().map(|leaf| leaf.cash.get()).sum::<i128>();
    let clearing = house.clearing.get();
    let audit = Audit { cash_of_accounts, house: house.total(), vault, unrolled, clearing, series };
    if cash_of_accounts + audit.house != vault {
        return Err(AuditError::Money { accounts: cash_of_accounts, house: audit.house, vault });
    }
    for (instrument, entry) in &audit.series {
        if !entry.settled && entry.net != 0 {
            let instrument = InstrumentId::new(*instrument).expect("it came from an id");
            return Err(AuditError::Lots { instrument, net: entry.net });
        }
    }
    if clearing != unrolled {
        return Err(AuditError::Clearing { clearing, unrolled });
    }
    Ok(audit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::Fr;
    use novation_state::crypto::babyjub::BASE8;
    use novation_state::leaf::{Position, MAX_POSITIONS};
    use novation_state::units::{Cash, Lots, PerLot, Time};

    /// A live future, id 1, and one that settled at 500 a lot, id 2.
    fn markets() -> Markets {
        let mut live = crate::watch::unpack::market_leaf(&[Fr::from(0); 7]).expect("zeros are a leaf");
        live.expiry = Time::new(100).unwrap();
        let mut settled = live.clone();
        (settled.status, settled.settlement) = (Status::Settled, PerLot::new(500).unwrap());
        let id = |i| InstrumentId::new(i).unwrap();
        let mut markets = Markets::new();
        markets.update([(id(1), live), (id(2), settled)], Time::new(1).unwrap()).unwrap();
        markets
    }

    fn account(cash: i128, positions: &[(i64, i64)]) -> AccountLeaf {
        let mut all = [Position::default(); MAX_POSITIONS];
        for (place, (id, lots)) in all.iter_mut().zip(positions) {
            *place = Position { id: InstrumentId::new(*id).unwrap(), lots: Lots::new(*lots).unwrap() };
        }
        AccountLeaf {
            owner: BASE8,
            viewing: BASE8,
            salt: Fr::from(0),
            cash: Cash::new(cash).unwrap(),
            epoch: 0,
            positions: all,
            orders_root: Fr::from(0),
        }
    }

    fn house(clearing: i128, fees: i128) -> HouseLeaf {
        let cash = |x| Cash::new(x).unwrap();
        HouseLeaf { viewing: BASE8, salt: Fr::from(0), clearing: cash(clearing), fees: cash(fees), insurance: cash(0) }
    }

    fn run(leaves: &[AccountLeaf], house: &HouseLeaf, vault: i128) -> Result<Audit, AuditError> {
        let slots = (1..).map(|slot| AccountSlot::new(slot).unwrap());
        audit(&slots.zip(leaves.iter().cloned()).collect(), house, &markets(), vault)
    }

    #[test]
    fn balanced_books_pass_with_their_sums() {
        // The holder of 3 settled lots has rolled: 1,500 came from the clearing balance, and the short side owes it still.
        let leaves = [account(2_500, &[(1, 4)]), account(-700, &[(1, -4), (2, -3)])];
        let audit = run(&leaves, &house(-1_500, 200), 500).unwrap();
        assert_eq!(
            (audit.cash_of_accounts, audit.house, audit.unrolled, audit.clearing),
            (1_800, -1_300, -1_500, -1_500)
        );
        assert_eq!(audit.series[&1], Series { net: 0, long: 4, settled: false });
        assert_eq!(audit.series[&2], Series { net: -3, long: 0, settled: true });
    }

    #[test]
    fn every_imbalance_has_its_error() {
        let books = [account(100, &[(1, 4)]), account(50, &[(1, -4)])];
        assert_eq!(run(&books, &house(0, 7), 156), Err(AuditError::Money { accounts: 150, house: 7, vault: 156 }));
        let lots = [account(100, &[(1, 4)]), account(50, &[(1, -5)])];
        let instrument = |i| InstrumentId::new(i).unwrap();
        assert_eq!(run(&lots, &house(0, 0), 150), Err(AuditError::Lots { instrument: instrument(1), net: -1 }));
        let rolled = [account(100, &[(2, 1)])];
        assert_eq!(run(&rolled, &house(0, 0), 100), Err(AuditError::Clearing { clearing: 0, unrolled: 500 }));
        let unlisted = [account(0, &[(3, 1)])];
        let expected = AuditError::Unlisted { account: AccountSlot::new(1).unwrap(), instrument: instrument(3) };
        assert_eq!(run(&unlisted, &house(0, 0), 0), Err(expected));
    }
}
