//! Phase 1 of a ceremony as others leave it: a `.ptau`, prepared for phase 2, here from a tau that the test knows.
//!
//! snarkjs needs five CPU minutes to prepare phase 1 for 2^13 constraints and hours for a batch circuit. With tau at hand
//! every point is one multiplication of a generator.

use crate::zkey_writer::{g1_bytes, g2_bytes};
use ark_bn254::{Fq, Fr, G1Projective, G2Projective};
use ark_ec::{PrimeGroup, ScalarMul};
use ark_ff::{BigInteger, Field, PrimeField, UniformRand};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// Writes phase 1 for domains of exactly `2^power`: of the smaller domains, which other circuits would need, the Lagrange
/// bases are left empty.
pub fn write_ptau(path: &Path, power: u32, seed: u64) -> Result<()> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let [tau, alpha, beta] = [(); 3].map(|()| Fr::rand(&mut rng));
    let n = 1usize << power;
    let g1 = |scalars: &[Fr]| g1_bytes(&G1Projective::generator().batch_mul(scalars));
    let g2 = |scalars: &[Fr]| g2_bytes(&G2Projective::generator().batch_mul(scalars));
    let times = |factor: Fr, scalars: &[Fr]| scalars.iter().map(|s| factor * s).collect::<Vec<_>>();
    let powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |p| Some(*p * tau)).take(2 * n - 1).collect();
    let lagrange = Radix2EvaluationDomain::new(n).expect("a domain").evaluate_all_lagrange_coefficients(tau);
    // The last power of a polynomial on twice the domain is beyond phase 1, so its part of each element is left out.
    let twice = Radix2EvaluationDomain::new(2 * n).expect("a domain");
    let missing = tau.pow([2 * n as u64 - 1]) * twice.size_inv;
    let odd = twice.evaluate_all_lagrange_coefficients(tau).into_iter().zip(twice.elements());
    let odd: Vec<Fr> = odd.map(|(l, w)| l - w * missing).collect();
    let empty_g1 = |domains: u32| vec![0; ((1 << domains) - 1) * 64];
    let empty_g2 = |domains: u32| vec![0; ((1 << domains) - 1) * 128];

    let mut header = 32u32.to_le_bytes().to_vec();
    header.extend(Fq::MODULUS.to_bytes_le());
    header.extend([power.to_le_bytes(), power.to_le_bytes()].concat());
    let sections: [(u32, Vec<u8>); 11] = [
        (1, header),
        (2, g1(&powers)),
        (3, g2(&powers[..n])),
        (4, g1(&times(alpha, &powers[..n]))),
        (5, g1(&times(beta, &powers[..n]))),
        (6, g2(&[beta])),
        // Nobody contributed.
        (7, vec![0; 4]),
        (12, [empty_g1(power), g1(&lagrange), g1(&odd)].concat()),
        (13, [empty_g2(power), g2(&lagrange)].concat()),
        (14, [empty_g1(power), g1(&times(alpha, &lagrange))].concat()),
        (15, [empty_g1(power), g1(&times(beta, &lagrange))].concat()),
    ];
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(b"ptau")?;
    out.write_all(&1u32.to_le_bytes())?;
    out.write_all(&(sections.len() as u32).to_le_bytes())?;
    for (id, bytes) in sections {
        out.write_all(&id.to_le_bytes())?;
        out.write_all(&(bytes.len() as u64).to_le_bytes())?;
        out.write_all(&bytes)?;
    }
    out.flush()
}
