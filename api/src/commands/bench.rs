//! `novation bench`.

use super::key_folder;
use crate::cli::Bench as Args;
use crate::demo::screen::Screen;
use anyhow::Context;
use novation_gpu::{choose, Reduction};
use novation_prover::batch::circuit;
use novation_prover::bench::{mix, work, Bench, Report, Subject};
use novation_prover::iden3::{read_r1cs, read_wtns, read_zkey, write_r1cs, write_wtns, write_zkey};
use novation_prover::{setup, KeyStore, Proved};
use novation_state::public_data::PublicData;
use novation_state::size::{Size, CIRCUIT_VERSION};
use novation_state::testkit::World;
use novation_verifier::groth16::snarkjs;
use std::io::IsTerminal;
use std::path::Path;

/// Keys of the mix lie apart from those that contracts are deployed with.
const MIX_KEYS: &str = "bench";

/// Measures what this box can do and prints it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    // A redirected run leaves nothing on standard error but errors.
    let screen = if std::io::stderr().is_terminal() { Screen::Bars } else { Screen::Quiet };
    if let Some(folder) = &args.export {
        return export(args, folder, &screen);
    }
    let chosen = choose(&args.backend)?;
    screen.say(format!("prover: {}", chosen.reason));
    let product_s = work::product_seconds();
    let mut report = Report::new(&chosen, product_s);
    let bench = Bench { backend: chosen.backend, rounds: args.rounds, product_s };
    if let Some(r1cs) = &args.r1cs {
        // The command line has seen to it that the others are there.
        let (Some(wtns), Some(zkey)) = (&args.wtns, &args.zkey) else {
            anyhow::bail!("--r1cs, --wtns and --zkey go together");
        };
        foreign(args, [r1cs, wtns, zkey], &bench, &screen, &mut report)?;
    } else {
        own(args, &bench, &screen, &mut report)?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// The mix in the sizes asked for, and the batch circuit, each with the version of its circuit, made one after the other.
fn subjects(args: &Args) -> impl Iterator<Item = anyhow::Result<(Subject, u32)>> + '_ {
    let mixes = args.log.iter().map(|log| Ok((mix::mix(*log), mix::VERSION)));
    mixes.chain(args.batch.iter().map(|size| Ok((random_batch(*size)?, CIRCUIT_VERSION))))
}

/// Measures each.
fn own(args: &Args, bench: &Bench, screen: &Screen, report: &mut Report) -> anyhow::Result<()> {
    let folder = key_folder(args.keys.keys.as_ref());
    let (keys, mix_keys) = (KeyStore::new(&folder), KeyStore::new(folder.join(MIX_KEYS)));
    for (i, subject) in subjects(args).enumerate() {
        let (subject, version) = subject?;
        let keys = if i < args.log.len() { &mix_keys } else { &keys };
        let watch = screen.watch(subject.name.as_str());
        let size = bench.stored(&subject, (keys, version), !args.without_ark, &watch);
        report.sizes.push(size.with_context(|| format!("{} was not measured", subject.name))?);
    }
    Ok(())
}

/// Writes each for other provers.
fn export(args: &Args, folder: &Path, screen: &Screen) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for subject in subjects(args) {
        let (Subject { name, r1cs, assignment }, _) = subject?;
        let path = |extension: &str| folder.join(format!("{name}.{extension}"));
        let key = setup::generate_as(Reduction::OddCoset, &r1cs, &screen.watch(name.as_str()))?;
        write_r1cs(&path("r1cs"), &r1cs)?;
        write_wtns(&path("wtns"), &assignment)?;
        write_zkey(&path("zkey"), &r1cs, &key)?;
        println!("written: {}, .wtns, .zkey", path("r1cs").display());
    }
    Ok(())
}

/// A batch of a size with content of every kind: random, the same every time, valid by the ledger's word.
fn random_batch(size: Size) -> anyhow::Result<Subject> {
    let trace = World::new(1, size).random_batch();
    let assignment = novation_circuits::batch::assignment(&trace, &PublicData::of(&trace));
    Ok(Subject { name: size.name.into(), r1cs: circuit(&size)?, assignment })
}

/// A circuit in iden3's formats. Its proof may be written for snarkjs.
fn foreign(
    args: &Args,
    [r1cs, wtns, zkey]: [&Path; 3],
    bench: &Bench,
    screen: &Screen,
    report: &mut Report,
) -> anyhow::Result<()> {
    let refused = |path: &Path| format!("{} was not taken", path.display());
    let name = r1cs.file_stem().map_or("circuit".into(), |stem| stem.to_string_lossy().into_owned());
    let r1cs = read_r1cs(r1cs).with_context(|| refused(r1cs))?;
    let assignment = read_wtns(wtns).with_context(|| refused(wtns))?;
    r1cs.check(&assignment).with_context(|| refused(wtns))?;
    let key = read_zkey(zkey, &r1cs).with_context(|| refused(zkey))?;
    let subject = Subject { name, r1cs, assignment };
    let (size, Proved { proof, public_inputs, .. }) =
        bench.given(&subject, key, &screen.watch(subject.name.as_str()))?;
    report.sizes.push(size);
    let write = |path: &Path, text: String| {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    if let Some(path) = &args.proof {
        write(path, snarkjs::proof_json(&proof))?;
    }
    if let Some(path) = &args.public {
        write(path, snarkjs::public_inputs_json(&public_inputs))?;
    }
    Ok(())
}
