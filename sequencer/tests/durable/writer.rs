//! The writer: receipts, repetition, backpressure, and what survives a restart.

use crate::load::{nobody, operator, Load};
use crate::places::{places, run};
use crate::stores::{Gated, Memory};
use novation_sequencer::durable::{Limits, Observer, SignedReceipt, SqlStore, StoreError, SubmitError};
use novation_sequencer::reason::Refused;
use novation_sequencer::{Event, Execution, SignedOrder};
use novation_state::crypto::eddsa::EddsaError;
use novation_state::reject::Rejection;
use novation_state::size::TINY;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// Everything it is told, as text.
fn notes() -> (Observer, Arc<Mutex<Vec<String>>>) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let write = notes.clone();
    (Box::new(move |effects| write.lock().unwrap().push(format!("{effects:?}"))), notes)
}

/// Sends orders side by side and returns their receipts in the same order.
async fn send(
    handle: &novation_sequencer::durable::Handle,
    orders: &[SignedOrder],
) -> Vec<Result<SignedReceipt, SubmitError>> {
    let tasks: Vec<_> = orders
        .iter()
        .map(|order| {
            let (handle, order) = (handle.clone(), *order);
            tokio::spawn(async move { handle.order(order).await })
        })
        .collect();
    let mut receipts = Vec::new();
    for task in tasks {
        receipts.push(task.await.unwrap());
    }
    receipts
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_orders_are_in_the_log_and_a_restart_tells_the_same_story() {
    for place in places().await {
        let mut load = Load::new(21, TINY, 5);
        let (observer, live) = notes();
        let store = SqlStore::open(&place.url).await.unwrap();
        let (handle, task) = load.start(store, observer, Limits::default()).await;
        load.open(&handle).await;
        let orders = load.orders(120, 1);
        let mut receipts = Vec::new();
        for some in orders.chunks(40) {
            receipts.extend(send(&handle, some).await);
            handle.event(Event::Window).await.unwrap();
            load.batch(&handle).await;
        }
        handle.event(Event::Batch).await.unwrap();
        let deployment = load.world.ledger.deployment().id;
        let mut positions = BTreeSet::new();
        for (order, receipt) in orders.iter().zip(&receipts) {
            let receipt = receipt.as_ref().unwrap();
            assert_eq!(receipt.verify(&operator().public(), &deployment), Ok(()));
            assert_eq!(receipt.receipt.message, order.order.hash());
            positions.insert(receipt.receipt.position);
        }
        assert_eq!(positions.len(), orders.len(), "one position each");
        drop(handle);
        let (engine, store) = task.await.unwrap().unwrap();
        store.close().await.unwrap();

        let (mut observer, told) = notes();
        let mut store = SqlStore::open(&place.url).await.unwrap();
        let recovered = load.recover(&mut store, &mut observer).await;
        assert_eq!(recovered.engine.log(), engine.log());
        assert_eq!(recovered.engine.ledger().root(), engine.ledger().root());
        assert_eq!(recovered.engine.markets().number(), engine.markets().number());
        assert_eq!(*told.lock().unwrap(), *live.lock().unwrap());
        let unproven: Vec<u64> = recovered.unproven.iter().map(|trace| trace.header.batch).collect();
        assert_eq!(unproven, [engine.ledger().head().batch]);
        store.close().await.unwrap();
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_submission_gets_the_same_receipt_and_one_place() {
    for place in places().await {
        let mut load = Load::new(22, TINY, 3);
        let store = SqlStore::open(&place.url).await.unwrap();
        let (handle, task) = load.start(store, nobody(), Limits::default()).await;
        load.open(&handle).await;
        let orders = load.orders(6, 1);
        let cancellation = load.cancellation(&orders[0]);
        // Side by side, one after the other, and after the order is gone.
        let six_times: Vec<SignedOrder> = orders.iter().flat_map(|order| [*order; 6]).collect();
        let receipts: Vec<SignedReceipt> = send(&handle, &six_times).await.into_iter().map(Result::unwrap).collect();
        for same in receipts.chunks(6) {
            assert_eq!(same, [same[0]; 6]);
        }
        let (one, two) = tokio::join!(handle.command(cancellation), handle.command(cancellation));
        let cancelled = one.unwrap();
        assert_eq!(two, Ok(cancelled));
        assert_eq!(handle.command(cancellation).await, Ok(cancelled));
        assert_eq!(handle.order(orders[0]).await, Ok(receipts[0]));
        drop(handle);
        let (engine, store) = task.await.unwrap().unwrap();
        // Three deposits, two batches with their proofs, six orders, a cancellation.
        assert_eq!(engine.log().position, 3 + 4 + 6 + 1);

        let (handle, task) = load.start(store, nobody(), Limits::default()).await;
        assert_eq!(handle.order(orders[3]).await, Ok(receipts[18]));
        assert_eq!(handle.command(cancellation).await, Ok(cancelled));
        // Not the same: the message is, but not what is to be done with it.
        let other = SignedOrder { execution: Execution::ThisWindow, ..orders[3] };
        let binding = other.order.binding;
        let seen = Refused::NonceSeen {
            account: binding.account,
            order_slot: binding.order_slot,
            nonce: binding.nonce,
            last: binding.nonce,
        };
        assert_eq!(handle.order(other).await, Err(SubmitError::Refused(seen)));
        drop(handle);
        let (after, store) = task.await.unwrap().unwrap();
        assert_eq!(after.log(), engine.log());
        store.close().await.unwrap();
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_submissions_leave_nothing_behind_however_often_they_come() {
    let mut load = Load::new(23, TINY, 3);
    let (handle, task) = load.start(Memory::default(), nobody(), Limits::default()).await;
    load.open(&handle).await;
    let mut order = load.order(0, 1, 1);
    let mut cancellation = load.cancellation(&order);
    cancellation.signature = order.signature;
    order.order.lots = novation_state::units::Lots::new(7).unwrap();
    let account = order.order.binding.account;
    let forged = Refused::Rule(Rejection::Signature { account, reason: EddsaError::EquationFails });
    for _ in 0..2 {
        assert_eq!(handle.order(order).await, Err(SubmitError::Refused(forged.clone())));
        let (one, two) = tokio::join!(handle.command(cancellation), handle.command(cancellation));
        assert_eq!(one, Err(SubmitError::Refused(forged.clone())));
        assert_eq!(two, Err(SubmitError::Refused(forged.clone())));
    }
    assert_eq!(
        handle.event(Event::Proven { batch: 9 }).await.unwrap_err(),
        SubmitError::Refused(Refused::NothingUnproven { batch: 9 })
    );
    drop(handle);
    let (engine, store) = task.await.unwrap().unwrap();
    assert_eq!((engine.log().position, store.rows.len()), (3 + 4, 3 + 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_busy_and_takes_nothing_in() {
    let mut load = Load::new(24, TINY, 3);
    let orders = load.orders(3, 1);
    let (handle, task) = load.start(Memory::default(), nobody(), Limits::default()).await;
    load.open(&handle).await;
    drop(handle);
    let (_, inner) = task.await.unwrap().unwrap();

    let (arrived, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let store = Gated { inner, arrived: arrived.clone(), permits: permits.clone() };
    let (handle, task) = load.start(store, nobody(), Limits { queue: 1, group: 8 }).await;
    let submit = |order: SignedOrder| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.order(order).await })
    };
    let first = submit(orders[0]);
    // Once its commit waits, one more has room in the queue, and whichever of two comes second has none.
    arrived.acquire().await.unwrap().forget();
    let busy = tokio::select! {
        answer = submit(orders[1]) => answer,
        answer = submit(orders[2]) => answer,
    };
    assert_eq!(busy.unwrap(), Err(SubmitError::Busy { waiting: 1 }));
    permits.add_permits(100);
    assert_eq!(first.await.unwrap().unwrap().receipt.message, orders[0].order.hash());
    let before = handle.order(orders[1]).await.unwrap();
    let after = handle.order(orders[2]).await.unwrap();
    assert_ne!(before.receipt.position, after.receipt.position);
    drop(handle);
    let (engine, _) = task.await.unwrap().unwrap();
    assert_eq!(engine.log().position, 3 + 4 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_whose_position_is_taken_stops_and_acknowledges_nothing() {
    for place in places().await {
        let mut load = Load::new(25, TINY, 3);
        let store = SqlStore::open(&place.url).await.unwrap();
        let (handle, task) = load.start(store, nobody(), Limits::default()).await;
        load.open(&handle).await;
        let orders = load.orders(2, 1);
        let position = handle.order(orders[0]).await.unwrap().receipt.position + 1;
        // By somebody who does not ask for the lock.
        let root = "root, seal, NULL FROM log WHERE position = 1";
        run(&place.url, &format!("INSERT INTO log SELECT {position}, time, kind, body, {root}")).await;
        assert_eq!(handle.order(orders[1]).await, Err(SubmitError::Unknown));
        let error = task.await.unwrap().err().unwrap();
        assert!(matches!(error, StoreError::Taken { first } if first == position), "{error}");
        assert_eq!(handle.order(orders[1]).await, Err(SubmitError::Stopped));
        assert_eq!(handle.inspect(|engine| engine.log()).await, Err(SubmitError::Stopped));
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_see_what_was_submitted_before_and_nothing_that_is_not_stored() {
    let mut load = Load::new(26, TINY, 3);
    let orders = load.orders(2, 1);
    let (handle, task) = load.start(Memory::default(), nobody(), Limits::default()).await;
    load.open(&handle).await;
    drop(handle);
    let (_, inner) = task.await.unwrap().unwrap();

    let (arrived, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let store = Gated { inner, arrived: arrived.clone(), permits: permits.clone() };
    let (handle, task) = load.start(store, nobody(), Limits { queue: 8, group: 8 }).await;
    let submit = |order: SignedOrder| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.order(order).await.unwrap().receipt.position })
    };
    let first = submit(orders[0]);
    arrived.acquire().await.unwrap().forget();
    // The engine has taken the order in; its commit waits, and so does the read.
    let mut position = tokio::spawn({
        let handle = handle.clone();
        async move { handle.inspect(|engine| engine.log().position).await }
    });
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), &mut position).await;
    assert!(early.is_err(), "{early:?}");
    permits.add_permits(100);
    let stored = first.await.unwrap();
    assert_eq!(position.await.unwrap(), Ok(stored));
    let second = submit(orders[1]).await.unwrap();
    assert_eq!(handle.inspect(|engine| engine.log().position).await, Ok(second));
    // A reader's panic is the reader's.
    let reader = handle.clone();
    let panicked = tokio::spawn(async move { reader.inspect(|_| -> u64 { panic!("a bad reader") }).await }).await;
    assert_eq!(panicked.unwrap_err().into_panic().downcast_ref::<&str>(), Some(&"a bad reader"));
    assert_eq!(handle.inspect(|engine| engine.backlog().unproven).await, Ok(0));
    drop(handle);
    task.await.unwrap().unwrap();
}
