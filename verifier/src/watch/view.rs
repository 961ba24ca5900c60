//! The picture as JSON. Field elements are `0x` and 64 digits, money is micro-units as decimal strings, times are seconds.

use super::alarm::Alarm;
use super::books::{Books, SealedLeaf};
use super::picture::{Picture, Report};
use super::rules::Money;
use crate::encoding::to_hex_word;
use ark_bn254::Fr;
use novation_state::leaf::{Kind, MarketLeaf, Status, SCENARIOS};
use novation_state::units::InstrumentId;
use serde::Serialize;

/// A point of BabyJubJub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PointView {
    /// First coordinate.
    pub x: String,
    /// Second coordinate.
    pub y: String,
}

/// How far the watcher has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusView {
    /// The contract.
    pub contract: String,
    /// Whether nothing was found that cannot be.
    pub believed: bool,
    /// Why not, if not.
    pub distrust: Option<String>,
    /// Whether everything up to the newest block was read.
    pub synced: bool,
    /// Newest block read.
    pub block: u64,
    /// Its time.
    pub time: u64,
    /// Finalized block.
    pub finalized: u64,
    /// State after the newest batch.
    pub accepted: HeadView,
    /// State after the newest final batch.
    #[serde(rename = "final")]
    pub settled: HeadView,
    /// Deposits that wait in the queue.
    pub waiting_deposits: usize,
    /// Micro-units that wait there.
    pub waiting_micro: String,
    /// The contract's money at the newest block.
    pub money: Option<MoneyView>,
    /// The contract has no forced requests, so none can be overdue; a deposit that waits too long is `queue_stalled`.
    pub forced_requests: Option<u64>,
    /// Changes kept because their blocks may still be replaced.
    pub unfinal_changes: usize,
}

/// Where the chain of batches stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeadView {
    /// Number of the last batch, 0 before the first.
    pub batch: u32,
    /// State root.
    pub root: String,
    /// Number of the last markets.
    pub markets: u32,
    /// Root of the markets.
    pub markets_root: String,
    /// Opened accounts.
    pub accounts: usize,
    /// Deposits consumed.
    pub deposits: u64,
}

/// Micro-units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MoneyView {
    /// Of the token, held by the contract.
    pub held: String,
    /// Of accounts and house.
    pub inside: String,
    /// Owed to claimants.
    pub owed: String,
}

/// A verified batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchView {
    /// Number.
    pub batch: u32,
    /// `accepted` or `final`.
    pub status: &'static str,
    /// L1 transaction.
    pub transaction: String,
    /// L1 block.
    pub block: u64,
    /// Time of that block.
    pub accepted_at: u64,
    /// Circuit: version * 2^32 + size.
    pub circuit: u64,
    /// Batch time.
    pub time: u64,
    /// Root before.
    pub old_root: String,
    /// Root after.
    pub new_root: String,
    /// Markets used.
    pub markets: u32,
    /// First and last window; the last is one before the first when there is none.
    pub windows: [u64; 2],
    /// First and last log position.
    pub log: [u64; 2],
    /// Root of the log's part.
    pub log_root: String,
    /// Ephemeral point R.
    pub ephemeral: PointView,
    /// Deposits consumed.
    pub deposits: Vec<BatchDeposit>,
    /// Withdrawals.
    pub withdrawals: Vec<BatchWithdrawal>,
    /// Slots rewritten, decoys and padding among them.
    pub slots: Vec<u32>,
    /// What was checked and held; a batch that fails one is not listed but raises a fatal alarm.
    pub checks: [&'static str; 6],
}

/// A deposit that a batch consumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchDeposit {
    /// Account slot.
    pub slot: u32,
    /// Micro-units.
    pub amount: String,
    /// Credited, else refunded.
    pub credited: bool,
}

/// A withdrawal of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchWithdrawal {
    /// L1 address.
    pub recipient: String,
    /// Micro-units.
    pub amount: String,
}

const CHECKS: [&str; 6] = ["order", "challenge", "proof", "markets_root", "deposit_queue", "accounts_root"];

