//! Sizes, rates, queues and time.

use crate::rest::harness::{error, Server, Setup};
use novation_api::rest::{Limits, Rate};
use novation_sequencer::Execution;
use novation_state::message::Side;
use serde_json::json;
use std::time::Duration;

fn limited(change: impl FnOnce(&mut Limits)) -> Setup {
    let mut setup = Setup::default();
    change(&mut setup.limits);
    setup
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    let server = Server::start(Setup::default()).await;
    let (status, body) = server.post("/v1/orders", &json!({ "signature": "0".repeat(70_000) })).await;
    assert_eq!((status, error(&body).0), (413, "body_too_large"));
}

#[tokio::test]
async fn addresses_and_accounts_over_their_rate_are_told_when_to_come_back() {
    let server = Server::start(limited(|limits| limits.address = Rate::new(1, 3))).await;
    let mut answer = None;
    for _ in 0..1_000 {
        answer = Some(server.http.get(format!("{}/v1/venue", server.url)).send().await.unwrap());
        if answer.as_ref().is_some_and(|answer| answer.status() != 200) {
            break;
        }
    }
    let answer = answer.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(error(&answer.json().await.unwrap()).0, "address_rate");

    let server = Server::start(limited(|limits| limits.account = Rate::new(1, 2))).await;
    let trader = &server.traders[0];
    // Others may not use up an account's rate in its name.
    for order_slot in 1..20 {
        let forged = server.traders[1].sign(trader.order(order_slot, Side::Buy, 1, 500), Execution::UntilValid);
        let (status, body) = server.post("/v1/orders", &forged).await;
        assert_eq!((status, error(&body).0), (422, "signature"));
    }
    let mut answers = Vec::new();
    for order_slot in 1..250 {
        let order = trader.sign(trader.order(order_slot, Side::Buy, 1, 500), Execution::UntilValid);
        answers.push(server.post("/v1/orders", &order).await);
        if answers.last().is_some_and(|(status, _)| *status != 200) {
            break;
        }
    }
    assert!(answers.len() > 2, "two may come at once");
    let refused = answers.last().unwrap();
    assert_eq!(refused.0, 429);
    assert_eq!(error(&refused.1).0, "account_rate");
    assert_eq!(server.read(1, "/v1/account").await.0, 200);
}

#[tokio::test]
async fn a_full_service_says_so_and_takes_nothing_in() {
    let server = Server::start(limited(|limits| limits.in_flight = 0)).await;
    let (status, body) = server.get("/v1/venue").await;
    assert_eq!((status, error(&body).0), (503, "overloaded"));
}

#[tokio::test]
async fn queue_full_is_503_with_retry_after_and_a_slow_answer_is_504() {
    let mut setup = limited(|limits| limits.timeout = Duration::from_secs(3));
    setup.writer.queue = 1;
    let server = Server::start(setup).await;
    // The writer waits for this reader; behind it one submission fits the queue.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let handle = server.handle.clone();
    let reading = tokio::spawn(async move {
        let read = move |_: &novation_sequencer::Engine| {
            begun.send(()).unwrap();
            held.recv().unwrap();
        };
        handle.inspect(read).await.unwrap();
    });
    begins.await.unwrap();
    let trader = &server.traders[0];
    let order = |slot| trader.sign(trader.order(slot, Side::Buy, 1, 500), Execution::UntilValid);
    let (status, body) = server.post("/v1/orders", &order(1)).await;
    assert_eq!((status, error(&body).0), (504, "unknown_outcome"));
    let answer = server.http.post(format!("{}/v1/orders", server.url)).json(&order(2)).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    assert_eq!(error(&answer.json().await.unwrap()).0, "busy");
    release.send(()).unwrap();
    reading.await.unwrap();
    // What timed out was taken in, as the answer said it may be: the same again gets its receipt.
    let head = server.head().await;
    let (status, receipt) = server.post("/v1/orders", &order(1)).await;
    assert_eq!((status, receipt["position"].as_u64()), (200, Some(head.position)));
}

#[tokio::test]
async fn metrics_count_by_route_and_code_and_are_not_on_the_public_port() {
    let server = Server::start(Setup::default()).await;
    server.send(0, server.traders[0].order(1, Side::Buy, 1, 500), Execution::UntilValid).await;
    let again = server.traders[0].order(1, Side::Buy, 2, 500);
    server.post("/v1/orders", &server.traders[0].sign(again, Execution::UntilValid)).await;
    let text = server.metrics.text();
    for line in [
        "novation_orders_accepted_total 1",
        "novation_messages_refused_total{code=\"nonce_seen\"} 1",
        "novation_receipt_seconds_count 1",
        "novation_http_request_seconds_count{route=\"/v1/orders\",method=\"POST\",status=\"409\"} 1",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert_eq!(server.get("/metrics").await.0, 404);
}
