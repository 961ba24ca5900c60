//! The proof and the equation.

use super::{check_g1, check_g2, PointError, VerifyingKey};
use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::CurveGroup;
use thiserror::Error;

/// Why three points are not a proof.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofError {
    /// `A` is not a point of G1 other than the identity.
    #[error("proof: A: {0}")]
    A(PointError),
    /// `B` is not a point of G2 other than the identity.
    #[error("proof: B: {0}")]
    B(PointError),
    /// `C` is not a point of G1 other than the identity.
    #[error("proof: C: {0}")]
    C(PointError),
}

/// A proof whose points are in their groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    a: G1Affine,
    b: G2Affine,
    c: G1Affine,
}

impl Proof {
    /// Checks that the points are in their groups and none is the identity.
    ///
    /// # Errors
    /// [`ProofError`], naming the first point that fails.
    pub fn new(a: G1Affine, b: G2Affine, c: G1Affine) -> Result<Self, ProofError> {
        check_g1(&a).map_err(ProofError::A)?;
        check_g2(&b).map_err(ProofError::B)?;
        check_g1(&c).map_err(ProofError::C)?;
        Ok(Self { a, b, c })
    }

    /// The point `A`.
    pub fn a(&self) -> G1Affine {
        self.a
    }

    /// The point `B`.
    pub fn b(&self) -> G2Affine {
        self.b
    }

    /// The point `C`.
    pub fn c(&self) -> G1Affine {
        self.c
    }
}

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The statement has another number of public inputs.
    #[error("{expected} public inputs expected, {got} given")]
    InputCount {
        /// Inputs of the key.
        expected: usize,
        /// Inputs given.
        got: usize,
    },
    /// The pairing equation does not hold: the proof is not one of this statement under this key.
    #[error("the pairing equation does not hold")]
    Equation,
}

/// Verifies a proof of the statement `inputs` under `key`: four pairings, one of them precomputed.
///
/// # Errors
/// [`VerifyError::InputCount`] before any arithmetic, [`VerifyError::Equation`] after it.
pub fn verify(key: &VerifyingKey, proof: &Proof, inputs: &[Fr]) -> Result<(), VerifyError> {
    if inputs.len() != key.public_inputs() {
        return Err(VerifyError::InputCount { expected: key.public_inputs(), got: inputs.len() });
    }
    let commitment = key.commit_inputs(inputs).into_affine();
    let parts = key.parts();
    // e(A, B) * e(-L, gamma) * e(-C, delta) = e(alpha, beta)
    let product = Bn254::multi_pairing([proof.a, -commitment, -proof.c], [proof.b, parts.gamma, parts.delta]);
    if product.0 == key.alpha_beta {
        Ok(())
    } else {
        Err(VerifyError::Equation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_vectors::TrapdoorKey;
    use ark_bn254::{Fq, Fq2};
    use ark_ec::AffineRepr;

    #[test]
    fn simulated_proof_is_accepted_and_every_change_refused() {
        let trapdoor = TrapdoorKey::from_seed(1, 3);
        let key = trapdoor.key();
        let inputs = [Fr::from(7), Fr::from(0), -Fr::from(1)];
        let proof = trapdoor.simulate(&inputs, 99);
        assert_eq!(verify(&key, &proof, &inputs), Ok(()));

        for i in 0..3 {
            let mut other = inputs;
            other[i] += Fr::from(1);
            assert_eq!(verify(&key, &proof, &other), Err(VerifyError::Equation), "input {i}");
        }
        assert_eq!(verify(&key, &proof, &inputs[..2]), Err(VerifyError::InputCount { expected: 3, got: 2 }));
        let longer = [inputs[0], inputs[1], inputs[2], Fr::from(0)];
        assert_eq!(verify(&key, &proof, &longer), Err(VerifyError::InputCount { expected: 3, got: 4 }));

        let g1 = G1Affine::generator();
        let g2 = G2Affine::generator();
        for (a, b, c) in [
            ((proof.a + g1).into_affine(), proof.b, proof.c),
            (proof.a, (proof.b + g2).into_affine(), proof.c),
            (proof.a, proof.b, (proof.c + g1).into_affine()),
            (-proof.a, proof.b, proof.c),
            (proof.c, proof.b, proof.a),
        ] {
            let tampered = Proof::new(a, b, c).expect("points of the groups");
            assert_eq!(verify(&key, &tampered, &inputs), Err(VerifyError::Equation));
        }
        let other_key = TrapdoorKey::from_seed(2, 3).key();
        assert_eq!(verify(&other_key, &proof, &inputs), Err(VerifyError::Equation));
    }

    /// Groth16 is malleable: (-A, -B, C) proves the same statement. Nothing may therefore use a proof as an identifier.
    #[test]
    fn proof_with_both_signs_flipped_is_another_proof_of_the_same_statement() {
        let trapdoor = TrapdoorKey::from_seed(1, 3);
        let inputs = [Fr::from(7), Fr::from(8), Fr::from(9)];
        let proof = trapdoor.simulate(&inputs, 3);
        let twin = Proof::new(-proof.a, -proof.b, proof.c).expect("points of the groups");
        assert_ne!(twin, proof);
        assert_eq!(verify(&trapdoor.key(), &twin, &inputs), Ok(()));
    }

    #[test]
    fn points_outside_their_group_are_not_a_proof() {
        let good = TrapdoorKey::from_seed(1, 1).simulate(&[Fr::from(7)], 3);
        let off_g1 = G1Affine::new_unchecked(Fq::from(1), Fq::from(3));
        let off_g2 = G2Affine::new_unchecked(Fq2::from(1), Fq2::from(1));
        assert_eq!(Proof::new(off_g1, good.b, good.c), Err(ProofError::A(PointError::NotOnCurve)));
        assert_eq!(Proof::new(good.a, off_g2, good.c), Err(ProofError::B(PointError::NotOnCurve)));
        assert_eq!(Proof::new(good.a, good.b, off_g1), Err(ProofError::C(PointError::NotOnCurve)));
        assert_eq!(Proof::new(G1Affine::identity(), good.b, good.c), Err(ProofError::A(PointError::Identity)));
        assert_eq!(Proof::new(good.a, G2Affine::identity(), good.c), Err(ProofError::B(PointError::Identity)));
        assert_eq!(Proof::new(good.a, good.b, G1Affine::identity()), Err(ProofError::C(PointError::Identity)));
    }
}
