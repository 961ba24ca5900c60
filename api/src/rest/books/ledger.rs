//! The state behind the books, and how an entry of the log changes it.

use super::account::AccountBook;
use super::batches::Batches;
use super::deposits::Deposits;
use super::{Notice, Publication};
use crate::wire::{AccountEvent, AuctionView, Event as Told, FillView, Micro, PublicEvent};
use ark_bn254::Fr;
use novation_sequencer::io::{AuctionResult, Receipt};
use novation_sequencer::log::Entry;
use novation_sequencer::reason::{Deferred, Lapsed};
use novation_sequencer::{Effect, Event, Execution, SignedOrder};
use novation_state::crypto::babyjub::Point;
use novation_state::leaf::{AccountLeaf, MarketLeaf, Status};
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::message::Action;
use novation_state::public_data::{self, ACCOUNT_WORDS, COMMAND_WORDS, DEPOSIT_WORDS, HEADER_WORDS};
use novation_state::reject::Rejection;
use novation_state::seal;
use novation_state::trace::BatchTrace;
use novation_state::transition::Deposit;
use novation_state::units::{AccountSlot, InstrumentId, Time, Window};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A leaf as L1 has it.
#[derive(Clone, Debug)]
pub struct SealedLeaf {
    /// The batch that wrote it.
    pub batch: u64,
    /// R of that batch.
    pub ephemeral: Point,
    /// Hash.
    pub hash: Fr,
    /// Ciphertext.
    pub ciphertext: Vec<Fr>,
}

/// What a batch publishes.
#[derive(Clone, Debug)]
pub struct Published {
    /// D.
    pub words: Vec<Fr>,
    /// Deposits consumed.
    pub deposits: u64,
    /// Opened accounts that were rewritten.
    pub slots: Vec<AccountSlot>,
    leaves: Vec<(AccountSlot, SealedLeaf)>,
}

impl Published {
    /// Of a batch: encrypts its leaves, some 0.2 ms an account.
    pub fn of(trace: &BatchTrace) -> Published {
        let words = public_data::words(trace);
        let first = HEADER_WORDS + DEPOSIT_WORDS * trace.size.deposits + COMMAND_WORDS * trace.size.commands;
        let (batch, ephemeral) = (trace.header.batch, seal::ephemeral_point(&trace.ephemeral));
        let entries = trace.accounts.iter().zip(words[first..].chunks(ACCOUNT_WORDS));
        let opened = entries.filter(|(entry, _)| entry.after.is_some());
        let leaf = |words: &[Fr]| SealedLeaf { batch, ephemeral, hash: words[1], ciphertext: words[2..].to_vec() };
        let leaves: Vec<_> = opened.map(|(entry, words)| (entry.slot, leaf(words))).collect();
        let slots = leaves.iter().map(|(slot, _)| *slot).collect();
        Published { words, deposits: trace.deposits.len() as u64, slots, leaves }
    }
}

/// An order that stayed out of a window: account, log position, why.
type HeldBack = (AccountSlot, u64, Deferred);

/// What can be read.
pub struct State {
    publication: Publication,
    /// Instruments by id.
    pub markets: BTreeMap<InstrumentId, Arc<MarketLeaf>>,
    /// Number of the markets root.
    pub markets_number: u32,
    /// Time of the last markets round.
    pub markets_time: Time,
    /// Accounts by slot: opened ones.
    pub accounts: BTreeMap<AccountSlot, AccountBook>,
    /// Leaves by slot, as far as the log wrote them.
    pub leaves: BTreeMap<AccountSlot, SealedLeaf>,
    /// Deposits by key.
    pub deposits: Deposits,
    /// Batches and auctions.
    pub batches: Batches,
    /// Reasons to stay out of windows that no batch has announced.
    held_back: VecDeque<(Window, Vec<HeldBack>)>,
}

/// What an entry changed, on its way to those who listen.
#[derive(Default)]
struct Changes {
    notices: Vec<Notice>,
    /// Orders to tell of as they are in the end.
    orders: BTreeSet<(AccountSlot, u64)>,
    commands: BTreeSet<(AccountSlot, u64)>,
}

impl Changes {
    fn public(&mut self, event: PublicEvent) {
        self.notices.push(Notice { account: None, event: Told::Public(event) });
    }

    fn account(&mut self, account: AccountSlot, event: AccountEvent) {
        self.notices.push(Notice { account: Some(account), event: Told::Account(event) });
    }
}

