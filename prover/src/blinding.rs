//! The two random scalars that make a proof zero-knowledge.

use ark_bn254::Fr;
use ark_ff::UniformRand;
use rand::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `r` and `s` of Groth16. Whoever knows them and the proof learns linear relations of the witness, so they are drawn from
/// the system's random source, used once, and wiped. (Copies that the compiler makes in registers and on the stack while it
/// multiplies are beyond reach.)
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Blinding {
    pub r: Fr,
    pub s: Fr,
}

impl Blinding {
    /// Uniform scalars (rejection sampling, no bias).
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Blinding { r: Fr::rand(rng), s: Fr::rand(rng) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::Zero;

    #[test]
    fn wiping_leaves_zeros() {
        let mut blinding = Blinding::random(&mut rand::rngs::OsRng);
        assert!(!blinding.r.is_zero() && !blinding.s.is_zero());
        blinding.zeroize();
        assert!(blinding.r.is_zero() && blinding.s.is_zero());
    }
}
