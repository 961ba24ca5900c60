//! Import of `.zkey`: what a ceremony makes is used, everything else is refused by name.

use crate::common::{assignment, backend, data, r1cs};
use crate::zkey_writer::{g1_bytes, g2_bytes, Zkey};
use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, Field, PrimeField};
use novation_gpu::MatricesBuilder;
use novation_prover::iden3::{zkey_from_bytes, Iden3Error};
use novation_prover::{Prover, R1cs};
use novation_verifier::groth16::{verify, Element, KeyError, PointError};

/// Offsets in the header: two moduli with lengths, three counts, then points.
const WIRES: usize = 72;
const ALPHA: usize = WIRES + 12;
const BETA1: usize = ALPHA + 64;
const BETA2: usize = BETA1 + 64;
const GAMMA2: usize = BETA2 + 128;
const DELTA1: usize = GAMMA2 + 128;
const DELTA2: usize = DELTA1 + 64;

#[test]
fn key_in_evaluation_form_proves() {
    for n in [1, 2, 9, 17] {
        let system = r1cs(n);
        let key = zkey_from_bytes(&Zkey::make(&system).bytes(), &system).unwrap();
        let prover = Prover::new(backend(), system, key).unwrap();
        let w = assignment(n, 321);
        let proved = prover.prove(w.clone(), &()).unwrap();
        assert_eq!(verify(prover.verifying_key(), &proved.proof, &w[1..4]), Ok(()));
    }
}

/// The error for a spoilt key, in words.
fn refused(change: impl FnOnce(&mut Zkey)) -> String {
    let system = r1cs(2);
    let mut zkey = Zkey::make(&system);
    change(&mut zkey);
    zkey_from_bytes(&zkey.bytes(), &system).unwrap_err().to_string()
}

/// What the error would say.
fn says(error: Iden3Error) -> String {
    error.to_string()
}

#[test]
fn spoilt_shells_are_refused() {
    let system = r1cs(2);
    let bytes = Zkey::make(&system).bytes();
    let read = |bytes: &[u8]| zkey_from_bytes(bytes, &system).unwrap_err().to_string();
    for at in [0, 4] {
        let mut bad = bytes.clone();
        bad[at] ^= 2;
        assert_eq!(read(&bad), says(Iden3Error::Kind("zkey")));
    }
    assert_eq!(read(&bytes[..3]), says(Iden3Error::Kind("zkey")));
    for len in [8, 11, 13, 20, 200, bytes.len() - 1] {
        let kind = if len < 8 { Iden3Error::Kind("zkey") } else { Iden3Error::Length("zkey") };
        assert_eq!(read(&bytes[..len]), says(kind), "length {len}");
    }
    for id in 1..=9 {
        let got = refused(|z| z.0.retain(|(i, _)| *i != id));
        assert_eq!(got, says(Iden3Error::MissingSection(id)));
        let got = refused(|z| z.0.push((id, Vec::new())));
        assert_eq!(got, says(Iden3Error::DuplicateSection(id)));
    }
}

#[test]
fn spoilt_headers_are_refused() {
    assert_eq!(refused(|z| z.section(1)[0] = 2), says(Iden3Error::OtherProtocol(2)));
    assert_eq!(refused(|z| z.section(2)[4] ^= 1), says(Iden3Error::OtherField("base")));
    assert_eq!(refused(|z| z.section(2)[0] = 48), says(Iden3Error::OtherField("base")));
    assert_eq!(refused(|z| z.section(2)[40] ^= 1), says(Iden3Error::OtherField("scalar")));
    for (k, what, expected) in [(0, "wires", 15), (1, "public inputs", 3), (2, "domain", 32)] {
        let got = refused(|z| z.section(2)[WIRES + 4 * k] += 1);
        assert_eq!(got, says(Iden3Error::OtherCircuit { what, expected, got: expected + 1 }));
    }
    assert_eq!(refused(|z| z.section(2).push(0)), says(Iden3Error::Length("zkey header")));
    assert_eq!(refused(|z| z.section(2).truncate(100)), says(Iden3Error::Length("zkey header")));
}

fn outside_subgroup() -> G2Affine {
    // Almost every point of the twist is outside; the first abscissa that has one will do.
    let found = (1u64..).find_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true));
    let point = found.unwrap();
    assert!(point.is_on_curve() && !point.is_in_correct_subgroup_assuming_on_curve());
    point
}

