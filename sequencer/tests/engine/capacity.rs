//! What fits: a window into a batch, windows into one batch, batches into what may be unproven.

use crate::harness::*;
use novation_sequencer::io::Item;
use novation_sequencer::reason::{Deferred, Refused, Waiting};
use novation_sequencer::{Effect, Event};
use novation_state::message::Side;
use novation_state::reject::{Lane, Rejection};
use novation_state::size::{Size, DEMO, TINY};
use novation_state::units::{Time, Window};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

const RICH: i128 = 1_000_000_000;

fn window(n: i64) -> Window {
    Window::new(n).unwrap()
}

#[test]
fn window_with_more_fills_than_a_batch_holds_fills_the_earliest_of_both_sides() {
    let mut venue = Venue::new(TINY, vec![perpetual()], 10, RICH);
    // All buys come before all sells: taking the earliest four orders would leave nobody to trade with.
    let buys: Vec<u64> = (0..5).map(|trader| venue.buy(trader, 1, 2, 1_000)).collect();
    let sells: Vec<u64> = (5..10).map(|trader| venue.sell(trader, 1, 2, 1_000)).collect();
    let effects = venue.window();
    let full =
        |positions: &[u64]| -> Vec<_> { positions.iter().map(|p| (*p, Deferred::WindowFull(Lane::Orders))).collect() };
    assert_eq!(deferred(&effects), [full(&buys[2..]), full(&sells[2..])].concat());
    venue.batch();
    assert_eq!(trades(&venue.auctions), [(1_000, vec![(buys[0], 2), (buys[1], 2), (sells[0], 2), (sells[1], 2)])]);
    for _ in 0..2 {
        venue.window();
        venue.batch();
    }
    let filled: Vec<u64> = venue.auctions.iter().flat_map(|a| a.fills.iter().map(|f| f.position)).collect();
    assert_eq!(filled[4..], [buys[2], buys[3], sells[2], sells[3], buys[4], sells[4]]);
}

#[test]
fn orders_that_would_not_trade_take_no_room() {
    let mut venue = Venue::new(TINY, vec![perpetual()], 10, RICH);
    for trader in 0..8 {
        venue.buy(trader, 1, 2, 900);
    }
    let late = venue.buy(8, 1, 2, 1_000);
    let sell = venue.sell(9, 1, 2, 1_000);
    assert_eq!(deferred(&venue.window()), []);
    venue.batch();
    assert_eq!(trades(&venue.auctions), [(1_000, vec![(late, 2), (sell, 2)])]);
}

#[test]
fn window_keeps_within_the_rows_that_its_accounts_need() {
    // Three pairs with three positions each: two pairs with one common new instrument need seven of the eight rows, three ten.
    let leaves = (0..10).map(|_| perpetual()).collect();
    let size = Size { accounts: 8, orders: 8, ..TINY };
    let mut venue = Venue::new(size, leaves, 6, RICH);
    for (pair, instruments) in [(0, 1..=3), (1, 4..=6), (2, 7..=9)] {
        for instrument in instruments {
            venue.buy(2 * pair, instrument, 1, 1_000);
            venue.sell(2 * pair + 1, instrument, 1, 1_000);
            venue.window();
            venue.batch();
        }
    }
    let orders: Vec<u64> =
        (0..3).flat_map(|pair| [venue.buy(2 * pair, 10, 1, 1_000), venue.sell(2 * pair + 1, 10, 1, 1_000)]).collect();
    let full = |position| (position, Deferred::WindowFull(Lane::Rows));
    assert_eq!(deferred(&venue.window()), [full(orders[4]), full(orders[5])]);
    venue.batch();
    let filled: Vec<u64> = venue.auctions.last().unwrap().fills.iter().map(|f| f.position).collect();
    assert_eq!(filled, orders[..4]);
    let used = venue.batches.last().unwrap().rows.iter().filter(|row| row.leaf.is_some()).count();
    assert_eq!(used, 7);
    assert_eq!(deferred(&venue.window()), []);
}

