//! Random valid batches.
//!
//! A batch is drawn generously and then repaired: as long as the ledger refuses it, what the rejection names is left out. What
//! remains is valid by the ledger's own word, and the draw can stay simple.

use super::{World, COMMAND_SLOT, WINDOWS};
use crate::crypto::babyjub::Point;
use crate::crypto::eddsa::Signature;
use crate::leaf::Status;
use crate::message::{Action, Order, Side};
use crate::reject::{Lane, Rejection};
use crate::trace::BatchTrace;
use crate::transition::{BatchInput, Deposit, Fill};
use crate::units::{AccountSlot, InstrumentId, Lots, Ticks, Window};
use rand::seq::SliceRandom;
use rand::Rng;
use std::collections::BTreeSet;

/// Repairs after which the generator itself must be wrong.
const MAX_REPAIRS: usize = 1_000;

impl World {
    /// Lets some time pass, draws a valid batch and applies it.
    pub fn random_batch(&mut self) -> BatchTrace {
        let input = self.random_input();
        let trace = self.apply(input);
        let ledger = &self.ledger;
        self.resting.retain(|(order, _)| {
            let account = ledger.account(order.binding.account).expect("it signed an order");
            let slot = account.orders.get(order.binding.order_slot);
            let same = slot.message == order.hash() && slot.nonce == order.binding.nonce;
            same && slot.filled < order.lots && order.binding.epoch == account.leaf.epoch
        });
        trace
    }

    /// Lets some time pass and draws a valid batch, without applying it.
    pub fn random_input(&mut self) -> BatchInput {
        if self.rng.gen_ratio(4, 5) {
            let seconds = self.rng.gen_range(30..300);
            self.tick(seconds);
        } else {
            let seconds = self.rng.gen_range(0..30);
            self.time = crate::units::Time::new(self.time.get() + seconds).expect("in range");
        }
        let mut input = self.input();
        self.draw_deposits(&mut input);
        self.draw_fills(&mut input);
        self.draw_commands(&mut input);
        self.draw_others(&mut input);
        for _ in 0..MAX_REPAIRS {
            match self.ledger.check(self.size, &self.markets, input.clone()) {
                Ok(_) => return input,
                Err(broken) => self.repair(&mut input, &broken),
            }
        }
        panic!("seed {}: the batch could not be repaired", self.seed);
    }

    fn opened(&self) -> Vec<usize> {
        let open = |trader: &usize| self.ledger.account(self.traders[*trader].slot).is_some();
        (0..self.traders.len()).filter(open).collect()
    }

    /// Newcomers, top-ups, and deposits that must be refunded.
    fn draw_deposits(&mut self, input: &mut BatchInput) {
        let opened = self.opened();
        let mut accounts = BTreeSet::new();
        for _ in 0..self.rng.gen_range(0..=self.size.deposits) {
            let amount = self.rng.gen_range(1..50_000_000_000);
            let newcomer = opened.is_empty() || self.rng.gen_ratio(1, 5);
            let trader = match opened.choose(&mut self.rng) {
                Some(trader) if !newcomer => *trader,
                _ => self.newcomer(),
            };
            let mut deposit: Deposit = self.deposit(trader, amount);
            match self.rng.gen_range(0..10) {
                0 => deposit.owner_eighth = Point::identity(),
                1 => deposit.viewing_eighth = deposit.owner_eighth,
                _ => {}
            }
            if accounts.insert(deposit.account) {
                input.deposits.push(deposit);
            }
        }
    }

