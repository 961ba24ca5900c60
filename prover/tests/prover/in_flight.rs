//! Several proofs in flight: one worker, one prover, jobs that meet at its source.

use crate::common::{assignment, id, prover, CHAIN, PACE};
use novation_prover::dump::Dump;
use novation_prover::progress::{Observer, Update};
use novation_prover::worker::{
    Delivered, InFlight, InFlightError, Job, JobSource, Listener, Note, Rejected, SourceError, Stop, Worker,
};
use novation_prover::CircuitId;
use novation_verifier::groth16::{verify, Proof};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What is waited for happens long before, or never.
const PATIENCE: Duration = Duration::from_secs(120);

fn circuit() -> CircuitId {
    id(prover().r1cs())
}

/// The assignment of a batch: no two have the same public inputs.
fn of(batch: u64) -> Vec<ark_bn254::Fr> {
    assignment(CHAIN, 1_000 + batch)
}

fn in_flight(number: u64) -> InFlight {
    InFlight::try_from(number).unwrap()
}

/// What the source and the listener have seen.
#[derive(Default)]
struct Seen {
    /// Number of the last job.
    last: u64,
    /// Jobs handed out so far.
    claimed: u64,
    /// Jobs that are out.
    held: BTreeSet<u64>,
    most: usize,
    fetched: BTreeSet<u64>,
    /// Jobs whose proving has begun.
    begun: BTreeSet<u64>,
    proofs: BTreeMap<u64, Vec<Proof>>,
    failed: BTreeMap<u64, String>,
    back: Vec<u64>,
}

/// What happens to a job beyond the usual.
type Script = fn(&Hall, u64) -> Result<(), SourceError>;

/// Where jobs meet.
#[derive(Clone)]
struct Hall {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    stop: Stop,
    /// Before a witness is given out.
    before_witness: Script,
    /// When the proving of a job is first heard of.
    at_proving: Script,
    /// Before a proof is taken.
    before_delivery: Script,
}

fn nothing(_: &Hall, _: u64) -> Result<(), SourceError> {
    Ok(())
}

impl Hall {
    fn new(jobs: u64) -> Hall {
        let seen = Seen { last: jobs, ..Seen::default() };
        Hall {
            seen: Arc::new((seen.into(), Condvar::new())),
            stop: Stop::default(),
            before_witness: nothing,
            at_proving: nothing,
            before_delivery: nothing,
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let changed = change(&mut self.seen.0.lock().unwrap());
        self.seen.1.notify_all();
        changed
    }

    fn wait_until(&self, what: &str, done: impl Fn(&Seen) -> bool) {
        let (lock, news) = &*self.seen;
        let (seen, late) = news.wait_timeout_while(lock.lock().unwrap(), PATIENCE, |seen| !done(seen)).unwrap();
        drop(seen);
        assert!(!late.timed_out(), "never seen: {what}");
    }

    fn ended(&self, job: &Job, how: impl FnOnce(&mut Seen)) -> Result<(), SourceError> {
        self.change(|seen| {
            assert!(seen.held.remove(&job.batch), "batch {} is nobody's", job.batch);
            how(seen);
        });
        Ok(())
    }

    /// Runs a worker here.
    fn run(&self, number: u64) -> Result<(), Rejected> {
        let worker = Worker::new(self.clone(), circuit(), prover(), self.clone(), PACE);
        worker.in_flight(in_flight(number)).run(&self.stop)
    }

    fn seen(&self) -> Seen {
        std::mem::take(&mut self.seen.0.lock().unwrap())
    }
}

impl JobSource for Hall {
    fn claim(&self) -> Result<Option<Job>, SourceError> {
        let batch = self.change(|seen| {
            if seen.claimed == seen.last {
                return None;
            }
            seen.claimed += 1;
            seen.held.insert(seen.claimed);
            seen.most = seen.most.max(seen.held.len());
            Some(seen.claimed)
        });
        if batch.is_none() {
            self.stop.finish();
        }
        Ok(batch.map(|batch| Job { batch, attempt: 1, lease: Duration::from_millis(60) }))
    }

    fn witness(&self, job: &Job) -> Result<Dump, SourceError> {
        self.change(|seen| seen.fetched.insert(job.batch));
        (self.before_witness)(self, job.batch)?;
        Ok(Dump { circuit: circuit(), assignment: of(job.batch) })
    }

    fn extend(&self, _: &Job) -> Result<(), SourceError> {
        Ok(())
    }

    fn deliver(&self, job: &Job, proof: &Proof) -> Result<Delivered, SourceError> {
        (self.before_delivery)(self, job.batch)?;
        self.ended(job, |seen| seen.proofs.entry(job.batch).or_default().push(*proof))?;
        Ok(Delivered::Accepted)
    }

    fn give_up(&self, job: &Job, reason: &str) -> Result<(), SourceError> {
        self.ended(job, |seen| drop(seen.failed.insert(job.batch, reason.to_owned())))
    }

