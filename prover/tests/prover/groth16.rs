//! Proofs of circuits made by the circuit builder.

use crate::common::{assignment, backend, r1cs, WrongSums};
use ark_bn254::Fr;
use novation_gpu::{choose, Reduction};
use novation_prover::groth16::PrepareError;
use novation_prover::progress::{Observer, Stage, Update};
use novation_prover::{setup, KeyShapeError, ProveError, Prover, ProvingKey, UnsatisfiedError};
use novation_verifier::groth16::{verify, VerifyError};
use std::sync::Mutex;

#[test]
fn proofs_verify_for_chains_of_many_lengths() {
    // n + 15 rows with those of the public wires: domains of 16 to 128, two of them filled exactly.
    for n in [1, 2, 16, 17, 50, 100] {
        let system = r1cs(n);
        let key = setup::generate(&system, &()).unwrap();
        let prover = Prover::new(backend(), system, key).unwrap();
        for x in [0, 1, 200] {
            let w = assignment(n, x);
            let proved = prover.prove(w.clone(), &()).unwrap();
            assert_eq!(proved.public_inputs, w[1..4]);
            assert_eq!(verify(prover.verifying_key(), &proved.proof, &w[1..4]), Ok(()));
            let mut other = w[1..4].to_vec();
            other[1] += Fr::from(1);
            assert_eq!(verify(prover.verifying_key(), &proved.proof, &other), Err(VerifyError::Equation));
        }
    }
}

#[test]
fn assignment_that_breaks_a_constraint_is_refused_with_its_name() {
    let system = r1cs(5);
    let key = setup::generate(&system, &()).unwrap();
    let prover = Prover::new(backend(), system.clone(), key).unwrap();
    let w = assignment(5, 3);

    // Wires: 1, three public, x, five factors, eight bits.
    let cases = [(1, 5, "factors/product"), (2, 15, "bits/low"), (3, 7, "bits/parity"), (9, 4, "factors/factor")];
    for (wire, row, label) in cases {
        let mut bad = w.clone();
        bad[wire] += Fr::from(1);
        let error = UnsatisfiedError::Row { row, label: label.into() };
        assert_eq!(system.check(&bad), Err(error.clone()));
        assert_eq!(prover.prove(bad, &()).unwrap_err(), ProveError::Assignment(error));
    }
    // x + 256 has the same low bits, another product.
    let error = UnsatisfiedError::Row { row: 5, label: "factors/product".into() };
    let mut bad = assignment(5, 3 + 256);
    bad[1] = w[1];
    assert_eq!(prover.prove(bad, &()).unwrap_err(), ProveError::Assignment(error));

    let short = novation_gpu::Error::WrongAssignmentLength { expected: 18, got: 17 };
    let error = ProveError::Assignment(UnsatisfiedError::Shape(short));
    assert_eq!(prover.prove(w[..17].to_vec(), &()).unwrap_err(), error);
    let mut zero = w.clone();
    zero[0] = Fr::from(0);
    let error = ProveError::Assignment(UnsatisfiedError::Shape(novation_gpu::Error::FirstWireNotOne));
    assert_eq!(prover.prove(zero, &()).unwrap_err(), error);
}

#[test]
fn proof_of_a_backend_that_computes_wrongly_is_withheld() {
    let system = r1cs(5);
    let key = setup::generate(&system, &()).unwrap();
    let wrong = std::sync::Arc::new(WrongSums(choose("cpu").unwrap().backend));
    let prover = Prover::new(wrong, system, key).unwrap();
    let got = prover.prove(assignment(5, 3), &());
    assert_eq!(got.unwrap_err(), ProveError::Refused(VerifyError::Equation));
}

