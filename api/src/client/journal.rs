//! What the wallet has signed, on disk before it is sent.
//!
//! A nonce stands for one content only: whoever signs two orders with one nonce cannot know which of them the venue took.
//! So every message is written and synced here, with the very bytes of its request, before the first of them leaves. After a crash or
//! an answer that never came the message is *pending*: it can be sent again, byte for byte, which gets the receipt that it may
//! have got before, or be cancelled. It is never signed again with other content.
//!
//! The file has one JSON object a line: a header, then `sent`, `done`, `seen` and `over`. A crash can tear the last line only,
//! and a torn line was never acted upon; it is cut off. One process at a time holds the lock beside the file.

use super::wallet::{private, sync_folder};
use ark_bn254::Fr;
use novation_state::units::{AccountSlot, Time};
use novation_verifier::encoding::{from_hex_word, to_hex_word};
use novation_verifier::lock::FileLock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The order slot of withdrawals, raised epochs and rotations. The 255 before it are for orders.
pub const COMMAND_SLOT: u8 = 255;
/// Layout of the file.
const VERSION: u32 = 1;
/// A longer file is rewritten without its past when it is opened: 4,096 lines are a few megabytes at most.
const MAX_LINES: usize = 4_096;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system. Nothing was sent.
    #[error("journal {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// Two processes would sign with one nonce.
    #[error("another process uses journal {}: wait until it ends, or use another account", .0.display())]
    Locked(PathBuf),
    /// A line that no crash explains.
    #[error("journal {}, line {line}: {reason}; move it away only if nothing it names can still be pending", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Nonces are per account and deployment.
    #[error("journal {} belongs to account {found} of deployment {deployment}: use the wallet that it was made with", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its account.
        found: i64,
        /// Its deployment id.
        deployment: String,
    },
    /// A write failed before: what is on disk is not known.
    #[error("journal {} failed before: open it again", .0.display())]
    Broken(PathBuf),
    /// 2^32 messages.
    #[error("the account has used its last nonce: no message can be signed with this journal")]
    NoncesUsed,
    /// 255 orders rest.
    #[error(
        "all 255 order slots of the account hold orders that may still be filled: cancel one, or wait until one ends"
    )]
    NoFreeSlot,
}

/// A signed message and the request that carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Message hash, `0x` and 64 digits: what a receipt must name.
    pub hash: String,
    /// Order slot.
    pub order_slot: u8,
    /// Nonce.
    pub nonce: u32,
    /// Last second at which it may be filled, for orders; `null` for commands.
    pub valid_until: Option<i64>,
    /// When it was signed, Unix seconds.
    pub time: i64,
    /// Path of the request.
    pub path: String,
    /// Body of the request, byte for byte.
    pub body: String,
}

/// What became of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a receipt.
    Accepted,
    /// It changed nothing, and never will: its nonce stays used.
    Refused,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Header {
        journal: u32,
        deployment: String,
        account: i64,
    },
    Sent(Sent),
    Done {
        hash: String,
        outcome: Outcome,
    },
    /// The venue has seen this nonce of the slot.
    Seen {
        order_slot: u8,
        nonce: u32,
    },
    /// Nothing of this order can be filled any more.
    Over {
        order_slot: u8,
        nonce: u32,
    },
}

/// What an order slot holds.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    last: u32,
    /// Nonce and last valid second of an order that may still be filled.
    order: Option<(u32, i64)>,
}

/// The journal of one account.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// `None` for one in memory.
    file: Option<File>,
    /// Held while the journal is open.
    _lock: Option<FileLock>,
    broken: bool,
    slots: BTreeMap<u8, Slot>,
    /// By hash, in the order in which they were signed.
    pending: Vec<Sent>,
}

impl Journal {
    /// A journal that no file keeps: for tests and simulations that start anew.
    pub fn in_memory() -> Journal {
        Journal {
            path: PathBuf::from("(in memory)"),
            file: None,
            _lock: None,
            broken: false,
            slots: BTreeMap::new(),
            pending: Vec::new(),
        }
    }

