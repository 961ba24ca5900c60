//! The chain as the watcher knows it at a moment: final, and as accepted so far.
//!
//! Two [`Books`] are kept: those at the finalized block, and those at the newest block read. Between them lie the changes of
//! blocks that may still be replaced. A reorg drops changes and makes the newer books again from the final ones; proofs
//! that were checked are not checked again, because what lies below them is the same.
//!
//! Memory: both books (a leaf hash, ciphertext and share of the tree for each account, about 2 kB, and every instrument),
//! changes of at most [`crate::l1::MAX_UNFINAL`] blocks with their calldata, and reports of the last [`REPORTS`] batches.

use super::alarm::{Alarm, Board, Severity};
use super::books::{Accepted, Books, Change, Placed, Proofs};
use super::distrust::Distrust;
use super::rules::{conditions, Limits, Money};
use crate::l1::BlockRef;
use alloy::primitives::{Address, TxHash};
use std::collections::{BTreeMap, VecDeque};

/// Batches whose reports are kept; older ones are on L1.
pub const REPORTS: usize = 10_000;

/// What the watcher keeps of a batch that it verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its transaction.
    pub transaction: TxHash,
    /// Height of its block.
    pub block: u64,
    /// Time of its block, seconds.
    pub accepted: u64,
    /// The header of its public data.
    pub header: crate::batch::Header,
    /// Deposits consumed: slot, micro-units, whether credited.
    pub deposits: Vec<(u32, u128, bool)>,
    /// Withdrawals: recipient, micro-units.
    pub withdrawals: Vec<(Address, u128)>,
    /// Account slots that it rewrote, decoys and padding among them.
    pub slots: Vec<u32>,
}

impl Report {
    fn of(accepted: &Accepted, block: u64) -> Self {
        let data = &accepted.submission.batch;
        Self {
            transaction: accepted.transaction,
            block,
            accepted: accepted.time,
            header: data.header.clone(),
            deposits: data.deposits.iter().map(|d| (d.slot, d.amount, d.credited)).collect(),
            withdrawals: data.withdrawals.iter().map(|w| (Address::from(w.recipient), w.amount)).collect(),
            slots: data.accounts.iter().map(|account| account.slot).collect(),
        }
    }
}

/// Everything that is served.
#[derive(Clone, Debug)]
pub struct Picture {
    limits: Limits,
    contract: Address,
    settled: Books,
    newest: Books,
    unfinal: VecDeque<Placed>,
    reports: BTreeMap<u32, Report>,
    /// Why nothing after a block is believed, and that block.
    distrust: Option<(u64, Distrust)>,
    finalized: u64,
    tip: Option<(BlockRef, u64)>,
    money: Option<Money>,
    unreadable: Option<String>,
    synced: bool,
    board: Board,
}

impl Picture {
    pub(super) fn new(contract: Address, books: Books, limits: Limits) -> Self {
        Self {
            limits,
            contract,
            settled: books.clone(),
            newest: books,
            unfinal: VecDeque::new(),
            reports: BTreeMap::new(),
            distrust: None,
            finalized: 0,
            tip: None,
            money: None,
            unreadable: None,
            synced: false,
            board: Board::default(),
        }
    }

    /// Forgets everything above the height `last`.
    pub(super) fn roll_back(&mut self, last: u64) {
        while self.unfinal.back().is_some_and(|placed| placed.block > last) {
            self.unfinal.pop_back();
        }
        self.reports.retain(|_, report| report.block <= last);
        if self.distrust.as_ref().is_some_and(|(block, _)| *block > last) {
            self.distrust = None;
        }
        self.newest = self.settled.clone();
        for placed in &self.unfinal {
            self.newest.apply(&placed.change, Proofs::Verified).expect("it was applied to the same books before");
        }
    }

