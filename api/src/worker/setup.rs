//! A box that knows a URL and a token becomes a prover: circuit from this build, key from the node.

use super::remote::Remote;
use novation_gpu::Backend;
use novation_prover::keyfile::{verifying_key_checksum, KeyFileError};
use novation_prover::progress::Observer;
use novation_prover::worker::SourceError;
use novation_prover::{CircuitId, KeyStore, PrepareError as ProverError, Prover, R1cs};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// Why a box does not become a prover of a node's.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// The node does not answer, or does not want this worker.
    #[error("asking the node: {0}")]
    Source(#[from] SourceError),
    /// This build has no such circuit.
    #[error("the node proves circuit `{wanted}`, which this build does not have: run the node's version")]
    OtherCircuit {
        /// The node's.
        wanted: String,
    },
    /// The key here is damaged.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The key here is not the node's: its proofs would be refused.
    #[error("{path} is another key than the node's: remove it, and the node's is fetched")]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// The backend does not take the key.
    #[error(transparent)]
    Prover(#[from] ProverError),
}

/// Asks the node what it wants proven, fetches its proving key unless it is here, and sets a prover up. `circuit_of(version, size)` gives the
/// constraint system, if this build has it.
///
/// The verifying key is compared with the node's; the rest of the key is taken on the node's word. A bad one can make no proof that
/// passes, but a proof made with it may say more than it should, to a node that knows the witness anyway.
///
/// # Errors
/// [`PrepareError`].
pub fn prepare(
    node: &Remote,
    keys: &KeyStore,
    circuit_of: impl FnOnce(u32, &str) -> Option<R1cs>,
    backend: Arc<dyn Backend>,
    say: &dyn Fn(String),
    observer: &dyn Observer,
) -> Result<(CircuitId, Arc<Prover>), PrepareError> {
    let view = node.circuit()?;
    let wanted = view.id().ok_or_else(|| SourceError::Refused("the circuit's checksum has not 32 bytes".into()))?;
    let other = || PrepareError::OtherCircuit { wanted: wanted.to_string() };
    let r1cs = circuit_of(wanted.version, &wanted.size).ok_or_else(other)?;
    let id = CircuitId::new(wanted.version, wanted.size.clone(), &r1cs);
    if id != wanted {
        return Err(other());
    }
    let path = keys.path(&id);
    if !path.exists() {
        say(format!("fetching the node's proving key for circuit {id}"));
        let bytes = node.fetch_key(&path)?;
        say(format!("{}: {} MB", path.display(), bytes / 1_000_000));
    }
    let key = keys.open(&id, &r1cs, observer)?;
    if verifying_key_checksum(&key.verifying)[..] != view.verifying_key.0[..] {
        return Err(PrepareError::OtherKey { path });
    }
    Ok((id, Arc::new(Prover::new(backend, r1cs, key)?)))
}
