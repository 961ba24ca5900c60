//! `novation export`.

use super::{key_folder, prove};
use crate::cli::Export;
use crate::demo::screen::Screen;
use anyhow::Context;
use novation_prover::batch::circuit;
use novation_prover::dump::Dump;
use novation_prover::{iden3, CircuitId, KeyStore};
use novation_state::size::CIRCUIT_VERSION;
use novation_verifier::groth16::snarkjs;

/// Writes what was asked for.
pub fn run(what: &Export) -> anyhow::Result<()> {
    let output = match what {
        Export::R1cs { size, output } => {
            iden3::write_r1cs(output, &circuit(size)?)?;
            output
        }
        Export::Vk { size, output, keys } => {
            let r1cs = circuit(size)?;
            let id = CircuitId::new(CIRCUIT_VERSION, size.name, &r1cs);
            let watch = Screen::detect().watch(format!("{} key", size.name));
            let store = KeyStore::new(key_folder(keys.keys.as_ref()));
            let (key, _) = store.open_or_generate(&id, &r1cs, &watch)?;
            let text = snarkjs::verifying_key_json(&key.verifying);
            std::fs::write(output, text).with_context(|| format!("cannot write {}", output.display()))?;
            output
        }
        Export::Wtns { file, output } => {
            iden3::write_wtns(output, &Dump::load(file)?.assignment)?;
            output
        }
        Export::Proof(args) => return prove::run(args),
    };
    println!("written: {}", output.display());
    Ok(())
}
