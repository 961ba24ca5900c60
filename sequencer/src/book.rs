//! The resting orders, and the nonces that were seen.

use crate::admission::Candidate;
use crate::reason::Deferred;
use ark_bn254::Fr;
use novation_state::crypto::eddsa::Signature;
use novation_state::message::Order;
use novation_state::units::{AccountSlot, Lots};
use std::collections::BTreeMap;
use std::mem::discriminant;

/// Most orders that rest at a time: each costs every window an admission of some microseconds.
pub(crate) const MAX_RESTING: usize = 1 << 16;

/// A resting order.
#[derive(Clone, Debug)]
pub(crate) struct Resting {
    /// The order.
    pub order: Order,
    /// What was signed.
    pub hash: Fr,
    /// By the account's owner.
    pub signature: Signature,
    /// Lots that no auction has filled, > 0.
    pub left: Lots,
    /// Whether it is for one window.
    pub this_window: bool,
    /// Why it stayed out of the last window.
    pub deferred: Option<Deferred>,
}

/// Resting orders by log position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    orders: BTreeMap<u64, Resting>,
    by_slot: BTreeMap<(AccountSlot, u8), u64>,
    /// Greatest nonce seen, by account and order slot.
    nonces: BTreeMap<(AccountSlot, u8), u32>,
}

impl Book {
    /// Number of resting orders.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Orders by log position.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Resting)> {
        self.orders.iter().map(|(position, resting)| (*position, resting))
    }

    /// The same, as a window asks for them.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        self.iter().map(|(position, resting)| Candidate { position, order: &resting.order, left: resting.left })
    }

    /// A resting order.
    pub fn get(&self, position: u64) -> Option<&Resting> {
        self.orders.get(&position)
    }

    /// Greatest nonce seen in an order slot since the account's last epoch began; 0 if none was.
    pub fn nonce(&self, account: AccountSlot, order_slot: u8) -> u32 {
        self.nonces.get(&(account, order_slot)).copied().unwrap_or(0)
    }

    /// Remembers that a message used an order slot. The order that rested there is over: its position is returned.
    pub fn use_slot(&mut self, account: AccountSlot, order_slot: u8, nonce: u32) -> Option<u64> {
        self.nonces.insert((account, order_slot), nonce);
        let position = self.by_slot.get(&(account, order_slot)).copied()?;
        self.remove(position);
        Some(position)
    }

    /// Adds an order whose slot was taken by [`Book::use_slot`].
    pub fn insert(&mut self, position: u64, resting: Resting) {
        let binding = &resting.order.binding;
        self.by_slot.insert((binding.account, binding.order_slot), position);
        self.orders.insert(position, resting);
    }

    /// Takes an order out.
    pub fn remove(&mut self, position: u64) {
        if let Some(resting) = self.orders.remove(&position) {
            let binding = &resting.order.binding;
            self.by_slot.remove(&(binding.account, binding.order_slot));
        }
    }

    /// Takes an account's orders out and returns their positions.
    pub fn remove_account(&mut self, account: AccountSlot) -> Vec<u64> {
        let mine: Vec<u64> = self.by_slot.range((account, 0)..=(account, u8::MAX)).map(|(_, p)| *p).collect();
        mine.iter().for_each(|position| self.remove(*position));
        mine
    }

    /// Forgets an account's nonces: its new epoch starts with unused order slots.
    pub fn forget_nonces(&mut self, account: AccountSlot) {
        let used: Vec<u8> = self.nonces.range((account, 0)..=(account, u8::MAX)).map(|((_, slot), _)| *slot).collect();
        for slot in used {
            self.nonces.remove(&(account, slot));
        }
    }

    /// Takes lots of an auction off an order, and the order out when nothing is left.
    pub fn fill(&mut self, position: u64, lots: Lots) {
        let resting = self.orders.get_mut(&position).expect("auctions fill resting orders");
        resting.left = Lots::new(resting.left.get() - lots.get()).expect("an auction fills at most what is left");
        if resting.left == Lots::ZERO {
            self.remove(position);
        }
    }

    /// Notes why an order stayed out of a window, and says whether that is news.
    pub fn note(&mut self, position: u64, reason: Option<&Deferred>) -> bool {
        let Some(resting) = self.orders.get_mut(&position) else { return false };
        // The same reason with other numbers is no news: shortfalls move with every mark.
        let news = resting.deferred.as_ref().map(discriminant) != reason.map(discriminant);
        resting.deferred = reason.cloned();
        news
    }
}
