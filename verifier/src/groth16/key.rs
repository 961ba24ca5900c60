//! The verifying key, and the reasons for which one is refused.

use super::{check_g1, check_g2, PointError};
use ark_bn254::{Bn254, Fq12, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::AffineRepr;
use std::collections::HashMap;
use std::fmt;
use thiserror::Error;

/// Most public inputs a key may have. Ours have three; the bound keeps a hostile file from costing more than
/// milliseconds (one curve multiplication an input).
pub const MAX_PUBLIC_INPUTS: usize = 1024;

/// A part of a verifying key or the fixed generator, to name what an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `alpha` in G1.
    Alpha,
    /// `beta` in G2.
    Beta,
    /// `gamma` in G2.
    Gamma,
    /// `delta` in G2.
    Delta,
    /// The i-th point of the input commitment, `IC_0` being the constant.
    Ic(usize),
    /// The generator of the group that the other element of the comparison lives in.
    Generator,
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alpha => f.write_str("alpha"),
            Self::Beta => f.write_str("beta"),
            Self::Gamma => f.write_str("gamma"),
            Self::Delta => f.write_str("delta"),
            Self::Ic(i) => write!(f, "IC[{i}]"),
            Self::Generator => f.write_str("the group's generator"),
        }
    }
}

/// Why a verifying key is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// A part is not a point of its group.
    #[error("verifying key: {element}: {reason}")]
    Point {
        /// Which part.
        element: Element,
        /// What is wrong with it.
        reason: PointError,
    },
    /// The input commitment must hold one point more than there are public inputs.
    #[error("verifying key: {expected} IC points expected (public inputs + 1), {got} found")]
    IcLength {
        /// Public inputs plus one.
        expected: usize,
        /// Points found.
        got: usize,
    },
    /// More than [`MAX_PUBLIC_INPUTS`] public inputs.
    #[error("verifying key: {got} public inputs, at most {MAX_PUBLIC_INPUTS} are served")]
    TooManyInputs {
        /// Public inputs of the key.
        got: usize,
    },
    /// Two parts that a setup draws independently are equal up to sign: the setup was skipped or is a trap.
    #[error("verifying key: {first} equals {second} up to sign, so proofs can be forged")]
    SameUpToSign {
        /// The first of the two.
        first: Element,
        /// The second of the two.
        second: Element,
    },
}

/// The parts of a verifying key before anybody has looked at them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyParts {
    /// `[alpha]_1`.
    pub alpha: G1Affine,
    /// `[beta]_2`.
    pub beta: G2Affine,
    /// `[gamma]_2`. Ceremonies on powers of tau set it to the generator.
    pub gamma: G2Affine,
    /// `[delta]_2`.
    pub delta: G2Affine,
    /// The input commitment: constant first, then one point per public input.
    pub ic: Vec<G1Affine>,
}

/// A verifying key whose points are in their groups and whose trapdoors are not plainly related.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    parts: KeyParts,
    /// `e(alpha, beta)`, the one pairing that does not depend on the proof.
    pub(super) alpha_beta: Fq12,
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for VerifyingKey {}

impl VerifyingKey {
    /// Checks the parts of a key for a statement of `public_inputs` inputs.
    ///
    /// Beside groups and lengths it refuses keys by which anybody forges:
    ///
    /// - `delta = +-gamma`: then `A = alpha, B = beta, C = -+L` satisfies the equation for every input, because the
    ///   last two pairings cancel. That is what is left when the second phase of a ceremony is skipped, since both
    ///   start as the generator; two live verifiers were emptied this way in 2026.
    /// - `alpha`, `beta` or `delta` equal to `+-` their group's generator: a phase that nobody contributed to, whose
    ///   trapdoor is the number one.
    /// - `beta` equal to `+-gamma` or `+-delta`, and two IC points equal up to sign: independent draws never meet. Equal
    ///   IC points would let a prover move value from one public input to the other.
    ///
    /// `gamma` equal to the generator is accepted: ceremonies on powers of tau fix `gamma = 1` (Bowe, Gabizon, Miers,
    /// "Scalable Multi-party Computation for zk-SNARK Parameters in the Random Beacon Model", 2017), every key of
    /// snarkjs has it, and soundness then rests on `delta` alone, which is why `delta` is held to more.
    ///
    /// # Errors
    /// [`KeyError`], the first one met in the order: number of inputs, length, points, relations.
    pub fn new(parts: KeyParts, public_inputs: usize) -> Result<Self, KeyError> {
        let key = Self::assemble(parts, public_inputs)?;
        key.check_relations()?;
        Ok(key)
    }

