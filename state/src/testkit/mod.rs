//! Worlds for tests: deterministic traders, markets and batches from a seed.
//!
//! A [`World`] holds a ledger, its markets and the keys of everybody. Scripted tests build a [`BatchInput`] from
//! [`World::input`], [`World::trade`], [`World::command`] and [`World::deposit`]; [`World::random_batch`] makes valid batches of
//! every kind of content. Equal seeds give equal worlds; a failing test prints its seed and nothing else is needed to repeat it.

pub mod cases;
mod feed;
mod perpetual;
mod random;
pub mod stage;

pub use feed::Feed;
pub use perpetual::perpetual;

use crate::account::Account;
use crate::crypto::babyjub::Point;
use crate::crypto::eddsa::{SecretKey, Signature};
use crate::crypto::viewing::{EphemeralKey, ViewingKey};
use crate::leaf::{HouseLeaf, MarketLeaf};
use crate::ledger::{Deployment, Ledger, HOUSE};
use crate::markets::Markets;
use crate::message::{Action, Binding, Command, Order, Side};
use crate::reject::Rejection;
use crate::size::Size;
use crate::trace::BatchTrace;
use crate::transition::{BatchInput, Deposit, Fill, SignedCommand};
use crate::units::{AccountSlot, Amount, Fee, InstrumentId, Lots, Ticks, Time, Window};
use ark_bn254::Fr;
use ark_ff::PrimeField;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Chain id of test deployments.
pub const CHAIN: u64 = 31_337;
/// Time at which worlds start.
pub const START: i64 = 1_800_000_000;
/// Windows that [`World::input`] opens.
pub const WINDOWS: i64 = 3;
/// The order slot that [`World::command`] uses; orders of [`World::order`] use the others.
pub const COMMAND_SLOT: u8 = 255;

/// Somebody with an account slot, opened or not.
#[derive(Clone)]
pub struct Trader {
    /// Account slot.
    pub slot: AccountSlot,
    /// Signs.
    pub key: SecretKey,
    /// Reads.
    pub viewing: ViewingKey,
    /// The key that the next rotation brings.
    pub next_key: SecretKey,
    seed: u64,
    generation: u64,
}

impl Trader {
    fn new(seed: u64, slot: i64) -> Trader {
        let at = |generation| SecretKey::from_seed(&seed_bytes(seed, slot as u64, generation));
        Trader {
            slot: AccountSlot::new(slot).expect("a test has few traders"),
            key: at(0),
            viewing: ViewingKey::from_seed(&seed_bytes(seed, slot as u64, 0)),
            next_key: at(1),
            seed,
            generation: 0,
        }
    }

    /// Takes the next key into use.
    pub fn rotate(&mut self) {
        self.generation += 1;
        let next = SecretKey::from_seed(&seed_bytes(self.seed, self.slot.get() as u64, self.generation + 1));
        self.key = std::mem::replace(&mut self.next_key, next);
    }
}

fn seed_bytes(seed: u64, who: u64, generation: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&who.to_le_bytes());
    bytes[16..24].copy_from_slice(&generation.to_le_bytes());
    bytes
}

/// A ledger with everything around it.
#[derive(Clone)]
pub struct World {
    /// Replays the world.
    pub seed: u64,
    /// Circuit size of its batches.
    pub size: Size,
    /// The ledger.
    pub ledger: Ledger,
    /// The markets.
    pub markets: Markets,
    /// Where the markets' values come from.
    pub feed: Feed,
    /// Traders by slot, slot 1 first.
    pub traders: Vec<Trader>,
    /// The house's viewing key.
    pub house_viewing: ViewingKey,
    /// Now.
    pub time: Time,
    /// Randomness, from the seed.
    pub rng: ChaCha8Rng,
    resting: Vec<(Order, Signature)>,
}

impl World {
    /// A world with listed instruments and nobody in it.
    pub fn genesis(seed: u64, size: Size) -> World {
        let mut world = World::empty(seed, size);
        world.tick(0);
        world
    }

    /// A world with nothing in it.
    pub fn empty(seed: u64, size: Size) -> World {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let house_viewing = ViewingKey::from_seed(&seed_bytes(seed, 0, 0));
        let ledger = Ledger::genesis(Deployment::new(CHAIN, [0x42; 20]), house_viewing.public());
        World {
            seed,
            size,
            ledger,
            markets: Markets::new(),
            feed: Feed::new(&size),
            traders: Vec::new(),
            house_viewing,
            time: Time::new(START).expect("in range"),
            rng,
            resting: Vec::new(),
        }
    }

