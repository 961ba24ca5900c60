//! Random days at a venue: every batch is repeated by the auditor, and the log is replayed from its entries alone.

use crate::harness::*;
use novation_sequencer::io::AuctionResult;
use novation_sequencer::log::Head;
use novation_sequencer::reason::Refused;
use novation_sequencer::{Effect, Engine, Event, Execution};
use novation_state::leaf::Status;
use novation_state::markets::Markets;
use novation_state::message::{Action, Order, Side};
use novation_state::size::{Size, DEMO, TINY};
use novation_state::testkit::World;
use novation_state::units::{InstrumentId, Time};
use rand::seq::SliceRandom;
use rand::Rng;
use std::collections::BTreeMap;

/// Moves the markets as the feed has it.
fn tick(venue: &mut Venue, seconds: i64) {
    venue.wait(seconds);
    let mut next = venue.markets.clone();
    let World { feed, rng, time, .. } = &mut venue.world;
    feed.tick(&mut next, *time, rng);
    let changed = |(id, leaf): &(InstrumentId, &_)| venue.markets.get(*id) != Some(leaf);
    let changes = next.iter().filter(changed).map(|(id, leaf)| (id, leaf.clone())).collect();
    venue.change_markets(changes);
}

fn draw_order(venue: &mut Venue) -> Option<Order> {
    let open = |leaf: &&novation_state::leaf::MarketLeaf| leaf.status != Status::Settled;
    let live: Vec<_> =
        venue.markets.iter().filter(|(_, leaf)| open(leaf)).map(|(id, leaf)| (id, leaf.mark.get())).collect();
    // Few instruments take most of the orders, so that books cross.
    let pick = venue.world.rng.gen_range(0..live.len()).min(venue.world.rng.gen_range(0..live.len()));
    let (instrument, mark) = live[pick];
    let opened = (0..venue.world.traders.len())
        .filter(|t| venue.engine.ledger().account(venue.account(*t)).is_some())
        .collect::<Vec<_>>();
    let trader = *opened.choose(&mut venue.world.rng)?;
    let rng = &mut venue.world.rng;
    let side = if rng.gen() { Side::Buy } else { Side::Sell };
    let better = rng.gen_range(-20..=10) * mark.max(100) / 1_000 * side.sign() as i64;
    let limit = (mark - better).max(0);
    let (quantity, pegged, reduce_only) = (rng.gen_range(1..200), rng.gen_ratio(1, 5), rng.gen_ratio(1, 6));
    let (offset, valid, slot) = (rng.gen_range(-50..50), rng.gen_range(0..1_000), rng.gen_range(0..250u8));
    let mut order = venue.order(trader, instrument.get(), side, quantity, limit);
    if rand::Rng::gen_ratio(&mut venue.world.rng, 1, 4) {
        // An order slot that may hold another order: replaces it.
        order.binding = venue.binding(trader, slot % 4 + 200);
    }
    order.peg_offset = pegged.then_some(offset);
    order.reduce_only = reduce_only;
    order.valid_until = Time::new(venue.world.time.get() + valid).unwrap();
    Some(order)
}

/// What a day was made of.
#[derive(Debug, Default)]
pub struct Day {
    orders: usize,
    refused: usize,
    deferred: usize,
    waiting: usize,
    dropped: usize,
    windows: usize,
    fills: usize,
    commands: usize,
    combined: usize,
    decoys: usize,
    rolls: usize,
}

pub fn run(seed: u64, size: Size, steps: usize) -> (Venue, Day) {
    let mut venue = Venue::empty(seed, size, 3, satisfied());
    tick(&mut venue, 0);
    for _ in 0..size.accounts + 4 {
        let trader = venue.world.newcomer();
        let amount = venue.world.rng.gen_range(2_000_000_000..60_000_000_000);
        venue.deposit(trader, amount);
    }
    let mut day = Day::default();
    for _ in 0..steps {
        let effects = match venue.world.rng.gen_range(0..100) {
            0..=64 => match draw_order(&mut venue) {
                Some(order) => {
                    day.orders += 1;
                    let execution =
                        if venue.world.rng.gen_ratio(1, 4) { Execution::ThisWindow } else { Execution::UntilValid };
                    venue.send_as(order, execution)
                }
                None => continue,
            },
            65..=68 => {
                let trader = venue.world.rng.gen_range(0..venue.world.traders.len());
                let action = match venue.world.rng.gen_range(0..8) {
                    0 => Action::Epoch,
                    1 => venue.world.rotation(trader),
                    2 | 3 => Action::Cancel,
                    _ => {
                        let amount = venue.world.rng.gen_range(1..20_000_000_000);
                        venue.world.withdrawal(trader, amount)
                    }
                };
                venue.command(trader, action)
            }
            69..=70 => {
                let trader = venue.world.rng.gen_range(0..venue.world.traders.len());
                let amount = venue.world.rng.gen_range(1..5_000_000_000);
                venue.deposit(trader, amount)
            }
            71..=76 => {
                let seconds = venue.world.rng.gen_range(10..200);
                tick(&mut venue, seconds);
                continue;
            }
            77..=90 => {
                let seconds = venue.world.rng.gen_range(0..10);
                venue.wait(seconds);
                day.windows += 1;
                venue.window()
            }
            91..=95 => {
                let batch = venue.step(Event::Batch);
                for trader in &mut venue.world.traders {
                    let owner = venue.engine.ledger().account(trader.slot).map(|account| account.leaf.owner);
                    if owner == Some(trader.next_key.public()) {
                        trader.rotate();
                    }
                }
                batch
            }
            _ => {
                let batch = venue.engine.ledger().head().batch - venue.engine.unproven() + 1;
                venue.step(Event::Proven { batch })
            }
        };
        if let Some(reason) = refusal(&effects) {
            day.refused += 1;
            let fault = matches!(reason, Refused::BatchRefused(_) | Refused::Unsatisfied(_));
            assert!(!fault, "seed {seed}: {reason}");
        }
        day.deferred += deferred(&effects).len();
        day.waiting += waiting(&effects).len();
        day.dropped += dropped(&effects).len();
        if let Some(Effect::BatchReady(trace)) = effects.last() {
            day.fills += trace.orders.len();
            day.commands += trace.commands.len();
            let windows: std::collections::BTreeSet<_> = trace.clearings.iter().map(|c| c.window).collect();
            day.combined += usize::from(windows.len() > 1);
            let changed = |a: &&novation_state::trace::AccountTrace| match (&a.before, &a.after) {
                (Some(before), Some(after)) => {
                    (before.cash, before.positions, before.orders_root, before.epoch)
                        != (after.cash, after.positions, after.orders_root, after.epoch)
                }
                (before, _) => before.is_none(),
            };
            day.decoys += trace.accounts.iter().filter(|a| !changed(a)).count();
            let trades = |slot| trace.orders.iter().any(|o| o.order.binding.account == slot);
            day.rolls += trace.accounts.iter().filter(|a| a.touch && changed(a) && !trades(a.slot)).count();
        }
    }
    (venue, day)
}

