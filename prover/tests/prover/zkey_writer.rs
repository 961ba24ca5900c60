//! A `.zkey` in its sections, so that each part can be spoilt; and points as snarkjs keeps them, by arithmetic of the tests' own.

use ark_bn254::{Fq, G1Affine, G2Affine};
use ark_ff::{BigInteger, Field, PrimeField};
use novation_gpu::Reduction;
use novation_prover::iden3::write_zkey;
use novation_prover::{setup, R1cs};

/// A zkey as a list of sections.
#[derive(Clone)]
pub struct Zkey(pub Vec<(u32, Vec<u8>)>);

impl Zkey {
    /// A new key for a constraint system.
    pub fn make(r1cs: &R1cs) -> Zkey {
        let key = setup::generate_as(Reduction::OddCoset, r1cs, &()).unwrap();
        let folder = crate::common::folder();
        let path = folder.path().join("new.zkey");
        write_zkey(&path, r1cs, &key).unwrap();
        let file = std::fs::read(path).unwrap();
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let (mut at, mut sections) = (12, Vec::new());
        for _ in 0..word(8) {
            let len = word(at + 4) as usize;
            sections.push((word(at), file[at + 12..at + 12 + len].to_vec()));
            at += 12 + len;
        }
        assert_eq!(at, file.len(), "sections fill the file");
        Zkey(sections)
    }

    /// The content of a section.
    pub fn section(&mut self, id: u32) -> &mut Vec<u8> {
        &mut self.0.iter_mut().find(|(i, _)| *i == id).unwrap().1
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"zkey".to_vec();
        out.extend(1u32.to_le_bytes());
        out.extend((self.0.len() as u32).to_le_bytes());
        for (id, bytes) in &self.0 {
            out.extend(id.to_le_bytes());
            out.extend((bytes.len() as u64).to_le_bytes());
            out.extend(bytes);
        }
        out
    }
}

/// A coordinate times 2^256, as snarkjs keeps it.
fn coordinate(x: &Fq) -> Vec<u8> {
    (*x * Fq::from(2u64).pow([256])).into_bigint().to_bytes_le()
}

/// Affine points, infinity as zeros.
pub fn g1_bytes(points: &[G1Affine]) -> Vec<u8> {
    points.iter().flat_map(|p| [p.x, p.y]).flat_map(|x| coordinate(&x)).collect()
}

/// Affine points, infinity as zeros.
pub fn g2_bytes(points: &[G2Affine]) -> Vec<u8> {
    points.iter().flat_map(|p| [p.x.c0, p.x.c1, p.y.c0, p.y.c1]).flat_map(|x| coordinate(&x)).collect()
}
