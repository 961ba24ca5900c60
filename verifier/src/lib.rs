//! What a stranger must trust: contracts, the offline check, the L1 client. Knows neither prover nor gpu.

pub mod encoding;
pub mod groth16;

#[cfg(test)]
extern crate self as novation_verifier;
#[cfg(test)]
#[path = "../tests/common/trapdoor.rs"]
mod test_vectors;
