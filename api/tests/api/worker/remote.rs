//! Workers at work: several, killed ones, ones that are stopped, and a box that begins with nothing.

use crate::worker::node::{circuit, circuit_of, system, witness, Node, TOKEN};
use novation_api::worker::{prepare, Local, PrepareError, Remote, RemoteError, Token};
use novation_gpu::choose;
use novation_prover::dump::Dump;
use novation_prover::keyfile::KeyStore;
use novation_prover::worker::{
    Delivered, InFlight, Job, JobSource, Listener, Note, Pace, Rejected, SourceError, Stop, Worker,
};
use novation_sequencer::jobs::{Jobs, Stage};
use novation_verifier::groth16::Proof;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;

const LEASE: Duration = Duration::from_secs(60);
const PACE: Pace =
    Pace { idle: Duration::from_millis(20), retry: Duration::from_millis(20), longest: Duration::from_millis(200) };
const VICTIM: &str = "NOVATION_WORKER_VICTIM_URL";

fn token() -> Token {
    Token::new(TOKEN).unwrap()
}

fn remote(url: &str, name: &str) -> Remote {
    Remote::new(url, &token(), name, Handle::current()).unwrap()
}

/// Runs a worker in a thread of its own.
fn hire<S: JobSource>(node: &Node, source: S, stop: &Stop) -> JoinHandle<Result<(), Rejected>> {
    let (worker, stop) = (Worker::new(source, circuit(), node.prover(), (), PACE), stop.clone());
    std::thread::spawn(move || worker.run(&stop))
}

/// Runs a worker with three proofs in flight.
fn several<S: JobSource>(node: &Node, source: S, stop: &Stop) -> JoinHandle<Result<(), Rejected>> {
    let worker = Worker::new(source, circuit(), node.prover(), (), PACE).in_flight(InFlight::try_from(3).unwrap());
    let stop = stop.clone();
    std::thread::spawn(move || worker.run(&stop))
}

async fn join<T: Send + 'static>(thread: JoinHandle<T>) -> T {
    tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_workers_prove_everything_once_remote_and_local_alike() {
    let node = Node::start(12, LEASE).await;
    let stop = Stop::default();
    let mut threads: Vec<_> = (0..2).map(|n| hire(&node, remote(&node.url, &format!("box-{n}")), &stop)).collect();
    threads.push(hire(&node, Local::new(node.desk.clone(), Handle::current(), "local"), &stop));
    node.all_proven(12).await;
    stop.finish();
    for thread in threads {
        assert_eq!(join(thread).await, Ok(()));
    }
    let jobs = node.desk.jobs().list(0, 100).await.unwrap();
    assert!(jobs.iter().all(|job| (job.stage, job.attempt, job.failures) == (Stage::Proven, 1, 0)), "{jobs:?}");
    let mut told = node.told.lock().unwrap().clone();
    told.sort_unstable();
    assert_eq!(told, (1..=12).collect::<Vec<u64>>());
}

/// Counts the jobs that are out.
struct Counted<S> {
    source: S,
    out: Arc<Mutex<(usize, usize)>>,
}

impl<S: JobSource> Counted<S> {
    fn one_less(&self) {
        self.out.lock().unwrap().0 -= 1;
    }
}

