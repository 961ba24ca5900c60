//! The two random scalars that make a proof zero-knowledge.

use ark_bn254::Fr;
use ark_ff::{UniformRand, Zero};
use rand::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Whoever knows them and the proof learns linear relations of the witness, so they are drawn from the system's random
/// source, used once, and wiped. (Copies that the compiler makes in registers and on the stack while it multiplies are beyond
/// reach.)
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Blinding {
    /// Multiplies B and divides A; not zero.
    pub k: Fr,
    /// Multiplies delta in B, and A in C.
    pub s: Fr,
}

impl Blinding {
    /// Uniform scalars, `k` among those that are not zero (rejection sampling, no bias).
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let k = std::iter::repeat_with(|| Fr::rand(rng)).find(|k| !k.is_zero()).expect("endless");
        Blinding { k, s: Fr::rand(rng) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiping_leaves_zeros() {
        let mut blinding = Blinding::random(&mut rand::rngs::OsRng);
        assert!(!blinding.k.is_zero() && !blinding.s.is_zero());
        blinding.zeroize();
        assert!(blinding.k.is_zero() && blinding.s.is_zero());
    }
}
