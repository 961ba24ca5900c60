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
