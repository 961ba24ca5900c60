//! Deposits: the k-th consumes the k-th entry of the L1 queue, credited or refunded. Always possible, so that nobody can block
//! the queue.

use super::accounts::{self, Entries};
use super::{Deposit, Guard};
use crate::account::{Account, OrderSlots};
use crate::leaf::{AccountLeaf, Position, MAX_POSITIONS};
use crate::reject::{Key, Rejection};
use crate::trace::DepositTrace;
use crate::units::Cash;
use ark_bn254::Fr;
use ark_ff::Zero;
use std::collections::BTreeSet;

/// Credits or refunds every deposit.
///
/// Credited if neither key is the identity, and either the account is unopened, which the deposit ends, or both keys are
/// those of the account and its cash has room.
pub(super) fn apply(
    deposits: &[Deposit],
    entries: &mut Entries,
    guard: &mut Guard,
) -> Result<Vec<DepositTrace>, Rejection> {
    let mut seen = BTreeSet::new();
    let mut traces = Vec::with_capacity(deposits.len());
    for deposit in deposits {
        let Deposit { account, owner_eighth, viewing_eighth, amount } = *deposit;
        guard.require(seen.insert(account), || Rejection::TwoDeposits { account })?;
        for (key, eighth) in [(Key::Owner, owner_eighth), (Key::Viewing, viewing_eighth)] {
            guard.require(eighth.is_on_curve(), || Rejection::KeyOffCurve { account, key })?;
        }
        let (owner, viewing) = (owner_eighth.mul8(), viewing_eighth.mul8());
        let entry = accounts::entry(entries, account);
        let usable = !owner.is_identity() && !viewing.is_identity();
        let credited = usable
            && match &mut entry.after {
                None => {
                    let orders = OrderSlots::default();
                    let leaf = AccountLeaf {
                        owner,
                        viewing,
                        salt: Fr::zero(),
                        cash: Cash::ZERO,
                        epoch: 0,
                        positions: [Position::default(); MAX_POSITIONS],
                        orders_root: orders.root(),
                    };
                    entry.after = Some(Account { leaf, orders });
                    true
                }
                Some(Account { leaf, .. }) => {
                    let cash = leaf.cash.get() + entry.deposited + amount.wide();
                    owner == leaf.owner && viewing == leaf.viewing && Cash::new(cash).is_ok()
                }
            };
        if credited {
            entry.deposited += amount.wide();
        }
        traces.push(DepositTrace { account, owner_eighth, viewing_eighth, amount, credited });
    }
    Ok(traces)
}
