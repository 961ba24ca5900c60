//! Submission: markets roots and proven batches to L1, until they are final there.
//!
//! The chain's state decides what is sent next, and nothing else: each round reads the contract's head at the newest block and sends
//! what the log has behind it. So a lost answer, a restart and a reorg are one case. What was accepted and is gone again is sent
//! again, byte for byte; what is there is not sent twice. A batch that a reorg takes back stays firm: deposits were only taken in once they
//! were final, and the same batch is accepted again.

use super::chain::Chain;
use super::pipeline::{Pipeline, Round};
use super::stages::Stages;
use super::Failure;
use crate::rest::books::KEPT_BATCHES;
use crate::rest::Stage;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::TxHash;
use novation_sequencer::durable::{Handle, SubmitError};
use novation_sequencer::Event;
use novation_verifier::encoding::from_word;
use novation_verifier::groth16::{proof_words, Proof};
use novation_verifier::l1::bindings::INovation::Head;
use novation_verifier::l1::bindings::Novation::NovationEvents;
use novation_verifier::l1::{Follower, L1Error};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// From a look at L1 to the next when nothing happens.
pub const PAUSE: Duration = Duration::from_millis(500);
/// Longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A proof that has been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The proof.
    pub proof: Proof,
    /// When it came in, milliseconds since 1970.
    pub at: u64,
}

/// Where proofs come from.
pub trait Proofs: Send + Sync + 'static {
    /// The proof of a batch, once there is one.
    fn proof(&self, batch: u64) -> impl Future<Output = Result<Option<Checked>, Failure>> + Send;
    /// The batch is final on L1: whatever was kept to prove it may go. Returns when this was said first, milliseconds since
    /// 1970, as far as that is known.
    fn finished(&self, batch: u64) -> impl Future<Output = Result<Option<u64>, Failure>> + Send;
}

/// Where an accepted batch stands on L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    transaction: TxHash,
    block: u64,
}

/// The submitter's work; [`Submitter::run`] does it until it is dropped.
pub struct Submitter<P> {
    chain: Arc<Chain>,
    handle: Handle,
    pipeline: Pipeline,
    proofs: P,
    stages: Stages,
    follower: Follower,
    /// Batches whose proofs were told of.
    proven: BTreeSet<u64>,
    accepted: BTreeMap<u64, Accepted>,
    /// Up to here everything is final.
    finished: u64,
    said: bool,
}

impl<P: Proofs> Submitter<P> {
    /// A submitter that has read nothing yet.
    pub fn new(chain: Arc<Chain>, handle: Handle, pipeline: Pipeline, proofs: P, stages: Stages) -> Submitter<P> {
        let follower = Follower::new(chain.l1.clone(), chain.from_block);
        Submitter {
            chain,
            handle,
            pipeline,
            proofs,
            stages,
            follower,
            proven: BTreeSet::new(),
            accepted: BTreeMap::new(),
            finished: 0,
            said: false,
        }
    }

    /// Submits for ever. Failures of L1 are waited out.
    ///
    /// # Errors
    /// [`Failure::Fatal`]: L1 and log contradict each other, and a person has to look.
    pub async fn run(mut self) -> Result<(), Failure> {
        let mut news = self.pipeline.subscribe();
        let mut pause = PAUSE;
        loop {
            match self.round().await {
                Ok(()) => {
                    if self.said {
                        tracing::info!("L1 answers again");
                        self.said = false;
                    }
                    pause = PAUSE;
                }
                Err(Failure::Passing(reason)) => {
                    self.stages.wait();
                    tracing::warn!(%reason, retry_in = ?pause, "submission to L1 waits");
                    self.said = true;
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                    continue;
                }
                Err(fatal) => return Err(fatal),
            }
            // A change or a new block, whichever comes first.
            let _ = tokio::time::timeout(PAUSE, news.changed()).await;
        }
    }

