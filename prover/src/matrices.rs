//! The constraint system as the prover keeps it: matrices, names of rows, checksum, and a file to cache them in.

use crate::container::{self, write_text, FileError, Kind, Payload};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_gpu::{Error, Matrices, MatricesBuilder};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

const KIND: Kind = Kind { magic: b"NovR1cs\x01", name: "constraint system", private: false };

/// An assignment that is none of this system.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnsatisfiedError {
    /// A constraint does not hold; it is the first such row.
    #[error("constraint {row} ({label}) is not satisfied")]
    Row {
        /// Index of the row.
        row: usize,
        /// Its name, or `unnamed`.
        label: String,
    },
    /// Wrong number of wires, or wire 0 is not one.
    #[error(transparent)]
    Shape(Error),
}

/// A rank-1 constraint system: wire 0 is the constant one, then the public inputs, then the witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct R1cs {
    matrices: Arc<Matrices>,
    labels: Arc<Vec<String>>,
    row_labels: Arc<Vec<u32>>,
    checksum: [u8; 32],
}

impl R1cs {
    /// Wraps matrices whose rows have no names.
    pub fn new(matrices: Matrices) -> Self {
        Self::assemble(matrices, Vec::new(), Vec::new())
    }

    fn assemble(matrices: Matrices, labels: Vec<String>, row_labels: Vec<u32>) -> Self {
        let mut hash = Sha256::new();
        write_matrices(&mut hash, &matrices).expect("a hash takes all bytes");
        R1cs {
            matrices: Arc::new(matrices),
            labels: Arc::new(labels),
            row_labels: Arc::new(row_labels),
            checksum: hash.finalize().into(),
        }
    }

    /// Takes over the finished matrices of a circuit, with the names `lane/constraint` of its rows.
    ///
    /// # Errors
    /// [`Error::MalformedMatrices`] past 2^32 entries.
    pub fn from_circuit(m: &novation_circuits::cs::Matrices) -> Result<Self, Error> {
        let mut builder = MatricesBuilder::new(1 + m.num_public, m.num_wires);
        for i in 0..m.num_constraints() {
            builder.push(m.a.row(i), m.b.row(i), m.c.row(i))?;
        }
        let labels = m.labels.iter().map(|(lane, name)| format!("{lane}/{name}")).collect();
        Ok(Self::assemble(builder.finish()?, labels, m.row_labels.clone()))
    }

    /// The matrices.
    pub fn matrices(&self) -> &Arc<Matrices> {
        &self.matrices
    }

    /// Public inputs, without the constant.
    pub fn num_public(&self) -> usize {
        self.matrices.num_instance() - 1
    }

    /// SHA-256 of everything that decides what is proven: shape, coefficients, entries. Names of rows are left out.
    pub fn checksum(&self) -> [u8; 32] {
        self.checksum
    }

    /// Name of a row.
    pub fn label(&self, row: usize) -> &str {
        let label = self.row_labels.get(row).and_then(|i| self.labels.get(*i as usize));
        label.map_or("unnamed", String::as_str)
    }

    /// Checks an assignment on the host, without proving: the sequencer asks before it announces fills.
    ///
    /// # Errors
    /// [`UnsatisfiedError`].
    pub fn check(&self, assignment: &[Fr]) -> Result<(), UnsatisfiedError> {
        self.matrices.check(assignment).map_err(|e| self.name_row(e))
    }

    pub(crate) fn name_row(&self, error: Error) -> UnsatisfiedError {
        match error {
            Error::Unsatisfied { row } => UnsatisfiedError::Row { row, label: self.label(row).into() },
            other => UnsatisfiedError::Shape(other),
        }
    }

    /// Writes the system to a file.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        container::write(path, KIND, |out| {
            write_matrices(out, &self.matrices)?;
            out.write_all(&(self.labels.len() as u32).to_le_bytes())?;
            for label in self.labels.iter() {
                write_text(out, label)?;
            }
            write_u32s(out, &self.row_labels)
        })
    }

    /// Reads a system that [`R1cs::save`] wrote.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let mut file = container::read(path, KIND)?;
        let matrices = read_matrices(&mut file)?;
        let count = file.u32()?;
        let labels = (0..count).map(|_| file.text()).collect::<Result<Vec<_>, _>>()?;
        let row_labels = read_u32s(&mut file)?;
        if !row_labels.is_empty() && row_labels.len() != matrices.num_constraints() {
            return Err(file.malformed("names and rows differ in number"));
        }
        if row_labels.iter().any(|i| *i as usize >= labels.len()) {
            return Err(file.malformed("a row has a name that does not exist"));
        }
        file.finish()?;
        Ok(Self::assemble(matrices, labels, row_labels))
    }
}

fn write_matrices(out: &mut dyn Write, m: &Matrices) -> io::Result<()> {
    for n in [m.num_instance(), m.num_wires(), m.coefficients().len()] {
        out.write_all(&(n as u64).to_le_bytes())?;
    }
    for c in m.coefficients() {
        out.write_all(&c.into_bigint().to_bytes_le())?;
    }
    for matrix in m.abc() {
        let (starts, entries) = matrix.parts();
        write_u32s(out, starts)?;
        out.write_all(&(entries.len() as u64).to_le_bytes())?;
        let mut bytes = Vec::with_capacity(8 * 4096);
        for piece in entries.chunks(4096) {
            bytes.clear();
            bytes.extend(piece.iter().flat_map(|(v, c)| (u64::from(*c) << 32 | u64::from(*v)).to_le_bytes()));
            out.write_all(&bytes)?;
        }
    }
    Ok(())
}

fn read_matrices(file: &mut Payload) -> Result<Matrices, FileError> {
    let [instance, wires, count] = [file.u64()?, file.u64()?, file.u64()?];
    let words: Vec<[u8; 32]> = file.items(count, 32)?.map(|x| x.try_into().expect("32 bytes")).collect();
    let coefficients: Option<Vec<Fr>> = words.iter().map(scalar_from_le).collect();
    let Some(coefficients) = coefficients else { return Err(file.malformed("a coefficient is not below r")) };
    let mut part = || -> Result<_, FileError> {
        let starts = read_u32s(file)?;
        let count = file.u64()?;
        let entries = file.items(count, 8)?.map(|b| {
            let word = u64::from_le_bytes(b.try_into().expect("8 bytes"));
            (word as u32, (word >> 32) as u32)
        });
        Ok((starts, entries.collect()))
    };
    let parts = [part()?, part()?, part()?];
    Matrices::from_parts(instance as usize, wires as usize, coefficients, parts)
        .map_err(|e| file.malformed(e.to_string()))
}

fn write_u32s(out: &mut dyn Write, values: &[u32]) -> io::Result<()> {
    out.write_all(&(values.len() as u64).to_le_bytes())?;
    let mut bytes = Vec::with_capacity(4 * 4096);
    for piece in values.chunks(4096) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|v| v.to_le_bytes()));
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn read_u32s(file: &mut Payload) -> Result<Vec<u32>, FileError> {
    let count = file.u64()?;
    Ok(file.items(count, 4)?.map(|b| u32::from_le_bytes(b.try_into().expect("4 bytes"))).collect())
}

/// A scalar from its 32 little-endian bytes, if they are below r.
pub(crate) fn scalar_from_le(bytes: &[u8; 32]) -> Option<Fr> {
    let limb = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().expect("8 bytes"));
    Fr::from_bigint(ark_ff::BigInt::new([limb(0), limb(1), limb(2), limb(3)]))
}
