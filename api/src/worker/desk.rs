//! What the node does for workers, wherever they are.

use ark_bn254::Fr;
use novation_prover::dump::Dump;
use novation_prover::keyfile::verifying_key_checksum;
use novation_prover::witness_store::{Opened, WitnessError, WitnessStore};
use novation_prover::CircuitId;
use novation_sequencer::jobs::{Claim, Completed, GivenUp, JobError, Jobs, Stage, Ticket, NEEDS_PERSON};
use novation_verifier::groth16::{proof_from_words, proof_words, verify, Proof, VerifyError, VerifyingKey};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tracing::{error, info, warn};

/// Characters that are kept of the reason for which a job failed.
const REASON: usize = 500;

/// Public inputs of a batch, as the node itself computes them: `None` for one that it does not want proven.
pub type Inputs = Box<dyn Fn(u64) -> Option<Vec<Fr>> + Send + Sync>;

/// What a desk needs.
pub struct Setting<J, W> {
    /// The queue.
    pub jobs: J,
    /// The witnesses.
    pub witnesses: Arc<W>,
    /// The circuit.
    pub circuit: CircuitId,
    /// The key that proofs are verified with.
    pub key: VerifyingKey,
    /// The file of the proving key, for workers that have none.
    pub key_file: PathBuf,
    /// How long a claim lasts without a sign of life; rounded up to seconds.
    pub lease: Duration,
    /// The statement.
    pub inputs: Inputs,
    /// Called with the batch when its proof is stored, from whatever thread.
    pub proven: Box<dyn Fn(u64) + Send + Sync>,
}

/// Why a worker does not get what it asks for.
#[derive(Debug, Error)]
pub enum DeskError {
    /// The queue says so.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The witness store says so.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The proof is not one of the batch's statement under the node's key. The job was given up.
    #[error("the proof of batch {batch} does not verify: {reason}")]
    WrongProof {
        /// The batch.
        batch: u64,
        /// The verifier's reason.
        reason: VerifyError,
    },
    /// The node does not want this batch proven: it is final, or there is none of that number.
    #[error("batch {batch} is not to be proven: it is final, or does not exist")]
    NotWanted {
        /// The batch.
        batch: u64,
    },
    /// What the queue holds is no proof: the database was changed by others.
    #[error("what is stored as the proof of batch {batch} is none")]
    StoredProof {
        /// The batch.
        batch: u64,
    },
}

/// Name of a batch's witness in the store.
pub fn witness_name(batch: u64) -> String {
    format!("batch-{batch}")
}

/// Deals jobs out, and takes proofs in.
pub struct Desk<J, W> {
    setting: Setting<J, W>,
}

impl<J: Jobs, W: WitnessStore> Desk<J, W> {
    /// A desk.
    pub fn new(mut setting: Setting<J, W>) -> Desk<J, W> {
        let seconds = setting.lease.as_secs() + u64::from(setting.lease.subsec_nanos() > 0);
        setting.lease = Duration::from_secs(seconds.max(1));
        Desk { setting }
    }

    /// The queue, for what is not the workers' business.
    pub fn jobs(&self) -> &J {
        &self.setting.jobs
    }

    /// How long a claim lasts: whole seconds, at least one.
    pub fn lease(&self) -> Duration {
        self.setting.lease
    }

    /// The circuit.
    pub fn circuit(&self) -> &CircuitId {
        &self.setting.circuit
    }

    /// Name of the verifying key.
    pub fn key_checksum(&self) -> [u8; 32] {
        verifying_key_checksum(&self.setting.key)
    }

    /// The file of the proving key.
    pub fn key_file(&self) -> &PathBuf {
        &self.setting.key_file
    }