    /// One look at L1, and whatever it asks for.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn round(&mut self) -> Result<(), Failure> {
        self.follow().await?;
        let head = self.chain.l1.head(BlockId::latest()).await?;
        self.check(&head)?;
        self.report(head.batch.into()).await?;
        let posted = self.post_rounds().await?;
        if let Some(next) = self.submit_next(&head, posted).await? {
            self.follow().await?;
            self.report(next).await?;
        }
        Ok(())
    }

    /// Reads the contract's events.
    async fn follow(&mut self) -> Result<(), Failure> {
        let step = self.follower.step().await?;
        if let Some(height) = step.rolled_back_to {
            tracing::warn!(height, "L1 replaced the blocks above this height");
            let gone: Vec<u64> = self.accepted.iter().filter(|(_, at)| at.block > height).map(|(n, _)| *n).collect();
            for batch in gone {
                self.accepted.remove(&batch);
                // Its proof is what is left of it.
                self.proven.remove(&batch);
                self.proof(batch).await?;
            }
        }
        for event in step.events {
            if let NovationEvents::BatchAccepted(accepted) = event.event {
                let at = Accepted { transaction: event.transaction, block: event.block };
                let batch = u64::from(accepted.batch);
                self.accepted.insert(batch, at);
                self.stages.tell(batch, Stage::Accepted { tx: Some(at.transaction.0), block: at.block }, None);
            }
        }
        // After a restart: what was proven before it. The read model has room for the last ones only.
        let kept = self.pipeline.last_batch().saturating_sub(KEPT_BATCHES as u64);
        let later = self.accepted.range(self.finished.max(kept) + 1..).map(|(batch, _)| *batch);
        for batch in later.filter(|batch| !self.proven.contains(batch)).collect::<Vec<_>>() {
            self.proof(batch).await?;
        }
        let finals: Vec<(u64, Accepted)> = self.accepted.range(self.finished + 1..).map(|(n, at)| (*n, *at)).collect();
        for (batch, at) in finals.into_iter().take_while(|(_, at)| at.block <= step.finalized) {
            let since = self.proofs.finished(batch).await?;
            self.proven.remove(&batch);
            self.stages.tell(batch, Stage::Final { block: at.block }, since);
            tracing::info!(batch, block = at.block, "batch is final on L1");
            self.finished = batch;
            let (round, _) = self.chain.l1.last_markets(BlockNumberOrTag::Finalized.into()).await?;
            self.pipeline.forget(batch, round);
        }
        Ok(())
    }

    /// L1 and log must tell one story.
    fn check(&self, head: &Head) -> Result<(), Failure> {
        let (batch, made) = (u64::from(head.batch), self.pipeline.last_batch());
        if batch > made {
            return Err(Failure::Fatal(format!(
                "L1 has accepted batch {batch} and the log has made {made}: entries are missing, or another operator submits"
            )));
        }
        let Some(made) = self.pipeline.batch(batch) else { return Ok(()) };
        let root = from_word(&head.root.to_be_bytes());
        if root.as_ref() != Ok(&made.batch.header.new_root) {
            return Err(Failure::Fatal(format!("batch {batch} has another root on L1 than in the log")));
        }
        Ok(())
    }

    /// Tells the engine of batches that L1 has accepted.
    async fn report(&mut self, accepted: u64) -> Result<(), Failure> {
        let proven = |engine: &novation_sequencer::Engine| engine.ledger().head().batch - engine.unproven();
        let proven = self.handle.inspect(proven).await?;
        for batch in proven + 1..=accepted {
            self.handle.event(Event::Proven { batch }).await?;
            tracing::info!(batch, "batch is accepted by L1");
        }
        Ok(())
    }

    /// Posts the markets roots that L1 does not have; returns the number of the last that it has then.
    async fn post_rounds(&mut self) -> Result<u32, Failure> {
        let l1 = &self.chain.l1;
        let (mut number, _) = l1.last_markets(BlockId::latest()).await?;
        while let Some(Round { number: next, root, time, leaves }) = self.pipeline.round(number + 1) {
            self.chain.tick();
            l1.submit_markets(self.chain.oracle, next, &root, time, &leaves).await?;
            number = next;
        }
        Ok(number)
    }

    /// The proof of a batch, told of when it is first seen.
    async fn proof(&mut self, batch: u64) -> Result<Option<Proof>, Failure> {
        let Some(Checked { proof, at }) = self.proofs.proof(batch).await? else { return Ok(None) };
        if let Some(made) = self.pipeline.batch(batch).filter(|_| self.proven.insert(batch)) {
            let accepted = self.accepted.contains_key(&batch);
            self.stages.tell(batch, Stage::Proven { c: made.public.c, proof: proof_words(&proof), accepted }, Some(at));
            if !accepted {
                tracing::info!(batch, "batch is proven");
            }
        }
        Ok(Some(proof))
    }

    /// Submits the batch behind L1's head, if its proof and its markets are there. Returns its number once L1 has accepted it.
    async fn submit_next(&mut self, head: &Head, posted: u32) -> Result<Option<u64>, Failure> {
        let number = u64::from(head.batch) + 1;
        // Later ones too: whoever watches hears of their proofs when they come.
        for later in number + 1..=self.pipeline.last_batch() {
            self.proof(later).await?;
        }
        let Some(made) = self.pipeline.batch(number) else { return Ok(None) };
        if made.batch.header.markets_number > posted {
            return Ok(None);
        }
        let Some(proof) = self.proof(number).await? else { return Ok(None) };
        let Some(submission) = self.pipeline.submission(number, proof) else { return Ok(None) };
        self.chain.tick();
        let receipt = self.chain.l1.submit_batch(self.chain.operator, &submission).await?;
        tracing::info!(batch = number, gas = receipt.gas_used, "batch submitted");
        self.stages.cost(receipt.gas_used);
        self.stages.tell(number, Stage::Submitted { tx: receipt.transaction_hash.0 }, None);
        Ok(Some(number))
    }
}

impl From<L1Error> for Failure {
    fn from(error: L1Error) -> Failure {
        match error {
            L1Error::FinalityViolated { .. } | L1Error::NotNovation { .. } => Failure::Fatal(error.to_string()),
            // A revert too: the chain may have moved between the look and the call, and the next look decides. One that stays
            // is repeated with every look, and said each time.
            passing => Failure::Passing(passing.to_string()),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Failure {
        match error {
            SubmitError::Refused(_) | SubmitError::Busy { .. } => Failure::Passing(error.to_string()),
            SubmitError::Stopped | SubmitError::Unknown => Failure::Fatal(error.to_string()),
        }
    }
}
