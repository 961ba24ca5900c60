//! Trace to proof: the batch circuit of a size, its key, and everything in between.

use crate::dump::Dump;
use crate::groth16::{PrepareError, ProveError, Proved, Prover};
use crate::keyfile::{CircuitId, KeyFileError, KeyStore, Origin};
use crate::matrices::R1cs;
use crate::progress::Observer;
use novation_circuits::batch;
use novation_gpu::Backend;
use novation_state::public_data::PublicData;
use novation_state::size::{Size, CIRCUIT_VERSION};
use novation_state::trace::BatchTrace;
use std::sync::Arc;
use thiserror::Error;

/// Why a size cannot be proven here.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The key cannot be read, made or kept.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// Key or matrices cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The matrices are beyond what the backend takes.
    #[error(transparent)]
    Matrices(#[from] novation_gpu::Error),
}

/// A proven batch.
#[derive(Clone, Debug)]
pub struct ProvedBatch {
    /// D, c, z, y.
    pub public: PublicData,
    /// The proof with what it cost.
    pub proved: Proved,
}

/// The constraint system of a size.
///
/// # Errors
/// [`novation_gpu::Error`] if it is beyond what a backend takes.
pub fn circuit(size: &Size) -> Result<R1cs, novation_gpu::Error> {
    R1cs::from_circuit(&batch::matrices(size))
}

/// The constraint system that a dump or a key names, if this build has it.
pub fn circuit_of(version: u32, size: &str) -> Option<R1cs> {
    let size = Size::by_name(size).filter(|_| version == CIRCUIT_VERSION)?;
    circuit(&size).ok()
}

/// Proves batches of one size.
#[derive(Debug)]
pub struct BatchProver {
    size: Size,
    id: CircuitId,
    prover: Arc<Prover>,
    origin: Origin,
}

impl BatchProver {
    /// Builds the circuit, opens or makes its key, and hands both to the backend.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        size: Size,
        keys: &KeyStore,
        backend: Arc<dyn Backend>,
        observer: &dyn Observer,
    ) -> Result<Self, OpenError> {
        let r1cs = circuit(&size)?;
        let id = CircuitId::new(CIRCUIT_VERSION, size.name, &r1cs);
        let (key, origin) = keys.open_or_generate(&id, &r1cs, observer)?;
        let prover = Arc::new(Prover::new(backend, r1cs, key)?);
        Ok(BatchProver { size, id, prover, origin })
    }

    /// The size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The prover behind, with constraint system and verifying key.
    pub fn prover(&self) -> &Prover {
        &self.prover
    }

    /// The circuit.
    pub fn circuit(&self) -> &CircuitId {
        &self.id
    }

    /// The prover behind, shared with whoever else proves with it: a [`Worker`](crate::worker::Worker).
    pub fn shared(&self) -> Arc<Prover> {
        self.prover.clone()
    }

    /// Whether the key was there or made now.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Proves a batch. The proof has been verified when this returns.
    ///
    /// # Errors
    /// [`ProveError`]; a batch that breaks a rule fails with the name of the constraint.
    ///
    /// # Panics
    /// If the trace is of another size.
    pub fn prove(&self, trace: &BatchTrace, observer: &dyn Observer) -> Result<ProvedBatch, ProveError> {
        assert_eq!(trace.size, self.size, "a batch of another size");
        let public = PublicData::of(trace);
        let proved = self.prover.prove(batch::assignment(trace, &public), observer)?;
        debug_assert_eq!(proved.public_inputs, public.inputs());
        Ok(ProvedBatch { public, proved })
    }

    /// The witness of a batch, to be proven somewhere else or again.
    ///
    /// # Panics
    /// If the trace is of another size.
    pub fn dump(&self, trace: &BatchTrace) -> Dump {
        assert_eq!(trace.size, self.size, "a batch of another size");
        Dump { circuit: self.id.clone(), assignment: batch::assignment(trace, &PublicData::of(trace)) }
    }
}
