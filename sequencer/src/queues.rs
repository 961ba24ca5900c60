//! What waits for a batch.

use crate::io::FillReport;
use crate::view::Change;
use ark_bn254::Fr;
use novation_state::crypto::eddsa::Signature;
use novation_state::markets::Markets;
use novation_state::message::Order;
use novation_state::transition::{Deposit, SignedCommand};
use novation_state::units::{AccountSlot, InstrumentId, Ticks, Time, Window};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Most auctioned windows that wait for a batch.
pub(crate) const MAX_WINDOWS: usize = 64;
/// Most deposits that wait; beyond it the shell offers them again later, the L1 queue keeps them.
pub(crate) const MAX_DEPOSITS: usize = 1 << 12;
/// Most commands that wait.
pub(crate) const MAX_COMMANDS: usize = 1 << 12;

/// A window that traded. Windows in which nothing trades never wait.
#[derive(Clone, Debug)]
pub(crate) struct QueuedWindow {
    pub window: Window,
    /// Log position at which it ended.
    pub position: u64,
    /// When it ended.
    pub time: Time,
    /// The markets that it used.
    pub markets: Arc<Markets>,
    /// By instrument.
    pub clearings: Vec<Cleared>,
}

/// One auction that traded.
#[derive(Clone, Debug)]
pub(crate) struct Cleared {
    pub instrument: InstrumentId,
    pub price: Ticks,
    pub lots: i128,
    pub fills: Vec<QueuedFill>,
}

/// One fill of it.
#[derive(Clone, Debug)]
pub(crate) struct QueuedFill {
    pub report: FillReport,
    pub order: Order,
    pub hash: Fr,
    pub signature: Signature,
}

/// A deposit that is final on L1.
#[derive(Clone, Debug)]
pub(crate) struct QueuedDeposit {
    pub position: u64,
    /// Index in the L1 queue.
    pub index: u64,
    pub deposit: Deposit,
}

/// The queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queues {
    pub windows: VecDeque<QueuedWindow>,
    pub deposits: VecDeque<QueuedDeposit>,
    /// By log position.
    pub commands: BTreeMap<u64, SignedCommand>,
    /// What the queued windows change, account by account.
    pub changes: BTreeMap<AccountSlot, Change>,
}

impl Queues {
    /// Queues a window.
    pub fn push(&mut self, window: QueuedWindow) {
        add(&mut self.changes, &window);
        self.windows.push_back(window);
    }

    /// Takes the first windows off the queue.
    pub fn take(&mut self, count: usize) -> Vec<QueuedWindow> {
        let taken = self.windows.drain(..count).collect();
        self.changes.clear();
        for window in &self.windows {
            add(&mut self.changes, window);
        }
        taken
    }

    /// Accounts that have a command queued.
    pub fn commanding(&self) -> BTreeSet<AccountSlot> {
        self.commands.values().map(|signed| signed.command.binding.account).collect()
    }
}

fn add(changes: &mut BTreeMap<AccountSlot, Change>, window: &QueuedWindow) {
    for Cleared { instrument, price, fills, .. } in &window.clearings {
        let market = window.markets.get(*instrument).expect("it traded");
        for QueuedFill { report, .. } in fills {
            let change = changes.entry(report.account).or_default();
            change.fill(*instrument, report.side, report.lots, *price, market);
        }
    }
}
