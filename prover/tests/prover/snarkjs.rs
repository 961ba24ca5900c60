//! Against snarkjs itself: a ceremony of both phases on our `.r1cs`, and our proofs in its verifier.

use crate::common::{assignment, backend, folder, r1cs};
use crate::tools::{ceremony, run, snarkjs, VERIFY};
use ark_bn254::Fr;
use novation_gpu::Reduction;
use novation_prover::iden3::{read_wtns, read_zkey, write_r1cs, write_wtns, write_zkey};
use novation_prover::{setup, Prover};
use novation_verifier::groth16::snarkjs::{proof, proof_json, public_inputs_json, verifying_key, verifying_key_json};
use novation_verifier::groth16::verify;
use std::path::Path;

/// Writes proof, public inputs and key of a prover where snarkjs looks for them.
fn export(folder: &Path, prover: &Prover, w: Vec<Fr>) {
    let proved = prover.prove(w, &()).unwrap();
    std::fs::write(folder.join("proof.json"), proof_json(&proved.proof)).unwrap();
    std::fs::write(folder.join("public.json"), public_inputs_json(&proved.public_inputs)).unwrap();
    std::fs::write(folder.join("key.json"), verifying_key_json(prover.verifying_key())).unwrap();
}

#[test]
fn snarkjs_accepts_a_proof_under_a_development_key_and_refuses_another_statement() {
    let Some(snarkjs) = snarkjs() else { return };
    let folder = folder();
    let system = r1cs(9);
    let prover = Prover::new(backend(), system.clone(), setup::generate(&system, &()).unwrap()).unwrap();
    export(folder.path(), &prover, assignment(9, 5));
    assert!(run(&snarkjs, folder.path(), &VERIFY).status.success());

    let mut other = assignment(9, 5)[1..4].to_vec();
    other[0] += Fr::from(1);
    std::fs::write(folder.path().join("public.json"), public_inputs_json(&other)).unwrap();
    let output = run(&snarkjs, folder.path(), &VERIFY);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Invalid proof"));
    assert!(!output.status.success());
}

#[test]
fn ceremony_on_our_constraint_system_makes_a_key_that_this_prover_uses() {
    let Some(snarkjs) = snarkjs() else { return };
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let system = r1cs(9);
    let w = assignment(9, 1234);
    write_r1cs(&at("circuit.r1cs"), &system).unwrap();
    write_wtns(&at("chain.wtns"), &w).unwrap();
    assert_eq!(read_wtns(&at("chain.wtns")).unwrap(), w);

    // snarkjs reads both as we mean them.
    let check = ["wtns", "check", "circuit.r1cs", "chain.wtns"];
    assert!(run(&snarkjs, folder.path(), &check).status.success());
    let mut lie = w.clone();
    lie[4] += Fr::from(1);
    write_wtns(&at("lie.wtns"), &lie).unwrap();
    let output = run(&snarkjs, folder.path(), &["wtns", "check", "circuit.r1cs", "lie.wtns"]);
    assert!(!output.status.success());

    ceremony(&snarkjs, folder.path(), &[]);

    let key = read_zkey(&at("out/circuit.zkey"), &system).unwrap();
    let text = std::fs::read_to_string(at("out/verification_key.json")).unwrap();
    assert_eq!(verifying_key(&text).unwrap(), key.verifying);

    // Our proof in their verifier, with their key file.
    let prover = Prover::new(backend(), system, key).unwrap();
    export(folder.path(), &prover, w.clone());
    std::fs::copy(at("out/verification_key.json"), at("key.json")).unwrap();
    assert!(run(&snarkjs, folder.path(), &VERIFY).status.success());

    // Their proof, from our witness file, in our verifier.
    let prove = ["groth16", "prove", "out/circuit.zkey", "chain.wtns", "theirs.json", "theirs_public.json"];
    assert!(run(&snarkjs, folder.path(), &prove).status.success());
    let theirs = proof(&std::fs::read_to_string(at("theirs.json")).unwrap()).unwrap();
    assert_eq!(verify(prover.verifying_key(), &theirs, &w[1..4]), Ok(()));
}

/// A development key, circuit and witness as files: what any prover of the family takes.
#[test]
fn snarkjs_proves_with_a_development_key() {
    let Some(snarkjs) = snarkjs() else { return };
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let system = r1cs(9);
    let w = assignment(9, 77);
    let key = setup::generate_as(Reduction::OddCoset, &system, &()).unwrap();
    write_zkey(&at("dev.zkey"), &system, &key).unwrap();
    assert!(read_zkey(&at("dev.zkey"), &system).unwrap() == key, "another key was read");
    write_wtns(&at("dev.wtns"), &w).unwrap();

    let export = ["zkey", "export", "verificationkey", "dev.zkey", "key.json"];
    assert!(run(&snarkjs, folder.path(), &export).status.success());
    assert_eq!(verifying_key(&std::fs::read_to_string(at("key.json")).unwrap()).unwrap(), key.verifying);
    let prove = ["groth16", "prove", "dev.zkey", "dev.wtns", "proof.json", "public.json"];
    assert!(run(&snarkjs, folder.path(), &prove).status.success());
    let theirs = proof(&std::fs::read_to_string(at("proof.json")).unwrap()).unwrap();
    assert_eq!(verify(&key.verifying, &theirs, &w[1..4]), Ok(()));
}

#[test]
fn key_of_a_skipped_phase_two_is_refused() {
    let Some(snarkjs) = snarkjs() else { return };
    let folder = folder();
    let system = r1cs(2);
    write_r1cs(&folder.path().join("c.r1cs"), &system).unwrap();
    for args in [
        &["powersoftau", "new", "bn128", "5", "0.ptau"][..],
        &["powersoftau", "contribute", "0.ptau", "1.ptau", "--name=test", "-e=test"],
        &["powersoftau", "prepare", "phase2", "1.ptau", "2.ptau"],
        &["groth16", "setup", "c.r1cs", "2.ptau", "c.zkey"],
    ] {
        assert!(run(&snarkjs, folder.path(), args).status.success(), "{args:?}");
    }
    use novation_verifier::groth16::{Element, KeyError};
    let got = read_zkey(&folder.path().join("c.zkey"), &system).unwrap_err();
    let same = KeyError::SameUpToSign { first: Element::Gamma, second: Element::Delta };
    assert_eq!(got.to_string(), same.to_string());
}
