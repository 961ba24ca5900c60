//! A worker: takes jobs, proves, delivers, until it is told to stop.
//!
//! ```text
//!  this thread:   claim ─► watch over the job: extend its lease, hear of a stop ─► deliver ─► claim ...
//!  a second one:           fetch the witness ─► prove ─► check the proof
//! ```
//!
//! Where jobs come from is behind [`JobSource`]: the queue of the same process, or a node by HTTP. The worker promises
//! nothing to the queue but what it says in time: if it dies, its lease runs out and another one proves the batch. A proof leaves only after it
//! has been verified under the key ([`Prover::prove`] does); who receives it verifies it again against its own statement.
//!
//! What goes wrong with a job is said and the job given back; what goes wrong on the way is tried again, with a pause that grows. A worker ends when
//! the source will not have it: by its token, because it wants another circuit, or because it refuses a proof that verifies under this worker's
//! key. Then no job of this source will go well here, and each that is tried would be one more failure.

use crate::dump::Dump;
use crate::groth16::{Proved, Prover};
use crate::keyfile::CircuitId;
use crate::progress::Observer;
use novation_verifier::groth16::Proof;
use std::any::Any;
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{spawn, JoinHandle};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How soon a worker that watches over a job hears of a stop.
const GLANCE: Duration = Duration::from_millis(100);

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

/// How far a stop goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Run,
    Finish,
    Now,
}

/// Tells a worker to stop. Clones tell the same worker.
#[derive(Clone, Debug)]
pub struct Stop(Arc<(Mutex<Level>, Condvar)>);

impl Default for Stop {
    fn default() -> Stop {
        Stop(Arc::new((Mutex::new(Level::Run), Condvar::new())))
    }
}

impl Stop {
    /// Lets the worker finish the job that it has, and take no other.
    pub fn finish(&self) {
        self.raise(Level::Finish);
    }

    /// Lets the worker hand the job back that it has. What it was computing may go on in its thread until it is through, for
    /// nothing: proving cannot be interrupted.
    pub fn now(&self) {
        self.raise(Level::Now);
    }

    /// Whether somebody has asked for a stop of either kind.
    pub fn is_asked(&self) -> bool {
        *self.lock() > Level::Run
    }

    /// Waits, unless somebody asks for a stop meanwhile: then false.
    pub fn sleep(&self, duration: Duration) -> bool {
        self.wait(duration, Level::Finish) == Level::Run
    }

