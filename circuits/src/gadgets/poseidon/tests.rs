use super::*;
use crate::cs::{Lie, Matrices};
use ark_ff::{One, UniformRand};
use ark_std::rand::{rngs::StdRng, SeedableRng};
use std::collections::BTreeSet;

const NAME: &str = "poseidon";

fn random(n: usize, seed: u64) -> Vec<Fr> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..n).map(|_| Fr::rand(&mut rng)).collect()
}

/// The three entry points, so that every test can run on all of them.
#[derive(Clone, Copy, Debug)]
enum Form {
    Hash,
    HashWith,
    Permute,
}

const FORMS: [Form; 3] = [Form::Hash, Form::HashWith, Form::Permute];

/// Public outputs, then the gadget tied to them.
fn circuit(cs: &mut Cs, form: Form, state: &[Fr], outputs: &[Fr]) {
    let outputs: Vec<Lc> = outputs.iter().map(|o| cs.public(*o)).collect();
    cs.scope("test", 0);
    let wires: Vec<Lc> = state.iter().map(|v| cs.alloc("input", || *v)).collect();
    let got = match form {
        Form::Hash => vec![hash(cs, NAME, state[0], &wires[1..])],
        Form::HashWith => vec![hash_with(cs, NAME, &wires[0], &wires[1..])],
        Form::Permute => permute(cs, NAME, &wires),
    };
    assert_eq!(got.len(), outputs.len());
    for (g, o) in got.iter().zip(&outputs) {
        cs.enforce_eq("output", g, o);
    }
}

fn expected(form: Form, state: &[Fr]) -> Vec<Fr> {
    let mut out = state.to_vec();
    native::permute(&mut out);
    match form {
        Form::Permute => out,
        _ => out[..1].to_vec(),
    }
}

fn shape(form: Form, state: &[Fr]) -> Matrices {
    let mut cs = Cs::new(Mode::Shape, &[]);
    circuit(&mut cs, form, state, &expected(form, state));
    cs.into_matrices()
}

#[test]
fn gadget_equals_native_at_every_width_in_every_mode() {
    for t in native::MIN_WIDTH..=native::MAX_WIDTH {
        for form in FORMS {
            let state = random(t, t as u64);
            let out = expected(form, &state);
            let mut check = Cs::new(Mode::Check, &[]);
            circuit(&mut check, form, &state, &out);
            assert_eq!(check.failures(), [], "t = {t}, {form:?}");
            let mut witness = Cs::new(Mode::Witness, &[]);
            circuit(&mut witness, form, &state, &out);
            assert_eq!(witness.num_constraints(), check.num_constraints());
            let m = shape(form, &state);
            assert_eq!(m.num_constraints(), check.num_constraints());
            let assignment = witness.into_assignment();
            assert_eq!(assignment, check.into_assignment());
            assert_eq!(m.unsatisfied(&assignment), [], "t = {t}, {form:?}");
        }
    }
}

#[test]
fn a_wrong_output_fails() {
    for form in FORMS {
        let state = random(5, 1);
        let mut out = expected(form, &state);
        out[0] += Fr::one();
        let mut check = Cs::new(Mode::Check, &[]);
        circuit(&mut check, form, &state, &out);
        let names: Vec<_> = check.failures().iter().map(|f| f.name).collect();
        assert_eq!(names, ["output"]);
    }
}

#[test]
fn counts_are_three_an_sbox() {
    let own = |form, t: usize| {
        let m = shape(form, &random(t, 3));
        m.name_counts()[&("test", NAME)]
    };
    for (t, count) in [(2, 213), (3, 240), (5, 297), (6, 321), (17, 609)] {
        assert_eq!(own(Form::Hash, t), count, "t = {t}");
        assert_eq!(hash_constraints(t - 1), count);
        assert_eq!(own(Form::HashWith, t), count + 3);
        assert_eq!(own(Form::Permute, t), count + 3);
    }
}

