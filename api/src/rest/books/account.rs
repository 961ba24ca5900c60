//! One account's messages, and what has been announced of them.

use super::{KEPT_COMMANDS, KEPT_FILLS, KEPT_ORDERS};
use crate::rest::reasons;
use crate::wire::{
    CommandState, CommandView, DeferralView, FillView, Micro, NonceView, OrderState, OrderView, ReasonView, Word,
};
use novation_sequencer::io::Receipt;
use novation_sequencer::reason::{Deferred, Lapsed};
use novation_sequencer::SignedOrder;
use novation_state::leaf::AccountLeaf;
use novation_state::message::Order;
use novation_state::reject::Rejection;
use novation_state::transition::SignedCommand;
use novation_state::units::{Lots, Window};
use std::collections::{BTreeMap, VecDeque};

/// An order.
#[derive(Clone, Debug)]
pub struct OrderRecord {
    /// What was sent.
    pub signed: SignedOrder,
    /// Its place in the log.
    pub receipt: Receipt,
    /// Lots of announced fills.
    pub filled: Lots,
    /// Why it takes part in no window any more.
    pub over: Option<Over>,
    /// The last announced reason to stay out of a window.
    pub deferred: Option<(Window, Deferred)>,
}

/// Why an order is over.
pub type Over = Lapsed;

/// A command.
#[derive(Clone, Debug)]
pub struct CommandRecord {
    /// What was sent.
    pub signed: SignedCommand,
    /// Its place in the log.
    pub receipt: Receipt,
    /// The batch that executed it, or why it was dropped; `None` while it waits.
    pub done: Option<Result<u64, Rejection>>,
}

/// An account.
#[derive(Clone, Debug, Default)]
pub struct AccountBook {
    /// The leaf after the last batch that rewrote it; `None` before the account is opened.
    pub leaf: Option<AccountLeaf>,
    orders: BTreeMap<u64, OrderRecord>,
    /// Orders that are over, oldest first.
    past_orders: VecDeque<u64>,
    /// The open order of an order slot.
    open: BTreeMap<u8, u64>,
    commands: BTreeMap<u64, CommandRecord>,
    past_commands: VecDeque<u64>,
    fills: VecDeque<FillView>,
    fill_count: u64,
    /// Greatest nonce seen by order slot, in this epoch.
    nonces: BTreeMap<u8, u32>,
}

impl OrderRecord {
    /// Lots that announced fills left.
    pub fn left(&self) -> Lots {
        Lots::new(self.signed.order.lots.get() - self.filled.get()).expect("fills are at most the order's lots")
    }

    fn is_open(&self) -> bool {
        self.over.is_none() && self.left() > Lots::ZERO
    }

    /// As its owner reads it.
    pub fn view(&self) -> OrderView {
        let SignedOrder { order, execution, .. } = &self.signed;
        let Receipt { position, message, time, .. } = self.receipt;
        let state = match (&self.over, self.left()) {
            (_, Lots::ZERO) => OrderState::Filled,
            (Some(_), _) => OrderState::Lapsed,
            (None, _) => OrderState::Open,
        };
        let deferral = |(window, reason): &(Window, Deferred)| DeferralView {
            window: window.get(),
            code: reasons::deferred(reason).to_owned(),
            message: reason.to_string(),
        };
        OrderView {
            position,
            message: Word(message),
            time: time.get(),
            order_slot: order.binding.order_slot,
            nonce: order.binding.nonce,
            epoch: order.binding.epoch,
            instrument: order.instrument.get(),
            side: order.side.into(),
            lots: order.lots.get(),
            limit: order.limit.get(),
            peg_offset: order.peg_offset,
            valid_until: order.valid_until.get(),
            fee_cap: Micro(order.fee_cap.wide()),
            reduce_only: order.reduce_only,
            execution: (*execution).into(),
            state,
            filled: self.filled.get(),
            left: self.left().get(),
            deferred: self.deferred.as_ref().map(deferral),
            lapsed: self
                .over
                .as_ref()
                .filter(|_| state == OrderState::Lapsed)
                .map(|reason| ReasonView { code: reasons::lapsed(reason).to_owned(), message: reason.to_string() }),
        }
    }
}

