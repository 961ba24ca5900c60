//! The offline check against spoilt files: each is refused, and for the reason that is wrong with it.

use crate::common::batches::{element, sample};
use crate::common::trapdoor::{data_folder, TrapdoorKey};
use ark_bn254::{Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::PrimeField;
use novation_state::public_data::PublicData;
use novation_state::size::TINY;
use novation_verifier::check::{public_data_json, verify_texts, CheckError, PublicDataError};
use novation_verifier::encoding::{to_decimal, ScalarError};
use novation_verifier::groth16::snarkjs::{proof_json, verifying_key_json, ParseError, MAX_TEXT_BYTES};
use novation_verifier::groth16::{Element, KeyError, PointError, Proof, ProofError, VerifyError};
use num_bigint::BigUint;
use serde_json::{json, Value};

/// A key, a proof and the public data that belong together, as a stranger gets them.
struct Files {
    proof: Value,
    key: Value,
    data: Value,
    /// The proof's points, to make others of.
    points: Proof,
}

impl Files {
    fn new() -> Self {
        let trapdoor = TrapdoorKey::from_seed(7, 3);
        let data = PublicData::from_words(sample(TINY).words(), element("c", 1));
        let points = trapdoor.simulate(&data.inputs(), 8);
        let value = |text: String| serde_json::from_str(&text).expect("own JSON");
        let [proof, key, data] =
            [proof_json(&points), verifying_key_json(&trapdoor.key()), public_data_json(&data)].map(value);
        Self { proof, key, data, points }
    }

    fn check(&self) -> Result<(), CheckError> {
        verify_texts(&self.proof.to_string(), &self.key.to_string(), &self.data.to_string())
    }

    /// Checks the files after a change of one of them. Errors of the system have no equality, so they are compared as
    /// what the user reads, which names every field.
    #[track_caller]
    fn refused(change: impl FnOnce(&mut Self), expected: CheckError) {
        let mut files = Self::new();
        change(&mut files);
        assert_eq!(files.check().map_err(|error| error.to_string()), Err(expected.to_string()));
    }

    fn set_proof(&mut self, a: G1Affine, b: G2Affine, c: G1Affine) {
        let proof = Proof::new(a, b, c).expect("points of the groups");
        self.proof = serde_json::from_str(&proof_json(&proof)).expect("own JSON");
    }
}

fn g1_json(point: &G1Affine) -> Value {
    json!([to_decimal(&point.x), to_decimal(&point.y), "1"])
}

fn g2_json(point: &G2Affine) -> Value {
    let pair = |e: &Fq2| [to_decimal(&e.c0), to_decimal(&e.c1)];
    json!([pair(&point.x), pair(&point.y), ["1", "0"]])
}

/// The other ordinate of a point in G2.
fn negated(point: &Value) -> Value {
    let modulus: BigUint = ark_bn254::Fq::MODULUS.into();
    let mut point = point.clone();
    for i in 0..2 {
        let number: BigUint = point[1][i].as_str().expect("a number").parse().expect("digits");
        point[1][i] = json!((&modulus - number).to_string());
    }
    point
}

/// A point of the twist outside the subgroup: the first abscissa that has one will do.
fn outside_subgroup() -> G2Affine {
    let mut points = (1u64..).filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true));
    points.find(|point| !point.is_in_correct_subgroup_assuming_on_curve()).expect("almost every one")
}

fn key_error(error: KeyError) -> CheckError {
    CheckError::Key(ParseError::Key(error))
}

#[test]
fn untouched_files_are_accepted() {
    Files::new().check().expect("the proof proves it");
}

#[test]
fn keys_by_which_anybody_forges_are_refused() {
    let same = |first, second| key_error(KeyError::SameUpToSign { first, second });
    let generator = g2_json(&G2Affine::generator());
    for negate in [false, true] {
        let sign = |point: &Value| if negate { negated(point) } else { point.clone() };
        let copy = |files: &mut Files, from: &str, to: &str| files.key[to] = sign(&files.key[from]);
        Files::refused(|f| copy(f, "vk_gamma_2", "vk_delta_2"), same(Element::Gamma, Element::Delta));
        Files::refused(|f| copy(f, "vk_gamma_2", "vk_beta_2"), same(Element::Beta, Element::Gamma));
        Files::refused(|f| copy(f, "vk_delta_2", "vk_beta_2"), same(Element::Beta, Element::Delta));
        Files::refused(|f| f.key["vk_delta_2"] = sign(&generator), same(Element::Delta, Element::Generator));
        Files::refused(|f| f.key["vk_beta_2"] = sign(&generator), same(Element::Beta, Element::Generator));
    }
    let generator = g1_json(&G1Affine::generator());
    Files::refused(|f| f.key["vk_alpha_1"] = generator, same(Element::Alpha, Element::Generator));
    Files::refused(|f| f.key["IC"][3] = f.key["IC"][1].clone(), same(Element::Ic(1), Element::Ic(3)));
}

