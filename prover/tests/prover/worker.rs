//! The loop of a worker, against a source that does what a test wants.

use crate::common::{assignment, id, prover, CHAIN, PACE};
use novation_prover::dump::Dump;
use novation_prover::worker::{Delivered, Job, JobSource, Listener, Note, Rejected, SourceError, Stop, Worker};
use novation_prover::CircuitId;
use novation_verifier::groth16::{verify, Proof};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const LEASE: Duration = Duration::from_millis(60);

fn circuit() -> CircuitId {
    id(prover().r1cs())
}

fn witness(x: u64) -> Dump {
    Dump { circuit: circuit(), assignment: assignment(CHAIN, x) }
}

fn away() -> SourceError {
    SourceError::Unreachable("away".into())
}

/// What the source is asked, and the answers that it has ready; without one, all is well.
#[derive(Default)]
struct Script {
    /// What `claim` says; then that there is nothing, and the worker is told to finish.
    claims: VecDeque<Result<Option<Job>, SourceError>>,
    witness: Option<Dump>,
    /// `witness` waits until the lease was extended this often.
    beats_before_witness: usize,
    /// `witness` never comes.
    stuck: bool,
    panics: bool,
    extend: VecDeque<Result<(), SourceError>>,
    deliver: VecDeque<Result<Delivered, SourceError>>,
    beats: usize,
    said: Vec<String>,
    proofs: Vec<Proof>,
}

#[derive(Clone)]
struct Scripted {
    script: Arc<(Mutex<Script>, Condvar)>,
    stop: Stop,
}

impl Scripted {
    fn say(&self, line: String) {
        self.script.0.lock().unwrap().said.push(line);
    }
}

impl JobSource for Scripted {
    fn claim(&self) -> Result<Option<Job>, SourceError> {
        self.script.0.lock().unwrap().claims.pop_front().unwrap_or_else(|| {
            self.stop.finish();
            Ok(None)
        })
    }

    fn witness(&self, _: &Job) -> Result<Dump, SourceError> {
        let (lock, changed) = &*self.script;
        let script = lock.lock().unwrap();
        if script.panics {
            drop(script);
            panic!("out of paper");
        }
        let script = changed.wait_while(script, |s| s.stuck || s.beats < s.beats_before_witness).unwrap();
        script.witness.clone().ok_or_else(|| SourceError::Refused("no such witness".into()))
    }

    fn extend(&self, _: &Job) -> Result<(), SourceError> {
        let (lock, changed) = &*self.script;
        let mut script = lock.lock().unwrap();
        script.beats += 1;
        changed.notify_all();
        script.extend.pop_front().unwrap_or(Ok(()))
    }

    fn deliver(&self, _: &Job, proof: &Proof) -> Result<Delivered, SourceError> {
        let mut script = self.script.0.lock().unwrap();
        script.proofs.push(*proof);
        script.deliver.pop_front().unwrap_or(Ok(Delivered::Accepted))
    }

    fn give_up(&self, job: &Job, reason: &str) -> Result<(), SourceError> {
        self.say(format!("{} failed: {reason}", job.batch));
        Ok(())
    }

    fn hand_back(&self, job: &Job) -> Result<(), SourceError> {
        self.say(format!("{} back", job.batch));
        Ok(())
    }
}

/// Keeps the notes, without what changes from run to run; tells the worker to stop at once when it has a job, if asked.
struct Notes {
    lines: Arc<Mutex<Vec<String>>>,
    stop_at_claim: Option<Stop>,
}

impl Listener for Notes {
    fn note(&self, note: &Note<'_>) {
        let line = match note {
            Note::Claimed(job) => format!("claimed {}", job.batch),
            Note::Proven(job, _) => format!("proven {}", job.batch),
            Note::Delivered(job, delivered) => format!("delivered {} {delivered:?}", job.batch),
            Note::Overtaken(job) => format!("overtaken {}", job.batch),
            Note::GivenUp(job, reason) => format!("gave up {}: {reason}", job.batch),
            Note::HandedBack(job) => format!("handed back {}", job.batch),
            Note::Refused(job, reason) => format!("refused {}: {reason}", job.batch),
            Note::Trouble { doing, error, again } => format!("{doing}: {error}, {} ms", again.as_millis()),
        };
        self.lines.lock().unwrap().push(line);
        if let (Note::Claimed(_), Some(stop)) = (note, &self.stop_at_claim) {
            stop.now();
        }
    }
}

fn job(batch: u64) -> Result<Option<Job>, SourceError> {
    Ok(Some(Job { batch, attempt: 1, lease: LEASE }))
}

/// Runs a worker on a script; returns how it ended, what it noted, and the script.
fn run(script: Script, stop_at_claim: bool) -> (Result<(), Rejected>, Vec<String>, Script) {
    let stop = Stop::default();
    let source = Scripted { script: Arc::new((script.into(), Condvar::new())), stop: stop.clone() };
    let lines = Arc::new(Mutex::new(Vec::new()));
    let notes = Notes { lines: lines.clone(), stop_at_claim: stop_at_claim.then(|| stop.clone()) };
    let worker = Worker::new(source.clone(), circuit(), prover(), notes, PACE);
    let ended = worker.run(&stop);
    let noted = std::mem::take(&mut *lines.lock().unwrap());
    let script = std::mem::take(&mut *source.script.0.lock().unwrap());
    (ended, noted, script)
}