/// An account's leaf in the newest accepted state and in the newest final one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// Account slot.
    pub slot: u32,
    /// In the newest accepted state; `null` where the account is not opened.
    pub accepted: Option<LeafView>,
    /// In the newest final state.
    #[serde(rename = "final")]
    pub settled: Option<LeafView>,
}

/// A leaf with what proves it and what its owner decrypts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeafView {
    /// The last batch, whose root this is.
    pub batch: u32,
    /// The state root.
    pub root: String,
    /// The leaf hash.
    pub leaf: String,
    /// Three siblings a level, leaf level first.
    pub path: Vec<[String; 3]>,
    /// The batch that wrote the leaf.
    pub written: u32,
    /// That batch's ephemeral point R.
    pub ephemeral: PointView,
    /// Ciphertext of the leaf's content.
    pub ciphertext: Vec<String>,
}

/// The instruments of the newest accepted markets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarketsView {
    /// Number.
    pub number: u32,
    /// Their time.
    pub time: i64,
    /// Root.
    pub root: String,
    /// By id.
    pub instruments: Vec<InstrumentView>,
}

/// An instrument. Values per lot are micro-units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstrumentView {
    /// Instrument id.
    pub id: i64,
    /// Future, perpetual, call or put.
    pub kind: Kind,
    /// Underlying.
    pub underlying: u8,
    /// Micro-units per tick per lot.
    pub tick_value: i64,
    /// Expiry.
    pub expiry: i64,
    /// Strike.
    pub strike: i64,
    /// Status.
    pub status: Status,
    /// Mark, ticks.
    pub mark: i64,
    /// Time of the mark.
    pub mark_time: i64,
    /// Mark at the last daily settlement, ticks.
    pub daily_mark: i64,
    /// Settlement value per lot; 0 until settled.
    pub settlement: String,
    /// Cumulative funding per lot.
    pub index: String,
    /// Value change per lot by scenario.
    pub risk: [String; SCENARIOS],
    /// Charge per long and per short lot.
    pub charges: [String; 2],
    /// Lots free of the excess charge.
    pub free: i64,
    /// Charge per lot beyond them.
    pub excess_charge: String,
    /// Position limit, lots.
    pub limit: i64,
    /// Fee per lot.
    pub fee: String,
    /// Lowest and highest price of a fill, ticks.
    pub band: [i64; 2],
}

/// Alarms that stand and the last that are over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmsView {
    /// Standing, the worst first.
    pub standing: Vec<Alarm>,
    /// Over, oldest first.
    pub over: Vec<Alarm>,
}

fn hex(words: &[Fr]) -> Vec<String> {
    words.iter().map(to_hex_word).collect()
}

fn point(x: &Fr, y: &Fr) -> PointView {
    PointView { x: to_hex_word(x), y: to_hex_word(y) }
}

fn head(books: &Books) -> HeadView {
    HeadView {
        batch: books.batch,
        root: to_hex_word(&books.known.old_root),
        markets: books.markets.number(),
        markets_root: to_hex_word(&books.markets.root()),
        // The house is a leaf and no account.
        accounts: books.leaves.len().saturating_sub(1),
        deposits: books.known.deposits_consumed,
    }
}

impl Picture {
    /// Where it stands.
    pub fn status(&self) -> StatusView {
        let newest = self.newest();
        let money =
            |m: &Money| MoneyView { held: m.held.to_string(), inside: m.inside.to_string(), owed: m.owed.to_string() };
        StatusView {
            contract: self.contract().to_string(),
            believed: self.distrust().is_none(),
            distrust: self.distrust().map(|(_, why)| why.to_string()),
            synced: self.synced(),
            block: self.tip().map_or(0, |tip| tip.number),
            time: self.time(),
            finalized: self.finalized(),
            accepted: head(newest),
            settled: head(self.settled()),
            waiting_deposits: newest.queue.len(),
            waiting_micro: newest.waiting().to_string(),
            money: self.money().map(money),
            forced_requests: None,
            unfinal_changes: self.unfinal(),
        }
    }

    /// A batch, `None` if it was not accepted yet or is too old to be kept.
    pub fn batch(&self, number: u32) -> Option<BatchView> {
        self.reports().get(&number).map(|report| self.batch_view(report))
    }

