//! Units and ranges as types. A value of these types is in range; everything outside is refused at construction.
//!
//! The bit widths are shared with the circuits: a rule that relies on a width names the constant.

use ark_bn254::Fr;
use serde::{Deserialize, Serialize};

/// |lots| < 2^40.
pub const LOTS_BITS: usize = 40;
/// Price in ticks < 2^32.
pub const PRICE_BITS: usize = 32;
/// Micro-units per tick per lot < 2^24.
pub const TICK_VALUE_BITS: usize = 24;
/// |funding index|, |settlement value|, |risk entry|, charges < 2^56 micro-units per lot.
pub const PER_LOT_BITS: usize = 56;
/// |cash| < 2^106 micro-units for every entry.
pub const CASH_BITS: usize = 106;
/// A deposit < 2^96 micro-units.
pub const AMOUNT_BITS: usize = 96;
/// Seconds since the epoch, and window numbers, < 2^40.
pub const TIME_BITS: usize = 40;
/// Fee in micro-units per lot < 2^32.
pub const FEE_BITS: usize = 32;
/// Order nonces and cancel epochs < 2^32.
pub const NONCE_BITS: usize = 32;
/// Account slots < 2^24: the depth of the accounts tree, two bits a level.
pub const SLOT_BITS: usize = 24;
/// Instrument ids < 2^20: the depth of the markets tree, two bits a level. Stored in 32 bits.
pub const INSTRUMENT_BITS: usize = 20;
/// An instrument id takes 32 bits in packed words.
pub const INSTRUMENT_WORD_BITS: usize = 32;
/// Order slots per account, two bits a level of the orders tree.
pub const ORDER_SLOT_BITS: usize = 8;

/// A value outside the range of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{unit} out of range: {value}")]
pub struct OutOfRange {
    /// The type's name.
    pub unit: &'static str,
    /// The refused value.
    pub value: i128,
}

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $repr:ty, $low:expr, $high:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i128", into = "i128")]
        pub struct $name($repr);

        impl $name {
            /// Zero.
            pub const ZERO: $name = $name(0);
            /// Least value.
            pub const MIN: $name = $name($low);
            /// Greatest value.
            pub const MAX: $name = $name($high);

            /// Checks the range.
            pub const fn new(value: $repr) -> Result<Self, OutOfRange> {
                if value < $low || value > $high {
                    return Err(OutOfRange { unit: stringify!($name), value: value as i128 });
                }
                Ok($name(value))
            }

            /// The plain number.
            pub const fn get(self) -> $repr {
                self.0
            }

            /// The plain number, widened.
            pub const fn wide(self) -> i128 {
                self.0 as i128
            }
        }

        impl TryFrom<i128> for $name {
            type Error = OutOfRange;
            fn try_from(value: i128) -> Result<Self, OutOfRange> {
                let narrow = <$repr>::try_from(value)
                    .map_err(|_| OutOfRange { unit: stringify!($name), value })?;
                Self::new(narrow)
            }
        }

        impl From<$name> for i128 {
            fn from(x: $name) -> i128 {
                x.0 as i128
            }
        }

        impl From<$name> for Fr {
            fn from(x: $name) -> Fr {
                field(x.0 as i128)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

bounded!(
    /// A signed quantity in lots, |q| < 2^40.
    Lots, i64, -(1i64 << LOTS_BITS) + 1, (1i64 << LOTS_BITS) - 1);
bounded!(
    /// A price in ticks, < 2^32.
    Ticks, i64, 0, (1i64 << PRICE_BITS) - 1);
bounded!(
    /// Micro-units per tick per lot, < 2^24.
    TickValue, i64, 0, (1i64 << TICK_VALUE_BITS) - 1);
bounded!(
    /// A signed value in micro-units per lot, |x| < 2^56.
    PerLot, i64, -(1i64 << PER_LOT_BITS) + 1, (1i64 << PER_LOT_BITS) - 1);
bounded!(
    /// A margin charge in micro-units per lot, 0 <= x < 2^56.
    Charge, i64, 0, (1i64 << PER_LOT_BITS) - 1);
bounded!(
    /// A signed balance in micro-units, |x| < 2^106.
    Cash, i128, -(1i128 << CASH_BITS) + 1, (1i128 << CASH_BITS) - 1);
bounded!(
    /// A deposit in micro-units, < 2^96.
    Amount, i128, 0, (1i128 << AMOUNT_BITS) - 1);
bounded!(
    /// A fee in micro-units per lot, < 2^32.
    Fee, i64, 0, (1i64 << FEE_BITS) - 1);
bounded!(
    /// Seconds since the Unix epoch, < 2^40. 2^40 - 1 means never.
    Time, i64, 0, (1i64 << TIME_BITS) - 1);
bounded!(
    /// An auction window's number, < 2^40.
    Window, i64, 0, (1i64 << TIME_BITS) - 1);
bounded!(
    /// A strike in ticks of the underlying, < 2^40; 0 where there is none.
    Strike, i64, 0, (1i64 << 40) - 1);
bounded!(
    /// An account's place in the accounts tree, < 2^24. Slot 0 is the house.
    AccountSlot, i64, 0, (1i64 << SLOT_BITS) - 1);
bounded!(
    /// An instrument's place in the markets tree, < 2^20. Id 0 is never listed: it marks an empty position.
    InstrumentId, i64, 0, (1i64 << INSTRUMENT_BITS) - 1);

/// The field element of a signed integer: negative numbers count down from the modulus.
pub fn field(x: i128) -> Fr {
    if x < 0 {
        -Fr::from(x.unsigned_abs())
    } else {
        Fr::from(x as u128)
    }
}

/// `2^n` in the field.
pub fn pow2(n: usize) -> Fr {
    use ark_ff::Field;
    Fr::from(2u64).pow([n as u64])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_at_the_bound_are_refused_and_named() {
        assert_eq!(Lots::new((1 << 40) - 1).unwrap().get(), (1 << 40) - 1);
        assert_eq!(Lots::new(1 << 40), Err(OutOfRange { unit: "Lots", value: 1 << 40 }));
        assert_eq!(Lots::new(-(1 << 40)), Err(OutOfRange { unit: "Lots", value: -(1 << 40) }));
    }

    #[test]
    fn field_of_a_negative_number_is_its_additive_inverse() {
        assert_eq!(field(-5) + field(5), Fr::from(0u64));
        assert_eq!(field(i128::MIN) + field(i128::MAX) + field(1), Fr::from(0u64));
    }
}