#[test]
fn windows_share_a_batch_as_far_as_they_fit() {
    let mut venue = Venue::new(DEMO, vec![perpetual()], 8, RICH);
    // Six fills a window: three of them are more than 16 orders.
    for _ in 0..3 {
        for pair in 0..3 {
            venue.buy(2 * pair, 1, 1, 1_000);
            venue.sell(2 * pair + 1, 1, 1, 1_000);
        }
        venue.window();
    }
    venue.buy(6, 1, 1, 900);
    venue.window();
    let effects = venue.batch();
    let third = Item::Window(window(3));
    let lane = Waiting::Lane(Lane::Orders);
    assert!(effects.iter().any(|e| matches!(e, Effect::Waiting { item, reason } if *item == third && *reason == lane)));
    let header = venue.batches.last().unwrap().header.clone();
    assert_eq!((header.window_first, header.window_last), (window(1), window(2)));
    venue.batch();
    let header = venue.batches.last().unwrap().header.clone();
    // The fourth window did not trade and goes along.
    assert_eq!((header.window_first, header.window_last), (window(3), window(4)));
    venue.batch();
    let header = venue.batches.last().unwrap().header.clone();
    assert_eq!((header.window_first, header.window_last), (window(5), window(4)));
}

#[test]
fn batch_is_full_when_something_waits_for_want_of_room_and_for_no_other_reason() {
    let mut venue = Venue::new(DEMO, vec![perpetual()], 8, RICH);
    let mut seen = vec![(venue.engine.backlog().windows, venue.engine.batch_is_full())];
    // Six fills a window: three of them are more than 16 orders.
    for _ in 0..3 {
        for pair in 0..3 {
            venue.buy(2 * pair, 1, 1, 1_000);
            venue.sell(2 * pair + 1, 1, 1, 1_000);
        }
        venue.window();
        seen.push((venue.engine.backlog().windows, venue.engine.batch_is_full()));
    }
    assert_eq!(seen, [(0, false), (1, false), (2, false), (3, true)]);
    venue.batch();
    assert_eq!((venue.engine.backlog().windows, venue.engine.batch_is_full()), (1, false));
    // A window that used other markets waits for the next batch, however much room there is.
    venue.change(id(1), |leaf| leaf.mark = ticks(1_001));
    venue.buy(0, 1, 1, 1_000);
    venue.sell(1, 1, 1, 1_000);
    venue.window();
    assert_eq!((venue.engine.backlog().windows, venue.engine.batch_is_full()), (2, false));
    let effects = venue.batch();
    let waits = (Item::Window(window(4)), Waiting::OtherMarkets);
    assert!(effects
        .iter()
        .any(|e| matches!(e, Effect::Waiting { item, reason } if (*item, reason) == (waits.0, &waits.1))));
}

#[test]
fn windows_of_two_markets_roots_go_into_two_batches() {
    let mut venue = Venue::new(DEMO, vec![perpetual()], 4, RICH);
    let trade = |venue: &mut Venue| {
        venue.buy(0, 1, 1, 1_000);
        venue.sell(1, 1, 1, 1_000);
        venue.window();
    };
    trade(&mut venue);
    let time = venue.world.time;
    venue.wait(7);
    trade(&mut venue);
    venue.change(id(1), |leaf| leaf.mark = ticks(1_001));
    trade(&mut venue);
    trade(&mut venue);
    let number = venue.markets.number();
    assert_eq!(waiting(&venue.batch()), [Waiting::OtherMarkets, Waiting::EarlierWindow]);
    assert_eq!(waiting(&venue.batch()), []);
    let header = |k: usize| &venue.batches[venue.batches.len() - 1 - k].header;
    assert_eq!((header(1).markets_number, header(0).markets_number), (number - 1, number));
    // A batch has the time of its first window: everything its windows filled was valid then.
    assert_eq!((header(1).time, header(0).time), (time, venue.world.time));
}

