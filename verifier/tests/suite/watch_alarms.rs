//! The watcher on chains that are wrong: each wrong thing has its alarm, and nothing after it is believed.

use crate::common::chains::{TestChain, FINALIZED_DEPTH};
use crate::common::setup::{Setup, FUNDS};
use crate::common::trapdoor::TrapdoorKey;
use crate::common::venue::Venue;
use crate::l1_liar::behind;
use crate::watch_chain::{config, patient, watcher};
use axum::body::{to_bytes, Body};
use axum::http::Request;
use novation_state::units::InstrumentId;
use novation_verifier::devnet::{Devnet, DevnetConfig};
use novation_verifier::encoding::to_hex_word;
use novation_verifier::watch::service::{once, OnceError};
use novation_verifier::watch::{http, Distrust, Limits, Severity, Shared, WatchConfig, Watcher};
use serde_json::Value;
use tower_service::Service;

async fn venue(seed: u64) -> Venue {
    let config = DevnetConfig {
        genesis_time: crate::common::chains::GENESIS_TIME,
        safe_depth: 1,
        finalized_depth: FINALIZED_DEPTH,
        ..DevnetConfig::default()
    };
    Venue::new(TestChain::on(&Devnet::new(config)).await, seed).await
}

async fn get(shared: &Shared, path: &str) -> (u16, Value) {
    let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
    let answer = http::router(shared.clone()).call(request).await.expect("infallible");
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a short body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}

fn standing(shared: &Shared) -> Vec<(&'static str, Severity)> {
    shared.read().board().standing().iter().map(|alarm| (alarm.name, alarm.severity)).collect()
}

#[tokio::test]
async fn forged_root_that_the_contract_accepted_stops_the_watcher_until_it_is_reorged_away() {
    let mut venue = venue(5).await;
    let mut watcher = watcher(&venue, config()).await;
    let shared = watcher.shared();
    let input = venue.newcomers();
    venue.run(input).await;
    assert_eq!(once(&mut watcher).await, Ok(()));
    let (believed, before) = (venue.world.ledger.root(), venue.world.clone());
    let snapshot = venue.setup.chain.snapshot().await;

    // The key's trapdoor proves anything: a root that does not follow from the published leaves.
    let input = venue.newcomers();
    let trace = venue.world.apply(input);
    venue.post_deposits(&trace).await;
    let mut forged = venue.submission(&trace);
    let honest = forged.batch.header.new_root;
    forged.batch.header.new_root += ark_bn254::Fr::from(1);
    let forged = venue.setup.prove_again(forged);
    venue.post(&forged).await;
    venue.setup.chain.mine(1).await;
    assert_eq!(once(&mut watcher).await, Err(OnceError::Alarms(vec!["root_mismatch".into()])));
    let expected =
        Distrust::Root { batch: 2, rebuilt: to_hex_word(&honest), claimed: to_hex_word(&forged.batch.header.new_root) };
    assert_eq!(shared.read().distrust().map(|(_, why)| why.clone()), Some(expected));
    // What was believed before is still served, and health says that something is wrong.
    assert_eq!(shared.read().newest().tree.root(), believed);
    let (status, health) = get(&shared, "/health").await;
    assert_eq!((status, &health["believed"], &health["alarms"][0]), (503, &false.into(), &"root_mismatch".into()));
    assert_eq!(watcher.poll().await.raised, [], "an alarm is raised once");

    venue.setup.chain.revert(snapshot).await;
    venue.world = before;
    let input = venue.newcomers();
    venue.run(input).await;
    let polled = watcher.poll().await;
    assert_eq!(polled.cleared.iter().map(|alarm| alarm.name).collect::<Vec<_>>(), ["root_mismatch"]);
    assert_eq!(shared.read().newest().tree, *venue.world.ledger.tree());
    assert_eq!(get(&shared, "/health").await.0, 200);
}