    /// A world with two traders more than a batch has account entries, all with deposits of their own.
    pub fn new(seed: u64, size: Size) -> World {
        let mut world = World::genesis(seed, size);
        while world.traders.len() < size.accounts + 2 {
            let room = (size.accounts + 2 - world.traders.len()).min(size.deposits).min(size.accounts);
            let mut input = world.input();
            for _ in 0..room {
                let trader = world.newcomer();
                // Rich and poor: for some the margin rule must bind.
                let amount = world.rng.gen_range(2..20) * 10i128.pow(world.rng.gen_range(8..=10));
                input.deposits.push(world.deposit(trader, amount));
            }
            world.apply(input);
        }
        world
    }

    /// Adds a trader without an account and returns its index.
    pub fn newcomer(&mut self) -> usize {
        let slot = self.traders.len() as i64 + 1;
        self.traders.push(Trader::new(self.seed, slot));
        self.traders.len() - 1
    }

    /// A batch at the present with [`WINDOWS`] windows and nothing in it.
    pub fn input(&mut self) -> BatchInput {
        let head = self.ledger.head();
        let window = |n: i64| Window::new(head.window.get() + n).expect("few windows");
        let batch = head.batch + 1;
        BatchInput {
            time: self.time,
            window_first: window(1),
            window_last: window(WINDOWS),
            deposits: Vec::new(),
            fills: Vec::new(),
            commands: Vec::new(),
            touches: Vec::new(),
            decoys: Vec::new(),
            extra_rows: Vec::new(),
            ephemeral: EphemeralKey::derive(&seed_bytes(self.seed, 0, 1), &[&batch.to_le_bytes()]).scalar(),
            blind: Fr::from_le_bytes_mod_order(&self.rng.gen::<[u8; 32]>()),
            log_root: Fr::from_le_bytes_mod_order(&self.rng.gen::<[u8; 32]>()),
            log_last: head.log + self.rng.gen_range(0..100),
        }
    }

    /// Applies a batch that must be valid, and takes new keys into use.
    ///
    /// # Panics
    /// With the seed and the rejection, if it is not.
    pub fn apply(&mut self, input: BatchInput) -> BatchTrace {
        self.try_apply(input).unwrap_or_else(|broken| panic!("seed {}: {broken}", self.seed))
    }

    /// Applies a batch if it is valid, and takes new keys into use.
    ///
    /// # Errors
    /// As [`Ledger::apply`].
    pub fn try_apply(&mut self, input: BatchInput) -> Result<BatchTrace, Rejection> {
        let trace = self.ledger.apply(self.size, &self.markets, input)?;
        for trader in &mut self.traders {
            let owner = self.ledger.account(trader.slot).map(|account| account.leaf.owner);
            if owner == Some(trader.next_key.public()) {
                trader.rotate();
            }
        }
        Ok(trace)
    }

    /// Lets time pass and the markets move with it.
    pub fn tick(&mut self, seconds: i64) {
        self.time = Time::new(self.time.get() + seconds).expect("in range");
        self.feed.tick(&mut self.markets, self.time, &mut self.rng);
    }

    /// A deposit of a trader into his own account.
    pub fn deposit(&self, trader: usize, amount_micro: i128) -> Deposit {
        let Trader { slot, key, viewing, .. } = &self.traders[trader];
        let eighth = |point: Point| point.eighth().expect("keys lie in the prime subgroup");
        Deposit {
            account: *slot,
            owner_eighth: eighth(key.public()),
            viewing_eighth: eighth(viewing.public()),
            amount: Amount::new(amount_micro).expect("below 2^96"),
        }
    }

    /// The words that the trader's next message shares, with the next nonce of the order slot.
    pub fn binding(&self, trader: usize, order_slot: u8) -> Binding {
        let account = self.traders[trader].slot;
        let opened = self.ledger.account(account);
        Binding {
            deployment: self.ledger.deployment().id,
            account,
            order_slot,
            nonce: opened.map_or(0, |a| a.orders.get(order_slot).nonce) + 1,
            epoch: opened.map_or(0, |a| a.leaf.epoch),
        }
    }

    /// An order at any price and the market's fee, valid for a minute, in an order slot of the instrument's own.
    pub fn order(&self, trader: usize, instrument: InstrumentId, side: Side, lots: i64) -> Order {
        Order {
            binding: self.binding(trader, (instrument.get() % i64::from(COMMAND_SLOT)) as u8),
            instrument,
            side,
            lots: Lots::new(lots).expect("few lots"),
            limit: if side == Side::Buy { Ticks::MAX } else { Ticks::ZERO },
            peg_offset: None,
            valid_until: Time::new(self.time.get() + 60).expect("in range"),
            fee_cap: self.markets.get(instrument).map_or(Fee::MAX, |market| market.fee),
            reduce_only: false,
        }
    }