#[test]
fn points_outside_their_groups_are_refused_wherever_they_stand() {
    let off_g1 = g1_bytes(&[G1Affine::new_unchecked(Fq::from(1), Fq::from(1))]);
    let off_g2 = g2_bytes(&[G2Affine::new_unchecked(Fq2::from(1), Fq2::from(1))]);
    let outside = g2_bytes(&[outside_subgroup()]);
    let at = |section, offset, bytes: &[u8]| {
        refused(|z| z.section(section)[offset..offset + bytes.len()].copy_from_slice(bytes))
    };
    let point = |what, index, reason| says(Iden3Error::Point { what, index, reason });
    for (what, section, offset) in [
        ("alpha in G1", 2, ALPHA),
        ("beta in G1", 2, BETA1),
        ("delta in G1", 2, DELTA1),
        ("IC", 3, 0),
        ("A query", 5, 0),
        ("B query in G1", 6, 0),
        ("L query", 8, 0),
        ("H query", 9, 0),
    ] {
        assert_eq!(at(section, offset, &off_g1), point(what, 0, PointError::NotOnCurve));
        assert_eq!(at(section, offset + 32, &[0xff; 32]), says(Iden3Error::Coordinate { what }));
        if section != 2 {
            assert_eq!(at(section, 128, &off_g1), point(what, 2, PointError::NotOnCurve));
            let length = refused(|z| z.section(section).push(0));
            assert_eq!(length, says(Iden3Error::Length(what)));
        }
    }
    for (what, section, offset) in
        [("beta in G2", 2, BETA2), ("gamma in G2", 2, GAMMA2), ("delta in G2", 2, DELTA2), ("B query in G2", 7, 0)]
    {
        assert_eq!(at(section, offset, &off_g2), point(what, 0, PointError::NotOnCurve));
        assert_eq!(at(section, offset, &outside), point(what, 0, PointError::NotInSubgroup));
        assert_eq!(at(section, offset + 96, &[0xff; 32]), says(Iden3Error::Coordinate { what }));
    }
}

#[test]
fn keys_by_which_anybody_forges_are_refused() {
    let same = |first, second| says(KeyError::SameUpToSign { first, second }.into());
    let got = refused(|z| z.section(2).copy_within(GAMMA2..GAMMA2 + 128, DELTA2));
    assert_eq!(got, same(Element::Gamma, Element::Delta));
    let got = refused(|z| {
        // Phase 2 skipped, and gamma disguised.
        z.section(2).copy_within(BETA2..BETA2 + 128, GAMMA2);
        z.section(2)[DELTA2..DELTA2 + 128].copy_from_slice(&g2_bytes(&[G2Affine::generator()]));
    });
    assert_eq!(got, same(Element::Delta, Element::Generator));
}

#[test]
fn halves_of_beta_and_delta_that_do_not_match_are_refused() {
    for (what, offset) in [("beta", BETA1), ("delta", DELTA1)] {
        let got = refused(|z| z.section(2).copy_within(ALPHA..ALPHA + 64, offset));
        assert_eq!(got, says(Iden3Error::Unpaired(what)));
    }
}

#[test]
fn key_made_for_other_matrices_is_refused() {
    let entry = |k: usize| 4 + 44 * k;
    // Another value, row, wire or matrix of an entry; an entry less; one that lies outside.
    for offset in [12, 4, 8, 0] {
        let got = refused(|z| z.section(4)[entry(3) + offset] ^= 1);
        assert_eq!(got, says(Iden3Error::OtherMatrices), "offset {offset}");
    }
    let got = refused(|z| z.section(4)[entry(3) + 4..entry(3) + 8].fill(0xff));
    assert_eq!(got, says(Iden3Error::OtherMatrices));
    let got = refused(|z| {
        let count = z.section(4)[0];
        z.section(4)[0] = count - 1;
        z.section(4).truncate(entry(count as usize - 1));
    });
    assert_eq!(got, says(Iden3Error::OtherMatrices), "the row of the last public wire is missing");
    let got = refused(|z| z.section(4)[entry(3) + 12..entry(4)].fill(0xff));
    assert_eq!(got, says(Iden3Error::NotCanonical { what: "zkey coefficients", index: 3 }));
    assert_eq!(refused(|z| z.section(4).push(0)), says(Iden3Error::Length("zkey coefficients")));
}

#[test]
fn order_of_coefficients_does_not_matter() {
    let system = r1cs(2);
    let mut zkey = Zkey::make(&system);
    let section = zkey.section(4);
    let mut entries: Vec<Vec<u8>> = section[4..].chunks(44).map(<[u8]>::to_vec).collect();
    entries.reverse();
    section.truncate(4);
    section.extend(entries.concat());
    zkey_from_bytes(&zkey.bytes(), &system).unwrap();
}

/// `test.zkey` of ark-circom's tests: one constraint `a * b = c`, `c` public, and a phase 2 that nobody contributed to.
#[test]
fn zkey_of_ark_circom_without_phase_two_is_refused_for_its_delta_alone() {
    let Some(path) = data("crypto/groth16/arkcircom_mycircuit/test.zkey") else { return };
    let mut builder = MatricesBuilder::new(2, 4);
    let minus = -Fr::ONE;
    builder.push([(2, minus)], [(3, Fr::ONE)], [(1, minus)]).unwrap();
    let system = R1cs::new(builder.finish().unwrap());
    let got = zkey_from_bytes(&std::fs::read(path).unwrap(), &system).unwrap_err();
    let same = KeyError::SameUpToSign { first: Element::Gamma, second: Element::Delta };
    assert_eq!(got.to_string(), says(same.into()));
}

#[test]
fn writer_of_these_tests_keeps_montgomery_form() {
    // 1 * R for the abscissa of the generator, 2 * R for its ordinate.
    let r = Fq::from(2u64).pow([256]);
    let expected = [r, r + r].map(|x| x.into_bigint().to_bytes_le()).concat();
    assert_eq!(g1_bytes(&[G1Affine::generator()]), expected);
}
