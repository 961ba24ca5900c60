//! The in-process L1 over HTTP: the same answers as without a socket, and limits on what it takes.

use crate::common::evm::{create, RECORDER};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Bytes, U256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use novation_verifier::devnet::{Devnet, DevnetConfig, HttpError};
use novation_verifier::tls;
use serde_json::{json, Value};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One exchange over a plain socket: status line and body.
async fn exchange(address: SocketAddr, head: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let text =
        format!("{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

async fn post(address: SocketAddr, body: &str) -> Value {
    let (status, body) = exchange(address, "POST / HTTP/1.1\r\ncontent-type: application/json", body).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    serde_json::from_str(&body).expect("JSON")
}

#[tokio::test]
async fn provider_over_http_and_provider_in_process_see_one_chain() {
    let devnet = Devnet::new(DevnetConfig::default());
    let server = devnet.serve_http(0).await.expect("a free port");
    let wallet = devnet.signer(2);
    let url = server.url().parse().expect("a URL");
    tls::ready();
    let http = ProviderBuilder::new().wallet(wallet.clone()).connect_http(url).erased();
    let inside = devnet.provider();
    let recorder = create(&http, wallet.address(), &RECORDER).await;
    let input = Bytes::from(U256::from(42).to_be_bytes::<32>().to_vec());
    let request = TransactionRequest::default().with_to(recorder).with_input(input);
    let receipt = http.send_transaction(request).await.expect("sent").get_receipt().await.expect("mined");
    assert!(receipt.status());
    assert_eq!(inside.get_transaction_receipt(receipt.transaction_hash).await.expect("answered"), Some(receipt));
    assert_eq!(inside.get_storage_at(recorder, U256::ZERO).await.expect("answered"), U256::from(42));
    assert_eq!(
        inside.get_block_by_number(2.into()).full().await.expect("answered"),
        http.get_block_by_number(2.into()).full().await.expect("answered"),
    );
}

#[tokio::test]
async fn batches_and_errors_follow_json_rpc() {
    let devnet = Devnet::new(DevnetConfig { chain_id: 5, ..DevnetConfig::default() });
    let server = devnet.serve_http(0).await.expect("a free port");
    let at = server.address();
    let one = post(at, r#"{"jsonrpc":"2.0","id":7,"method":"eth_chainId"}"#).await;
    assert_eq!(one, json!({ "jsonrpc": "2.0", "id": 7, "result": "0x5" }));
    let batch =
        r#"[{"jsonrpc":"2.0","id":"a","method":"eth_chainId","params":[]},{"jsonrpc":"2.0","id":2,"method":"no"}, 3]"#;
    let batch = post(at, batch).await;
    assert_eq!(batch[0]["result"], json!("0x5"));
    assert_eq!((&batch[1]["id"], &batch[1]["error"]["code"]), (&json!(2), &json!(-32601)));
    assert_eq!((&batch[2]["id"], &batch[2]["error"]["code"]), (&Value::Null, &json!(-32600)));
    assert_eq!(post(at, "{").await["error"]["code"], json!(-32700));
    assert_eq!(post(at, "[]").await["error"]["code"], json!(-32600));
    let many = format!("[{}]", vec![r#"{"id":1,"method":"eth_chainId"}"#; 257].join(","));
    assert_eq!(post(at, &many).await["error"]["code"], json!(-32005));
}

#[tokio::test]
async fn other_methods_types_and_lengths_are_refused() {
    let devnet = Devnet::new(DevnetConfig::default());
    let server = devnet.serve_http(0).await.expect("a free port");
    let at = server.address();
    assert!(at.ip().is_loopback());
    let status = |head: &'static str| async move { exchange(at, head, "{}").await.0 };
    assert_eq!(status("GET / HTTP/1.1\r\ncontent-type: application/json").await, "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(status("POST / HTTP/1.1\r\ncontent-type: text/plain").await, "HTTP/1.1 415 Unsupported Media Type");
    assert_eq!(status("POST / HTTP/1.1").await, "HTTP/1.1 415 Unsupported Media Type");

    let mut stream = TcpStream::connect(at).await.expect("connects");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {at}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        (4 << 20) + 1
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0u8; 30];
    stream.read_exact(&mut answer).await.expect("refused before the body is sent");
    assert_eq!(&answer[..30], b"HTTP/1.1 413 Payload Too Large");

    match devnet.serve_http(at.port()).await {
        Err(HttpError::Bind { port, .. }) => assert_eq!(port, at.port()),
        Ok(_) => panic!("one port, two servers"),
    }
    drop(server);
}