impl State {
    /// Before the first entry of a log that goes on from here.
    pub fn new(ledger: &Ledger, markets: &Markets, publication: Publication) -> State {
        let mut state = State {
            publication,
            markets: markets.iter().map(|(id, leaf)| (id, Arc::new(leaf.clone()))).collect(),
            markets_number: markets.number(),
            markets_time: markets.time(),
            accounts: BTreeMap::new(),
            leaves: BTreeMap::new(),
            deposits: Deposits::default(),
            batches: Batches::after(ledger.head().batch),
            held_back: VecDeque::new(),
        };
        for (slot, account) in ledger.accounts() {
            let mut book = AccountBook::default();
            book.leaf = Some(account.leaf.clone());
            account.orders.used().for_each(|(order_slot, used)| book.seen(order_slot, used.nonce));
            state.accounts.insert(slot, book);
            state.deposits.opened(slot, account.leaf.owner, account.leaf.viewing);
        }
        state
    }

    /// The leaf of an opened account.
    pub fn leaf(&self, account: AccountSlot) -> Option<&AccountLeaf> {
        self.accounts.get(&account)?.leaf.as_ref()
    }

    /// Takes in the effects of an entry, the entry first. `published` is of their batch, if there is one.
    ///
    /// # Panics
    /// If the effects are not an entry's of an engine.
    pub fn apply(&mut self, effects: &[Effect], published: Option<Published>) -> Vec<Notice> {
        let [Effect::Logged(entry), rest @ ..] = effects else {
            panic!("an observer hears what was logged");
        };
        let mut changes = Changes::default();
        let receipt = || {
            let accepted = rest.iter().find_map(|effect| match effect {
                Effect::Accepted(receipt) => Some(*receipt),
                _ => None,
            });
            accepted.expect("a message that is logged has a receipt")
        };
        let time = entry.input.time;
        match &entry.input.event {
            Event::Order(signed) => self.order(*signed, receipt(), &mut changes),
            Event::Command(signed) => {
                let account = signed.command.binding.account;
                let receipt = receipt();
                let book = self.accounts.entry(account).or_default();
                let replaced = book.take_command(*signed, receipt);
                changes.orders.extend(replaced.map(|position| (account, position)));
                changes.commands.insert((account, receipt.position));
                if matches!(signed.command.action, Action::Epoch | Action::Rotate { .. }) {
                    for position in book.open_positions() {
                        book.end(position, Lapsed::EpochOver { by: receipt.position });
                        changes.orders.insert((account, position));
                    }
                }
            }
            Event::Deposit { index, deposit } => self.deposit(*index, deposit),
            Event::Markets(leaves) => {
                self.markets.extend(leaves.iter().map(|(id, leaf)| (*id, Arc::new(leaf.clone()))));
                self.markets_number += 1;
                self.markets_time = time;
                changes.public(PublicEvent::Markets { number: self.markets_number, time: time.get() });
            }
            Event::Window => self.window(entry, rest, &mut changes),
            Event::Batch => {
                let trace = rest.iter().find_map(|effect| match effect {
                    Effect::BatchReady(trace) => Some(trace),
                    _ => None,
                });
                let (trace, published) = trace.zip(published).expect("a batch that is logged has a trace");
                self.batch(time, trace, published, rest, &mut changes);
            }
            Event::Proven { batch } => changes.notices.extend(self.batches.accepted(*batch, time)),
        }
        self.tell(changes)
    }

    fn order(&mut self, signed: SignedOrder, receipt: Receipt, changes: &mut Changes) {
        let account = signed.order.binding.account;
        let replaced = self.accounts.entry(account).or_default().take_order(signed, receipt);
        changes.orders.extend(replaced.map(|position| (account, position)));
        changes.orders.insert((account, receipt.position));
    }

    fn deposit(&mut self, index: u64, deposit: &Deposit) {
        self.deposits.queued(index, deposit);
    }

    /// Ends what a window ends: of every order alike, filled or not.
    fn window(&mut self, entry: &Entry, effects: &[Effect], changes: &mut Changes) {
        let closed = effects.iter().find_map(|effect| match effect {
            Effect::WindowClosed { window } => Some(*window),
            _ => None,
        });
        let (window, time) = (closed.expect("a window that is logged is closed"), entry.input.time);
        let mut owners = BTreeMap::new();
        for (account, book) in &mut self.accounts {
            for position in book.open_positions() {
                owners.insert(position, *account);
                let signed = &book.order(position).expect("open").signed;
                if let Some(reason) = over(signed, &self.markets, time) {
                    book.end(position, reason);
                    changes.orders.insert((*account, position));
                }
            }
        }
        let deferred = effects.iter().filter_map(|effect| match effect {
            Effect::Deferred { position, reason } => Some((*owners.get(position)?, *position, reason.clone())),
            _ => None,
        });
        let deferred: Vec<_> = deferred.collect();
        if !deferred.is_empty() {
            self.held_back.push_back((window, deferred));
        }
        changes.public(PublicEvent::Window { window: window.get(), time: time.get() });
    }

    /// Tells what was held back up to a window.
    fn release(&mut self, last: Window, changes: &mut Changes) {
        while self.held_back.front().is_some_and(|(window, _)| *window <= last) {
            let (window, deferred) = self.held_back.pop_front().expect("just seen");
            for (account, position, reason) in deferred {
                self.accounts.entry(account).or_default().defer(position, window, reason);
                changes.orders.insert((account, position));
            }
        }
    }

