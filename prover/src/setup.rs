//! Keys from one machine, for development and tests.
//!
//! Whoever runs this could keep the trapdoor and forge proofs. Keys for value come from a ceremony ([`crate::iden3`]).
//!
//! [`generate`] makes keys in our own form, [`Reduction::Product`], with which a proof takes four transforms instead of six: since
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
use ark_bn254::{Fr, G1Projective, G2Projective};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, FftField, Field, UniformRand};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::{CryptoRng, RngCore};
use novation_gpu::{Matrices, Reduction};
use novation_verifier::groth16::{KeyError, KeyParts, VerifyingKey};
use rand::rngs::OsRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Makes a key in our own form for a constraint system. About a minute of CPU time for a million constraints;
/// `observer` hears a heartbeat.
///
/// # Errors
/// [`KeyError`]: the system's source of randomness is broken.
pub fn generate(r1cs: &R1cs, observer: &dyn Observer) -> Result<ProvingKey, KeyError> {
    generate_as(Reduction::Product, r1cs, observer)
}

/// As [`generate`], in any form: with [`Reduction::Coefficients`] for ark-groth16, with [`Reduction::OddCoset`] for the provers of
/// the snarkjs family ([`crate::iden3::write_zkey`]).
///
/// # Errors
/// As [`generate`].
pub fn generate_as(form: Reduction, r1cs: &R1cs, observer: &dyn Observer) -> Result<ProvingKey, KeyError> {
    single(observer, Stage::Generate, || generate_from(&mut OsRng, form, r1cs))
}

pub(crate) fn generate_from(
    rng: &mut (impl RngCore + CryptoRng),
    form: Reduction,
    r1cs: &R1cs,
) -> Result<ProvingKey, KeyError> {
    Trapdoor::random(rng, r1cs.matrices().log_domain()).key(form, r1cs.matrices())
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

    fn key(&self, form: Reduction, m: &Matrices) -> Result<ProvingKey, KeyError> {
        let Trapdoor { alpha, beta, gamma, delta, tau } = *self;
        let n = 1usize << m.log_domain();
        let domain = Radix2EvaluationDomain::<Fr>::new(n).expect("domains are below 2^28");
        let g = Fr::get_root_of_unity(2 * n as u64).expect("domains are below 2^27");
        let inverse = |x: Fr| x.inverse().expect("drawn among those that are not zero");
        let (gamma_inverse, delta_inverse) = (inverse(gamma), inverse(delta));
        let z = (tau.pow([n as u64]) - Fr::ONE) * delta_inverse;
        let half_z = z * inverse(Fr::from(2u64));

        let [u, v, w] = wires_at(m, &domain.evaluate_all_lagrange_coefficients(tau));
        let (public, witness) = (0..m.num_instance(), m.num_instance()..m.num_wires());
        let standard = |i: usize| beta * u[i] + alpha * v[i] + w[i];
        let ic: Vec<Fr> = public.clone().map(|i| standard(i) * gamma_inverse).collect();
        let l = witness.map(|i| standard(i) * delta_inverse);
        let l: Vec<Fr> = match form {
            Reduction::Coefficients | Reduction::OddCoset => l.collect(),
            Reduction::Product => public.map(|_| Fr::ZERO).chain(l).zip(&w).map(|(l, w)| l + half_z * w).collect(),
        };
        let h: Vec<Fr> = match form {
            Reduction::Coefficients => std::iter::successors(Some(z), |x| Some(*x * tau)).take(n - 1).collect(),
            // The basis of the coset g H at tau is that of H at tau / g. Times -Z / 2 it is the odd half of the basis of order 2n.
            Reduction::OddCoset | Reduction::Product => {
                let basis = domain.evaluate_all_lagrange_coefficients(tau * inverse(g));
                basis.into_iter().map(|x| -half_z * x).collect()
            }
        };

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
            reduction: form,
            beta_g1: one(beta),
            delta_g1: one(delta),
            a: g1.batch_mul(&u),
            b_g1: if form == Reduction::Product { Vec::new() } else { g1.batch_mul(&v) },
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bench::ark::Finished;
    use crate::bench::mix::mix;
    use ark_bn254::Bn254;
    use ark_groth16::Groth16;
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    /// A key by ark-groth16's generator and ours in all forms, from the same trapdoor.
    pub(crate) fn all_forms(r1cs: &R1cs, rng: &mut ChaCha20Rng) -> (ark_groth16::ProvingKey<Bn254>, [ProvingKey; 3]) {
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
        let forms = [Reduction::Coefficients, Reduction::OddCoset, Reduction::Product];
        (ark.unwrap(), forms.map(|form| trapdoor.key(form, m).unwrap()))
    }

    /// In arkworks' form the key is that of arkworks. The others differ in H and, ours, in L: by a share of C in wires that C has,
    /// and in no other.
    #[test]
    fn keys_from_one_trapdoor_agree_with_that_of_arkworks() {
        let r1cs = mix(8).r1cs;
        let m = r1cs.matrices();
        let (ark, [coefficients, odd_coset, product]) = all_forms(&r1cs, &mut ChaCha20Rng::seed_from_u64(5));
        let ark = ProvingKey::from_ark(ark).unwrap();
        assert!(coefficients == ark, "a point of the key is not that of arkworks");
        let with = |reduction, h: &Vec<_>| ProvingKey { reduction, h: h.clone(), ..ark.clone() };
        assert!(odd_coset == with(Reduction::OddCoset, &odd_coset.h), "more than H differs");
        let ours = ProvingKey { b_g1: Vec::new(), l: product.l.clone(), ..with(Reduction::Product, &odd_coset.h) };
        assert!(product == ours, "more than L differs");
        let [_, _, c] = m.abc();
        let in_c: std::collections::BTreeSet<u32> = c.parts().1.iter().map(|(wire, _)| *wire).collect();
        let infinity = vec![ark_bn254::G1Affine::identity(); m.num_instance()];
        for (wire, (ours, ark)) in (0..).zip(product.l.iter().zip(infinity.iter().chain(&ark.l))) {
            assert_eq!(ours != ark, in_c.contains(&wire), "wire {wire}");
        }
        assert!(in_c.len() > 100 && in_c.len() < m.num_wires());
        assert_eq!([&ark, &odd_coset, &product].map(|key| key.check_shape(m)), [const { Ok(()) }; 3]);
    }

    #[test]
    fn wiping_leaves_zeros() {
        let mut trapdoor = Trapdoor::random(&mut OsRng, 4);
        trapdoor.zeroize();
        let Trapdoor { alpha, beta, gamma, delta, tau } = trapdoor;
        assert_eq!([alpha, beta, gamma, delta, tau], [Fr::ZERO; 5]);
    }
}