    /// Everything but the check of relations, which a unit test leaves out to show what it prevents.
    fn assemble(parts: KeyParts, public_inputs: usize) -> Result<Self, KeyError> {
        if public_inputs > MAX_PUBLIC_INPUTS {
            return Err(KeyError::TooManyInputs { got: public_inputs });
        }
        if parts.ic.len() != public_inputs + 1 {
            return Err(KeyError::IcLength { expected: public_inputs + 1, got: parts.ic.len() });
        }
        let name = |element| move |reason| KeyError::Point { element, reason };
        check_g1(&parts.alpha).map_err(name(Element::Alpha))?;
        check_g2(&parts.beta).map_err(name(Element::Beta))?;
        check_g2(&parts.gamma).map_err(name(Element::Gamma))?;
        check_g2(&parts.delta).map_err(name(Element::Delta))?;
        for (i, point) in parts.ic.iter().enumerate() {
            // SOUND: an IC point at infinity drops its input from the equation: any value would be accepted there.
            check_g1(point).map_err(name(Element::Ic(i)))?;
        }
        let alpha_beta = Bn254::pairing(parts.alpha, parts.beta).0;
        Ok(Self { parts, alpha_beta })
    }

    fn check_relations(&self) -> Result<(), KeyError> {
        let KeyParts { alpha, beta, gamma, delta, ic } = &self.parts;
        let g2 = G2Affine::generator();
        if alpha.x == G1Affine::generator().x {
            return Err(KeyError::SameUpToSign { first: Element::Alpha, second: Element::Generator });
        }
        // Points of a short Weierstrass curve with equal abscissa are equal up to sign.
        for (first, a, second, b) in [
            (Element::Gamma, gamma, Element::Delta, delta),
            (Element::Delta, delta, Element::Generator, &g2),
            (Element::Beta, beta, Element::Generator, &g2),
            (Element::Beta, beta, Element::Gamma, gamma),
            (Element::Beta, beta, Element::Delta, delta),
        ] {
            if a.x == b.x {
                return Err(KeyError::SameUpToSign { first, second });
            }
        }
        let mut seen = HashMap::new();
        for (i, point) in ic.iter().enumerate() {
            if let Some(first) = seen.insert(point.x, i) {
                return Err(KeyError::SameUpToSign { first: Element::Ic(first), second: Element::Ic(i) });
            }
        }
        Ok(())
    }

    /// Number of public inputs of the statement.
    pub fn public_inputs(&self) -> usize {
        self.parts.ic.len() - 1
    }

    /// The points of the key.
    pub fn parts(&self) -> &KeyParts {
        &self.parts
    }

