//! `novation prove`.

use super::key_folder;
use crate::cli::Prove;
use crate::demo::screen::Screen;
use anyhow::Context;
use novation_gpu::choose;
use novation_prover::batch::circuit_of;
use novation_prover::dump::prove_file;
use novation_prover::KeyStore;
use novation_verifier::groth16::snarkjs;

/// Proves a dumped witness and writes what snarkjs reads.
pub fn run(args: &Prove) -> anyhow::Result<()> {
    let screen = Screen::detect();
    let chosen = choose(&args.backend)?;
    screen.say(format!("prover: {}", chosen.reason));
    let keys = KeyStore::new(key_folder(args.keys.keys.as_ref()));
    let (proved, prover, origin) = {
        let watch = screen.watch("proving");
        prove_file(&args.file, circuit_of, &keys, chosen.backend, &watch)
            .with_context(|| format!("{} was not proven", args.file.display()))?
    };
    let folder = &args.output;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write("proof.json", snarkjs::proof_json(&proved.proof))?;
    write("public.json", snarkjs::public_inputs_json(&proved.public_inputs))?;
    write("verification_key.json", snarkjs::verifying_key_json(prover.verifying_key()))?;

    println!("proven by {} with a key that was {}", proved.backend, format!("{origin:?}").to_lowercase());
    for cost in &proved.costs {
        println!(
            "  {:<10} {:>7.2} CPU s {:>7.2} s",
            cost.stage.to_string(),
            cost.cpu.as_secs_f64(),
            cost.wall.as_secs_f64()
        );
    }
    println!("written to {}: proof.json, public.json, verification_key.json", folder.display());
    Ok(())
}
