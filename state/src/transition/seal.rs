//! New salts, and the new leaves under the running root.

use super::accounts::Entries;
use crate::account::Account;
use crate::crypto::babyjub::Scalar;
use crate::leaf::HouseLeaf;
use crate::ledger::{Ledger, HOUSE};
use crate::seal::{salt, shared_secret};
use crate::trace::{AccountTrace, HouseTrace, ACCOUNTS_DEPTH};
use crate::tree::Changes;
use crate::units::AccountSlot;
use ark_bn254::Fr;
use rayon::prelude::*;

/// A batch's entries, written.
pub(super) struct Sealed {
    pub entries: Vec<AccountTrace>,
    pub house: HouseTrace,
    pub accounts: Vec<(AccountSlot, Account)>,
    pub tree: Changes<ACCOUNTS_DEPTH>,
    pub root: Fr,
}

/// Gives every rewritten leaf a new salt and writes it, the house last.
///
/// PRIVACY: decoys get a salt like everybody, so a decoy's new leaf looks like any other.
pub(super) fn seal(
    ledger: &Ledger,
    batch: u64,
    ephemeral: &Scalar,
    mut entries: Entries,
    mut house: HouseLeaf,
) -> Sealed {
    let hashes: Vec<Option<Fr>> = entries
        .par_iter_mut()
        .map(|(slot, entry)| {
            entry.after.as_mut().map(|Account { leaf, .. }| {
                leaf.salt = salt(shared_secret(ephemeral, &leaf.viewing), batch, *slot);
                leaf.hash()
            })
        })
        .collect();
    house.salt = salt(shared_secret(ephemeral, &house.viewing), batch, HOUSE);

    let mut running = ledger.tree.running();
    let mut traces = Vec::with_capacity(entries.len());
    let mut accounts = Vec::with_capacity(entries.len());
    for ((slot, entry), hash) in entries.into_iter().zip(hashes) {
        let index = slot.get() as u64;
        let path = match hash {
            Some(hash) => running.set(index, hash),
            None => running.path(index),
        };
        traces.push(AccountTrace {
            slot,
            before: entry.before.map(|account| account.leaf.clone()),
            after: entry.after.as_ref().map(|account| account.leaf.clone()),
            path,
            touch: entry.touch,
            ids: entry.ids,
        });
        accounts.extend(entry.after.map(|account| (slot, account)));
    }
    let path = running.set(HOUSE.get() as u64, house.hash());
    let root = running.root();
    let house = HouseTrace { before: ledger.house.clone(), after: house, path };
    Sealed { entries: traces, house, accounts, tree: running.into_changes(), root }
}