#[test]
fn position_slot_freed_in_a_batch_is_used_in_the_next() {
    let leaves = (0..5).map(|_| perpetual()).collect();
    let mut venue = Venue::new(TINY, leaves, 3, RICH);
    for instrument in 1..=4 {
        venue.buy(0, instrument, 1, 1_000);
        venue.sell(1, instrument, 1, 1_000);
        venue.window();
        venue.batch();
    }
    venue.sell(0, 1, 1, 1_000);
    venue.buy(1, 1, 1, 1_000);
    venue.window();
    venue.buy(0, 5, 1, 1_000);
    venue.sell(1, 5, 1, 1_000);
    venue.window();
    let account = venue.account(0);
    assert_eq!(waiting(&venue.batch()), [Waiting::NoFreeSlot { account }]);
    assert_eq!(waiting(&venue.batch()), []);
    assert_eq!((venue.held(0, 1), venue.held(0, 5)), (0, 1));
}

#[test]
fn reduce_only_fill_goes_into_the_batch_after_the_one_that_opens() {
    let mut venue = Venue::new(TINY, vec![perpetual()], 3, RICH);
    venue.buy(0, 1, 5, 1_000);
    venue.sell(1, 1, 5, 1_000);
    venue.window();
    let mut reduce = venue.order(0, 1, Side::Sell, 9, 1_000);
    reduce.reduce_only = true;
    venue.send(reduce);
    venue.buy(1, 1, 9, 1_000);
    venue.window();
    let account = venue.account(0);
    assert_eq!(waiting(&venue.batch()), [Waiting::ReduceOnly { account, instrument: id(1) }]);
    assert_eq!(venue.held(0, 1), 5);
    venue.batch();
    assert_eq!(venue.held(0, 1), 0);
}

#[test]
fn what_is_older_in_the_log_goes_first_and_nothing_waits_for_ever() {
    let mut venue = Venue::new(TINY, vec![perpetual()], 8, RICH);
    for round in 0..4 {
        // A deposit to an account that does not trade, then a window that needs every account entry.
        venue.deposit(6 + round % 2, 5);
        for trader in [0, 1] {
            venue.buy(trader, 1, 1, 1_000);
            venue.sell(trader + 2, 1, 1, 1_000);
        }
        venue.window();
    }
    let effects = venue.batch();
    assert_eq!(venue.batches.last().unwrap().deposits.len(), 2);
    assert_eq!(waiting(&effects)[0], Waiting::Lane(Lane::Accounts));
    for _ in 0..8 {
        venue.batch();
    }
    assert_eq!(venue.auctions.len(), 4);
    assert_eq!(venue.engine.ledger().head().deposits, 8 + 4);
}

#[test]
fn every_batch_rewrites_as_many_accounts_as_its_size_says() {
    let mut venue = Venue::new(DEMO, vec![perpetual()], 20, RICH);
    venue.buy(0, 1, 1, 1_000);
    venue.sell(1, 1, 1, 1_000);
    venue.window();
    for _ in 0..3 {
        venue.batch();
    }
    for trace in venue.batches.iter().rev().take(3) {
        let rewritten = trace.accounts.iter().filter(|a| a.before.is_some() && a.before != a.after).count();
        assert_eq!(rewritten, DEMO.accounts);
    }
    let slots = |k: usize| -> Vec<_> { venue.batches[k].accounts.iter().map(|a| a.slot).collect() };
    let last = venue.batches.len() - 1;
    assert_ne!(slots(last), slots(last - 1));
}

fn small(max_unproven: u64) -> (Venue, Arc<AtomicBool>) {
    let holds = Arc::new(AtomicBool::new(true));
    let seen = holds.clone();
    let circuit = Box::new(move |_: &_| match seen.load(Ordering::Relaxed) {
        true => Ok(()),
        false => Err("account.margin".into()),
    });
    let mut venue = Venue::empty(1, TINY, max_unproven, circuit);
    venue.change_markets(vec![(id(1), perpetual())]);
    for trader in 0..2 {
        venue.world.newcomer();
        venue.deposit(trader, RICH);
    }
    venue.batch();
    (venue, holds)
}