#[tokio::test]
async fn forged_root_that_became_final_stops_the_watcher_for_good() {
    let mut venue = venue(6).await;
    let mut watcher = watcher(&venue, config()).await;
    venue.post_markets().await;
    let trace = venue.newcomers();
    let trace = venue.world.apply(trace);
    venue.post_deposits(&trace).await;
    let mut forged = venue.submission(&trace);
    forged.batch.accounts[0].sealed[0] += ark_bn254::Fr::from(1);
    let forged = venue.setup.prove_again(forged);
    venue.post(&forged).await;
    venue.setup.chain.finalize().await;
    assert_eq!(once(&mut watcher).await, Err(OnceError::Alarms(vec!["root_mismatch".into()])));
    venue.setup.chain.mine(3).await;
    watcher.poll().await;
    assert_eq!(standing(&watcher.shared()), [("root_mismatch", Severity::Fatal)]);
    assert_eq!(watcher.shared().read().status().accepted.batch, 0);
}

#[tokio::test]
async fn contract_with_another_key_than_the_given_one_is_not_believed() {
    let venue = venue(7).await;
    let other = WatchConfig { keys: vec![TrapdoorKey::from_seed(22, 3).key()], ..config() };
    let mut watcher = self::watcher(&venue, other).await;
    assert_eq!(once(&mut watcher).await, Err(OnceError::Alarms(vec!["verifying_key".into()])));
    let circuit = venue.setup.size.circuit_id();
    let why = watcher.shared().read().distrust().map(|(_, why)| why.clone());
    assert_eq!(why, Some(Distrust::OtherKey { circuit }));
    let right = WatchConfig { keys: vec![venue.setup.trapdoor.key()], ..config() };
    let mut watcher = self::watcher(&venue, right).await;
    assert_eq!(once(&mut watcher).await, Ok(()));
}

/// A node that shows another proof than the one that the contract verified.
#[tokio::test]
async fn proof_that_does_not_verify_is_caught_even_if_l1_says_that_it_did() {
    let (setup, _, l1) = behind(|_, method, mut answer| {
        if method == "eth_getTransactionByHash" {
            let input = answer["input"].as_str().expect("hex").to_owned();
            // 0x, selector, 14 words of the header; then A (2 words), B (4), C (2).
            let word = |k: usize| 10 + 64 * k;
            if input.len() > word(30) {
                let (a, b, c) = (&input[word(14)..word(16)], &input[word(16)..word(20)], &input[word(20)..word(22)]);
                answer["input"] = format!("{}{c}{b}{a}{}", &input[..word(14)], &input[word(22)..]).into();
            }
        }
        answer
    })
    .await;
    let round = setup.l1.last_markets(alloy::eips::BlockId::latest()).await.expect("answered");
    assert_eq!(round.0, 0);
    let (root, time) = (novation_state::markets::Markets::new().root(), setup.chain.time().await);
    setup.l1.submit_markets(setup.oracle, 1, &root, time, &[]).await.expect("accepted");
    let mut batch = setup.next_batch(&[], None).await;
    batch.batch.header.markets_root = root;
    let batch = setup.prove_again(batch);
    setup.l1.submit_batch(setup.operator, &batch).await.expect("accepted");
    let mut watcher = Watcher::new(l1, config()).await.expect("found");
    assert_eq!(once(&mut watcher).await, Err(OnceError::Alarms(vec!["proof_invalid".into()])));
    // Shown the true proof it goes on to the next check.
    let mut watcher = Watcher::new(setup.l1.clone(), config()).await.expect("found");
    assert_eq!(once(&mut watcher).await, Err(OnceError::Alarms(vec!["root_mismatch".into()])));
}

#[tokio::test]
async fn markets_whose_leaves_do_not_have_their_root_are_not_believed() {
    let mut venue = venue(8).await;
    let mut watcher = watcher(&venue, config()).await;
    venue.world.tick(60);
    let id = InstrumentId::new(1).expect("in range");
    let honest = venue.world.markets.clone();
    // The oracle role posts a root in which one mark is another than in the leaf that it shows.
    venue.world.tamper_market(id, |leaf| {
        leaf.mark = novation_state::units::Ticks::new(leaf.mark.get() + 1).expect("in range")
    });
    let (shown, setup) = (honest, &venue.setup);
    let leaves: Vec<_> = shown.iter().map(|(id, leaf)| (id.get() as u32, leaf.words().to_vec())).collect();
    setup.chain.set_time(venue.world.time.get() as u64).await;
    setup.chain.mine(1).await;
    let (root, time) = (venue.world.markets.root(), shown.time().get() as u64);
    setup.l1.submit_markets(setup.oracle, 1, &root, time, &leaves).await.expect("accepted");
    assert_eq!(once(&mut watcher).await, Err(OnceError::Alarms(vec!["markets_root_mismatch".into()])));
    let shared = watcher.shared();
    match shared.read().distrust() {
        Some((_, Distrust::MarketsRoot { number: 1, claimed, .. })) => assert_eq!(*claimed, to_hex_word(&root)),
        other => panic!("{other:?}"),
    };
}