/// Account, lots and price of each fill, by window and instrument.
type Fills = BTreeMap<(i64, i64), Vec<(i64, i64, i64)>>;

/// Auctions announced are those proven, fill by fill.
fn check_announcements(venue: &Venue) {
    let mut announced = Fills::new();
    for AuctionResult { window, instrument, price, fills, lots } in &venue.auctions {
        let of = |side: Side| fills.iter().filter(|f| f.side == side).map(|f| f.lots.wide()).sum::<i128>();
        assert_eq!((of(Side::Buy), of(Side::Sell)), (*lots, *lots));
        let mut all: Vec<_> = fills.iter().map(|f| (f.account.get(), f.lots.get(), price.get())).collect();
        all.sort_unstable();
        assert_eq!(
            announced.insert((window.get(), instrument.get()), all),
            None,
            "one auction a window and instrument"
        );
    }
    let mut proven = Fills::new();
    for trace in &venue.batches {
        for o in &trace.orders {
            let clearing = trace.clearings[o.clearing];
            let key = (clearing.window.get(), o.order.instrument.get());
            let fill = (o.order.binding.account.get(), o.fill.get(), clearing.price.get());
            proven.entry(key).or_default().push(fill);
        }
    }
    proven.values_mut().for_each(|fills| fills.sort_unstable());
    assert_eq!(announced, proven);
}

/// A second engine that is given the log's inputs and nothing else ends where the first one did.
fn check_replay(seed: u64, size: Size, venue: &Venue) {
    let ledger = World::genesis(seed, size).ledger;
    let genesis = Head::genesis(ledger.deployment().id);
    assert_eq!(genesis.follow(&venue.log), Ok(venue.engine.log()), "seed {seed}");
    let mut twin = Engine::new(config(size, 3, satisfied()), ledger, Markets::new(), genesis.root);
    let (mut log, mut batches) = (Vec::new(), Vec::new());
    for entry in &venue.log {
        for effect in twin.step(entry.input.clone()) {
            match effect {
                Effect::Logged(entry) => log.push(*entry),
                Effect::BatchReady(trace) => batches.push(trace.header),
                _ => {}
            }
        }
    }
    assert_eq!(log, venue.log, "seed {seed}");
    assert_eq!(batches, venue.batches.iter().map(|trace| trace.header.clone()).collect::<Vec<_>>(), "seed {seed}");
    assert_eq!(twin.ledger(), venue.engine.ledger(), "seed {seed}");
}

fn days(size: Size, seeds: std::ops::Range<u64>, steps: usize) {
    let mut total = Day::default();
    for seed in seeds {
        println!("{} seed {seed}", size.name);
        let (venue, day) = run(seed, size, steps);
        println!("{day:?}, {} batches, {} log entries", venue.batches.len(), venue.log.len());
        check_announcements(&venue);
        check_replay(seed, size, &venue);
        total.fills += day.fills;
        total.commands += day.commands;
        total.deferred += day.deferred;
        total.waiting += day.waiting;
        total.dropped += day.dropped;
        total.combined += day.combined;
        total.decoys += day.decoys;
        total.rolls += day.rolls;
    }
    // The days must contain what they are meant to test.
    assert!(total.fills > 200 && total.commands > 10 && total.deferred > 100, "{total:?}");
    assert!(total.waiting > 10 && total.dropped > 0 && total.combined > 5, "{total:?}");
    assert!(total.decoys > 20 && total.rolls > 0, "{total:?}");
}

#[test]
fn every_batch_of_random_days_is_accepted_conserves_and_replays_tiny() {
    days(TINY, 0..6, 1_500);
}

#[test]
fn every_batch_of_random_days_is_accepted_conserves_and_replays_demo() {
    days(DEMO, 100..104, 1_500);
}
