//! Keys, proofs and inputs that other provers wrote (snarkjs, ark-circom, groth16-solana), and every way to spoil them.

use crate::common::trapdoor::{data_folder, TrapdoorKey};
use ark_bn254::{Fq, Fr};
use ark_ff::{BigInteger, PrimeField};
use novation_verifier::encoding::ScalarError;
use novation_verifier::groth16::snarkjs::{self, ParseError};
use novation_verifier::groth16::{
    key_words, proof_from_words, proof_words, verify, Element, KeyError, PointError, Proof, ProofError, ProofWordError,
    VerifyError, VerifyingKey,
};
use num_bigint::BigUint;
use serde_json::{json, Value};
use std::fs::read_to_string;
use std::path::Path;

fn text(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    println!("  {}", path.display());
    read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn load(folder: &Path, proof: &str, public: &str) -> (VerifyingKey, Proof, Vec<Fr>) {
    let key = snarkjs::verifying_key(&text(folder, "verification_key.json")).expect("honest key");
    let proof = snarkjs::proof(&text(folder, proof)).expect("honest proof");
    (key, proof, snarkjs::public_inputs(&text(folder, public)).expect("honest inputs"))
}

fn honest_files() -> Vec<(VerifyingKey, Proof, Vec<Fr>)> {
    let Some(root) = data_folder("crypto/groth16") else { return Vec::new() };
    let mut files = Vec::new();
    for i in 0..8 {
        files.push(load(&root.join("snarkjs_phase2"), &format!("proof_{i}.json"), &format!("public_{i}.json")));
    }
    files
}

#[test]
fn proofs_of_other_provers_are_accepted() {
    for (key, proof, inputs) in honest_files() {
        assert_eq!(verify(&key, &proof, &inputs), Ok(()));
    }
}

#[test]
fn proofs_of_other_provers_are_refused_for_other_inputs() {
    let files = honest_files();
    for (key, proof, inputs) in &files {
        for i in 0..inputs.len() {
            let mut other = inputs.clone();
            other[i] += Fr::from(1);
            assert_eq!(verify(key, proof, &other), Err(VerifyError::Equation));
        }
        let count = VerifyError::InputCount { expected: inputs.len(), got: 0 };
        assert_eq!(verify(key, proof, &[]), Err(count));
    }
    // Every proof against every other statement.
    for (i, (key, proof, _)) in files.iter().enumerate() {
        for (j, (_, _, inputs)) in files.iter().enumerate() {
            if i != j {
                assert_eq!(verify(key, proof, inputs), Err(VerifyError::Equation), "proof {i}, statement {j}");
            }
        }
    }
}

/// Three of the four published keys were made without a second phase: delta is still gamma.
#[test]
fn keys_without_a_second_phase_are_refused_although_their_proofs_are_well_formed() {
    let Some(root) = data_folder("crypto/groth16") else { return };
    for (folder, proofs) in [
        ("arkcircom_complex", &["proof.json"][..]),
        ("arkcircom_mycircuit", &["proof.json"]),
        ("groth16_solana_0.3.1", &["proof.json", "forged_proof.json"]),
    ] {
        let folder = root.join(folder);
        match snarkjs::verifying_key(&text(&folder, "verification_key.json")) {
            Err(ParseError::Key(error)) => {
                assert_eq!(error, KeyError::SameUpToSign { first: Element::Gamma, second: Element::Delta });
            }
            other => panic!("{other:?}"),
        }
        for name in proofs {
            snarkjs::proof(&text(&folder, name)).expect("the points are fine: only the key gives it away");
        }
    }
}

#[test]
fn written_files_read_back_equal() {
    for inputs in [1, 3, 9] {
        let trapdoor = TrapdoorKey::from_seed(inputs as u64, inputs);
        let public: Vec<Fr> = (0..inputs as u64).map(|i| -Fr::from(i)).collect();
        let (key, proof) = (trapdoor.key(), trapdoor.simulate(&public, 4));
        assert_eq!(snarkjs::verifying_key(&snarkjs::verifying_key_json(&key)).expect("own key"), key);
        assert_eq!(snarkjs::proof(&snarkjs::proof_json(&proof)).expect("own proof"), proof);
        assert_eq!(snarkjs::public_inputs(&snarkjs::public_inputs_json(&public)).expect("own inputs"), public);
        assert_eq!(proof_from_words(&proof_words(&proof)), Ok(proof));
        assert_eq!(key_words(&key).len(), 14 + 2 * (inputs + 1));
    }
}

fn modulus<F: PrimeField>() -> BigUint {
    F::MODULUS.into()
}

/// A well-formed key, proof and input file as JSON values to spoil.
fn samples() -> (Value, Value, Value) {
    let trapdoor = TrapdoorKey::from_seed(3, 2);
    let public = [Fr::from(5), Fr::from(6)];
    let parse = |text: String| serde_json::from_str(&text).expect("own JSON");
    (
        parse(snarkjs::verifying_key_json(&trapdoor.key())),
        parse(snarkjs::proof_json(&trapdoor.simulate(&public, 1))),
        parse(snarkjs::public_inputs_json(&public)),
    )
}

/// The number at a JSON pointer plus the modulus: the alias that a reducing reader would take for the same number.
fn alias<F: PrimeField>(value: &Value, pointer: &str) -> String {
    let number: BigUint = value.pointer(pointer).and_then(Value::as_str).expect("a number").parse().expect("digits");
    (number + modulus::<F>()).to_string()
}

fn with(value: &Value, pointer: &str, replacement: Value) -> String {
    let mut value = value.clone();
    *value.pointer_mut(pointer).expect("the place exists") = replacement;
    value.to_string()
}

#[track_caller]
fn number_refused<T: std::fmt::Debug>(result: Result<T, ParseError>, expected_place: &str, expected: ScalarError) {
    match result {
        Err(ParseError::Number { place, reason }) => assert_eq!((place.as_str(), reason), (expected_place, expected)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_coordinate_is_canonical_or_refused_by_its_place() {
    let (key, proof, public) = samples();
    for point in ["pi_a", "pi_c"] {
        for i in 0..2 {
            let pointer = format!("/{point}/{i}");
            let text = with(&proof, &pointer, json!(alias::<Fq>(&proof, &pointer)));
            number_refused(snarkjs::proof(&text), &format!("{point}[{i}]"), ScalarError::NotCanonical);
        }
    }
    for i in 0..2 {
        for j in 0..2 {
            let pointer = format!("/pi_b/{i}/{j}");
            let text = with(&proof, &pointer, json!(alias::<Fq>(&proof, &pointer)));
            number_refused(snarkjs::proof(&text), &format!("pi_b[{i}][{j}]"), ScalarError::NotCanonical);
            for part in ["vk_beta_2", "vk_gamma_2", "vk_delta_2"] {
                let pointer = format!("/{part}/{i}/{j}");
                let text = with(&key, &pointer, json!(alias::<Fq>(&key, &pointer)));
                number_refused(snarkjs::verifying_key(&text), &format!("{part}[{i}][{j}]"), ScalarError::NotCanonical);
            }
        }
    }
    for (pointer, place) in [("/vk_alpha_1/0", "vk_alpha_1[0]"), ("/IC/2/1", "IC[2][1]")] {
        let text = with(&key, pointer, json!(alias::<Fq>(&key, pointer)));
        number_refused(snarkjs::verifying_key(&text), place, ScalarError::NotCanonical);
    }
    for i in 0..2 {
        let pointer = format!("/{i}");
        let text = with(&public, &pointer, json!(alias::<Fr>(&public, &pointer)));
        number_refused(snarkjs::public_inputs(&text), &format!("[{i}]"), ScalarError::NotCanonical);
    }
    number_refused(snarkjs::proof(&with(&proof, "/pi_a/0", json!("-1"))), "pi_a[0]", ScalarError::NotDecimal);
    number_refused(snarkjs::proof(&with(&proof, "/pi_a/0", json!("007"))), "pi_a[0]", ScalarError::LeadingZero);
}

#[test]
fn points_off_the_curve_or_at_infinity_are_refused() {
    let (key, proof, _) = samples();
    let proof_error = |text: &str| match snarkjs::proof(text) {
        Err(ParseError::Proof(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(proof_error(&with(&proof, "/pi_a/0", json!("1"))), ProofError::A(PointError::NotOnCurve));
    assert_eq!(proof_error(&with(&proof, "/pi_b/1/0", json!("1"))), ProofError::B(PointError::NotOnCurve));
    assert_eq!(proof_error(&with(&proof, "/pi_c/1", json!("1"))), ProofError::C(PointError::NotOnCurve));
    match snarkjs::verifying_key(&with(&key, "/IC/1/0", json!("1"))) {
        Err(ParseError::Key(error)) => {
            assert_eq!(error, KeyError::Point { element: Element::Ic(1), reason: PointError::NotOnCurve });
        }
        other => panic!("{other:?}"),
    }
    // snarkjs writes infinity with a last coordinate of zero.
    match snarkjs::proof(&with(&proof, "/pi_a", json!(["0", "1", "0"]))) {
        Err(ParseError::NotAffine { place }) => assert_eq!(place, "pi_a"),
        other => panic!("{other:?}"),
    }
    match snarkjs::proof(&with(&proof, "/pi_b/2", json!(["1", "1"]))) {
        Err(ParseError::NotAffine { place }) => assert_eq!(place, "pi_b"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_of_another_shape_are_refused() {
    let (key, proof, public) = samples();
    for (pointer, value) in [
        ("/pi_a", json!(["1", "2"])),
        ("/pi_a", json!(["1", "2", "1", "1"])),
        ("/pi_b", json!([["1", "0"], ["1", "0"]])),
        ("/pi_b/0", json!(["1"])),
        ("/pi_c/0", json!(1)),
    ] {
        assert!(matches!(snarkjs::proof(&with(&proof, pointer, value.clone())), Err(ParseError::Json(_))), "{value}");
    }
    assert!(matches!(snarkjs::public_inputs("{}"), Err(ParseError::Json(_))));
    assert!(matches!(snarkjs::public_inputs("[1]"), Err(ParseError::Json(_))));
    for (pointer, field, expected) in [("/protocol", "protocol", "groth16"), ("/curve", "curve", "bn128")] {
        for result in [
            snarkjs::proof(&with(&proof, pointer, json!("plonk"))).map(|_| ()),
            snarkjs::verifying_key(&with(&key, pointer, json!("plonk"))).map(|_| ()),
        ] {
            match result {
                Err(ParseError::Kind { field: f, found, expected: e }) => {
                    assert_eq!((f, found.as_str(), e), (field, "plonk", expected));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    match snarkjs::verifying_key(&with(&key, "/nPublic", json!(3))) {
        Err(ParseError::Key(error)) => assert_eq!(error, KeyError::IcLength { expected: 4, got: 3 }),
        other => panic!("{other:?}"),
    }
    match snarkjs::public_inputs(&" ".repeat(snarkjs::MAX_TEXT_BYTES + 1)) {
        Err(ParseError::TooLong(length)) => assert_eq!(length, snarkjs::MAX_TEXT_BYTES + 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(public.as_array().map(Vec::len), Some(2));
}

#[test]
fn evm_words_out_of_range_are_refused_by_index() {
    let proof = TrapdoorKey::from_seed(3, 1).simulate(&[Fr::from(5)], 1);
    let good = proof_words(&proof);
    for index in 0..8 {
        let mut words = good;
        words[index] = Fq::MODULUS.to_bytes_be().try_into().expect("32 bytes");
        let expected = ProofWordError::Word { index, reason: ScalarError::NotCanonical };
        assert_eq!(proof_from_words(&words), Err(expected));
    }
    // c0 and c1 of B the wrong way round: the usual mistake between snarkjs' and the EVM's order.
    let mut swapped = good;
    swapped.swap(2, 3);
    swapped.swap(4, 5);
    assert_eq!(proof_from_words(&swapped), Err(ProofWordError::Proof(ProofError::B(PointError::NotOnCurve))));
}
