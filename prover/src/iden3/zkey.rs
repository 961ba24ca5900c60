//! `.zkey` of Groth16, version 1, as snarkjs writes it after `zkey contribute` or `zkey beacon`.
//!
//! Every point is checked to be in its group: the file comes from strangers. Whether the key is the outcome of an honest
//! ceremony on the published constraint system, `snarkjs zkey verify` decides, not this import.

use super::{read_file, Bytes, Iden3Error, Sections};
use crate::key::ProvingKey;
use crate::matrices::R1cs;
use crate::points::{g1_all, g2_all, G1_BYTES, G2_BYTES};
use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_ec::{pairing::Pairing, AffineRepr};
use ark_ff::{BigInt, Field, One, PrimeField, UniformRand, Zero};
use novation_gpu::{Matrices, Reduction};
use novation_verifier::groth16::{KeyParts, PointError, VerifyingKey};
use rand::rngs::OsRng;
use rayon::prelude::*;
use std::path::Path;

/// Reads a key made for `r1cs` by a snarkjs ceremony.
///
/// # Errors
/// [`Iden3Error`].
pub fn read_zkey(path: &Path, r1cs: &R1cs) -> Result<ProvingKey, Iden3Error> {
    zkey_from_bytes(&read_file(path)?, r1cs)
}

/// [`read_zkey`] from memory.
///
/// # Errors
/// [`Iden3Error`].
pub fn zkey_from_bytes(bytes: &[u8], r1cs: &R1cs) -> Result<ProvingKey, Iden3Error> {
    let m = r1cs.matrices();
    let sections = Sections::parse(bytes, b"zkey", &[1], "zkey")?;
    let protocol = sections.get(1, "zkey protocol")?.u32()?;
    if protocol != 1 {
        return Err(Iden3Error::OtherProtocol(protocol));
    }

    let mut header = sections.get(2, "zkey header")?;
    header.modulus::<Fq>("base")?;
    header.modulus::<Fr>("scalar")?;
    let domain = 1usize << m.log_domain();
    for (what, expected) in [("wires", m.num_wires()), ("public inputs", r1cs.num_public()), ("domain", domain)] {
        let got = header.u32()? as usize;
        if got != expected {
            return Err(Iden3Error::OtherCircuit { what, expected, got });
        }
    }
    let mut one_g1 = |what| g1(header.take(G1_BYTES)?, what).map(|p| p[0]);
    let (alpha, beta_g1) = (one_g1("alpha in G1")?, one_g1("beta in G1")?);
    let mut one_g2 = |what| g2(header.take(G2_BYTES)?, what).map(|p| p[0]);
    let (beta, gamma) = (one_g2("beta in G2")?, one_g2("gamma in G2")?);
    let delta_g1 = g1(header.take(G1_BYTES)?, "delta in G1")?[0];
    let delta = g2(header.take(G2_BYTES)?, "delta in G2")?[0];
    header.exactly(0, 1)?;

    check_coefficients(sections.get(4, "zkey coefficients")?, m)?;
    let list = |id, what, n| g1(sections.get(id, what)?.exactly(n, G1_BYTES)?, what);
    let (wires, instance) = (m.num_wires(), m.num_instance());
    let ic = list(3, "IC", instance)?;
    let a = list(5, "A query", wires)?;
    let b_g1 = list(6, "B query in G1", wires)?;
    let b_g2 = g2(sections.get(7, "B query in G2")?.exactly(wires, G2_BYTES)?, "B query in G2")?;
    let l = list(8, "L query", wires - instance)?;
    let h = list(9, "H query", domain)?;

    let verifying = VerifyingKey::new(KeyParts { alpha, beta, gamma, delta, ic }, r1cs.num_public())?;
    // A prover computes with beta and delta in G1, the verifier with those in G2.
    for (what, in_g1, in_g2) in [("beta", beta_g1, beta), ("delta", delta_g1, delta)] {
        let sides = [-in_g1, G1Affine::generator()];
        if !Bn254::multi_pairing(sides, [G2Affine::generator(), in_g2]).is_zero() {
            return Err(Iden3Error::Unpaired(what));
        }
    }
    Ok(ProvingKey { verifying, reduction: Reduction::OddCoset, beta_g1, delta_g1, a, b_g1, b_g2, l, h })
}

