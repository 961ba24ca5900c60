//! Deposits from L1 to the engine: each once, in the queue's order, when its block is final.

use super::chain::Chain;
use super::pipeline::Pipeline;
use super::submit::PAUSE;
use super::Failure;
use ark_bn254::Fr;
use novation_sequencer::durable::{Handle, SubmitError};
use novation_sequencer::reason::Refused;
use novation_sequencer::Event;
use novation_state::crypto::babyjub::Point;
use novation_state::transition::Deposit;
use novation_state::units::{AccountSlot, Amount, OutOfRange};
use novation_verifier::l1::{DepositReader, QueuedDeposit};
use std::collections::VecDeque;
use std::sync::Arc;

/// Reads final deposits and hands them on.
pub struct Deposits {
    reader: DepositReader,
    handle: Handle,
    pipeline: Pipeline,
    /// Final on L1, not taken in yet: the engine's queue is bounded.
    waiting: VecDeque<QueuedDeposit>,
}

impl Deposits {
    /// Reads from the deployment on: whom a deposit came from is needed again after a restart.
    pub fn new(chain: &Arc<Chain>, handle: Handle, pipeline: Pipeline) -> Deposits {
        let reader = DepositReader::new(chain.l1.clone(), chain.from_block);
        Deposits { reader, handle, pipeline, waiting: VecDeque::new() }
    }

    /// Reads for ever.
    ///
    /// # Errors
    /// [`Failure::Fatal`].
    pub async fn run(mut self) -> Result<(), Failure> {
        loop {
            match self.round().await {
                Ok(()) => {}
                Err(Failure::Passing(reason)) => tracing::warn!(%reason, "reading deposits waits"),
                Err(fatal) => return Err(fatal),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes in what is final now.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn round(&mut self) -> Result<(), Failure> {
        let found = self.reader.poll().await?;
        for entry in &found {
            self.pipeline.deposited(entry.index, entry.depositor);
        }
        if !found.is_empty() {
            self.pipeline.wake();
        }
        self.waiting.extend(found);
        while let Some(entry) = self.waiting.front() {
            let impossible = |reason: OutOfRange| Failure::Fatal(format!("deposit {}: {reason}", entry.index));
            let deposit = deposit(entry).map_err(impossible)?;
            match self.handle.event(Event::Deposit { index: entry.index, deposit }).await {
                Ok(_) => {
                    // PRIVACY: all of this is public on L1.
                    tracing::info!(index = entry.index, slot = entry.slot, "deposit is final on L1");
                }
                // Taken in before this process started.
                Err(SubmitError::Refused(Refused::DepositOrder { index, expected })) if index < expected => {}
                Err(SubmitError::Refused(Refused::Full { .. })) => return Ok(()),
                Err(SubmitError::Refused(reason)) => return Err(Failure::Fatal(reason.to_string())),
                Err(error) => return Err(error.into()),
            }
            self.waiting.pop_front();
        }
        Ok(())
    }
}

fn deposit(entry: &QueuedDeposit) -> Result<Deposit, OutOfRange> {
    let point = |[x, y]: [Fr; 2]| Point { x, y };
    Ok(Deposit {
        account: AccountSlot::new(i64::from(entry.slot))?,
        owner_eighth: point(entry.owner_eighth),
        viewing_eighth: point(entry.viewing_eighth),
        amount: Amount::try_from(i128::try_from(entry.amount).unwrap_or(i128::MAX))?,
    })
}