    /// Clearings of two to four orders each.
    fn draw_fills(&mut self, input: &mut BatchInput) {
        let opened = self.opened();
        let (time, markets) = (self.time, &self.markets);
        let trading: Vec<InstrumentId> = markets
            .iter()
            .filter(|(_, leaf)| matches!(leaf.status, Status::Open | Status::ReduceOnly) && time < leaf.expiry)
            .map(|(id, _)| id)
            .collect();
        if opened.len() < 2 || trading.is_empty() {
            return;
        }
        // Few accounts trade much rather than all a little: otherwise there would be no room for anything else.
        let count = self.rng.gen_range(2..=opened.len().min(self.size.accounts));
        let traders: Vec<usize> = opened.choose_multiple(&mut self.rng, count).copied().collect();
        let mut used = BTreeSet::new();
        for _ in 0..self.rng.gen_range(1..=self.size.clearings) {
            let instrument = *trading.choose(&mut self.rng).expect("not empty");
            let window = self.rng.gen_range(0..WINDOWS) + input.window_first.get();
            let leaf = self.markets.get(instrument).expect("listed").clone();
            let price = self.rng.gen_range(leaf.band_low.get()..=leaf.band_high.get());
            let price = if self.rng.gen_ratio(3, 4) { leaf.mark.get() } else { price };
            if !used.insert((instrument, window)) {
                continue;
            }
            let sides = if self.rng.gen() { [Side::Buy, Side::Sell] } else { [Side::Sell, Side::Buy] };
            let lots = self.rng.gen_range(1..=60);
            let makers = self.rng.gen_range(1..=2.min(lots));
            let mut take = |world: &mut World, side, lots| {
                let trader = *traders.choose(&mut world.rng).expect("not empty");
                let (order, signature) = world.draw_order(trader, instrument, side, lots, price, input);
                let window = Window::new(window).expect("few windows");
                let price = Ticks::new(price).expect("inside the band");
                let fill = Lots::new(lots).expect("few lots");
                input.fills.push(Fill { order, signature, window, price, fill });
            };
            take(self, sides[0], lots);
            for i in 0..makers {
                take(self, sides[1], if i + 1 == makers { lots - lots / makers * i } else { lots / makers });
            }
        }
    }

    /// A resting order that fits, or a new one.
    fn draw_order(
        &mut self,
        trader: usize,
        instrument: InstrumentId,
        side: Side,
        lots: i64,
        price: i64,
        input: &BatchInput,
    ) -> (Order, Signature) {
        let account = self.traders[trader].slot;
        let held = self.ledger.account(account).expect("opened");
        let fits = |order: &Order| {
            let mine = order.binding.account == account && order.instrument == instrument && order.side == side;
            let drawn: i64 = input.fills.iter().filter(|f| f.order == *order).map(|f| f.fill.get()).sum();
            let slot = held.orders.get(order.binding.order_slot);
            let filled = if slot.message == order.hash() { slot.filled.get() } else { 0 };
            let better = (order.limit.get() - price) * side.sign() as i64 >= 0;
            mine && better && filled + drawn + lots <= order.lots.get()
        };
        if let Some(resting) = self.resting.iter().find(|(order, _)| fits(order)) {
            return *resting;
        }
        let in_use = |slot: u8| {
            let names = |order: &Order| order.binding.account == account && order.binding.order_slot == slot;
            let resting = self.resting.iter().any(|(order, _)| names(order));
            resting || input.fills.iter().any(|fill| names(&fill.order))
        };
        let free: Vec<u8> = (0..COMMAND_SLOT).filter(|slot| !in_use(*slot)).collect();
        let order_slot = *free.choose(&mut self.rng).expect("a trader rests fewer than 255 orders");
        let mut order = self.order(trader, instrument, side, lots);
        order.binding = self.binding(trader, order_slot);
        order.binding.nonce += self.rng.gen_range(0..3);
        let worse = if self.rng.gen() { 0 } else { self.rng.gen_range(0..=price / 10) };
        let limit = price + worse * side.sign() as i64;
        order.limit = Ticks::new(limit).expect("in range");
        if self.rng.gen_ratio(1, 4) {
            let mark = self.markets.get(instrument).expect("listed").mark.get();
            order.peg_offset = Some(price - mark + self.rng.gen_range(0..5) * side.sign() as i64);
        }
        if self.rng.gen_ratio(1, 3) {
            order.lots = Lots::new(lots + self.rng.gen_range(1..100)).expect("few lots");
            order.valid_until = crate::units::Time::new(self.time.get() + 3_600).expect("in range");
        }
        let position = held.leaf.positions.iter().find(|p| p.id == instrument).map_or(0, |p| p.lots.get());
        order.reduce_only = position * (side.sign() as i64) < 0 && self.rng.gen_ratio(1, 2);
        let signed = (order, self.sign(account, order.hash()));
        if order.lots.get() > lots {
            self.resting.push(signed);
        }
        signed
    }

