//! The binary formats of iden3, out and in: `.r1cs`, `.wtns`, `.zkey`.
//!
//! With them a ceremony of snarkjs makes a key for our circuit, every prover of that family can be run on our files, and ours
//! on those of any circom circuit.
//! Format: four bytes of magic, version, sections of (type, length, bytes), everything little endian
//! (github.com/iden3/r1csfile, `doc/r1cs_bin_format.md`; the others follow snarkjs 0.7).

mod r1cs;
mod wtns;
mod zkey;

pub use r1cs::{r1cs_from_bytes, read_r1cs, write_r1cs};
pub use wtns::{read_wtns, write_wtns};
pub use zkey::{read_zkey, write_zkey, zkey_from_bytes};

use crate::matrices::scalar_from_le;
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_verifier::groth16::{KeyError, PointError};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a file of iden3's formats cannot be used.
#[derive(Debug, Error)]
pub enum Iden3Error {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Wrong magic or version.
    #[error("not a {0} file of a version that is read here")]
    Kind(&'static str),
    /// The file ends before a length of it says, or a section has another length than its content.
    #[error("{0}: cut short or of the wrong length")]
    Length(&'static str),
    /// A section is absent.
    #[error("section {0} is missing")]
    MissingSection(u32),
    /// A section occurs twice: readers would differ on which counts.
    #[error("section {0} occurs twice")]
    DuplicateSection(u32),
    /// A field of the file is not BN254's.
    #[error("{0} field is not BN254's")]
    OtherField(&'static str),
    /// The key is one of another proof system.
    #[error("protocol {0} of the zkey is not Groth16 (1)")]
    OtherProtocol(u32),
    /// A number in the header does not fit the constraint system.
    #[error("{what}: the constraint system has {expected}, the file {got}")]
    OtherCircuit {
        /// What was counted.
        what: &'static str,
        /// Count in the constraint system.
        expected: usize,
        /// Count in the file.
        got: usize,
    },
    /// The constraint system uses custom gates, which Groth16 does not know.
    #[error("the constraint system uses {0} custom gates, which Groth16 has none of")]
    CustomGates(u32),
    /// Outputs, inputs and the constant are more than all wires.
    #[error("r1cs header: {public} public wires with the constant, but {wires} wires in all")]
    TooManyPublic {
        /// Outputs, public inputs and the constant.
        public: usize,
        /// All wires.
        wires: usize,
    },
    /// The constraint system is malformed.
    #[error("r1cs constraints: {0}")]
    Matrices(#[from] novation_gpu::Error),
    /// The matrices A and B in the key are not those of the constraint system.
    #[error("the key was made for other matrices")]
    OtherMatrices,
    /// A scalar is not below r.
    #[error("{what}: value {index} is not below r")]
    NotCanonical {
        /// Which list.
        what: &'static str,
        /// Place in the list.
        index: usize,
    },
    /// A coordinate is not below p.
    #[error("{what}: a coordinate is not below p")]
    Coordinate {
        /// Which list of points.
        what: &'static str,
    },
    /// A point is not in its group.
    #[error("{what}: point {index}: {reason}")]
    Point {
        /// Which list of points.
        what: &'static str,
        /// Place in the list.
        index: usize,
        /// What is wrong with it.
        reason: PointError,
    },
    /// beta or delta in G1 is not the same multiple of the generator as in G2.
    #[error("{0} differs between G1 and G2")]
    Unpaired(&'static str),
    /// The verifying key within is refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Sections of a file by type.
struct Sections<'a>(BTreeMap<u32, &'a [u8]>);

impl<'a> Sections<'a> {
    fn parse(bytes: &'a [u8], magic: &[u8; 4], versions: &[u32], kind: &'static str) -> Result<Self, Iden3Error> {
        let mut bytes = Bytes { bytes, kind };
        let header_matches =
            bytes.take(4).is_ok_and(|m| m == magic) && bytes.u32().is_ok_and(|v| versions.contains(&v));
        if !header_matches {
            return Err(Iden3Error::Kind(kind));
        }
        let mut sections = BTreeMap::new();
        for _ in 0..bytes.u32()? {
            let id = bytes.u32()?;
            let len = usize::try_from(bytes.u64()?).map_err(|_| Iden3Error::Length(kind))?;
            if sections.insert(id, bytes.take(len)?).is_some() {
                return Err(Iden3Error::DuplicateSection(id));
            }
        }
        Ok(Sections(sections))
    }

    fn get(&self, id: u32, name: &'static str) -> Result<Bytes<'a>, Iden3Error> {
        let bytes = self.0.get(&id).ok_or(Iden3Error::MissingSection(id))?;
        Ok(Bytes { bytes, kind: name })
    }
}

/// What is left of a section.
struct Bytes<'a> {
    bytes: &'a [u8],
    kind: &'static str,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Iden3Error> {
        let (head, tail) = self.bytes.split_at_checked(n).ok_or(Iden3Error::Length(self.kind))?;
        self.bytes = tail;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32, Iden3Error> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("4 bytes")))
    }

    fn u64(&mut self) -> Result<u64, Iden3Error> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().expect("8 bytes")))
    }

    /// A field element below its modulus, named in the error as element `index` of this section.
    fn scalar(&mut self, index: usize) -> Result<Fr, Iden3Error> {
        let bytes = self.take(32)?.try_into().expect("32 bytes");
        scalar_from_le(bytes).ok_or(Iden3Error::NotCanonical { what: self.kind, index })
    }

    /// Reads the length and value of a modulus.
    fn modulus<F: PrimeField>(&mut self, name: &'static str) -> Result<(), Iden3Error> {
        let expected = F::MODULUS.to_bytes_le();
        if self.u32()? as usize != expected.len() || self.take(expected.len())? != expected {
            return Err(Iden3Error::OtherField(name));
        }
        Ok(())
    }

    /// The rest, which must be `n` items of `size` bytes.
    fn exactly(self, n: usize, size: usize) -> Result<&'a [u8], Iden3Error> {
        if n.checked_mul(size) != Some(self.bytes.len()) {
            return Err(Iden3Error::Length(self.kind));
        }
        Ok(self.bytes)
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Iden3Error> {
    std::fs::read(path).map_err(|source| Iden3Error::Io { path: path.into(), source })
}

fn write_file(path: &Path, content: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<(), Iden3Error> {
    let attempt = || {
        let mut out = io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
        content(&mut out)?;
        out.into_inner().map_err(|e| e.into_error()).map(drop)
    };
    attempt().map_err(|source| Iden3Error::Io { path: path.into(), source })
}

/// Magic, version, number of sections.
fn write_header(out: &mut dyn io::Write, magic: &[u8; 4], version: u32, sections: u32) -> io::Result<()> {
    out.write_all(magic)?;
    out.write_all(&version.to_le_bytes())?;
    out.write_all(&sections.to_le_bytes())
}

/// Type and length of a section.
fn write_section(out: &mut dyn io::Write, id: u32, len: usize) -> io::Result<()> {
    out.write_all(&id.to_le_bytes())?;
    out.write_all(&(len as u64).to_le_bytes())
}

/// Length and value of a modulus.
fn write_modulus<F: PrimeField>(out: &mut dyn io::Write) -> io::Result<()> {
    let modulus = F::MODULUS.to_bytes_le();
    out.write_all(&(modulus.len() as u32).to_le_bytes())?;
    out.write_all(&modulus)
}