impl CommandRecord {
    /// As its owner reads it.
    pub fn view(&self) -> CommandView {
        let binding = self.signed.command.binding;
        let Receipt { position, message, time, .. } = self.receipt;
        let (state, batch, dropped) = match &self.done {
            None => (CommandState::Queued, None, None),
            Some(Ok(batch)) => (CommandState::Executed, Some(*batch), None),
            Some(Err(rule)) => {
                let code = reasons::rejection(rule).code.to_owned();
                (CommandState::Dropped, None, Some(ReasonView { code, message: rule.to_string() }))
            }
        };
        CommandView {
            position,
            message: Word(message),
            time: time.get(),
            order_slot: binding.order_slot,
            nonce: binding.nonce,
            epoch: binding.epoch,
            action: self.signed.command.action.into(),
            state,
            batch,
            dropped,
        }
    }
}

impl AccountBook {
    /// An order has its place. Returns the position of the one that it replaces.
    pub fn take_order(&mut self, signed: SignedOrder, receipt: Receipt) -> Option<u64> {
        let binding = signed.order.binding;
        let replaced = self.use_slot(binding.order_slot, binding.nonce, receipt.position);
        self.open.insert(binding.order_slot, receipt.position);
        let record = OrderRecord { signed, receipt, filled: Lots::ZERO, over: None, deferred: None };
        self.orders.insert(receipt.position, record);
        replaced
    }

    /// A command has its place. Returns the position of the order whose slot it uses.
    pub fn take_command(&mut self, signed: SignedCommand, receipt: Receipt) -> Option<u64> {
        let binding = signed.command.binding;
        let replaced = self.use_slot(binding.order_slot, binding.nonce, receipt.position);
        self.commands.insert(receipt.position, CommandRecord { signed, receipt, done: None });
        replaced
    }

    fn use_slot(&mut self, order_slot: u8, nonce: u32, by: u64) -> Option<u64> {
        self.nonces.insert(order_slot, nonce);
        let position = self.open.get(&order_slot).copied()?;
        self.end(position, Lapsed::Replaced { by });
        Some(position)
    }

    /// Positions of the open orders.
    pub fn open_positions(&self) -> Vec<u64> {
        let mut open: Vec<u64> = self.open.values().copied().collect();
        open.sort_unstable();
        open
    }

    /// The open orders with what announced fills left of them, by log position.
    pub fn open_orders(&self) -> Vec<(u64, Order, Lots)> {
        let of = |position: u64| {
            let record = &self.orders[&position];
            (position, record.signed.order, record.left())
        };
        self.open_positions().into_iter().map(of).collect()
    }

    /// An order takes part in no window any more.
    pub fn end(&mut self, position: u64, reason: Lapsed) {
        if let Some(record) = self.orders.get_mut(&position).filter(|record| record.is_open()) {
            record.over = Some(reason);
            self.close(position);
        }
    }

    fn close(&mut self, position: u64) {
        let order_slot = self.orders[&position].signed.order.binding.order_slot;
        if self.open.get(&order_slot) == Some(&position) {
            self.open.remove(&order_slot);
        }
        self.past_orders.push_back(position);
        if self.past_orders.len() > KEPT_ORDERS {
            let oldest = self.past_orders.pop_front().expect("just counted");
            self.orders.remove(&oldest);
        }
    }

