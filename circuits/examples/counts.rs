//! Prints where the constraints of a size go: `cargo run --release -p novation-circuits --example counts -- demo`.

use novation_circuits::batch;
use novation_state::size::Size;

fn main() {
    let name = std::env::args().nth(1).unwrap_or_else(|| "tiny".into());
    let size = Size::by_name(&name).expect("tiny, demo or large");
    let m = batch::matrices(&size);
    println!(
        "{}: {} constraints, {} wires, nonzeros {} {} {}",
        size.name,
        m.num_constraints(),
        m.num_wires,
        m.a.columns.len(),
        m.b.columns.len(),
        m.c.columns.len()
    );
    for (lane, count) in m.lane_counts() {
        println!("{lane:>12} {count:>9}");
    }
    for ((lane, name), count) in m.name_counts() {
        println!("{lane:>12} {name:<32} {count:>9}");
    }
}
