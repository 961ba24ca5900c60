//! Deposits by key: public on L1, kept so that a trader finds the own slot.

use crate::wire::{DepositState, DepositView};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_state::crypto::babyjub::Point;
use novation_state::trace::DepositTrace;
use novation_state::transition::Deposit;
use novation_state::units::AccountSlot;
use std::collections::BTreeMap;

/// Deposits by key and slot.
#[derive(Clone, Debug, Default)]
pub struct Deposits {
    by_owner: BTreeMap<(Vec<u8>, AccountSlot), (u64, DepositState)>,
    /// Owner and viewing key that a slot's last credited deposit named.
    keys: BTreeMap<AccountSlot, (Point, Point)>,
}

fn word(x: Fr) -> Vec<u8> {
    x.into_bigint().to_bytes_be()
}

impl Deposits {
    /// An account of the ledger that the log goes on from.
    pub fn opened(&mut self, slot: AccountSlot, owner: Point, viewing: Point) {
        self.by_owner.insert((word(owner.x), slot), (0, DepositState::Credited));
        self.keys.insert(slot, (owner, viewing));
    }

    /// A deposit is final on L1.
    pub fn queued(&mut self, index: u64, deposit: &Deposit) {
        let key = (word(deposit.owner_eighth.mul8().x), deposit.account);
        self.by_owner.entry(key).or_insert((index, DepositState::Queued));
    }

    /// A batch took a deposit in. One that it refunded names nobody's slot, unless another was credited.
    pub fn settled(&mut self, deposit: &DepositTrace) {
        let (owner, viewing) = (deposit.owner_eighth.mul8(), deposit.viewing_eighth.mul8());
        let key = (word(owner.x), deposit.account);
        if deposit.credited {
            self.by_owner.entry(key).and_modify(|(_, state)| *state = DepositState::Credited);
            self.keys.insert(deposit.account, (owner, viewing));
        } else if self.by_owner.get(&key).is_some_and(|(_, state)| *state == DepositState::Queued) {
            self.by_owner.remove(&key);
        }
    }

    /// The slots whose deposits name a key with this x coordinate. A point and its negative share it, and are both found.
    pub fn of_owner(&self, x: Fr) -> Vec<DepositView> {
        let x = word(x);
        let range = (x.clone(), AccountSlot::MIN)..=(x, AccountSlot::MAX);
        let view = |((_, slot), (deposit, state)): (&(Vec<u8>, AccountSlot), &(u64, DepositState))| DepositView {
            slot: slot.get(),
            deposit: *deposit,
            state: *state,
        };
        self.by_owner.range(range).map(view).collect()
    }

    /// Owner and viewing key that the last credited deposit named.
    pub fn keys(&self, slot: AccountSlot) -> Option<(Point, Point)> {
        self.keys.get(&slot).copied()
    }
}