#[tokio::test]
async fn stalled_queue_is_an_error_until_a_batch_consumes_it() {
    let mut venue = venue(9).await;
    let limits = Limits { queue_seconds: 600, batch_seconds: 300, ..patient() };
    let mut watcher = watcher(&venue, WatchConfig { limits, ..WatchConfig::default() }).await;
    let shared = watcher.shared();
    let input = venue.newcomers();
    let trace = venue.world.apply(input);
    venue.post_markets().await;
    venue.post_deposits(&trace).await;
    let chain = &venue.setup.chain;
    // Long ago and not final: nobody could have consumed it.
    let wait = |seconds: u64| async move {
        chain.set_time(chain.time().await + seconds).await;
        chain.mine(1).await;
    };
    wait(400).await;
    assert_eq!((once(&mut watcher).await, standing(&shared)), (Ok(()), vec![]));
    chain.finalize().await;
    assert_eq!((once(&mut watcher).await, standing(&shared)), (Ok(()), vec![("no_batch", Severity::Warning)]));
    wait(300).await;
    assert_eq!(once(&mut watcher).await, Err(OnceError::Alarms(vec!["queue_stalled".into()])));
    assert_eq!(shared.read().status().waiting_deposits, 2);
    venue.post(&venue.submission(&trace)).await;
    assert_eq!((once(&mut watcher).await, standing(&shared)), (Ok(()), vec![]));
    let cleared = shared.read().alarms().over;
    assert_eq!(cleared.iter().map(|alarm| alarm.name).collect::<Vec<_>>(), ["no_batch", "queue_stalled"]);
}

#[tokio::test]
async fn mark_that_jumps_over_its_scan_range_is_odd_until_the_next_round() {
    let mut venue = venue(10).await;
    let limits = Limits { odd_percent: 100, ..patient() };
    let mut watcher = watcher(&venue, WatchConfig { limits, ..WatchConfig::default() }).await;
    let shared = watcher.shared();
    venue.post_markets().await;
    assert_eq!((once(&mut watcher).await, standing(&shared)), (Ok(()), vec![]));
    let id = InstrumentId::new(1).expect("in range");
    let mut rounds = Vec::new();
    for factor in [3, 1] {
        venue.world.time = novation_state::units::Time::new(venue.world.time.get() + 10).expect("in range");
        venue.world.set_market(id, |leaf| {
            leaf.mark = novation_state::units::Ticks::new(leaf.mark.get() * factor).expect("in range");
        });
        venue.post_markets().await;
        assert_eq!(once(&mut watcher).await, Ok(()), "a warning is no reason to stop");
        rounds.push(standing(&shared));
    }
    assert_eq!(rounds, [vec![("odd_mark", Severity::Warning)], vec![]]);
    let over = shared.read().alarms().over;
    assert_eq!((over.len(), over[0].subject.as_str()), (1, "1"));
}

