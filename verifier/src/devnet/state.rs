//! The accounts and storage of the chain, with an undo record per block: that serves reads at older blocks (a
//! `finalized` read is one) and takes blocks back in a reorg, without a copy of the state per block.

use super::chain::Body;
use alloy::primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use revm::database_interface::DatabaseRef;
use revm::state::{AccountInfo, EvmState};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

/// The state after the newest block.
#[derive(Debug, Default)]
pub(super) struct State {
    accounts: HashMap<Address, AccountInfo>,
    storage: HashMap<(Address, U256), U256>,
    /// Code by hash. Grows only: code of a block taken back is unreachable, not wrong.
    codes: HashMap<B256, Bytecode>,
}

/// What a block's changes replaced.
#[derive(Debug, Default)]
pub(super) struct Undo {
    accounts: HashMap<Address, Option<AccountInfo>>,
    storage: HashMap<(Address, U256), U256>,
}

impl State {
    /// Gives an account of the genesis its balance.
    pub(super) fn fund(&mut self, address: Address, balance: U256) {
        self.accounts.insert(address, AccountInfo { balance, code: None, ..AccountInfo::default() });
    }

    /// Writes what an execution changed and returns what undoes it.
    pub(super) fn apply(&mut self, changes: EvmState) -> Undo {
        let mut undo = Undo::default();
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            let old = self.accounts.get(&address).cloned();
            undo.accounts.insert(address, old);
            // EIP-6780: a contract destroyed is one created in the same transaction, so it has no older storage.
            // EIP-161: a touched account left empty does not exist.
            if account.is_selfdestructed() || account.is_empty() {
                self.accounts.remove(&address);
                continue;
            }
            for (&slot, value) in account.changed_storage_slots() {
                let key = (address, slot);
                let present = value.present_value();
                let old = if present.is_zero() { self.storage.remove(&key) } else { self.storage.insert(key, present) };
                undo.storage.insert(key, old.unwrap_or_default());
            }
            let mut info = account.info;
            if let Some(code) = info.code.take() {
                self.codes.insert(info.code_hash, code);
            }
            self.accounts.insert(address, info);
        }
        undo
    }

    /// Takes back the newest changes that have not been taken back.
    pub(super) fn revert(&mut self, undo: Undo) {
        for (address, old) in undo.accounts {
            match old {
                Some(info) => self.accounts.insert(address, info),
                None => self.accounts.remove(&address),
            };
        }
        for (key, old) in undo.storage {
            if old.is_zero() {
                self.storage.remove(&key);
            } else {
                self.storage.insert(key, old);
            }
        }
    }
}

/// The state as it was before the changes that `undos` would take back.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) state: &'a State,
    /// The blocks that changed anything, with their undo records.
    pub(super) bodies: &'a BTreeMap<u64, Body>,
    /// Number of the block looked at.
    pub(super) number: u64,
    /// Hashes of all blocks, by number.
    pub(super) hashes: &'a [B256],
}

impl View<'_> {
    /// Undo records of the blocks after the one looked at, oldest first.
    fn undos(&self) -> impl Iterator<Item = &Undo> {
        self.bodies.range(self.number + 1..).map(|(_, body)| &body.undo)
    }

    pub(super) fn account(&self, address: Address) -> Option<AccountInfo> {
        // The oldest later block that changed the account knows what it was at the block looked at.
        match self.undos().find_map(|undo| undo.accounts.get(&address)) {
            Some(old) => old.clone(),
            None => self.state.accounts.get(&address).cloned(),
        }
    }

    pub(super) fn slot(&self, address: Address, slot: U256) -> U256 {
        let key = (address, slot);
        match self.undos().find_map(|undo| undo.storage.get(&key)) {
            Some(old) => *old,
            None => self.state.storage.get(&key).copied().unwrap_or_default(),
        }
    }

    pub(super) fn code(&self, address: Address) -> Bytecode {
        self.account(address).map_or_else(Bytecode::default, |info| self.code_of(info.code_hash))
    }

    fn code_of(&self, hash: B256) -> Bytecode {
        self.state.codes.get(&hash).cloned().unwrap_or_default()
    }
}

impl DatabaseRef for View<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.account(address).map(|mut info| {
            info.code = Some(self.code_of(info.code_hash));
            info
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.code_of(code_hash))
    }

    fn storage_ref(&self, address: Address, index: U256) -> Result<U256, Infallible> {
        Ok(self.slot(address, index))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        let index = usize::try_from(number).ok();
        Ok(index.and_then(|i| self.hashes.get(i)).copied().unwrap_or_default())
    }
}
