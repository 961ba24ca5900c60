//! The native crypto against answers of circomlibjs and of the published test suites.
//!
//! `tests/vectors/` holds what may be committed. The project's data folder (`../../shared/data` from this crate, or NOVATION_DATA) holds
//! all of it; where it is present the same checks run over it too.

use ark_ff::{BigInteger, PrimeField, Zero};
use novation_state::crypto::babyjub::{Point, PointError, Scalar, A, BASE8, D};
use novation_state::crypto::eddsa::{self, EddsaError, SecretKey, Signature, SignatureBytesError};
use novation_state::crypto::{poseidon, Fr};
use num_bigint::BigUint;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::str::FromStr;

fn read(path: &Path) -> Value {
    println!("reading {}", path.display());
    let text = std::fs::read_to_string(path).expect("a readable file");
    serde_json::from_str(&text).expect("JSON")
}

fn committed(name: &str) -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name))
}

/// The file in the data folder, or None (said aloud) where there is no such folder.
fn shared(name: &str) -> Option<Value> {
    let folder = match std::env::var_os("NOVATION_DATA") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    if !folder.is_dir() {
        println!("skipped {name}: no data folder");
        return None;
    }
    Some(read(&folder.join("crypto").join(name)))
}

fn list<'a>(v: &'a Value, key: &str) -> &'a Vec<Value> {
    v[key].as_array().unwrap_or_else(|| panic!("a list {key}"))
}

fn text(v: &Value) -> &str {
    v.as_str().expect("a string")
}

/// A decimal field element; the number must be below the modulus.
fn fr(v: &Value) -> Fr {
    Fr::from_str(text(v)).expect("a field element")
}

fn integer(v: &Value) -> BigUint {
    BigUint::from_str(text(v)).expect("a number")
}

fn point(v: &Value, x: &str, y: &str) -> Point {
    Point { x: fr(&v[x]), y: fr(&v[y]) }
}

fn pair(v: &Value) -> Point {
    Point { x: fr(&v[0]), y: fr(&v[1]) }
}

fn bytes<const N: usize>(v: &Value) -> [u8; N] {
    let s = text(v);
    assert_eq!(s.len(), 2 * N);
    std::array::from_fn(|i| u8::from_str_radix(&s[2 * i..2 * i + 2], 16).expect("hexadecimal"))
}

fn check_poseidon(vectors: &[Value]) {
    let mut widths = [0usize; 18];
    for v in vectors {
        let inputs: Vec<Fr> = v["inputs"].as_array().expect("inputs").iter().map(fr).collect();
        assert_eq!(poseidon::hash(Fr::zero(), &inputs), fr(&v["hash"]), "{v}");
        widths[inputs.len() + 1] += 1;
    }
    println!("{} hashes, by width {:?}", vectors.len(), &widths[2..]);
}

#[test]
fn poseidon_equals_circomlibjs_at_every_width() {
    let file = committed("poseidon_circomlibjs.json");
    assert_eq!(list(&file, "vectors").len(), 4 * 16);
    check_poseidon(list(&file, "vectors"));
    if let Some(all) = shared("poseidon/poseidon_bn254_circomlibjs_random.json") {
        assert_eq!(list(&all, "vectors").len(), 260);
        check_poseidon(list(&all, "vectors"));
    }
}

#[test]
fn poseidon_equals_published_answers() {
    let file = committed("poseidon_published.json");
    check_poseidon(list(&file, "hash"));
    let mut state = [Fr::zero(), Fr::from(1u64), Fr::from(2u64)];
    poseidon::permute(&mut state);
    let published: Vec<Fr> = list(&file, "permutation_outputs_t3_inputs_1_2").iter().map(fr).collect();
    assert_eq!(state[..2], published);
}

#[test]
fn capacity_separates_domains() {
    let inputs = [Fr::from(1u64), Fr::from(2u64)];
    assert_ne!(poseidon::hash(Fr::from(1u64), &inputs), poseidon::hash(Fr::zero(), &inputs));
}

#[test]
fn curve_constants_and_multiples_of_base8_equal_circomlibjs() {
    let file = committed("babyjub_mul_base8.json");
    assert_eq!(pair(&file["Base8"]), BASE8);
    assert_eq!(pair(&file["Generator"]).mul8(), BASE8);
    assert_eq!(A, fr(&file["A"]));
    assert_eq!(D, fr(&file["D"]));
    let order = integer(&file["subOrder"]);
    assert_eq!(BigUint::from(Scalar::MODULUS), order);
    assert_eq!(order * 8u32, integer(&file["order"]));
    assert_eq!(list(&file, "mul").len(), 40);
    for v in list(&file, "mul") {
        let expected = point(v, "x", "y");
        let k = integer(&v["k"]);
        assert_eq!(BASE8.mul_bits(&k.to_u64_digits()), expected, "{v}");
        let scalar = Scalar::from_le_bytes_mod_order(&k.to_bytes_le());
        assert_eq!(Point::mul_base8(&scalar), expected, "{v}");
        assert_eq!(BASE8.mul(&scalar), expected, "{v}");
    }
}

#[test]
fn additions_and_multiples_of_other_points_equal_published_answers() {
    let file = committed("eddsa_published.json");
    for v in list(&file, "babyjub_add") {
        assert_eq!(pair(&v["p"]).add(&pair(&v["q"])), pair(&v["r"]), "{v}");
        assert_eq!(pair(&v["q"]).add(&pair(&v["p"])), pair(&v["r"]), "{v}");
    }
    for v in list(&file, "babyjub_mul") {
        assert_eq!(pair(&v["p"]).mul_bits(&integer(&v["k"]).to_u64_digits()), pair(&v["r"]), "{v}");
    }
}