#[test]
fn jobs_are_proven_and_delivered_one_after_the_other() {
    let claims = [job(1), Ok(None), job(2)].into();
    let deliver = [Ok(Delivered::Accepted), Ok(Delivered::Known)].into();
    let script = Script { claims, deliver, witness: Some(witness(77)), ..Script::default() };
    let (ended, noted, script) = run(script, false);
    assert_eq!(ended, Ok(()));
    let all = ["claimed 1", "proven 1", "delivered 1 Accepted", "claimed 2", "proven 2", "delivered 2 Known"];
    assert_eq!(noted, all);
    for proof in &script.proofs {
        assert_eq!(verify(prover().verifying_key(), proof, &witness(77).assignment[1..4]), Ok(()));
    }
    assert_eq!((script.proofs.len(), script.said), (2, vec![]));
}

#[test]
fn the_lease_is_extended_while_another_thread_is_at_work() {
    let claims = [job(1)].into();
    let extend = [Err(away())].into();
    let script = Script { claims, extend, witness: Some(witness(5)), beats_before_witness: 3, ..Script::default() };
    let (ended, noted, script) = run(script, false);
    assert_eq!(ended, Ok(()));
    assert!(script.beats >= 3);
    let all = ["claimed 1", "extending the lease: away, 20 ms", "proven 1", "delivered 1 Accepted"];
    assert_eq!(noted, all);
}

#[test]
fn a_worker_whose_lease_is_lost_delivers_all_the_same() {
    let (claims, extend) = ([job(1)].into(), [Ok(()), Err(SourceError::Over)].into());
    let script = Script { claims, extend, witness: Some(witness(5)), beats_before_witness: 2, ..Script::default() };
    let (_, noted, script) = run(script, false);
    assert_eq!(noted, ["claimed 1", "overtaken 1", "proven 1", "delivered 1 Accepted"]);
    // Nobody asks any more for a lease that is lost.
    assert_eq!(script.beats, 2);
}

#[test]
fn what_fails_on_the_way_is_tried_again_with_growing_pauses_and_the_same_proof() {
    let claims = [Err(away()), Err(away()), Err(away()), Err(away()), job(1)].into();
    let deliver = [Err(away()), Err(away())].into();
    let script = Script { claims, deliver, witness: Some(witness(5)), ..Script::default() };
    let (ended, noted, script) = run(script, false);
    assert_eq!(ended, Ok(()));
    let asking = |pause| format!("asking for a job: away, {pause} ms");
    let delivering = |pause| format!("delivering the proof: away, {pause} ms");
    let mut all: Vec<String> = [5, 10, 20, 20].map(asking).into();
    all.extend(["claimed 1".into(), "proven 1".into()]);
    all.extend([5, 10].map(delivering));
    all.push("delivered 1 Accepted".into());
    assert_eq!(noted, all);
    assert_eq!(script.proofs, [script.proofs[0]; 3]);
}

#[test]
fn jobs_that_fail_are_given_up_with_the_reason() {
    let mut lie = witness(77);
    lie.assignment[1] += ark_bn254::Fr::from(1);
    let cases = [
        (Some(lie), false, "the assignment"),
        (None, false, "no such witness"),
        (None, true, "the prover panicked: out of paper"),
    ];
    for (witness, panics, reason) in cases {
        let script = Script { claims: [job(1)].into(), witness, panics, ..Script::default() };
        let (ended, noted, script) = run(script, false);
        assert_eq!((ended, noted.len(), script.proofs), (Ok(()), 2, vec![]));
        if reason == "the assignment" {
            // The prover's own message, which names the constraint.
            assert!(script.said[0].contains("factors/product"), "{:?}", script.said);
        } else {
            assert_eq!(script.said, [format!("1 failed: {reason}")]);
            assert_eq!(noted[1], format!("gave up 1: {reason}"));
        }
    }
}

#[test]
fn a_worker_ends_when_its_source_will_not_have_it() {
    let rejected = |reason: &str| Err(Rejected { reason: reason.into() });
    let claims = [Err(SourceError::Refused("wrong token".into()))].into();
    let (ended, noted, _) = run(Script { claims, ..Script::default() }, false);
    assert_eq!((ended, noted), (rejected("wrong token"), vec![]));
    // Its proofs are refused: it has another key.
    let (claims, deliver) = ([job(1), job(2)].into(), [Err(SourceError::Refused("wrong key".into()))].into());
    let script = Script { claims, deliver, witness: Some(witness(5)), ..Script::default() };
    let (ended, noted, script) = run(script, false);
    assert_eq!((ended, script.proofs.len(), script.claims.len()), (rejected("wrong key"), 1, 1));
    assert_eq!(noted, ["claimed 1", "proven 1", "refused 1: wrong key"]);
    // It has another circuit: nothing is wrong with the job.
    let other = CircuitId { size: "other".into(), ..circuit() };
    let witness = Some(Dump { circuit: other.clone(), ..witness(5) });
    let (ended, noted, script) = run(Script { claims: [job(1), job(2)].into(), witness, ..Script::default() }, false);
    assert_eq!(ended, rejected(&format!("the witness is one of circuit `{other}`, this worker's is `{}`", circuit())));
    assert_eq!((noted, script.said), (vec!["claimed 1".to_owned(), "handed back 1".into()], vec!["1 back".to_owned()]));
}

#[test]
fn a_worker_that_is_to_stop_at_once_hands_its_job_back() {
    let script = Script { claims: [job(1), job(2)].into(), stuck: true, ..Script::default() };
    let (ended, noted, script) = run(script, true);
    assert_eq!(ended, Ok(()));
    assert_eq!(noted, ["claimed 1", "handed back 1"]);
    assert_eq!((script.said, script.claims.len()), (vec!["1 back".to_owned()], 1));
}