    /// An order filled in the first window of the next batch.
    pub fn fill(&self, order: Order, price: Ticks, lots: i64) -> Fill {
        Fill {
            order,
            signature: self.sign(order.binding.account, order.hash()),
            window: Window::new(self.ledger.head().window.get() + 1).expect("few windows"),
            price,
            fill: Lots::new(lots).expect("few lots"),
        }
    }

    /// A trade between two traders at the mark, in the first window of the next batch.
    pub fn trade(&self, buyer: usize, seller: usize, instrument: InstrumentId, lots: i64) -> [Fill; 2] {
        let mark = self.markets.get(instrument).map_or(Ticks::ZERO, |market| market.mark);
        [(buyer, Side::Buy), (seller, Side::Sell)]
            .map(|(who, side)| self.fill(self.order(who, instrument, side, lots), mark, lots))
    }

    /// A signed command, in [`COMMAND_SLOT`].
    pub fn command(&self, trader: usize, action: Action) -> SignedCommand {
        self.sign_command(Command { binding: self.binding(trader, COMMAND_SLOT), action })
    }

    /// Signs a command, for a rotation also with the trader's next key.
    pub fn sign_command(&self, command: Command) -> SignedCommand {
        let (account, hash) = (command.binding.account, command.hash());
        let rotates = matches!(command.action, Action::Rotate { .. });
        let possession = rotates.then(|| self.trader(account).next_key.sign(hash));
        SignedCommand { command, signature: self.sign(account, hash), possession }
    }

    /// A rotation to the trader's next key.
    pub fn rotation(&self, trader: usize) -> Action {
        let next = self.traders[trader].next_key.public();
        Action::Rotate { owner_eighth: next.eighth().expect("keys lie in the prime subgroup") }
    }

    /// A withdrawal to an address made of the trader's slot.
    pub fn withdrawal(&self, trader: usize, amount_micro: i128) -> Action {
        Action::Withdraw {
            amount: crate::units::Cash::new(amount_micro).expect("below 2^106"),
            recipient: [self.traders[trader].slot.get() as u8 | 0x80; 20],
            chain: CHAIN,
        }
    }

    /// A message signed with the key of an account's trader.
    pub fn sign(&self, account: AccountSlot, hash: Fr) -> Signature {
        self.trader(account).key.sign(hash)
    }

    /// Rewrites an account as if the past had been another: for states that would take too many batches to reach.
    pub fn tamper(&mut self, trader: usize, change: impl FnOnce(&mut Account)) {
        let slot = self.traders[trader].slot;
        let account = self.ledger.accounts.get_mut(&slot).expect("opened");
        change(account);
        account.leaf.orders_root = account.orders.root();
        self.ledger.tree.set(slot.get() as u64, account.leaf.hash());
    }

    /// Rewrites the house, as [`World::tamper`].
    pub fn tamper_house(&mut self, change: impl FnOnce(&mut HouseLeaf)) {
        change(&mut self.ledger.house);
        self.ledger.tree.set(HOUSE.get() as u64, self.ledger.house.hash());
    }

    /// Rewrites a market leaf as an oracle role could that keeps no rule.
    pub fn tamper_market(&mut self, id: InstrumentId, change: impl FnOnce(&mut MarketLeaf)) {
        let mut leaf = self.markets.get(id).expect("listed").clone();
        change(&mut leaf);
        self.markets.force(id, leaf);
    }

    /// Updates one market at the present.
    pub fn set_market(&mut self, id: InstrumentId, change: impl FnOnce(&mut MarketLeaf)) {
        let mut leaf = self.markets.get(id).expect("listed").clone();
        change(&mut leaf);
        self.markets.update([(id, leaf)], self.time).unwrap_or_else(|broken| panic!("{broken}"));
    }

    /// What an account holds of an instrument.
    pub fn lots(&self, trader: usize, id: InstrumentId) -> i64 {
        let account = self.ledger.account(self.traders[trader].slot).expect("opened");
        account.leaf.positions.iter().find(|p| p.id == id).map_or(0, |p| p.lots.get())
    }

    fn trader(&self, account: AccountSlot) -> &Trader {
        &self.traders[account.get() as usize - 1]
    }
}
