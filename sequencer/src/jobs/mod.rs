//! The queue of proving jobs, in the log's database: one job a batch, worked off by provers on any number of machines.
//!
//! ```text
//!  enqueue ──► open ──claim──► claimed ──complete──► proven, for ever
//!               ▲                │ give_up, with a pause
//!               └────────────────┘ or the lease runs out
//! ```
//!
//! - A claim lasts for a lease, which its worker extends while it works. A worker that dies says nothing; its lease runs out, and the
//!   next one takes the job up.
//! - Every claim of a job has the next **attempt** number. Whoever extends a lease or gives up names it, so a worker that
//!   was taken for dead and comes back cannot interfere with its successor.
//! - A proof is a proof, whoever brings it: the first that is completed stays, also if its worker's lease was lost. No job
//!   ever has two outcomes. The caller verifies a proof before it completes a job with it.
//! - After [`NEEDS_PERSON`] failures a job is said to need a person. It stays in the queue nevertheless, with the longest
//!   pause: no batch can be left out, so there is nothing better to do than to try again.
//!
//! Each operation is one statement that commits by itself or not at all; a crash at any point leaves a job as it was before
//! or after. Enqueueing again what recovery finds unproven changes nothing. Times come from a clock that is handed in, and no promise above
//! rests on it: a clock that jumps makes workers repeat work.
//!
//! Why not a library: apalis 1.0 is the one that is kept well and speaks both databases. It does so by two crates with two layouts and two
//! histories of migrations beside ours; its claims are kept alive per worker process, which must hold a database
//! connection, while ours are GPU boxes with an HTTP token; its jobs are acknowledged by the name of the worker and not
//! by attempt, so a worker that comes back from the dead can overwrite an outcome. What is left is the five statements in [`sql`].

use crate::durable::StoreError;
use std::future::Future;
use std::time::Duration;

pub mod sql;

pub use sql::SqlJobs;

/// Failures after which a job is said to need a person.
pub const NEEDS_PERSON: u64 = 5;
/// The pause after a job's first failure; each further one doubles it.
const FIRST_PAUSE_MS: u64 = 1_000;
/// The longest pause.
const LONGEST_PAUSE_MS: u64 = 300_000;

/// Milliseconds since 1970.
pub type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    Box::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).expect("the year is below 500 million"))
    })
}

/// A claim of a job: what every later word about it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The batch.
    pub batch: u64,
    /// Which claim of it, from 1.
    pub attempt: u64,
}

/// What a worker got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The claim.
    pub ticket: Ticket,
    /// Name of the witness in the witness store.
    pub witness: String,
    /// Attempts before that came to nothing. From [`NEEDS_PERSON`] on a person should look.
    pub failures: u64,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody is at it.
    Open,
    /// A worker is at it, or was until its lease ran out.
    Claimed,
    /// Done.
    Proven,
}

/// A job, for people and the API. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The batch.
    pub batch: u64,
    /// Where it stands.
    pub stage: Stage,
    /// Name of the witness in the witness store.
    pub witness: String,
    /// When it was enqueued.
    pub queued: u64,
    /// Claims so far.
    pub attempt: u64,
    /// Attempts that came to nothing.
    pub failures: u64,
    /// Nobody gets it before this time.
    pub opens: u64,
    /// Who claimed it last.
    pub worker: Option<String>,
    /// When.
    pub claimed: Option<u64>,
    /// Until when it is theirs, unless they extend it.
    pub lease: Option<u64>,
    /// Why the last attempt that was given up came to nothing.
    pub reason: Option<String>,
    /// When it was proven.
    pub proven: Option<u64>,
    /// By whom.
    pub prover: Option<String>,
    /// When the batch was final on L1.
    pub finished: Option<u64>,
}

impl Job {
    /// Whether it has failed so often that a person should look.
    pub fn needs_person(&self) -> bool {
        self.stage != Stage::Proven && self.failures >= NEEDS_PERSON
    }
}

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// It is the job's.
    Stored,
    /// The job had one already, this or another; it keeps that.
    Known,
}

/// What becomes of a job that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// How often it failed by now.
    pub failures: u64,
    /// When it opens again, milliseconds since 1970.
    pub opens: u64,
}

/// Why the queue did not do as it was told. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no such job.
    #[error("no proving job for batch {batch} was ever enqueued")]
    Unknown {
        /// The batch.
        batch: u64,
    },
    /// The claim was never made.
    #[error("attempt {} of batch {} was never made", ticket.attempt, ticket.batch)]
    NeverClaimed {
        /// The claim.
        ticket: Ticket,
    },
    /// The job is no longer the worker's: somebody else has claimed it, or it was given up, or it is proven.
    #[error("attempt {} of batch {} is over", ticket.attempt, ticket.batch)]
    Over {
        /// The claim.
        ticket: Ticket,
    },
    /// The database failed, or holds what is never written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The queue.
pub trait Jobs: Send + Sync + 'static {
    /// Enqueues a batch's job. If there is one already, it stays, with this witness unless it is proven.
    fn enqueue(&self, batch: u64, witness: &str) -> impl Future<Output = Result<(), JobError>> + Send;

    /// Claims the oldest job that nobody is at, for `lease`. `None` if there is none.
    fn claim(&self, worker: &str, lease: Duration) -> impl Future<Output = Result<Option<Claim>, JobError>> + Send;

    /// Makes the claim last for `lease` from now; also one that has run out, as long as nobody else has claimed the job.
    fn extend(&self, ticket: Ticket, lease: Duration) -> impl Future<Output = Result<(), JobError>> + Send;

    /// Stores a proof that the caller has verified, by whoever had the claim at any time.
    fn complete(
        &self,
        ticket: Ticket,
        worker: &str,
        proof: &[u8],
    ) -> impl Future<Output = Result<Completed, JobError>> + Send;

    /// Gives a job back. It opens again after a pause that grows with its failures.
    fn give_up(&self, ticket: Ticket, reason: &str) -> impl Future<Output = Result<GivenUp, JobError>> + Send;

    /// Gives a job back that nothing is wrong with: its worker is asked to stop. It opens at once, and this counts as no
    /// failure.
    fn hand_back(&self, ticket: Ticket) -> impl Future<Output = Result<(), JobError>> + Send;

    /// Keeps the moment at which the batch was final on L1, now unless it is known already, and returns it: milliseconds since 1970.
    fn finish(&self, batch: u64) -> impl Future<Output = Result<u64, JobError>> + Send;

    /// Opens a job at once that waits for its pause, as a person asks for.
    fn retry(&self, batch: u64) -> impl Future<Output = Result<(), JobError>> + Send;

    /// The proof of a batch, `None` if there is none yet.
    fn proof(&self, batch: u64) -> impl Future<Output = Result<Option<Vec<u8>>, JobError>> + Send;

    /// The job of a batch.
    fn job(&self, batch: u64) -> impl Future<Output = Result<Job, JobError>> + Send;

    /// At most `limit` jobs of batches behind `after`, in order.
    fn list(&self, after: u64, limit: u32) -> impl Future<Output = Result<Vec<Job>, JobError>> + Send;
}

/// How long a job waits after its `failures`-th failure, milliseconds.
fn pause(failures: u64) -> u64 {
    let doublings = failures.saturating_sub(1).min(20);
    (FIRST_PAUSE_MS << doublings).min(LONGEST_PAUSE_MS)
}
