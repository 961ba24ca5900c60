//! What a stranger must trust: contracts, the offline check, the L1 client. Knows neither prover nor gpu.

pub mod batch;
pub mod check;
#[cfg(feature = "devnet")]
pub mod devnet;
pub mod encoding;
pub mod groth16;
#[cfg(feature = "l1")]
pub mod l1;
#[cfg(feature = "devnet")]
pub mod lock;
#[cfg(feature = "l1")]
pub mod tls;
#[cfg(feature = "watch")]
pub mod watch;

#[cfg(test)]
extern crate self as novation_verifier;
#[cfg(test)]
#[path = "../tests/suite/common/trapdoor.rs"]
mod test_vectors;
