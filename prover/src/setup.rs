//! Keys by the generator of ark-groth16, for development and tests.
//!
//! Whoever runs this could keep the trapdoor and forge proofs. Keys for value come from a ceremony ([`crate::iden3`]).

use crate::key::ProvingKey;
use crate::matrices::R1cs;
use crate::progress::{single, Observer, Stage};
use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable};
use ark_std::rand::{CryptoRng, RngCore};
use novation_gpu::SparseMatrix;
use novation_verifier::groth16::KeyError;
use rand::rngs::OsRng;
use thiserror::Error;

/// Why no key came out.
#[derive(Debug, Error)]
pub enum SetupError {
    /// ark-groth16 refused.
    #[error("key generation: {0}")]
    Generator(SynthesisError),
    /// The generated key is degenerate. Does not happen with a working random source.
    #[error("generated key: {0}")]
    Key(#[from] KeyError),
}

/// Makes a key for a constraint system, with randomness of the operating system. About a minute of CPU time for a million
/// constraints; `observer` hears a heartbeat.
///
/// # Errors
/// [`SetupError`].
pub fn generate(r1cs: &R1cs, observer: &dyn Observer) -> Result<ProvingKey, SetupError> {
    single(observer, Stage::Generate, || generate_from(r1cs, &mut OsRng))
}

pub(crate) fn generate_from(r1cs: &R1cs, rng: &mut (impl RngCore + CryptoRng)) -> Result<ProvingKey, SetupError> {
    let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(Finished(r1cs, None), rng)
        .map_err(SetupError::Generator)?;
    Ok(ProvingKey::from_ark(key)?)
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
