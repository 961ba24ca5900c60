//! Points as bytes: affine coordinates, each four little-endian limbs in Montgomery form with R = 2^256.
//!
//! That is how arkworks holds them and how snarkjs writes a `.zkey`, so a key of gigabytes loads without a multiplication.
//! Infinity is (0, 0), which is on neither curve.

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ff::{BigInt, PrimeField};
use rayon::prelude::*;
use std::io::{self, Write};

/// Bytes of a point of G1.
pub const G1_BYTES: usize = 64;
/// Bytes of a point of G2: x.c0, x.c1, y.c0, y.c1.
pub const G2_BYTES: usize = 128;

/// A field element from Montgomery limbs, if they are below p.
fn coordinate(bytes: &[u8]) -> Option<Fq> {
    let limb = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().expect("8 bytes"));
    let limbs = BigInt::new([limb(0), limb(1), limb(2), limb(3)]);
    (limbs < Fq::MODULUS).then(|| Fq::new_unchecked(limbs))
}

/// The point that `G1_BYTES` bytes spell; `None` if a coordinate is not below p. Not checked to be on the curve.
pub fn g1(bytes: &[u8]) -> Option<G1Affine> {
    Some(G1Affine::new_unchecked(coordinate(&bytes[..32])?, coordinate(&bytes[32..64])?))
}

/// The point that `G2_BYTES` bytes spell; `None` if a coordinate is not below p. Not checked to be on the curve.
pub fn g2(bytes: &[u8]) -> Option<G2Affine> {
    let x = Fq2::new(coordinate(&bytes[..32])?, coordinate(&bytes[32..64])?);
    let y = Fq2::new(coordinate(&bytes[64..96])?, coordinate(&bytes[96..128])?);
    Some(G2Affine::new_unchecked(x, y))
}

/// Many points, on all threads.
pub fn g1_all(bytes: &[u8]) -> Option<Vec<G1Affine>> {
    bytes.par_chunks_exact(G1_BYTES).with_min_len(1024).map(g1).collect()
}

/// Many points, on all threads.
pub fn g2_all(bytes: &[u8]) -> Option<Vec<G2Affine>> {
    bytes.par_chunks_exact(G2_BYTES).with_min_len(1024).map(g2).collect()
}

fn put(out: &mut Vec<u8>, coordinate: &Fq) {
    out.extend(coordinate.0 .0.iter().flat_map(|limb| limb.to_le_bytes()));
}

/// Writes points.
pub fn write_g1(out: &mut dyn Write, points: &[G1Affine]) -> io::Result<()> {
    write(out, points, |bytes, p| [p.x, p.y].iter().for_each(|c| put(bytes, c)))
}

/// Writes points.
pub fn write_g2(out: &mut dyn Write, points: &[G2Affine]) -> io::Result<()> {
    write(out, points, |bytes, p| [p.x.c0, p.x.c1, p.y.c0, p.y.c1].iter().for_each(|c| put(bytes, c)))
}

fn write<P>(out: &mut dyn Write, points: &[P], put: impl Fn(&mut Vec<u8>, &P)) -> io::Result<()> {
    let mut bytes = Vec::new();
    for piece in points.chunks(4096) {
        bytes.clear();
        piece.iter().for_each(|p| put(&mut bytes, p));
        out.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{G1Projective, G2Projective};
    use ark_ec::{AffineRepr, CurveGroup};
    use ark_ff::UniformRand;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn points_survive_the_round_trip() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut p1: Vec<_> =
            (0..5000).map(|i| (G1Affine::generator() * ark_bn254::Fr::from(i)).into_affine()).collect();
        p1.push(G1Projective::rand(&mut rng).into_affine());
        let p2 = vec![G2Affine::identity(), G2Affine::generator(), G2Projective::rand(&mut rng).into_affine()];
        let (mut b1, mut b2) = (Vec::new(), Vec::new());
        write_g1(&mut b1, &p1).unwrap();
        write_g2(&mut b2, &p2).unwrap();
        assert_eq!((b1.len(), b2.len()), (p1.len() * G1_BYTES, p2.len() * G2_BYTES));
        assert_eq!(g1_all(&b1), Some(p1));
        assert_eq!(g2_all(&b2), Some(p2));
    }

    #[test]
    fn coordinates_from_p_on_are_refused() {
        let mut bytes = Vec::new();
        write_g2(&mut bytes, &[G2Affine::generator()]).unwrap();
        let p: Vec<u8> = Fq::MODULUS.0.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        for at in 0..4 {
            let mut bad = bytes.clone();
            bad[32 * at..32 * (at + 1)].copy_from_slice(&p);
            assert_eq!(g2(&bad), None, "coordinate {at}");
            assert_eq!(g1(&bad).is_none(), at < 2, "coordinate {at}");
        }
    }
}
