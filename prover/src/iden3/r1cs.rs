//! `.r1cs`, version 1.

use super::{read_file, write_file, write_header, write_modulus, write_section, Bytes, Iden3Error, Sections};
use crate::matrices::R1cs;
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_gpu::MatricesBuilder;
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
        write_modulus::<Fr>(out)?;
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

/// Reads a constraint system over BN254, as circom writes it: outputs and public inputs become public wires, in the file's
/// order; rows have no names. Labels and the map of names are not looked at.
///
/// # Errors
/// [`Iden3Error`].
pub fn read_r1cs(path: &Path) -> Result<R1cs, Iden3Error> {
    r1cs_from_bytes(&read_file(path)?)
}

/// [`read_r1cs`] from memory.
///
/// # Errors
/// [`Iden3Error`].
pub fn r1cs_from_bytes(bytes: &[u8]) -> Result<R1cs, Iden3Error> {
    let sections = Sections::parse(bytes, b"r1cs", &[1], "r1cs")?;
    let mut header = sections.get(1, "r1cs header")?;
    header.modulus::<Fr>("scalar")?;
    let mut count = || header.u32().map(|n| n as usize);
    let [wires, outputs, inputs, _private] = [count()?, count()?, count()?, count()?];
    let _labels = header.u64()?;
    let constraints = header.u32()?;
    header.exactly(0, 1)?;
    // Lists of custom gates and their uses: circom writes both sections where a template has such a gate.
    match sections.get(4, "r1cs custom gates") {
        Ok(mut gates) => match gates.u32()? {
            0 => {}
            used => return Err(Iden3Error::CustomGates(used)),
        },
        Err(_absent) => {}
    }
    let public = 1 + outputs + inputs;
    if public > wires {
        return Err(Iden3Error::TooManyPublic { public, wires });
    }
    let mut builder = MatricesBuilder::new(public, wires);
    let mut rows = sections.get(2, "r1cs constraints")?;
    let mut read = 0;
    for _ in 0..constraints {
        let (a, b, c) = (row(&mut rows, &mut read)?, row(&mut rows, &mut read)?, row(&mut rows, &mut read)?);
        builder.push(a, b, c)?;
    }
    rows.exactly(0, 1)?;
    Ok(R1cs::new(builder.finish()?))
}

/// A combination: a count, then pairs of wire and coefficient. `read` counts the coefficients of the whole section.
fn row(rows: &mut Bytes, read: &mut usize) -> Result<Vec<(u32, Fr)>, Iden3Error> {
    let terms = rows.u32()?;
    // Not reserved up front: the count is the file's word, the bytes are not there yet.
    let mut out = Vec::new();
    for _ in 0..terms {
        out.push((rows.u32()?, rows.scalar(*read)?));
        *read += 1;
    }
    Ok(out)
}
