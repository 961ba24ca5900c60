//! Strings of bytes, written and read piece by piece.

use super::DecodeError;
use crate::log::word;
use ark_bn254::Fr;
use ark_ff::{BigInteger256, PrimeField};
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::Signature;
use novation_state::units::OutOfRange;

/// Bytes in the making.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A number of 64 bits, as most units are.
    pub fn unit(&mut self, number: i64) {
        self.bytes(&number.to_be_bytes());
    }

    pub fn element(&mut self, x: &Fr) {
        self.0.extend(word(x));
    }

    pub fn point(&mut self, Point { x, y }: &Point) {
        self.element(x);
        self.element(y);
    }

    pub fn signature(&mut self, Signature { r, s }: &Signature) {
        self.point(r);
        self.element(s);
    }

    pub fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Writer, &T)) {
        self.byte(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// Bytes that are left.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.0.len() {
            0 => Ok(()),
            bytes => Err(DecodeError::Trailing { bytes }),
        }
    }

    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (first, rest) = self.0.split_first_chunk::<N>().ok_or(DecodeError::Short { field })?;
        self.0 = rest;
        Ok(*first)
    }

    pub fn byte(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let [byte] = self.array(field)?;
        Ok(byte)
    }

    pub fn flag(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        match self.byte(field)? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(DecodeError::Code { field, found }),
        }
    }

    /// A unit of 64 bits, in its range.
    pub fn unit<T: TryFrom<i128, Error = OutOfRange>>(&mut self, field: &'static str) -> Result<T, DecodeError> {
        Ok(T::try_from(i64::from_be_bytes(self.array(field)?).into())?)
    }

    /// A unit of 128 bits, in its range.
    pub fn wide_unit<T: TryFrom<i128, Error = OutOfRange>>(&mut self, field: &'static str) -> Result<T, DecodeError> {
        Ok(T::try_from(i128::from_be_bytes(self.array(field)?))?)
    }

    pub fn element(&mut self, field: &'static str) -> Result<Fr, DecodeError> {
        element(&self.array(field)?).ok_or(DecodeError::NotReduced { field })
    }

    pub fn point(&mut self, field: &'static str) -> Result<Point, DecodeError> {
        Ok(Point { x: self.element(field)?, y: self.element(field)? })
    }

    pub fn signature(&mut self, field: &'static str) -> Result<Signature, DecodeError> {
        Ok(Signature { r: self.point(field)?, s: self.element(field)? })
    }

    pub fn option<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Reader<'a>, &'static str) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        self.flag(field)?.then(|| read(self, field)).transpose()
    }
}

/// A field element of 32 big-endian bytes, `None` if they are not below the modulus.
pub(in crate::durable) fn element(bytes: &[u8; 32]) -> Option<Fr> {
    let mut limbs = [0u64; 4];
    for (limb, bytes) in limbs.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*bytes);
    }
    Fr::from_bigint(BigInteger256::new(limbs))
}
