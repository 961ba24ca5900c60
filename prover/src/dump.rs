//! A witness in a file: from it and the key, any proof can be made again, on any box, by `novation prove FILE`.
//!
//! PRIVACY: the file holds the plain accounts and orders of a batch. It is made readable by its owner alone; whoever passes
//! it on passes on what the batch's prover learns (protocol section 1).

use crate::container::{self, write_text, FileError, Kind, Payload};
use crate::groth16::{PrepareError, ProveError, Proved, Prover};
use crate::keyfile::{CircuitId, KeyFileError, KeyStore, Origin};
use crate::matrices::{scalar_from_le, R1cs};
use crate::progress::Observer;
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_gpu::Backend;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

const KIND: Kind = Kind { magic: b"NovWtns\x01", name: "witness", private: true };

/// A full assignment and the circuit that it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct Dump {
    /// The circuit.
    pub circuit: CircuitId,
    /// 1, public inputs, witness.
    pub assignment: Vec<Fr>,
}

impl std::fmt::Debug for Dump {
    // PRIVACY: never the assignment.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dump({}, {} wires)", self.circuit, self.assignment.len())
    }
}

impl Dump {
    /// Writes the file.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        container::write(path, KIND, |out| {
            out.write_all(&self.circuit.version.to_le_bytes())?;
            write_text(out, &self.circuit.size)?;
            out.write_all(&self.circuit.matrices)?;
            out.write_all(&(self.assignment.len() as u64).to_le_bytes())?;
            for value in &self.assignment {
                out.write_all(&value.into_bigint().to_bytes_le())?;
            }
            Ok(())
        })
    }

    /// Reads a file that [`Dump::save`] wrote.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Dump::parse(container::read(path, KIND)?)
    }

    /// Reads the bytes of such a file, so that a witness need not touch the disk of whoever only passes it on; errors call it `name`.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, FileError> {
        Dump::parse(container::check(Path::new(name), KIND, bytes)?)
    }

    fn parse(mut file: Payload) -> Result<Self, FileError> {
        let circuit = CircuitId { version: file.u32()?, size: file.text()?, matrices: file.array()? };
        let count = file.u64()?;
        let values: Option<Vec<Fr>> =
            file.items(count, 32)?.map(|b| scalar_from_le(b.try_into().expect("32 bytes"))).collect();
        let Some(assignment) = values else { return Err(file.malformed("a value is not below r")) };
        file.finish()?;
        Ok(Dump { circuit, assignment })
    }
}

/// Why a dumped witness was not proven.
#[derive(Debug, Error)]
pub enum ProveFileError {
    /// The witness cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// This build has no circuit of that version and size.
    #[error("the witness is one of circuit `{0}`, which this build does not have")]
    UnknownCircuit(Box<CircuitId>),
    /// This build has a circuit of that version and size, but with other matrices.
    #[error("the witness is one of circuit `{found}`, this build's is `{expected}`")]
    OtherCircuit {
        /// Circuit of this build.
        expected: Box<CircuitId>,
        /// Circuit of the witness.
        found: Box<CircuitId>,
    },
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The backend does not take the key.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// No proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

/// Proves a dumped witness. `circuit_of(version, size)` gives the constraint system, if this build has it; the key comes
/// from `keys`.
///
/// # Errors
/// [`ProveFileError`].
pub fn prove_file(
    path: &Path,
    circuit_of: impl FnOnce(u32, &str) -> Option<R1cs>,
    keys: &KeyStore,
    backend: Arc<dyn Backend>,
    observer: &dyn Observer,
) -> Result<(Proved, Prover, Origin), ProveFileError> {
    let Dump { circuit, assignment } = Dump::load(path)?;
    let Some(r1cs) = circuit_of(circuit.version, &circuit.size) else {
        return Err(ProveFileError::UnknownCircuit(circuit.into()));
    };
    let expected = CircuitId::new(circuit.version, circuit.size.clone(), &r1cs);
    if expected != circuit {
        return Err(ProveFileError::OtherCircuit { expected: expected.into(), found: circuit.into() });
    }
    let (key, origin) = keys.open_or_generate(&circuit, &r1cs, observer)?;
    let prover = Prover::new(backend, r1cs, key)?;
    let proved = prover.prove(assignment, observer)?;
    Ok((proved, prover, origin))
}
