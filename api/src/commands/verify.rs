//! `novation verify`.

use crate::cli::Verify;
use novation_verifier::check::verify_files;

/// Checks a proof and says so; a refusal is an error with its reason.
pub fn run(args: &Verify) -> anyhow::Result<()> {
    verify_files(&args.proof, &args.vk, &args.public)?;
    println!("accepted: the proof shows the batch of {}", args.public.display());
    Ok(())
}