    /// Commands of traders, also of some who trade: those are left out by repair.
    fn draw_commands(&mut self, input: &mut BatchInput) {
        let mut opened = self.opened();
        opened.shuffle(&mut self.rng);
        for trader in opened.into_iter().take(self.rng.gen_range(0..=self.size.commands)) {
            let account = self.ledger.account(self.traders[trader].slot).expect("opened");
            let cash = account.leaf.cash.get();
            let resting: Vec<Order> = self.resting.iter().map(|(order, _)| *order).collect();
            let mine = resting.into_iter().find(|order| order.binding.account == self.traders[trader].slot);
            let command = match self.rng.gen_range(0..10) {
                0 => self.command(trader, Action::Epoch),
                1 => self.command(trader, self.rotation(trader)),
                2 | 3 => match mine {
                    Some(Order { binding, .. }) => {
                        self.sign_command(crate::message::Command { binding, action: Action::Cancel })
                    }
                    None => self.command(trader, Action::Cancel),
                },
                _ => {
                    let amount = self.rng.gen_range(1..=cash.clamp(1, 1_000_000_000));
                    self.command(trader, self.withdrawal(trader, amount))
                }
            };
            input.commands.push(command);
        }
    }

    /// Touches of accounts that hold settled positions, some of others, decoys, and rows nobody needs.
    fn draw_others(&mut self, input: &mut BatchInput) {
        let settled = |id: InstrumentId| self.markets.get(id).is_some_and(|leaf| leaf.status == Status::Settled);
        let rolls = |slot: AccountSlot| {
            let account = self.ledger.account(slot).expect("opened");
            account.leaf.positions.iter().any(|p| settled(p.id))
        };
        let opened: Vec<AccountSlot> = self.opened().into_iter().map(|t| self.traders[t].slot).collect();
        let due: Vec<AccountSlot> = opened.iter().copied().filter(|slot| rolls(*slot)).collect();
        let some = |world: &mut World, from: &[AccountSlot], most: usize| -> Vec<AccountSlot> {
            let count = world.rng.gen_range(0..=most);
            from.choose_multiple(&mut world.rng, count).copied().collect()
        };
        input.touches = some(self, &due, self.size.accounts);
        input.touches.extend(some(self, &opened, 1));
        input.decoys = some(self, &opened, self.size.accounts);
        let listed: Vec<InstrumentId> = self.markets.iter().map(|(id, _)| id).collect();
        if self.rng.gen_ratio(1, 4) {
            input.extra_rows = listed.choose_multiple(&mut self.rng, 2).copied().collect();
        }
    }

    /// Leaves out what a rejection names.
    fn repair(&mut self, input: &mut BatchInput, broken: &Rejection) {
        let drop_clearing = |input: &mut BatchInput, gone: &dyn Fn(&Fill) -> bool| {
            let keys: BTreeSet<_> =
                input.fills.iter().filter(|f| gone(f)).map(|f| (f.order.instrument, f.window)).collect();
            input.fills.retain(|f| !keys.contains(&(f.order.instrument, f.window)));
        };
        if let Some(account) = broken.account() {
            let acts = |fill: &Fill| fill.order.binding.account == account;
            let commands = input.commands.len();
            input.commands.retain(|signed| signed.command.binding.account != account);
            input.touches.retain(|slot| *slot != account);
            // A command that does not fit is left out alone.
            if commands == input.commands.len() {
                let last = input.fills.iter().rev().find(|f| acts(f)).copied();
                let last = last.unwrap_or_else(|| panic!("seed {}: nothing to repair: {broken}", self.seed));
                drop_clearing(input, &|f| (f.order.instrument, f.window) == (last.order.instrument, last.window));
            }
            return;
        }
        match broken {
            Rejection::BatchFull { lane: Lane::Accounts, .. } if input.decoys.pop().is_some() => {}
            Rejection::BatchFull { lane: Lane::Rows, .. } if input.extra_rows.pop().is_some() => {}
            Rejection::BatchFull { lane: Lane::Accounts | Lane::Rows, .. } if input.touches.pop().is_some() => {}
            Rejection::BatchFull { lane: Lane::Accounts | Lane::Rows, .. } if input.fills.is_empty() => {
                let gone = input.commands.pop().is_some() || input.deposits.pop().is_some();
                assert!(gone, "seed {}: an empty batch does not fit", self.seed);
            }
            Rejection::BatchFull { .. } => {
                let last = *input.fills.last().expect("every other lane is within its size");
                drop_clearing(input, &|f| (f.order.instrument, f.window) == (last.order.instrument, last.window));
            }
            Rejection::NotTrading { instrument, .. }
            | Rejection::InstrumentExpired { instrument, .. }
            | Rejection::MarkStale { instrument, .. } => {
                drop_clearing(input, &|f| f.order.instrument == *instrument);
            }
            other => panic!("seed {}: the generator drew what nobody may send: {other}", self.seed),
        }
    }
}
