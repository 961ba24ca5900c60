//! What recovery notices: everything that is not as it was written, by its exact name.

use crate::load::{nobody, Load};
use crate::places::{places, run};
use crate::stores::Memory;
use novation_sequencer::durable::codec::DecodeError;
use novation_sequencer::durable::row::Row;
use novation_sequencer::durable::{recover, Limits, Recovered, RecoveryError, SqlStore, Store, StoreError};
use novation_sequencer::log::Head;
use novation_sequencer::{Engine, Event};
use novation_state::size::TINY;
use sha3::{Digest, Keccak256};

/// A log of deposits, batches, orders and a window.
async fn written<S: Store>(load: &mut Load, store: S) -> (Engine, S) {
    let (handle, task) = load.start(store, nobody(), Limits::default()).await;
    load.open(&handle).await;
    for order in load.orders(20, 1) {
        handle.order(order).await.unwrap();
    }
    handle.event(Event::Window).await.unwrap();
    load.batch(&handle).await;
    drop(handle);
    task.await.unwrap().unwrap()
}

async fn again(load: &Load, store: &mut Memory, anchor: Option<Head>) -> Result<Recovered, RecoveryError> {
    recover(store, load.engine(), anchor, &mut nobody()).await
}

/// What the second recovery makes of a row that somebody has changed.
async fn after(load: &Load, store: &Memory, tamper: impl FnOnce(&mut Vec<Row>)) -> RecoveryError {
    let mut changed = store.clone();
    tamper(&mut changed.rows);
    again(load, &mut changed, None).await.err().expect("a changed log does not recover")
}

/// A seal by another implementation, for rows that somebody with the database's password would write.
fn sealed(mut row: Row, before: &Row) -> Row {
    let bytes = [&before.seal[..], &row.position.to_be_bytes(), &row.root, &row.body].concat();
    row.seal = Keccak256::digest(bytes).into();
    row
}

#[tokio::test]
async fn missing_and_changed_rows_are_named() {
    let mut load = Load::new(11, TINY, 3);
    let (engine, store) = written(&mut load, Memory::default()).await;
    let recovered = again(&load, &mut store.clone(), Some(engine.log())).await.unwrap();
    assert_eq!(recovered.engine.log(), engine.log());
    let at = |rows: &[Row], position: u64| rows.iter().position(|row| row.position == position).unwrap();

    let error = after(&load, &store, |rows| drop(rows.remove(at(rows, 9)))).await;
    assert!(matches!(error, RecoveryError::Gap { expected: 9, found: 10 }), "{error}");
    let error = after(&load, &store, |rows| drop(rows.remove(0))).await;
    assert!(matches!(error, RecoveryError::Gap { expected: 1, found: 2 }), "{error}");
    let edits: [fn(&mut Row); 6] = [
        |row| row.body[20] ^= 1,
        |row| row.root[31] ^= 1,
        |row| row.seal[0] ^= 1,
        |row| row.time += 1,
        |row| row.kind = 2,
        |row| row.submission = None,
    ];
    for edit in edits {
        let error = after(&load, &store, |rows| edit(&mut rows[11])).await;
        assert!(matches!(error, RecoveryError::Changed { position: 12 }), "{error}");
    }
    let error = after(&load, &store, |rows| {
        let (body, other) = (rows[11].body.clone(), rows[12].body.clone());
        (rows[11].body, rows[12].body) = (other, body);
    })
    .await;
    assert!(matches!(error, RecoveryError::Changed { position: 12 }), "{error}");
}

#[tokio::test]
async fn rows_that_this_program_cannot_have_written_are_named() {
    let mut load = Load::new(12, TINY, 3);
    let (_, store) = written(&mut load, Memory::default()).await;
    let error = after(&load, &store, |rows| {
        let mut row = rows[11].clone();
        row.body[0] = 2;
        rows[11] = sealed(row, &rows[10]);
    })
    .await;
    let version = DecodeError::Version { found: 2 };
    assert!(matches!(&error, RecoveryError::Unreadable { position: 12, reason } if *reason == version), "{error}");
    // A forged order: sealed, but not signed.
    let error = after(&load, &store, |rows| {
        let mut row = rows[11].clone();
        let last = row.body.len() - 2;
        row.body[last] ^= 1;
        let key = [&row.body[..2], &row.body[10..]].concat();
        row.submission = Some(Keccak256::digest(key).into());
        rows[11] = sealed(row, &rows[10]);
    })
    .await;
    assert!(matches!(error, RecoveryError::Refused { position: 12, .. }), "{error}");
    // Another root under a good seal.
    let error = after(&load, &store, |rows| {
        let mut row = rows[11].clone();
        row.root[31] ^= 1;
        rows[11] = sealed(row, &rows[10]);
    })
    .await;
    assert!(matches!(error, RecoveryError::Diverged { position: 12 }), "{error}");
}