impl<S: JobSource> JobSource for Counted<S> {
    fn claim(&self) -> Result<Option<Job>, SourceError> {
        let mut out = self.out.lock().unwrap();
        let job = self.source.claim()?;
        out.0 += usize::from(job.is_some());
        out.1 = out.1.max(out.0);
        Ok(job)
    }
    /// Once as many jobs are out as can be.
    fn witness(&self, job: &Job) -> Result<Dump, SourceError> {
        while job.batch <= 3 && self.out.lock().unwrap().1 < 3 {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.source.witness(job)
    }
    fn extend(&self, job: &Job) -> Result<(), SourceError> {
        self.source.extend(job)
    }
    fn deliver(&self, job: &Job, proof: &Proof) -> Result<Delivered, SourceError> {
        let done = self.source.deliver(job, proof);
        self.one_less();
        done
    }
    fn give_up(&self, job: &Job, reason: &str) -> Result<(), SourceError> {
        let done = self.source.give_up(job, reason);
        self.one_less();
        done
    }
    fn hand_back(&self, job: &Job) -> Result<(), SourceError> {
        let done = self.source.hand_back(job);
        self.one_less();
        done
    }
}

/// Over HTTP and in the node's process: three leases at a time, one of a batch that cannot be proven.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_worker_has_three_batches_in_flight_and_proves_each_once() {
    for over_http in [true, false] {
        let node = Node::start(9, LEASE).await;
        let mut lie = witness(5);
        lie.assignment[2] += ark_bn254::Fr::from(1);
        node.desk.enqueue(5, lie).await.unwrap();
        let (stop, out) = (Stop::default(), Arc::new(Mutex::new((0, 0))));
        let worker = if over_http {
            several(&node, Counted { source: remote(&node.url, "box"), out: out.clone() }, &stop)
        } else {
            let source = Local::new(node.desk.clone(), Handle::current(), "local");
            several(&node, Counted { source, out: out.clone() }, &stop)
        };
        while node.job(5).await.failures < 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for batch in (1..=9).filter(|batch| *batch != 5) {
            node.proof(batch).await;
        }
        node.desk.enqueue(5, witness(5)).await.unwrap();
        node.all_proven(9).await;
        stop.finish();
        assert_eq!(join(worker).await, Ok(()));
        assert_eq!(*out.lock().unwrap(), (0, 3));
        let jobs = node.desk.jobs().list(0, 100).await.unwrap();
        for job in &jobs {
            let failures = if job.batch == 5 { job.failures.max(1) } else { 0 };
            let expected = (Stage::Proven, failures + 1, failures);
            assert_eq!((job.stage, job.attempt, job.failures), expected, "{job:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_hands_all_its_jobs_back() {
    let node = Node::start(4, LEASE).await;
    let stop = Stop::default();
    let worker = several(&node, Stuck(remote(&node.url, "leaver")), &stop);
    let claimed = || async {
        let jobs = node.desk.jobs().list(0, 9).await.unwrap();
        jobs.iter().filter(|job| job.stage == Stage::Claimed).count()
    };
    while claimed().await < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.now();
    assert_eq!(join(worker).await, Ok(()));
    let jobs = node.desk.jobs().list(0, 9).await.unwrap();
    let found: Vec<_> = jobs.iter().map(|job| (job.stage, job.attempt, job.failures)).collect();
    assert_eq!(found, [(Stage::Open, 1, 0), (Stage::Open, 1, 0), (Stage::Open, 1, 0), (Stage::Open, 0, 0)]);
}

/// Claims a job, says so, and never comes to an end with it.
struct Stuck(Remote);

impl JobSource for Stuck {
    fn claim(&self) -> Result<Option<Job>, SourceError> {
        self.0.claim()
    }
    fn witness(&self, job: &Job) -> Result<Dump, SourceError> {
        let witness = self.0.witness(job)?;
        println!("victim has batch {} and {} wires", job.batch, witness.assignment.len());
        loop {
            std::thread::park();
        }
    }
    fn extend(&self, job: &Job) -> Result<(), SourceError> {
        self.0.extend(job)
    }
    fn deliver(&self, _: &Job, _: &Proof) -> Result<Delivered, SourceError> {
        unreachable!("it never proves anything")
    }
    fn give_up(&self, job: &Job, reason: &str) -> Result<(), SourceError> {
        self.0.give_up(job, reason)
    }
    fn hand_back(&self, job: &Job) -> Result<(), SourceError> {
        self.0.hand_back(job)
    }
}

/// The process to kill, when the other test starts it.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    let Ok(url) = std::env::var(VICTIM) else { return };
    let node = Node::start(0, LEASE).await;
    let thread = hire(&node, Stuck(remote(&url, "victim")), &Stop::default());
    join(thread).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_worker_that_is_killed_is_finished_by_another() {
    // Short, so that its end is soon; the victim extends it three times a second until it dies.
    let node = Node::start(2, Duration::from_secs(1)).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker::remote::victim", "--nocapture"])
        .env(VICTIM, &node.url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let has = tokio::task::spawn_blocking(move || {
        lines.map_while(Result::ok).find(|line| line.contains("victim has batch 1")).expect("the victim gets a job")
    });
    has.await.unwrap();
    let before = node.job(1).await;
    assert_eq!((before.stage, before.attempt, before.worker.as_deref()), (Stage::Claimed, 1, Some("victim")));
    let stop = Stop::default();
    let other = hire(&node, remote(&node.url, "heir"), &stop);
    node.proof(2).await;
    // As long as it lives, the job is its own: longer than the lease.
    while node.job(1).await.lease.unwrap() < before.claimed.unwrap() + 2_000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(node.job(1).await.attempt, 1);
    child.kill().unwrap();
    child.wait().unwrap();
    node.all_proven(2).await;
    let after = node.job(1).await;
    assert_eq!((after.attempt, after.failures, after.prover.as_deref()), (2, 1, Some("heir")));
    stop.finish();
    assert_eq!(join(other).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_again_takes_the_jobs_of_its_own_worker_back() {
    let node = Node::start(3, LEASE).await;
    for worker in ["local", "box", "local"] {
        node.desk.claim(worker).await.unwrap().unwrap();
    }
    node.desk.reclaim("local", 1).await.unwrap();
    let stages = |jobs: Vec<novation_sequencer::jobs::Job>| -> Vec<_> {
        jobs.into_iter().map(|job| (job.stage, job.failures)).collect()
    };
    let listed = || async { stages(node.desk.jobs().list(0, 9).await.unwrap()) };
    assert_eq!(listed().await, [(Stage::Claimed, 0), (Stage::Claimed, 0), (Stage::Open, 1)]);
    node.desk.reclaim("local", 0).await.unwrap();
    assert_eq!(listed().await, [(Stage::Open, 1), (Stage::Claimed, 0), (Stage::Open, 1)]);
}

/// Tells its worker to stop at once when it has a job.
struct StopAtClaim(Stop);

impl Listener for StopAtClaim {
    fn note(&self, note: &Note<'_>) {
        if let Note::Claimed(_) = note {
            self.0.now();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_hands_its_job_back_and_the_next_has_it_at_once() {
    let node = Node::start(1, LEASE).await;
    let stop = Stop::default();
    let source = Stuck(remote(&node.url, "leaver"));
    let worker = Worker::new(source, circuit(), node.prover(), StopAtClaim(stop.clone()), PACE);
    assert_eq!(join(std::thread::spawn(move || worker.run(&stop))).await, Ok(()));
    let job = node.job(1).await;
    assert_eq!((job.stage, job.attempt, job.failures, job.reason), (Stage::Open, 1, 0, None));
    let stop = Stop::default();
    let next = hire(&node, remote(&node.url, "next"), &stop);
    node.all_proven(1).await;
    stop.finish();
    assert_eq!(join(next).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_cannot_be_proven_is_given_up_with_its_reason() {
    let node = Node::start(1, LEASE).await;
    let mut lie = witness(1);
    lie.assignment[2] += ark_bn254::Fr::from(1);
    node.desk.enqueue(1, lie).await.unwrap();
    let stop = Stop::default();
    let worker = hire(&node, remote(&node.url, "box"), &stop);
    while node.job(1).await.failures < 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let reason = node.job(1).await.reason.unwrap();
    assert!(reason.contains("toy/next"), "{reason}");
    // Mended, it is proven as soon as its pause is over.
    node.desk.enqueue(1, witness(1)).await.unwrap();
    node.all_proven(1).await;
    stop.finish();
    assert_eq!(join(worker).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_with_url_and_token_fetches_the_key_and_proves() {
    let node = Node::start(1, LEASE).await;
    let empty = node.folder.path().join("box");
    let (url, desk) = (node.url.clone(), node.desk.clone());
    let handle = Handle::current();
    let boxed = std::thread::spawn(move || {
        let said = Mutex::new(Vec::new());
        let say = |line: String| said.lock().unwrap().push(line);
        let ready = |keys: &KeyStore, circuits: fn(u32, &str) -> Option<novation_prover::R1cs>| {
            let source = Remote::new(&url, &token(), "box", handle.clone()).unwrap();
            prepare(&source, keys, circuits, choose("cpu").unwrap().backend, &say, &())
        };
        let keys = KeyStore::new(&empty);
        let error = ready(&keys, |_, _| None).unwrap_err();
        assert!(matches!(&error, PrepareError::OtherCircuit { wanted } if *wanted == circuit().to_string()), "{error}");
        assert!(!empty.exists());
        // Twice: the second time it is there.
        for _ in 0..2 {
            let (id, prover) = ready(&keys, circuit_of).unwrap();
            assert_eq!(id, circuit());
            assert_eq!(novation_prover::keyfile::verifying_key_checksum(prover.verifying_key()), desk.key_checksum());
        }
        assert_eq!(said.lock().unwrap().len(), 2, "fetched once: {said:?}");
        let (id, prover) = ready(&keys, circuit_of).unwrap();
        let stop = Stop::default();
        let source = Remote::new(&url, &token(), "box", handle.clone()).unwrap();
        let stopper = stop.clone();
        let worker = std::thread::spawn(move || Worker::new(source, id, prover, (), PACE).run(&stopper));

        // A key of one's own making is noticed before anything is proven with it.
        let own = KeyStore::new(empty.join("own"));
        own.open_or_generate(&circuit(), &system(), &()).unwrap();
        let error = ready(&own, circuit_of).unwrap_err();
        let path = own.path(&circuit());
        assert!(matches!(&error, PrepareError::OtherKey { path: named } if *named == path), "{error}");
        (stop, worker)
    });
    let (stop, worker) = join(boxed).await;
    node.all_proven(1).await;
    stop.finish();
    assert_eq!(join(worker).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_addresses_and_tokens_are_said_at_once() {
    let node = Node::start(1, LEASE).await;
    for url in ["", "localhost:9", "ftp://localhost", "http://"] {
        let error = Remote::new(url, &token(), "box", Handle::current()).err().unwrap();
        assert!(matches!(&error, RemoteError::Url { url: named } if named == url), "{error}");
    }
    let error = Remote::new(&node.url, &token(), "a box", Handle::current()).err().unwrap();
    assert!(matches!(&error, RemoteError::Name { name } if name == "a box"), "{error}");
    let wrong = Token::new(&"0".repeat(32)).unwrap();
    let source = Remote::new(&node.url, &wrong, "box", Handle::current()).unwrap();
    let refused = join(hire(&node, source, &Stop::default())).await.unwrap_err();
    let reason = "401 Unauthorized: prover workers show the node's token: `Authorization: Bearer <token>`";
    assert_eq!(refused, Rejected { reason: reason.into() });
    let source = Arc::new(remote(&format!("{}/elsewhere", node.url), "box"));
    let lost = join(std::thread::spawn(move || source.claim())).await.unwrap_err();
    let reason = "404 Not Found, without a word of why: is this the node's address?";
    assert_eq!(lost, SourceError::Refused(reason.into()));
    // Nobody listens there: worth trying again.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let source = remote(&format!("http://127.0.0.1:{port}"), "box");
    let away = join(std::thread::spawn(move || source.claim())).await.unwrap_err();
    assert!(matches!(away, SourceError::Unreachable(_)), "{away}");
}
