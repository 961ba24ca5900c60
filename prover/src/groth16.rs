//! Groth16 proving: one pass over cached matrices, witness in, verified proof out.
//!
//! With `w` the assignment, `h` the quotient and `k != 0`, `s` random:
//!
//! ```text
//! A' = alpha + sum w_i u_i(tau)                               (G1)
//! A  = A' / k                                                 (G1)
//! B  = k (beta + sum w_i v_i(tau) + s delta)                  (G2)
//! C  = sum_witness w_i l_i + sum h_j H_j + s A'               (G1)
//! ```
//!
//! Groth's prover (EUROCRYPT 2016, section 3.2) adds `r delta` to A' instead of dividing by `k`, and then needs `r B` in G1
//! for C: a further sum over all wires. This one is his with `r = 0`, re-randomised (Baghery, Kohlweiss, Siim and Volkhov,
//! "Another look at extraction and randomization of Groth's zk-SNARK", 2021): it needs two, and its proofs have the same
//! distribution. His A and B are uniform and independent, and C is the one point that verifies with them. Here B is uniform
//! whatever `k` is, since `s` is; A, divided by a `k` independent of `s`, is uniform but for infinity, which no proof may hold; and
//! C is again the one that verifies. Only an A' of infinity cannot be hidden: [`ProveError::Malformed`], of probability 1/r over
//! the key's alpha.

