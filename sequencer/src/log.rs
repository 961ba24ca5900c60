//! The log: every input that was taken in, in order, and a running commitment to all of them.
//!
//! The log is the truth. The engine is a function of it, so whoever holds the entries can repeat every decision, and two parties
//! that agree on a root agree on everything before it.
//!
//! `root_n = keccak256(root_{n-1} || position (8 bytes) || digest) >> 8`, with `root_0 = keccak256("novation log 1" ||
//! deployment) >> 8`; numbers are big-endian, roots 32-byte words of 248 bits, so that they are field elements as they are. Keccak
//! and not Poseidon: no circuit opens the log, but a contract may have to, to judge a broken receipt.
//!
//! PRIVACY: the root is public and an order has few likely values. The digest of a message contains its signature, which nobody
//! but the signer can compute, so guessing a message does not confirm it.

use crate::io::{Event, Execution, Input};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_state::crypto::babyjub::Point;
use novation_state::units::{Time, Window};
use sha3::{Digest, Keccak256};

/// An entry: an input, its place, and the commitment up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position, from 1.
    pub position: u64,
    /// What was taken in.
    pub input: Input,
    /// Digest of the input and of what it amounts to, from [`digest`].
    pub digest: [u8; 32],
    /// The log's root with this entry as its last.
    pub root: Fr,
}

/// What an input amounts to beyond its own words, as its digest has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more.
    Plain,
    /// The hash of an order or command: its position is bound to what was signed.
    Message(Fr),
    /// Number and root of the markets after a change.
    Markets(u32, Fr),
    /// The window that ended.
    Window(Window),
    /// Number of a batch and the accounts root after it.
    Batch(u64, Fr),
}

/// The end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of the last entry, 0 before the first.
    pub position: u64,
    /// Its root.
    pub root: Fr,
}

/// A break in a list of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Positions count up by one.
    #[error("log entry {found} stands where {expected} is next")]
    Position {
        /// The position that is next.
        expected: u64,
        /// The entry's.
        found: u64,
    },
    /// An entry's root follows from the one before and its digest.
    #[error("the root of log entry {position} does not follow from the entry before it")]
    Root {
        /// The entry's position.
        position: u64,
    },
}

impl Head {
    /// Before the first entry of a deployment.
    pub fn genesis(deployment: Fr) -> Head {
        let mut hasher = Keccak256::new();
        hasher.update(b"novation log 1");
        hasher.update(word(&deployment));
        Head { position: 0, root: top_248_bits(hasher) }
    }

    /// With one more entry.
    pub fn next(&self, digest: &[u8; 32]) -> Head {
        let position = self.position + 1;
        let mut hasher = Keccak256::new();
        hasher.update(word(&self.root));
        hasher.update(position.to_be_bytes());
        hasher.update(digest);
        Head { position, root: top_248_bits(hasher) }
    }

    /// Follows entries and returns where they end.
    ///
    /// # Errors
    /// [`Broken`] at the first entry that does not follow. That a digest is its input's is for a replay to show.
    pub fn follow<'a>(self, entries: impl IntoIterator<Item = &'a Entry>) -> Result<Head, Broken> {
        entries.into_iter().try_fold(self, |head, entry| {
            let next = head.next(&entry.digest);
            if entry.position != next.position {
                Err(Broken::Position { expected: next.position, found: entry.position })
            } else if entry.root != next.root {
                Err(Broken::Root { position: entry.position })
            } else {
                Ok(next)
            }
        })
    }
}

/// The digest of an input: keccak256 of kind (1 byte), time (8), then by kind
///
/// 1. order: message hash (32), signature (64), execution (1);
/// 2. command: message hash (32), signature (64), possession signature (64, or nothing);
/// 3. deposit: index (8), account (8), owner and viewing eighths (32 a coordinate), amount (16);
/// 4. markets: number (4), root (32);
/// 5. window: number (8);
/// 6. batch: number (8), accounts root after it (32);
/// 7. proof accepted: batch (8).
pub fn digest(input: &Input, outcome: Outcome) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    let mut put = |bytes: &[u8]| hasher.update(bytes);
    put(&[kind(&input.event)]);
    put(&time(input.time));
    if let Outcome::Message(hash) = outcome {
        put(&word(&hash));
    }
    match &input.event {
        Event::Order(signed) => {
            put(&signed.signature.to_bytes());
            put(&[execution(signed.execution)]);
        }
        Event::Command(signed) => {
            put(&signed.signature.to_bytes());
            if let Some(possession) = &signed.possession {
                put(&possession.to_bytes());
            }
        }
        Event::Deposit { index, deposit } => {
            put(&index.to_be_bytes());
            put(&deposit.account.get().to_be_bytes());
            for Point { x, y } in [deposit.owner_eighth, deposit.viewing_eighth] {
                put(&word(&x));
                put(&word(&y));
            }
            put(&deposit.amount.get().to_be_bytes());
        }
        Event::Proven { batch } => put(&batch.to_be_bytes()),
        Event::Markets(_) | Event::Window | Event::Batch => {}
    }
    match outcome {
        Outcome::Plain | Outcome::Message(_) => {}
        Outcome::Markets(number, root) => {
            put(&number.to_be_bytes());
            put(&word(&root));
        }
        Outcome::Window(window) => put(&window.get().to_be_bytes()),
        Outcome::Batch(number, root) => {
            put(&number.to_be_bytes());
            put(&word(&root));
        }
    }
    hasher.finalize().into()
}

