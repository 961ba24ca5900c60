//! `novation keys`.

use super::key_folder;
use crate::cli::Keys;
use crate::demo::screen::Screen;
use cpu_time::ProcessTime;
use novation_prover::batch::circuit;
use novation_prover::keyfile::verifying_key_checksum;
use novation_prover::{CircuitId, KeyStore};
use novation_state::size::CIRCUIT_VERSION;

/// Makes the key of a size, unless it is there.
pub fn run(args: &Keys) -> anyhow::Result<()> {
    let screen = Screen::detect();
    let cpu = ProcessTime::now();
    let r1cs = circuit(&args.size)?;
    let id = CircuitId::new(CIRCUIT_VERSION, args.size.name, &r1cs);
    let store = KeyStore::new(key_folder(args.keys.keys.as_ref()));
    let (key, origin) = {
        let watch = screen.watch(format!("{} key", args.size.name));
        store.open_or_generate(&id, &r1cs, &watch)?
    };
    let checksum: String = verifying_key_checksum(&key.verifying).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("circuit {id}: {} constraints", r1cs.matrices().num_constraints());
    println!(
        "key {}, {:.1} CPU s: {}",
        format!("{origin:?}").to_lowercase(),
        cpu.elapsed().as_secs_f64(),
        store.path(&id).display()
    );
    println!("verifying key {checksum}");
    println!("made by one machine: fine for development, not for value");
    Ok(())
}
