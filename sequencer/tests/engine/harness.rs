//! A venue for tests: an engine, keys, a clock, and an auditor that repeats every announced batch on a ledger of its own.

use crate::auditor::Auditor;
use novation_sequencer::io::{AuctionResult, Receipt};
use novation_sequencer::log::{Entry, Head};
use novation_sequencer::reason::{Deferred, Lapsed, Refused, Waiting};
use novation_sequencer::{Circuit, Config, Effect, Engine, Event, Execution, Input, SignedOrder};
use novation_state::leaf::MarketLeaf;
use novation_state::markets::Markets;
use novation_state::message::{Action, Binding, Command, Order, Side};
use novation_state::reject::Rejection;
use novation_state::size::Size;
use novation_state::testkit::World;
use novation_state::trace::BatchTrace;
use novation_state::transition::{Deposit, SignedCommand};
use novation_state::units::{AccountSlot, Fee, InstrumentId, Lots, Ticks, Time};
use std::collections::BTreeMap;

pub use novation_state::testkit::perpetual;

pub const SECRET: [u8; 32] = [0x5e; 32];

pub fn lots(n: i64) -> Lots {
    Lots::new(n).unwrap()
}

pub fn ticks(n: i64) -> Ticks {
    Ticks::new(n).unwrap()
}

pub fn id(n: i64) -> InstrumentId {
    InstrumentId::new(n).unwrap()
}

pub fn config(size: Size, max_unproven: u64, circuit: Circuit) -> Config {
    Config { size, max_unproven, secret: SECRET, circuit }
}

/// A circuit that the batch always satisfies: whether it does is the business of another crate.
pub fn satisfied() -> Circuit {
    Box::new(|_| Ok(()))
}

pub struct Venue {
    pub engine: Engine,
    /// Keys, the feed, randomness and the clock.
    pub world: World,
    /// What the engine's markets must be.
    pub markets: Markets,
    /// The log, as the effects had it.
    pub log: Vec<Entry>,
    /// Announced auctions.
    pub auctions: Vec<AuctionResult>,
    /// Announced batches.
    pub batches: Vec<BatchTrace>,
    auditor: Auditor,
    nonces: BTreeMap<(AccountSlot, u8), u32>,
    next_slot: u8,
    deposits: u64,
}

impl Venue {
    /// Nobody and no instrument.
    pub fn empty(seed: u64, size: Size, max_unproven: u64, circuit: Circuit) -> Venue {
        let world = World::genesis(seed, size);
        let ledger = world.ledger.clone();
        let root = Head::genesis(ledger.deployment().id).root;
        let engine = Engine::new(config(size, max_unproven, circuit), ledger.clone(), Markets::new(), root);
        Venue {
            engine,
            world,
            markets: Markets::new(),
            log: Vec::new(),
            auctions: Vec::new(),
            batches: Vec::new(),
            auditor: Auditor::new(ledger),
            nonces: BTreeMap::new(),
            next_slot: 0,
            deposits: 0,
        }
    }

    /// Some instruments, and traders with `cash` micro-units each.
    pub fn new(size: Size, leaves: Vec<MarketLeaf>, traders: usize, cash: i128) -> Venue {
        Venue::with_circuit(size, leaves, traders, cash, satisfied())
    }

    /// The same with a circuit.
    pub fn with_circuit(size: Size, leaves: Vec<MarketLeaf>, traders: usize, cash: i128, circuit: Circuit) -> Venue {
        let mut venue = Venue::empty(1, size, 1_000, circuit);
        venue.change_markets(leaves.into_iter().zip(1..).map(|(leaf, n)| (id(n), leaf)).collect());
        for _ in 0..traders {
            venue.world.newcomer();
        }
        for trader in 0..traders {
            venue.deposit(trader, cash);
        }
        while venue.deposits > venue.engine.ledger().head().deposits {
            venue.batch();
        }
        venue
    }

    pub fn account(&self, trader: usize) -> AccountSlot {
        self.world.traders[trader].slot
    }

