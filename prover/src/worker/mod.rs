//! A worker: takes jobs, proves, delivers, until it is told to stop.
//!
//! ```text
//!  a lane:        claim ─► watch over the job: extend its lease, hear of a stop ─► deliver ─► claim ...
//!  its helper:             fetch the witness ─► prove ─► check the proof
//! ```
//!
//! There is a lane a proof in flight ([`InFlight`]), all over one [`Prover`]: while one waits for its witness or for the node, the others compute.
//! Lanes ask for jobs one at a time, so a worker with nothing to do asks as seldom as with one lane. What goes wrong in one lane
//! leaves the others alone, unless it concerns the worker.
//!
//! Where jobs come from is behind [`JobSource`]: the queue of the same process, or a node by HTTP. The worker promises
//! nothing to the queue but what it says in time: if it dies, its lease runs out and another one proves the batch. A proof leaves only after it
//! has been verified under the key ([`Prover::prove`] does); who receives it verifies it again against its own statement.
//!
//! What goes wrong with a job is said and the job given back; what goes wrong on the way is tried again, with a pause that grows. A worker ends when
//! the source will not have it: by its token, because it wants another circuit, or because it refuses a proof that verifies under this worker's
//! key. Then no job of this source will go well here, and each that is tried would be one more failure.

mod in_flight;
mod source;
mod stop;

pub use in_flight::{InFlight, InFlightError, MAX_IN_FLIGHT};
pub use source::{Delivered, Job, JobSource, Listener, Note, SourceError};
pub use stop::Stop;

use crate::groth16::{Proved, Prover};
use crate::keyfile::CircuitId;
use std::any::Any;
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{scope, spawn, JoinHandle};
use std::time::{Duration, Instant};
use stop::Level;
use thiserror::Error;

/// How soon a worker that watches over a job hears of a stop.
const GLANCE: Duration = Duration::from_millis(100);

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

/// Whose lane asks for a job is at its turn.
struct Turn {
    pauses: Pauses,
    /// Before the next question.
    pause: Duration,
}

impl Turn {
    fn new(pace: Pace) -> Turn {
        Turn { pauses: Pauses::new(pace), pause: Duration::ZERO }
    }
}

/// Proves batches of one circuit.
pub struct Worker<S, L> {
    source: Arc<S>,
    circuit: CircuitId,
    prover: Arc<Prover>,
    listener: Arc<L>,
    pace: Pace,
    in_flight: InFlight,
}

impl<S: JobSource, L: Listener> Worker<S, L> {
    /// A worker that proves `circuit` with `prover`, whose key must be the one that the source checks proofs with. One batch after the other;
    /// [`Worker::in_flight`] for several at a time.
    pub fn new(source: S, circuit: CircuitId, prover: Arc<Prover>, listener: L, pace: Pace) -> Worker<S, L> {
        let in_flight = InFlight::default();
        Worker { source: source.into(), circuit, prover, listener: listener.into(), pace, in_flight }
    }

    /// Works on so many batches at a time: holds at most so many jobs, and makes at most so many proofs.
    #[must_use]
    pub fn in_flight(mut self, in_flight: InFlight) -> Worker<S, L> {
        self.in_flight = in_flight;
        self
    }

    /// Works until it is told to stop.
    ///
    /// # Errors
    /// [`Rejected`]. Then `stop` has been raised, and what else was in work was handed back.
    pub fn run(&self, stop: &Stop) -> Result<(), Rejected> {
        let turn = Mutex::new(Turn::new(self.pace));
        let lane = || {
            let ended = self.lane(&turn, stop);
            if ended.is_err() {
                stop.now();
            }
            ended
        };
        scope(|threads| {
            let others: Vec<_> = (1..self.in_flight.get()).map(|_| threads.spawn(lane)).collect();
            let mut ended = lane();
            for other in others {
                ended = ended.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            ended
        })
    }

    /// One job after the other.
    fn lane(&self, turn: &Mutex<Turn>, stop: &Stop) -> Result<(), Rejected> {
        let mut pause = Duration::ZERO;
        while stop.sleep(pause) {
            let Some(job) = self.next(turn, stop)? else { break };
            pause = self.work(job, stop)?;
        }
        Ok(())
    }

    /// Waits for its turn, then asks until there is a job. `None` if the worker is to stop.
    fn next(&self, turn: &Mutex<Turn>, stop: &Stop) -> Result<Option<Job>, Rejected> {
        let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        while stop.sleep(turn.pause) {
            turn.pause = match self.source.claim() {
                Ok(Some(job)) => {
                    *turn = Turn::new(self.pace);
                    drop(turn);
                    self.listener.note(&Note::Claimed(&job));
                    return Ok(Some(job));
                }
                Ok(None) => {
                    turn.pauses = Pauses::new(self.pace);
                    self.pace.idle
                }
                Err(SourceError::Refused(reason)) => return Err(Rejected { reason }),
                Err(error) => self.trouble("asking for a job", &error, &mut turn.pauses),
            };
        }
        Ok(None)
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
            if stop.is_now() {
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
