//! `.wtns`, version 2.

use super::{read_file, write_file, write_header, write_modulus, write_section, Iden3Error, Sections};
use crate::matrices::scalar_from_le;
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use std::path::Path;

/// Writes a full assignment.
///
/// PRIVACY: this is the witness in the clear, for provers of the snarkjs family on the same box.
///
/// # Errors
/// [`Iden3Error::Io`].
pub fn write_wtns(path: &Path, assignment: &[Fr]) -> Result<(), Iden3Error> {
    write_file(path, |out| {
        write_header(out, b"wtns", 2, 2)?;
        write_section(out, 1, 40)?;
        write_modulus::<Fr>(out)?;
        out.write_all(&(assignment.len() as u32).to_le_bytes())?;
        write_section(out, 2, 32 * assignment.len())?;
        for value in assignment {
            out.write_all(&value.into_bigint().to_bytes_le())?;
        }
        Ok(())
    })
}

/// Reads a full assignment.
///
/// # Errors
/// [`Iden3Error`].
pub fn read_wtns(path: &Path) -> Result<Vec<Fr>, Iden3Error> {
    let bytes = read_file(path)?;
    let sections = Sections::parse(&bytes, b"wtns", &[2], "wtns")?;
    let mut header = sections.get(1, "wtns header")?;
    header.modulus::<Fr>("scalar")?;
    let count = header.u32()? as usize;
    header.exactly(0, 1)?;
    let values = sections.get(2, "wtns values")?.exactly(count, 32)?;
    let value = |(index, bytes): (usize, &[u8])| {
        scalar_from_le(bytes.try_into().expect("32 bytes"))
            .ok_or(Iden3Error::NotCanonical { what: "wtns values", index })
    };
    values.chunks_exact(32).enumerate().map(value).collect()
}
