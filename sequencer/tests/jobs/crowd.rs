//! Many workers over connections of their own, who die at any point: each job has one holder at a time and one outcome for ever.

use crate::places::places;
use crate::Hand;
use novation_sequencer::jobs::{Completed, JobError, Jobs, SqlJobs, Stage, Ticket};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const BATCHES: u64 = 24;
const LEASE: Duration = Duration::from_secs(10);

async fn queue(hand: &Hand, url: &str) -> SqlJobs {
    let jobs = hand.open(url).await;
    for batch in 1..=BATCHES {
        jobs.enqueue(batch, &format!("batch-{batch}")).await.unwrap();
    }
    jobs
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
    given_up: u64,
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
            known.lock().unwrap().given_up += 1;
            continue;
        }
        let proof = rng.gen::<[u8; 8]>().to_vec();
        let completed = jobs.complete(ticket, &name, &proof).await.unwrap();
        if completed == Completed::Stored {
            let before = known.lock().unwrap().stored.insert(ticket.batch, proof);
            assert_eq!(before, None, "batch {} has two outcomes", ticket.batch);
        }
    }
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
        let mut lives = 0;
        while outcomes.len() < BATCHES as usize {
            let crowd: Vec<_> = (0..3)
                .map(|n| {
                    let (name, url) = (format!("life {lives}.{n}"), place.url.clone());
                    let (hand, known) = (hand.clone(), known.clone());
                    let (mut rng, after) = (ChaCha20Rng::seed_from_u64(rng.gen()), rng.gen_range(1..40));
                    tokio::spawn(async move {
                        let jobs = hand.open(&url).await;
                        let after = Duration::from_millis(after + rng.gen_range(0..20));
                        // The connection dies with it, whatever statement is under way.
                        drop(tokio::time::timeout(after, live(jobs, name, hand, known, rng)).await);
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
            hand.forward(1_000);
        }
        let jobs = watcher.list(0, 1_000).await.unwrap();
        let attempts: u64 = jobs.iter().map(|job| job.attempt).sum();
        println!("{lives} rounds of lives, {attempts} attempts for {BATCHES} batches");
        assert!(known.lock().unwrap().claims.len() as u64 <= attempts);
        let failures: u64 = jobs.iter().map(|job| job.failures).sum();
        assert!(failures > known.lock().unwrap().given_up, "nobody died at work: the test shows nothing");
        place.clear().await;
    }
}
