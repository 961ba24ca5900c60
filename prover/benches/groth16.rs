//! Ours against ark-groth16, interleaved, in CPU seconds, on the rollup-like mix: what `novation bench` prints.
//!
//! ```text
//! cargo bench -p novation-prover --bench groth16 -- [LOG_MIN [LOG_MAX [ROUNDS]]]      # defaults: 14 17 3
//! ```
//!
//! Keys are kept in the target folder, so a second run starts at once and its peak memory is that of proving alone.

use novation_gpu::choose;
use novation_prover::bench::{mix, work, Bench, Report};
use novation_prover::KeyStore;
use std::num::NonZeroU32;

fn main() {
    // `cargo bench` passes --bench.
    let args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let mut args = args.map(|arg| arg.parse::<u32>().unwrap_or_else(|_| panic!("`{arg}` is not a number")));
    let (min, max, rounds) = (args.next().unwrap_or(14), args.next().unwrap_or(17), args.next().unwrap_or(3));
    let chosen = choose("auto").expect("the CPU is always there");
    let product_s = work::product_seconds();
    let mut report = Report::new(&chosen, product_s);
    let rounds = NonZeroU32::new(rounds).expect("at least one round");
    let bench = Bench { backend: chosen.backend, rounds, product_s };
    let keys = KeyStore::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/keys/bench"));
    for log in min..=max {
        let size = bench.stored(&mix::mix(log), (&keys, mix::VERSION), true, &());
        report.sizes.push(size.expect("mix, key and backend fit each other"));
    }
    print!("{report}");
}
