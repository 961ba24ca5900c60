//! The in-process L1 as a chain: blocks, clock, finality, reorgs, reads at older blocks.

use crate::common::evm::{create, RECORDER};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, B256, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Block, Filter, TransactionReceipt, TransactionRequest};
use novation_verifier::devnet::{Devnet, DevnetConfig, RpcError, MAX_LOG_BLOCKS};
use serde_json::json;

const START: u64 = 1_800_000_000;

fn devnet() -> Devnet {
    let config = DevnetConfig { genesis_time: START, safe_depth: 2, finalized_depth: 4, ..DevnetConfig::default() };
    Devnet::new(config)
}

fn record(to: Address, from: Address, value: u64, topic: u64) -> TransactionRequest {
    let words = [B256::from(U256::from(value)), B256::from(U256::from(topic))].concat();
    TransactionRequest::default().with_from(from).with_to(to).with_input(Bytes::from(words))
}

async fn send(provider: &DynProvider, request: TransactionRequest) -> TransactionReceipt {
    provider.send_transaction(request).await.expect("sent").get_receipt().await.expect("mined")
}

async fn block(provider: &DynProvider, tag: BlockNumberOrTag) -> Block {
    provider.get_block_by_number(tag).await.expect("answered").expect("such a block")
}

#[tokio::test]
async fn every_transaction_gets_a_block_that_names_its_parent() {
    let devnet = devnet();
    let provider = devnet.provider();
    let from = devnet.signer(0).address();
    let recorder = create(&provider, from, &RECORDER).await;
    for value in 1..=3 {
        assert!(send(&provider, record(recorder, from, value, 7)).await.status());
    }
    assert_eq!(provider.get_block_number().await.expect("answered"), 4);
    assert_eq!(provider.get_transaction_count(from).await.expect("answered"), 4);
    let mut parent = block(&provider, BlockNumberOrTag::Earliest).await;
    assert_eq!(parent.header.timestamp, START);
    for number in 1..=4 {
        let next = block(&provider, number.into()).await;
        assert_eq!(next.header.parent_hash, parent.header.hash);
        assert_eq!(next.header.timestamp, parent.header.timestamp + 1);
        assert_eq!(next.header.hash, next.header.inner.hash_slow());
        assert_eq!(next.transactions.hashes().count(), 1);
        parent = next;
    }
}

#[tokio::test]
async fn reads_at_older_blocks_see_the_state_of_those_blocks() {
    let devnet = devnet();
    let provider = devnet.provider();
    let from = devnet.signer(0).address();
    let recorder = create(&provider, from, &RECORDER).await;
    for value in 1..=5u64 {
        send(&provider, record(recorder, from, 10 * value, 7)).await;
    }
    let slot = |at: BlockId| {
        let provider = provider.clone();
        async move { provider.get_storage_at(recorder, U256::ZERO).block_id(at).await.expect("answered") }
    };
    for number in 1..=6u64 {
        assert_eq!(slot(BlockId::number(number)).await, U256::from(10 * (number - 1)), "block {number}");
    }
    // Block 0 has no code there yet and the sender has not sent.
    assert_eq!(provider.get_code_at(recorder).block_id(BlockId::number(0)).await.expect("answered"), Bytes::new());
    assert_eq!(provider.get_code_at(recorder).await.expect("answered"), Bytes::from(RECORDER.to_vec()));
    assert_eq!(provider.get_transaction_count(from).block_id(BlockId::number(2)).await.expect("answered"), 2);
    // safe and finalized trail the tip of 6 by 2 and 4.
    assert_eq!(slot(BlockId::safe()).await, U256::from(30));
    assert_eq!(slot(BlockId::finalized()).await, U256::from(10));
    assert_eq!(block(&provider, BlockNumberOrTag::Finalized).await.header.number, 2);
    let by_hash = block(&provider, 3.into()).await.header.hash;
    assert_eq!(slot(BlockId::hash(by_hash)).await, U256::from(20));
    // Reading through the contract's own code at a block gives the same as the storage.
    let future = provider.get_storage_at(recorder, U256::ZERO).block_id(BlockId::number(7)).await;
    let error = future.expect_err("there is no block 7");
    assert_eq!(error.as_error_resp().map(|e| e.message.to_string()), Some(RpcError::UnknownBlock.to_string()));
}

