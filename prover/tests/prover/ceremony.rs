//! A snarkjs ceremony on the batch circuit makes a key with which batches are proven here and verified everywhere.

use crate::common::folder;
use crate::ptau::write_ptau;
use crate::tools::{ceremony, run, snarkjs, VERIFY};
use ark_bn254::Fr;
use novation_gpu::choose;
use novation_prover::batch::{circuit, BatchProver};
use novation_prover::iden3::{read_zkey, write_r1cs, write_wtns};
use novation_prover::keyfile::Origin;
use novation_prover::{CircuitId, KeyStore};
use novation_state::size::{Size, CIRCUIT_VERSION};
use novation_state::testkit::World;
use novation_state::trace::BatchTrace;
use novation_verifier::groth16::snarkjs::{proof as read_proof, proof_json, public_inputs_json, verifying_key};
use novation_verifier::groth16::{verify, VerifyError};
use std::path::Path;

/// The batch circuit with one of everything, so every lane and every gadget: the tiny size takes snarkjs a quarter of an
/// hour of CPU.
const ONE: Size = Size {
    id: 1 << 16,
    name: "one",
    accounts: 1,
    orders: 1,
    rows: 2,
    slots: 1,
    clearings: 1,
    deposits: 1,
    commands: 1,
    underlyings: 1,
};

/// Somebody deposits again, and withdraws some.
fn batch(seed: u64) -> BatchTrace {
    println!("seed {seed}");
    let mut world = World::genesis(seed, ONE);
    let trader = world.newcomer();
    let mut opening = world.input();
    opening.deposits.push(world.deposit(trader, 5_000_000));
    world.apply(opening);
    let mut input = world.input();
    input.deposits.push(world.deposit(trader, 2_000_000));
    input.commands.push(world.command(trader, world.withdrawal(trader, 3_000_000)));
    world.apply(input)
}

#[test]
fn ceremony_on_the_batch_circuit_makes_a_key_that_proves_batches() {
    let Some(snarkjs) = snarkjs() else { return };
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let r1cs = circuit(&ONE).unwrap();
    write_r1cs(&at("circuit.r1cs"), &r1cs).unwrap();
    write_ptau(&at("phase1.ptau"), r1cs.matrices().log_domain(), 3).unwrap();
    // snarkjs would refuse to verify a phase 1 to which nobody contributed; everything after it is as in any ceremony.
    ceremony(&snarkjs, folder.path(), &[("PTAU", &at("phase1.ptau")), ("PTAU_VERIFIED", Path::new("1"))]);

    // The key goes where `open` looks for keys.
    let keys = KeyStore::new(at("keys"));
    let id = CircuitId::new(CIRCUIT_VERSION, ONE.name, &r1cs);
    keys.install(&id, &r1cs, &read_zkey(&at("out/circuit.zkey"), &r1cs).unwrap()).unwrap();
    let prover = BatchProver::open(ONE, &keys, choose("auto").unwrap().backend, &()).unwrap();
    assert_eq!(prover.origin(), Origin::Cached);
    let trace = batch(31);
    let proven = prover.prove(&trace, &()).unwrap();
    let inputs = proven.public.inputs();

    // snarkjs takes the witness for one of the circuit, and the proof for one of its key.
    write_wtns(&at("batch.wtns"), &prover.dump(&trace).assignment).unwrap();
    assert!(run(&snarkjs, folder.path(), &["wtns", "check", "circuit.r1cs", "batch.wtns"]).status.success());
    std::fs::copy(at("out/verification_key.json"), at("key.json")).unwrap();
    std::fs::write(at("proof.json"), proof_json(&proven.proved.proof)).unwrap();
    std::fs::write(at("public.json"), public_inputs_json(&inputs)).unwrap();
    assert!(run(&snarkjs, folder.path(), &VERIFY).status.success());

    // So does our verifier, from the same files; for another statement neither does.
    let [proof, key] = ["proof.json", "key.json"].map(|name| std::fs::read_to_string(at(name)).unwrap());
    let (proof, key) = (read_proof(&proof).unwrap(), verifying_key(&key).unwrap());
    assert_eq!(verify(&key, &proof, &inputs), Ok(()));
    let mut other = inputs;
    other[2] += Fr::from(1u64);
    assert_eq!(verify(&key, &proof, &other), Err(VerifyError::Equation));
    std::fs::write(at("public.json"), public_inputs_json(&other)).unwrap();
    let output = run(&snarkjs, folder.path(), &VERIFY);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Invalid proof"));
    assert!(!output.status.success());
}
