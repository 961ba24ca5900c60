//! `novation bench`: what it prints, and circuits of others in iden3's formats.

use crate::command_line::{fail, novation, succeed};
use novation_prover::bench::mix::mix;
use novation_prover::iden3::{read_r1cs, read_wtns, read_zkey, write_wtns};
use novation_verifier::groth16::{snarkjs, verify};
use serde_json::Value;
use std::path::Path;

const FILES: [&str; 6] = ["--r1cs", "mix-6.r1cs", "--wtns", "mix-6.wtns", "--zkey", "mix-6.zkey"];

/// Writes two small circuits as circom, a witness generator and a ceremony would.
fn export(folder: &Path) {
    succeed(folder, &["bench", "--log", "5,6", "--export", "."]);
}

#[test]
fn json_has_a_size_for_every_log_and_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["bench", "--log", "9,10", "--rounds", "1", "--batch", "tiny", "--backend", "cpu", "--json"];
    let report: Value = serde_json::from_str(&succeed(folder.path(), &args)).expect("standard output is JSON alone");
    assert_eq!(report["backend"]["name"], "cpu");
    let sizes = report["sizes"].as_array().unwrap();
    let names: Vec<&str> = sizes.iter().map(|size| size["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mix-9", "mix-10", "tiny"]);
    assert_eq!((&sizes[0]["constraints"], &sizes[1]["constraints"]), (&508.into(), &1020.into()));
    for size in sizes {
        let number = |name: &str| size[name].as_f64().unwrap();
        assert!(number("ours_cpu_s") > 0.0);
        assert!((number("ratio") - number("ark_cpu_s") / number("ours_cpu_s")).abs() < 1e-9);
        let each = number("us_per_constraint") * number("constraints") / 1e6;
        assert!((each - number("ours_cpu_s")).abs() < 1e-9);
        let stages: Vec<&str> =
            size["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
        assert_eq!(stages, ["load", "rows", "quotient", "g1", "g2", "check", "rest"]);
    }
}

#[test]
fn circuit_of_others_is_proven_and_its_proof_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    export(at);
    let subject = mix(6);
    let r1cs = read_r1cs(&at.join(FILES[1])).unwrap();
    assert_eq!(r1cs.matrices(), subject.r1cs.matrices());
    assert_eq!(read_wtns(&at.join(FILES[3])).unwrap(), subject.assignment);
    let out = ["bench", "--rounds", "1", "--json", "--proof", "p.json", "--public", "x.json"];
    let report: Value = serde_json::from_str(&succeed(at, &[&out[..], &FILES].concat())).unwrap();
    let [size] = report["sizes"].as_array().unwrap().as_slice() else { panic!("one circuit") };
    assert_eq!((&size["name"], &size["constraints"], &size["key"]), (&"mix-6".into(), &60.into(), &"given".into()));
    assert_eq!((&size["ark_cpu_s"], &size["ratio"]), (&Value::Null, &Value::Null));

    let read = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
    let inputs = snarkjs::public_inputs(&read("x.json")).unwrap();
    assert_eq!(inputs, subject.assignment[1..4]);
    let zkey = read_zkey(&at.join(FILES[5]), &r1cs).unwrap();
    assert_eq!(verify(&zkey.verifying, &snarkjs::proof(&read("p.json")).unwrap(), &inputs), Ok(()));
}

#[test]
fn files_of_a_circuit_go_together() {
    let folder = tempfile::tempdir().unwrap();
    for (missing, given) in [("--zkey", 0..4), ("--r1cs", 2..6)] {
        let output = novation(folder.path(), &[&["bench"][..], &FILES[given]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("required arguments were not provided") && error.contains(missing), "{error}");
    }
}

#[test]
fn files_that_do_not_fit_each_other_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    export(at);
    let mut assignment = mix(6).assignment;
    let bench = [&["bench"][..], &FILES].concat();
    let last = assignment.len() - 1;
    assignment[last] += ark_bn254::Fr::from(2u64);
    write_wtns(&at.join(FILES[3]), &assignment).unwrap();
    let error = fail(at, &bench);
    assert!(
        error.starts_with("error: mix-6.wtns was not taken\n  because constraint 59 (unnamed) is not satisfied"),
        "{error}"
    );
    write_wtns(&at.join(FILES[3]), &mix(6).assignment).unwrap();
    std::fs::copy(at.join("mix-5.zkey"), at.join(FILES[5])).unwrap();
    let error = fail(at, &bench);
    assert!(error.starts_with("error: mix-6.zkey was not taken\n  because wires: "), "{error}");
    std::fs::write(at.join(FILES[1]), "nothing").unwrap();
    let error = fail(at, &bench);
    assert!(error.starts_with("error: mix-6.r1cs was not taken\n  because not a r1cs file"), "{error}");
}

#[test]
fn sizes_are_those_that_the_mix_makes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, last) = novation_prover::bench::mix::LOGS.into_inner();
    for beyond in [first - 1, last + 1] {
        let output = novation(folder.path(), &["bench", "--log", &format!("{first},{beyond}")]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(&format!("{beyond} is not in {first}..={last}")), "{error}");
    }
}
