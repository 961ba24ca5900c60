//! The offline check: a proof, a verifying key and the public data of a batch, as files. Nothing else is trusted: z and y
//! are computed here from the words, as the contract computes them.
//!
//! The public data file is JSON: `words` (D), `c`, and optionally `z` and `y`; each a word as `0x` and 64 hexadecimal
//! digits. z and y are never used; when a file claims them they must be right.

use crate::batch::{Batch, BatchError};
use crate::encoding::{from_hex_word, to_hex_word, ScalarError};
use crate::groth16::{snarkjs, verify, VerifyError};
use ark_bn254::Fr;
use novation_state::public_data::PublicData;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a file of public data is refused.
#[derive(Debug, Error)]
pub enum PublicDataError {
    /// Longer than any size's public data.
    #[error("text of {0} bytes, at most {max} are read", max = snarkjs::MAX_TEXT_BYTES)]
    TooLong(usize),
    /// Not JSON, or JSON without the fields or with other types.
    #[error("not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A word is not a canonical element: below r and spelled in full.
    #[error("{place}: {reason}")]
    Word {
        /// `words[i]`, `c`, `z` or `y`.
        place: String,
        /// What is wrong with it.
        reason: ScalarError,
    },
    /// The file claims a z or y that does not follow from its words and c.
    #[error("the file's {name} is not the one that follows from its words and c")]
    Claim {
        /// `z` or `y`.
        name: &'static str,
    },
    /// The words are not public data that a contract would have built.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

/// Why a proof is not accepted.
#[derive(Debug, Error)]
pub enum CheckError {
    /// A file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The verifying key is malformed or refused.
    #[error("verifying key: {0}")]
    Key(snarkjs::ParseError),
    /// The proof is malformed.
    #[error("proof: {0}")]
    Proof(snarkjs::ParseError),
    /// The public data are malformed.
    #[error("public data: {0}")]
    PublicData(#[from] PublicDataError),
    /// Everything is well-formed, and the proof does not prove it.
    #[error("refused: {0}")]
    Refused(#[from] VerifyError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicDataJson {
    words: Vec<String>,
    c: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    z: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

/// Reads public data and computes z and y.
///
/// # Errors
/// [`PublicDataError`].
pub fn public_data(text: &str) -> Result<(Batch, PublicData), PublicDataError> {
    if text.len() > snarkjs::MAX_TEXT_BYTES {
        return Err(PublicDataError::TooLong(text.len()));
    }
    let json: PublicDataJson = serde_json::from_str(text)?;
    let read = |place: &dyn Fn() -> String, text: &str| -> Result<Fr, PublicDataError> {
        from_hex_word(text).map_err(|reason| PublicDataError::Word { place: place(), reason })
    };
    let words: Result<Vec<Fr>, _> =
        json.words.iter().enumerate().map(|(i, word)| read(&|| format!("words[{i}]"), word)).collect();
    let words = words?;
    let c = read(&|| "c".to_owned(), &json.c)?;
    let batch = Batch::from_words(&words)?;
    let data = PublicData::from_words(words, c);
    for (name, claim, value) in [("z", json.z, data.z), ("y", json.y, data.y)] {
        let Some(claim) = claim else { continue };
        if read(&|| name.to_owned(), &claim)? != value {
            return Err(PublicDataError::Claim { name });
        }
    }
    Ok((batch, data))
}

/// The text that [`public_data`] reads, with z and y.
pub fn public_data_json(data: &PublicData) -> String {
    let json = PublicDataJson {
        words: data.words.iter().map(to_hex_word).collect(),
        c: to_hex_word(&data.c),
        z: Some(to_hex_word(&data.z)),
        y: Some(to_hex_word(&data.y)),
    };
    let mut text = serde_json::to_string_pretty(&json).expect("strings and lists always serialise");
    text.push('\n');
    text
}

/// Checks the texts of `proof.json` and `verification_key.json`, as snarkjs writes them, against public data.
///
/// # Errors
/// [`CheckError`] other than [`CheckError::File`].
pub fn verify_texts(proof: &str, key: &str, data: &str) -> Result<(), CheckError> {
    let key = snarkjs::verifying_key(key).map_err(CheckError::Key)?;
    let proof = snarkjs::proof(proof).map_err(CheckError::Proof)?;
    let (_, data) = public_data(data)?;
    Ok(verify(&key, &proof, &data.inputs())?)
}

/// Checks files: a proof, a verifying key, the public data.
///
/// # Errors
/// [`CheckError`].
pub fn verify_files(proof: &Path, key: &Path, data: &Path) -> Result<(), CheckError> {
    verify_texts(&read_text(proof)?, &read_text(key)?, &read_text(data)?)
}

/// Reads at most a byte more than the parsers take: a larger file is refused by them, not by the machine's memory.
fn read_text(path: &Path) -> Result<String, CheckError> {
    let error = |source| CheckError::File { path: path.to_owned(), source };
    let mut text = String::new();
    let limit = snarkjs::MAX_TEXT_BYTES as u64 + 1;
    File::open(path).map_err(error)?.take(limit).read_to_string(&mut text).map_err(error)?;
    Ok(text)
}