#[tokio::test]
async fn replaced_final_block_and_dead_node_are_told_apart() {
    let venue = venue(11).await;
    let mut watcher = watcher(&venue, config()).await;
    let snapshot = venue.setup.chain.snapshot().await;
    venue.setup.deposit(venue.setup.depositors[0], 1, FUNDS / 2).await;
    venue.setup.chain.finalize().await;
    assert!(watcher.poll().await.synced);
    venue.setup.chain.revert(snapshot).await;
    venue.setup.deposit(venue.setup.depositors[1], 2, FUNDS / 3).await;
    venue.setup.chain.finalize().await;
    let polled = watcher.poll().await;
    assert_eq!(
        polled.raised.iter().map(|a| (a.name, a.severity)).collect::<Vec<_>>(),
        [("finality_violated", Severity::Fatal)]
    );

    let dead = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = dead.clone();
    let (_setup, _devnet, l1) = behind(move |_, method, answer| {
        let dead = seen.load(std::sync::atomic::Ordering::Relaxed);
        if dead && method == "eth_getLogs" {
            Value::from("no list")
        } else {
            answer
        }
    })
    .await;
    let mut watcher = Watcher::new(l1, config()).await.expect("found");
    dead.store(true, std::sync::atomic::Ordering::Relaxed);
    let polled = watcher.poll().await;
    assert_eq!(
        polled.raised.iter().map(|a| (a.name, a.severity)).collect::<Vec<_>>(),
        [("l1_unreadable", Severity::Error)]
    );
    assert!(matches!(once(&mut watcher).await, Err(OnceError::Unreadable(_))));
    dead.store(false, std::sync::atomic::Ordering::Relaxed);
    let polled = watcher.poll().await;
    assert_eq!((polled.synced, polled.cleared.len()), (true, 1), "it goes on where it stopped");
    assert_eq!(watcher.shared().read().status().waiting_deposits, 2);
}

#[tokio::test]
async fn routes_answer_as_documented_and_name_what_is_wrong() {
    let mut venue = venue(12).await;
    let mut watcher = watcher(&venue, config()).await;
    let shared = watcher.shared();
    let input = venue.newcomers();
    venue.run(input).await;
    assert_eq!(once(&mut watcher).await, Ok(()));
    let (status, body) = get(&shared, "/v1/status").await;
    assert_eq!((status, &body["accepted"]["batch"], &body["final"]["batch"]), (200, &1.into(), &0.into()));
    assert_eq!(body["accepted"]["root"], to_hex_word(&venue.world.ledger.root()));
    assert_eq!(body["money"]["inside"], "100000000000");
    let (_, listed) = get(&shared, "/v1/batches").await;
    let (status, batch) = get(&shared, "/v1/batches/1").await;
    assert_eq!((status, &batch, &batch["status"]), (200, &listed["batches"][0], &"accepted".into()));
    let (status, account) = get(&shared, "/v1/accounts/1").await;
    assert_eq!(
        (status, account["accepted"]["path"].as_array().map(Vec::len), &account["final"]),
        (200, Some(12), &Value::Null)
    );
    assert_eq!(account["accepted"]["ciphertext"].as_array().map(Vec::len), Some(8));
    let (_, markets) = get(&shared, "/v1/markets").await;
    assert_eq!(markets["instruments"].as_array().map(Vec::len), Some(venue.world.markets.iter().count()));
    assert_eq!(get(&shared, "/v1/alarms").await.1["standing"], Value::Array(vec![]));
    for (path, status, code, field) in [
        ("/v1/batches/2", 404, "unknown_batch", "batch"),
        ("/v1/batches/x", 400, "malformed", "batch"),
        ("/v1/batches?limit=0", 400, "out_of_range", "limit"),
        ("/v1/batches?before=-1", 400, "malformed", "before"),
        ("/v1/batches?after=1", 400, "malformed", "query"),
        ("/v1/accounts/9", 404, "unknown_account", "slot"),
        ("/v1/accounts/16777216", 400, "malformed", "slot"),
        ("/v2", 404, "no_route", "path"),
    ] {
        let (found, body) = get(&shared, path).await;
        assert_eq!(
            (found, &body["error"]["code"], &body["error"]["field"]),
            (status, &code.into(), &field.into()),
            "{path}"
        );
    }
    let text = novation_verifier::watch::metrics::text(&shared.read());
    for line in [
        "novation_watch_believed 1.0",
        "novation_watch_batch_accepted 1.0",
        "novation_watch_inside_micro 100000000000.0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn setup_without_batches_is_quiet() {
    let config = DevnetConfig { safe_depth: 1, finalized_depth: 2, ..DevnetConfig::default() };
    let setup = Setup::new(TestChain::on(&Devnet::new(config)).await).await;
    assert_eq!(setup.l1.deployment_block().await.expect("found"), setup.start + 2);
    let mut watcher = Watcher::new(setup.l1.clone(), WatchConfig::default()).await.expect("found");
    assert_eq!(once(&mut watcher).await, Ok(()));
    assert_eq!(watcher.shared().read().account(0), None, "nobody has published the house's first leaf");
}
