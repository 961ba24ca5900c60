//! Many workers over connections of their own, who die at any point: each job has one holder at a time and one outcome for ever.

use crate::places::places;
use crate::Hand;
use novation_sequencer::jobs::{Completed, JobError, Jobs, SqlJobs, Stage, Ticket};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

const BATCHES: u64 = 24;
const LEASE: Duration = Duration::from_secs(10);

async fn queue(hand: &Hand, url: &str) -> SqlJobs {
    let jobs = hand.open(url).await;
    more(&jobs, 0).await;
    jobs
}

/// Enqueues [`BATCHES`] batches beside the `before` first ones.
async fn more(jobs: &SqlJobs, before: u64) {
    for batch in before + 1..=before + BATCHES {
        jobs.enqueue(batch, &format!("batch-{batch}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_at_once_never_hold_one_job() {
    for place in places().await {
        let hand = Hand::new();
        let jobs = queue(&hand, &place.url).await;
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                let (hand, url) = (hand.clone(), place.url.clone());
                tokio::spawn(async move {
                    let jobs = hand.open(&url).await;
                    let mut held = Vec::new();
                    while let Some(claim) = jobs.claim(&format!("worker {worker}"), LEASE).await.unwrap() {
                        held.push(claim.ticket);
                    }
                    held
                })
            })
            .collect();
        let mut held = Vec::new();
        for worker in workers {
            held.extend(worker.await.unwrap());
        }
        held.sort_unstable();
        // Every job once: the clock stands, so no lease ran out.
        let once: Vec<Ticket> = (1..=BATCHES).map(|batch| Ticket { batch, attempt: 1 }).collect();
        assert_eq!(held, once);
        jobs.close().await.unwrap();
        place.clear().await;
    }
}

/// What the workers believe, to be compared with what the queue says.
#[derive(Default)]
struct Known {
    claims: BTreeSet<Ticket>,
    /// How many of them came to an end that their worker lived to see.
    ended: usize,
    /// Of batches whose completion was acknowledged as stored.
    stored: BTreeMap<u64, Vec<u8>>,
}

/// One worker's life: claims, extends, completes, gives up, until its time is over in the middle of whatever it does.
async fn live(jobs: SqlJobs, name: String, hand: Hand, known: Arc<Mutex<Known>>, mut rng: ChaCha20Rng) {
    loop {
        let Some(claim) = jobs.claim(&name, LEASE).await.unwrap() else {
            hand.forward(rng.gen_range(0..4_000));
            continue;
        };
        let ticket = claim.ticket;
        assert!(known.lock().unwrap().claims.insert(ticket), "{ticket:?} was claimed twice");
        hand.forward(rng.gen_range(0..6_000));
        if rng.gen() {
            let extended = jobs.extend(ticket, LEASE).await;
            assert!(matches!(extended, Ok(()) | Err(JobError::Over { .. })), "{extended:?}");
        }
        if rng.gen_ratio(1, 4) {
            let given_up = jobs.give_up(ticket, "a bad day").await;
            assert!(matches!(given_up, Ok(_) | Err(JobError::Over { .. })), "{given_up:?}");
            known.lock().unwrap().ended += 1;
            continue;
        }
        let proof = rng.gen::<[u8; 8]>().to_vec();
        let completed = jobs.complete(ticket, &name, &proof).await.unwrap();
        known.lock().unwrap().ended += 1;
        if completed == Completed::Stored {
            let before = known.lock().unwrap().stored.insert(ticket.batch, proof);
            assert_eq!(before, None, "batch {} has two outcomes", ticket.batch);
        }
    }
}

/// A life that ends in the middle of a statement, or when its answer arrives: sooner by the clock on a slow machine, sooner
/// by what it has done on a fast one. The connection dies with it, whatever is under way.
async fn mortal(jobs: SqlJobs, name: String, hand: Hand, known: Arc<Mutex<Known>>, mut rng: ChaCha20Rng) {
    let after = Duration::from_millis(rng.gen_range(1..60));
    let mut steps = rng.gen_range(1..20_u32);
    let mut life = pin!(live(jobs, name, hand, known, rng));
    let stepped = poll_fn(|context| {
        steps -= 1;
        if steps == 0 {
            return Poll::Ready(());
        }
        life.as_mut().poll(context)
    });
    drop(tokio::time::timeout(after, stepped).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_die_at_any_point_leave_nothing_behind_and_no_job_has_two_outcomes() {
    let seed = 61;
    println!("seed {seed}");
    for place in places().await {
        let hand = Hand::new();
        let known = Arc::new(Mutex::new(Known::default()));
        let watcher = queue(&hand, &place.url).await;
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut outcomes: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let (mut lives, mut batches, mut deaths) = (0, BATCHES, 0);
        // Where a machine is fast enough to finish them before anyone dies at work, there are more.
        while (outcomes.len() as u64) < batches || deaths == 0 {
            if outcomes.len() as u64 == batches {
                more(&watcher, batches).await;
                batches += BATCHES;
            }
            let crowd: Vec<_> = (0..3)
                .map(|n| {
                    let (name, url) = (format!("life {lives}.{n}"), place.url.clone());
                    let (hand, known) = (hand.clone(), known.clone());
                    let rng = ChaCha20Rng::seed_from_u64(rng.gen());
                    tokio::spawn(async move {
                        let jobs = hand.open(&url).await;
                        mortal(jobs, name, hand, known, rng).await;
                    })
                })
                .collect();
            for life in crowd {
                life.await.unwrap();
            }
            lives += 1;
            for job in watcher.list(0, 1_000).await.unwrap() {
                let proof = watcher.proof(job.batch).await.unwrap();
                // The last statement of a dead worker may still commit between the two reads.
                assert!(proof.is_some() || job.stage != Stage::Proven);
                let Some(proof) = proof else { continue };
                let first = outcomes.entry(job.batch).or_insert_with(|| proof.clone());
                assert_eq!(*first, proof, "batch {} has two outcomes", job.batch);
                if let Some(said) = known.lock().unwrap().stored.get(&job.batch) {
                    assert_eq!(*said, proof, "batch {}: another proof than the acknowledged one", job.batch);
                }
            }
            deaths = {
                let known = known.lock().unwrap();
                known.claims.len() - known.ended
            };
            hand.forward(1_000);
        }
        let attempts: u64 = watcher.list(0, 1_000).await.unwrap().iter().map(|job| job.attempt).sum();
        println!("{lives} rounds of lives, {deaths} deaths at work, {attempts} attempts for {batches} batches");
        assert!(known.lock().unwrap().claims.len() as u64 <= attempts);
        place.clear().await;
    }
}