#[test]
fn at_the_bound_of_unproven_batches_windows_and_batches_wait_and_orders_do_not() {
    let (mut venue, _) = small(2);
    venue.batch();
    let bound = Refused::Unproven { unproven: 2, bound: 2 };
    assert_eq!(refusal(&venue.window()), Some(&bound));
    assert_eq!(refusal(&venue.step(Event::Batch)), Some(&bound));
    venue.buy(0, 1, 1, 1_000);
    venue.sell(1, 1, 1, 1_000);

    let order = Refused::ProofOrder { batch: 2, expected: 1 };
    assert_eq!(refusal(&venue.step(Event::Proven { batch: 2 })), Some(&order));
    assert!(refusal(&venue.step(Event::Proven { batch: 1 })).is_none());
    venue.window();
    venue.batch();
    assert_eq!(venue.held(0, 1), 1);
    for batch in [2, 3] {
        assert!(refusal(&venue.step(Event::Proven { batch })).is_none());
    }
    let nothing = Refused::NothingUnproven { batch: 4 };
    assert_eq!(refusal(&venue.step(Event::Proven { batch: 4 })), Some(&nothing));
}

#[test]
fn batch_that_does_not_satisfy_the_circuit_announces_nothing_and_changes_nothing() {
    let (mut venue, holds) = small(10);
    let buy = venue.buy(0, 1, 1, 1_000);
    let sell = venue.sell(1, 1, 1, 1_000);
    venue.window();
    holds.store(false, Ordering::Relaxed);
    let before = (venue.engine.log(), venue.engine.ledger().clone());
    let effects = venue.step(Event::Batch);
    assert_eq!(refusal(&effects), Some(&Refused::Unsatisfied("account.margin".into())));
    assert_eq!((venue.engine.log(), venue.engine.ledger().clone()), before);
    assert_eq!(venue.auctions, []);
    holds.store(true, Ordering::Relaxed);
    venue.batch();
    assert_eq!(trades(&venue.auctions), [(1_000, vec![(buy, 1), (sell, 1)])]);
}

#[test]
fn auctioned_windows_wait_for_a_batch_up_to_their_bound() {
    let (mut venue, _) = small(10);
    for _ in 0..64 {
        venue.buy(0, 1, 1, 1_000);
        venue.sell(1, 1, 1, 1_000);
        assert_eq!(refusal(&venue.window()), None);
    }
    let bound = Refused::Unbatched { windows: 64, bound: 64 };
    assert_eq!(refusal(&venue.window()), Some(&bound));
    venue.batch();
    assert_eq!(refusal(&venue.window()), None);
}

#[test]
fn nothing_happens_before_its_time_or_without_markets() {
    let mut venue = Venue::empty(1, TINY, 1, satisfied());
    assert_eq!(refusal(&venue.window()), Some(&Refused::Rule(Rejection::NoMarkets)));
    assert_eq!(refusal(&venue.step(Event::Batch)), Some(&Refused::Rule(Rejection::NoMarkets)));
    venue.change_markets(vec![(id(1), perpetual())]);
    let last = venue.world.time;
    venue.world.time = Time::new(last.get() - 1).unwrap();
    let back = Refused::TimeWentBack { time: venue.world.time, last };
    assert_eq!(refusal(&venue.window()), Some(&back));
}

#[test]
#[should_panic(expected = "rows >= 2 * slots")]
fn size_in_which_two_accounts_may_not_fit_is_refused() {
    let ledger = novation_state::testkit::World::genesis(1, TINY).ledger;
    let size = Size { rows: 7, ..TINY };
    novation_sequencer::Engine::new(config(size, 1, satisfied()), ledger, Default::default(), 0.into());
}
