//! Proves a random batch of a whole size: `cargo bench -p novation-prover --bench batch -- demo` (or tiny, large).
//!
//! Prints key origin, CPU seconds by stage and in all, and microseconds of CPU per constraint. Peak memory is for the
//! operating system to say: `/usr/bin/time -v`.

use novation_gpu::choose;
use novation_prover::batch::BatchProver;
use novation_prover::progress::{Observer, Stage, Update};
use novation_prover::KeyStore;
use novation_state::size::{Size, TINY};
use novation_state::testkit::World;
use std::sync::Mutex;

/// Prints every stage once.
struct Stages(Mutex<Option<Stage>>);

impl Observer for Stages {
    fn update(&self, update: Update) {
        let mut last = self.0.lock().expect("no panic while held");
        if *last != Some(update.stage) {
            eprintln!("{:>8.1} s  {}", update.elapsed.as_secs_f64(), update.stage);
            *last = Some(update.stage);
        }
    }
}

fn main() {
    // `cargo bench` passes --bench; `cargo test --benches` would run this too, then the tiny size is enough.
    let size = std::env::args().skip(1).find_map(|a| Size::by_name(&a)).unwrap_or(TINY);
    let observer = Stages(Mutex::new(None));
    let backend = choose("auto").expect("the CPU is always there");
    println!("backend: {}", backend.reason);
    let keys = KeyStore::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/keys"));
    let prover = BatchProver::open(size, &keys, backend.backend, &observer).expect("key");
    let constraints = prover.prover().r1cs().matrices().num_constraints();
    println!("{}: {constraints} constraints, key {:?}", size.name, prover.origin());
    let mut world = World::new(1, size);
    let trace = world.random_batch();
    let start = cpu_time::ProcessTime::now();
    let proven = prover.prove(&trace, &observer).expect("a valid batch");
    let total = start.elapsed().as_secs_f64();
    let mut staged = 0.0;
    for cost in &proven.proved.costs {
        let cpu = cost.cpu.as_secs_f64();
        staged += cpu;
        println!("{:<10} {cpu:>8.2} CPU s", cost.stage.to_string());
    }
    println!("{:<10} {:>8.2} CPU s", "witness", total - staged);
    println!("{:<10} {total:>8.2} CPU s, {:.1} us a constraint", "all", total * 1e6 / constraints as f64);
}
