//! The outside spellings of a field element, each with exactly one spelling per value.
//!
//! An element that can be written in two ways can be replayed under its second name: a public input `x` and `x + r`
//! are one element to a verifier that reduces and two to whoever keeps a list of what he has seen. So nothing here
//! reduces: a number that is not below the modulus is an error, and so are leading zeros, signs and white space.

use ark_ff::{BigInteger, PrimeField};
use num_bigint::BigUint;
use thiserror::Error;

/// Decimal digits of 2^256 - 1: no longer text can be an element, so none longer is parsed.
const MAX_DECIMAL_DIGITS: usize = 78;

/// Why a text or a word is not a field element.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScalarError {
    /// Not one or more decimal digits, or more than 78 of them.
    #[error("not a decimal number of 1 to 78 digits")]
    NotDecimal,
    /// A zero in front of another digit: a second spelling of the same number.
    #[error("decimal number with a leading zero")]
    LeadingZero,
    /// Not `0x` and 64 hexadecimal digits.
    #[error("not 0x and 64 hexadecimal digits")]
    NotHexWord,
    /// Not below the modulus of its field.
    #[error("number is not below the field's modulus")]
    NotCanonical,
}

/// Reads a decimal number below the modulus of `F`, without sign, leading zero or white space.
///
/// # Errors
/// [`ScalarError::NotDecimal`], [`ScalarError::LeadingZero`], [`ScalarError::NotCanonical`].
pub fn from_decimal<F: PrimeField>(text: &str) -> Result<F, ScalarError> {
    if text.is_empty() || text.len() > MAX_DECIMAL_DIGITS || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ScalarError::NotDecimal);
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(ScalarError::LeadingZero);
    }
    let number = BigUint::parse_bytes(text.as_bytes(), 10).ok_or(ScalarError::NotDecimal)?;
    from_biguint(number)
}

/// Reads `0x` and exactly 64 hexadecimal digits (either case): a big-endian word below the modulus of `F`.
///
/// # Errors
/// [`ScalarError::NotHexWord`], [`ScalarError::NotCanonical`].
pub fn from_hex_word<F: PrimeField>(text: &str) -> Result<F, ScalarError> {
    let digits = text.strip_prefix("0x").ok_or(ScalarError::NotHexWord)?;
    let mut word = [0u8; 32];
    hex::decode_to_slice(digits, &mut word).map_err(|_| ScalarError::NotHexWord)?;
    from_word(&word)
}

/// Reads a big-endian 32-byte word below the modulus of `F`.
///
/// # Errors
/// [`ScalarError::NotCanonical`].
pub fn from_word<F: PrimeField>(word: &[u8; 32]) -> Result<F, ScalarError> {
    from_biguint(BigUint::from_bytes_be(word))
}

/// The big-endian 32-byte word of an element, as the EVM holds it.
///
/// # Panics
/// Never for the two fields of BN254: both moduli are below 2^254.
pub fn to_word<F: PrimeField>(element: &F) -> [u8; 32] {
    let bytes = element.into_bigint().to_bytes_be();
    let mut word = [0u8; 32];
    word[32 - bytes.len()..].copy_from_slice(&bytes);
    word
}

/// `0x` and the 64 hexadecimal digits of the element's word, in lower case.
pub fn to_hex_word<F: PrimeField>(element: &F) -> String {
    format!("0x{}", hex::encode(to_word(element)))
}

/// The decimal digits of an element, in the one spelling that [`from_decimal`] reads.
pub fn to_decimal<F: PrimeField>(element: &F) -> String {
    let number: BigUint = element.into_bigint().into();
    number.to_str_radix(10)
}

fn from_biguint<F: PrimeField>(number: BigUint) -> Result<F, ScalarError> {
    let limbs = F::BigInt::try_from(number).map_err(|_| ScalarError::NotCanonical)?;
    F::from_bigint(limbs).ok_or(ScalarError::NotCanonical)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fq, Fr};
    use ark_ff::Field;

    fn modulus<F: PrimeField>() -> BigUint {
        F::MODULUS.into()
    }

    #[test]
    fn largest_element_is_read_and_the_modulus_is_not() {
        let last = modulus::<Fr>() - 1u8;
        assert_eq!(from_decimal::<Fr>(&last.to_string()), Ok(-Fr::ONE));
        assert_eq!(from_decimal::<Fr>(&modulus::<Fr>().to_string()), Err(ScalarError::NotCanonical));
        assert_eq!(from_decimal::<Fq>(&modulus::<Fq>().to_string()), Err(ScalarError::NotCanonical));
        // r is below p: the same digits are an element of one field and an alias in the other.
        assert!(from_decimal::<Fq>(&modulus::<Fr>().to_string()).is_ok());
    }

    #[test]
    fn second_spellings_of_a_number_are_refused() {
        for (text, error) in [
            ("", ScalarError::NotDecimal),
            ("+1", ScalarError::NotDecimal),
            ("-1", ScalarError::NotDecimal),
            (" 1", ScalarError::NotDecimal),
            ("1 ", ScalarError::NotDecimal),
            ("1_0", ScalarError::NotDecimal),
            ("0x1", ScalarError::NotDecimal),
            ("01", ScalarError::LeadingZero),
            ("00", ScalarError::LeadingZero),
            (&"9".repeat(78), ScalarError::NotCanonical),
            (&"9".repeat(79), ScalarError::NotDecimal),
        ] {
            assert_eq!(from_decimal::<Fr>(text), Err(error), "{text:?}");
        }
        assert_eq!(from_decimal::<Fr>("0"), Ok(Fr::from(0)));
    }

    #[test]
    fn words_round_trip_and_the_modulus_word_is_refused() {
        for element in [Fr::from(0), Fr::from(1), -Fr::from(1), Fr::from(u64::MAX)] {
            assert_eq!(from_word::<Fr>(&to_word(&element)), Ok(element));
            assert_eq!(from_hex_word::<Fr>(&to_hex_word(&element)), Ok(element));
            assert_eq!(from_decimal::<Fr>(&to_decimal(&element)), Ok(element));
        }
        let text = format!("0x{:064x}", modulus::<Fr>());
        assert_eq!(from_hex_word::<Fr>(&text), Err(ScalarError::NotCanonical));
        assert_eq!(from_hex_word::<Fr>("0x00"), Err(ScalarError::NotHexWord));
        assert_eq!(from_hex_word::<Fr>(&"0".repeat(64)), Err(ScalarError::NotHexWord));
    }
}