    /// At most `limit` batches before `before`, the newest first.
    pub fn batches(&self, before: u32, limit: usize) -> Vec<BatchView> {
        let newest = self.reports().range(..before).rev().take(limit);
        newest.map(|(_, report)| self.batch_view(report)).collect()
    }

    fn batch_view(&self, report: &Report) -> BatchView {
        let header = &report.header;
        let deposit =
            |&(slot, amount, credited): &(u32, u128, bool)| BatchDeposit { slot, amount: amount.to_string(), credited };
        let withdrawals = report.withdrawals.iter();
        BatchView {
            batch: header.batch,
            status: if report.block <= self.finalized() { "final" } else { "accepted" },
            transaction: report.transaction.to_string(),
            block: report.block,
            accepted_at: report.accepted,
            circuit: header.circuit,
            time: header.time,
            old_root: to_hex_word(&header.old_root),
            new_root: to_hex_word(&header.new_root),
            markets: header.markets_number,
            windows: [header.window_first, header.window_last],
            log: [header.log_first, header.log_last],
            log_root: to_hex_word(&header.log_root),
            ephemeral: point(&header.r_x, &header.r_y),
            deposits: report.deposits.iter().map(deposit).collect(),
            withdrawals: withdrawals
                .map(|(to, amount)| BatchWithdrawal { recipient: to.to_string(), amount: amount.to_string() })
                .collect(),
            slots: report.slots.clone(),
            checks: CHECKS,
        }
    }

    /// An account's leaf; the house at slot 0. `None` if no batch ever wrote it.
    pub fn account(&self, slot: u32) -> Option<AccountView> {
        let leaf = |books: &Books| books.leaves.get(&slot).map(|sealed| leaf_view(books, slot, sealed));
        let (accepted, settled) = (leaf(self.newest()), leaf(self.settled()));
        (accepted.is_some() || settled.is_some()).then_some(AccountView { slot, accepted, settled })
    }

    /// The markets.
    pub fn markets(&self) -> MarketsView {
        let markets = &self.newest().markets;
        MarketsView {
            number: markets.number(),
            time: markets.time().get(),
            root: to_hex_word(&markets.root()),
            instruments: markets.iter().map(|(id, leaf)| instrument(id, leaf)).collect(),
        }
    }

    /// The alarms.
    pub fn alarms(&self) -> AlarmsView {
        let standing = self.board().standing().into_iter().cloned().collect();
        AlarmsView { standing, over: self.board().over().cloned().collect() }
    }
}

fn leaf_view(books: &Books, slot: u32, sealed: &SealedLeaf) -> LeafView {
    let path = books.tree.path(u64::from(slot));
    LeafView {
        batch: books.batch,
        root: to_hex_word(&books.tree.root()),
        leaf: to_hex_word(&sealed.words[0]),
        path: path.iter().map(|siblings| siblings.each_ref().map(to_hex_word)).collect(),
        written: sealed.batch,
        ephemeral: point(&sealed.ephemeral[0], &sealed.ephemeral[1]),
        ciphertext: hex(&sealed.words[1..]),
    }
}

fn instrument(id: InstrumentId, leaf: &MarketLeaf) -> InstrumentView {
    InstrumentView {
        id: id.get(),
        kind: leaf.kind,
        underlying: leaf.underlying,
        tick_value: leaf.tick_value.get(),
        expiry: leaf.expiry.get(),
        strike: leaf.strike.get(),
        status: leaf.status,
        mark: leaf.mark.get(),
        mark_time: leaf.mark_time.get(),
        daily_mark: leaf.daily_mark.get(),
        settlement: leaf.settlement.get().to_string(),
        index: leaf.index.get().to_string(),
        risk: leaf.risk.map(|entry| entry.get().to_string()),
        charges: [leaf.charge_long, leaf.charge_short].map(|charge| charge.get().to_string()),
        free: leaf.free.get(),
        excess_charge: leaf.excess_charge.get().to_string(),
        limit: leaf.limit.get(),
        fee: leaf.fee.get().to_string(),
        band: [leaf.band_low.get(), leaf.band_high.get()],
    }
}
