//! A verifying key whose toxic waste is known, and proofs simulated from it, for tests that need an accepted proof of a
//! statement without a circuit. Test code only: a key made here must never meet value.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, UniformRand};
use novation_verifier::groth16::{KeyParts, Proof, VerifyingKey};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::path::PathBuf;

/// The toxic waste of a setup: the discrete logarithms of every point of the key.
pub struct TrapdoorKey {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    ic: Vec<Fr>,
}

impl TrapdoorKey {
    /// A key for `public_inputs` inputs from a seed.
    pub fn from_seed(seed: u64, public_inputs: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut draw = || Fr::rand(&mut rng);
        let (alpha, beta, gamma, delta) = (draw(), draw(), draw(), draw());
        let ic = (0..=public_inputs).map(|_| draw()).collect();
        Self { alpha, beta, gamma, delta, ic }
    }

    /// The public half.
    pub fn key(&self) -> VerifyingKey {
        let g1 = |k: Fr| (G1Affine::generator() * k).into_affine();
        let g2 = |k: Fr| (G2Affine::generator() * k).into_affine();
        let parts = KeyParts {
            alpha: g1(self.alpha),
            beta: g2(self.beta),
            gamma: g2(self.gamma),
            delta: g2(self.delta),
            ic: self.ic.iter().map(|&k| g1(k)).collect(),
        };
        VerifyingKey::new(parts, self.ic.len() - 1).expect("random trapdoors are unrelated")
    }

    /// A proof that `key()` accepts for `inputs`: the zero-knowledge simulator of Groth16, `C` solved from the equation.
    pub fn simulate(&self, inputs: &[Fr], seed: u64) -> Proof {
        assert_eq!(inputs.len() + 1, self.ic.len());
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (a, b) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
        let l = self.ic[1..].iter().zip(inputs).fold(self.ic[0], |sum, (k, x)| sum + *k * x);
        let c = (a * b - self.alpha * self.beta - l * self.gamma) * self.delta.inverse().expect("drawn non-zero");
        let g1 = |k: Fr| (G1Affine::generator() * k).into_affine();
        Proof::new(g1(a), (G2Affine::generator() * b).into_affine(), g1(c)).expect("points of the groups")
    }
}

/// A folder of the shared test data (`NOVATION_DATA`, else `../shared/data` beside the repository), or a printed line.
pub fn data_folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("NOVATION_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        println!("reads {}", folder.display());
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}