    /// Stores a batch's witness, then enqueues its job. As often as one likes: a batch that is proven stays so.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn enqueue(&self, batch: u64, witness: Dump) -> Result<(), DeskError> {
        let name = witness_name(batch);
        self.beside({
            let name = name.clone();
            move |store| store.put(&name, &witness)
        })
        .await?;
        Ok(self.setting.jobs.enqueue(batch, &name).await?)
    }

    /// A batch's proof, `None` if there is none yet.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn proof(&self, batch: u64) -> Result<Option<Proof>, DeskError> {
        let Some(bytes) = self.setting.jobs.proof(batch).await? else { return Ok(None) };
        proof_from_bytes(&bytes).map(Some).ok_or(DeskError::StoredProof { batch })
    }

    /// Removes the witness of a batch that is final. Returns when it was told so first, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn finished(&self, batch: u64) -> Result<u64, DeskError> {
        let name = witness_name(batch);
        self.beside(move |store| store.remove(&name)).await?;
        Ok(self.setting.jobs.finish(batch).await?)
    }

    /// Opens the jobs again that `worker` holds of batches behind `after`: for the node's own worker, which cannot have outlived
    /// the process before. Each counts as a failure, so a batch whose proving ends the process does not go unnoticed.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn reclaim(&self, worker: &str, mut after: u64) -> Result<(), DeskError> {
        loop {
            let jobs = self.setting.jobs.list(after, 1_000).await?;
            let Some(last) = jobs.last() else { return Ok(()) };
            after = last.batch;
            for job in jobs.iter().filter(|job| job.stage == Stage::Claimed && job.worker.as_deref() == Some(worker)) {
                let ticket = Ticket { batch: job.batch, attempt: job.attempt };
                self.give_up(ticket, "the process of its worker ended").await?;
            }
        }
    }

    /// Claims a job.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn claim(&self, worker: &str) -> Result<Option<Claim>, DeskError> {
        let claim = self.setting.jobs.claim(worker, self.setting.lease).await?;
        if let Some(Claim { ticket: Ticket { batch, attempt }, failures, .. }) = &claim {
            info!(batch, attempt, worker, "a worker has a batch to prove");
            if *failures >= NEEDS_PERSON {
                error!(
                    batch,
                    failures, "proving this batch failed again and again: a person should look; it is tried on"
                );
            }
        }
        Ok(claim)
    }

    /// The name of the witness of a job, if it is still its worker's.
    async fn held(&self, ticket: Ticket) -> Result<String, DeskError> {
        let job = self.setting.jobs.job(ticket.batch).await?;
        match ticket.attempt {
            0 => Err(JobError::NeverClaimed { ticket }.into()),
            attempt if attempt > job.attempt => Err(JobError::NeverClaimed { ticket }.into()),
            attempt if attempt == job.attempt && job.stage == Stage::Claimed => Ok(job.witness),
            _ => Err(JobError::Over { ticket }.into()),
        }
    }

    /// Opens the witness of a job for its worker.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn witness(&self, ticket: Ticket) -> Result<Opened, DeskError> {
        let name = self.held(ticket).await?;
        Ok(self.beside(move |store| store.open(&name)).await?)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn load(&self, ticket: Ticket) -> Result<Dump, DeskError> {
        let name = self.held(ticket).await?;
        Ok(self.beside(move |store| store.load(&name)).await?)
    }

    /// Extends a claim.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn extend(&self, ticket: Ticket) -> Result<(), DeskError> {
        Ok(self.setting.jobs.extend(ticket, self.setting.lease).await?)
    }

    /// Takes a proof in, if it verifies.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn deliver(&self, ticket: Ticket, worker: &str, proof: &Proof) -> Result<Completed, DeskError> {
        let Ticket { batch, attempt } = ticket;
        let inputs = (self.setting.inputs)(batch).ok_or(DeskError::NotWanted { batch })?;
        if let Err(reason) = verify(&self.setting.key, proof, &inputs) {
            error!(batch, attempt, worker, "refused a proof: {reason}");
            // Who is not at it any more has nothing to give up.
            drop(self.give_up(ticket, "its proof did not verify").await);
            return Err(DeskError::WrongProof { batch, reason });
        }
        let completed = self.setting.jobs.complete(ticket, worker, &proof_words(proof).concat()).await?;
        match completed {
            Completed::Stored => info!(batch, attempt, worker, "proven"),
            Completed::Known => info!(batch, attempt, worker, "proven, after another proof had come in"),
        }
        (self.setting.proven)(batch);
        Ok(completed)
    }

    /// Takes a job back that failed.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn give_up(&self, ticket: Ticket, reason: &str) -> Result<GivenUp, DeskError> {
        let reason: String = reason.chars().take(REASON).collect();
        let given_up = self.setting.jobs.give_up(ticket, &reason).await?;
        let (Ticket { batch, attempt }, failures) = (ticket, given_up.failures);
        if failures >= NEEDS_PERSON {
            error!(
                batch,
                attempt, failures, "proving this batch failed: {reason}; a person should look, it is tried on"
            );
        } else {
            warn!(batch, attempt, failures, "proving this batch failed: {reason}");
        }
        Ok(given_up)
    }

    /// Takes a job back from a worker that stops.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn hand_back(&self, ticket: Ticket) -> Result<(), DeskError> {
        info!(batch = ticket.batch, attempt = ticket.attempt, "a worker stops and hands its batch back");
        Ok(self.setting.jobs.hand_back(ticket).await?)
    }

    /// Works on the witness store beside the async threads.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&W) -> Result<T, WitnessError> + Send + 'static,
    ) -> Result<T, WitnessError> {
        let store = self.setting.witnesses.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(done) => done,
            Err(lost) => std::panic::resume_unwind(lost.into_panic()),
        }
    }
}

/// A proof from its eight words.
pub(super) fn proof_from_bytes(bytes: &[u8]) -> Option<Proof> {
    let words: Vec<[u8; 32]> = bytes.chunks(32).map(TryInto::try_into).collect::<Result<_, _>>().ok()?;
    proof_from_words(&words.try_into().ok()?).ok()
}
