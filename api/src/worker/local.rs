//! Jobs for a worker in the node's own process.

use super::desk::{Desk, DeskError};
use novation_prover::dump::Dump;
use novation_prover::progress::Observer;
use novation_prover::witness_store::WitnessStore;
use novation_prover::worker::{Delivered, Job, JobSource, Listener, Note, SourceError};
use novation_sequencer::jobs::{Completed, JobError, Jobs, Ticket};
use novation_verifier::groth16::Proof;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::Handle;
use tracing::{debug, error, info, warn};

/// The node's desk as a source of jobs. Blocks: its worker runs in a thread of its own, outside the runtime.
pub struct Local<J, W> {
    desk: Arc<Desk<J, W>>,
    runtime: Handle,
    name: String,
}

impl<J: Jobs, W: WitnessStore> Local<J, W> {
    /// Jobs from `desk`, under a worker's name, with the desk's work done on `runtime`.
    pub fn new(desk: Arc<Desk<J, W>>, runtime: Handle, name: impl Into<String>) -> Local<J, W> {
        Local { desk, runtime, name: name.into() }
    }

    fn ask<T>(&self, work: impl Future<Output = Result<T, DeskError>>) -> Result<T, SourceError> {
        self.runtime.block_on(work).map_err(|error| match error {
            DeskError::Job(JobError::Over { .. }) | DeskError::NotWanted { .. } => SourceError::Over,
            DeskError::Job(JobError::Store(_)) => SourceError::Unreachable(error.to_string()),
            other => SourceError::Refused(other.to_string()),
        })
    }
}

fn ticket(job: &Job) -> Ticket {
    Ticket { batch: job.batch, attempt: job.attempt }
}

impl<J: Jobs, W: WitnessStore> JobSource for Local<J, W> {
    fn claim(&self) -> Result<Option<Job>, SourceError> {
        let claim = self.ask(self.desk.claim(&self.name))?;
        let lease = self.desk.lease();
        Ok(claim.map(|claim| Job { batch: claim.ticket.batch, attempt: claim.ticket.attempt, lease }))
    }

    fn witness(&self, job: &Job) -> Result<Dump, SourceError> {
        self.ask(self.desk.load(ticket(job)))
    }

    fn extend(&self, job: &Job) -> Result<(), SourceError> {
        self.ask(self.desk.extend(ticket(job)))
    }

    fn deliver(&self, job: &Job, proof: &Proof) -> Result<Delivered, SourceError> {
        let completed = self.ask(self.desk.deliver(ticket(job), &self.name, proof))?;
        Ok(match completed {
            Completed::Stored => Delivered::Accepted,
            Completed::Known => Delivered::Known,
        })
    }

    fn give_up(&self, job: &Job, reason: &str) -> Result<(), SourceError> {
        self.ask(self.desk.give_up(ticket(job), reason)).map(drop)
    }

    fn hand_back(&self, job: &Job) -> Result<(), SourceError> {
        self.ask(self.desk.hand_back(ticket(job)))
    }
}

/// Who watches the proving of a batch, by its number.
pub type Progress = Arc<dyn Fn(u64) -> Box<dyn Observer + Send> + Send + Sync>;

/// Writes what a worker does to the log of the process.
#[derive(Clone, Default)]
pub struct Logged {
    /// Where progress goes, if somebody looks.
    pub progress: Option<Progress>,
}

impl Listener for Logged {
    fn observer(&self, job: &Job) -> Box<dyn Observer + Send> {
        self.progress.as_ref().map_or_else(|| Box::new(()) as Box<_>, |watch| watch(job.batch))
    }

    fn note(&self, note: &Note<'_>) {
        match note {
            Note::Claimed(Job { batch, attempt, .. }) => debug!(batch, attempt, "proving"),
            Note::Proven(Job { batch, .. }, proved) => {
                let seconds: f64 = proved.costs.iter().map(|cost| cost.wall.as_secs_f64()).sum();
                info!(batch, "proven in {seconds:.1} s by {}", proved.backend);
            }
            Note::Delivered(Job { batch, .. }, delivered) => debug!(batch, "delivered: {delivered:?}"),
            Note::Overtaken(Job { batch, .. }) => warn!(batch, "somebody else proves this batch by now"),
            Note::GivenUp(Job { batch, .. }, reason) => warn!(batch, "gave up: {reason}"),
            Note::HandedBack(Job { batch, .. }) => info!(batch, "handed back"),
            Note::Refused(Job { batch, .. }, reason) => error!(batch, "the proof was refused: {reason}"),
            Note::Trouble { doing, error, again } => {
                warn!("{doing}: {error}; again in {:.1} s", again.as_secs_f64());
            }
        }
    }
}