/// A published key without a second phase, with a proof that was forged for it and that its equation accepts.
#[test]
fn forged_proof_is_refused_with_the_key_that_accepts_it() {
    let Some(folder) = data_folder("crypto/groth16/groth16_solana_0.3.1") else { return };
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        serde_json::from_str(&text).expect("JSON")
    };
    let expected = KeyError::SameUpToSign { first: Element::Gamma, second: Element::Delta };
    Files::refused(
        |files| (files.proof, files.key) = (read("forged_proof.json"), read("verification_key.json")),
        key_error(expected),
    );
}

#[test]
fn keys_of_other_statements_are_refused() {
    let key = |seed, inputs| -> Value {
        serde_json::from_str(&verifying_key_json(&TrapdoorKey::from_seed(seed, inputs).key())).expect("own JSON")
    };
    Files::refused(|f| f.key = key(8, 3), CheckError::Refused(VerifyError::Equation));
    for inputs in [2, 4] {
        let count = VerifyError::InputCount { expected: inputs, got: 3 };
        Files::refused(|f| f.key = key(7, inputs), CheckError::Refused(count));
    }
    // The right points in the wrong places.
    let equation = || CheckError::Refused(VerifyError::Equation);
    Files::refused(|f| f.key["IC"].as_array_mut().expect("a list").swap(1, 2), equation());
    let [gamma, delta] = ["vk_gamma_2", "vk_delta_2"].map(|name| Files::new().key[name].clone());
    Files::refused(|f| (f.key["vk_gamma_2"], f.key["vk_delta_2"]) = (delta, gamma), equation());
}

#[test]
fn malformed_keys_are_refused_by_place() {
    let point = |element, reason| key_error(KeyError::Point { element, reason });
    let off = json!(["1", "1", "1"]);
    Files::refused(|f| f.key["vk_alpha_1"] = off.clone(), point(Element::Alpha, PointError::NotOnCurve));
    Files::refused(|f| f.key["IC"][0] = off, point(Element::Ic(0), PointError::NotOnCurve));
    let (off, outside) = (json!([["1", "0"], ["1", "0"], ["1", "0"]]), g2_json(&outside_subgroup()));
    for (name, element) in
        [("vk_beta_2", Element::Beta), ("vk_gamma_2", Element::Gamma), ("vk_delta_2", Element::Delta)]
    {
        Files::refused(|f| f.key[name] = off.clone(), point(element, PointError::NotOnCurve));
        Files::refused(|f| f.key[name] = outside.clone(), point(element, PointError::NotInSubgroup));
    }
    Files::refused(|f| f.key["nPublic"] = json!(4), key_error(KeyError::IcLength { expected: 5, got: 4 }));
    Files::refused(|f| f.key["nPublic"] = json!(1025), key_error(KeyError::TooManyInputs { got: 1025 }));
    let affine = ParseError::NotAffine { place: "IC[2]".into() };
    Files::refused(|f| f.key["IC"][2][2] = json!("0"), CheckError::Key(affine));
    let modulus: BigUint = ark_bn254::Fq::MODULUS.into();
    let number = |place: &str, reason| CheckError::Key(ParseError::Number { place: place.into(), reason });
    Files::refused(
        |f| f.key["vk_delta_2"][1][0] = json!(modulus.to_string()),
        number("vk_delta_2[1][0]", ScalarError::NotCanonical),
    );
    Files::refused(|f| f.key["IC"][1][0] = json!("0x1"), number("IC[1][0]", ScalarError::NotDecimal));
    let kind = ParseError::Kind { field: "curve", found: "bls12381".into(), expected: "bn128" };
    Files::refused(|f| f.key["curve"] = json!("bls12381"), CheckError::Key(kind));
}

