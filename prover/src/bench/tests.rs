//! The report's shape and arithmetic, and small runs against ark-groth16.

use super::*;
use crate::bench::mix::mix;
use crate::bench::report::Measured;
use crate::progress::{Cost, Stage};
use crate::setup;
use ark_ff::AdditiveGroup;
use novation_gpu::{choose, Error};
use serde_json::Value;
use std::time::Duration;

fn bench(rounds: u32) -> Bench {
    let rounds = NonZeroU32::new(rounds).unwrap();
    Bench { backend: choose("cpu").unwrap().backend, rounds, product_s: 1e-8 }
}

/// A proof of two seconds: a stage of each kind with a quarter of a second, and half a second outside.
fn measured(ark_cpu_s: Option<f64>) -> Measured {
    let kinds = [Stage::Load, Stage::Rows, Stage::Quotient, Stage::SumA, Stage::SumB, Stage::SumC];
    let quarter = Duration::from_millis(250);
    let costs = kinds.map(|stage| Cost { stage, cpu: quarter, wall: quarter / 2 });
    Measured {
        name: "mix-10".into(),
        constraints: 1000,
        key: KeyOrigin::Cached,
        best: Round { cpu_s: 2.0, wall_s: 1.0, costs: costs.to_vec() },
        ark_cpu_s,
        peak_bytes: Some(3 << 20),
        work: Work { load: 25_000_000, rows: 12_500_000, quotient: 5_000_000, g1: 10_000_000, g2: 0 },
        product_s: 1e-8,
    }
}

fn report(ark_cpu_s: Option<f64>) -> Report {
    let mut report = Report::new(&choose("cpu").unwrap(), 1e-8);
    report.sizes.push(SizeReport::new(measured(ark_cpu_s)));
    report
}

fn close(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() < 1e-9 * expected.abs().max(1.0), "{value} is not {expected}");
}

#[test]
fn json_has_every_figure_under_its_name() {
    let json: Value = serde_json::from_str(&serde_json::to_string(&report(Some(8.0))).unwrap()).unwrap();
    assert_eq!(json["backend"]["name"], "cpu");
    assert!(json["backend"]["reason"].as_str().unwrap().starts_with("asked for cpu"));
    assert!(json["machine"]["cores"].as_u64().unwrap() >= 1);
    close(&json["machine"]["field_product_ns"], 10.0);
    let size = &json["sizes"][0];
    assert_eq!((&size["name"], &size["constraints"]), (&"mix-10".into(), &1000.into()));
    assert_eq!((&size["key"], &size["peak_bytes"]), (&"cached".into(), &(3 << 20).into()));
    close(&size["ours_cpu_s"], 2.0);
    close(&size["ark_cpu_s"], 8.0);
    close(&size["ratio"], 4.0);
    close(&size["us_per_constraint"], 2000.0);
    close(&size["wall_s"], 1.0);
    close(&size["constraints_per_s"], 1000.0);
    let stages = size["stages"].as_array().unwrap();
    // Floors: 0.25, 0.125, 0.05, 0.1 s; nothing counted for g2, check and rest.
    let expected = [
        ("load", 0.25, Some(1.0)),
        ("rows", 0.25, Some(2.0)),
        ("quotient", 0.25, Some(5.0)),
        ("g1", 0.5, Some(5.0)),
        ("g2", 0.25, None),
        ("check", 0.0, None),
        ("rest", 0.5, None),
    ];
    assert_eq!(stages.len(), expected.len());
    for (stage, (name, cpu_s, floor)) in stages.iter().zip(expected) {
        assert_eq!(stage["name"], name);
        close(&stage["cpu_s"], cpu_s);
        match floor {
            Some(floor) => close(&stage["floor_ratio"], floor),
            None => assert_eq!(stage["floor_ratio"], Value::Null, "{name}"),
        }
    }
}

#[test]
fn without_ark_its_figures_are_null_and_dashes() {
    let report = report(None);
    let json: Value = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["sizes"][0]["ark_cpu_s"], &json["sizes"][0]["ratio"]), (&Value::Null, &Value::Null));
    let text = report.to_string();
    let row: Vec<&str> = text.lines().find(|line| line.starts_with("mix-10 ")).unwrap().split_whitespace().collect();
    assert_eq!(row, ["mix-10", "1000", "2.000", "-", "-", "2000.00", "1.000", "3", "1000"]);
}

#[test]
fn table_names_backend_circuits_and_stages() {
    let text = report(Some(8.0)).to_string();
    assert!(text.starts_with("backend: asked for cpu ("), "{text}");
    let row: Vec<&str> = text.lines().find(|line| line.starts_with("mix-10 ")).unwrap().split_whitespace().collect();
    assert_eq!(row, ["mix-10", "1000", "2.000", "8.000", "4.00", "2000.00", "1.000", "3", "1000"]);
    assert!(text.contains("  quotient    0.250 CPU s    0.125 s   5.00 x\n"), "{text}");
    assert!(text.contains("  check       0.000 CPU s    0.000 s\n"), "{text}");
    assert!(!text.contains("run again"), "the key was cached");
}

#[test]
fn stored_keys_are_made_once_and_ark_proves_with_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyStore::new(folder.path());
    let subject = mix(9);
    let first = bench(2).stored(&subject, (&keys, mix::VERSION), true, &()).unwrap();
    assert_eq!((first.key, first.constraints), (KeyOrigin::Generated, 508));
    let ratio = first.ark_cpu_s.unwrap() / first.ours_cpu_s;
    assert_eq!(first.ratio, Some(ratio));
    let sum: f64 = first.stages.iter().map(|stage| stage.cpu_s).sum();
    assert!((sum - first.ours_cpu_s).abs() < 1e-3, "{sum} of {}", first.ours_cpu_s);

    let again = bench(1).stored(&subject, (&keys, mix::VERSION), false, &()).unwrap();
    assert_eq!((again.key, again.ark_cpu_s, again.ratio), (KeyOrigin::Cached, None, None));
}

#[test]
fn given_key_proves_what_verifies_under_it() {
    let subject = mix(6);
    let key = setup::generate(&subject.r1cs, &()).unwrap();
    let verifying = key.verifying.clone();
    let (report, proved) = bench(1).given(&subject, key, &()).unwrap();
    assert_eq!((report.key, report.ark_cpu_s), (KeyOrigin::Given, None));
    assert_eq!(novation_verifier::groth16::verify(&verifying, &proved.proof, &subject.assignment[1..4]), Ok(()));
}

#[test]
fn assignment_of_another_circuit_is_refused_with_the_rule() {
    let mut subject = mix(6);
    let key = setup::generate(&subject.r1cs, &()).unwrap();
    let wires = subject.assignment.len();
    let refused = |subject: &Subject| match bench(1).given(subject, key.clone(), &()) {
        Err(BenchError::Prove(ProveError::Assignment(error))) => error,
        other => panic!("{other:?}"),
    };
    subject.assignment[wires - 1] += Fr::from(1u64);
    let row = subject.r1cs.check(&subject.assignment).unwrap_err();
    assert_eq!(refused(&subject), row);
    assert!(row.to_string().contains("rest"), "{row}");
    subject.assignment[0] = Fr::ZERO;
    assert_eq!(refused(&subject), crate::UnsatisfiedError::Shape(Error::FirstWireNotOne));
    subject.assignment.pop();
    let short = Error::WrongAssignmentLength { expected: wires, got: wires - 1 };
    assert_eq!(refused(&subject), crate::UnsatisfiedError::Shape(short));
}
