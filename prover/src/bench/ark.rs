//! ark-groth16's prover, told the same circuit and assignment.
//!
//! It is told the finished matrices, so it synthesises faster here than from a circuit's code; its own figure would be higher.

use super::{BenchError, Subject};
use crate::key::ProvingKey;
use crate::matrices::R1cs;
use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable};
use cpu_time::ProcessTime;
use novation_gpu::{Reduction, SparseMatrix};
use novation_verifier::groth16::{verify, Proof, VerifyingKey};
use rand::rngs::OsRng;

/// ark-groth16 with a subject and a key.
pub(super) struct Prover<'s> {
    subject: &'s Subject,
    verifying: VerifyingKey,
    key: ark_groth16::ProvingKey<Bn254>,
}

impl<'s> Prover<'s> {
    /// Takes a key whose H query is in coefficients, the form of ark-groth16.
    pub fn new(subject: &'s Subject, key: ProvingKey) -> Self {
        assert_eq!(key.reduction, Reduction::Coefficients, "ark-groth16 takes no other form");
        let verifying = key.verifying;
        let parts = verifying.parts();
        let vk = ark_groth16::VerifyingKey {
            alpha_g1: parts.alpha,
            beta_g2: parts.beta,
            gamma_g2: parts.gamma,
            delta_g2: parts.delta,
            gamma_abc_g1: parts.ic.clone(),
        };
        let key = ark_groth16::ProvingKey {
            vk,
            beta_g1: key.beta_g1,
            delta_g1: key.delta_g1,
            a_query: key.a,
            b_g1_query: key.b_g1,
            b_g2_query: key.b_g2,
            h_query: key.h,
            l_query: key.l,
        };
        Prover { subject, verifying, key }
    }

    /// CPU seconds of one proof, which is then verified.
    pub fn prove(&self, public_inputs: &[Fr]) -> Result<f64, BenchError> {
        let circuit = Finished(&self.subject.r1cs, Some(&self.subject.assignment));
        let cpu = ProcessTime::now();
        let proof = Groth16::<Bn254>::create_random_proof_with_reduction(circuit, &self.key, &mut OsRng)
            .map_err(BenchError::Ark)?;
        let cpu_s = cpu.elapsed().as_secs_f64();
        verify(&self.verifying, &Proof::new(proof.a, proof.b, proof.c)?, public_inputs)?;
        Ok(cpu_s)
    }
}

/// Finished matrices, told to arkworks row by row; with an assignment, for its prover.
///
/// Every combination is already in wires, so arkworks has nothing to inline and keeps rows and their order. It reserves one
/// domain row per public wire after the constraints, as [`novation_gpu::Backend::rows`] does, and takes the least power of
/// two for the domain, as [`novation_gpu::Matrices::log_domain`] does; the tests compare lengths and proofs.
pub(crate) struct Finished<'a>(pub &'a R1cs, pub Option<&'a [Fr]>);

impl ConstraintSynthesizer<Fr> for Finished<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let m = self.0.matrices();
        let mut wires = vec![Variable::One];
        // The generator runs in setup mode and asks for no value.
        let value = |wire: usize| self.1.map(|w| w[wire]).ok_or(SynthesisError::AssignmentMissing);
        for wire in 1..m.num_instance() {
            wires.push(cs.new_input_variable(|| value(wire))?);
        }
        for wire in m.num_instance()..m.num_wires() {
            wires.push(cs.new_witness_variable(|| value(wire))?);
        }
        let row = |matrix: &SparseMatrix, i: usize| {
            let terms = matrix.row(i).iter();
            LinearCombination(terms.map(|&(v, c)| (m.coefficients()[c as usize], wires[v as usize])).collect())
        };
        let [a, b, c] = m.abc();
        for i in 0..m.num_constraints() {
            cs.enforce_r1cs_constraint(|| row(a, i), || row(b, i), || row(c, i))?;
        }
        Ok(())
    }
}
