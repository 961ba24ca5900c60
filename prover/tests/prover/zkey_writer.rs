//! Writes a `.zkey` from a trapdoor of the test's own, so that import can be tested without Node and each part spoilt.

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, Field, PrimeField, UniformRand};
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
use ark_groth16::{Groth16, ProvingKey};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Matrix, SynthesisError, Variable,
};
use novation_prover::R1cs;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// The reduction of circom and snarkjs: the H query is the odd half of the Lagrange basis of twice the order.
struct OddCoset;

impl R1CSToQAP for OddCoset {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        cs: ConstraintSystemRef<F>,
        t: &F,
    ) -> Result<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize), SynthesisError> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(cs, t)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        _: &[Matrix<F>],
        _: usize,
        _: usize,
        _: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        unreachable!("proofs are made by the prover under test")
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        max_power: usize,
        t: F,
        _: F,
        delta_inverse: F,
    ) -> Result<Vec<F>, SynthesisError> {
        let twice = D::new(2 * (max_power + 1)).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let lagrange = twice.evaluate_all_lagrange_coefficients(t);
        Ok(lagrange.into_iter().skip(1).step_by(2).map(|l| l * delta_inverse).collect())
    }
}

struct Rows<'a>(&'a R1cs);

impl ConstraintSynthesizer<Fr> for Rows<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let m = self.0.matrices();
        let instance = m.num_instance();
        for _ in 1..instance {
            let _ = cs.new_input_variable(|| Err(SynthesisError::AssignmentMissing))?;
        }
        for _ in instance..m.num_wires() {
            let _ = cs.new_witness_variable(|| Err(SynthesisError::AssignmentMissing))?;
        }
        let wire = |v: u32| match v as usize {
            0 => Variable::One,
            v if v < instance => Variable::instance(v),
            v => Variable::witness(v - instance),
        };
        for i in 0..m.num_constraints() {
            let [a, b, c] = m.abc().map(|x| {
                LinearCombination(x.row(i).iter().map(|&(v, k)| (m.coefficients()[k as usize], wire(v))).collect())
            });
            cs.enforce_r1cs_constraint(|| a, || b, || c)?;
        }
        Ok(())
    }
}

/// A zkey as a list of sections.
#[derive(Clone)]
pub struct Zkey(pub Vec<(u32, Vec<u8>)>);

impl Zkey {
    /// A key as a ceremony would leave it: standard generators, gamma = 1, the rest random from a seed.
    pub fn make(r1cs: &R1cs, seed: u64) -> Zkey {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let [alpha, beta, delta] = [(); 3].map(|()| Fr::rand(&mut rng));
        let (g1, g2) = (G1Affine::generator().into(), G2Affine::generator().into());
        let key = Groth16::<Bn254, OddCoset>::generate_parameters_with_qap(
            Rows(r1cs),
            alpha,
            beta,
            Fr::ONE,
            delta,
            g1,
            g2,
            &mut rng,
        );
        Self::from_key(r1cs, &key.unwrap())
    }

    fn from_key(r1cs: &R1cs, key: &ProvingKey<Bn254>) -> Zkey {
        let m = r1cs.matrices();
        let mut header = Vec::new();
        for modulus in [Fq::MODULUS, Fr::MODULUS] {
            header.extend(32u32.to_le_bytes());
            header.extend(modulus.to_bytes_le());
        }
        for n in [m.num_wires(), r1cs.num_public(), 1 << m.log_domain()] {
            header.extend((n as u32).to_le_bytes());
        }
        header.extend(g1_bytes(&[key.vk.alpha_g1, key.beta_g1]));
        header.extend(g2_bytes(&[key.vk.beta_g2, key.vk.gamma_g2]));
        header.extend(g1_bytes(&[key.delta_g1]));
        header.extend(g2_bytes(&[key.vk.delta_g2]));
        Zkey(vec![
            (1, 1u32.to_le_bytes().to_vec()),
            (2, header),
            (4, coefficients(r1cs)),
            (3, g1_bytes(&key.vk.gamma_abc_g1)),
            (9, g1_bytes(&key.h_query)),
            (8, g1_bytes(&key.l_query)),
            (5, g1_bytes(&key.a_query)),
            (6, g1_bytes(&key.b_g1_query)),
            (7, g2_bytes(&key.b_g2_query)),
            // Contributions: not read.
            (10, vec![0; 68]),
        ])
    }

    /// The content of a section.
    pub fn section(&mut self, id: u32) -> &mut Vec<u8> {
        &mut self.0.iter_mut().find(|(i, _)| *i == id).unwrap().1
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"zkey".to_vec();
        out.extend(1u32.to_le_bytes());
        out.extend((self.0.len() as u32).to_le_bytes());
        for (id, bytes) in &self.0 {
            out.extend(id.to_le_bytes());
            out.extend((bytes.len() as u64).to_le_bytes());
            out.extend(bytes);
        }
        out
    }
}

/// Entries (matrix, row, wire, value * R^2), the rows of the public wires last.
fn coefficients(r1cs: &R1cs) -> Vec<u8> {
    let m = r1cs.matrices();
    let r = Fr::from(2u64).pow([256]);
    let mut entries = Vec::new();
    for i in 0..m.num_constraints() {
        for (matrix, rows) in m.abc().into_iter().take(2).enumerate() {
            for &(wire, k) in rows.row(i) {
                entries.push((matrix, i, wire as usize, m.coefficients()[k as usize]));
            }
        }
    }
    entries.extend((0..m.num_instance()).map(|i| (0, m.num_constraints() + i, i, Fr::ONE)));
    let mut out = (entries.len() as u32).to_le_bytes().to_vec();
    for (matrix, row, wire, value) in entries {
        for n in [matrix, row, wire] {
            out.extend((n as u32).to_le_bytes());
        }
        out.extend((value * r * r).into_bigint().to_bytes_le());
    }
    out
}

/// A coordinate times 2^256, as snarkjs keeps it.
fn coordinate(x: &Fq) -> Vec<u8> {
    (*x * Fq::from(2u64).pow([256])).into_bigint().to_bytes_le()
}

/// Affine points, infinity as zeros.
pub fn g1_bytes(points: &[G1Affine]) -> Vec<u8> {
    points.iter().flat_map(|p| [p.x, p.y]).flat_map(|x| coordinate(&x)).collect()
}

/// Affine points, infinity as zeros.
pub fn g2_bytes(points: &[G2Affine]) -> Vec<u8> {
    points.iter().flat_map(|p| [p.x.c0, p.x.c1, p.y.c0, p.y.c1]).flat_map(|x| coordinate(&x)).collect()
}
