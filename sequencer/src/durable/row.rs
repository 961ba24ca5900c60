//! A log entry as it is stored.
//!
//! Two chains run through the rows. The **root** is the log's own ([`log::Head`](crate::log::Head)): it binds what an
//! input amounts to, so only a replay
//! can check it. The **seal** binds the bytes as they lie in the database: `seal_n = keccak256(seal_{n-1} || position (8 bytes) ||
//! root (32) || body)`, with `seal_0 = keccak256("novation rows 1" || root_0)`. A row that was changed, dropped or put elsewhere breaks the seal; a
//! row whose seal holds but which leads to another root was written by another program or under another configuration.
//!
//! The seal is no signature: whoever may write to the database can seal what they like. What holds them is what left
//! the house: receipts, and the log root of every batch on L1 (see [`recover`](super::recovery::recover)'s anchor).

use super::codec::{self, DecodeError};
use crate::io::Input;
use crate::log::{word, Entry};
use ark_bn254::Fr;
use sha3::{Digest, Keccak256};

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Position, from 1.
    pub position: u64,
    /// Time of the input, Unix seconds: for people's queries, as the body has it.
    pub time: i64,
    /// Kind of the input: for people's queries, as the body has it.
    pub kind: u8,
    /// The input, from [`codec::encode`].
    pub body: Vec<u8>,
    /// The log's root with this entry as its last, big-endian.
    pub root: [u8; 32],
    /// The seal.
    pub seal: [u8; 32],
    /// Of orders and commands: [`codec::submission`].
    pub submission: Option<[u8; 32]>,
}

/// Why a row is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The seal does not follow, or a column is not what the body says.
    #[error("it is not what was written")]
    Changed,
    /// The seal holds, but this program cannot read the body.
    #[error("this program cannot read it: {0}")]
    Unreadable(#[from] DecodeError),
}

/// The seal before the first row.
pub fn first_seal(root: &Fr) -> [u8; 32] {
    Keccak256::new().chain_update(b"novation rows 1").chain_update(word(root)).finalize().into()
}

impl Row {
    /// The row of an entry, behind the row with this seal.
    pub fn of(entry: &Entry, before: &[u8; 32]) -> Row {
        let body = codec::encode(&entry.input);
        let root = word_bytes(&entry.root);
        let kind = body[1];
        let submission = codec::submission_of(&body);
        let seal = seal(before, entry.position, &root, &body);
        Row { position: entry.position, time: entry.input.time.get(), kind, body, root, seal, submission }
    }

    /// The input, if the row is what was written behind the row with this seal.
    ///
    /// # Errors
    /// [`RowError`]. Positions are the caller's to count.
    pub fn open(&self, before: &[u8; 32]) -> Result<Input, RowError> {
        if self.seal != seal(before, self.position, &self.root, &self.body) {
            return Err(RowError::Changed);
        }
        let input = codec::decode(&self.body)?;
        let derived = (input.time.get(), self.body[1], codec::submission_of(&self.body));
        if derived != (self.time, self.kind, self.submission) {
            return Err(RowError::Changed);
        }
        Ok(input)
    }
}

fn seal(before: &[u8; 32], position: u64, root: &[u8; 32], body: &[u8]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update(before);
    hasher.update(position.to_be_bytes());
    hasher.update(root);
    hasher.update(body);
    hasher.finalize().into()
}

/// A field element as 32 bytes, big-endian.
pub(super) fn word_bytes(x: &Fr) -> [u8; 32] {
    word(x).try_into().expect("a field element is 32 bytes")
}
