//! A node that starts again tells the same of its batches as before.

use alloy::eips::BlockId;
use alloy::primitives::U256;
use novation_api::demo::screen::Screen;
use novation_api::instrument::Terms;
use novation_api::node::chain::FIRST_TRADER;
use novation_api::node::rounds::Role;
use novation_api::node::service::{Drive, Options, Service};
use novation_api::node::settings::{Quotes, Settings};
use novation_api::node::{market, wall_clock};
use novation_sequencer::Event;
use novation_state::crypto::eddsa::SecretKey;
use novation_state::crypto::viewing::ViewingKey;
use novation_state::size::TINY;
use novation_verifier::devnet::mint;
use novation_verifier::l1::DepositRequest;
use serde_json::Value;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const DEPOSIT: u128 = 250_000_000_000;
/// How much later the node starts again.
const LATER: i64 = 3_600;

/// A node in a folder, whose clock is ahead of the machine's.
async fn start(folder: &Path, ahead: i64) -> Service {
    let mut settings = Settings { data: folder.into(), size: TINY.name.into(), ..Settings::default() };
    settings.listen.set_port(0);
    settings.metrics.set_port(0);
    settings.l1.port = 0;
    settings.quotes = Quotes::None;
    let wall = wall_clock();
    let keys = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("keys");
    let options = Options { keys, now: Arc::new(move || wall() + ahead), drive: Drive::Hand, progress: None };
    Service::start(&settings, options, &Screen::Quiet).await.unwrap()
}

async fn until<F: Future<Output = bool>>(what: &str, done: impl Fn() -> F) {
    for _ in 0..3_000 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not in five minutes: {what}");
}

async fn batch(service: &Service) -> Value {
    novation_verifier::tls::ready();
    let url = format!("http://{}/v1/batches/1", service.addresses.public);
    serde_json::from_str(&reqwest::get(url).await.unwrap().text().await.unwrap()).unwrap()
}

async fn reaches(service: &Service, stage: &str) {
    until(stage, || async { batch(service).await["batch"]["stage"] == stage }).await;
}

/// Somebody's money, marks, and a batch that is final on L1.
async fn first_batch(service: &Service) {
    let (embedded, l1) = (service.chain.embedded.as_ref().unwrap(), &service.chain.l1);
    let [deployer, from] = [0, FIRST_TRADER].map(|n| embedded.devnet.signer(n).address());
    let [owner, viewing] = [SecretKey::from_seed(&[1; 32]).public(), ViewingKey::from_seed(&[1; 32]).public()];
    let eighths = [owner, viewing].map(|key| key.eighth().unwrap()).map(|eighth| [eighth.x, eighth.y]);
    let [owner_eighth, viewing_eighth] = eighths;
    mint(l1.provider(), deployer, l1.collateral(), from, U256::from(DEPOSIT)).await.unwrap();
    l1.approve(from, U256::from(DEPOSIT)).await.unwrap();
    l1.deposit(from, &DepositRequest { slot: None, owner_eighth, viewing_eighth, amount: DEPOSIT }).await.unwrap();
    embedded.mine(8).unwrap();
    until("the deposit", || async { service.handle.inspect(|engine| engine.backlog().deposits).await.unwrap() == 1 })
        .await;
    let mut role = Role::new(service.handle.clone(), service.pipeline.clone());
    let perp: Terms = "BTC-PERP".parse().unwrap();
    let snapshot = market::snapshot(wall_clock()(), role.oracle(), &[perp]);
    role.post(&snapshot, &[perp]).await.unwrap();
    until("the round on L1", || async { l1.last_markets(BlockId::latest()).await.unwrap().0 == 1 }).await;
    service.handle.event(Event::Batch).await.unwrap();
    reaches(service, "accepted").await;
    embedded.mine(9).unwrap();
    reaches(service, "final").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_batches_were_proven_and_final_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let begun = wall_clock()();
    let service = start(folder.path(), 0).await;
    first_batch(&service).await;
    let before = batch(&service).await;
    service.stop().await;

    let service = start(folder.path(), LATER).await;
    reaches(&service, "final").await;
    let after = batch(&service).await;
    service.stop().await;
    let now = wall_clock()();
    for stage in ["proven", "final"] {
        let [first, second] = [&before, &after].map(|detail| &detail["batch"]["stages"][stage]);
        assert!((begun..=now).contains(&first["time"].as_i64().unwrap()), "{stage}: {first}");
        assert_eq!(first, second, "{stage}");
    }
    assert!(before["proof"]["words"].is_array());
    assert_eq!(before["proof"], after["proof"]);
    // What the log and L1 say was known before.
    for part in ["made", "accepted"] {
        let time = after["batch"]["stages"][part]["time"].as_i64().unwrap();
        assert!((begun..=now).contains(&time), "{part}: {time}");
    }
}
