//! Keys from one machine, for development and tests.
//!
//! Whoever runs this could keep the trapdoor and forge proofs. Keys for value come from a ceremony ([`crate::iden3`]).
//!
//! [`generate`] makes keys of [`Reduction::Product`], with which a proof takes four transforms instead of six: since
//! `h = (c - p) / 2` (see there), C of a proof is
//!
//! ```text
//! sum w_i (l_i + c_i(tau) Z(tau) / (2 delta)) - sum p_j L_j(tau) Z(tau) / (2 delta)
//! ```
//!
//! with `L_j` the Lagrange basis of the odd coset. All these points are linear combinations of `tau^i Z(tau) / delta`, i < n, and
//! of what every key holds, and the other way around: such a key is as safe as one of snarkjs, and its proofs are those of any other.

use crate::key::ProvingKey;
use crate::matrices::R1cs;
use crate::progress::{single, Observer, Stage};
use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, FftField, Field, UniformRand};
use ark_groth16::Groth16;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable};
use ark_std::rand::{CryptoRng, RngCore};
use novation_gpu::{Matrices, Reduction, SparseMatrix};
use novation_verifier::groth16::{KeyError, KeyParts, VerifyingKey};
use rand::rngs::OsRng;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

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
/// [`SetupError::Key`].
pub fn generate(r1cs: &R1cs, observer: &dyn Observer) -> Result<ProvingKey, SetupError> {
    single(observer, Stage::Generate, || Ok(generate_from(r1cs, &mut OsRng)?))
}

pub(crate) fn generate_from(r1cs: &R1cs, rng: &mut (impl RngCore + CryptoRng)) -> Result<ProvingKey, KeyError> {
    Trapdoor::random(rng, r1cs.matrices().log_domain()).key(r1cs.matrices())
}

/// Makes a key in the form of ark-groth16, by its generator, for comparisons with it.
///
/// # Errors
/// [`SetupError`].
pub fn generate_for_ark(r1cs: &R1cs, observer: &dyn Observer) -> Result<ProvingKey, SetupError> {
    single(observer, Stage::Generate, || {
        let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(Finished(r1cs, None), &mut OsRng)
            .map_err(SetupError::Generator)?;
        Ok(ProvingKey::from_ark(key)?)
    })
}

/// What nobody may know once the key is made. Wiped; the vectors that are computed from it, and copies that the compiler makes,
/// are not.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Trapdoor {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    /// No root of unity of order 2n: there Z or a denominator of a Lagrange basis is zero.
    tau: Fr,
}

impl Trapdoor {
    fn random(rng: &mut (impl RngCore + CryptoRng), log_domain: u32) -> Self {
        let mut draw = |allowed: &dyn Fn(&Fr) -> bool| {
            std::iter::repeat_with(|| Fr::rand(rng)).find(|x| allowed(x)).expect("endless")
        };
        let not_zero = |x: &Fr| *x != Fr::ZERO;
        let [alpha, beta, gamma, delta] = [(); 4].map(|()| draw(&not_zero));
        let tau = draw(&|x| x.pow([2u64 << log_domain]) != Fr::ONE);
        Trapdoor { alpha, beta, gamma, delta, tau }
    }

    fn key(&self, m: &Matrices) -> Result<ProvingKey, KeyError> {
        let Trapdoor { alpha, beta, gamma, delta, tau } = *self;
        let n = 1usize << m.log_domain();
        let domain = Radix2EvaluationDomain::<Fr>::new(n).expect("domains are below 2^28");
        let g = Fr::get_root_of_unity(2 * n as u64).expect("domains are below 2^27");
        let inverse = |x: Fr| x.inverse().expect("drawn among those that are not zero");
        let (gamma_inverse, delta_inverse) = (inverse(gamma), inverse(delta));
        let z_share = (tau.pow([n as u64]) - Fr::ONE) * inverse(delta.double());

        let [u, v, w] = wires_at(m, &domain.evaluate_all_lagrange_coefficients(tau));
        let standard = |i: usize| beta * u[i] + alpha * v[i] + w[i];
        let (public, witness) = (0..m.num_instance(), m.num_instance()..m.num_wires());
        let ic: Vec<Fr> = public.clone().map(|i| standard(i) * gamma_inverse).collect();
        let l = public.map(|i| w[i] * z_share).chain(witness.map(|i| standard(i) * delta_inverse + w[i] * z_share));
        let l: Vec<Fr> = l.collect();
        // The basis of the coset g H at tau is that of H at tau / g.
        let mut h = domain.evaluate_all_lagrange_coefficients(tau * inverse(g));
        h.iter_mut().for_each(|x| *x *= -z_share);

        let g2 = BatchMulPreprocessing::new(G2Projective::generator(), v.len());
        let b_g2 = g2.batch_mul(&v);
        drop(g2);
        let g1 = BatchMulPreprocessing::new(G1Projective::generator(), u.len() + l.len() + h.len());
        let one = |x: Fr| (G1Projective::generator() * x).into_affine();
        let one_g2 = |x: Fr| (G2Projective::generator() * x).into_affine();
        let parts = KeyParts {
            alpha: one(alpha),
            beta: one_g2(beta),
            gamma: one_g2(gamma),
            delta: one_g2(delta),
            ic: g1.batch_mul(&ic),
        };
        Ok(ProvingKey {
            verifying: VerifyingKey::new(parts, m.num_instance() - 1)?,
            reduction: Reduction::Product,
            beta_g1: one(beta),
            delta_g1: one(delta),
            a: g1.batch_mul(&u),
            b_g1: Vec::new(),
            b_g2,
            l: g1.batch_mul(&l),
            h: g1.batch_mul(&h),
        })
    }
}

