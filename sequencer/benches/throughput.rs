//! How fast the sequencer's core is: orders taken in, windows held and batches made, in CPU seconds of this process.
//!
//! `cargo bench -p novation-sequencer --bench throughput -- [traders] [orders a trader]`

use novation_sequencer::log::Head;
use novation_sequencer::{Config, Effect, Engine, Event, Execution, Input, SignedOrder};
use novation_state::leaf::Status;
use novation_state::message::{Order, Side};
use novation_state::size::LARGE;
use novation_state::testkit::World;
use novation_state::units::{Fee, InstrumentId, Lots, Ticks, Time};
use rand::Rng;
use std::time::Instant;

fn main() {
    // Cargo tells every bench that it is one.
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--bench").collect();
    let argument = |n: usize, or: usize| arguments.get(n).map_or(or, |s| s.parse().expect("a number"));
    let (traders, each) = (argument(1, 200), argument(2, 25));
    let mut world = World::genesis(7, LARGE);
    let ledger = world.ledger.clone();
    let root = Head::genesis(ledger.deployment().id).root;
    let circuit = Box::new(|_: &_| Ok(()));
    let config = Config { size: LARGE, max_unproven: u64::MAX, secret: [7; 32], circuit };
    let mut engine = Engine::new(config, ledger, world.markets.clone(), root);
    let time = world.time;
    let step = |engine: &mut Engine, event| engine.step(Input { time, event });

    for index in 0..traders {
        let trader = world.newcomer();
        let deposit = world.deposit(trader, 1_000_000_000_000);
        step(&mut engine, Event::Deposit { index: index as u64, deposit });
        if index % LARGE.deposits == LARGE.deposits - 1 || index + 1 == traders {
            step(&mut engine, Event::Batch);
        }
    }
    let live: Vec<(InstrumentId, i64)> = (world.markets.iter())
        .filter(|(_, leaf)| leaf.status != Status::Settled)
        .map(|(id, leaf)| (id, leaf.mark.get()))
        .collect();
    let mut orders = Vec::with_capacity(traders * each);
    for n in 0..traders * each {
        let (trader, slot) = (n % traders, (n / traders) as u8);
        let (instrument, mark) = live[world.rng.gen_range(0..live.len())];
        let side = if world.rng.gen() { Side::Buy } else { Side::Sell };
        let mut order: Order = world.order(trader, instrument, side, 1);
        order.binding.order_slot = slot;
        order.binding.nonce = 1;
        order.fee_cap = Fee::MAX;
        order.lots = Lots::new(world.rng.gen_range(1..20)).expect("few lots");
        order.valid_until = Time::MAX;
        let away = world.rng.gen_range(-5..50) * (mark / 1_000 + 1) * side.sign() as i64;
        order.limit = Ticks::new((mark - away).max(0)).expect("near the mark");
        let signature = world.sign(order.binding.account, order.hash());
        orders.push(SignedOrder { order, signature, execution: Execution::UntilValid });
    }

    let cpu = Cpu::start();
    let mut accepted = 0;
    for signed in orders {
        accepted += usize::from(step(&mut engine, Event::Order(signed)).len() > 1);
    }
    cpu.report(&format!("{accepted} orders taken in"), accepted);
    for n in 1..=3 {
        let resting: usize = (0..traders).map(|t| engine.resting(world.traders[t].slot).count()).sum();
        let cpu = Cpu::start();
        step(&mut engine, Event::Window);
        cpu.report(&format!("window {n} over {resting} resting orders"), resting);
        let cpu = Cpu::start();
        let effects = step(&mut engine, Event::Batch);
        let Some(Effect::BatchReady(trace)) = effects.last() else { panic!("no batch: {effects:?}") };
        cpu.report(&format!("batch {n} of {} fills", trace.orders.len()), trace.orders.len().max(1));
    }
}

/// CPU and wall time of this process.
struct Cpu {
    ticks: u64,
    wall: Instant,
}

impl Cpu {
    fn ticks() -> u64 {
        // User and system time, fields 14 and 15, in hundredths of a second.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
    }

    fn start() -> Cpu {
        Cpu { ticks: Cpu::ticks(), wall: Instant::now() }
    }

    fn report(&self, what: &str, count: usize) {
        let cpu = (Cpu::ticks() - self.ticks) as f64 / 100.0;
        let each = cpu * 1e6 / count.max(1) as f64;
        println!("{what}: {cpu:.2} CPU s, {:.2} s wall, {each:.0} us each", self.wall.elapsed().as_secs_f64());
    }
}
