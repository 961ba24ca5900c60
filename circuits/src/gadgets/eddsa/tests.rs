use super::*;
use crate::cs::{Lie, Matrices, Mode};
use ark_ff::{One, PrimeField, UniformRand};
use ark_std::rand::{rngs::StdRng, SeedableRng};
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::{self as native, EddsaError, SecretKey, Signature};
use serde_json::Value;

#[derive(Clone, Copy)]
struct Case {
    enabled: bool,
    key: Point,
    msg: Fr,
    sig: Signature,
}

fn circuit(cs: &mut Cs, c: &Case) {
    cs.scope("test", 0);
    let enabled = cs.bit("input.enabled", || c.enabled);
    let (ax, ay) = (cs.alloc("input.ax", || c.key.x), cs.alloc("input.ay", || c.key.y));
    let msg = cs.alloc("input.msg", || c.msg);
    let sig = SignatureWires {
        r_x: cs.alloc("input.rx", || c.sig.r.x),
        r_y: cs.alloc("input.ry", || c.sig.r.y),
        s: cs.alloc("input.s", || c.sig.s),
    };
    verify(cs, &enabled, (&ax, &ay), &msg, &sig);
}

/// Names that fail, in order.
fn failures(c: &Case, lies: &[Lie]) -> Vec<&'static str> {
    let mut cs = Cs::new(Mode::Check, lies);
    circuit(&mut cs, c);
    cs.failures().iter().map(|f| f.name).collect()
}

fn shape(c: &Case) -> Matrices {
    let mut cs = Cs::new(Mode::Shape, &[]);
    circuit(&mut cs, c);
    cs.into_matrices()
}

fn lie(name: &'static str, nth: usize, value: Fr) -> Lie {
    Lie { lane: "test", index: 0, name, nth, value }
}

fn signed(seed: u8) -> Case {
    let key = SecretKey::from_seed(&[seed; 32]);
    let msg = Fr::from(1_000 + u64::from(seed));
    Case { enabled: true, key: key.public(), msg, sig: key.sign(msg) }
}

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../state/tests/vectors/eddsa_circomlibjs.json");
    println!("reading {path}");
    serde_json::from_str(&std::fs::read_to_string(path).expect("a readable file")).expect("JSON")
}

fn case(v: &Value) -> Case {
    let fr = |key: &str| v[key].as_str().and_then(|s| s.parse::<Fr>().ok()).unwrap_or_else(|| panic!("a number {key}"));
    Case {
        enabled: true,
        key: Point { x: fr("Ax"), y: fr("Ay") },
        msg: fr("msg"),
        sig: Signature { r: Point { x: fr("R8x"), y: fr("R8y") }, s: fr("S") },
    }
}

#[test]
fn constraints_are_counted() {
    let m = shape(&signed(1));
    let own: usize =
        m.name_counts().iter().filter(|((_, name), _)| !name.starts_with("input.")).map(|(_, count)| count).sum();
    assert_eq!(own, CONSTRAINTS, "{:#?}", m.name_counts());
}

#[test]
fn forty_circomlibjs_signatures_satisfy_the_circuit() {
    let file = vectors();
    let valid = file["valid"].as_array().expect("a list");
    assert_eq!(valid.len(), 40);
    let m = shape(&case(&valid[0]));
    for v in valid {
        let c = case(v);
        assert_eq!(failures(&c, &[]), [] as [&str; 0]);
        let mut witness = Cs::new(Mode::Witness, &[]);
        circuit(&mut witness, &c);
        assert_eq!(m.unsatisfied(&witness.into_assignment()), []);
    }
}
