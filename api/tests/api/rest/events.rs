//! The WebSocket.

use crate::rest::harness::{error, Server, Setup, START};
use futures_util::{SinkExt, StreamExt};
use novation_api::rest::{books, Limits};
use novation_sequencer::Execution;
use novation_state::message::Side;
use serde_json::{json, Value};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{connect_async, MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(server: &Server) -> Socket {
    let url = format!("{}/v1/events", server.url.replace("http", "ws"));
    connect_async(url).await.unwrap().0
}

/// The next message that is not a ping; nothing here takes a minute.
async fn next(socket: &mut Socket) -> Message {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(60), socket.next()).await.expect("a message");
        match message.expect("the stream goes on").expect("a message") {
            Message::Ping(_) => {}
            message => return message,
        }
    }
}

async fn heard(socket: &mut Socket) -> Value {
    let message = next(socket).await;
    let Message::Text(text) = &message else { panic!("{message:?}") };
    serde_json::from_str(text).unwrap()
}

async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        match next(socket).await {
            Message::Close(Some(CloseFrame { code, reason })) => return (code.into(), reason.to_string()),
            Message::Text(_) => {}
            message => panic!("{message:?}"),
        }
    }
}

async fn say(socket: &mut Socket, authorization: &str) {
    let hello = json!({ "authorization": authorization }).to_string();
    socket.send(Message::text(hello)).await.unwrap();
}

/// Types of events until a batch is made.
async fn until_batch(socket: &mut Socket) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        events.push(heard(socket).await);
        if events.last().unwrap()["type"] == "batch" {
            return events;
        }
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn everybody_hears_public_events_and_the_owner_the_own_account() {
    let server = Server::start(Setup::default()).await;
    let (mut stranger, mut owner) = (connect(&server).await, connect(&server).await);
    say(&mut owner, &server.credential(0)).await;
    assert_eq!(heard(&mut owner).await, json!({"type": "subscribed", "account": 1, "expires": START + 1_800}));
    let [position, _] = server.trade(1, 7).await;
    let batch = server.batch().await;

    let public = until_batch(&mut stranger).await;
    assert_eq!(kinds(&public), ["window", "auction", "batch"]);
    assert_eq!(public[0], json!({"type": "window", "window": 1, "time": START}));
    assert_eq!((&public[1]["auction"]["price"], &public[1]["auction"]["batch"]), (&json!(1_000), &json!(batch)));
    assert_eq!(public[2], json!({"type": "batch", "number": batch, "stage": "made", "moment": {"time": START}}));

    let own = until_batch(&mut owner).await;
    assert_eq!(kinds(&own), ["order", "window", "fill", "auction", "account", "batch"]);
    assert_eq!((&own[0]["order"]["position"], &own[0]["order"]["state"]), (&json!(position), &json!("open")));
    assert_eq!((&own[2]["fill"]["position"], &own[2]["fill"]["lots"]), (&json!(position), &json!(7)));
    let order = heard(&mut owner).await;
    assert_eq!((&order["order"]["state"], &order["order"]["filled"]), (&json!("filled"), &json!(7)));

    let id = novation_state::units::InstrumentId::new(1).unwrap();
    server.event(novation_sequencer::Event::Markets(vec![(id, crate::rest::harness::perpetual(0, START))])).await;
    assert_eq!(heard(&mut stranger).await, json!({"type": "markets", "number": 2, "time": START}));
}

#[tokio::test]
async fn bad_words_close_the_socket_with_a_reason() {
    let server = Server::start(Setup::default()).await;
    let expired = server.traders[0].credential(START - 1);
    for (words, reason) in [
        ("hello".to_owned(), "malformed_json"),
        (json!({"authorisation": ""}).to_string(), "invalid_field"),
        (json!({"authorization": ""}).to_string(), "authorization_malformed"),
        (json!({ "authorization": expired }).to_string(), "authorization_expired"),
    ] {
        let mut socket = connect(&server).await;
        socket.send(Message::text(words)).await.unwrap();
        assert_eq!(closed(&mut socket).await, (1008, reason.to_owned()));
    }
    let mut socket = connect(&server).await;
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(closed(&mut socket).await, (1003, "messages are text".to_owned()));
    let (status, body) = server.get("/v1/events").await;
    assert_eq!((status, error(&body).0), (426, "websocket_only"));
}

#[tokio::test]
async fn a_credential_that_is_over_ends_the_stream() {
    let server = Server::start(Setup::default()).await;
    let mut socket = connect(&server).await;
    say(&mut socket, &server.traders[0].credential(START + 10)).await;
    heard(&mut socket).await;
    server.wait(11);
    server.send(0, server.traders[0].order(1, Side::Buy, 1, 500), Execution::UntilValid).await;
    assert_eq!(closed(&mut socket).await, (1008, "authorization_expired".to_owned()));
}

#[tokio::test]
async fn a_reader_who_falls_behind_is_dropped_with_a_reason() {
    let server = Server::start(Setup::default()).await;
    let mut slow = connect(&server).await;
    // Nothing is yielded in between, so the socket's task cannot keep up with the buffer.
    let time = novation_state::units::Time::new(START).unwrap();
    for n in 0..=books::EVENTS {
        let tx = [n as u8; 32];
        server.books.stage(1, novation_api::rest::Stage::Submitted { tx }, time);
    }
    let (code, reason) = closed(&mut slow).await;
    assert_eq!(code, 1013);
    assert!(reason.starts_with("too slow: "), "{reason}");
    assert!(server.metrics.text().contains("novation_websockets_dropped_total 1"));
}

#[tokio::test]
async fn sockets_are_bounded_and_end_with_the_service() {
    let limits = Limits { websockets: 1, ..Setup::default().limits };
    let mut server = Server::start(Setup { limits, ..Setup::default() }).await;
    let mut socket = connect(&server).await;
    let url = format!("{}/v1/events", server.url.replace("http", "ws"));
    let refused = connect_async(url).await.unwrap_err();
    let tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status().as_u16(), 503);
    socket.send(Message::Ping(vec![5].into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong(vec![5].into()));
    server.stop.take().unwrap().send(()).unwrap();
    assert_eq!(closed(&mut socket).await, (1001, "the service stops".to_owned()));
    drop(server.http);
    server.served.await.unwrap().unwrap();
}