#[tokio::test]
async fn clock_is_the_callers_and_only_moves_forward() {
    let devnet = devnet();
    devnet.set_next_timestamp(START + 500).expect("later");
    devnet.mine(2).expect("two blocks");
    let provider = devnet.provider();
    assert_eq!(block(&provider, 1.into()).await.header.timestamp, START + 500);
    assert_eq!(block(&provider, 2.into()).await.header.timestamp, START + 501);
    let back = devnet.set_next_timestamp(START + 501);
    let message = format!("time {} is not after the latest block's {}", START + 501, START + 501);
    assert_eq!(back, Err(RpcError::InvalidParams(message)));
    assert_eq!(devnet.next_timestamp(), START + 502);
    // What a transaction would see is asked for before it is sent: calls without a block run in the next one.
    devnet.set_next_timestamp(START + 900).expect("later");
    let clock = create(&provider, devnet.signer(0).address(), &[0x42, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]).await;
    devnet.set_next_timestamp(START + 1000).expect("later");
    let request = TransactionRequest::default().with_to(clock);
    let time = |bytes: Bytes| U256::from_be_slice(&bytes).to::<u64>();
    assert_eq!(time(provider.call(request.clone()).await.expect("answered")), START + 1000);
    assert_eq!(time(provider.call(request).latest().await.expect("answered")), START + 900);
}

#[tokio::test]
async fn reorg_takes_back_state_logs_receipts_and_nonces() {
    let devnet = devnet();
    let provider = devnet.provider();
    let (alice, bob) = (devnet.signer(0).address(), devnet.signer(1).address());
    let recorder = create(&provider, alice, &RECORDER).await;
    send(&provider, record(recorder, alice, 1, 7)).await;
    let before = block(&provider, BlockNumberOrTag::Latest).await;
    let balance = provider.get_balance(alice).await.expect("answered");

    let snapshot = devnet.snapshot().expect("room");
    let lost = send(&provider, record(recorder, alice, 2, 7)).await;
    let lost_contract = create(&provider, alice, &RECORDER).await;
    let lost_block = lost.block_hash.expect("mined");
    assert!(devnet.revert(snapshot));
    assert!(!devnet.revert(snapshot), "a snapshot is used up");

    assert_eq!(block(&provider, BlockNumberOrTag::Latest).await, before);
    assert_eq!(provider.get_balance(alice).await.expect("answered"), balance);
    assert_eq!(provider.get_transaction_count(alice).await.expect("answered"), 2);
    assert_eq!(provider.get_code_at(lost_contract).await.expect("answered"), Bytes::new());
    assert_eq!(provider.get_storage_at(recorder, U256::ZERO).await.expect("answered"), U256::from(1));
    assert_eq!(provider.get_transaction_receipt(lost.transaction_hash).await.expect("answered"), None);
    assert_eq!(provider.get_block_by_hash(lost_block).await.expect("answered"), None);

    // The other branch: same height, other block.
    let other = send(&provider, record(recorder, bob, 3, 7)).await;
    assert_eq!(other.block_number, lost.block_number);
    assert_ne!(other.block_hash, lost.block_hash);
    let logs = provider.get_logs(&Filter::new().address(recorder).from_block(0)).await.expect("answered");
    let values: Vec<u64> = logs.iter().map(|log| U256::from_be_slice(&log.data().data).to()).collect();
    assert_eq!(values, [1, 3]);
    let gone = provider.get_logs(&Filter::new().at_block_hash(lost_block)).await.expect_err("the block is gone");
    assert_eq!(gone.as_error_resp().map(|e| e.message.to_string()), Some(RpcError::UnknownBlock.to_string()));
}

