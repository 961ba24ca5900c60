//! From batches to proofs: witnesses and jobs to the desk that workers are served from, proofs back from it.

use super::pipeline::Pipeline;
use super::submit::{Checked, Proofs};
use super::Failure;
use crate::worker::{Desk, DeskError};
use novation_prover::batch::BatchProver;
use novation_prover::witness_store::WitnessStore;
use novation_sequencer::jobs::{JobError, Jobs};
use novation_state::trace::BatchTrace;
use novation_verifier::groth16::{verify, VerifyingKey};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Between two tries of what the disk or the database refused.
const RETRY: Duration = Duration::from_secs(2);

/// Puts batches up to be proven, for ever: `first` what recovery left, then what the pipeline brings.
///
/// A batch that cannot be put up is tried again until it can: none may be left out. If the process dies first, recovery finds the
/// batch unproven and it is put up at the next start.
///
/// # Errors
/// [`Failure::Fatal`].
pub async fn put_up<J: Jobs, W: WitnessStore>(
    prover: Arc<BatchProver>,
    desk: Arc<Desk<J, W>>,
    pipeline: Pipeline,
    first: Vec<BatchTrace>,
) -> Result<(), Failure> {
    let mut news = pipeline.subscribe();
    let mut queue = first;
    loop {
        queue.extend(pipeline.take_fresh());
        for trace in std::mem::take(&mut queue) {
            let (batch, trace) = (trace.header.batch, Arc::new(trace));
            loop {
                let (prover, trace) = (prover.clone(), trace.clone());
                let witness = spawn_blocking(move || prover.dump(&trace)).await;
                let witness = witness.map_err(|panic| Failure::Fatal(format!("witness of batch {batch}: {panic}")))?;
                match desk.enqueue(batch, witness).await {
                    Ok(()) => break,
                    Err(reason) => {
                        tracing::error!(batch, %reason, "the batch cannot be put up for proving; trying again");
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
            tracing::info!(batch, "batch made, to be proven");
        }
        if news.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// Proofs from the desk. They are checked again here: what is submitted does not rest on what the database says.
pub struct FromDesk<J, W> {
    desk: Arc<Desk<J, W>>,
    pipeline: Pipeline,
    key: VerifyingKey,
    /// Those that were checked.
    checked: Mutex<BTreeMap<u64, Checked>>,
}

impl<J: Jobs, W: WitnessStore> FromDesk<J, W> {
    /// Proofs of `desk`, for the batches of `pipeline`, under `key`.
    pub fn new(desk: Arc<Desk<J, W>>, pipeline: Pipeline, key: VerifyingKey) -> FromDesk<J, W> {
        FromDesk { desk, pipeline, key, checked: Mutex::default() }
    }

    fn checked(&self) -> MutexGuard<'_, BTreeMap<u64, Checked>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Jobs, W: WitnessStore> Proofs for FromDesk<J, W> {
    async fn proof(&self, batch: u64) -> Result<Option<Checked>, Failure> {
        if let Some(checked) = self.checked().get(&batch) {
            return Ok(Some(*checked));
        }
        let proof = match self.desk.proof(batch).await {
            Ok(Some(proof)) => proof,
            // Put up in a moment.
            Ok(None) | Err(DeskError::Job(JobError::Unknown { .. })) => return Ok(None),
            Err(error @ DeskError::StoredProof { .. }) => return Err(Failure::Fatal(error.to_string())),
            Err(error) => return Err(Failure::Passing(error.to_string())),
        };
        let Some(made) = self.pipeline.batch(batch) else { return Ok(None) };
        let wrong = |reason| Failure::Fatal(format!("the stored proof of batch {batch} does not verify: {reason}"));
        verify(&self.key, &proof, &made.public.inputs()).map_err(wrong)?;
        let job = self.desk.jobs().job(batch).await.map_err(|error| Failure::Passing(error.to_string()))?;
        let Some(at) = job.proven else { return Ok(None) };
        let checked = Checked { proof, at };
        self.checked().insert(batch, checked);
        Ok(Some(checked))
    }

    async fn finished(&self, batch: u64) -> Result<Option<u64>, Failure> {
        self.checked().remove(&batch);
        match self.desk.finished(batch).await {
            Ok(since) => Ok(Some(since)),
            Err(DeskError::Job(JobError::Unknown { .. })) => Ok(None),
            Err(error) => Err(Failure::Passing(error.to_string())),
        }
    }
}
