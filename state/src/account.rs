//! An account as the ledger stores it: the leaf, and the order slots behind its orders root.

use crate::leaf::{AccountLeaf, OrderSlot};
use crate::trace::{Path, ORDERS_DEPTH};
use crate::tree::OrdersTree;
use ark_bn254::Fr;
use std::collections::BTreeMap;

/// The 256 order slots of an account with their tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderSlots {
    slots: BTreeMap<u8, OrderSlot>,
    tree: OrdersTree,
}

impl Default for OrderSlots {
    fn default() -> Self {
        OrderSlots { slots: BTreeMap::new(), tree: OrdersTree::orders() }
    }
}

impl OrderSlots {
    /// A slot; the default if it was never used.
    pub fn get(&self, slot: u8) -> OrderSlot {
        self.slots.get(&slot).copied().unwrap_or_default()
    }

    /// The used slots, by index.
    pub fn used(&self) -> impl Iterator<Item = (u8, &OrderSlot)> {
        self.slots.iter().map(|(index, slot)| (*index, slot))
    }

    /// The orders root.
    pub fn root(&self) -> Fr {
        self.tree.root()
    }

    /// Siblings of a slot.
    pub fn path(&self, slot: u8) -> Path<ORDERS_DEPTH> {
        self.tree.path(u64::from(slot))
    }

    /// Writes a slot.
    pub fn set(&mut self, slot: u8, value: OrderSlot) {
        if value == OrderSlot::default() {
            self.slots.remove(&slot);
        } else {
            self.slots.insert(slot, value);
        }
        self.tree.set(u64::from(slot), value.hash());
    }
}

/// One opened account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The leaf; its orders root is that of `orders`.
    pub leaf: AccountLeaf,
    /// The order slots.
    pub orders: OrderSlots,
}
