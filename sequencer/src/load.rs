//! What a batch holds so far, against the lanes of its size.

use novation_state::reject::Lane;
use novation_state::size::Size;
use novation_state::units::{AccountSlot, InstrumentId};
use std::collections::BTreeSet;

/// Entries taken, lane by lane. Whatever does not fit is refused by the lane that is full, and nothing changes.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    size: Size,
    accounts: BTreeSet<AccountSlot>,
    rows: BTreeSet<InstrumentId>,
    orders: usize,
    clearings: usize,
    deposits: usize,
    commands: usize,
}

/// What one thing takes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Need {
    /// Account entries, repeated or not.
    pub accounts: Vec<AccountSlot>,
    /// Market rows, repeated or not.
    pub rows: Vec<InstrumentId>,
    /// Orders.
    pub orders: usize,
    /// Clearings.
    pub clearings: usize,
    /// Deposits.
    pub deposits: usize,
    /// Commands.
    pub commands: usize,
}

impl Load {
    /// An empty batch.
    pub fn new(size: Size) -> Load {
        let (accounts, rows) = (BTreeSet::new(), BTreeSet::new());
        Load { size, accounts, rows, orders: 0, clearings: 0, deposits: 0, commands: 0 }
    }

    /// Takes something in.
    ///
    /// # Errors
    /// The first lane in which it does not fit.
    pub fn add(&mut self, need: &Need) -> Result<(), Lane> {
        fn missing<T: Ord + Copy>(taken: &BTreeSet<T>, asked: &[T]) -> usize {
            let new: BTreeSet<T> = asked.iter().copied().filter(|item| !taken.contains(item)).collect();
            new.len()
        }
        let size = &self.size;
        let lanes = [
            // The cheapest answers first: a full order lane ends most questions.
            (Lane::Orders, self.orders + need.orders, size.orders),
            (Lane::Clearings, self.clearings + need.clearings, size.clearings),
            (Lane::Deposits, self.deposits + need.deposits, size.deposits),
            (Lane::Commands, self.commands + need.commands, size.commands),
        ];
        if let Some((lane, _, _)) = lanes.into_iter().find(|(_, asked, room)| asked > room) {
            return Err(lane);
        }
        if self.accounts.len() + missing(&self.accounts, &need.accounts) > size.accounts {
            return Err(Lane::Accounts);
        }
        if self.rows.len() + missing(&self.rows, &need.rows) > size.rows {
            return Err(Lane::Rows);
        }
        self.accounts.extend(&need.accounts);
        self.rows.extend(&need.rows);
        self.orders += need.orders;
        self.clearings += need.clearings;
        self.deposits += need.deposits;
        self.commands += need.commands;
        Ok(())
    }

    /// Accounts with an entry.
    pub fn accounts(&self) -> &BTreeSet<AccountSlot> {
        &self.accounts
    }

    /// Account entries still free.
    pub fn free_accounts(&self) -> usize {
        self.size.accounts - self.accounts.len()
    }
}