    fn batch(
        &mut self,
        time: Time,
        trace: &BatchTrace,
        published: Published,
        effects: &[Effect],
        changes: &mut Changes,
    ) {
        let batch = trace.header.batch;
        for effect in effects {
            match effect {
                Effect::Auction(result) => {
                    self.release(result.window, changes);
                    self.auction(batch, trace, result, changes);
                }
                Effect::CommandDropped { position, reason } => self.dropped(*position, reason, changes),
                _ => {}
            }
        }
        self.release(trace.header.window_last, changes);
        for executed in &trace.commands {
            let account = executed.command.binding.account;
            let book = self.accounts.entry(account).or_default();
            if let Some(position) = book.waiting_command(executed.command.hash()) {
                book.settle_command(position, Ok(batch));
                changes.commands.insert((account, position));
            }
            if matches!(executed.command.action, Action::Epoch | Action::Rotate { .. }) {
                book.forget_nonces();
            }
        }
        for deposit in &trace.deposits {
            self.deposits.settled(deposit);
        }
        for entry in &trace.accounts {
            if let Some(leaf) = &entry.after {
                self.accounts.entry(entry.slot).or_default().leaf = Some(leaf.clone());
                changes.account(entry.slot, AccountEvent::Account { batch });
            }
        }
        self.leaves.extend(published.leaves.iter().cloned());
        changes.notices.push(self.batches.made(&trace.header, published, time));
    }

    fn auction(&mut self, batch: u64, trace: &BatchTrace, result: &AuctionResult, changes: &mut Changes) {
        let AuctionResult { window, instrument, price, lots, fills } = result;
        let row = trace.rows.iter().find(|row| row.id == *instrument).and_then(|row| row.leaf.as_ref());
        let market = row.expect("an instrument that traded is a row of its batch");
        for fill in fills {
            let view = FillView {
                id: 0,
                position: fill.position,
                window: window.get(),
                instrument: instrument.get(),
                side: fill.side.into(),
                price: price.get(),
                lots: fill.lots.get(),
                fee: Micro(fill.lots.wide() * market.fee.wide()),
                batch,
            };
            let view = self.accounts.entry(fill.account).or_default().fill(view, fill.lots);
            changes.orders.insert((fill.account, fill.position));
            changes.account(fill.account, AccountEvent::Fill { fill: view });
        }
        let lots = match self.publication {
            Publication::Nothing => return,
            Publication::Prices => None,
            // Every bought lot is some order's, so an auction of more than 2^63 lots would have 2^23 of them.
            Publication::PricesAndLots => Some(i64::try_from(*lots).expect("fewer than 2^16 orders of 2^40 lots")),
        };
        let (window, instrument, price) = (window.get(), instrument.get(), price.get());
        changes.notices.push(self.batches.publish(AuctionView { id: 0, window, instrument, price, lots, batch }));
    }

    fn dropped(&mut self, position: u64, reason: &Rejection, changes: &mut Changes) {
        let holds = |(_, book): &(&AccountSlot, &mut AccountBook)| book.command(position).is_some();
        if let Some((account, book)) = self.accounts.iter_mut().find(holds) {
            book.settle_command(position, Err(reason.clone()));
            changes.commands.insert((*account, position));
        }
    }

    fn tell(&self, changes: Changes) -> Vec<Notice> {
        let Changes { mut notices, orders, commands } = changes;
        let book = |account| self.accounts.get(account);
        for (account, position) in &orders {
            if let Some(record) = book(account).and_then(|book| book.order(*position)) {
                let event = Told::Account(AccountEvent::Order { order: record.view() });
                notices.push(Notice { account: Some(*account), event });
            }
        }
        for (account, position) in &commands {
            if let Some(record) = book(account).and_then(|book| book.command(*position)) {
                let event = Told::Account(AccountEvent::Command { command: record.view() });
                notices.push(Notice { account: Some(*account), event });
            }
        }
        notices
    }
}

/// Why an open order takes part in no window after one that ended at `time`. The engine's rules, said of filled orders too.
fn over(signed: &SignedOrder, markets: &BTreeMap<InstrumentId, Arc<MarketLeaf>>, time: Time) -> Option<Lapsed> {
    let SignedOrder { order, execution, .. } = signed;
    let (instrument, valid_until) = (order.instrument, order.valid_until);
    let market = markets.get(&instrument).expect("orders name listed instruments");
    if market.status == Status::Settled || market.expiry <= time {
        Some(Lapsed::InstrumentOver { instrument })
    } else if valid_until < time {
        Some(Lapsed::Expired { valid_until })
    } else {
        (*execution == Execution::ThisWindow).then_some(Lapsed::WindowOver)
    }
}
