//! Matrices and assignment to Groth16 proof, through the gpu seam.
//!
//! * [`batch`]: a trace of the ledger to a proven batch.
//! * [`R1cs`]: the constraint system as cached matrices, with a checksum that names the circuit everywhere.
//! * [`Prover`]: one pass from a full assignment to a proof that has been verified before anybody sees it.
//! * [`setup`]: development keys; [`keyfile`]: keys on disk, and the folder that caches them.
//! * [`iden3`]: `.r1cs`, `.wtns` and `.zkey`, so that a snarkjs ceremony makes a key that this prover uses, and other provers prove our circuits.
//! * [`dump`]: a witness in a file, from which any proof can be made again.
//! * [`witness_store`]: witnesses of batches, for as long as they are needed; [`worker`]: the loop that takes jobs, proves and delivers.
//! * [`bench`]: what a box can do, beside ark-groth16.
//! * [`progress`]: what runs, how far it is, what it cost; drawn by whoever listens.
//!
//! Who is trusted with what: a wrong proving key or backend can only make proofs that fail the check before release;
//! soundness rests on the verifying key, which [`novation_verifier::groth16::VerifyingKey`] judges whenever one is read.

pub mod batch;
pub mod bench;
mod blinding;
pub mod container;
pub mod dump;
pub mod groth16;
pub mod iden3;
pub mod key;
pub mod keyfile;
mod matrices;
mod points;
pub mod progress;
pub mod setup;
pub mod witness_store;
pub mod worker;

pub use groth16::{PrepareError, ProveError, Proved, Prover};
pub use key::{KeyShapeError, ProvingKey};
pub use keyfile::{CircuitId, KeyStore};
pub use matrices::{R1cs, UnsatisfiedError};
