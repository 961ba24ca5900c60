//! Between the field elements of the ledger and the words of the EVM.

use super::error::L1Error;
use crate::encoding::{from_word, to_word};
use alloy::primitives::U256;
use ark_bn254::Fr;

/// The word of an element.
pub fn word(element: &Fr) -> U256 {
    U256::from_be_bytes(to_word(element))
}

/// The element of a word that the contract promises to be below r.
pub(super) fn element(what: &'static str, word: U256) -> Result<Fr, L1Error> {
    from_word(&word.to_be_bytes()).map_err(|e| L1Error::Answer { what, reason: e.to_string() })
}
