//! Tree updates and transitions per second. `cargo bench -p novation-state --features testkit`
//!
//! A plain program without a harness: it prints one line a figure, wall time on all threads that rayon has.

use ark_bn254::Fr;
use novation_state::crypto::poseidon;
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::size::{Size, DEMO, LARGE, TINY};
use novation_state::tags::Tag;
use novation_state::testkit::World;
use novation_state::transition::BatchInput;
use novation_state::tree::AccountsTree;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Time spent on each figure at least.
const SPAN: Duration = Duration::from_secs(2);
/// Batches of a run; more would only repeat.
const BATCHES: usize = 12;

/// Runs `work`, which returns how much it did, until [`SPAN`] is over; the rate a second.
fn rate(mut work: impl FnMut() -> usize) -> f64 {
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < SPAN {
        done += work();
    }
    done as f64 / start.elapsed().as_secs_f64()
}

/// `count` leaves spread over the tree, other ones for every round.
fn leaves(count: u64, round: u64) -> Vec<(u64, Fr)> {
    (0..count).map(|i| ((i * 2_654_435_761 + round * 97) % AccountsTree::LEAVES, Fr::from(i + round + 1))).collect()
}

fn trees() {
    let node = rate(|| {
        black_box(poseidon::hash(Tag::Node.fr(), black_box(&[Fr::from(1), Fr::from(2), Fr::from(3), Fr::from(4)])));
        1
    });
    println!("poseidon, 4 inputs                {node:>12.0} hashes/s (one thread)");

    let mut tree = AccountsTree::new();
    tree.set_batch(&leaves(1 << 14, 0));
    let mut round = 0;
    let one_by_one = rate(|| {
        round += 1;
        let updates = leaves(64, round);
        updates.iter().for_each(|(index, leaf)| tree.set(*index, *leaf));
        updates.len()
    });
    println!("accounts tree, one by one         {one_by_one:>12.0} updates/s (one thread)");
    for count in [64, 1 << 10, 1 << 14] {
        let mut nodes = 0;
        let mut updates = 0;
        let batched = rate(|| {
            round += 1;
            nodes += tree.set_batch(&leaves(count, round));
            updates += count as usize;
            count as usize
        });
        let each = nodes as f64 / updates as f64;
        println!("accounts tree, batches of {count:<6}  {batched:>12.0} updates/s ({each:.2} hashes each)");
    }
}

/// A ledger, its markets, and batches that follow each other, made beforehand.
fn recorded(size: Size) -> (Ledger, Vec<(Markets, BatchInput)>) {
    let mut world = World::new(1, size);
    for _ in 0..BATCHES {
        world.random_batch();
    }
    let start = world.ledger.clone();
    let batches = (0..BATCHES)
        .map(|_| {
            let input = world.random_input();
            world.apply(input.clone());
            (world.markets.clone(), input)
        })
        .collect();
    (start, batches)
}

fn transitions(size: Size) {
    let (start, batches) = recorded(size);
    let fills: usize = batches.iter().map(|(_, input)| input.fills.len()).sum();
    let rate = rate(|| {
        let mut ledger = start.clone();
        for (markets, input) in &batches {
            black_box(ledger.apply(size, markets, input.clone()).expect("recorded batches are valid"));
        }
        batches.len()
    });
    let each = fills as f64 / batches.len() as f64;
    println!(
        "transitions, {:<6} {:>3} accounts   {rate:>12.1} batches/s, {:.0} entries/s, {:.0} orders/s ({each:.1} orders each)",
        size.name,
        size.accounts,
        rate * size.accounts as f64,
        rate * each,
    );
}

fn main() {
    println!("threads: {}", rayon::current_num_threads());
    trees();
    for size in [TINY, DEMO, LARGE] {
        transitions(size);
    }
}
