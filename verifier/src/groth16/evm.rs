//! Keys and proofs as the EVM's pairing precompile takes them (EIP-197): big-endian words, and an element
//! `c0 + c1*u` of the quadratic extension as `c1` before `c0`.

use super::{KeyError, KeyParts, Proof, ProofError, VerifyingKey};
use crate::encoding::{from_word, to_word, ScalarError};
use ark_bn254::{Fq2, G1Affine, G2Affine};
use thiserror::Error;

/// Why eight words are not a proof.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofWordError {
    /// A word is not below the base field's modulus.
    #[error("proof word {index}: {reason}")]
    Word {
        /// 0 to 7, in the order of [`proof_words`].
        index: usize,
        /// What is wrong with it.
        reason: ScalarError,
    },
    /// The points are refused.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Why words are not a verifying key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyWordError {
    /// Not the words of alpha, beta, gamma, delta and at least one point of `IC`.
    #[error("{words} words are no verifying key")]
    Length {
        /// Words given.
        words: usize,
    },
    /// A word is not below the base field's modulus.
    #[error("key word {index}: {reason}")]
    Word {
        /// Position in the order of [`key_words`].
        index: usize,
        /// What is wrong with it.
        reason: ScalarError,
    },
    /// The points are refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The eight words of a proof: `A.x, A.y, B.x.c1, B.x.c0, B.y.c1, B.y.c0, C.x, C.y`.
pub fn proof_words(proof: &Proof) -> [[u8; 32]; 8] {
    let [a, b, c] = [g1_words(&proof.a()).to_vec(), g2_words(&proof.b()).to_vec(), g1_words(&proof.c()).to_vec()];
    let words = [a, b, c].concat();
    words.try_into().expect("two, four and two words")
}

/// Reads and checks the eight words of [`proof_words`].
///
/// # Errors
/// [`ProofWordError`].
pub fn proof_from_words(words: &[[u8; 32]; 8]) -> Result<Proof, ProofWordError> {
    let read = |index: usize| from_word(&words[index]).map_err(|reason| ProofWordError::Word { index, reason });
    let a = G1Affine::new_unchecked(read(0)?, read(1)?);
    let (x1, x0, y1, y0) = (read(2)?, read(3)?, read(4)?, read(5)?);
    let b = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
    let c = G1Affine::new_unchecked(read(6)?, read(7)?);
    Ok(Proof::new(a, b, c)?)
}

/// The words of a key: `alpha` (2), `beta`, `gamma`, `delta` (4 each), then the points of `IC` (2 each).
pub fn key_words(key: &VerifyingKey) -> Vec<[u8; 32]> {
    let parts = key.parts();
    let mut words = g1_words(&parts.alpha).to_vec();
    for point in [&parts.beta, &parts.gamma, &parts.delta] {
        words.extend(g2_words(point));
    }
    words.extend(parts.ic.iter().flat_map(g1_words));
    words
}

/// Reads and checks the words of [`key_words`].
///
/// # Errors
/// [`KeyWordError`].
pub fn key_from_words(words: &[[u8; 32]]) -> Result<VerifyingKey, KeyWordError> {
    const FIXED: usize = 14;
    if words.len() < FIXED + 2 || !words.len().is_multiple_of(2) {
        return Err(KeyWordError::Length { words: words.len() });
    }
    let read = |index: usize| from_word(&words[index]).map_err(|reason| KeyWordError::Word { index, reason });
    let g1 = |at: usize| Ok::<_, KeyWordError>(G1Affine::new_unchecked(read(at)?, read(at + 1)?));
    let g2 = |at: usize| {
        let x = Fq2::new(read(at + 1)?, read(at)?);
        Ok::<_, KeyWordError>(G2Affine::new_unchecked(x, Fq2::new(read(at + 3)?, read(at + 2)?)))
    };
    let ic: Vec<G1Affine> = (FIXED..words.len()).step_by(2).map(g1).collect::<Result<_, _>>()?;
    let inputs = ic.len() - 1;
    let parts = KeyParts { alpha: g1(0)?, beta: g2(2)?, gamma: g2(6)?, delta: g2(10)?, ic };
    Ok(VerifyingKey::new(parts, inputs)?)
}

fn g1_words(point: &G1Affine) -> [[u8; 32]; 2] {
    [to_word(&point.x), to_word(&point.y)]
}

fn g2_words(point: &G2Affine) -> [[u8; 32]; 4] {
    [to_word(&point.x.c1), to_word(&point.x.c0), to_word(&point.y.c1), to_word(&point.y.c0)]
}
