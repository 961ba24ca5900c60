//! Keys, proofs and public inputs as snarkjs 0.7 writes them: `verification_key.json`, `proof.json`, `public.json`.
//!
//! Points are projective with the last coordinate one, numbers are decimal strings, and an element `c0 + c1*u` of the
//! quadratic extension is `[c0, c1]` (the EVM has it the other way round, see [`super::proof_words`]). Reading is strict:
//! every coordinate canonical, every length exact, the file's names of protocol and curve as expected. The field
//! `vk_alphabeta_12` is not read: it follows from `alpha` and `beta`, and a second source of one fact can only lie.

use super::{KeyError, KeyParts, Proof, ProofError, VerifyingKey};
use crate::encoding::{from_decimal, to_decimal, ScalarError};
use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest text that is parsed, in bytes. A key of [`super::MAX_PUBLIC_INPUTS`] inputs takes about 200 kB.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// Why a text is not what snarkjs would have written.
#[derive(Debug, Error)]
pub enum ParseError {
    /// Longer than [`MAX_TEXT_BYTES`].
    #[error("text of {0} bytes, at most {MAX_TEXT_BYTES} are read")]
    TooLong(usize),
    /// Not JSON, or JSON without the fields or with other types.
    #[error("not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// `protocol` is present and not `groth16`, or `curve` is present and not `bn128`.
    #[error("field {field} says {found:?}, expected {expected:?}")]
    Kind {
        /// `protocol` or `curve`.
        field: &'static str,
        /// What the file says.
        found: String,
        /// What it should say.
        expected: &'static str,
    },
    /// A number is not a canonical element of its field.
    #[error("{place}: {reason}")]
    Number {
        /// Path in the file, as `pi_b[0][1]`.
        place: String,
        /// What is wrong with it.
        reason: ScalarError,
    },
    /// The last coordinate of a point is not one.
    #[error("{place}: the last coordinate is not one")]
    NotAffine {
        /// Path of the point.
        place: String,
    },
    /// The key is refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The proof is refused.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

type G1Json = [String; 3];
type G2Json = [[String; 2]; 3];

const PROTOCOL: &str = "groth16";
/// snarkjs calls BN254 by the name of its older security estimate.
const CURVE: &str = "bn128";

#[derive(Serialize, Deserialize)]
struct KeyJson {
    protocol: String,
    curve: String,
    #[serde(rename = "nPublic")]
    public_inputs: usize,
    vk_alpha_1: G1Json,
    vk_beta_2: G2Json,
    vk_gamma_2: G2Json,
    vk_delta_2: G2Json,
    #[serde(rename = "IC")]
    ic: Vec<G1Json>,
}

#[derive(Serialize, Deserialize)]
struct ProofJson {
    pi_a: G1Json,
    pi_b: G2Json,
    pi_c: G1Json,
    // Older writers leave these out.
    #[serde(default = "protocol_name")]
    protocol: String,
    #[serde(default = "curve_name")]
    curve: String,
}

fn protocol_name() -> String {
    PROTOCOL.to_owned()
}

fn curve_name() -> String {
    CURVE.to_owned()
}

/// Reads and checks `verification_key.json`.
///
/// # Errors
/// [`ParseError`]; [`ParseError::Key`] for a well-formed file whose key is refused.
pub fn verifying_key(text: &str) -> Result<VerifyingKey, ParseError> {
    let (parts, inputs) = key_parts(text)?;
    Ok(VerifyingKey::new(parts, inputs)?)
}

/// Reads `verification_key.json` as far as canonical coordinates; nothing is on any curve yet.
pub(super) fn key_parts(text: &str) -> Result<(KeyParts, usize), ParseError> {
    check_length(text)?;
    let json: KeyJson = serde_json::from_str(text)?;
    check_kind(&json.protocol, &json.curve)?;
    let ic = json.ic.iter().enumerate().map(|(i, point)| read_g1(&format!("IC[{i}]"), point));
    let parts = KeyParts {
        alpha: read_g1("vk_alpha_1", &json.vk_alpha_1)?,
        beta: read_g2("vk_beta_2", &json.vk_beta_2)?,
        gamma: read_g2("vk_gamma_2", &json.vk_gamma_2)?,
        delta: read_g2("vk_delta_2", &json.vk_delta_2)?,
        ic: ic.collect::<Result<_, _>>()?,
    };
    Ok((parts, json.public_inputs))
}

/// Reads and checks `proof.json`.
///
/// # Errors
/// [`ParseError`]; [`ParseError::Proof`] for a well-formed file whose points are refused.
pub fn proof(text: &str) -> Result<Proof, ParseError> {
    check_length(text)?;
    let json: ProofJson = serde_json::from_str(text)?;
    check_kind(&json.protocol, &json.curve)?;
    let a = read_g1("pi_a", &json.pi_a)?;
    let b = read_g2("pi_b", &json.pi_b)?;
    let c = read_g1("pi_c", &json.pi_c)?;
    Ok(Proof::new(a, b, c)?)
}

/// Reads `public.json`: the public inputs in order, each below r.
///
/// # Errors
/// [`ParseError`].
pub fn public_inputs(text: &str) -> Result<Vec<Fr>, ParseError> {
    check_length(text)?;
    let json: Vec<String> = serde_json::from_str(text)?;
    json.iter().enumerate().map(|(i, number)| read_number(&format!("[{i}]"), number)).collect()
}

/// `verification_key.json` of a key. snarkjs verifies with it; `vk_alphabeta_12` is left out.
pub fn verifying_key_json(key: &VerifyingKey) -> String {
    let parts = key.parts();
    pretty(&KeyJson {
        protocol: protocol_name(),
        curve: curve_name(),
        public_inputs: key.public_inputs(),
        vk_alpha_1: write_g1(&parts.alpha),
        vk_beta_2: write_g2(&parts.beta),
        vk_gamma_2: write_g2(&parts.gamma),
        vk_delta_2: write_g2(&parts.delta),
        ic: parts.ic.iter().map(write_g1).collect(),
    })
}

/// `proof.json` of a proof.
pub fn proof_json(proof: &Proof) -> String {
    pretty(&ProofJson {
        pi_a: write_g1(&proof.a()),
        pi_b: write_g2(&proof.b()),
        pi_c: write_g1(&proof.c()),
        protocol: protocol_name(),
        curve: curve_name(),
    })
}

/// `public.json` of public inputs.
pub fn public_inputs_json(inputs: &[Fr]) -> String {
    pretty(&inputs.iter().map(to_decimal).collect::<Vec<_>>())
}

fn pretty<T: Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("strings and lists always serialise");
    text.push('\n');
    text
}

