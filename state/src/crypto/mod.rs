//! Hash, curve and signatures, native side.
//!
//! - [`poseidon`]: Poseidon over the BN254 scalar field with circomlib's constants.
//! - [`babyjub`]: circomlib's BabyJubJub (ERC-2494).
//! - [`eddsa`]: EdDSA-Poseidon as in circomlib, keys and signatures byte-compatible with circomlibjs.
//! - [`viewing`]: viewing keys, and the one-time keys whose shared secret encrypts a batch.
//!
//! The curve arithmetic is not constant-time. Signing belongs on a machine where nobody else measures time; verifying
//! touches no secret.

pub mod babyjub;
pub mod eddsa;
pub mod poseidon;
pub mod viewing;

pub use ark_bn254::Fr;