#[tokio::test]
async fn logs_are_found_by_address_topic_and_range() {
    let devnet = devnet();
    let provider = devnet.provider();
    let from = devnet.signer(0).address();
    let first = create(&provider, from, &RECORDER).await;
    let second = create(&provider, from, &RECORDER).await;
    for (to, value, topic) in [(first, 1, 7), (second, 2, 7), (first, 3, 8), (first, 4, 7)] {
        send(&provider, record(to, from, value, topic)).await;
    }
    let found = |filter: Filter| {
        let provider = provider.clone();
        async move {
            let logs = provider.get_logs(&filter).await.expect("answered");
            logs.iter().map(|log| U256::from_be_slice(&log.data().data).to::<u64>()).collect::<Vec<_>>()
        }
    };
    let all = Filter::new().from_block(0);
    let topic = |t: u64| B256::from(U256::from(t));
    assert_eq!(found(all.clone()).await, [1, 2, 3, 4]);
    assert_eq!(found(all.clone().address(first)).await, [1, 3, 4]);
    assert_eq!(found(all.clone().event_signature(topic(7))).await, [1, 2, 4]);
    assert_eq!(found(all.clone().address(first).event_signature(topic(7))).await, [1, 4]);
    assert_eq!(found(all.clone().from_block(4).to_block(5)).await, [2, 3]);
    assert_eq!(found(Filter::new()).await, [4], "the latest block by default");
    assert_eq!(found(all.to_block(MAX_LOG_BLOCKS - 1)).await, [1, 2, 3, 4]);
    let wide = provider.get_logs(&Filter::new().from_block(0).to_block(MAX_LOG_BLOCKS)).await.expect_err("too wide");
    let limit = RpcError::Limit(format!("more than {MAX_LOG_BLOCKS} blocks"));
    assert_eq!(wide.as_error_resp().map(|e| (e.code, e.message.to_string())), Some((limit.code(), limit.to_string())));
}

#[tokio::test]
async fn revert_data_reaches_the_caller_of_calls_estimates_and_sends() {
    let devnet = devnet();
    let provider = devnet.provider();
    let from = devnet.signer(0).address();
    let recorder = create(&provider, from, &RECORDER).await;
    let request = record(recorder, from, 0, 7);
    let zero = Bytes::from(vec![0u8; 32]);
    for error in [
        provider.call(request.clone()).await.expect_err("reverts"),
        provider.estimate_gas(request.clone()).await.map(|_| Bytes::new()).expect_err("reverts"),
    ] {
        let payload = error.as_error_resp().expect("an answer");
        assert_eq!((payload.code, payload.as_revert_data()), (3, Some(zero.clone())));
    }
    // With gas named nothing is estimated: the failed transaction is mined, and its logs are not.
    let receipt = send(&provider, request.with_gas_limit(100_000)).await;
    assert!(!receipt.status());
    assert_eq!(receipt.logs(), []);
    assert_eq!(provider.get_storage_at(recorder, U256::ZERO).await.expect("answered"), U256::ZERO);
}

#[tokio::test]
async fn estimate_is_the_least_gas_that_succeeds() {
    let devnet = devnet();
    let provider = devnet.provider();
    let from = devnet.signer(0).address();
    let recorder = create(&provider, from, &RECORDER).await;
    let request = record(recorder, from, 5, 7);
    let estimate = provider.estimate_gas(request.clone()).await.expect("succeeds");
    let snapshot = devnet.snapshot().expect("room");
    assert!(!send(&provider, request.clone().with_gas_limit(estimate - 1)).await.status());
    assert!(devnet.revert(snapshot));
    let receipt = send(&provider, request.with_gas_limit(estimate)).await;
    assert!(receipt.status());
    assert!(receipt.gas_used <= estimate);
}