fn check_length(text: &str) -> Result<(), ParseError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(ParseError::TooLong(text.len()));
    }
    Ok(())
}

fn check_kind(protocol: &str, curve: &str) -> Result<(), ParseError> {
    for (field, found, expected) in [("protocol", protocol, PROTOCOL), ("curve", curve, CURVE)] {
        if found != expected {
            return Err(ParseError::Kind { field, found: found.chars().take(32).collect(), expected });
        }
    }
    Ok(())
}

fn read_number<F: ark_ff::PrimeField>(place: &str, text: &str) -> Result<F, ParseError> {
    from_decimal(text).map_err(|reason| ParseError::Number { place: place.to_owned(), reason })
}

fn read_fq2(place: &str, pair: &[String; 2]) -> Result<Fq2, ParseError> {
    let c0 = read_number(&format!("{place}[0]"), &pair[0])?;
    let c1 = read_number(&format!("{place}[1]"), &pair[1])?;
    Ok(Fq2::new(c0, c1))
}

/// Reads coordinates only; [`Proof::new`] and [`VerifyingKey::new`] check the point.
fn read_g1(place: &str, point: &G1Json) -> Result<G1Affine, ParseError> {
    let x: Fq = read_number(&format!("{place}[0]"), &point[0])?;
    let y: Fq = read_number(&format!("{place}[1]"), &point[1])?;
    if point[2] != "1" {
        return Err(ParseError::NotAffine { place: place.to_owned() });
    }
    Ok(G1Affine::new_unchecked(x, y))
}

fn read_g2(place: &str, point: &G2Json) -> Result<G2Affine, ParseError> {
    let x = read_fq2(&format!("{place}[0]"), &point[0])?;
    let y = read_fq2(&format!("{place}[1]"), &point[1])?;
    if point[2] != ["1", "0"] {
        return Err(ParseError::NotAffine { place: place.to_owned() });
    }
    Ok(G2Affine::new_unchecked(x, y))
}

fn write_g1(point: &G1Affine) -> G1Json {
    [to_decimal(&point.x), to_decimal(&point.y), "1".to_owned()]
}

fn write_g2(point: &G2Affine) -> G2Json {
    let fq2 = |e: &Fq2| [to_decimal(&e.c0), to_decimal(&e.c1)];
    [fq2(&point.x), fq2(&point.y), ["1".to_owned(), "0".to_owned()]]
}