#[test]
fn key_of_another_circuit_is_refused_by_shape_or_by_the_withheld_proof() {
    let (system, longer) = (r1cs(5), r1cs(6));
    let key = setup::generate(&longer, &()).unwrap();
    let error = KeyShapeError::QueryLength { query: "A", expected: 18, got: 19 };
    let got = Prover::new(backend(), system.clone(), key);
    assert_eq!(got.map(|_| ()).unwrap_err(), PrepareError::Key(error));

    // Same shape, other constraints: the last row demands twice the low bits.
    let m = system.matrices();
    let mut builder = novation_gpu::MatricesBuilder::new(m.num_instance(), m.num_wires());
    for i in 0..m.num_constraints() {
        let [a, b, c] = m.abc().map(|matrix| {
            let scale = Fr::from(if i + 1 == m.num_constraints() { 2 } else { 1 });
            matrix.row(i).iter().map(|&(v, k)| (v, m.coefficients()[k as usize] * scale)).collect::<Vec<_>>()
        });
        builder.push(a, b, c).unwrap();
    }
    let other = novation_prover::R1cs::new(builder.finish().unwrap());
    assert_ne!(other.checksum(), system.checksum());
    let key = setup::generate(&other, &()).unwrap();
    let prover = Prover::new(backend(), system, key).unwrap();
    let got = prover.prove(assignment(5, 3), &());
    assert_eq!(got.unwrap_err(), ProveError::Refused(VerifyError::Equation));
}

#[test]
fn queries_of_wrong_length_are_refused_by_name() {
    let system = r1cs(5);
    let key = setup::generate(&system, &()).unwrap();
    let ark = setup::generate_as(Reduction::Coefficients, &system, &()).unwrap();
    let refused = |key: &ProvingKey, change: &dyn Fn(&mut ProvingKey)| {
        let mut bad = key.clone();
        change(&mut bad);
        bad.check_shape(system.matrices()).unwrap_err()
    };
    let error = |query, expected, got| KeyShapeError::QueryLength { query, expected, got };
    let shape = |change: &dyn Fn(&mut ProvingKey)| refused(&key, change);
    assert_eq!(shape(&|k| k.a.truncate(k.a.len() - 1)), error("A", 18, 17));
    assert_eq!(shape(&|k| k.b_g1 = k.a.clone()), error("B1", 0, 18));
    assert_eq!(shape(&|k| k.b_g2.truncate(k.b_g2.len() - 1)), error("B2", 18, 17));
    assert_eq!(shape(&|k| k.l.truncate(k.l.len() - 1)), error("L", 18, 17));
    assert_eq!(shape(&|k| k.h.truncate(k.h.len() - 1)), error("H", 32, 31));
    let shape = |change: &dyn Fn(&mut ProvingKey)| refused(&ark, change);
    assert_eq!(shape(&|k| k.b_g1.truncate(k.b_g1.len() - 1)), error("B1", 18, 17));
    assert_eq!(shape(&|k| k.l.truncate(k.l.len() - 1)), error("L", 14, 13));
    assert_eq!(shape(&|k| k.reduction = Reduction::OddCoset), error("H", 32, 31));
    assert_eq!(shape(&|k| k.reduction = Reduction::Product), error("B1", 0, 18));
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Update>>);

impl Observer for Recorder {
    fn update(&self, update: Update) {
        self.0.lock().unwrap().push(update);
    }
}

#[test]
fn observer_hears_every_stage_and_progress_ends_at_the_total() {
    let system = r1cs(20);
    let key = setup::generate(&system, &()).unwrap();
    let prover = Prover::new(choose("auto").unwrap().backend, system, key).unwrap();
    let recorder = Recorder::default();
    let proved = prover.prove(assignment(20, 3), &recorder).unwrap();

    let stages = [Stage::Load, Stage::Rows, Stage::Quotient, Stage::SumA, Stage::SumB, Stage::SumC, Stage::Check];
    assert_eq!(proved.costs.iter().map(|c| c.stage).collect::<Vec<_>>(), stages);
    assert!(proved.backend.starts_with("cpu: "), "{}", proved.backend);
    let updates = recorder.0.into_inner().unwrap();
    // At least begin and end of each stage, heartbeats between.
    let mut heard: Vec<Stage> = updates.iter().map(|u| u.stage).collect();
    assert!(heard.len() >= 2 * stages.len());
    heard.dedup();
    assert_eq!(heard, stages);
    assert!(updates.windows(2).all(|w| w[0].done <= w[1].done && w[0].total == w[1].total));
    let last = updates.last().unwrap();
    assert_eq!(last.done, last.total);
}
