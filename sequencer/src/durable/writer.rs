//! The writer: one task that owns the engine and the store.
//!
//! It takes what has queued up as a group, steps the engine through it, commits the group's entries in one
//! transaction, and only then answers. The queue fills while a commit runs, so the slower the disk, the larger the
//! groups.
//!
//! Every answer waits for the commit, refusals too: an input may be refused for what an earlier one of its group did.
//! If the commit fails, the engine is ahead of the log, and the writer ends with the error; nobody gets an answer
//! that only this engine could stand by. Recovery then starts from what was stored. Reads wait for the commit of their
//! group as well, so nobody sees what may not have happened.

use super::codec;
use super::receipt::SignedReceipt;
use super::recovery::{Observer, Recovered};
use super::row::Row;
use super::store::{Store, StoreError};
use crate::engine::Engine;
use crate::io::{Effect, Event, Input, Receipt, SignedOrder};
use crate::reason::Refused;
use ark_bn254::Fr;
use novation_state::crypto::eddsa::SecretKey;
use novation_state::message::Action;
use novation_state::transition::SignedCommand;
use novation_state::units::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{spawn_blocking, JoinHandle};

/// The clock. If it goes back, the log's time stands still until it has caught up.
pub type Clock = Box<dyn Fn() -> Time + Send>;

/// The writer's task, which gives engine and store back or says why the store failed.
pub type Ending<S> = JoinHandle<Result<(Engine, S), StoreError>>;

/// A submission's key, from [`codec::submission`].
type Key = [u8; 32];

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Submissions in the queue, at least 1. Beyond it orders and commands are turned away.
    pub queue: usize,
    /// Inputs in a transaction, at least 1: bounds how long the first of a group waits for the last.
    pub group: usize,
}

impl Default for Limits {
    /// 4,096 in the queue: 1.5 seconds of work at 350 microseconds an order. 256 in a group: under a tenth of a second.
    fn default() -> Limits {
        Limits { queue: 4_096, group: 256 }
    }
}

/// Why there is no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Nothing changed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The queue is full; the input was not taken in.
    #[error("{waiting} submissions wait already: try again in a moment")]
    Busy {
        /// How many wait at most.
        waiting: usize,
    },
    /// The writer has ended; the input was not taken in.
    #[error("the sequencer does not take anything in at the moment")]
    Stopped,
    /// The writer ended before it answered. Whether the input was taken in is for recovery to say.
    #[error("the sequencer stopped before it could say whether it took this in: send the same again")]
    Unknown,
}

enum Answer {
    /// Taken in.
    Done(Vec<Effect>),
    /// Taken in before.
    Known(Receipt),
    Refused(Refused),
}

struct Submission {
    event: Event,
    reply: oneshot::Sender<Answer>,
}

/// Somebody's read of the engine, which answers by itself.
type Read = Box<dyn FnOnce(&Engine) + Send>;

#[allow(clippy::large_enum_variant, reason = "most are submissions: a box around each would cost more than the space")]
enum Request {
    Submit(Submission),
    Inspect(Read),
}

/// Where to submit. Cheap to clone; the writer ends when the last one is gone.
#[derive(Clone)]
pub struct Handle {
    queue: mpsc::Sender<Request>,
    operator: Arc<SecretKey>,
    deployment: Fr,
}

impl Handle {
    /// Submits an order. The receipt leaves once the log has the order. The same order, byte for byte, gets the same
    /// receipt again.
    ///
    /// # Errors
    /// [`SubmitError`]; `Busy` at once, without waiting.
    pub async fn order(&self, signed: SignedOrder) -> Result<SignedReceipt, SubmitError> {
        self.message(Event::Order(signed)).await
    }

    /// Submits a command; as [`Handle::order`].
    ///
    /// # Errors
    /// [`SubmitError`]; `Busy` at once, without waiting.
    pub async fn command(&self, signed: SignedCommand) -> Result<SignedReceipt, SubmitError> {
        self.message(Event::Command(signed)).await
    }

