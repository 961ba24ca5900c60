//! kill -9 at any moment: a second process takes orders until it is killed, and everything that it acknowledged must
//! be in the log.
//!
//! This shows that no answer leaves before its commit. That a commit survives a loss of power is the database's
//! promise; the store refuses one that does not make it.

use crate::load::{nobody, Load};
use crate::places::{places, sqlite};
use novation_sequencer::durable::{Limits, SignedReceipt, SqlStore};
use novation_sequencer::{Effect, Event, SignedOrder};
use novation_state::size::TINY;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const URL: &str = "NOVATION_CRASH_URL";
const ROUND: &str = "NOVATION_CRASH_ROUND";
const SEED: u64 = 41;
const ROUNDS: u32 = 4;
/// Orders that a child sends, unless it is killed first.
const ORDERS: usize = 400;
/// Tasks that send them.
const SENDERS: usize = 8;

fn load() -> Load {
    Load::new(SEED, TINY, 4)
}

/// The orders of a round; the parent makes the same.
fn orders(round: u32) -> Vec<SignedOrder> {
    load().orders(ORDERS, 1 + 10 * round)
}

fn signature(receipt: &SignedReceipt) -> String {
    receipt.signature.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends a round's orders, with windows and batches between them, and says of each when it has its receipt.
async fn send(url: &str, round: u32, said: impl Fn(usize, &SignedReceipt) + Clone + Send + 'static) {
    let load = load();
    let (handle, _task) = load.start(SqlStore::open(url).await.unwrap(), nobody(), Limits::default()).await;
    if round == 0 {
        load.open(&handle).await;
    }
    let orders = Arc::new(orders(round));
    let senders: Vec<_> = (0..SENDERS)
        .map(|first| {
            let (orders, handle, said) = (orders.clone(), handle.clone(), said.clone());
            tokio::spawn(async move {
                for n in (first..ORDERS).step_by(SENDERS) {
                    let receipt = handle.order(orders[n]).await.expect("a good order");
                    said(n, &receipt);
                }
            })
        })
        .collect();
    while senders.iter().any(|sender| !sender.is_finished()) {
        handle.event(Event::Window).await.unwrap();
        load.batch(&handle).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for sender in senders {
        sender.await.unwrap();
    }
}

/// The process to kill, when the other test starts it; left alone, it gets all its receipts.
#[tokio::test(flavor = "multi_thread")]
async fn load_that_nobody_kills_is_acknowledged_whole() {
    let (url, round) = (std::env::var(URL), std::env::var(ROUND));
    if let (Ok(url), Ok(round)) = (url, round) {
        return send(&url, round.parse().unwrap(), |n, receipt| {
            println!("ack {n} {} {}", receipt.receipt.position, signature(receipt));
        })
        .await;
    }
    let place = sqlite();
    let count = Arc::new(Mutex::new(0));
    let counted = count.clone();
    send(&place.url, 0, move |_, _| *counted.lock().unwrap() += 1).await;
    assert_eq!(*count.lock().unwrap(), ORDERS);
}

/// What a child said of an order: number, position, signature.
fn parse(line: &str) -> Option<(usize, u64, String)> {
    let mut words = line.split("ack ").nth(1)?.split_whitespace();
    let (n, position, signature) = (words.next()?, words.next()?, words.next()?);
    Some((n.parse().ok()?, position.parse().ok()?, signature.to_owned()))
}

/// Runs a child, kills it some time after its first receipt, and returns what it said before.
fn run_and_kill(url: &str, round: u32, after: Duration) -> Vec<(usize, u64, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::load_that_nobody_kills_is_acknowledged_whole", "--nocapture"])
        .env(URL, url)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut next = move || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        // What the kill cut short was not said.
        line.ends_with('\n').then_some(line)
    };
    let mut said = Vec::new();
    while said.is_empty() {
        said.extend(parse(&next().expect("the child gets a receipt before it is killed")));
    }
    let killer = std::thread::spawn(move || {
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap()
    });
    while let Some(line) = next() {
        said.extend(parse(&line));
    }
    let status = killer.join().unwrap();
    println!("round {round}, killed after {after:?}: {} receipts, {status}", said.len());
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_processes_leave_every_acknowledged_order_in_the_log() {
    println!("seed {SEED}");
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    for place in places().await {
        println!("{}", place.url.split(':').next().unwrap());
        let mut all = Vec::new();
        let (mut heads, mut unproven) = (Vec::new(), 0);
        for round in 0..ROUNDS {
            let said = run_and_kill(&place.url, round, Duration::from_millis(rng.gen_range(0..400)));
            let sent = orders(round);
            all.extend(said.into_iter().map(|(n, position, signature)| (sent[n], position, signature)));

            let entries = Arc::new(Mutex::new(BTreeMap::new()));
            let found = entries.clone();
            let mut observer: novation_sequencer::durable::Observer = Box::new(move |effects| {
                let Some(Effect::Logged(entry)) = effects.first() else { panic!("no entry: {effects:?}") };
                found.lock().unwrap().insert(entry.position, (**entry).clone());
            });
            let mut store = SqlStore::open(&place.url).await.unwrap();
            let load = load();
            let engine = load.recover(&mut store, &mut observer).await.engine;
            let again = load.recover(&mut store, &mut nobody()).await.engine;
            assert_eq!((engine.log(), engine.ledger()), (again.log(), again.ledger()));
            let entries = std::mem::take(&mut *entries.lock().unwrap());
            for (order, position, _) in &all {
                assert_eq!(entries[position].input.event, Event::Order(*order), "round {round}, position {position}");
            }
            // What one recovery found stays where it was after the next crash.
            heads.push(engine.log());
            unproven = engine.unproven();
            for head in heads.iter().filter(|head| head.position > 0) {
                assert_eq!(entries[&head.position].root, head.root, "round {round}");
            }
            store.close().await.unwrap();
        }
        // The receipts are the very same ones, byte for byte: the signature binds message, position, root and time.
        let store = SqlStore::open(&place.url).await.unwrap();
        let (handle, task) = load().start(store, nobody(), Limits::default()).await;
        for (order, position, said) in &all {
            let receipt = handle.order(*order).await.unwrap();
            assert_eq!((receipt.receipt.position, &signature(&receipt)), (*position, said));
        }
        drop(handle);
        let (engine, store) = task.await.unwrap().unwrap();
        // All that was added since: a batch that was made when the last child was killed is reported as proven.
        assert_eq!(engine.log().position, heads.last().unwrap().position + unproven);
        store.close().await.unwrap();
        place.clear().await;
    }
}
