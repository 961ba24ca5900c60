//! `.zkey` of Groth16, version 1, as snarkjs writes it after `zkey contribute` or `zkey beacon`.
//!
//! On the way in, every point is checked to be in its group: the file comes from strangers. Whether the key is the outcome of an honest
//! ceremony on the published constraint system, `snarkjs zkey verify` decides, not this import.

use super::{read_file, write_file, write_header, write_modulus, write_section, Bytes, Iden3Error, Sections};
use crate::key::ProvingKey;
use crate::matrices::R1cs;
use crate::points::{g1_all, g2_all, write_g1, write_g2, G1_BYTES, G2_BYTES};
use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_ec::{pairing::Pairing, AffineRepr};
use ark_ff::{BigInt, BigInteger, Field, One, PrimeField, UniformRand, Zero};
use novation_gpu::{Matrices, Reduction};
use novation_verifier::groth16::{KeyParts, PointError, VerifyingKey};
use rand::rngs::OsRng;
use rayon::prelude::*;
use std::io;
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

/// Bytes of the header: two moduli with their lengths, three counts, alpha, beta, gamma and delta.
const HEADER_BYTES: usize = 2 * 36 + 3 * 4 + 3 * G1_BYTES + 3 * G2_BYTES;
/// Of phase 2: a hash of the constraint system, which only verification reads, and the number of contributions.
const CONTRIBUTIONS: [u8; 68] = [0; 68];

/// Writes a development key, to which nobody contributed, for provers of the snarkjs family.
///
/// # Errors
/// [`Iden3Error::Io`].
///
/// # Panics
/// With a key of another form than [`Reduction::OddCoset`], or for another constraint system.
pub fn write_zkey(path: &Path, r1cs: &R1cs, key: &ProvingKey) -> Result<(), Iden3Error> {
    let m = r1cs.matrices();
    assert_eq!(key.reduction, Reduction::OddCoset, "the one form of a zkey");
    assert_eq!(key.check_shape(m), Ok(()));
    let KeyParts { alpha, beta, gamma, delta, ic } = key.verifying.parts();
    write_file(path, |out| {
        write_header(out, b"zkey", 1, 10)?;
        write_section(out, 1, 4)?;
        out.write_all(&1u32.to_le_bytes())?;

        write_section(out, 2, HEADER_BYTES)?;
        write_modulus::<Fq>(out)?;
        write_modulus::<Fr>(out)?;
        for n in [m.num_wires(), r1cs.num_public(), 1 << m.log_domain()] {
            out.write_all(&(n as u32).to_le_bytes())?;
        }
        write_g1(out, &[*alpha, key.beta_g1])?;
        write_g2(out, &[*beta, *gamma])?;
        write_g1(out, &[key.delta_g1])?;
        write_g2(out, &[*delta])?;

        write_coefficients(out, m)?;
        for (id, points) in [(3, ic), (5, &key.a), (6, &key.b_g1), (8, &key.l), (9, &key.h)] {
            write_section(out, id, G1_BYTES * points.len())?;
            write_g1(out, points)?;
        }
        write_section(out, 7, G2_BYTES * key.b_g2.len())?;
        write_g2(out, &key.b_g2)?;
        write_section(out, 10, CONTRIBUTIONS.len())?;
        out.write_all(&CONTRIBUTIONS)
    })
}

/// snarkjs stores a value times this, so that two reductions give its plain form.
fn coefficient_scale() -> Fr {
    Fr::from_bigint(Fr::R).expect("R mod r is below r").square()
}

/// Section 4: the entries of A and B, and the rows of the public wires in A.
fn write_coefficients(out: &mut dyn io::Write, m: &Matrices) -> io::Result<()> {
    let scaled = |c: &Fr| (*c * coefficient_scale()).into_bigint().to_bytes_le();
    let (one, values) = (scaled(&Fr::one()), m.coefficients().iter().map(scaled).collect::<Vec<_>>());
    let [a, b, _] = m.abc();
    let count = a.num_entries() + b.num_entries() + m.num_instance();
    write_section(out, 4, 4 + ENTRY_BYTES * count)?;
    out.write_all(&(count as u32).to_le_bytes())?;
    let mut entry = |matrix: u32, row: usize, wire: u32, value: &[u8]| {
        [matrix, row as u32, wire].into_iter().try_for_each(|n| out.write_all(&n.to_le_bytes()))?;
        out.write_all(value)
    };
    for row in 0..m.num_constraints() {
        for (matrix, rows) in [(0, a), (1, b)] {
            for &(wire, c) in rows.row(row) {
                entry(matrix, row, wire, &values[c as usize])?;
            }
        }
    }
    (0..m.num_instance()).try_for_each(|i| entry(0, m.num_constraints() + i, i as u32, &one))
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

    let unscale = coefficient_scale().inverse().expect("R is not zero");
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
