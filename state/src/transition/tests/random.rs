//! Properties of random batches. Seeds are in the assertions' messages; a failing one replays.

use crate::leaf::{MarketLeaf, Position};
use crate::ledger::{Ledger, HOUSE};
use crate::message::Action;
use crate::size::{Size, DEMO, LARGE, TINY};
use crate::testkit::World;
use crate::trace::BatchTrace;
use crate::transition::Guard;
use crate::tree;
use crate::units::InstrumentId;
use ark_ff::Zero;
use std::collections::BTreeMap;

/// What the batches of a run contained: a generator that stops drawing something must not go unnoticed.
#[derive(Debug, Default)]
struct Seen {
    credited: usize,
    refunded: usize,
    fills: usize,
    refills: usize,
    rolls: usize,
    commands: BTreeMap<&'static str, usize>,
    decoys: usize,
    paddings: usize,
    unwindowed: usize,
}

impl Seen {
    fn add(&mut self, trace: &BatchTrace) {
        self.credited += trace.deposits.iter().filter(|d| d.credited).count();
        self.refunded += trace.deposits.iter().filter(|d| !d.credited).count();
        self.fills += trace.orders.len();
        self.refills += trace.orders.iter().filter(|o| o.slot_before.message == o.order.hash()).count();
        self.rolls += usize::from(trace.house.before.clearing != trace.house.after.clearing);
        self.paddings += trace.accounts.iter().filter(|a| a.after.is_none()).count();
        self.unwindowed += usize::from(trace.clearings.is_empty());
        for entry in &trace.accounts {
            let decoy = |b: &crate::leaf::AccountLeaf, a: &crate::leaf::AccountLeaf| {
                b.cash == a.cash && b.orders_root == a.orders_root && b.epoch == a.epoch && !entry.touch
            };
            self.decoys +=
                usize::from(entry.before.as_ref().zip(entry.after.as_ref()).is_some_and(|(b, a)| decoy(b, a)));
        }
        for command in &trace.commands {
            let name = match command.command.action {
                Action::Withdraw { .. } => "withdraw",
                Action::Cancel => "cancel",
                Action::Epoch => "epoch",
                Action::Rotate { .. } => "rotate",
            };
            *self.commands.entry(name).or_default() += 1;
        }
    }
}

/// Cash of everybody and the house, in micro-units.
fn money(ledger: &Ledger) -> i128 {
    ledger.accounts().map(|(_, a)| a.leaf.cash.get()).sum::<i128>() + ledger.house().total()
}

/// Net lots by instrument.
fn lots(ledger: &Ledger) -> BTreeMap<InstrumentId, i128> {
    let mut sums = BTreeMap::new();
    for position in ledger.accounts().flat_map(|(_, a)| a.leaf.positions).filter(|p| !p.is_empty()) {
        *sums.entry(position.id).or_default() += position.lots.wide();
    }
    sums
}

/// Follows the roots through the entries of a trace, as the circuit does.
fn check_chain(trace: &BatchTrace) {
    let mut root = trace.header.old_root;
    for entry in &trace.accounts {
        let hash = |leaf: &Option<crate::leaf::AccountLeaf>| leaf.as_ref().map_or_else(Zero::zero, |l| l.hash());
        let index = entry.slot.get() as u64;
        assert_eq!(tree::verify(root, index, hash(&entry.before), &entry.path), Ok(()));
        root = tree::root_of(index, hash(&entry.after), &entry.path);
    }
    assert_eq!(tree::verify(root, HOUSE.get() as u64, trace.house.before.hash(), &trace.house.path), Ok(()));
    root = tree::root_of(HOUSE.get() as u64, trace.house.after.hash(), &trace.house.path);
    assert_eq!(root, trace.header.new_root);
    for row in &trace.rows {
        let leaf = row.leaf.as_ref().map_or_else(Zero::zero, MarketLeaf::hash);
        assert_eq!(tree::verify(trace.header.markets_root, row.id.get() as u64, leaf, &row.path), Ok(()));
    }
}

