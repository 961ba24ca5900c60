//! Worlds to attack, and the strongest prover.

use ark_bn254::Fr;
use ark_ff::Field;
use novation_circuits::batch;
use novation_circuits::cs::{Cs, Failure, Hint, Lie, Mode};
use novation_state::leaf::{MarketLeaf, OrderSlot, Status, SCENARIOS};
use novation_state::ledger::{Ledger, HOUSE};
use novation_state::message::{Action, Command};
use novation_state::public_data::PublicData;
use novation_state::reject::Rejection;
use novation_state::seal::{salt, shared_secret};
use novation_state::size::TINY;
use novation_state::testkit::World;
use novation_state::trace::BatchTrace;
use novation_state::transition::{BatchInput, Guard};
use novation_state::units::{AccountSlot, Cash, Charge, Fee, InstrumentId, Lots, PerLot, Ticks};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Replays everything here.
pub const SEED: u64 = 20_261_122;
/// What every trader starts with: 10,000 of the collateral, in micro-units.
pub const MONEY: i128 = 10_000_000_000;
/// Traders of a stage; trader i has account slot i + 1.
pub const TRADERS: usize = 6;
/// A dated future at 100,000 ticks of 1,000 micro-units.
pub const FUTURE: i64 = 2;
/// A call on the same underlying.
pub const CALL: i64 = 4;
/// A dated future on the other underlying.
pub const OTHER_FUTURE: i64 = 3;

/// Names of constraints that do not hold.
pub type Names = BTreeSet<&'static str>;

/// Makes a world on threads of its own. Worlds are made once and cloned; trees are built by rayon, and a thread of the common pool
/// that waits for them would take up another test, which would wait for this very world.
fn apart(make: impl FnOnce() -> World + Send) -> World {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("threads");
    std::thread::scope(|scope| scope.spawn(|| pool.install(make)).join().expect("a world"))
}

/// Six traders with equal money, and markets without risk, charges, fees or bands: what a test needs it puts in.
pub fn stage() -> World {
    static STAGE: LazyLock<World> = LazyLock::new(|| apart(|| flatten(bare())));
    STAGE.clone()
}

fn flatten(mut world: World) -> World {
    let ids: Vec<InstrumentId> = world.markets.iter().map(|(id, _)| id).collect();
    for id in ids {
        edit(&mut world, id.get(), |leaf| {
            leaf.risk = [PerLot::ZERO; SCENARIOS];
            leaf.charge_long = Charge::ZERO;
            leaf.charge_short = Charge::ZERO;
            leaf.excess_charge = Charge::ZERO;
            leaf.fee = Fee::ZERO;
            leaf.band_low = Ticks::ZERO;
            leaf.band_high = Ticks::MAX;
            if id.get() == FUTURE {
                (leaf.mark, leaf.daily_mark) = (ticks(100_000), ticks(100_000));
            }
        });
    }
    world
}

/// The same six traders, with the feed's markets.
pub fn bare() -> World {
    static BARE: LazyLock<World> = LazyLock::new(|| apart(genesis));
    BARE.clone()
}

fn genesis() -> World {
    let mut world = World::genesis(SEED, TINY);
    while world.traders.len() < TRADERS {
        let mut input = world.input();
        for _ in 0..TINY.deposits {
            let trader = world.newcomer();
            input.deposits.push(world.deposit(trader, MONEY));
        }
        world.apply(input);
    }
    world
}

pub fn id(n: i64) -> InstrumentId {
    InstrumentId::new(n).unwrap()
}

pub fn slot(n: i64) -> AccountSlot {
    AccountSlot::new(n).unwrap()
}

pub fn lots(n: i64) -> Lots {
    Lots::new(n).unwrap()
}

pub fn ticks(n: i64) -> Ticks {
    Ticks::new(n).unwrap()
}

pub fn per_lot(n: i64) -> PerLot {
    PerLot::new(n).unwrap()
}

pub fn charge(n: i64) -> Charge {
    Charge::new(n).unwrap()
}

/// Changes a listed instrument.
pub fn edit(world: &mut World, instrument: i64, change: impl FnOnce(&mut MarketLeaf)) {
    let mut leaf = world.markets.get(id(instrument)).unwrap().clone();
    change(&mut leaf);
    world.markets.update([(id(instrument), leaf)], world.time).unwrap();
}

/// Writes an instrument's settlement value.
pub fn settle(world: &mut World, instrument: i64, value: i64) {
    edit(world, instrument, |leaf| {
        leaf.status = Status::Settled;
        leaf.settlement = per_lot(value);
    });
}

/// Buyer, seller, instrument, lots: traded at the mark and applied.
pub fn trade(world: &mut World, trades: &[(usize, usize, i64, i64)]) {
    let mut input = world.input();
    for (buyer, seller, instrument, n) in trades {
        input.fills.extend(world.trade(*buyer, *seller, id(*instrument), *n));
    }
    world.apply(input);
}

/// Applies a valid batch; also gives the ledger before it.
pub fn apply(world: &mut World, input: BatchInput) -> (Ledger, BatchTrace) {
    let before = world.ledger.clone();
    let trace = world.apply(input);
    (before, trace)
}

/// The trace of a batch as if the rules it breaks did not exist, and what it breaks.
pub fn lenient(world: &World, input: BatchInput) -> (BatchTrace, Vec<Rejection>) {
    let mut guard = Guard::Lenient(Vec::new());
    let trace = world.ledger.clone().apply_guarded(TINY, &world.markets, input, &mut guard).unwrap();
    let Guard::Lenient(broken) = guard else { unreachable!("the guard stays lenient") };
    (trace, broken)
}

