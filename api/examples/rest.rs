//! The REST service without a prover, on a small engine, to try clients and to fuzz it: `.ci/openapi.py` runs schemathesis against it.
//!
//! `cargo run --release -p novation-api --example rest -- [ADDRESS]` prints one line of JSON with its URL and a credential to read
//! account 1 with, and serves until it is stopped. A window ends every second, a batch is made every five.

#[path = "../tests/rest/harness.rs"]
#[allow(dead_code)] // the tests use more of it
mod harness;

use harness::{Server, Setup};
use novation_sequencer::{Event, Execution};
use novation_state::message::Side;
use novation_state::units::Time;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    since.as_secs() as i64
}

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let mut server = Server::listen(Setup::default(), &address, now()).await;
    server.fund(3).await;
    for batch in 1..=3 {
        server.event(Event::Proven { batch }).await;
    }
    for (trader, side) in [(0, Side::Buy), (1, Side::Sell)] {
        let mut order = server.traders[trader].order(1, side, 7, 1_000);
        order.valid_until = Time::MAX;
        server.send(trader, order, Execution::UntilValid).await;
    }
    let credential = server.traders[0].credential(now() + 3_600);
    println!("{}", serde_json::json!({ "url": server.url, "authorization": credential }));
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for tick in 1u64.. {
        tokio::select! {
            _ = seconds.tick() => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        server.clock.store(now(), Ordering::Relaxed);
        server.window().await;
        if tick % 5 == 0 {
            let batch = server.batch().await;
            server.event(Event::Proven { batch }).await;
        }
    }
}
