//! The file that a chain is found again by: every block is appended and synced before its request is answered, and
//! opening executes them again.
//!
//! ```text
//! file    "novation-devnet-journal-1\n", then records
//! record  length of the payload (u32) | its complement | payload | first 4 bytes of keccak256(payload)
//! payload 0 | configuration as JSON                                       the first record
//!         1 | time (u64) | blocks (u32) | hash of the last                empty blocks, the first of them at `time`
//!         2 | time (u64) | hash | signed transaction (EIP-2718)           a block with a transaction
//! ```
//!
//! Numbers are little-endian. A run of empty blocks takes 57 bytes however long it is: a block every two seconds makes
//! 17 MB a week. A record that the end of the file cuts short is one whose request nobody answered, so it is dropped.
//! The length has its complement beside it, because a damaged length could otherwise pass for such a cut and take answered blocks
//! with it. Everything else that is wrong is an error, also a block that executes to another hash than it had.
//!
//! Snapshots are not journaled and are refused on a journaled chain: its past does not change.

use super::DevnetConfig;
use crate::lock::FileLock;
use alloy::primitives::{keccak256, B256};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

const MAGIC: &[u8] = b"novation-devnet-journal-1\n";
const FRAME: usize = 8;
const SUM: usize = 4;
const HASH: usize = 32;

/// Longest payload. A transaction is bounded by the body of the request that brings it.
const MAX_PAYLOAD: usize = super::http::MAX_BODY_BYTES;

/// Why a journal cannot be opened.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The system refuses.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The journal.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{path} is in use by another process", path = path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// The file does not begin as a journal does; it is left as it is.
    #[error("{path} is not a journal of this version", path = path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// The chain of the journal started from something else.
    #[error("the journal's chain has {field} {journal}, the configuration says {given}")]
    Config {
        /// Field of [`DevnetConfig`].
        field: String,
        /// The journal's value.
        journal: String,
        /// The value given.
        given: String,
    },
    /// A record is damaged.
    #[error("record {record}, at byte {offset}: {reason}")]
    Damaged {
        /// Number of the record; 0 is the configuration.
        record: u64,
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// A block executes to something else than it did.
    #[error("record {record}: block {block} had the hash {journal} and is executed to {executed}")]
    Hash {
        /// Number of the record.
        record: u64,
        /// Number of the block.
        block: u64,
        /// The hash in the journal.
        journal: B256,
        /// The hash now.
        executed: B256,
    },
    /// A block cannot be executed.
    #[error("record {record}: block {block}: {reason}")]
    Execution {
        /// Number of the record.
        record: u64,
        /// Number of the block.
        block: u64,
        /// Why.
        reason: super::RpcError,
    },
}

/// What a block's record holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Empty blocks.
    Empty {
        /// Time of the first.
        time: u64,
        /// How many.
        blocks: u32,
        /// Hash of the last.
        hash: B256,
    },
    /// A block with a transaction.
    Transaction {
        /// Time of the block.
        time: u64,
        /// Its hash.
        hash: B256,
        /// The transaction.
        raw: Vec<u8>,
    },
}

impl Entry {
    fn payload(&self) -> Vec<u8> {
        match self {
            Self::Empty { time, blocks, hash } => {
                [&[1][..], &time.to_le_bytes(), &blocks.to_le_bytes(), hash.as_slice()].concat()
            }
            Self::Transaction { time, hash, raw } => [&[2][..], &time.to_le_bytes(), hash.as_slice(), raw].concat(),
        }
    }

    fn parse(payload: &[u8]) -> Option<Self> {
        let (&kind, rest) = payload.split_first()?;
        let (time, rest) = rest.split_first_chunk::<8>()?;
        let time = u64::from_le_bytes(*time);
        match kind {
            1 => {
                let (blocks, rest) = rest.split_first_chunk::<4>()?;
                let hash = B256::from(<[u8; HASH]>::try_from(rest).ok()?);
                Some(Self::Empty { time, blocks: u32::from_le_bytes(*blocks), hash })
            }
            2 => {
                let (hash, raw) = rest.split_first_chunk::<HASH>()?;
                Some(Self::Transaction { time, hash: B256::from(hash), raw: raw.to_vec() })
            }
            _ => None,
        }
    }
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a payload is bounded");
    [&length.to_le_bytes()[..], &(!length).to_le_bytes(), payload, &keccak256(payload)[..SUM]].concat()
}

/// A journal open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    _lock: FileLock,
    /// A failed write may have left half a record, after which nothing may follow.
    failed: bool,
}

impl Journal {
    /// Appends and syncs.
    ///
    /// # Errors
    /// What the system says; every later call fails too, for the file may end in half a record.
    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed: restart to go on from what was written"));
        }
        let written = self.file.write_all(&framed(&entry.payload())).and_then(|()| self.file.sync_data());
        self.failed = written.is_err();
        written
    }
}

/// Reads a journal from its beginning, then becomes a [`Journal`].
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    lock: FileLock,
    record: u64,
    /// Where the next record begins.
    offset: u64,
    length: u64,
}