/// What the circuit takes for granted about the shape of a trace.
fn check_shape(trace: &BatchTrace) {
    let size = &trace.size;
    assert_eq!((trace.rows.len(), trace.accounts.len()), (size.rows, size.accounts));
    assert!(trace.rows.windows(2).all(|w| w[0].id < w[1].id));
    assert!(trace.accounts.windows(2).all(|w| w[0].slot < w[1].slot) && trace.accounts[0].slot > HOUSE);
    assert!(trace.clearings.windows(2).all(|w| (w[0].row, w[0].window) < (w[1].row, w[1].window)));
    let accounts = |i: usize| trace.orders[i].order.binding.account;
    assert!((1..trace.orders.len()).all(|i| accounts(i - 1) <= accounts(i)));
    for entry in &trace.accounts {
        let (Some(before), Some(after)) = (&entry.before, &entry.after) else { continue };
        let named = |p: &Position| if p.is_empty() { InstrumentId::ZERO } else { p.id };
        for k in 0..entry.ids.len() {
            let (q, r) = (&before.positions[k], &after.positions[k]);
            if !entry.touch {
                assert_eq!((entry.ids[k], q), (InstrumentId::ZERO, r));
                continue;
            }
            let expected = if q.is_empty() { named(r) } else { named(q) };
            assert_eq!(entry.ids[k], expected);
            assert!(r.is_empty() || r.id == expected);
        }
        assert_ne!(before.salt, after.salt);
    }
}

fn run(seed: u64, size: Size, batches: usize) -> Seen {
    let mut world = World::new(seed, size);
    let mut seen = Seen::default();
    for batch in 0..batches {
        let (cash, twin) = (money(&world.ledger), world.ledger.clone());
        let input = world.random_input();
        let trace = world.apply(input.clone());
        let at = format!("seed {seed}, batch {batch}");
        check_chain(&trace);
        check_shape(&trace);
        seen.add(&trace);

        let credited: i128 = trace.deposits.iter().filter(|d| d.credited).map(|d| d.amount.wide()).sum();
        let withdrawn: i128 = trace
            .commands
            .iter()
            .map(|c| match c.command.action {
                Action::Withdraw { amount, .. } => amount.get(),
                _ => 0,
            })
            .sum();
        assert_eq!(money(&world.ledger) - cash, credited - withdrawn, "{at}");
        for (id, sum) in lots(&world.ledger) {
            let settled = world.markets.get(id).unwrap().status == crate::leaf::Status::Settled;
            assert!(settled || sum == 0, "{at}: instrument {id} nets to {sum}");
        }

        // Replay gives the same ledger; so does another order of everything whose order says nothing.
        let mut replayed = twin.clone();
        replayed.apply(size, &world.markets, input.clone()).unwrap();
        assert_eq!(replayed, world.ledger, "{at}: replay");
        let mut shuffled = input;
        shuffled.commands.reverse();
        shuffled.touches.reverse();
        shuffled.decoys.reverse();
        shuffled.fills.sort_by_key(|f| std::cmp::Reverse(f.order.binding.account));
        let mut other = twin;
        let guard = &mut Guard::Lenient(Vec::new());
        other.apply_guarded(size, &world.markets, shuffled, guard).unwrap();
        assert_eq!(*guard, Guard::Lenient(Vec::new()), "{at}");
        assert_eq!(other, world.ledger, "{at}: another order");
    }
    seen
}

#[test]
fn random_tiny_batches_keep_every_invariant() {
    let mut all = Seen::default();
    for seed in 0..8 {
        let seen = run(seed, TINY, 40);
        all.credited += seen.credited;
        all.refunded += seen.refunded;
        all.fills += seen.fills;
        all.refills += seen.refills;
        all.rolls += seen.rolls;
        all.decoys += seen.decoys;
        all.paddings += seen.paddings;
        all.unwindowed += seen.unwindowed;
        seen.commands.into_iter().for_each(|(name, n)| *all.commands.entry(name).or_default() += n);
    }
    println!("{all:?}");
    assert!([all.credited, all.refunded, all.fills, all.refills, all.rolls].iter().all(|n| *n > 0), "{all:?}");
    assert!([all.decoys, all.paddings, all.unwindowed].iter().all(|n| *n > 0), "{all:?}");
    assert_eq!(all.commands.len(), 4, "{all:?}");
}

#[test]
fn random_demo_batches_keep_every_invariant() {
    println!("{:?}", run(100, DEMO, 12));
}

#[test]
fn random_large_batches_keep_every_invariant() {
    println!("{:?}", run(200, LARGE, 3));
}
