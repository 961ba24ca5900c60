//! The prover from outside: proofs, files, foreign formats.

mod common;
mod dumps;
mod files;
mod groth16;
mod keys;
mod snarkjs;
mod zkey;
mod zkey_writer;