    async fn message(&self, event: Event) -> Result<SignedReceipt, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Request::Submit(Submission { event, reply })).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy { waiting: self.queue.max_capacity() },
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopped,
        })?;
        let receipt = match answer.await.map_err(|_| SubmitError::Unknown)? {
            Answer::Known(receipt) => receipt,
            Answer::Refused(reason) => return Err(reason.into()),
            Answer::Done(effects) => {
                let receipt = effects.iter().find_map(|effect| match effect {
                    Effect::Accepted(receipt) => Some(*receipt),
                    _ => None,
                });
                receipt.expect("the engine answers a message that it takes in with a receipt")
            }
        };
        // Here and not in the writer: signing is a good part of the work, and callers run side by side.
        Ok(SignedReceipt::sign(&self.operator, &self.deployment, receipt))
    }

    /// Submits what is no trader's: deposits, markets, the ends of windows, batches, accepted proofs. Waits for room
    /// in the queue. Returns what the engine says, once it is stored.
    ///
    /// # Errors
    /// [`SubmitError`], but never `Busy`.
    ///
    /// # Panics
    /// On orders and commands, which have their own ways in.
    pub async fn event(&self, event: Event) -> Result<Vec<Effect>, SubmitError> {
        assert!(codec::submission(&event).is_none(), "orders and commands get receipts");
        let (reply, answer) = oneshot::channel();
        let request = Request::Submit(Submission { event, reply });
        self.queue.send(request).await.map_err(|_| SubmitError::Stopped)?;
        match answer.await.map_err(|_| SubmitError::Unknown)? {
            Answer::Done(effects) => Ok(effects),
            Answer::Refused(reason) => Err(reason.into()),
            Answer::Known(_) => unreachable!("only orders and commands are looked up"),
        }
    }

    /// Whether the writer is there to take anything in.
    pub fn is_running(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Signs a receipt again that was given before: the same receipt has the same signature.
    pub fn sign(&self, receipt: Receipt) -> SignedReceipt {
        SignedReceipt::sign(&self.operator, &self.deployment, receipt)
    }

    /// Reads the engine between two groups: all that it sees is stored, among it whatever was submitted before. Waits
    /// for room in the queue. The writer waits for `read`, so it must be quick; if it panics, so does this.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] or [`SubmitError::Unknown`]: the writer has ended.
    pub async fn inspect<T, F>(&self, read: F) -> Result<T, SubmitError>
    where
        T: Send + 'static,
        F: FnOnce(&Engine) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |engine| {
            // Nothing is left half done by a reader that panics: it can change nothing.
            let outcome = catch_unwind(AssertUnwindSafe(|| read(engine)));
            drop(reply.send(outcome));
        });
        self.queue.send(Request::Inspect(read)).await.map_err(|_| SubmitError::Stopped)?;
        answer.await.map_err(|_| SubmitError::Unknown)?.or_else(|panic| resume_unwind(panic))
    }
}

/// The owner of engine and store.
pub struct Writer<S> {
    store: S,
    core: Core,
    observer: Observer,
    queue: mpsc::Receiver<Request>,
    /// Taken from the queue, for the next group.
    carried: Option<Submission>,
    group: usize,
}

/// What is done between two commits: the submissions, then the reads.
#[derive(Default)]
struct Group {
    submissions: Vec<Submission>,
    reads: Vec<Read>,
}

/// What stepping needs, so that it can run beside the async threads.
struct Core {
    engine: Engine,
    clock: Clock,
    seal: [u8; 32],
}

/// What stepping a group came to.
struct Stepped {
    rows: Vec<Row>,
    /// In order; a key where the log may know the message already.
    outcomes: Vec<(oneshot::Sender<Answer>, Outcome, Option<Key>)>,
}

enum Outcome {
    Done(Vec<Effect>),
    Refused(Refused),
    /// Not put to the engine: the log has it, or will have it with this group.
    Repeated,
}

impl<S: Store> Writer<S> {
    /// Starts a writer behind a recovery. Returns where to submit, and the task: it ends when the last handle is
    /// gone, with engine and store, or with the store's error.
    ///
    /// # Panics
    /// If a limit is 0.
    pub fn spawn(
        store: S,
        recovered: Recovered,
        operator: SecretKey,
        clock: Clock,
        observer: Observer,
        limits: Limits,
    ) -> (Handle, Ending<S>) {
        assert!(limits.queue > 0 && limits.group > 0, "nothing gets through a limit of 0");
        let Recovered { engine, seal, .. } = recovered;
        let (sender, queue) = mpsc::channel(limits.queue);
        let deployment = engine.ledger().deployment().id;
        let handle = Handle { queue: sender, operator: Arc::new(operator), deployment };
        let core = Core { engine, clock, seal };
        let writer = Writer { store, core, observer, queue, carried: None, group: limits.group };
        (handle, tokio::spawn(writer.run()))
    }

    async fn run(mut self) -> Result<(Engine, S), StoreError> {
        while let Some(Group { submissions, reads }) = self.gather().await {
            let asked = self.repeatable(&submissions).await?;
            let (core, stepped) = beside(self.core, |core| core.step(submissions, asked)).await;
            self.core = core;
            self.store.append(&stepped.rows).await?;
            self.answer(stepped.outcomes).await?;
            if !reads.is_empty() {
                let read = |core: &mut Core| reads.into_iter().for_each(|read| read(&core.engine));
                self.core = beside(self.core, read).await.0;
            }
        }
        Ok((self.core.engine, self.store))
    }