pub(crate) fn kind(event: &Event) -> u8 {
    match event {
        Event::Order(_) => 1,
        Event::Command(_) => 2,
        Event::Deposit { .. } => 3,
        Event::Markets(_) => 4,
        Event::Window => 5,
        Event::Batch => 6,
        Event::Proven { .. } => 7,
    }
}

pub(crate) fn execution(execution: Execution) -> u8 {
    match execution {
        Execution::UntilValid => 0,
        Execution::ThisWindow => 1,
        Execution::FillOrKill => 2,
        Execution::PostOnly => 3,
        Execution::Stop => 4,
    }
}

fn time(time: Time) -> [u8; 8] {
    time.get().to_be_bytes()
}

/// A field element as 32 bytes, big-endian.
pub(crate) fn word(x: &Fr) -> Vec<u8> {
    x.into_bigint().to_bytes_be()
}

pub(crate) fn top_248_bits(hasher: Keccak256) -> Fr {
    Fr::from_be_bytes_mod_order(&hasher.finalize()[..31])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(digests: &[[u8; 32]]) -> Vec<Entry> {
        let mut head = Head::genesis(Fr::from(7));
        let input = |n: usize| Input { time: Time::new(n as i64).unwrap(), event: Event::Window };
        let mut entries = Vec::new();
        for (n, digest) in digests.iter().enumerate() {
            head = head.next(digest);
            entries.push(Entry { position: head.position, input: input(n), digest: *digest, root: head.root });
        }
        entries
    }

    #[test]
    fn entries_follow_from_genesis_and_end_at_the_last_root() {
        let log = entries(&[[1; 32], [2; 32], [3; 32]]);
        let end = Head::genesis(Fr::from(7)).follow(&log);
        assert_eq!(end, Ok(Head { position: 3, root: log[2].root }));
    }

    #[test]
    fn a_changed_dropped_or_swapped_entry_breaks_the_chain() {
        let genesis = Head::genesis(Fr::from(7));
        let log = entries(&[[1; 32], [2; 32], [3; 32]]);
        let mut changed = log.clone();
        changed[1].digest = [9; 32];
        assert_eq!(genesis.follow(&changed), Err(Broken::Root { position: 2 }));
        assert_eq!(genesis.follow(&log[1..]), Err(Broken::Position { expected: 1, found: 2 }));
        let mut swapped = log.clone();
        swapped.swap(0, 1);
        assert_eq!(genesis.follow(&swapped), Err(Broken::Position { expected: 1, found: 2 }));
        assert_eq!(Head::genesis(Fr::from(8)).follow(&log), Err(Broken::Root { position: 1 }));
    }

    #[test]
    fn digest_depends_on_time_kind_and_outcome() {
        let at = |t: i64, event: Event| Input { time: Time::new(t).unwrap(), event };
        let window = |n: i64| Outcome::Window(Window::new(n).unwrap());
        let base = digest(&at(5, Event::Window), window(1));
        assert_eq!(base, digest(&at(5, Event::Window), window(1)));
        assert_ne!(base, digest(&at(6, Event::Window), window(1)));
        assert_ne!(base, digest(&at(5, Event::Window), window(2)));
        assert_ne!(base, digest(&at(5, Event::Proven { batch: 1 }), Outcome::Plain));
    }

    #[test]
    fn root_matches_an_independent_keccak() {
        // keccak256("novation log 1" || uint256(7)) and one step with digest 01..01, top 248 bits, by another implementation.
        let genesis = Head::genesis(Fr::from(7));
        let hex = |x: &Fr| word(x).iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(hex(&genesis.root), GENESIS_ROOT);
        assert_eq!(hex(&genesis.next(&[1; 32]).root), FIRST_ROOT);
    }

    const GENESIS_ROOT: &str = "00ae50900586156ada2387ff7b3eae51e3b7b3551e80e5e99a4ab83689a6c6ca";
    const FIRST_ROOT: &str = "00f82ebf49430c0da15422200d7effd71313c207bbd52e423cdd86284703f08f";
}