/// One run of the circuit.
pub struct Run {
    pub failures: Vec<Failure>,
    pub hints: Vec<Hint>,
}

impl Run {
    pub fn of(trace: &BatchTrace, public: &PublicData, lies: &[Lie]) -> Run {
        let mut cs = Cs::new(Mode::Check, lies);
        batch::synthesize(&mut cs, &trace.size, Some((trace, public)));
        Run { failures: cs.failures().to_vec(), hints: cs.hints().to_vec() }
    }

    pub fn names(&self) -> Names {
        self.failures.iter().map(|f| f.name).collect()
    }

    fn values(&self, lane: &str, name: &str) -> Vec<Fr> {
        self.hints.iter().filter(|h| h.lane == lane && h.name == name).map(|h| h.value).collect()
    }

    /// The public data that goes with these wires: D read back from the partial sums of y, c from the sponge's last state.
    pub fn public(&self, z: Fr) -> PublicData {
        let sums = self.values("evaluation", "link.evaluation");
        let inverse = z.inverse().expect("z is a hash");
        let mut words: Vec<Fr> = sums.windows(2).map(|p| p[1] * inverse - p[0]).collect();
        words.push(self.values("header", "header.word")[0]);
        words.reverse();
        let sponge = self.values("commitment", "link.commitment");
        PublicData::from_words(words, sponge[sponge.len() - novation_state::public_data::RATE])
    }
}

/// What stops a prover who publishes whatever goes with the lies: D and c are those of the wires.
///
/// The public data is thus only a claim; that the contract holds it against its own storage is the contract's part.
pub fn strongest(trace: &BatchTrace, lies: &[Lie]) -> Names {
    let public = PublicData::of(trace);
    let first = Run::of(trace, &public, lies);
    // c and y enter nothing but the last two equations. Whatever else fails does so for other public data as well.
    if !lies.iter().any(|lie| ["commitment", "evaluation"].contains(&lie.lane)) {
        let mut others = first.names();
        others.remove("link.commitment");
        others.remove("link.evaluation");
        // One is looked at again with the forger's own public data: is it really the only one?
        if others.len() > 1 {
            return others;
        }
    }
    let own = first.public(public.z);
    if own == public {
        return first.names();
    }
    Run::of(trace, &own, lies).names()
}

pub fn names(list: &[&'static str]) -> Names {
    list.iter().copied().collect()
}

pub fn lie(lane: &'static str, index: usize, name: &'static str, nth: usize, value: impl Into<Fr>) -> Lie {
    Lie { lane, index, name, nth, value: value.into() }
}

/// Adds to a trace's new cash.
pub fn add_cash(trace: &mut BatchTrace, entry: usize, micro: i128) {
    let leaf = trace.accounts[entry].after.as_mut().unwrap();
    leaf.cash = Cash::new(leaf.cash.get() + micro).unwrap();
}

/// Makes salts, leaves, paths and the new root agree with the new leaves, so that only the attacked rule is broken.
pub fn reseal(before: &Ledger, trace: &mut BatchTrace) {
    let (e, batch) = (trace.ephemeral, trace.header.batch);
    for entry in &mut trace.accounts {
        if let Some(leaf) = &mut entry.after {
            leaf.salt = salt(shared_secret(&e, &leaf.viewing), batch, entry.slot);
        }
    }
    let house = &mut trace.house.after;
    house.salt = salt(shared_secret(&e, &house.viewing), batch, HOUSE);
    repath(before, trace);
}

/// Makes paths and the new root agree with the new leaves, salts as they are.
pub fn repath(before: &Ledger, trace: &mut BatchTrace) {
    let mut running = before.tree().running();
    for entry in &mut trace.accounts {
        let index = entry.slot.get() as u64;
        entry.path = match &entry.after {
            Some(leaf) => running.set(index, leaf.hash()),
            None => running.path(index),
        };
    }
    trace.house.path = running.set(HOUSE.get() as u64, trace.house.after.hash());
    trace.header.new_root = running.root();
}

/// Makes order slots, their paths and orders roots agree with the messages of a trace, then [`reseal`]s.
pub fn reorder(before: &Ledger, trace: &mut BatchTrace) {
    for entry in &mut trace.accounts {
        let (Some(old), Some(leaf)) = (before.account(entry.slot), &mut entry.after) else { continue };
        let mut slots = old.orders.clone();
        for o in trace.orders.iter_mut().filter(|o| o.order.binding.account == entry.slot) {
            let (at, nonce, message) = (o.order.binding.order_slot, o.order.binding.nonce, o.order.hash());
            o.slot_before = slots.get(at);
            o.path = slots.path(at);
            let same = o.slot_before.nonce == nonce;
            let carried = if same { o.slot_before.filled.get() } else { 0 };
            slots.set(at, OrderSlot { nonce, message, filled: lots(carried + o.fill.get()) });
        }
        for c in trace.commands.iter_mut().filter(|c| c.command.binding.account == entry.slot) {
            let (at, nonce, message) = (c.command.binding.order_slot, c.command.binding.nonce, c.command.hash());
            c.slot_before = slots.get(at);
            c.path = slots.path(at);
            slots.set(at, OrderSlot { nonce, message, filled: Lots::ZERO });
            if matches!(c.command.action, Action::Epoch | Action::Rotate { .. }) {
                slots = Default::default();
            }
        }
        leaf.orders_root = slots.root();
    }
    reseal(before, trace);
}

/// Signs a command anew after changing it.
pub fn recommand(world: &World, trader: usize, order_slot: u8, action: Action) -> Command {
    Command { binding: world.binding(trader, order_slot), action }
}