#[test]
fn forty_circomlibjs_signatures_are_reproduced_and_accepted() {
    let file = committed("eddsa_circomlibjs.json");
    assert_eq!(list(&file, "valid").len(), 40);
    for v in list(&file, "valid") {
        let key = SecretKey::from_seed(&bytes(&v["sk"]));
        let public = point(v, "Ax", "Ay");
        assert_eq!(key.public(), public);
        assert_eq!(public.pack(), bytes::<32>(&v["packed_pub"]));
        assert_eq!(Point::unpack(&bytes(&v["packed_pub"])), Ok(public));
        let sig = Signature { r: point(v, "R8x", "R8y"), s: fr(&v["S"]) };
        assert_eq!(key.sign(fr(&v["msg"])), sig);
        assert_eq!(sig.to_bytes(), bytes::<64>(&v["packed_sig"]));
        assert_eq!(Signature::from_bytes(&bytes(&v["packed_sig"])), Ok(sig));
        assert_eq!(eddsa::verify(&public, fr(&v["msg"]), &sig), Ok(()));
    }
}

#[test]
fn published_signature_is_reproduced() {
    let v = &committed("eddsa_published.json")["eddsa_poseidon"];
    let key = SecretKey::from_seed(&bytes(&v["sk_hex"]));
    assert_eq!(key.public(), point(v, "Ax", "Ay"));
    let sig = key.sign(fr(&v["msg"]));
    assert_eq!(sig, Signature { r: point(v, "R8x", "R8y"), s: fr(&v["S"]) });
    assert_eq!(sig.to_bytes(), bytes::<64>(&v["packed"]));
    assert_eq!(eddsa::verify(&key.public(), fr(&v["msg"]), &sig), Ok(()));
}

fn expected_error(why: &str) -> EddsaError {
    match why {
        "msg+1" | "S+1" | "R8 negated x" => EddsaError::EquationFails,
        "S+L (malleable: must be rejected by S<L check)" => EddsaError::ScalarOutOfRange,
        "pubkey identity (0,1)" => EddsaError::KeyOfSmallOrder,
        "R8 off-curve" => EddsaError::NonceNotOnCurve,
        other => panic!("a reason this test does not know: {other}"),
    }
}

#[test]
fn sixty_bad_signatures_are_refused_each_for_its_reason() {
    let file = committed("eddsa_circomlibjs.json");
    assert_eq!(list(&file, "invalid").len(), 60);
    for v in list(&file, "invalid") {
        let sig = Signature { r: point(v, "R8x", "R8y"), s: fr(&v["S"]) };
        let got = eddsa::verify(&point(v, "Ax", "Ay"), fr(&v["msg"]), &sig);
        assert_eq!(got, Err(expected_error(text(&v["why"]))), "{v}");
    }
}

#[test]
fn committed_signature_files_equal_those_of_the_data_folder() {
    for (ours, theirs) in [
        ("eddsa_circomlibjs.json", "babyjub_eddsa/eddsa_poseidon_circomlibjs.json"),
        ("babyjub_mul_base8.json", "babyjub_eddsa/babyjub_mul_base8.json"),
    ] {
        if let Some(theirs) = shared(theirs) {
            assert_eq!(committed(ours), theirs);
        }
    }
}

fn signed() -> (Point, Fr, Signature) {
    let key = SecretKey::from_seed(&[42; 32]);
    let msg = Fr::from(5u64);
    (key.public(), msg, key.sign(msg))
}

#[test]
fn verify_with_key_off_curve_is_refused() {
    let (mut public, msg, sig) = signed();
    public.x += Fr::from(1u64);
    assert_eq!(eddsa::verify(&public, msg, &sig), Err(EddsaError::KeyNotOnCurve));
}

#[test]
fn verify_with_any_key_of_small_order_is_refused() {
    // (0, -1) has order 2. With 8A = 0 everybody could sign: S = nonce.
    let order_two = Point { x: Fr::zero(), y: -Fr::from(1u64) };
    let nonce = Scalar::from(77u64);
    let sig = Signature { r: Point::mul_base8(&nonce), s: Fr::from(77u64) };
    for key in [order_two, Point::identity()] {
        assert_eq!(eddsa::verify(&key, Fr::from(1u64), &sig), Err(EddsaError::KeyOfSmallOrder));
    }
}

#[test]
fn signature_bytes_with_scalar_plus_order_are_refused() {
    let (_, _, sig) = signed();
    let order = Fr::from_bigint(Scalar::MODULUS).expect("l is below r");
    let high = Signature { s: sig.s + order, ..sig };
    assert_eq!(Signature::from_bytes(&high.to_bytes()), Err(SignatureBytesError::Scalar));
}

#[test]
fn signature_bytes_with_unreadable_nonce_are_refused() {
    let (_, _, sig) = signed();
    let mut raw = sig.to_bytes();
    raw[..32].copy_from_slice(&Fr::MODULUS.to_bytes_le());
    assert_eq!(Signature::from_bytes(&raw), Err(SignatureBytesError::Nonce));
    assert_eq!(Point::unpack(&raw[..32].try_into().expect("32 bytes")), Err(PointError::BadPacking));
}
