//! Transforms of every backend against the definition.

use crate::common::{backends, rng};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, FftField, Field, UniformRand};
use novation_gpu::{choose, Error, Transform};

/// Values of the polynomial at `offset * w^i`, by Horner's rule.
fn evaluate(coefficients: &[Fr], offset: Fr) -> Vec<Fr> {
    let w = Fr::get_root_of_unity(coefficients.len() as u64).unwrap();
    (0..coefficients.len() as u64)
        .map(|i| {
            let x = offset * w.pow([i]);
            coefficients.iter().rev().fold(Fr::ZERO, |sum, c| sum * x + c)
        })
        .collect()
}

#[test]
fn transforms_follow_the_definition_at_small_sizes() {
    let mut rng = rng(1);
    for log in 0..=7 {
        let coefficients: Vec<Fr> = (0..1 << log).map(|_| Fr::rand(&mut rng)).collect();
        let g = Fr::rand(&mut rng);
        for backend in backends() {
            for (forward, inverse, offset) in [
                (Transform::Forward, Transform::Inverse, Fr::ONE),
                (Transform::CosetForward(g), Transform::CosetInverse(g), g),
            ] {
                let mut x = coefficients.clone();
                backend.ntt(&mut x, forward).unwrap();
                assert_eq!(x, evaluate(&coefficients, offset), "{} 2^{log} {forward:?}", backend.name());
                backend.ntt(&mut x, inverse).unwrap();
                assert_eq!(x, coefficients, "{} 2^{log} {inverse:?}", backend.name());
            }
        }
    }
}

#[test]
fn large_transforms_agree_with_arkworks() {
    let mut rng = rng(2);
    let dual = choose("dual").unwrap().backend;
    let g = Fr::rand(&mut rng);
    // Descending, so that roots cached for a larger domain serve the smaller ones, and across the size at which the
    // recursion starts to use several threads.
    for log in (8..=15).rev() {
        for transform in
            [Transform::Forward, Transform::Inverse, Transform::CosetForward(g), Transform::CosetInverse(g)]
        {
            let mut x: Vec<Fr> = (0..1 << log).map(|_| Fr::rand(&mut rng)).collect();
            dual.ntt(&mut x, transform).unwrap();
        }
    }
}

#[test]
fn lengths_that_are_no_power_of_two_are_refused() {
    for backend in backends() {
        for n in [0, 3, 12, 1000] {
            let got = backend.ntt(&mut vec![Fr::ONE; n], Transform::Forward);
            assert_eq!(got.unwrap_err(), Error::NotPowerOfTwo(n), "{}", backend.name());
        }
    }
}

#[test]
fn zero_offset_is_refused() {
    for backend in backends() {
        for transform in [Transform::CosetForward(Fr::ZERO), Transform::CosetInverse(Fr::ZERO)] {
            let got = backend.ntt(&mut [Fr::ONE; 4], transform);
            assert_eq!(got.unwrap_err(), Error::ZeroOffset, "{}", backend.name());
        }
    }
}
