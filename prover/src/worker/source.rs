//! What a worker works for: a source of jobs, and whoever listens.

use crate::dump::Dump;
use crate::groth16::Proved;
use crate::progress::Observer;
use novation_verifier::groth16::Proof;
use std::time::Duration;
use thiserror::Error;

/// A claimed job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The batch.
    pub batch: u64,
    /// Which claim of it.
    pub attempt: u64,
    /// How long the claim lasts, and each extension of it.
    pub lease: Duration,
}

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It is the batch's.
    Accepted,
    /// The batch had one already.
    Known,
}

/// Why a source did not do as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// The job is somebody else's by now, or proven.
    #[error("the job is over")]
    Over,
    /// No answer, or not a sensible one: worth trying again.
    #[error("{0}")]
    Unreachable(String),
    /// It was understood and refused: no use in asking the same again.
    #[error("{0}")]
    Refused(String),
}

/// Where jobs come from and proofs go. Calls block.
pub trait JobSource: Send + Sync + 'static {
    /// Claims a job, if there is one.
    ///
    /// # Errors
    /// [`SourceError`].
    fn claim(&self) -> Result<Option<Job>, SourceError>;

    /// Fetches the job's witness.
    ///
    /// # Errors
    /// [`SourceError`].
    fn witness(&self, job: &Job) -> Result<Dump, SourceError>;

    /// Makes the claim last for its lease from now on.
    ///
    /// # Errors
    /// [`SourceError`].
    fn extend(&self, job: &Job) -> Result<(), SourceError>;

    /// Delivers a proof.
    ///
    /// # Errors
    /// [`SourceError`].
    fn deliver(&self, job: &Job, proof: &Proof) -> Result<Delivered, SourceError>;

    /// Gives the job back as one that failed.
    ///
    /// # Errors
    /// [`SourceError`].
    fn give_up(&self, job: &Job, reason: &str) -> Result<(), SourceError>;

    /// Gives the job back as one that nothing is wrong with.
    ///
    /// # Errors
    /// [`SourceError`].
    fn hand_back(&self, job: &Job) -> Result<(), SourceError>;
}

/// News of a worker.
#[derive(Debug)]
pub enum Note<'a> {
    /// It has a job.
    Claimed(&'a Job),
    /// It has a proof, which verifies.
    Proven(&'a Job, &'a Proved),
    /// The proof was taken.
    Delivered(&'a Job, Delivered),
    /// The job is somebody else's by now. The worker goes on nevertheless: the first proof counts, whoever brings it.
    Overtaken(&'a Job),
    /// The job failed and was given back.
    GivenUp(&'a Job, &'a str),
    /// The job was given back, since the worker is to stop.
    HandedBack(&'a Job),
    /// The proof was refused.
    Refused(&'a Job, &'a str),
    /// Something goes wrong on the way.
    Trouble {
        /// What was tried.
        doing: &'static str,
        /// What came of it.
        error: &'a SourceError,
        /// When it is tried again.
        again: Duration,
    },
}

/// Hears of what a worker does.
pub trait Listener: Send + Sync + 'static {
    /// Something happened.
    fn note(&self, note: &Note<'_>);

    /// Who watches the proving of a job.
    fn observer(&self, job: &Job) -> Box<dyn Observer + Send> {
        let _ = job;
        Box::new(())
    }
}

/// Nobody listens.
impl Listener for () {
    fn note(&self, _: &Note<'_>) {}
}