    /// An input now.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.engine.step(Input { time: self.world.time, event });
        for effect in &effects {
            match effect {
                Effect::Logged(entry) => self.log.push((**entry).clone()),
                Effect::Auction(result) => self.auctions.push(result.clone()),
                Effect::BatchReady(trace) => {
                    self.auditor.audit(trace, &self.engine);
                    self.batches.push((**trace).clone());
                }
                _ => {}
            }
        }
        effects
    }

    pub fn wait(&mut self, seconds: i64) {
        self.world.time = Time::new(self.world.time.get() + seconds).unwrap();
    }

    pub fn change_markets(&mut self, changes: Vec<(InstrumentId, MarketLeaf)>) {
        self.markets.update(changes.clone(), self.world.time).unwrap();
        let effects = self.step(Event::Markets(changes));
        assert!(matches!(&effects[..], [Effect::Logged(_)]), "{effects:?}");
        assert_eq!(self.engine.markets().root(), self.markets.root());
        self.auditor.markets.insert(self.markets.number(), self.markets.clone());
    }

    /// Changes one leaf, with a mark of now.
    pub fn change(&mut self, instrument: InstrumentId, edit: impl FnOnce(&mut MarketLeaf)) {
        let mut leaf = self.markets.get(instrument).unwrap().clone();
        leaf.mark_time = self.world.time;
        edit(&mut leaf);
        self.change_markets(vec![(instrument, leaf)]);
    }

    pub fn deposit(&mut self, trader: usize, amount: i128) -> Vec<Effect> {
        let deposit: Deposit = self.world.deposit(trader, amount);
        let index = self.deposits;
        self.deposits += 1;
        self.step(Event::Deposit { index, deposit })
    }

    /// What the next message in an order slot says about itself.
    pub fn binding(&mut self, trader: usize, order_slot: u8) -> Binding {
        let account = self.account(trader);
        let nonce = self.nonces.entry((account, order_slot)).or_insert(0);
        *nonce += 1;
        Binding {
            deployment: self.engine.ledger().deployment().id,
            account,
            order_slot,
            nonce: *nonce,
            epoch: self.engine.ledger().account(account).map_or(0, |opened| opened.leaf.epoch),
        }
    }

    /// An order in an order slot of its own, valid for an hour.
    pub fn order(&mut self, trader: usize, instrument: i64, side: Side, quantity: i64, limit: i64) -> Order {
        self.next_slot = (self.next_slot + 1) % 200;
        Order {
            binding: self.binding(trader, self.next_slot),
            instrument: id(instrument),
            side,
            lots: lots(quantity),
            limit: ticks(limit),
            peg_offset: None,
            valid_until: Time::new(self.world.time.get() + 3_600).unwrap(),
            fee_cap: Fee::MAX,
            reduce_only: false,
        }
    }

    pub fn sign(&self, order: Order, execution: Execution) -> SignedOrder {
        SignedOrder { order, signature: self.world.sign(order.binding.account, order.hash()), execution }
    }

    pub fn send_as(&mut self, order: Order, execution: Execution) -> Vec<Effect> {
        let signed = self.sign(order, execution);
        self.step(Event::Order(signed))
    }

    /// Sends an order that must be accepted; returns its log position.
    pub fn send(&mut self, order: Order) -> u64 {
        receipt(&self.send_as(order, Execution::UntilValid)).position
    }

    pub fn buy(&mut self, trader: usize, instrument: i64, quantity: i64, limit: i64) -> u64 {
        let order = self.order(trader, instrument, Side::Buy, quantity, limit);
        self.send(order)
    }

    pub fn sell(&mut self, trader: usize, instrument: i64, quantity: i64, limit: i64) -> u64 {
        let order = self.order(trader, instrument, Side::Sell, quantity, limit);
        self.send(order)
    }

    /// Signs and sends a command in an order slot.
    pub fn command_in(&mut self, trader: usize, order_slot: u8, action: Action) -> Vec<Effect> {
        let command = Command { binding: self.binding(trader, order_slot), action };
        let signed: SignedCommand = self.world.sign_command(command);
        self.step(Event::Command(signed))
    }

    pub fn command(&mut self, trader: usize, action: Action) -> Vec<Effect> {
        self.command_in(trader, 255, action)
    }

    pub fn window(&mut self) -> Vec<Effect> {
        self.step(Event::Window)
    }

    /// Makes a batch that must come out.
    pub fn batch(&mut self) -> Vec<Effect> {
        let effects = self.step(Event::Batch);
        assert!(matches!(effects.last(), Some(Effect::BatchReady(_))), "{:?}", refusal(&effects));
        // New keys come into use as on any ledger.
        let ledger = self.engine.ledger();
        for trader in &mut self.world.traders {
            let owner = ledger.account(trader.slot).map(|account| account.leaf.owner);
            if owner == Some(trader.next_key.public()) {
                trader.rotate();
            }
        }
        effects
    }

    /// Lots that an account holds.
    pub fn held(&self, trader: usize, instrument: i64) -> i64 {
        let leaf = &self.engine.ledger().account(self.account(trader)).unwrap().leaf;
        leaf.positions.iter().find(|p| p.id == id(instrument)).map_or(0, |p| p.lots.get())
    }

    pub fn cash(&self, trader: usize) -> i128 {
        self.engine.ledger().account(self.account(trader)).unwrap().leaf.cash.get()
    }
}

pub fn refusal(effects: &[Effect]) -> Option<&Refused> {
    match effects {
        [Effect::Refused(reason)] => Some(reason),
        _ => None,
    }
}

pub fn receipt(effects: &[Effect]) -> Receipt {
    match effects {
        [Effect::Logged(_), Effect::Accepted(receipt), ..] => *receipt,
        other => panic!("not accepted: {other:?}"),
    }
}

pub fn deferred(effects: &[Effect]) -> Vec<(u64, Deferred)> {
    let of = |effect: &Effect| match effect {
        Effect::Deferred { position, reason } => Some((*position, reason.clone())),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

pub fn lapsed(effects: &[Effect]) -> Vec<(u64, Lapsed)> {
    let of = |effect: &Effect| match effect {
        Effect::Lapsed { position, reason } => Some((*position, reason.clone())),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

pub fn waiting(effects: &[Effect]) -> Vec<Waiting> {
    let of = |effect: &Effect| match effect {
        Effect::Waiting { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

pub fn dropped(effects: &[Effect]) -> Vec<Rejection> {
    let of = |effect: &Effect| match effect {
        Effect::CommandDropped { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

/// Price and (position, lots) of each fill.
pub fn trades(auctions: &[AuctionResult]) -> Vec<(i64, Vec<(u64, i64)>)> {
    let fills = |a: &AuctionResult| a.fills.iter().map(|f| (f.position, f.lots.get())).collect();
    auctions.iter().map(|a| (a.price.get(), fills(a))).collect()
}
