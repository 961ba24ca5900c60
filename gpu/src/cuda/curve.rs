//! Points between arkworks and the card: affine in (x, y), XYZZ out.

use super::device::PIECE_ALIGN;
use ark_bn254::{g1, g2, Fq, Fq2};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::AffineRepr;
use ark_ff::BigInt;
use rayon::prelude::*;

/// 64-bit limbs of a base field element.
const LIMBS: usize = 4;

/// A group whose sums the card computes.
pub(super) trait Group: SWCurveConfig {
    /// What errors call its points.
    const WHAT: &'static str;
    /// 64-bit words of a coordinate.
    const WORDS: usize;
    /// Kernels: first level of bucket sums, later levels, weighting, sum of a group, multiples.
    const KERNELS: [&'static str; 5];

    /// A coordinate as it lies in memory.
    fn write(coordinate: Self::BaseField) -> impl Iterator<Item = u64>;
    /// The coordinate of these words. They come from a kernel, which keeps them below the modulus.
    fn read(words: &[u64]) -> Self::BaseField;
}

fn fq(words: &[u64]) -> Fq {
    Fq::new_unchecked(BigInt(words[..LIMBS].try_into().expect("four limbs")))
}

impl Group for g1::Config {
    const WHAT: &'static str = "G1 bases";
    const WORDS: usize = LIMBS;
    const KERNELS: [&'static str; 5] = ["accumulate_g1", "combine_g1", "weigh_g1", "sum_g1", "multiples_g1"];

    fn write(coordinate: Fq) -> impl Iterator<Item = u64> {
        coordinate.0 .0.into_iter()
    }
    fn read(words: &[u64]) -> Fq {
        fq(words)
    }
}

impl Group for g2::Config {
    const WHAT: &'static str = "G2 bases";
    const WORDS: usize = 2 * LIMBS;
    const KERNELS: [&'static str; 5] = ["accumulate_g2", "combine_g2", "weigh_g2", "sum_g2", "multiples_g2"];

    fn write(coordinate: Fq2) -> impl Iterator<Item = u64> {
        coordinate.c0.0 .0.into_iter().chain(coordinate.c1.0 .0)
    }
    fn read(words: &[u64]) -> Fq2 {
        Fq2::new(fq(words), fq(&words[LIMBS..]))
    }
}

/// The finite points as they lie in memory.
pub(super) fn pack<G: Group>(points: &[Affine<G>]) -> impl Iterator<Item = u64> + '_ {
    points.iter().filter(|p| !p.is_zero()).flat_map(|p| G::write(p.x).chain(G::write(p.y)))
}

/// For each index the place of its point among the finite ones, `u32::MAX` for infinity.
pub(super) fn slots<G: Group>(points: &[Affine<G>]) -> impl Iterator<Item = u32> + '_ {
    let mut next = 0..;
    points.iter().map(move |p| if p.is_zero() { u32::MAX } else { next.next().expect("endless") })
}

/// A point in the form of the kernels, `x = X / ZZ`, `y = Y / ZZZ`, in that of arkworks, `x = X / Z^2`, `y = Y / Z^3`: with
/// `Z = ZZ`, because `ZZ^3 = ZZZ^2`.
pub(super) fn unpack<G: Group>(words: &[u64]) -> Projective<G> {
    let [x, y, zz, zzz] = [0, 1, 2, 3].map(|i| G::read(&words[i * G::WORDS..(i + 1) * G::WORDS]));
    Projective::new_unchecked(x * zz, y * zzz, zz)
}

/// Writes scalars as they lie in memory, piece by piece.
pub(super) fn write_scalars(values: &[ark_bn254::Fr]) -> impl FnMut(usize, &mut [u64]) + '_ {
    const { assert!(PIECE_ALIGN.is_multiple_of(LIMBS)) };
    |at, piece| {
        let values = values[at / LIMBS..].par_iter().with_min_len(1024);
        piece.par_chunks_exact_mut(LIMBS).zip(values).for_each(|(to, v)| to.copy_from_slice(&v.0 .0));
    }
}

/// Writes words as they come, piece by piece.
pub(super) fn write_words(mut words: impl Iterator<Item = u64>) -> impl FnMut(usize, &mut [u64]) {
    move |_, piece| piece.fill_with(|| words.next().expect("as many words as were announced"))
}

/// The scalars of these words.
pub(super) fn scalars(words: &[u64]) -> Vec<ark_bn254::Fr> {
    let read = |limbs: &[u64]| ark_bn254::Fr::new_unchecked(BigInt(limbs.try_into().expect("four limbs")));
    words.par_chunks_exact(LIMBS).with_min_len(1024).map(read).collect()
}

/// Pairs of 32-bit words as 64-bit words, the first one lower.
pub(super) fn pairs(mut words: impl Iterator<Item = u32>) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let low = words.next()?;
        Some(u64::from(low) | u64::from(words.next().unwrap_or(0)) << 32)
    })
}
