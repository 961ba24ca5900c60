//! Commits that fail: whatever was acknowledged is there, nobody was told anything that is not, and sending again
//! settles the rest.

use crate::load::{nobody, Load};
use crate::places::places;
use crate::stores::{Failing, Failure, Gated, Memory};
use novation_sequencer::durable::{Limits, SignedReceipt, SqlStore, StoreError, SubmitError};
use novation_sequencer::reason::Refused;
use novation_state::size::TINY;
use std::sync::Arc;
use tokio::sync::Semaphore;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_whichever_commit_fails() {
    for failure in [Failure::Before, Failure::After] {
        for left in [0, 1, 4] {
            for place in places().await {
                println!("{failure:?} commit {left}");
                let mut load = Load::new(31, TINY, 3);
                let store = SqlStore::open(&place.url).await.unwrap();
                let (handle, task) = load.start(store, nobody(), Limits::default()).await;
                load.open(&handle).await;
                drop(handle);
                let (_, inner) = task.await.unwrap().unwrap();
                let store = Failing { inner, left, failure };
                let (handle, task) = load.start(store, nobody(), Limits { queue: 100, group: 5 }).await;
                let orders = load.orders(40, 1);
                let sent: Vec<_> = orders
                    .iter()
                    .map(|order| {
                        let (handle, order) = (handle.clone(), *order);
                        tokio::spawn(async move { handle.order(order).await })
                    })
                    .collect();
                let mut answers: Vec<Result<SignedReceipt, SubmitError>> = Vec::new();
                for task in sent {
                    answers.push(task.await.unwrap());
                }
                let error = task.await.unwrap().err().unwrap();
                assert!(matches!(error, StoreError::Database(sqlx::Error::WorkerCrashed)), "{error}");
                let acknowledged = answers.iter().filter(|answer| answer.is_ok()).count();
                assert!(acknowledged >= left && acknowledged <= 5 * left, "{acknowledged} in {left} commits");
                assert!(answers.iter().all(|a| matches!(a, Ok(_) | Err(SubmitError::Unknown | SubmitError::Stopped))));
                assert_eq!(handle.order(orders[0]).await, Err(SubmitError::Stopped));

                let store = SqlStore::open(&place.url).await.unwrap();
                let (handle, task) = load.start(store, nobody(), Limits::default()).await;
                let mut positions = Vec::new();
                for (order, before) in orders.iter().zip(&answers) {
                    let receipt = handle.order(*order).await.unwrap();
                    if let Ok(before) = before {
                        assert_eq!(receipt, *before);
                    }
                    positions.push(receipt.receipt.position);
                }
                positions.sort_unstable();
                positions.dedup();
                assert_eq!(positions.len(), orders.len());
                drop(handle);
                let (engine, store) = task.await.unwrap().unwrap();
                // Deposits, batches with proofs, and every order once.
                assert_eq!(engine.log().position, 3 + 4 + 40);
                store.close().await.unwrap();
                place.clear().await;
            }
        }
    }
}

// On one thread, so that what is spawned has run by the time that a yield returns.
#[tokio::test]
async fn a_refusal_for_an_order_that_was_not_stored_is_never_said() {
    let mut load = Load::new(32, TINY, 3);
    let (handle, task) = load.start(Memory::default(), nobody(), Limits::default()).await;
    load.open(&handle).await;
    drop(handle);
    let (_, memory) = task.await.unwrap().unwrap();

    for fails in [false, true] {
        let (arrived, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        // The second commit fails, or the hundredth, which never comes.
        let inner = Failing { inner: memory.clone(), left: if fails { 1 } else { 99 }, failure: Failure::Before };
        let store = Gated { inner, arrived: arrived.clone(), permits: permits.clone() };
        let (handle, task) = load.start(store, nobody(), Limits { queue: 4, group: 4 }).await;
        let (first, newer, older) = (load.order(0, 1, 1), load.order(1, 1, 9), load.order(1, 1, 8));
        let waits = {
            let handle = handle.clone();
            tokio::spawn(async move { handle.order(first).await })
        };
        arrived.acquire().await.unwrap().forget();
        // These two queue up behind the first one's commit, in this order, and make one group.
        let both = {
            let handle = handle.clone();
            tokio::spawn(async move { tokio::join!(biased; handle.order(newer), handle.order(older)) })
        };
        tokio::task::yield_now().await;
        permits.add_permits(99);
        assert_eq!(waits.await.unwrap().unwrap().receipt.message, first.order.hash());
        let (newer_answer, older_answer) = both.await.unwrap();
        let binding = older.order.binding;
        let (account, order_slot) = (binding.account, binding.order_slot);
        if fails {
            assert_eq!((newer_answer, older_answer), (Err(SubmitError::Unknown), Err(SubmitError::Unknown)));
            let error = task.await.unwrap().err().unwrap();
            assert!(matches!(error, StoreError::Database(sqlx::Error::WorkerCrashed)), "{error}");
        } else {
            assert_eq!(newer_answer.unwrap().receipt.message, newer.order.hash());
            let seen = Refused::NonceSeen { account, order_slot, nonce: 8, last: 9 };
            assert_eq!(older_answer, Err(SubmitError::Refused(seen)));
        }
    }
}