#[test]
fn proofs_of_the_right_form_that_prove_something_else_are_refused() {
    let equation = || CheckError::Refused(VerifyError::Equation);
    Files::refused(|f| f.set_proof(-f.points.a(), f.points.b(), f.points.c()), equation());
    Files::refused(|f| f.set_proof(f.points.a(), -f.points.b(), f.points.c()), equation());
    Files::refused(|f| f.set_proof(f.points.a(), f.points.b(), -f.points.c()), equation());
    Files::refused(|f| f.set_proof(f.points.c(), f.points.b(), f.points.a()), equation());
    let twice = |p: G1Affine| (p + p).into_affine();
    Files::refused(|f| f.set_proof(twice(f.points.a()), f.points.b(), f.points.c()), equation());
    let other = TrapdoorKey::from_seed(7, 3).simulate(&[Fr::from(1), Fr::from(2), Fr::from(3)], 8);
    Files::refused(|f| f.set_proof(other.a(), other.b(), other.c()), equation());
    // Anybody can turn a proof into another of the same statement: what counts is the statement, never the proof's bytes.
    let mut same = Files::new();
    same.set_proof(-same.points.a(), -same.points.b(), same.points.c());
    same.check().expect("e(-A, -B) = e(A, B)");
}

#[test]
fn malformed_proofs_are_refused_by_place() {
    let proof = |error| CheckError::Proof(ParseError::Proof(error));
    let off = json!(["1", "1", "1"]);
    Files::refused(|f| f.proof["pi_a"] = off.clone(), proof(ProofError::A(PointError::NotOnCurve)));
    Files::refused(|f| f.proof["pi_c"] = off, proof(ProofError::C(PointError::NotOnCurve)));
    let off = json!([["1", "0"], ["1", "0"], ["1", "0"]]);
    Files::refused(|f| f.proof["pi_b"] = off, proof(ProofError::B(PointError::NotOnCurve)));
    let outside = g2_json(&outside_subgroup());
    Files::refused(|f| f.proof["pi_b"] = outside, proof(ProofError::B(PointError::NotInSubgroup)));
    for place in ["pi_a", "pi_c"] {
        let affine = || CheckError::Proof(ParseError::NotAffine { place: place.into() });
        Files::refused(|f| f.proof[place] = json!(["0", "1", "0"]), affine());
    }
    let modulus: BigUint = ark_bn254::Fq::MODULUS.into();
    for (pointer, place) in [("/pi_a/1", "pi_a[1]"), ("/pi_b/0/1", "pi_b[0][1]"), ("/pi_c/0", "pi_c[0]")] {
        let alias = |f: &mut Files| {
            let number = f.proof.pointer_mut(pointer).expect("the place exists");
            let value: BigUint = number.as_str().expect("a number").parse().expect("digits");
            *number = json!((value + &modulus).to_string());
        };
        let reason = ScalarError::NotCanonical;
        Files::refused(alias, CheckError::Proof(ParseError::Number { place: place.into(), reason }));
    }
}

#[test]
fn malformed_public_data_are_refused_by_place() {
    let data = |error| CheckError::PublicData(error);
    let word = |place: &str, reason| data(PublicDataError::Word { place: place.into(), reason });
    let modulus: BigUint = Fr::MODULUS.into();
    let modulus = json!(format!("0x{modulus:064x}"));
    Files::refused(|f| f.data["words"][7] = modulus.clone(), word("words[7]", ScalarError::NotCanonical));
    Files::refused(|f| f.data["c"] = modulus, word("c", ScalarError::NotCanonical));
    Files::refused(|f| f.data["words"][0] = json!("5"), word("words[0]", ScalarError::NotHexWord));
    let y = Files::new().data["y"].clone();
    Files::refused(|f| f.data["z"] = y, data(PublicDataError::Claim { name: "z" }));
}

#[test]
fn texts_that_are_too_long_are_not_parsed() {
    let files = Files::new();
    let [proof, key, data] = [&files.proof, &files.key, &files.data].map(Value::to_string);
    let (long, bytes) = (" ".repeat(MAX_TEXT_BYTES + 1), MAX_TEXT_BYTES + 1);
    let refused = |proof: &str, key: &str, data: &str| verify_texts(proof, key, data).map_err(|e| e.to_string());
    let too_long = || ParseError::TooLong(bytes);
    assert_eq!(refused(&long, &key, &data), Err(CheckError::Proof(too_long()).to_string()));
    assert_eq!(refused(&proof, &long, &data), Err(CheckError::Key(too_long()).to_string()));
    let expected = CheckError::PublicData(PublicDataError::TooLong(bytes));
    assert_eq!(refused(&proof, &key, &long), Err(expected.to_string()));
}
