//! From the log alone back to the state: every entry is read, checked and replayed into a fresh engine, which must
//! come to the same roots.

use super::codec::DecodeError;
use super::row::{first_seal, word_bytes, RowError};
use super::store::{Base, Store, StoreError};
use crate::engine::Engine;
use crate::io::{Effect, Event};
use crate::log::Head;
use crate::reason::Refused;
use novation_state::trace::BatchTrace;
use std::collections::VecDeque;

/// Rows read at a time: a few hundred kilobytes.
const PAGE: u32 = 1_000;

/// Is told of everything that is in the log, in its order: at a recovery of what was there, then by the writer of
/// what is added, each only once it is stored. The effects are an input's, with [`Effect::Logged`] first. What it
/// builds from them is the same after any number of crashes. It runs between two commits, so it must be quick.
pub type Observer = Box<dyn FnMut(&[Effect]) + Send>;

/// An engine at the end of its log, and what the log leaves to be done.
pub struct Recovered {
    /// The engine.
    pub engine: Engine,
    /// Entries that were replayed.
    pub entries: u64,
    /// Batches whose proofs L1 has not accepted, oldest first: to be proven and submitted, again or for the first time.
    pub unproven: VecDeque<BatchTrace>,
    /// Seal of the last row.
    pub(super) seal: [u8; 32],
}

/// Why a log cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log belongs to another deployment, ledger or markets than the engine that is to go on with it.
    #[error("the log goes on from another {what} than this engine")]
    OtherBase {
        /// What differs.
        what: &'static str,
    },
    /// Positions count up by one.
    #[error("log entry {found} stands where {expected} is next: entries are missing")]
    Gap {
        /// The position that is next.
        expected: u64,
        /// The position found.
        found: u64,
    },
    /// The bytes of a row are not those that were written.
    #[error("log entry {position} is not what was written")]
    Changed {
        /// The entry's position.
        position: u64,
    },
    /// A row is what was written, by a program that knows more than this one.
    #[error("log entry {position} cannot be read: {reason}")]
    Unreadable {
        /// The entry's position.
        position: u64,
        /// Why.
        reason: DecodeError,
    },
    /// A row is what was written, but this engine would not have taken it in: program or configuration differ.
    #[error("this engine refuses log entry {position}, which was taken in once: {reason}")]
    Refused {
        /// The entry's position.
        position: u64,
        /// Why.
        reason: Refused,
    },
    /// A row is what was written, but leads this engine elsewhere: program, configuration or secret differ.
    #[error("log entry {position} leads to another root than it did: program, configuration or secret differ")]
    Diverged {
        /// The entry's position.
        position: u64,
    },
    /// The log ends before a position that is known to have been reached: rows are missing at its end.
    #[error("the log ends at position {found}, but is known to have reached {known}")]
    Behind {
        /// Where it ends.
        found: u64,
        /// What is known.
        known: u64,
    },
    /// The log has another root where one is known: it is another log.
    #[error("the log's root at position {position} is not the one that is known")]
    Forked {
        /// The position.
        position: u64,
    },
}

/// What a log that `engine` can go on with goes on from.
fn base(engine: &Engine) -> Base {
    let Head { position, root } = engine.log();
    Base {
        deployment: word_bytes(&engine.ledger().deployment().id),
        position,
        root: word_bytes(&root),
        ledger: word_bytes(&engine.ledger().root()),
        markets: word_bytes(&engine.markets().root()),
    }
}

/// Replays a store's log into `engine`, which must stand where the log begins; an empty store begins there. The
/// circuit is not asked again about batches that it has passed. Signatures are checked again: a forged row does not
/// get in by being sealed.
///
/// `anchor` is a head that the log is known to have had, from L1's last batch for example. Without one, rows that
/// were cut off the end are not missed.
///
/// # Errors
/// [`RecoveryError`], at the first entry that is not as it was.
pub async fn recover<S: Store>(
    store: &mut S,
    mut engine: Engine,
    anchor: Option<Head>,
    observer: &mut Observer,
) -> Result<Recovered, RecoveryError> {
    let own = base(&engine);
    let found = store.base(&own).await?;
    let parts = [
        ("deployment", own.deployment == found.deployment),
        ("log position", own.position == found.position),
        ("log root", own.root == found.root),
        ("ledger", own.ledger == found.ledger),
        ("markets", own.markets == found.markets),
    ];
    if let Some((what, _)) = parts.into_iter().find(|(_, same)| !same) {
        return Err(RecoveryError::OtherBase { what });
    }
    let start = engine.log().position;
    let mut seal = first_seal(&engine.log().root);
    let mut unproven = VecDeque::new();
    check_anchor(&engine, anchor)?;
    loop {
        let rows = store.read(engine.log().position, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let expected = engine.log().position + 1;
            if row.position != expected {
                return Err(RecoveryError::Gap { expected, found: row.position });
            }
            let position = row.position;
            let input = row.open(&seal).map_err(|error| match error {
                RowError::Changed => RecoveryError::Changed { position },
                RowError::Unreadable(reason) => RecoveryError::Unreadable { position, reason },
            })?;
            if let Event::Proven { .. } = input.event {
                unproven.pop_front();
            }
            let effects = engine.replay(input);
            if let [Effect::Refused(reason)] = &effects[..] {
                return Err(RecoveryError::Refused { position, reason: reason.clone() });
            }
            if word_bytes(&engine.log().root) != row.root {
                return Err(RecoveryError::Diverged { position });
            }
            check_anchor(&engine, anchor)?;
            observer(&effects);
            let batches = effects.into_iter().filter_map(|effect| match effect {
                Effect::BatchReady(trace) => Some(*trace),
                _ => None,
            });
            unproven.extend(batches);
            seal = row.seal;
        }
        // Reading and replaying take turns, and so do others on this thread.
        tokio::task::yield_now().await;
    }
    let found = engine.log().position;
    if let Some(known) = anchor.map(|head| head.position).filter(|known| *known > found) {
        return Err(RecoveryError::Behind { found, known });
    }
    Ok(Recovered { engine, entries: found - start, unproven, seal })
}

fn check_anchor(engine: &Engine, anchor: Option<Head>) -> Result<(), RecoveryError> {
    let Head { position, root } = engine.log();
    match anchor {
        Some(known) if known.position == position && known.root != root => Err(RecoveryError::Forked { position }),
        _ => Ok(()),
    }
}
