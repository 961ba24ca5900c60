//! `.r1cs`, version 1.

use super::{write_file, write_header, write_modulus, write_section, Iden3Error};
use crate::matrices::R1cs;
use ark_ff::{BigInteger, PrimeField};
use std::path::Path;

/// Writes the constraint system. Wires keep their numbers; public wires are declared as inputs, the witness as internal
/// signals, labels are the wire numbers.
///
/// # Errors
/// [`Iden3Error::Io`].
pub fn write_r1cs(path: &Path, r1cs: &R1cs) -> Result<(), Iden3Error> {
    let m = r1cs.matrices();
    let coefficients: Vec<Vec<u8>> = m.coefficients().iter().map(|c| c.into_bigint().to_bytes_le()).collect();
    let entries: usize = m.abc().iter().map(|matrix| matrix.num_entries()).sum();
    write_file(path, |out| {
        write_header(out, b"r1cs", 1, 3)?;

        write_section(out, 1, 64)?;
        write_modulus(out)?;
        let (wires, outputs, private) = (m.num_wires() as u32, 0u32, 0u32);
        for n in [wires, outputs, r1cs.num_public() as u32, private] {
            out.write_all(&n.to_le_bytes())?;
        }
        out.write_all(&u64::from(wires).to_le_bytes())?;
        out.write_all(&(m.num_constraints() as u32).to_le_bytes())?;

        // Three combinations a constraint, each a count and (wire, coefficient) pairs.
        write_section(out, 2, 3 * 4 * m.num_constraints() + (4 + 32) * entries)?;
        for i in 0..m.num_constraints() {
            for matrix in m.abc() {
                let row = matrix.row(i);
                out.write_all(&(row.len() as u32).to_le_bytes())?;
                for (wire, coefficient) in row {
                    out.write_all(&wire.to_le_bytes())?;
                    out.write_all(&coefficients[*coefficient as usize])?;
                }
            }
        }

        write_section(out, 3, 8 * m.num_wires())?;
        for wire in 0..u64::from(wires) {
            out.write_all(&wire.to_le_bytes())?;
        }
        Ok(())
    })
}