    /// `IC_0 + sum x_i IC_i`; the caller has compared the lengths.
    pub(super) fn commit_inputs(&self, inputs: &[Fr]) -> G1Projective {
        assert_eq!(inputs.len(), self.public_inputs(), "the verifier compares lengths first");
        let constant = self.parts.ic[0].into_group();
        self.parts.ic[1..].iter().zip(inputs).fold(constant, |sum, (point, x)| sum + *point * x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groth16::{verify, Proof, VerifyError};
    use crate::test_vectors::TrapdoorKey;
    use ark_bn254::{Fq, Fq2};
    use ark_ec::CurveGroup;
    use ark_ff::UniformRand;
    use ark_ff::{BigInteger, Field, PrimeField, Zero};
    use ark_std::rand::SeedableRng;

    fn parts() -> KeyParts {
        TrapdoorKey::from_seed(11, 3).key().parts().clone()
    }

    fn g2_times(k: u64) -> G2Affine {
        (G2Affine::generator() * Fr::from(k)).into_affine()
    }

    /// A point of the twist outside the subgroup: almost every point of the twist is one.
    fn outside_subgroup() -> G2Affine {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(5);
        loop {
            if let Some(point) = G2Affine::get_point_from_x_unchecked(Fq2::rand(&mut rng), true) {
                if !point.is_in_correct_subgroup_assuming_on_curve() {
                    return point;
                }
            }
        }
    }

    #[track_caller]
    fn refused(parts: KeyParts, error: KeyError) {
        let inputs = 3;
        assert_eq!(VerifyingKey::new(parts, inputs).map(|_| ()), Err(error));
    }

    #[test]
    fn honest_parts_are_accepted() {
        assert_eq!(VerifyingKey::new(parts(), 3).map(|k| k.public_inputs()), Ok(3));
    }

    #[test]
    fn points_outside_their_group_are_refused_by_name() {
        let off_g1 = G1Affine::new_unchecked(Fq::from(1), Fq::from(3));
        let off_g2 = G2Affine::new_unchecked(Fq2::from(1), Fq2::from(1));
        let point = |element, reason| KeyError::Point { element, reason };
        refused(KeyParts { alpha: off_g1, ..parts() }, point(Element::Alpha, PointError::NotOnCurve));
        refused(KeyParts { alpha: G1Affine::identity(), ..parts() }, point(Element::Alpha, PointError::Identity));
        for (element, place) in [(Element::Beta, 0), (Element::Gamma, 1), (Element::Delta, 2)] {
            for (value, reason) in [
                (off_g2, PointError::NotOnCurve),
                (outside_subgroup(), PointError::NotInSubgroup),
                (G2Affine::identity(), PointError::Identity),
            ] {
                let mut bad = parts();
                *[&mut bad.beta, &mut bad.gamma, &mut bad.delta][place] = value;
                refused(bad, point(element, reason));
            }
        }
        for i in 0..4 {
            let mut bad = parts();
            bad.ic[i] = off_g1;
            refused(bad, point(Element::Ic(i), PointError::NotOnCurve));
            let mut bad = parts();
            bad.ic[i] = G1Affine::identity();
            refused(bad, point(Element::Ic(i), PointError::Identity));
        }
    }

    #[test]
    fn commitment_of_another_length_is_refused() {
        let mut short = parts();
        short.ic.pop();
        refused(short, KeyError::IcLength { expected: 4, got: 3 });
        let mut long = parts();
        long.ic.push(long.ic[1]);
        refused(long, KeyError::IcLength { expected: 4, got: 5 });
        let too_many = VerifyingKey::new(parts(), MAX_PUBLIC_INPUTS + 1).map(|_| ());
        assert_eq!(too_many, Err(KeyError::TooManyInputs { got: MAX_PUBLIC_INPUTS + 1 }));
    }

    #[test]
    fn related_trapdoors_are_refused_up_to_sign() {
        let same = |first, second| KeyError::SameUpToSign { first, second };
        let p = parts();
        for negate in [false, true] {
            let g2 = |point: G2Affine| if negate { -point } else { point };
            let g1 = |point: G1Affine| if negate { -point } else { point };
            refused(KeyParts { delta: g2(p.gamma), ..parts() }, same(Element::Gamma, Element::Delta));
            refused(KeyParts { delta: g2(g2_times(1)), ..parts() }, same(Element::Delta, Element::Generator));
            refused(KeyParts { beta: g2(g2_times(1)), ..parts() }, same(Element::Beta, Element::Generator));
            refused(KeyParts { beta: g2(p.gamma), ..parts() }, same(Element::Beta, Element::Gamma));
            refused(KeyParts { beta: g2(p.delta), ..parts() }, same(Element::Beta, Element::Delta));
            refused(KeyParts { alpha: g1(G1Affine::generator()), ..parts() }, same(Element::Alpha, Element::Generator));
            let mut bad = parts();
            bad.ic[3] = g1(bad.ic[1]);
            refused(bad, same(Element::Ic(1), Element::Ic(3)));
        }
    }

    #[test]
    fn gamma_at_the_generator_is_what_a_ceremony_gives_and_is_accepted() {
        let ceremony = KeyParts { gamma: g2_times(1), ..parts() };
        assert_eq!(VerifyingKey::new(ceremony, 3).map(|_| ()), Ok(()));
    }

    /// Why the relations are checked: without it, each related key accepts a proof of nothing for inputs of choice.
    #[test]
    fn key_with_delta_at_gamma_would_accept_a_forgery() {
        for negate in [false, true] {
            let mut bad = parts();
            bad.delta = if negate { -bad.gamma } else { bad.gamma };
            let key = VerifyingKey::assemble(bad.clone(), 3).expect("points and lengths are fine");
            let inputs = [Fr::from(1), Fr::from(2), Fr::from(3)];
            let l = key.commit_inputs(&inputs);
            let c = if negate { l } else { -l };
            let forged = Proof::new(bad.alpha, bad.beta, c.into_affine()).expect("points are fine");
            assert_eq!(verify(&key, &forged, &inputs), Ok(()));
            refused(bad, KeyError::SameUpToSign { first: Element::Gamma, second: Element::Delta });
        }
    }

    /// The same on keys that others published without a second phase: honest proofs and a forged one verify alike.
    #[test]
    fn published_forgery_verifies_only_without_the_check() {
        use crate::groth16::snarkjs;
        let Some(root) = crate::test_vectors::data_folder("crypto/groth16") else { return };
        for (folder, proof, public) in [
            ("arkcircom_complex", "proof.json", "public.json"),
            ("arkcircom_mycircuit", "proof.json", "public.json"),
            ("groth16_solana_0.3.1", "proof.json", "public.json"),
            ("groth16_solana_0.3.1", "forged_proof.json", "forged_public.json"),
        ] {
            let read = |name: &str| {
                let path = root.join(folder).join(name);
                println!("  {}", path.display());
                std::fs::read_to_string(path).expect("file of the data folder")
            };
            let (parts, inputs) = snarkjs::key_parts(&read("verification_key.json")).expect("well-formed");
            let key = VerifyingKey::assemble(parts.clone(), inputs).expect("points and lengths are fine");
            let proof = snarkjs::proof(&read(proof)).expect("well-formed");
            let mut public = snarkjs::public_inputs(&read(public)).expect("well-formed");
            assert_eq!(verify(&key, &proof, &public), Ok(()));
            public[0] += Fr::from(1);
            assert_eq!(verify(&key, &proof, &public), Err(VerifyError::Equation));
            let refusal = KeyError::SameUpToSign { first: Element::Gamma, second: Element::Delta };
            assert_eq!(VerifyingKey::new(parts, inputs).map(|_| ()), Err(refusal));
        }
    }

    #[test]
    fn cofactor_point_is_really_outside() {
        // Guards the helper: r times the point is not the identity.
        let point = outside_subgroup();
        let r = Fr::MODULUS;
        let mut sum = ark_bn254::G2Projective::zero();
        for bit in r.to_bits_be() {
            sum += sum;
            if bit {
                sum += point;
            }
        }
        assert!(point.is_on_curve() && !sum.is_zero());
        assert!(point.y.square() != Fq2::zero());
    }
}
