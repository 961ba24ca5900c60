//! Calldata and code of L1 as the changes that they are.

use super::books::{Accepted, Change, Round, Waiting};
use super::distrust::Distrust;
use super::unpack::{self, MARKET_WORDS};
use crate::encoding::from_word;
use crate::groth16::{key_from_words, key_words, VerifyingKey};
use crate::l1::bindings::Novation::{submitMarketsCall, NovationEvents};
use crate::l1::{Event, Known, L1Error, L1};
use alloy::consensus::Transaction as _;
use alloy::primitives::{Address, TxHash, U256};
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use ark_bn254::Fr;
use novation_state::units::{InstrumentId, Time};
use std::sync::Arc;

/// Why an event gave no change.
#[derive(Debug)]
pub(super) enum ReadError {
    /// L1 cannot be read now; the same event can be read later.
    L1(L1Error),
    /// It was read, and is not believed.
    Distrust(Distrust),
}

impl From<L1Error> for ReadError {
    fn from(error: L1Error) -> Self {
        Self::L1(error)
    }
}

fn element(what: &'static str, word: U256) -> Result<Fr, L1Error> {
    from_word(&word.to_be_bytes()).map_err(|e| L1Error::Answer { what, reason: e.to_string() })
}

/// The change that an event is; `None` for events that change nothing here (roles).
pub(super) async fn change(
    l1: &L1,
    event: &Event,
    known: &Known,
    pinned: &[VerifyingKey],
) -> Result<Option<Change>, ReadError> {
    Ok(match &event.event {
        NovationEvents::BatchAccepted(e) => {
            let submission = l1.fetch_batch(event.transaction, known).await?;
            let (root, z) = (element("BatchAccepted", e.root)?, element("BatchAccepted", e.z)?);
            let (transaction, time) = (event.transaction, block_time(l1, event).await?);
            Some(Change::Batch(Box::new(Accepted { submission, root, z, transaction, time })))
        }
        NovationEvents::MarketsAccepted(e) => {
            let root = element("MarketsAccepted", e.root)?;
            let round = markets(l1, event.transaction, e.number, root).await?;
            Some(Change::Markets(Box::new(round)))
        }
        NovationEvents::Deposited(e) => {
            let mut keys = [Fr::from(0); 4];
            for (key, word) in keys.iter_mut().zip([e.ax8, e.ay8, e.vx8, e.vy8]) {
                *key = element("Deposited", word)?;
            }
            Some(Change::Deposit(Waiting {
                index: e.index.saturating_to(),
                slot: e.slot.to(),
                depositor: e.depositor,
                keys,
                amount: e.amount.to(),
                block: event.block,
                time: block_time(l1, event).await?,
            }))
        }
        NovationEvents::ClaimAdded(e) => Some(Change::Owed(e.account, e.amount.saturating_to())),
        NovationEvents::Claimed(e) => Some(Change::Paid(e.account, e.amount.saturating_to())),
        NovationEvents::KeyRegistered(e) => Some(Change::Key(e.circuitId, key(l1, e.circuitId, e.code, pinned).await?)),
        _ => None,
    })
}

/// Seconds at which an event's block was made.
async fn block_time(l1: &L1, event: &Event) -> Result<u64, L1Error> {
    let block = l1.provider().get_block_by_number(event.block.into()).await?;
    let block = block.filter(|block| block.header.hash == event.block_hash);
    // Replaced since the event was read: the next step takes the event back.
    let gone = || L1Error::Answer { what: "block", reason: format!("block {} was replaced", event.block) };
    Ok(block.ok_or_else(gone)?.header.timestamp)
}

/// The key that the contract keeps for a circuit: the code of an account, behind a STOP.
async fn key(l1: &L1, circuit: u64, code: Address, pinned: &[VerifyingKey]) -> Result<Arc<VerifyingKey>, ReadError> {
    let code = l1.provider().get_code_at(code).await.map_err(L1Error::from)?;
    let words: Vec<[u8; 32]> = code.get(1..).unwrap_or_default().as_chunks::<32>().0.to_vec();
    let key = key_from_words(&words).map_err(|reason| ReadError::Distrust(Distrust::Key { circuit, reason }))?;
    if !pinned.is_empty() && !pinned.iter().any(|pinned| key_words(pinned) == words) {
        return Err(ReadError::Distrust(Distrust::OtherKey { circuit }));
    }
    Ok(Arc::new(key))
}

/// The changed leaves of an update, from the calldata of its transaction.
pub(super) async fn markets(l1: &L1, transaction: TxHash, number: u32, root: Fr) -> Result<Round, ReadError> {
    let unreadable = |reason: String| ReadError::Distrust(Distrust::MarketsCalldata { number, reason });
    let found = l1.provider().get_transaction_by_hash(transaction).await.map_err(L1Error::from)?;
    let missing = || L1Error::Answer { what: "markets' transaction", reason: "not found".into() };
    let found = found.ok_or_else(missing)?;
    if found.to() != Some(l1.contract()) {
        return Err(unreadable("the transaction was not sent to the contract".into()));
    }
    let call = submitMarketsCall::abi_decode_validate(found.input()).map_err(|e| unreadable(e.to_string()))?;
    if call.leaves.len() != MARKET_WORDS * call.ids.len() {
        return Err(unreadable(format!("{} words for {} leaves", call.leaves.len(), call.ids.len())));
    }
    let mut changes = Vec::with_capacity(call.ids.len());
    for (id, words) in call.ids.iter().zip(call.leaves.chunks_exact(MARKET_WORDS)) {
        let wrong = |reason: String| unreadable(format!("instrument {id}: {reason}"));
        let mut elements = [Fr::from(0); MARKET_WORDS];
        for (element, word) in elements.iter_mut().zip(words) {
            *element = from_word(&word.to_be_bytes()).map_err(|e| wrong(e.to_string()))?;
        }
        let leaf = unpack::market_leaf(&elements).map_err(|e| wrong(e.to_string()))?;
        changes.push((InstrumentId::new(i64::from(*id)).map_err(|e| wrong(e.to_string()))?, leaf));
    }
    let time = Time::new(call.time.to::<i64>()).map_err(|e| unreadable(e.to_string()))?;
    Ok(Round { number, root, time, changes })
}
