//! What the log says has to reach L1: markets roots and batches, in order, with everything a submission needs.
//!
//! Built from the effects that the writer's observer hears, so a node that was killed builds the same again from its log.

use alloy::primitives::Address;
use ark_bn254::Fr;
use novation_sequencer::{Effect, Event};
use novation_state::leaf::MarketLeaf;
use novation_state::markets::Markets;
use novation_state::public_data::PublicData;
use novation_state::trace::BatchTrace;
use novation_state::units::InstrumentId;
use novation_verifier::batch::Batch;
use novation_verifier::groth16::Proof;
use novation_verifier::l1::Submission;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// A markets root for L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Number, from 1.
    pub number: u32,
    /// Root.
    pub root: Fr,
    /// Time, Unix seconds.
    pub time: u64,
    /// The changed leaves: id and words.
    pub leaves: Vec<(u32, Vec<Fr>)>,
}

/// A batch for L1.
#[derive(Clone, Debug)]
pub struct Made {
    /// D, c, z, y.
    pub public: PublicData,
    /// Its parts.
    pub batch: Batch,
}

#[derive(Default)]
struct Inner {
    markets: Markets,
    posted: Vec<(InstrumentId, MarketLeaf)>,
    rounds: BTreeMap<u32, Round>,
    /// Times under which markets were posted, for as long as a batch may name them.
    times: BTreeMap<u32, u64>,
    batches: BTreeMap<u64, Made>,
    depositors: BTreeMap<u64, Address>,
    fresh: Vec<BatchTrace>,
    live: bool,
}

/// The pipeline, shared by whoever feeds and whoever submits.
#[derive(Clone, Default)]
pub struct Pipeline {
    inner: Arc<Mutex<Inner>>,
    /// Counts changes.
    news: Arc<watch::Sender<u64>>,
}

impl Pipeline {
    /// Nothing yet.
    pub fn new() -> Pipeline {
        Pipeline::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing below panics half way through a change.
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Hears the effects of an input.
    pub fn observe(&self, effects: &[Effect]) {
        let mut inner = self.lock();
        for effect in effects {
            match effect {
                Effect::Logged(entry) => {
                    if let Event::Markets(changes) = &entry.input.event {
                        inner.round(changes, entry.input.time);
                    }
                }
                Effect::BatchReady(trace) => inner.batch(trace),
                _ => {}
            }
        }
        drop(inner);
        self.wake();
    }

    /// From now on batches are handed out for proving as they come; before it the log was replayed, and recovery says what is left.
    pub fn go_live(&self) {
        self.lock().live = true;
    }

    /// Where to wait for changes; none gets lost between two waits.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Wakes whoever waits for a change, for news that are kept elsewhere.
    pub fn wake(&self) {
        self.news.send_modify(|changes| *changes += 1);
    }

    /// Every leaf posted so far, in order, up to the call before: for the oracle role to take up.
    pub fn take_posted(&self) -> Vec<(InstrumentId, MarketLeaf)> {
        std::mem::take(&mut self.lock().posted)
    }

    /// Batches made since the last call, to be proven.
    pub fn take_fresh(&self) -> Vec<BatchTrace> {
        std::mem::take(&mut self.lock().fresh)
    }

    /// The round with this number.
    pub fn round(&self, number: u32) -> Option<Round> {
        self.lock().rounds.get(&number).cloned()
    }

    /// The batch with this number.
    pub fn batch(&self, number: u64) -> Option<Made> {
        self.lock().batches.get(&number).cloned()
    }

    /// The last batch made, 0 before the first.
    pub fn last_batch(&self) -> u64 {
        self.lock().batches.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Who made a deposit, by its index in the queue.
    pub fn deposited(&self, index: u64, depositor: Address) {
        self.lock().depositors.insert(index, depositor);
    }

    /// What is submitted once there is a proof; `None` while L1's deposits have not been read far enough.
    pub fn submission(&self, number: u64, proof: Proof) -> Option<Submission> {
        let inner = self.lock();
        let made = inner.batches.get(&number)?;
        let first = made.batch.header.deposit_first;
        let indices = first..first + made.batch.deposits.len() as u64;
        let depositors: Option<Vec<Address>> = indices.map(|index| inner.depositors.get(&index).copied()).collect();
        Some(Submission {
            batch: made.batch.clone(),
            c: made.public.c,
            proof,
            markets_time: *inner.times.get(&made.batch.header.markets_number)?,
            depositors: depositors?,
        })
    }

    /// Forgets what nobody can have to submit again: up to a batch and a round that are final on L1.
    pub fn forget(&self, batch: u64, round: u32) {
        let mut inner = self.lock();
        let Some(last) = inner.batches.get(&batch).map(|made| made.batch.header.clone()) else { return };
        // The last final batch stays: its root is compared with L1's.
        inner.batches.retain(|number, _| *number >= batch);
        inner.rounds.retain(|number, _| *number > round);
        inner.times.retain(|number, _| *number >= last.markets_number);
        inner.depositors.retain(|index, _| *index >= last.deposit_first);
    }
}

impl Inner {
    fn round(&mut self, changes: &[(InstrumentId, MarketLeaf)], time: novation_state::units::Time) {
        let update = self.markets.update(changes.iter().cloned(), time);
        let update = update.expect("the engine took the same update in");
        let leaves = update.changed.iter().map(|(id, leaf)| (id.get() as u32, leaf.words().to_vec())).collect();
        let round = Round { number: update.number, root: update.root, time: time.get() as u64, leaves };
        self.times.insert(round.number, round.time);
        self.rounds.insert(round.number, round);
        self.posted.extend(changes.iter().cloned());
    }

    fn batch(&mut self, trace: &BatchTrace) {
        let public = PublicData::of(trace);
        let batch = Batch::from_words(&public.words).expect("the ledger's public data are a batch's");
        self.batches.insert(trace.header.batch, Made { public, batch });
        if self.live {
            self.fresh.push(trace.clone());
        }
    }
}