    /// Waits for a request and takes what has queued up behind it. `None` when there will be no more.
    ///
    /// Windows and batches are groups of their own: nobody's receipt waits for an auction or a circuit that came later.
    async fn gather(&mut self) -> Option<Group> {
        let alone = |submission: &Submission| matches!(submission.event, Event::Window | Event::Batch);
        let mut group = Group::default();
        let mut next = match self.carried.take() {
            Some(submission) => Request::Submit(submission),
            None => self.queue.recv().await?,
        };
        loop {
            match next {
                Request::Inspect(read) => group.reads.push(read),
                Request::Submit(submission) if alone(&submission) => {
                    if group.submissions.is_empty() {
                        group.submissions.push(submission);
                    } else {
                        self.carried = Some(submission);
                    }
                    break;
                }
                Request::Submit(submission) => group.submissions.push(submission),
            }
            if group.submissions.len() + group.reads.len() >= self.group {
                break;
            }
            match self.queue.try_recv() {
                Ok(request) => next = request,
                Err(_) => break,
            }
        }
        Some(group)
    }

    /// Those cancellations of the group that the log has. The engine takes a cancellation as often as it comes;
    /// everything else it refuses the second time, and need not be looked up before.
    async fn repeatable(&mut self, group: &[Submission]) -> Result<BTreeSet<Key>, StoreError> {
        let keys: Vec<Key> =
            group.iter().filter(|s| cancels(&s.event)).filter_map(|s| codec::submission(&s.event)).collect();
        Ok(self.store.find(&keys).await?.into_iter().filter_map(|row| row.submission).collect())
    }

    /// Answers, in order, after the commit.
    async fn answer(
        &mut self,
        outcomes: Vec<(oneshot::Sender<Answer>, Outcome, Option<Key>)>,
    ) -> Result<(), StoreError> {
        let mut keys: Vec<Key> = outcomes.iter().filter_map(|(_, _, key)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut known: BTreeMap<Key, Receipt> = BTreeMap::new();
        for row in self.store.find(&keys).await? {
            if let Some(key) = row.submission {
                known.insert(key, receipt(&row)?);
            }
        }
        for (reply, outcome, key) in outcomes {
            let before = key.and_then(|key| known.get(&key)).copied();
            let answer = match (outcome, before) {
                (Outcome::Done(effects), _) => {
                    (self.observer)(&effects);
                    Answer::Done(effects)
                }
                (_, Some(receipt)) => Answer::Known(receipt),
                (Outcome::Refused(reason), None) => Answer::Refused(reason),
                (Outcome::Repeated, None) => unreachable!("it was found in the log or is in this group"),
            };
            // Who has gone away meanwhile can ask again.
            drop(reply.send(answer));
        }
        Ok(())
    }
}

impl Core {
    fn step(&mut self, group: Vec<Submission>, mut repeated: BTreeSet<Key>) -> Stepped {
        let mut stepped = Stepped { rows: Vec::new(), outcomes: Vec::with_capacity(group.len()) };
        for Submission { event, reply } in group {
            let key = codec::submission(&event);
            let cancellation = key.filter(|_| cancels(&event));
            if cancellation.is_some_and(|key| repeated.contains(&key)) {
                stepped.outcomes.push((reply, Outcome::Repeated, key));
                continue;
            }
            let time = (self.clock)().max(self.engine.time());
            let mut effects = self.engine.step(Input { time, event });
            let (outcome, key) = match &effects[..] {
                [Effect::Refused(_)] => {
                    let Some(Effect::Refused(reason)) = effects.pop() else { unreachable!("just seen") };
                    (Outcome::Refused(reason), key)
                }
                [Effect::Logged(entry), ..] => {
                    let row = Row::of(entry, &self.seal);
                    self.seal = row.seal;
                    stepped.rows.push(row);
                    repeated.extend(cancellation);
                    (Outcome::Done(effects), None)
                }
                other => unreachable!("the engine logs or refuses, and says so first: {other:?}"),
            };
            stepped.outcomes.push((reply, outcome, key));
        }
        stepped
    }
}

/// Works on the engine beside the async threads.
async fn beside<T: Send + 'static>(mut core: Core, work: impl FnOnce(&mut Core) -> T + Send + 'static) -> (Core, T) {
    let work = spawn_blocking(move || {
        let done = work(&mut core);
        (core, done)
    });
    match work.await {
        Ok(done) => done,
        // The engine's own assertion failed: it is lost, and everybody who waits hears that the answer is unknown.
        Err(lost) => resume_unwind(lost.into_panic()),
    }
}

fn cancels(event: &Event) -> bool {
    matches!(event, Event::Command(signed) if signed.command.action == Action::Cancel)
}

/// The receipt that a stored order or command got.
fn receipt(row: &Row) -> Result<Receipt, StoreError> {
    let unreadable = || StoreError::Column { position: row.position as i64, column: "body" };
    let Input { time, event } = codec::decode(&row.body).map_err(|_| unreadable())?;
    let message = match event {
        Event::Order(signed) => signed.order.hash(),
        Event::Command(signed) => signed.command.hash(),
        _ => return Err(unreadable()),
    };
    let root = codec::element(&row.root).ok_or_else(unreadable)?;
    Ok(Receipt { position: row.position, message, root, time })
}
