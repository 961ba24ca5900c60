//! `novation keys`.

use super::key_folder;
use crate::cli::Keys;
use crate::demo::screen::Screen;
use anyhow::Context;
use cpu_time::ProcessTime;
use novation_prover::batch::circuit;
use novation_prover::iden3::read_zkey;
use novation_prover::keyfile::verifying_key_checksum;
use novation_prover::{CircuitId, KeyStore};
use novation_state::size::CIRCUIT_VERSION;

/// Makes the key of a size, unless it is there; or keeps one that a ceremony made, unless another is there.
pub fn run(args: &Keys) -> anyhow::Result<()> {
    let screen = Screen::detect();
    let cpu = ProcessTime::now();
    let r1cs = circuit(&args.size)?;
    let id = CircuitId::new(CIRCUIT_VERSION, args.size.name, &r1cs);
    let store = KeyStore::new(key_folder(args.keys.keys.as_ref()));
    let (key, origin) = {
        let watch = screen.watch(format!("{} key", args.size.name));
        if let Some(zkey) = &args.zkey {
            let key = read_zkey(zkey, &r1cs).with_context(|| format!("{} was not taken", zkey.display()))?;
            store.install(&id, &r1cs, &key)?;
        }
        // Read back, or made.
        store.open_or_generate(&id, &r1cs, &watch)?
    };
    let origin = if args.zkey.is_some() { "from a ceremony".to_owned() } else { format!("{origin:?}").to_lowercase() };
    let checksum: String = verifying_key_checksum(&key.verifying).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("circuit {id}: {} constraints", r1cs.matrices().num_constraints());
    println!("key {origin}, {:.1} CPU s: {}", cpu.elapsed().as_secs_f64(), store.path(&id).display());
    println!("verifying key {checksum}");
    if args.zkey.is_none() && origin != "cached" {
        println!("made by one machine: fine for development, not for value");
    }
    Ok(())
}
