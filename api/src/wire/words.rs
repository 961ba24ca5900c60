//! Words as strings, each with one spelling (hexadecimal digits may be of either case when read).

use ark_bn254::Fr;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::Signature;
use novation_verifier::encoding::{from_hex_word, to_hex_word};
use serde::{de, Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::RefOr;
use utoipa::{PartialSchema, ToSchema};

/// A field element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub Fr);

/// Micro-units of the collateral. At most 39 digits, no leading zero, no plus sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micro(pub i128);

/// An EdDSA signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureHex(pub Signature);

/// An L1 address. Its checksum of upper and lower case is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressHex(pub [u8; 20]);

/// Bytes, any number of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytesHex(pub Vec<u8>);

/// A point of BabyJubJub, as circomlib has it. Read without a look at the curve: that is for whoever uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointJson {
    /// First coordinate.
    pub x: Word,
    /// Second coordinate.
    pub y: Word,
}

impl From<Point> for PointJson {
    fn from(point: Point) -> PointJson {
        PointJson { x: Word(point.x), y: Word(point.y) }
    }
}

impl From<PointJson> for Point {
    fn from(point: PointJson) -> Point {
        Point { x: point.x.0, y: point.y.0 }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex_word(&self.0))
    }
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Word, String> {
        from_hex_word(text).map(Word).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Micro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Micro {
    type Err = String;

    fn from_str(text: &str) -> Result<Micro, String> {
        let rule = || "not a decimal number of micro-units in its one spelling".to_owned();
        let number: i128 = text.parse().map_err(|_| rule())?;
        // `parse` takes "+1", "007" and "-0" too.
        if number.to_string() == text {
            Ok(Micro(number))
        } else {
            Err(rule())
        }
    }
}

impl fmt::Display for SignatureHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0.to_bytes()))
    }
}

impl FromStr for SignatureHex {
    type Err = String;

    fn from_str(text: &str) -> Result<SignatureHex, String> {
        let bytes = fixed::<64>(text)?;
        Signature::from_bytes(&bytes).map(SignatureHex).map_err(|error| error.to_string())
    }
}

impl fmt::Display for AddressHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl FromStr for AddressHex {
    type Err = String;

    fn from_str(text: &str) -> Result<AddressHex, String> {
        fixed(text).map(AddressHex)
    }
}

impl fmt::Display for BytesHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(&self.0))
    }
}

impl FromStr for BytesHex {
    type Err = String;

    fn from_str(text: &str) -> Result<BytesHex, String> {
        let digits = text.strip_prefix("0x").ok_or("not 0x and hexadecimal digits")?;
        hex::decode(digits).map(BytesHex).map_err(|_| "not 0x and an even number of hexadecimal digits".to_owned())
    }
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let rule = || format!("not 0x and {} hexadecimal digits", 2 * N);
    let mut bytes = [0; N];
    let digits = text.strip_prefix("0x").ok_or_else(rule)?;
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| rule())?;
    Ok(bytes)
}

/// Reads and writes a type as the string of its `FromStr` and `Display`, and describes it to OpenAPI by a pattern.
macro_rules! as_string {
    ($type:ident, $pattern:literal, $description:literal, $example:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let object = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .description(Some($description))
                    .examples([serde_json::Value::from($example)]);
                object.into()
            }
        }

        impl ToSchema for $type {}
    };
}

as_string!(
    Word,
    "^0x[0-9a-fA-F]{64}$",
    "A field element of BN254: big-endian, below the modulus.",
    format!("0x{:064x}", 0x2a)
);
as_string!(Micro, "^(0|-?[1-9][0-9]{0,38})$", "Micro-units of the collateral token.", "25000000");
as_string!(
    SignatureHex,
    "^0x[0-9a-fA-F]{128}$",
    "An EdDSA-Poseidon signature over BabyJubJub, packed as circomlibjs packs it: R (32 bytes), then S (32 bytes, little-endian).",
    format!("0x{}", "00".repeat(64))
);
as_string!(AddressHex, "^0x[0-9a-fA-F]{40}$", "An L1 address.", format!("0x{}", "11".repeat(20)));
as_string!(BytesHex, "^0x([0-9a-fA-F]{2})*$", "Bytes.", "0x095ea7b3");