    /// Takes a change on top; nothing is taken once something was not believed.
    pub(super) fn take(&mut self, placed: Placed) {
        if self.distrust.is_some() {
            return;
        }
        if let Err(distrust) = self.newest.apply(&placed.change, Proofs::Verify) {
            self.distrust = Some((placed.block, distrust));
            return;
        }
        if let Change::Batch(accepted) = &placed.change {
            self.reports.insert(accepted.submission.batch.header.batch, Report::of(accepted, placed.block));
            while self.reports.len() > REPORTS {
                self.reports.pop_first();
            }
        }
        self.unfinal.push_back(placed);
    }

    /// Stops believing for a reason that is not a change's.
    pub(super) fn stop(&mut self, block: u64, distrust: Distrust) {
        self.distrust.get_or_insert((block, distrust));
    }

    /// Everything up to the height `finalized` is final.
    pub(super) fn finalize(&mut self, finalized: u64) {
        self.finalized = self.finalized.max(finalized);
        while self.unfinal.front().is_some_and(|placed| placed.block <= finalized) {
            let placed = self.unfinal.pop_front().expect("there is a front");
            self.settled.apply(&placed.change, Proofs::Verified).expect("it was applied to the newer books before");
        }
    }

    /// Judges time and money at the newest block, of which `synced` says whether everything up to it was read.
    pub(super) fn judge(
        &mut self,
        tip: Option<(BlockRef, u64)>,
        money: Option<Money>,
        synced: bool,
    ) -> (Vec<Alarm>, Vec<Alarm>) {
        self.tip = tip.or(self.tip);
        self.money = money.or(self.money);
        self.synced = synced;
        let now = self.time();
        let mut holding = Vec::new();
        if let Some((block, distrust)) = &self.distrust {
            let message = format!("{distrust} (block {block}); nothing after it is believed");
            holding.push(Alarm::new(distrust.name(), Severity::Fatal, message, distrust.action(), now));
        } else if synced {
            holding = conditions(&self.newest, self.money.as_ref(), &self.limits, now, self.finalized);
        } else {
            // While it catches up, what was raised stands: there is nothing to judge it by.
            holding.extend(self.board.standing().into_iter().filter(|a| a.name != "l1_unreadable").cloned());
        }
        if let Some(reason) = &self.unreadable {
            let action = "look at the L1 node, or name another one; the watcher goes on where it stopped";
            holding.push(Alarm::new("l1_unreadable", Severity::Error, reason.clone(), action, now));
        }
        self.board.update(holding, now)
    }

    pub(super) fn set_unreadable(&mut self, reason: Option<String>) {
        self.unreadable = reason;
    }

    /// The contract.
    pub fn contract(&self) -> Address {
        self.contract
    }

    /// The books at the finalized block.
    pub fn settled(&self) -> &Books {
        &self.settled
    }

    /// The books at the newest block read.
    pub fn newest(&self) -> &Books {
        &self.newest
    }

    /// Reports of the last batches, by number.
    pub fn reports(&self) -> &BTreeMap<u32, Report> {
        &self.reports
    }

    /// Why nothing after a block is believed, and that block.
    pub fn distrust(&self) -> Option<&(u64, Distrust)> {
        self.distrust.as_ref()
    }

    /// The finalized height.
    pub fn finalized(&self) -> u64 {
        self.finalized
    }

    /// The newest block read.
    pub fn tip(&self) -> Option<BlockRef> {
        self.tip.map(|(block, _)| block)
    }

    /// L1 time of the newest block read, seconds; 0 before the first.
    pub fn time(&self) -> u64 {
        self.tip.map_or(0, |(_, time)| time)
    }

    /// What the contract and its token said at the newest block.
    pub fn money(&self) -> Option<&Money> {
        self.money.as_ref()
    }

    /// Whether everything up to the newest block was read.
    pub fn synced(&self) -> bool {
        self.synced
    }

    /// The alarms.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Changes in blocks that may still be replaced.
    pub fn unfinal(&self) -> usize {
        self.unfinal.len()
    }

    /// Whether distrust lies in a block that no reorg takes back.
    pub(super) fn stopped_for_good(&self) -> bool {
        self.distrust
            .as_ref()
            .is_some_and(|(block, why)| *block <= self.finalized || matches!(why, Distrust::Finality { .. }))
    }
}