    /// Opens the journal of an account, or starts it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, deployment: &Fr, account: AccountSlot) -> Result<Journal, JournalError> {
        let failed = |reason| JournalError::Io { path: path.to_owned(), reason };
        let lock = lock(path)?;
        let mut journal = Journal { path: path.to_owned(), _lock: Some(lock), ..Journal::in_memory() };
        let header = Line::Header { journal: VERSION, deployment: to_hex_word(deployment), account: account.get() };
        let text = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(reason) => return Err(failed(reason)),
        };
        // What follows the last line's end was never synced whole, hence never acted upon.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<&[u8]> = text[..whole].split_inclusive(|byte| *byte == b'\n').collect();
        for (at, line) in lines.iter().enumerate() {
            let content = |reason: String| JournalError::Content { path: path.to_owned(), line: at + 1, reason };
            let line: Line = serde_json::from_slice(line).map_err(|error| content(error.to_string()))?;
            journal.read(at, line, &header)?;
        }
        if lines.is_empty() || lines.len() > MAX_LINES {
            journal.rewrite(&header).map_err(failed)?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        if !lines.is_empty() && lines.len() <= MAX_LINES && whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        journal.file = Some(file);
        Ok(journal)
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A nonce that no message of the account has: greater than every one signed or seen before, and at least the Unix
    /// time. So a journal that got lost does not make an account start again at nonces that are used, as long as it
    /// has signed less than a message a second over its life.
    ///
    /// # Errors
    /// [`JournalError::NoncesUsed`].
    pub fn next_nonce(&self, now: Time) -> Result<u32, JournalError> {
        let last = self.slots.values().map(|slot| slot.last).max().unwrap_or(0);
        let next = last.checked_add(1).ok_or(JournalError::NoncesUsed)?;
        Ok(next.max(u32::try_from(now.get()).unwrap_or(0)))
    }

    /// The order slot for a new order: of those without an order that may still be filled, the one least recently used.
    ///
    /// # Errors
    /// [`JournalError::NoFreeSlot`].
    pub fn order_slot(&self, now: Time) -> Result<u8, JournalError> {
        let slot = |index: &u8| self.slots.get(index).copied().unwrap_or_default();
        let free = (0..COMMAND_SLOT).filter(|index| slot(index).order.is_none_or(|(_, until)| until < now.get()));
        free.min_by_key(|index| slot(index).last).ok_or(JournalError::NoFreeSlot)
    }

    /// Writes a message that is about to be sent. It may be sent once this returns.
    ///
    /// # Errors
    /// [`JournalError`]: it must not be sent.
    pub fn record(&mut self, sent: Sent) -> Result<(), JournalError> {
        self.append(&Line::Sent(sent.clone()))?;
        self.take_sent(sent);
        Ok(())
    }

    /// Writes what became of a message.
    ///
    /// # Errors
    /// [`JournalError`]: the message stays pending after a restart, and sending it again is harmless.
    pub fn answer(&mut self, hash: &Fr, outcome: Outcome) -> Result<(), JournalError> {
        let hash = to_hex_word(hash);
        self.append(&Line::Done { hash: hash.clone(), outcome })?;
        self.take_done(&hash, outcome);
        Ok(())
    }

    /// Writes that the venue has seen a nonce of an order slot, if that is news.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn seen(&mut self, order_slot: u8, nonce: u32) -> Result<(), JournalError> {
        if self.slots.get(&order_slot).is_none_or(|slot| slot.last < nonce) {
            self.append(&Line::Seen { order_slot, nonce })?;
            self.take_seen(order_slot, nonce);
        }
        Ok(())
    }

    /// Writes that nothing of an order can be filled any more, if that is news: its slot is free.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn over(&mut self, order_slot: u8, nonce: u32) -> Result<(), JournalError> {
        if self.slots.get(&order_slot).is_some_and(|slot| slot.order.is_some_and(|(held, _)| held == nonce)) {
            self.append(&Line::Over { order_slot, nonce })?;
            self.take_over(order_slot, nonce);
        }
        Ok(())
    }

    /// Whether no message was ever recorded here: nothing is known of orders that an earlier journal may have placed.
    pub fn is_new(&self) -> bool {
        self.slots.is_empty()
    }

    /// Takes notice of an order that rests at the venue and that no journal knows, for as long as this one is open: its slot is not
    /// free.
    pub fn resting(&mut self, order_slot: u8, nonce: u32, valid_until: i64) {
        let slot = self.slots.entry(order_slot).or_default();
        slot.last = slot.last.max(nonce);
        slot.order = slot.order.or(Some((nonce, valid_until)));
    }

    /// Messages that were signed, and may have been sent, and have no answer; oldest first.
    pub fn pending(&self) -> &[Sent] {
        &self.pending
    }

    fn read(&mut self, at: usize, line: Line, header: &Line) -> Result<(), JournalError> {
        let content =
            |reason: &str| JournalError::Content { path: self.path.clone(), line: at + 1, reason: reason.into() };
        match (at, line) {
            (0, Line::Header { journal: VERSION, deployment, account }) => {
                let Line::Header { deployment: ours, account: own, .. } = header else {
                    unreachable!("made by `open`");
                };
                if deployment != *ours || account != *own {
                    return Err(JournalError::Foreign { path: self.path.clone(), found: account, deployment });
                }
            }
            (0, Line::Header { .. }) => return Err(content("written by another version")),
            (0, _) | (_, Line::Header { .. }) => return Err(content("a journal has its header first, and once")),
            (_, Line::Sent(sent)) => {
                if from_hex_word::<Fr>(&sent.hash).is_err() {
                    return Err(content("a message hash is a field element"));
                }
                self.take_sent(sent);
            }
            (_, Line::Done { hash, outcome }) => self.take_done(&hash, outcome),
            (_, Line::Seen { order_slot, nonce }) => self.take_seen(order_slot, nonce),
            (_, Line::Over { order_slot, nonce }) => self.take_over(order_slot, nonce),
        }
        Ok(())
    }

    fn take_sent(&mut self, sent: Sent) {
        let slot = self.slots.entry(sent.order_slot).or_default();
        slot.last = slot.last.max(sent.nonce);
        if let Some(until) = sent.valid_until {
            slot.order = Some((sent.nonce, until));
        }
        self.pending.push(sent);
    }

    fn take_done(&mut self, hash: &str, outcome: Outcome) {
        let Some(at) = self.pending.iter().position(|sent| sent.hash == hash) else { return };
        let sent = self.pending.remove(at);
        if outcome == Outcome::Refused && sent.valid_until.is_some() {
            self.take_over(sent.order_slot, sent.nonce);
        }
    }

    fn take_seen(&mut self, order_slot: u8, nonce: u32) {
        let slot = self.slots.entry(order_slot).or_default();
        slot.last = slot.last.max(nonce);
    }

    fn take_over(&mut self, order_slot: u8, nonce: u32) {
        if let Some(slot) = self.slots.get_mut(&order_slot) {
            slot.order = slot.order.filter(|(held, _)| *held != nonce);
        }
    }

    fn append(&mut self, line: &Line) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken(self.path.clone()));
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(&bytes(line)).and_then(|()| file.sync_data());
        written.map_err(|reason| {
            // After a failed sync nobody knows what the disk has.
            self.broken = true;
            JournalError::Io { path: self.path.clone(), reason }
        })
    }

    /// Replaces the file by one that says what still matters.
    fn rewrite(&self, header: &Line) -> io::Result<()> {
        let mut text = bytes(header);
        // Of an order that is accepted and may be filled, slot, nonce and end matter: a message that is done says them.
        for (index, slot) in &self.slots {
            text.extend(bytes(&Line::Seen { order_slot: *index, nonce: slot.last }));
            let Some((nonce, until)) = slot.order else { continue };
            if self
                .pending
                .iter()
                .any(|sent| sent.order_slot == *index && sent.nonce == nonce && sent.valid_until.is_some())
            {
                continue;
            }
            let hash = to_hex_word(&Fr::from(0));
            let (path, body) = (String::new(), String::new());
            let sent =
                Sent { hash: hash.clone(), order_slot: *index, nonce, valid_until: Some(until), time: 0, path, body };
            text.extend(bytes(&Line::Sent(sent)));
            text.extend(bytes(&Line::Done { hash, outcome: Outcome::Accepted }));
        }
        for sent in &self.pending {
            text.extend(bytes(&Line::Sent(sent.clone())));
        }
        let beside = self.path.with_added_extension("new");
        let mut file = private().create(true).write(true).truncate(true).open(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        sync_folder(&self.path)
    }
}

fn bytes(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("strings and numbers");
    bytes.push(b'\n');
    bytes
}

/// A lock of its own file: the journal itself is replaced now and then, and a lock goes with the file it was taken on.
fn lock(path: &Path) -> Result<FileLock, JournalError> {
    let beside = path.with_added_extension("lock");
    let opened = private().create(true).truncate(false).write(true).open(&beside);
    let file = opened.map_err(|reason| JournalError::Io { path: beside.clone(), reason })?;
    FileLock::take(&file).map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::Locked(path.to_owned()),
        TryLockError::Error(reason) => JournalError::Io { path: beside, reason },
    })
}

#[cfg(test)]
mod tests;