    /// A fill is announced. Its id is set here. The order need not be kept any more.
    pub fn fill(&mut self, mut fill: FillView, lots: Lots) -> FillView {
        self.fill_count += 1;
        fill.id = self.fill_count;
        if let Some(record) = self.orders.get_mut(&fill.position) {
            let was_open = record.is_open();
            record.filled = Lots::new(record.filled.get() + lots.get()).expect("fills are at most the order's lots");
            // It was let in.
            record.deferred = None;
            if was_open && !record.is_open() {
                self.close(fill.position);
            }
        }
        self.fills.push_back(fill.clone());
        if self.fills.len() > KEPT_FILLS {
            self.fills.pop_front();
        }
        fill
    }

    /// A reason to stay out of a window is announced.
    pub fn defer(&mut self, position: u64, window: Window, reason: Deferred) {
        if let Some(record) = self.orders.get_mut(&position) {
            record.deferred = Some((window, reason));
        }
    }

    /// What became of a command.
    pub fn settle_command(&mut self, position: u64, done: Result<u64, Rejection>) {
        let Some(record) = self.commands.get_mut(&position) else { return };
        record.done = Some(done);
        self.past_commands.push_back(position);
        if self.past_commands.len() > KEPT_COMMANDS {
            let oldest = self.past_commands.pop_front().expect("just counted");
            self.commands.remove(&oldest);
        }
    }

    /// The waiting command with this message. A cancellation may be sent twice under two signatures, and the ledger executes them one
    /// after the other.
    pub fn waiting_command(&self, message: ark_bn254::Fr) -> Option<u64> {
        let waits = |record: &&CommandRecord| record.done.is_none() && record.receipt.message == message;
        self.commands.values().find(waits).map(|record| record.receipt.position)
    }

    /// A new epoch starts with unused order slots.
    pub fn forget_nonces(&mut self) {
        self.nonces.clear();
    }

    /// The order slot was used before the log began.
    pub fn seen(&mut self, order_slot: u8, nonce: u32) {
        self.nonces.insert(order_slot, nonce);
    }

    /// An order.
    pub fn order(&self, position: u64) -> Option<&OrderRecord> {
        self.orders.get(&position)
    }

    /// A command.
    pub fn command(&self, position: u64) -> Option<&CommandRecord> {
        self.commands.get(&position)
    }

    /// Orders behind a position, or the last ones; ascending. `open` leaves out what is over.
    pub fn orders(&self, after: Option<u64>, open: bool, limit: usize) -> Vec<OrderView> {
        let wanted = |record: &&OrderRecord| !open || record.is_open();
        page(&self.orders, after, limit, wanted).into_iter().map(OrderRecord::view).collect()
    }

    /// Commands behind a position, or the last ones; ascending.
    pub fn commands(&self, after: Option<u64>, limit: usize) -> Vec<CommandView> {
        page(&self.commands, after, limit, |_| true).into_iter().map(CommandRecord::view).collect()
    }

    /// Fills behind an id, or the last ones; ascending.
    pub fn fills(&self, after: Option<u64>, limit: usize) -> Vec<FillView> {
        let first = match after {
            Some(after) => self.fills.partition_point(|fill| fill.id <= after),
            None => self.fills.len().saturating_sub(limit),
        };
        self.fills.iter().skip(first).take(limit).cloned().collect()
    }

    /// Next nonces of the used order slots.
    pub fn nonces(&self) -> Vec<NonceView> {
        let view = |(order_slot, last): (&u8, &u32)| NonceView { order_slot: *order_slot, next: last.checked_add(1) };
        self.nonces.iter().map(view).collect()
    }
}

fn page<'a, T>(
    all: &'a BTreeMap<u64, T>,
    after: Option<u64>,
    limit: usize,
    wanted: impl Fn(&&'a T) -> bool,
) -> Vec<&'a T> {
    match after {
        Some(u64::MAX) => Vec::new(),
        Some(after) => all.range(after + 1..).map(|(_, record)| record).filter(wanted).take(limit).collect(),
        None => {
            let mut last: Vec<&T> = all.values().rev().filter(wanted).take(limit).collect();
            last.reverse();
            last
        }
    }
}