fn g1(bytes: &[u8], what: &'static str) -> Result<Vec<G1Affine>, Iden3Error> {
    let points = g1_all(bytes).ok_or(Iden3Error::Coordinate { what })?;
    let bad = points.par_iter().with_min_len(1024).position_first(|p| !p.is_on_curve());
    bad.map_or(Ok(points), |index| Err(Iden3Error::Point { what, index, reason: PointError::NotOnCurve }))
}

fn g2(bytes: &[u8], what: &'static str) -> Result<Vec<G2Affine>, Iden3Error> {
    let points = g2_all(bytes).ok_or(Iden3Error::Coordinate { what })?;
    let reason = |p: &G2Affine| {
        if !p.is_on_curve() {
            Some(PointError::NotOnCurve)
        } else if !p.is_in_correct_subgroup_assuming_on_curve() {
            Some(PointError::NotInSubgroup)
        } else {
            None
        }
    };
    let bad = points.par_iter().enumerate().with_min_len(64).find_map_first(|(i, p)| Some((i, reason(p)?)));
    bad.map_or(Ok(points), |(index, reason)| Err(Iden3Error::Point { what, index, reason }))
}

/// Bytes of an entry: matrix (0 = A, 1 = B), row, wire, value.
const ENTRY_BYTES: usize = 12 + 32;

/// Checks that the key's copies of A and B are ours, whatever the order of their entries.
///
/// Both are read as polynomials `sum value * x^row * y^wire` and compared at a random point: for different matrices they
/// agree with probability below (rows + wires) / r (Schwartz and Zippel). The matrix C is in no zkey; the check of every
/// proof before release covers it.
fn check_coefficients(mut section: Bytes, m: &Matrices) -> Result<(), Iden3Error> {
    const WHAT: &str = "zkey coefficients";
    let count = section.u32()? as usize;
    let entries = section.exactly(count, ENTRY_BYTES)?;
    let rows = m.num_constraints() + m.num_instance();
    let powers = |n: usize| -> Vec<Fr> {
        let base = Fr::rand(&mut OsRng);
        std::iter::successors(Some(Fr::one()), |p| Some(*p * base)).take(n).collect()
    };
    let (x, y) = (powers(rows), powers(m.num_wires()));

    // snarkjs stores a value times R^2, so that two reductions give its plain form.
    let r_squared = Fr::from_bigint(Fr::R).expect("R mod r is below r").square();
    let unscale = r_squared.inverse().expect("R is not zero");
    let mut theirs = [Fr::zero(); 2];
    for (index, entry) in entries.chunks_exact(ENTRY_BYTES).enumerate() {
        let word = |i: usize| u32::from_le_bytes(entry[4 * i..4 * i + 4].try_into().expect("4 bytes")) as usize;
        let limb = |i: usize| u64::from_le_bytes(entry[12 + 8 * i..20 + 8 * i].try_into().expect("8 bytes"));
        let value = Fr::from_bigint(BigInt::new([limb(0), limb(1), limb(2), limb(3)]))
            .ok_or(Iden3Error::NotCanonical { what: WHAT, index })?;
        match (theirs.get_mut(word(0)), x.get(word(1)), y.get(word(2))) {
            (Some(sum), Some(x), Some(y)) => *sum += value * unscale * x * y,
            _ => return Err(Iden3Error::OtherMatrices),
        }
    }

    let [a, b, _] = m.abc();
    let ours = [a, b].map(|matrix| -> Fr {
        let row = |i: usize| -> Fr {
            matrix.row(i).iter().map(|&(wire, c)| m.coefficients()[c as usize] * y[wire as usize]).sum()
        };
        (0..m.num_constraints()).into_par_iter().with_min_len(1024).map(|i| x[i] * row(i)).sum()
    });
    // The rows of the public wires, in A alone.
    let public: Fr = (0..m.num_instance()).map(|i| x[m.num_constraints() + i] * y[i]).sum();
    if theirs != [ours[0] + public, ours[1]] {
        return Err(Iden3Error::OtherMatrices);
    }
    Ok(())
}