    fn raise(&self, level: Level) {
        let mut now = self.lock();
        *now = level.max(*now);
        self.0 .1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Level> {
        self.0 .0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, but no longer than until a level is reached.
    fn wait(&self, duration: Duration, until: Level) -> Level {
        let outcome = self.0 .1.wait_timeout_while(self.lock(), duration, |level| *level < until);
        *outcome.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// How long a worker waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two questions for a job, when there is none.
    pub idle: Duration,
    /// After a first failure on the way; each further one doubles it.
    pub retry: Duration,
    /// At most, after failures.
    pub longest: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { idle: Duration::from_secs(1), retry: Duration::from_secs(1), longest: Duration::from_secs(30) }
    }
}

/// The pauses of one run of failures.
struct Pauses(Pace, Duration);

impl Pauses {
    fn new(pace: Pace) -> Pauses {
        Pauses(pace, pace.retry)
    }

    fn next(&mut self) -> Duration {
        let pause = self.1.min(self.0.longest);
        self.1 = pause.saturating_mul(2);
        pause
    }
}

/// The source will not have this worker.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no jobs for this worker: {reason}")]
pub struct Rejected {
    /// What the source says.
    pub reason: String,
}

/// Why a job came to nothing.
enum Failure {
    /// On the way.
    Source(SourceError),
    /// It is not for this worker, and no other of this source will be.
    Worker(String),
    /// By itself.
    Job(String),
}

/// Proves batches of one circuit, one after the other.
pub struct Worker<S, L> {
    source: Arc<S>,
    circuit: CircuitId,
    prover: Arc<Prover>,
    listener: Arc<L>,
    pace: Pace,
}

impl<S: JobSource, L: Listener> Worker<S, L> {
    /// A worker that proves `circuit` with `prover`, whose key must be the one that the source checks proofs with.
    pub fn new(source: S, circuit: CircuitId, prover: Arc<Prover>, listener: L, pace: Pace) -> Worker<S, L> {
        Worker { source: source.into(), circuit, prover, listener: listener.into(), pace }
    }

    /// Works until it is told to stop.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn run(&self, stop: &Stop) -> Result<(), Rejected> {
        let mut pauses = Pauses::new(self.pace);
        let mut pause = Duration::ZERO;
        while stop.sleep(pause) {
            pause = match self.source.claim() {
                Ok(Some(job)) => {
                    pauses = Pauses::new(self.pace);
                    self.listener.note(&Note::Claimed(&job));
                    self.work(job, stop)?
                }
                Ok(None) => {
                    pauses = Pauses::new(self.pace);
                    self.pace.idle
                }
                Err(SourceError::Refused(reason)) => return Err(Rejected { reason }),
                Err(error) => self.trouble("asking for a job", &error, &mut pauses),
            };
        }
        Ok(())
    }

    fn trouble(&self, doing: &'static str, error: &SourceError, pauses: &mut Pauses) -> Duration {
        let again = pauses.next();
        self.listener.note(&Note::Trouble { doing, error, again });
        again
    }

    /// Works on a job and returns how long to wait before the next.
    fn work(&self, job: Job, stop: &Stop) -> Result<Duration, Rejected> {
        let (done, thread) = self.start(job);
        let Some(outcome) = self.watch(&job, &done, thread, stop) else {
            self.hand_back(&job);
            return Ok(Duration::ZERO);
        };
        Ok(match outcome {
            Ok(proved) => {
                self.listener.note(&Note::Proven(&job, &proved));
                self.deliver(&job, &proved, stop)?
            }
            Err(Failure::Source(SourceError::Over)) => {
                self.listener.note(&Note::Overtaken(&job));
                Duration::ZERO
            }
            Err(Failure::Source(error @ SourceError::Unreachable(_))) => {
                self.hand_back(&job);
                self.trouble("fetching the witness", &error, &mut Pauses::new(self.pace))
            }
            Err(Failure::Worker(reason)) => {
                self.hand_back(&job);
                return Err(Rejected { reason });
            }
            Err(Failure::Source(SourceError::Refused(reason)) | Failure::Job(reason)) => {
                // Best effort, as below.
                drop(self.source.give_up(&job, &reason));
                self.listener.note(&Note::GivenUp(&job, &reason));
                self.pace.idle
            }
        })
    }

    /// Best effort: if it fails, the lease runs out.
    fn hand_back(&self, job: &Job) {
        drop(self.source.hand_back(job));
        self.listener.note(&Note::HandedBack(job));
    }

    /// Fetches and proves in a thread of its own.
    fn start(&self, job: Job) -> (Receiver<Result<Proved, Failure>>, JoinHandle<()>) {
        let (sender, done) = channel();
        let (source, prover, circuit) = (self.source.clone(), self.prover.clone(), self.circuit.clone());
        let observer = self.listener.observer(&job);
        let work = move || -> Result<Proved, Failure> {
            let witness = source.witness(&job).map_err(Failure::Source)?;
            if witness.circuit != circuit {
                let found = witness.circuit;
                return Err(Failure::Worker(format!(
                    "the witness is one of circuit `{found}`, this worker's is `{circuit}`"
                )));
            }
            prover.prove(witness.assignment, &*observer).map_err(|error| Failure::Job(error.to_string()))
        };
        // Who does not wait any more does not want to know.
        let thread = spawn(move || drop(sender.send(work())));
        (done, thread)
    }

    /// Extends the lease until the job is through. `None` if the worker is to stop at once.
    fn watch(
        &self,
        job: &Job,
        done: &Receiver<Result<Proved, Failure>>,
        thread: JoinHandle<()>,
        stop: &Stop,
    ) -> Option<Result<Proved, Failure>> {
        let every = job.lease / 3;
        let (mut beat, mut overtaken) = (Instant::now(), false);
        loop {
            match done.recv_timeout(GLANCE.min(every)) {
                Ok(outcome) => return Some(outcome),
                Err(RecvTimeoutError::Disconnected) => {
                    let panic = thread.join().err().map_or_else(String::new, |panic| message(&*panic));
                    return Some(Err(Failure::Job(format!("the prover panicked: {panic}"))));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if *stop.lock() == Level::Now {
                return None;
            }
            if !overtaken && beat.elapsed() >= every {
                beat = Instant::now();
                match self.source.extend(job) {
                    Ok(()) => {}
                    Err(SourceError::Over) => {
                        overtaken = true;
                        self.listener.note(&Note::Overtaken(job));
                    }
                    Err(error) => {
                        self.listener.note(&Note::Trouble {
                            doing: "extending the lease",
                            error: &error,
                            again: every,
                        });
                    }
                }
            }
        }
    }

    /// Delivers until the proof is taken or refused, or the worker is to stop at once.
    fn deliver(&self, job: &Job, proved: &Proved, stop: &Stop) -> Result<Duration, Rejected> {
        let mut pauses = Pauses::new(self.pace);
        loop {
            match self.source.deliver(job, &proved.proof) {
                Ok(delivered) => {
                    self.listener.note(&Note::Delivered(job, delivered));
                    return Ok(Duration::ZERO);
                }
                Err(error @ SourceError::Unreachable(_)) => {
                    let pause = self.trouble("delivering the proof", &error, &mut pauses);
                    if stop.wait(pause, Level::Now) == Level::Now {
                        self.hand_back(job);
                        return Ok(Duration::ZERO);
                    }
                }
                Err(SourceError::Over) => {
                    self.listener.note(&Note::Overtaken(job));
                    return Ok(Duration::ZERO);
                }
                Err(SourceError::Refused(reason)) => {
                    self.listener.note(&Note::Refused(job, &reason));
                    return Err(Rejected { reason });
                }
            }
        }
    }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".into())
}
