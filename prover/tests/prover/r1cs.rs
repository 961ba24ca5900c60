//! Import of `.r1cs`: what is written is read back, what is malformed is refused by name.

use crate::common::{folder, r1cs};
use novation_prover::iden3::{r1cs_from_bytes, read_r1cs, write_r1cs, Iden3Error};

/// Offsets of a file of ours: the header's counts, then the constraints' section.
const MODULUS: usize = 12 + 12;
const WIRES: usize = MODULUS + 36;
const INPUTS: usize = WIRES + 8;
const ROWS: usize = WIRES + 24;
const FIRST_ROW: usize = ROWS + 4 + 12;

fn file(n: u64) -> Vec<u8> {
    let folder = folder();
    let path = folder.path().join("c.r1cs");
    write_r1cs(&path, &r1cs(n)).unwrap();
    std::fs::read(path).unwrap()
}

fn refused(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = file(2);
    change(&mut bytes);
    r1cs_from_bytes(&bytes).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn system_that_was_written_is_read_back() {
    for n in [1, 2, 17] {
        let read = r1cs_from_bytes(&file(n)).unwrap();
        assert_eq!(read.checksum(), r1cs(n).checksum());
        assert_eq!((read.num_public(), read.label(0)), (3, "unnamed"));
    }
    let absent = folder().path().join("absent.r1cs");
    let error = read_r1cs(&absent).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: ", absent.display())), "{error}");
}

/// circom may write the constraints before the header, and declares outputs beside inputs.
#[test]
fn order_of_sections_is_free_and_outputs_are_public() {
    let bytes = file(2);
    let header = &bytes[12..WIRES + 28];
    let mut swapped = bytes[..12].to_vec();
    swapped.extend(&bytes[WIRES + 28..]);
    swapped.extend(header);
    assert_eq!(r1cs_from_bytes(&swapped).unwrap().checksum(), r1cs(2).checksum());

    let mut outputs = bytes.clone();
    (outputs[WIRES + 4], outputs[INPUTS]) = (2, 1);
    assert_eq!(r1cs_from_bytes(&outputs).unwrap().checksum(), r1cs(2).checksum());
}

#[test]
fn malformed_files_are_refused_with_the_rule() {
    let wires = r1cs(2).matrices().num_wires();
    assert_eq!(refused(|b| b[0] = b'x'), Iden3Error::Kind("r1cs").to_string());
    assert_eq!(refused(|b| b[4] = 2), Iden3Error::Kind("r1cs").to_string());
    assert_eq!(refused(|b| b[MODULUS + 4] ^= 1), Iden3Error::OtherField("scalar").to_string());
    assert_eq!(refused(|b| b.truncate(b.len() - 1)), Iden3Error::Length("r1cs").to_string());
    assert_eq!(refused(|b| b[12] = 9), Iden3Error::MissingSection(1).to_string());
    let public = 1 + 0xff;
    assert_eq!(refused(|b| b[INPUTS] = 0xff), Iden3Error::TooManyPublic { public, wires }.to_string());
    // A row more or less than there is; in the last combination more terms than bytes; a coefficient of r and more.
    assert_eq!(refused(|b| b[ROWS] += 1), Iden3Error::Length("r1cs constraints").to_string());
    assert_eq!(refused(|b| b[ROWS] -= 1), Iden3Error::Length("r1cs constraints").to_string());
    let last_count =
        |b: &[u8]| FIRST_ROW - 4 + u64::from_le_bytes(b[FIRST_ROW - 8..FIRST_ROW].try_into().unwrap()) as usize;
    let endless = refused(|b| {
        let at = last_count(b);
        b[at..at + 4].fill(0xff);
    });
    assert_eq!(endless, Iden3Error::Length("r1cs constraints").to_string());
    let value = FIRST_ROW + 8;
    let large = Iden3Error::NotCanonical { what: "r1cs constraints", index: 0 };
    assert_eq!(refused(|b| b[value..value + 32].fill(0xff)), large.to_string());
    // A wire that does not exist.
    let column = novation_gpu::Error::ColumnOutOfRange { matrix: 'a', row: 0, column: 255, wires };
    assert_eq!(refused(|b| b[FIRST_ROW + 4] = 0xff), Iden3Error::Matrices(column).to_string());
}

#[test]
fn custom_gates_are_refused() {
    let with_gates = |count: u32| {
        let mut bytes = file(2);
        bytes[8] += 1;
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(4u64.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        r1cs_from_bytes(&bytes)
    };
    assert_eq!(with_gates(0).unwrap().checksum(), r1cs(2).checksum());
    assert_eq!(with_gates(3).unwrap_err().to_string(), Iden3Error::CustomGates(3).to_string());
}