#[tokio::test]
async fn another_secret_or_venue_does_not_go_on_with_the_log() {
    let mut load = Load::new(13, TINY, 3);
    let (_, store) = written(&mut load, Memory::default()).await;
    // The first batch's salts derive from the secret.
    let engine = load.engine_with([1; 32]);
    let error = recover(&mut store.clone(), engine, None, &mut nobody()).await.err().unwrap();
    let first_batch = store.rows.iter().find(|row| row.kind == 6).unwrap().position;
    assert!(matches!(error, RecoveryError::Diverged { position } if position == first_batch), "{error}");
    let stranger = Load::new(14, TINY, 3).engine();
    let error = recover(&mut store.clone(), stranger, None, &mut nobody()).await.err().unwrap();
    assert!(matches!(error, RecoveryError::OtherBase { what: "ledger" }), "{error}");
}

#[tokio::test]
async fn rows_cut_off_the_end_are_missed_by_who_knows_a_later_head() {
    let mut load = Load::new(15, TINY, 3);
    let (engine, store) = written(&mut load, Memory::default()).await;
    let head = engine.log();
    let mut cut = store.clone();
    cut.rows.truncate(20);
    assert_eq!(again(&load, &mut cut, None).await.unwrap().engine.log().position, 20);
    let error = again(&load, &mut cut, Some(head)).await.err().unwrap();
    assert!(matches!(error, RecoveryError::Behind { found: 20, known } if known == head.position), "{error}");
    let forked = Head { position: 17, root: head.root };
    let error = again(&load, &mut store.clone(), Some(forked)).await.err().unwrap();
    assert!(matches!(error, RecoveryError::Forked { position: 17 }), "{error}");
    let other = Head { position: 0, root: head.root };
    let error = again(&load, &mut store.clone(), Some(other)).await.err().unwrap();
    assert!(matches!(error, RecoveryError::Forked { position: 0 }), "{error}");
}

#[tokio::test]
async fn databases_give_the_log_back_and_tampering_with_them_is_named() {
    for place in places().await {
        println!("{}", place.url.split(':').next().unwrap());
        let mut load = Load::new(16, TINY, 3);
        let store = SqlStore::open(&place.url).await.unwrap();
        let (engine, store) = written(&mut load, store).await;
        store.close().await.unwrap();
        let mut store = SqlStore::open(&place.url).await.unwrap();
        let recovered = load.recover(&mut store, &mut nobody()).await;
        assert_eq!(recovered.engine.log(), engine.log());
        assert_eq!(recovered.engine.ledger(), engine.ledger());
        assert_eq!(recovered.engine.markets(), engine.markets());
        let recover = async |store: &mut SqlStore| recover(store, load.engine(), None, &mut nobody()).await.err();

        run(&place.url, "UPDATE log SET body = root WHERE position = 14").await;
        let error = recover(&mut store).await.unwrap();
        assert!(matches!(error, RecoveryError::Changed { position: 14 }), "{error}");
        run(&place.url, "DELETE FROM log WHERE position = 7").await;
        let error = recover(&mut store).await.unwrap();
        assert!(matches!(error, RecoveryError::Gap { expected: 7, found: 8 }), "{error}");
        run(&place.url, "UPDATE log SET kind = -1 WHERE position = 5").await;
        let error = recover(&mut store).await.unwrap();
        let column = |error: &RecoveryError| {
            matches!(error, RecoveryError::Store(StoreError::Column { position: 5, column: "kind" }))
        };
        assert!(column(&error), "{error}");
        store.close().await.unwrap();
        place.clear().await;
    }
}

#[tokio::test]
async fn databases_that_would_lose_commits_are_refused() {
    let error = SqlStore::open("sqlite::memory:").await.err().unwrap();
    let memory = |error: &StoreError| matches!(error, StoreError::NotDurable { setting: "journal_mode", found, wanted: "wal" } if found == "memory");
    assert!(memory(&error), "{error}");
    let error = SqlStore::open("mysql://nowhere/x").await.err().unwrap();
    assert!(matches!(&error, StoreError::Scheme { scheme } if scheme == "mysql"), "{error}");
}