use crate::blinding::Blinding;
use crate::key::{public_inputs, KeyShapeError, ProvingKey};
use crate::matrices::{R1cs, UnsatisfiedError};
use crate::progress::{Cost, Meter, Observer, Stage};
use ark_bn254::{Fr, G1Projective, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::Field;
use novation_gpu::{Backend, Error, G1Bases, G2Bases, Reduction, System};
use novation_verifier::groth16::{self, Proof, ProofError, VerifyError, VerifyingKey};
use rand::rngs::OsRng;
use std::sync::Arc;
use thiserror::Error;

/// Why a prover cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrepareError {
    /// The key does not fit the matrices.
    #[error(transparent)]
    Key(#[from] KeyShapeError),
    /// The backend cannot take key or matrices.
    #[error(transparent)]
    Backend(#[from] Error),
}

/// Why no proof came out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProveError {
    /// The assignment is none of this system; nothing was spent on it.
    #[error(transparent)]
    Assignment(#[from] UnsatisfiedError),
    /// The backend failed.
    #[error(transparent)]
    Backend(Error),
    /// The finished proof does not verify, so it is withheld: the key belongs to other matrices, or the backend computed
    /// wrongly. A withheld proof tells nothing to anybody.
    #[error("the finished proof does not verify: {0}")]
    Refused(VerifyError),
    /// A point of the finished proof is no proof element: the same causes.
    #[error("the finished proof is malformed: {0}")]
    Malformed(ProofError),
}

/// A proof that has been verified, with what it proves and what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Proved {
    /// The proof.
    pub proof: Proof,
    /// The public inputs it was verified against.
    pub public_inputs: Vec<Fr>,
    /// What each stage cost.
    pub costs: Vec<Cost>,
    /// The backend that computed, in a line.
    pub backend: String,
}

/// A circuit and its key in a backend's keeping, ready to prove. Shared by reference; several proofs may run at once.
#[derive(Debug)]
pub struct Prover {
    backend: Arc<dyn Backend>,
    r1cs: R1cs,
    verifying: VerifyingKey,
    reduction: Reduction,
    system: System,
    a: G1Bases,
    b: G2Bases,
    l: G1Bases,
    h: G1Bases,
}

impl Prover {
    /// Hands key and matrices to the backend.
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn new(backend: Arc<dyn Backend>, r1cs: R1cs, key: ProvingKey) -> Result<Self, PrepareError> {
        key.check_shape(r1cs.matrices())?;
        // The last point belongs to the last wire, whichever is the first one.
        let first = r1cs.matrices().num_wires() - key.l.len();
        Ok(Prover {
            system: backend.prepare_system(r1cs.matrices().clone())?,
            a: backend.prepare_g1(key.a, 0)?,
            b: backend.prepare_g2(key.b_g2, 0)?,
            l: backend.prepare_g1(key.l, first)?,
            h: backend.prepare_g1(key.h, 0)?,
            verifying: key.verifying,
            reduction: key.reduction,
            backend,
            r1cs,
        })
    }

    /// The constraint system.
    pub fn r1cs(&self) -> &R1cs {
        &self.r1cs
    }

    /// The key that proofs verify under.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The backend.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Proves that a full assignment (1, public inputs, witness) satisfies the system.
    ///
    /// # Errors
    /// [`ProveError::Assignment`] with the first failing row, before any group arithmetic; [`ProveError::Backend`];
    /// [`ProveError::Refused`] or [`ProveError::Malformed`] if the finished proof does not verify.
    pub fn prove(&self, assignment: Vec<Fr>, observer: &dyn Observer) -> Result<Proved, ProveError> {
        self.prove_blinded(assignment, Blinding::random(&mut OsRng), observer)
    }

    fn prove_blinded(
        &self,
        assignment: Vec<Fr>,
        blinding: Blinding,
        observer: &dyn Observer,
    ) -> Result<Proved, ProveError> {
        let matrices = self.r1cs.matrices();
        matrices.check_shape(&assignment).map_err(|e| self.backend_error(e))?;
        let public_inputs = public_inputs(matrices, &assignment);

        // Weights are rough CPU costs in units of one G1 term, for the progress bar alone.
        let wires = matrices.num_wires() as u64;
        let domain = 1 << matrices.log_domain();
        let weights = [wires / 20, wires / 10, domain / 4, wires, 3 * wires, wires + domain, 1000];
        let mut meter = Meter::new(observer, weights.iter().sum());
        let mut weight = weights.into_iter();
        let mut next = || weight.next().expect("a weight a stage");

        let backend = &*self.backend;
        let failed = |e| self.backend_error(e);
        let w = meter.run(Stage::Load, next(), || backend.load(assignment)).map_err(failed)?;
        let rows = meter.run(Stage::Rows, next(), || backend.rows(&self.system, &w)).map_err(failed)?;
        // The longest sums are asked for before the quotient: a backend with queues computes them meanwhile.
        let b = backend.msm_g2(&self.b, &w).map_err(failed)?;
        let a = backend.msm_g1(&self.a, &w).map_err(failed)?;
        let h = meter.run(Stage::Quotient, next(), || backend.quotient(rows, self.reduction)).map_err(failed)?;
        let c = backend.msm_g1_all(&[(&self.l, &w), (&self.h, &h)]).map_err(failed)?;

        let a = meter.run(Stage::SumA, next(), || a.wait()).map_err(failed)?;
        let b = meter.run(Stage::SumB, next(), || b.wait()).map_err(failed)?;
        let c = meter.run(Stage::SumC, next(), || c.wait()).map_err(failed)?;

        let proof = meter.run(Stage::Check, next(), || {
            let proof = self.assemble(a, b, c, &blinding).map_err(ProveError::Malformed)?;
            groth16::verify(&self.verifying, &proof, &public_inputs).map_err(ProveError::Refused)?;
            Ok::<_, ProveError>(proof)
        })?;
        Ok(Proved { proof, public_inputs, costs: meter.finish(), backend: backend.description() })
    }

    /// The proof from its three sums.
    fn assemble(
        &self,
        a: G1Projective,
        b: G2Projective,
        c: G1Projective,
        Blinding { k, s }: &Blinding,
    ) -> Result<Proof, ProofError> {
        let parts = self.verifying.parts();
        let a = a + parts.alpha;
        let b = (b + parts.beta + parts.delta * s) * k;
        let c = c + a * s;
        let divided = a * k.inverse().expect("k is not zero");
        Proof::new(divided.into_affine(), b.into_affine(), c.into_affine())
    }

    fn backend_error(&self, error: Error) -> ProveError {
        match error {
            Error::Unsatisfied { .. } | Error::WrongAssignmentLength { .. } | Error::FirstWireNotOne => {
                ProveError::Assignment(self.r1cs.name_row(error))
            }
            other => ProveError::Backend(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::tests::all_forms;
    use ark_bn254::Bn254;
    use ark_ff::{AdditiveGroup, UniformRand};
    use ark_groth16::Groth16;
    use ark_relations::utils::matrix::Matrix;
    use novation_gpu::{choose, Matrices, MatricesBuilder};
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    /// `rows` constraints, each the product of two random combinations of earlier wires.
    fn random_system(rng: &mut ChaCha20Rng, rows: usize, instance: usize) -> (R1cs, Vec<Fr>) {
        let mut w: Vec<Fr> = (0..instance + 1).map(|_| Fr::rand(rng)).collect();
        w[0] = Fr::ONE;
        let mut builder = MatricesBuilder::new(instance, instance + 1 + rows);
        for _ in 0..rows {
            let mut side = || -> Vec<(u32, Fr)> {
                let coefficient = [Fr::ONE, -Fr::ONE, Fr::from(rng.next_u32()), Fr::rand(rng)];
                (0..1 + rng.next_u32() % 3)
                    .map(|_| (rng.next_u32() % w.len() as u32, coefficient[rng.next_u32() as usize % 4]))
                    .collect()
            };
            let (a, b) = (side(), side());
            let value = |terms: &[(u32, Fr)]| -> Fr { terms.iter().map(|(v, c)| w[*v as usize] * c).sum() };
            let product = value(&a) * value(&b);
            builder.push(a, b, [(w.len() as u32, Fr::ONE)]).unwrap();
            w.push(product);
        }
        (R1cs::new(builder.finish().unwrap()), w)
    }

    fn ark_matrices(m: &Matrices) -> [Matrix<Fr>; 3] {
        m.abc().map(|matrix| {
            let row = |i| matrix.row(i).iter().map(|&(v, c)| (m.coefficients()[c as usize], v as usize)).collect();
            (0..m.num_constraints()).map(row).collect()
        })
    }

    /// Same trapdoor, witness and s: the proof is the one that ark-groth16 computes for r = 0, point for point, re-randomised by k,
    /// with a key in every form. The sizes include domains that constraints and public wires fill exactly, and by one more.
    #[test]
    fn proof_equals_that_of_arkworks_for_the_same_blinding() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for (rows, instance) in [(1, 1), (1, 2), (4, 4), (5, 4), (12, 4), (13, 4), (60, 4), (61, 4), (300, 2)] {
            let (r1cs, w) = random_system(&mut rng, rows, instance);
            let (ark_key, forms) = all_forms(&r1cs, &mut rng);
            let (k, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
            let expected = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
                &ark_key,
                Fr::ZERO,
                s,
                &ark_matrices(r1cs.matrices()),
                instance,
                rows,
                &w,
            )
            .unwrap();

            let pvk = ark_groth16::prepare_verifying_key(&ark_key.vk);
            assert!(Groth16::<Bn254>::verify_proof(&pvk, &expected, &w[1..instance]).unwrap());
            for key in forms {
                let form = format!("rows {rows}, {:?}", key.reduction);
                let backend = choose("dual").unwrap().backend;
                let prover = Prover::new(backend, r1cs.clone(), key).unwrap();
                let plain = prover.prove_blinded(w.clone(), Blinding { k: Fr::ONE, s }, &()).unwrap().proof;
                assert_eq!((plain.a(), plain.b(), plain.c()), (expected.a, expected.b, expected.c), "{form}");
                let proved = prover.prove_blinded(w.clone(), Blinding { k, s }, &()).unwrap();
                let Proved { proof, public_inputs, .. } = proved;
                let scaled = ((proof.a() * k).into_affine(), (expected.b * k).into_affine());
                assert_eq!((scaled.0, proof.b(), proof.c()), (expected.a, scaled.1, expected.c), "{form}");
                assert_eq!(public_inputs, w[1..instance]);
            }
        }
    }

    #[test]
    fn blinding_changes_all_three_points() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (r1cs, w) = random_system(&mut rng, 20, 3);
        let key = crate::setup::generate_from(&mut rng, Reduction::Product, &r1cs).unwrap();
        let prover = Prover::new(choose("cpu").unwrap().backend, r1cs, key).unwrap();
        let one = prover.prove(w.clone(), &()).unwrap().proof;
        let other = prover.prove(w, &()).unwrap().proof;
        assert!(one.a() != other.a() && one.b() != other.b() && one.c() != other.c());
    }
}