/// The polynomials of all wires in A, B and C at a point, given the Lagrange basis there; row `constraints + i` of A is public wire `i`
/// ([`novation_gpu::Backend::rows`] says why).
fn wires_at(m: &Matrices, lagrange: &[Fr]) -> [Vec<Fr>; 3] {
    let mut wires = m.abc().map(|matrix| {
        let mut wires = vec![Fr::ZERO; m.num_wires()];
        for (row, at) in lagrange[..m.num_constraints()].iter().enumerate() {
            for &(wire, coefficient) in matrix.row(row) {
                wires[wire as usize] += m.coefficients()[coefficient as usize] * at;
            }
        }
        wires
    });
    let public = &lagrange[m.num_constraints()..][..m.num_instance()];
    wires[0].iter_mut().zip(public).for_each(|(wire, at)| *wire += at);
    wires
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bench::mix::mix;
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    /// A key by ark-groth16's generator and one by ours, from the same trapdoor.
    pub(crate) fn both_forms(r1cs: &R1cs, rng: &mut ChaCha20Rng) -> (ark_groth16::ProvingKey<Bn254>, ProvingKey) {
        let m = r1cs.matrices();
        let mut trapdoor = Trapdoor::random(rng, m.log_domain());
        // arkworks draws tau itself, after it was told the others.
        let domain = Radix2EvaluationDomain::<Fr>::new(1 << m.log_domain()).unwrap();
        trapdoor.tau = domain.sample_element_outside_domain(&mut rng.clone());
        let ark = Groth16::<Bn254>::generate_parameters_with_qap(
            Finished(r1cs, None),
            trapdoor.alpha,
            trapdoor.beta,
            trapdoor.gamma,
            trapdoor.delta,
            G1Projective::generator(),
            G2Projective::generator(),
            rng,
        );
        (ark.unwrap(), trapdoor.key(m).unwrap())
    }

    /// What both forms have is the same, point for point; L differs by a share of C in wires that C has, and in no other.
    #[test]
    fn keys_from_one_trapdoor_agree_with_those_of_arkworks() {
        let r1cs = mix(8).r1cs;
        let m = r1cs.matrices();
        let (ark, ours) = both_forms(&r1cs, &mut ChaCha20Rng::seed_from_u64(5));
        let ark = ProvingKey::from_ark(ark).unwrap();
        assert_eq!((&ours.verifying, &ours.a, &ours.b_g2), (&ark.verifying, &ark.a, &ark.b_g2));
        assert_eq!((ours.beta_g1, ours.delta_g1), (ark.beta_g1, ark.delta_g1));
        let [_, _, c] = m.abc();
        let in_c: std::collections::BTreeSet<u32> = c.parts().1.iter().map(|(wire, _)| *wire).collect();
        let infinity = vec![ark_bn254::G1Affine::identity(); m.num_instance()];
        for (wire, (ours, ark)) in (0..).zip(ours.l.iter().zip(infinity.iter().chain(&ark.l))) {
            assert_eq!(ours != ark, in_c.contains(&wire), "wire {wire}");
        }
        assert!(in_c.len() > 100 && in_c.len() < m.num_wires());
        assert_eq!((ark.check_shape(m), ours.check_shape(m)), (Ok(()), Ok(())));
    }

    #[test]
    fn wiping_leaves_zeros() {
        let mut trapdoor = Trapdoor::random(&mut OsRng, 4);
        trapdoor.zeroize();
        let Trapdoor { alpha, beta, gamma, delta, tau } = trapdoor;
        assert_eq!([alpha, beta, gamma, delta, tau], [Fr::ZERO; 5]);
    }
}