    fn hand_back(&self, job: &Job) -> Result<(), SourceError> {
        self.ended(job, |seen| seen.back.push(job.batch))
    }
}

/// Hears of a job's proving.
struct Ear(Hall, u64);

impl Observer for Ear {
    fn update(&self, _: Update) {
        if self.0.change(|seen| seen.begun.insert(self.1)) {
            (self.0.at_proving)(&self.0, self.1).unwrap();
        }
    }
}

impl Listener for Hall {
    fn note(&self, _: &Note<'_>) {}

    fn observer(&self, job: &Job) -> Box<dyn Observer + Send> {
        Box::new(Ear(self.clone(), job.batch))
    }
}

fn all_right(proofs: &BTreeMap<u64, Vec<Proof>>, batches: impl IntoIterator<Item = u64>) {
    assert_eq!(proofs.keys().copied().collect::<Vec<_>>(), batches.into_iter().collect::<Vec<_>>());
    for (batch, proofs) in proofs {
        assert_eq!(proofs.len(), 1, "batch {batch} is proven once");
        assert_eq!(verify(prover().verifying_key(), &proofs[0], &of(*batch)[1..4]), Ok(()), "batch {batch}");
    }
}

#[test]
fn as_many_jobs_are_held_as_asked_for_and_each_is_proven_once() {
    for number in [1, 2, 3] {
        let mut hall = Hall::new(9);
        // The first ones wait for each other, or until there can be no more of them.
        hall.before_witness = match number {
            1 => nothing,
            2 => |hall, _| {
                hall.wait_until("two jobs at once", |seen| seen.most >= 2);
                Ok(())
            },
            _ => |hall, _| {
                hall.wait_until("three jobs at once", |seen| seen.most >= 3);
                Ok(())
            },
        };
        assert_eq!(hall.run(number), Ok(()));
        let seen = hall.seen();
        assert_eq!((seen.most as u64, seen.held), (number, BTreeSet::new()));
        all_right(&seen.proofs, 1..=9);
        assert_eq!((seen.failed, seen.back), (BTreeMap::new(), vec![]));
    }
}

/// Each end waits for the other: if the second witness were fetched only after the first proof, neither would come.
#[test]
fn a_witness_is_fetched_while_another_batch_is_proven() {
    let mut hall = Hall::new(2);
    hall.at_proving = |hall, batch| {
        if batch == 1 {
            hall.wait_until("the second witness is asked for", |seen| seen.fetched.contains(&2));
        }
        Ok(())
    };
    hall.before_witness = |hall, batch| {
        if batch == 2 {
            hall.wait_until("the first batch is being proven", |seen| seen.begun.contains(&1));
        }
        Ok(())
    };
    assert_eq!(hall.run(2), Ok(()));
    all_right(&hall.seen().proofs, 1..=2);
}

#[test]
fn a_job_that_fails_leaves_the_others_alone() {
    let mut hall = Hall::new(6);
    hall.before_witness = |hall, batch| match batch {
        // While others are in work.
        2 => {
            hall.wait_until("two jobs at once", |seen| seen.most >= 2);
            panic!("out of paper")
        }
        4 => Err(SourceError::Refused("no such witness".into())),
        _ => Ok(()),
    };
    assert_eq!(hall.run(3), Ok(()));
    let seen = hall.seen();
    let failed = [(2, "the prover panicked: out of paper".into()), (4, "no such witness".into())];
    assert_eq!((seen.failed, seen.back, seen.held), (failed.into(), vec![], BTreeSet::new()));
    all_right(&seen.proofs, [1, 3, 5, 6]);
}

#[test]
fn a_worker_that_is_to_stop_at_once_hands_all_its_jobs_back() {
    let mut hall = Hall::new(5);
    // The third one stops the worker; none of the witnesses ever comes.
    hall.before_witness = |hall, _| {
        hall.wait_until("three jobs at once", |seen| seen.most >= 3);
        hall.stop.now();
        loop {
            std::thread::park();
        }
    };
    assert_eq!(hall.run(3), Ok(()));
    let mut seen = hall.seen();
    seen.back.sort_unstable();
    assert_eq!((seen.back, seen.claimed, seen.held), (vec![1, 2, 3], 3, BTreeSet::new()));
    assert_eq!((seen.proofs, seen.failed), (BTreeMap::new(), BTreeMap::new()));
}

#[test]
fn a_worker_that_is_to_finish_finishes_what_it_has_and_takes_no_more() {
    let mut hall = Hall::new(5);
    hall.before_witness = |hall, _| {
        hall.wait_until("two jobs at once", |seen| seen.most >= 2);
        hall.stop.finish();
        Ok(())
    };
    assert_eq!(hall.run(2), Ok(()));
    let seen = hall.seen();
    all_right(&seen.proofs, 1..=2);
    assert_eq!((seen.claimed, seen.failed, seen.back), (2, BTreeMap::new(), vec![]));
}

/// The second proof is refused when the first job is in the middle: no job of this source goes well here.
#[test]
fn a_worker_whose_proof_is_refused_hands_the_others_back() {
    let mut hall = Hall::new(4);
    hall.before_witness = |hall, batch| {
        hall.wait_until("two jobs at once", |seen| seen.most >= 2);
        match batch {
            1 => loop {
                std::thread::park();
            },
            _ => Ok(()),
        }
    };
    hall.before_delivery = |hall, batch| {
        hall.change(|seen| seen.held.remove(&batch));
        Err(SourceError::Refused("wrong key".into()))
    };
    assert_eq!(hall.run(2), Err(Rejected { reason: "wrong key".into() }));
    assert!(hall.stop.is_asked());
    let seen = hall.seen();
    assert_eq!((seen.back, seen.claimed, seen.proofs), (vec![1], 2, BTreeMap::new()));
}

#[test]
fn one_to_sixteen_proofs_in_flight() {
    assert_eq!(InFlight::default(), in_flight(1));
    assert_eq!("16".parse(), Ok(in_flight(16)));
    for number in [0, 17, u64::MAX] {
        assert_eq!(InFlight::try_from(number), Err(InFlightError), "{number}");
    }
    for text in ["", "0", "-1", "17", "two", "99999999999999999999"] {
        assert_eq!(text.parse::<InFlight>(), Err(InFlightError), "{text}");
    }
    assert_eq!(InFlightError.to_string(), "a whole number from 1 to 16");
}
