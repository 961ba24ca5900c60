//! One sequencer a log: a second one is told so, and nobody reads while a commit of the one before may still come.

use crate::load::{nobody, Load};
use crate::places::{places, run, sqlite, Place};
use novation_sequencer::durable::row::Row;
use novation_sequencer::durable::store::Base;
use novation_sequencer::durable::{Limits, SqlStore, Store, StoreError};
use novation_state::size::TINY;
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(200);

async fn refused(url: &str) {
    let error = SqlStore::open_within(url, MOMENT).await.err().expect("somebody holds the log");
    assert!(matches!(error, StoreError::Running { waited: MOMENT }), "{error}");
    assert_eq!(error.to_string(), "another sequencer is running on this log: it has not let go of it in 0.2 s");
}

fn row(position: u64) -> Row {
    let [root, seal] = [[1; 32], [2; 32]];
    Row { position, time: 0, kind: 1, body: vec![1], root, seal, submission: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sequencer_is_refused_for_as_long_as_the_first_one_lives() {
    for place in places().await {
        let mut load = Load::new(51, TINY, 3);
        let store = SqlStore::open(&place.url).await.unwrap();
        refused(&place.url).await;
        let (handle, task) = load.start(store, nobody(), Limits::default()).await;
        load.open(&handle).await;
        refused(&place.url).await;
        // The first one never noticed.
        for order in load.orders(3, 1) {
            handle.order(order).await.unwrap();
        }
        drop(handle);
        let (engine, store) = task.await.unwrap().unwrap();
        refused(&place.url).await;
        drop(store);
        let mut store = SqlStore::open(&place.url).await.unwrap();
        assert_eq!(load.recover(&mut store, &mut nobody()).await.engine.log(), engine.log());
        store.close().await.unwrap();
        place.clear().await;
    }
}

#[tokio::test]
async fn one_file_has_one_lock_by_whatever_path_it_is_opened() {
    let place = sqlite();
    let path = place.url.strip_prefix("sqlite:").unwrap();
    let link = format!("{path}.link");
    let store = SqlStore::open(&place.url).await.unwrap();
    std::os::unix::fs::symlink(path, &link).unwrap();
    refused(&format!("sqlite:{link}")).await;
    store.close().await.unwrap();
    SqlStore::open(&format!("sqlite:{link}")).await.unwrap().close().await.unwrap();
}

/// The server's part of a crash, stretched: the client is gone while its commit is under way.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_outlives_its_client_is_read_by_the_next_one() {
    for place in places().await.into_iter().filter(|place| place.url.starts_with("postgres")) {
        let mut first = SqlStore::open(&place.url).await.unwrap();
        let base = Base { deployment: [1; 32], position: 0, root: [2; 32], ledger: [3; 32], markets: [4; 32] };
        first.base(&base).await.unwrap();
        let options = sqlx::postgres::PgConnectOptions::from_str(&place.url).unwrap();
        let mut gate = options.connect().await.unwrap();
        let key = gate_key(&mut gate).await;
        let stop = format!(
            "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock({key}); RETURN NULL; END $$"
        );
        run(&place.url, &stop).await;
        let at_commit = "CREATE CONSTRAINT TRIGGER stop AFTER INSERT ON log DEFERRABLE INITIALLY DEFERRED
                         FOR EACH ROW EXECUTE FUNCTION stop()";
        run(&place.url, at_commit).await;
        sqlx::query("SELECT pg_advisory_lock($1)").bind(key).execute(&mut gate).await.unwrap();
        let append = tokio::spawn(async move { first.append(&[row(1)]).await });
        let waits =
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid::int8 = $1 AND NOT granted)";
        while !sqlx::query_scalar::<_, bool>(waits).bind(key).fetch_one(&mut gate).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        append.abort();
        assert!(append.await.unwrap_err().is_cancelled());
        refused(&place.url).await;

        let url = place.url.clone();
        let next = tokio::spawn(async move { SqlStore::open(&url).await });
        sqlx::query("SELECT pg_advisory_unlock($1)").bind(key).execute(&mut gate).await.unwrap();
        let mut next = next.await.unwrap().unwrap();
        assert_eq!(next.read(0, 9).await.unwrap(), [row(1)]);
        next.close().await.unwrap();
        gate.close().await.unwrap();
        place.clear().await;
    }
}

/// A key for this place, of which another test on the same server knows nothing.
async fn gate_key(connection: &mut sqlx::PgConnection) -> i64 {
    let text = "SELECT oid::int8 FROM pg_namespace WHERE nspname = current_schema()";
    sqlx::query_scalar(text).fetch_one(connection).await.unwrap()
}

/// SQLite's part of a crash: its thread goes on for a moment after its owner is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_outlives_its_store_keeps_the_lock() {
    let place: Place = sqlite();
    let mut first = SqlStore::open(&place.url).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::from_str(&place.url).unwrap();
    let mut other = options.connect().await.unwrap();
    // Its transaction keeps the first one's from going on.
    let blocks = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    // Begun at once, and dropped with its store.
    let append = tokio::time::timeout(MOMENT, async move { first.append(&[row(1)]).await }).await;
    append.expect_err("the other one's transaction keeps it from going on");
    refused(&place.url).await;
    blocks.rollback().await.unwrap();
    let mut next = SqlStore::open(&place.url).await.unwrap();
    // Its transaction was never told to commit.
    assert_eq!(next.read(0, 9).await.unwrap(), []);
    next.close().await.unwrap();
    other.close().await.unwrap();
}