#[test]
fn factors_are_single_wires_after_the_first_rounds() {
    // Dense factors are what makes a witness map slow; this pins that they stay out.
    let m = shape(Form::Hash, &random(17, 4));
    let entries = |s: &crate::cs::Sparse| s.coefficients.len();
    // Beyond one wire a factor: 16 round constants beside the inputs, and the input of round 1 that is a combination of 15 wires
    // and a constant; once in A, twice in B. Then the test's own comparison.
    assert_eq!((entries(&m.a), entries(&m.b)), (609 + 16 + 16 + 2, 609 + 2 * (16 + 16) + 1));
    assert_eq!(entries(&m.c), 7205);
}

/// Every wire of the gadget, changed alone, breaks a constraint of the gadget: none is free.
#[test]
fn every_wire_is_bound() {
    for form in FORMS {
        let state = random(3, 5);
        let out = expected(form, &state);
        let m = shape(form, &state);
        let mut witness = Cs::new(Mode::Witness, &[]);
        circuit(&mut witness, form, &state, &out);
        let honest = witness.into_assignment();
        let first = 1 + out.len() + state.len();
        for wire in first..honest.len() {
            let mut lied = honest.clone();
            lied[wire] += Fr::one();
            let failed: BTreeSet<_> = m.unsatisfied(&lied).into_iter().map(|(_, name)| name).collect();
            assert!(failed.contains(NAME), "{form:?}, wire {wire}: {failed:?}");
        }
    }
}

#[test]
fn a_lie_about_any_hint_fails_poseidon() {
    let state = random(3, 6);
    let out = expected(Form::Hash, &state);
    let hints = hash_constraints(2);
    for nth in 0..hints {
        let lies = [Lie { lane: "test", index: 0, name: NAME, nth, value: Fr::from(99u64) }];
        let mut check = Cs::new(Mode::Check, &lies);
        circuit(&mut check, Form::Hash, &state, &out);
        assert!(check.failures().iter().any(|f| f.name == NAME), "hint {nth}");
    }
}

#[test]
#[should_panic(expected = "poseidon takes 1 to 16 inputs, not 17")]
fn seventeen_inputs_panic() {
    let mut cs = Cs::new(Mode::Shape, &[]);
    hash(&mut cs, NAME, Fr::zero(), &vec![Lc::zero(); 17]);
}

/// A second implementation beside ours: the definition, round by round, in arkworks' gadgets.
#[test]
fn arkworks_gadget_of_the_definition_gives_the_same_digest_at_the_same_count() {
    use ark_r1cs_std::{alloc::AllocVar, fields::fp::FpVar, fields::FieldVar, GR1CSVar};
    use ark_relations::gr1cs::ConstraintSystem;
    for t in [3, 5, 6] {
        let start = random(t, 7);
        let p = native::params(t);
        let half = FULL_ROUNDS / 2;
        let cs = ConstraintSystem::<Fr>::new_ref();
        let mut state: Vec<FpVar<Fr>> = vec![FpVar::constant(start[0])];
        for v in &start[1..] {
            state.push(FpVar::new_witness(cs.clone(), || Ok(*v)).unwrap());
        }
        for (r, constants) in p.ark.iter().enumerate() {
            let partial = r >= half && r < half + p.partial_rounds;
            for i in 0..t {
                state[i] += constants[i];
                if i == 0 || !partial {
                    let x2 = state[i].square().unwrap();
                    state[i] = x2.square().unwrap() * &state[i];
                }
            }
            state = p
                .mds
                .iter()
                .map(|row| row.iter().zip(&state).map(|(m, s)| s * *m).fold(FpVar::zero(), |a, b| a + b))
                .collect();
        }
        assert!(cs.is_satisfied().unwrap());
        assert_eq!(state[0].value().unwrap(), expected(Form::Hash, &start)[0]);
        assert_eq!(cs.num_constraints(), hash_constraints(t - 1));
    }
}