impl Reader {
    /// Opens the journal at `path`, or makes one for `config`.
    pub(super) fn open(path: &Path, config: &DevnetConfig) -> Result<Self, JournalError> {
        let system = |source| JournalError::File { path: path.to_owned(), source };
        let given = serde_json::to_value(config).expect("plain data");
        if !path.try_exists().map_err(system)? {
            create(path, &given.to_string()).map_err(system)?;
        }
        let (reader, found) = Self::start(path)?;
        let known = given.as_object().expect("a struct");
        for (field, given) in known {
            let journal = found.get(field).unwrap_or(&serde_json::Value::Null);
            if journal != given {
                let (journal, given) = (journal.to_string(), given.to_string());
                return Err(JournalError::Config { field: field.clone(), journal, given });
            }
        }
        Ok(reader)
    }

    /// Locks the file and reads its configuration.
    pub(super) fn start(path: &Path) -> Result<(Self, serde_json::Value), JournalError> {
        let system = |source| JournalError::File { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(system)?;
        let lock = FileLock::take(&file).map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => system(source),
        })?;
        let length = file.metadata().map_err(system)?.len();
        let mut magic = Vec::new();
        Read::by_ref(&mut file).take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(system)?;
        if magic != MAGIC {
            return Err(JournalError::NotAJournal { path: path.to_owned() });
        }
        let file = BufReader::new(file);
        let mut reader = Self { path: path.to_owned(), file, lock, record: 0, offset: MAGIC.len() as u64, length };
        let start = reader.offset;
        let damaged = |reason| JournalError::Damaged { record: 0, offset: start, reason };
        // The file came into being with its configuration in it: one cut short was cut by somebody else.
        let payload = reader.payload()?.ok_or_else(|| damaged("the configuration is cut short"))?;
        let json = payload.strip_prefix(&[0]).and_then(|json| serde_json::from_slice(json).ok());
        Ok((reader, json.ok_or_else(|| damaged("no configuration"))?))
    }

    /// The next record, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Entry)>, JournalError> {
        let (record, offset) = (self.record, self.offset);
        let Some(payload) = self.payload()? else { return Ok(None) };
        let entry = Entry::parse(&payload);
        let entry = entry.ok_or(JournalError::Damaged { record, offset, reason: "no record of a known kind" })?;
        Ok(Some((record, entry)))
    }

    /// The next payload; `None` at the end and at a record that the end cuts short.
    fn payload(&mut self) -> Result<Option<Vec<u8>>, JournalError> {
        let (record, offset) = (self.record, self.offset);
        let damaged = |reason| JournalError::Damaged { record, offset, reason };
        let left = self.length - self.offset;
        if left < FRAME as u64 {
            return Ok(None);
        }
        let mut frame = [[0; 4]; 2];
        self.read(frame.as_flattened_mut())?;
        let [length, complement] = frame.map(u32::from_le_bytes);
        if length != !complement {
            return Err(damaged("the length is damaged"));
        }
        let payload_length = length as usize;
        if payload_length > MAX_PAYLOAD {
            return Err(damaged("longer than any record"));
        }
        let total = (FRAME + payload_length + SUM) as u64;
        if left < total {
            return Ok(None);
        }
        let mut payload = vec![0; payload_length];
        let mut sum = [0; SUM];
        self.read(&mut payload)?;
        self.read(&mut sum)?;
        if keccak256(&payload)[..SUM] != sum {
            return Err(damaged("the checksum is another"));
        }
        self.record += 1;
        self.offset += total;
        Ok(Some(payload))
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), JournalError> {
        self.file.read_exact(into).map_err(|source| JournalError::File { path: self.path.clone(), source })
    }

    /// Cuts off what the last write left unfinished, and goes over to appending.
    pub(super) fn finish(self) -> Result<Journal, JournalError> {
        let Self { path, file, lock, offset, length, .. } = self;
        let mut file = file.into_inner();
        let cut = |file: &mut File| {
            if offset < length {
                file.set_len(offset)?;
                file.sync_all()?;
            }
            file.seek(SeekFrom::End(0))
        };
        cut(&mut file).map_err(|source| JournalError::File { path, source })?;
        Ok(Journal { file, _lock: lock, failed: false })
    }
}

/// The configuration at the head of the journal at `path`.
pub(super) fn configuration(path: &Path) -> Result<DevnetConfig, JournalError> {
    let (_, json) = Reader::start(path)?;
    let damaged =
        JournalError::Damaged { record: 0, offset: MAGIC.len() as u64, reason: "another configuration's fields" };
    serde_json::from_value(json).map_err(|_| damaged)
}

/// Makes a journal under another name first: it is there whole or not at all.
fn create(path: &Path, config: &str) -> io::Result<()> {
    let payload = [&[0][..], config.as_bytes()].concat();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = File::create(&new)?;
    file.write_all(&[MAGIC, &framed(&payload)].concat())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