#[tokio::test]
async fn gas_follows_osaka_cap_and_floor() {
    let devnet = devnet();
    let provider = devnet.provider();
    let (from, to) = (devnet.signer(0).address(), devnet.signer(1).address());
    // EIP-7623: a transfer with 1,000 non-zero bytes pays 10 a token, 4 tokens a byte.
    let data = Bytes::from(vec![0xff; 1000]);
    let request = TransactionRequest::default().with_from(from).with_to(to).with_input(data);
    assert_eq!(send(&provider, request).await.gas_used, 21_000 + 1000 * 4 * 10);
    // EIP-7825: 2^24 gas a transaction.
    let request = TransactionRequest::default().with_from(from).with_to(to);
    assert_eq!(send(&provider, request.clone().with_gas_limit(1 << 24)).await.gas_used, 21_000);
    let error = provider.send_transaction(request.with_gas_limit((1 << 24) + 1)).await.expect_err("above the cap");
    let payload = error.as_error_resp().expect("an answer");
    assert_eq!(payload.code, -32000);
    assert!(payload.message.contains("16777217") && payload.message.contains("16777216"), "{}", payload.message);
}

#[tokio::test]
async fn requests_that_cannot_be_served_are_refused_by_reason() {
    let devnet = devnet();
    let request = |method: &str, params: serde_json::Value| {
        let raw = serde_json::value::to_raw_value(&params).expect("JSON");
        devnet.request(method, Some(&raw)).map(|answer| answer.get().to_owned())
    };
    assert_eq!(request("eth_coinbase", json!([])), Err(RpcError::UnknownMethod("eth_coinbase".into())));
    assert_eq!(request("eth_getBalance", json!([])), Err(RpcError::InvalidParams("parameter 0 is missing".into())));
    assert_eq!(request("anvil_mine", json!([10_001])).map_err(|e| e.code()), Err(-32005));
    assert_eq!(request("evm_revert", json!(["0x99"])), Ok("false".into()));
    let stranger = Address::repeat_byte(9);
    let unknown = request("eth_sendTransaction", json!([{ "from": stranger, "to": stranger, "gas": "0x5208" }]));
    assert_eq!(unknown, Err(RpcError::Rejected(format!("unknown account {stranger}"))));
    assert_eq!(request("eth_sendRawTransaction", json!(["0x00"])).map_err(|e| e.code()), Err(-32602));
    assert!(request("web3_clientVersion", json!([])).expect("answered").starts_with("\"novation-devnet/"));
}

#[tokio::test]
async fn signed_transactions_are_checked_as_a_node_would() {
    let devnet = devnet();
    let wallet = devnet.signer(3);
    let provider = devnet.provider_with(wallet.clone());
    let (from, to) = (wallet.address(), Address::repeat_byte(9));
    let pay = TransactionRequest::default().with_to(to).with_value(U256::from(5));
    assert!(send(&provider, pay.clone()).await.status());
    assert_eq!(provider.get_balance(to).await.expect("answered"), U256::from(5));
    assert_eq!(provider.get_transaction_count(from).await.expect("answered"), 1);
    for (request, reason) in [
        (pay.clone().with_nonce(0), "nonce"),
        (pay.clone().with_nonce(2), "nonce"),
        (pay.clone().with_value(U256::from(10).pow(U256::from(23))), "funds"),
        (pay.clone().with_chain_id(1), "chain"),
    ] {
        let request = request.with_from(from).with_gas_limit(21_000);
        let error = provider.send_transaction(request).await.expect_err(reason);
        let payload = error.as_error_resp().expect("an answer of the node");
        assert_eq!(payload.code, -32000);
        assert!(payload.message.to_lowercase().contains(reason), "{reason}: {}", payload.message);
    }
    assert_eq!(provider.get_transaction_count(from).await.expect("answered"), 1);
}
