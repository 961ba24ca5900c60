//! The proving key.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use novation_gpu::{Matrices, Reduction};
use novation_verifier::groth16::{KeyError, KeyParts, VerifyingKey};
use thiserror::Error;

/// A key that does not fit the constraint system.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyShapeError {
    /// A query has the wrong number of points.
    #[error("the {query} query has {got} points, the constraint system needs {expected}")]
    QueryLength {
        /// `A`, `B1`, `B2`, `L` or `H`.
        query: &'static str,
        /// Points needed.
        expected: usize,
        /// Points found.
        got: usize,
    },
    /// The verifying key within is refused.
    #[error(transparent)]
    Verifying(#[from] KeyError),
}

/// Everything a Groth16 prover needs beside the matrices. Queries are indexed by wire; H by power of tau or by point of the
/// coset, see [`Reduction`].
#[derive(Clone, Debug, PartialEq)]
pub struct ProvingKey {
    /// The verifying key, judged.
    pub verifying: VerifyingKey,
    /// Which quotient the H query wants.
    pub reduction: Reduction,
    /// `[beta]_1`.
    pub beta_g1: G1Affine,
    /// `[delta]_1`.
    pub delta_g1: G1Affine,
    /// `[u_i(tau)]_1`, one a wire.
    pub a: Vec<G1Affine>,
    /// `[v_i(tau)]_1`, one a wire: what others' provers need beside ours. None in keys of [`Reduction::Product`], which are ours.
    pub b_g1: Vec<G1Affine>,
    /// `[v_i(tau)]_2`, one a wire.
    pub b_g2: Vec<G2Affine>,
    /// `[(beta u_i + alpha v_i + w_i)(tau) / delta]_1`, one a witness wire. In keys of [`Reduction::Product`] one a wire, each with
    /// `[w_i(tau) Z(tau) / (2 delta)]_1` as well, and those of public wires with that alone.
    pub l: Vec<G1Affine>,
    /// The quotient's query.
    pub h: Vec<G1Affine>,
}

impl ProvingKey {
    /// Takes over a key of ark-groth16's generator.
    ///
    /// # Errors
    /// [`KeyError`] if the verifying key within is refused.
    pub fn from_ark(key: ark_groth16::ProvingKey<Bn254>) -> Result<Self, KeyError> {
        let inputs = key.vk.gamma_abc_g1.len().saturating_sub(1);
        let parts = KeyParts {
            alpha: key.vk.alpha_g1,
            beta: key.vk.beta_g2,
            gamma: key.vk.gamma_g2,
            delta: key.vk.delta_g2,
            ic: key.vk.gamma_abc_g1,
        };
        Ok(ProvingKey {
            verifying: VerifyingKey::new(parts, inputs)?,
            reduction: Reduction::Coefficients,
            beta_g1: key.beta_g1,
            delta_g1: key.delta_g1,
            a: key.a_query,
            b_g1: key.b_g1_query,
            b_g2: key.b_g2_query,
            l: key.l_query,
            h: key.h_query,
        })
    }

    /// Checks that the queries have the lengths that the system needs.
    ///
    /// # Errors
    /// [`KeyShapeError`].
    pub fn check_shape(&self, m: &Matrices) -> Result<(), KeyShapeError> {
        let (domain, wires) = (1usize << m.log_domain(), m.num_wires());
        let (b_g1, l, h) = match self.reduction {
            // The quotient has degree at most n - 2.
            Reduction::Coefficients => (wires, wires - m.num_instance(), domain - 1),
            Reduction::OddCoset => (wires, wires - m.num_instance(), domain),
            Reduction::Product => (0, wires, domain),
        };
        for (query, got, expected) in [
            ("A", self.a.len(), wires),
            ("B1", self.b_g1.len(), b_g1),
            ("B2", self.b_g2.len(), wires),
            ("L", self.l.len(), l),
            ("H", self.h.len(), h),
        ] {
            if got != expected {
                return Err(KeyShapeError::QueryLength { query, expected, got });
            }
        }
        let expected = m.num_instance();
        let got = self.verifying.parts().ic.len();
        if got != expected {
            return Err(KeyError::IcLength { expected, got }.into());
        }
        Ok(())
    }
}

/// The public inputs within an assignment.
pub(crate) fn public_inputs(m: &Matrices, assignment: &[Fr]) -> Vec<Fr> {
    assignment[1..m.num_instance()].to_vec()
}
