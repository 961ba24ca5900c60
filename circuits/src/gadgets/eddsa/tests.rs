use super::*;
use crate::cs::{Lie, Matrices, Mode};
use ark_ff::{BigInteger, Field, One, PrimeField, UniformRand};
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

/// The first constraint that stands against a bad signature. `scalar.bits` where S + l has a 252nd bit.
fn expected_failure(why: &str, c: &Case) -> &'static str {
    match native::verify(&c.key, c.msg, &c.sig).expect_err(why) {
        EddsaError::KeyOfSmallOrder => "base.u",
        EddsaError::ScalarOutOfRange if c.sig.s.into_bigint().num_bits() > 251 => "scalar.bits",
        EddsaError::ScalarOutOfRange => "scalar.below_order",
        EddsaError::KeyNotOnCurve => "point.on_curve",
        EddsaError::NonceNotOnCurve | EddsaError::EquationFails => "eddsa.equation",
    }
}

#[test]
fn sixty_bad_signatures_fail_each_at_a_named_constraint() {
    let file = vectors();
    let invalid = file["invalid"].as_array().expect("a list");
    assert_eq!(invalid.len(), 60);
    for v in invalid {
        let (c, why) = (case(v), v["why"].as_str().expect("a reason"));
        assert_eq!(failures(&c, &[])[0], expected_failure(why, &c), "{why}");
    }
}

#[test]
fn scalar_plus_order_fails_below_order_and_nothing_else() {
    // S small enough that S + l still has 251 bits: the equation holds, only the range does not.
    let order = Fr::from_bigint(Scalar::MODULUS).expect("l is below r");
    let room = Fr::from(2u64).pow([251]) - order;
    let mut c = (0..=255).map(signed).find(|c| c.sig.s.into_bigint() < room.into_bigint()).expect("a third are");
    c.sig.s += order;
    assert_eq!(native::verify(&c.key, c.msg, &c.sig), Err(EddsaError::ScalarOutOfRange));
    assert_eq!(failures(&c, &[]), ["scalar.below_order"]);
}

#[test]
fn wrong_inputs_fail_the_equation() {
    let one = Fr::one();
    let change: [fn(&mut Case, Fr); 4] =
        [|c, d| c.msg += d, |c, d| c.sig.s += d, |c, d| c.sig.r.x += d, |c, d| c.sig.r.y += d];
    for change in change {
        let mut c = signed(3);
        change(&mut c, one);
        assert_eq!(failures(&c, &[]), ["eddsa.equation", "eddsa.equation"]);
    }
}

#[test]
fn another_key_fails_the_equation_and_a_key_off_the_curve_fails_on_curve() {
    let mut c = signed(3);
    c.key = signed(4).key;
    assert_eq!(failures(&c, &[]), ["eddsa.equation", "eddsa.equation"]);
    let mut c = signed(3);
    c.key.y += Fr::one();
    assert_eq!(failures(&c, &[])[0], "point.on_curve");
}

#[test]
fn keys_of_small_order_fail_base() {
    let order_two = Point { x: Fr::zero(), y: -Fr::one() };
    for key in [Point::identity(), order_two] {
        // S = nonce would do if 8A were let through as 0.
        let nonce = Scalar::from(77u64);
        let sig = Signature { r: Point::mul_base8(&nonce), s: Fr::from(77u64) };
        let c = Case { enabled: true, key, msg: Fr::one(), sig };
        assert_eq!(native::verify(&key, c.msg, &sig), Err(EddsaError::KeyOfSmallOrder));
        assert_eq!(failures(&c, &[])[0], "base.u");
    }
}

#[test]
fn where_disabled_any_inputs_satisfy() {
    let mut rng = StdRng::seed_from_u64(31);
    let mut cases = vec![
        Case {
            enabled: false,
            key: Point { x: Fr::zero(), y: Fr::zero() },
            msg: Fr::zero(),
            sig: Signature { r: Point { x: Fr::zero(), y: Fr::zero() }, s: Fr::zero() },
        },
        Case { enabled: false, key: Point::identity(), ..signed(1) },
        Case { enabled: false, ..signed(1) },
    ];
    for _ in 0..4 {
        let mut fr = || Fr::rand(&mut rng);
        let key = Point { x: fr(), y: fr() };
        let sig = Signature { r: Point { x: fr(), y: fr() }, s: fr() };
        cases.push(Case { enabled: false, key, msg: fr(), sig });
    }
    for c in cases {
        assert_eq!(failures(&c, &[]), [] as [&str; 0]);
    }
}

/// The wires behind each name that a hint goes by, changed, fail first under that name: no name is decoration.
#[test]
fn a_lie_about_any_named_hint_fails_under_its_name_first() {
    // These are equations without a hint of their own; a test of each stands above or with its gadget.
    let equations = ["point.on_curve", "challenge.leading", "challenge.value", "eddsa.equation"];
    let c = signed(5);
    let m = shape(&c);
    let mut tried = 0;
    for (_, name) in m.name_counts().into_keys() {
        if name.starts_with("input.") || equations.contains(&name) {
            continue;
        }
        let failed = failures(&c, &[lie(name, 0, Fr::from(31_337u64))]);
        assert_eq!(failed.first(), Some(&name), "{failed:?}");
        tried += 1;
    }
    assert_eq!(tried, 44);
}

/// No wire of the gadget is free: changed alone, whichever it is, some constraint fails.
#[test]
fn every_wire_is_bound() {
    let c = signed(6);
    let m = shape(&c);
    let mut witness = Cs::new(Mode::Witness, &[]);
    circuit(&mut witness, &c);
    let mut assignment = witness.into_assignment();
    // A changed wire can only break rows it stands in.
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); m.num_wires];
    for i in 0..m.num_constraints() {
        for (wire, _) in m.a.row(i).chain(m.b.row(i)).chain(m.c.row(i)) {
            rows[wire as usize].push(i);
        }
    }
    for wire in 1..m.num_wires {
        let honest = assignment[wire];
        assignment[wire] += Fr::one();
        let broken = |i: &usize| m.a.dot(*i, &assignment) * m.b.dot(*i, &assignment) != m.c.dot(*i, &assignment);
        assert!(rows[wire].iter().any(broken), "wire {wire} is free");
        assignment[wire] = honest;
    }
}
