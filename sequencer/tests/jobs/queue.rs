//! One operation after the other.

use crate::places::places;
use crate::Hand;
use novation_sequencer::durable::{SqlStore, StoreError};
use novation_sequencer::jobs::{Claim, Completed, GivenUp, JobError, Jobs, Stage, Ticket, NEEDS_PERSON};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(10);

fn ticket(batch: u64, attempt: u64) -> Ticket {
    Ticket { batch, attempt }
}

fn claim(batch: u64, attempt: u64, failures: u64) -> Option<Claim> {
    Some(Claim { ticket: ticket(batch, attempt), witness: format!("batch-{batch}"), failures })
}

/// The error as text, in which every claim and batch stands.
fn said<T: std::fmt::Debug>(result: Result<T, JobError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn jobs_are_claimed_oldest_first_and_each_by_one_worker_until_its_lease_is_over() {
    for place in places().await {
        let hand = Hand::new();
        // The log's writer holds its lock all the while.
        let store = SqlStore::open(&place.url).await.unwrap();
        let jobs = hand.open(&place.url).await;
        assert_eq!(jobs.claim("ada", LEASE).await.unwrap(), None);
        for batch in [2, 1, 3] {
            jobs.enqueue(batch, &format!("batch-{batch}")).await.unwrap();
        }
        assert_eq!(jobs.claim("ada", LEASE).await.unwrap(), claim(1, 1, 0));
        assert_eq!(jobs.claim("ben", LEASE).await.unwrap(), claim(2, 1, 0));
        hand.forward(9_999);
        jobs.extend(ticket(2, 1), LEASE).await.unwrap();
        hand.forward(1);
        // Ada's is over to the millisecond; Ben has extended his.
        assert_eq!(jobs.claim("cyd", LEASE).await.unwrap(), claim(1, 2, 1));
        assert_eq!(jobs.claim("cyd", LEASE).await.unwrap(), claim(3, 1, 0));
        assert_eq!(jobs.claim("dan", LEASE).await.unwrap(), None);
        assert_eq!(said(jobs.extend(ticket(1, 1), LEASE).await), "attempt 1 of batch 1 is over");
        assert_eq!(said(jobs.give_up(ticket(1, 1), "late").await), "attempt 1 of batch 1 is over");
        assert_eq!(said(jobs.hand_back(ticket(1, 1)).await), "attempt 1 of batch 1 is over");
        // A lease that ran out can be extended as long as nobody else has the job.
        hand.forward(60_000);
        jobs.extend(ticket(1, 2), LEASE).await.unwrap();
        assert_eq!(jobs.claim("dan", LEASE).await.unwrap(), claim(2, 2, 1));
        jobs.close().await.unwrap();
        store.close().await.unwrap();
        place.clear().await;
    }
}

#[tokio::test]
async fn enqueueing_again_changes_nothing_but_the_witness_and_nothing_once_proven() {
    for place in places().await {
        let hand = Hand::new();
        let jobs = hand.open(&place.url).await;
        jobs.enqueue(7, "old").await.unwrap();
        let held = jobs.claim("ada", LEASE).await.unwrap().unwrap().ticket;
        hand.forward(5);
        let before = jobs.job(7).await.unwrap();
        jobs.enqueue(7, "new").await.unwrap();
        let after = jobs.job(7).await.unwrap();
        assert_eq!(after.witness, "new");
        assert_eq!(novation_sequencer::jobs::Job { witness: "old".into(), ..after }, before);
        assert_eq!(jobs.complete(held, "ada", b"proof").await.unwrap(), Completed::Stored);
        let proven = jobs.job(7).await.unwrap();
        jobs.enqueue(7, "other").await.unwrap();
        assert_eq!(jobs.job(7).await.unwrap(), proven);
        assert_eq!(jobs.claim("ben", LEASE).await.unwrap(), None);
        place.clear().await;
    }
}

#[tokio::test]
async fn the_first_proof_stays_whoever_brings_it() {
    for place in places().await {
        let hand = Hand::new();
        let jobs = hand.open(&place.url).await;
        jobs.enqueue(1, "batch-1").await.unwrap();
        assert_eq!(jobs.proof(1).await.unwrap(), None);
        let early = ticket(1, 1);
        assert_eq!(said(jobs.complete(early, "ada", b"x").await), "attempt 1 of batch 1 was never made");
        assert_eq!(jobs.claim("ada", LEASE).await.unwrap(), claim(1, 1, 0));
        hand.forward(20_000);
        assert_eq!(jobs.claim("ben", LEASE).await.unwrap(), claim(1, 2, 1));
        for attempt in [0, 3] {
            let never = ticket(1, attempt);
            assert_eq!(
                said(jobs.complete(never, "eve", b"x").await),
                format!("attempt {attempt} of batch 1 was never made")
            );
        }
        hand.forward(7);
        // Ada was taken for dead, and was not.
        assert_eq!(jobs.complete(early, "ada", b"hers").await.unwrap(), Completed::Stored);
        assert_eq!(jobs.complete(early, "ada", b"hers").await.unwrap(), Completed::Known);
        assert_eq!(jobs.complete(ticket(1, 2), "ben", b"his").await.unwrap(), Completed::Known);
        assert_eq!(jobs.proof(1).await.unwrap().unwrap(), b"hers");
        assert_eq!(said(jobs.extend(ticket(1, 2), LEASE).await), "attempt 2 of batch 1 is over");
        assert_eq!(said(jobs.give_up(ticket(1, 2), "no").await), "attempt 2 of batch 1 is over");
        let job = jobs.job(1).await.unwrap();
        assert_eq!((job.stage, job.proven, job.prover.as_deref()), (Stage::Proven, Some(hand.now()), Some("ada")));
        assert_eq!((job.claimed, job.worker.as_deref(), job.lease), (Some(hand.now() - 7), Some("ben"), None));
        assert_eq!(jobs.list(0, 9).await.unwrap(), [job]);
        assert_eq!(jobs.list(1, 9).await.unwrap(), []);
        place.clear().await;
    }
}

#[tokio::test]
async fn when_a_batch_was_final_is_written_once_and_outlives_the_process() {
    for place in places().await {
        let hand = Hand::new();
        let jobs = hand.open(&place.url).await;
        jobs.enqueue(1, "batch-1").await.unwrap();
        let held = jobs.claim("ada", LEASE).await.unwrap().unwrap().ticket;
        jobs.complete(held, "ada", b"proof").await.unwrap();
        assert_eq!(jobs.job(1).await.unwrap().finished, None);
        let proven = hand.now();
        hand.forward(30_000);
        assert_eq!(jobs.finish(1).await.unwrap(), proven + 30_000);
        jobs.close().await.unwrap();
        hand.forward(86_400_000);
        let jobs = hand.open(&place.url).await;
        assert_eq!(jobs.finish(1).await.unwrap(), proven + 30_000);
        let job = jobs.job(1).await.unwrap();
        assert_eq!((job.proven, job.finished), (Some(proven), Some(proven + 30_000)));
        assert_eq!(said(jobs.finish(2).await), "no proving job for batch 2 was ever enqueued");
        place.clear().await;
    }
}

#[tokio::test]
async fn jobs_that_are_given_up_open_again_after_a_pause_that_doubles() {
    for place in places().await {
        let hand = Hand::new();
        let jobs = hand.open(&place.url).await;
        jobs.enqueue(1, "batch-1").await.unwrap();
        jobs.enqueue(2, "batch-2").await.unwrap();
        for (failures, pause) in [(1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000), (5, 16_000)] {
            assert!(!jobs.job(1).await.unwrap().needs_person());
            let held = jobs.claim("ada", LEASE).await.unwrap().unwrap();
            assert_eq!(Some(held.clone()), claim(1, failures, failures - 1));
            let opens = hand.now() + pause;
            let given_up = jobs.give_up(held.ticket, "no memory").await.unwrap();
            assert_eq!(given_up, GivenUp { failures, opens });
            // Meanwhile others go on with the next one.
            hand.forward(pause - 1);
            let next = jobs.claim("ben", LEASE).await.unwrap().unwrap().ticket;
            assert_eq!(next.batch, 2);
            jobs.hand_back(next).await.unwrap();
            hand.forward(1);
        }
        let job = jobs.job(1).await.unwrap();
        assert!(job.needs_person());
        assert_eq!((job.stage, job.failures, job.reason.as_deref()), (Stage::Open, NEEDS_PERSON, Some("no memory")));
        // Handing back is no failure.
        assert_eq!((jobs.job(2).await.unwrap().failures, jobs.job(2).await.unwrap().attempt), (0, 5));
        // It is tried on all the same, and at once when a person says so.
        let held = jobs.claim("ada", LEASE).await.unwrap().unwrap();
        assert_eq!((held.ticket.batch, held.failures), (1, NEEDS_PERSON));
        jobs.give_up(held.ticket, "again").await.unwrap();
        assert_eq!(jobs.claim("ada", LEASE).await.unwrap().unwrap().ticket.batch, 2);
        jobs.retry(1).await.unwrap();
        let held = jobs.claim("ada", LEASE).await.unwrap().unwrap().ticket;
        assert_eq!(held.batch, 1);
        jobs.complete(held, "ada", b"proof").await.unwrap();
        assert!(!jobs.job(1).await.unwrap().needs_person());
        place.clear().await;
    }
}

#[tokio::test]
async fn batches_that_were_never_enqueued_are_named() {
    for place in places().await {
        let jobs = Hand::new().open(&place.url).await;
        jobs.enqueue(8, "batch-8").await.unwrap();
        let unknown = "no proving job for batch 7 was ever enqueued";
        assert_eq!(said(jobs.extend(ticket(7, 1), LEASE).await), unknown);
        assert_eq!(said(jobs.complete(ticket(7, 1), "ada", b"x").await), unknown);
        assert_eq!(said(jobs.give_up(ticket(7, 1), "x").await), unknown);
        assert_eq!(said(jobs.retry(7).await), unknown);
        assert_eq!(said(jobs.proof(7).await), unknown);
        assert_eq!(said(jobs.job(7).await), unknown);
        place.clear().await;
    }
}

/// The server loses the connection in the middle of a claim.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_anew() {
    for place in places().await.into_iter().filter(|place| place.url.starts_with("postgres")) {
        let jobs = Arc::new(Hand::new().open(&place.url).await);
        jobs.enqueue(1, "batch-1").await.unwrap();
        let mut gate = PgConnectOptions::from_str(&place.url).unwrap().connect().await.unwrap();
        let mut closed = gate.begin().await.unwrap();
        sqlx::query("LOCK TABLE proving_jobs IN ACCESS EXCLUSIVE MODE").execute(&mut *closed).await.unwrap();
        let claims = jobs.clone();
        let cut_off = tokio::spawn(async move { claims.claim("ada", LEASE).await });
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_locks
                   WHERE relation = 'proving_jobs'::regclass AND NOT granted";
        while sqlx::query_scalar::<_, bool>(cut).fetch_optional(&mut *closed).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let error = cut_off.await.unwrap().unwrap_err();
        assert!(matches!(error, JobError::Store(StoreError::Database(_))), "{error}");
        closed.rollback().await.unwrap();
        assert_eq!(jobs.claim("ada", LEASE).await.unwrap(), claim(1, 1, 0));
        gate.close().await.unwrap();
        place.clear().await;
    }
}
