//! A venue under load, the same from the same seed: traders with money, and orders that each one may send.

use novation_sequencer::durable::{recover, Clock, Handle, Limits, Observer, Recovered, Store, StoreError, Writer};
use novation_sequencer::log::Head;
use novation_sequencer::{Config, Effect, Engine, Event, Execution, SignedOrder};
use novation_state::crypto::eddsa::SecretKey;
use novation_state::leaf::Status;
use novation_state::message::{Action, Command, Side};
use novation_state::size::Size;
use novation_state::testkit::World;
use novation_state::transition::SignedCommand;
use novation_state::units::{Fee, InstrumentId, Lots, Ticks, Time};
use rand::Rng;
use tokio::task::JoinHandle;

pub const SECRET: [u8; 32] = [0x5e; 32];
/// 100,000 dollars each.
const CASH: i128 = 100_000_000_000;

pub fn operator() -> SecretKey {
    SecretKey::from_seed(&[0x0b; 32])
}

/// A running writer's task.
pub type Task<S> = JoinHandle<Result<(Engine, S), StoreError>>;

pub struct Load {
    pub world: World,
    live: Vec<(InstrumentId, i64)>,
    seed: u64,
    size: Size,
}

impl Load {
    pub fn new(seed: u64, size: Size, traders: usize) -> Load {
        let mut world = World::genesis(seed, size);
        for _ in 0..traders {
            world.newcomer();
        }
        let live = (world.markets.iter())
            .filter(|(_, leaf)| leaf.status != Status::Settled)
            .map(|(id, leaf)| (id, leaf.mark.get()))
            .collect();
        Load { world, live, seed, size }
    }

    /// The engine where the log begins.
    pub fn engine(&self) -> Engine {
        self.engine_with(SECRET)
    }

    /// The same under another secret.
    pub fn engine_with(&self, secret: [u8; 32]) -> Engine {
        let World { ledger, markets, .. } = World::genesis(self.seed, self.size);
        let root = Head::genesis(ledger.deployment().id).root;
        let circuit = Box::new(|_: &_| Ok(()));
        Engine::new(Config { size: self.size, max_unproven: u64::MAX, secret, circuit }, ledger, markets, root)
    }

    /// The world's time, standing still.
    pub fn clock(&self) -> Clock {
        let now = self.world.time;
        Box::new(move || now)
    }

    pub async fn recover<S: Store>(&self, store: &mut S, observer: &mut Observer) -> Recovered {
        let recovered = recover(store, self.engine(), None, observer).await;
        recovered.unwrap_or_else(|error| panic!("seed {}: {error}", self.seed))
    }

    /// Recovers, starts a writer, and has L1 accept what was left unproven.
    pub async fn start<S: Store>(&self, mut store: S, mut observer: Observer, limits: Limits) -> (Handle, Task<S>) {
        let recovered = self.recover(&mut store, &mut observer).await;
        let unproven: Vec<u64> = recovered.unproven.iter().map(|trace| trace.header.batch).collect();
        let (handle, task) = Writer::spawn(store, recovered, operator(), self.clock(), observer, limits);
        for batch in unproven {
            handle.event(Event::Proven { batch }).await.unwrap();
        }
        (handle, task)
    }

    /// Gives every trader money.
    pub async fn open(&self, handle: &Handle) {
        for trader in 0..self.world.traders.len() {
            let deposit = self.world.deposit(trader, CASH);
            handle.event(Event::Deposit { index: trader as u64, deposit }).await.unwrap();
        }
        for _ in 0..self.world.traders.len().div_ceil(self.size.deposits) {
            self.batch(handle).await;
        }
    }

    /// Makes a batch and says that L1 accepted it.
    pub async fn batch(&self, handle: &Handle) {
        let effects = handle.event(Event::Batch).await.unwrap();
        let Some(Effect::BatchReady(trace)) = effects.last() else { panic!("no batch: {effects:?}") };
        handle.event(Event::Proven { batch: trace.header.batch }).await.unwrap();
    }

    /// An order around the mark.
    pub fn order(&mut self, trader: usize, order_slot: u8, nonce: u32) -> SignedOrder {
        let rng = &mut self.world.rng;
        let (instrument, mark) = self.live[rng.gen_range(0..self.live.len())];
        let side = if rng.gen() { Side::Buy } else { Side::Sell };
        let away = rng.gen_range(-5..50) * (mark / 1_000 + 1) * side.sign() as i64;
        let lots = rng.gen_range(1..20);
        let mut order = self.world.order(trader, instrument, side, lots);
        order.binding.order_slot = order_slot;
        order.binding.nonce = nonce;
        order.fee_cap = Fee::MAX;
        order.lots = Lots::new(lots).unwrap();
        order.valid_until = Time::MAX;
        order.limit = Ticks::new((mark - away).max(0)).unwrap();
        let signature = self.world.sign(order.binding.account, order.hash());
        SignedOrder { order, signature, execution: Execution::UntilValid }
    }

    /// Orders of all traders in turn, each trader's in order slots and with nonces that follow one another from
    /// `first`.
    pub fn orders(&mut self, count: usize, first: u32) -> Vec<SignedOrder> {
        let traders = self.world.traders.len();
        let of = |n: usize| (n % traders, (n / traders % 200) as u8, first + (n / traders / 200) as u32);
        (0..count).map(of).map(|(trader, slot, nonce)| self.order(trader, slot, nonce)).collect()
    }

    /// What cancels an order.
    pub fn cancellation(&self, signed: &SignedOrder) -> SignedCommand {
        self.world.sign_command(Command { binding: signed.order.binding, action: Action::Cancel })
    }
}

/// Told of everything, keeps nothing.
pub fn nobody() -> Observer {
    Box::new(|_| {})
}
