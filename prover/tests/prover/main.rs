//! The prover from outside: proofs, files, foreign formats.

mod ceremony;
mod common;
mod cuda;
mod dumps;
mod files;
mod groth16;
mod in_flight;
mod keys;
mod ptau;
mod r1cs;
mod snarkjs;
mod tools;
mod worker;
mod zkey;
mod zkey_writer;
