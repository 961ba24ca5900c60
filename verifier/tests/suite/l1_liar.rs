//! Nodes that lie, lag or change their mind while they are read.

use crate::common::chains::TestChain;
use crate::common::setup::{Belief, Setup};
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, Response, ResponsePacket, ResponsePayload};
use alloy::sol_types::SolEvent;
use alloy::transports::mock::Asserter;
use alloy::transports::{TransportError, TransportFut};
use novation_state::ledger::Deployment;
use novation_verifier::devnet::{Devnet, DevnetConfig};
use novation_verifier::l1::bindings::Novation::{self, NovationEvents};
use novation_verifier::l1::{word, DepositReader, Follower, L1Error, L1};
use serde_json::value::to_raw_value;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

/// Blocks by which `finalized` trails the tip: more than the blocks that a test here takes back.
const FINALIZED_DEPTH: u64 = 4;

type Edit = dyn FnMut(&Devnet, &str, Value) -> Value + Send;

/// A node that changes its answers before they leave.
#[derive(Clone)]
struct Liar {
    devnet: Devnet,
    edit: Arc<Mutex<Edit>>,
}

impl tower_service::Service<RequestPacket> for Liar {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
        let RequestPacket::Single(request) = packet else { panic!("the client sends no batches") };
        let payload = match self.devnet.request(request.method(), request.params()) {
            Ok(answer) => {
                let answer = serde_json::from_str(answer.get()).expect("JSON");
                let edited = (self.edit.lock().expect("no panic"))(&self.devnet, request.method(), answer);
                ResponsePayload::Success(to_raw_value(&edited).expect("JSON"))
            }
            Err(error) => ResponsePayload::Failure(error.payload()),
        };
        let response = Response { id: request.id().clone(), payload };
        Box::pin(async move { Ok(ResponsePacket::Single(response)) })
    }
}

/// A deployment with two deposits on a devnet, and the same contract behind a node that edits its answers.
pub async fn behind(edit: impl FnMut(&Devnet, &str, Value) -> Value + Send + 'static) -> (Setup, Devnet, L1) {
    let config = DevnetConfig { safe_depth: 1, finalized_depth: FINALIZED_DEPTH, ..DevnetConfig::default() };
    let devnet = Devnet::new(config);
    let setup = Setup::new(TestChain::on(&devnet).await).await;
    for (who, amount) in setup.depositors.into_iter().zip([100, 200]) {
        setup.deposit(who, 1, amount).await;
    }
    let liar = Liar { devnet: devnet.clone(), edit: Arc::new(Mutex::new(edit)) };
    let provider = ProviderBuilder::new().connect_client(RpcClient::new(liar, true)).erased();
    let l1 = L1::attach(provider, setup.l1.contract()).await.expect("it is there");
    (setup, devnet, l1)
}

async fn queue_error(setup: &Setup, l1: L1) -> (u64, &'static str) {
    match DepositReader::new(l1, setup.start).poll().await {
        Err(L1Error::DepositQueue { index, reason }) => (index, reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn node_that_hides_a_deposit_is_found_out() {
    let (setup, devnet, l1) = behind(|_, method, mut answer| {
        if method == "eth_getLogs" {
            let logs = answer.as_array_mut().expect("a list");
            let topic = Value::from(Novation::Deposited::SIGNATURE_HASH.to_string());
            if let Some(first) = logs.iter().position(|log| log["topics"][0] == topic) {
                logs.remove(first);
            }
        }
        answer
    })
    .await;
    devnet.mine(FINALIZED_DEPTH).expect("a few blocks");
    assert_eq!(queue_error(&setup, l1).await, (0, "the event before it is missing"));
}

#[tokio::test]
async fn node_that_changes_a_deposit_is_found_out() {
    let (setup, devnet, l1) = behind(|_, method, mut answer| {
        if method == "eth_getLogs" {
            for log in answer.as_array_mut().expect("a list") {
                // The amount is the last word: 200 becomes 201.
                let data = log["data"].as_str().expect("hex").to_owned();
                if let Some(rest) = data.strip_suffix("c8") {
                    log["data"] = Value::from(format!("{rest}c9"));
                }
            }
        }
        answer
    })
    .await;
    devnet.mine(FINALIZED_DEPTH).expect("a few blocks");
    assert_eq!(queue_error(&setup, l1).await, (1, "the event does not hash to the queue's entry"));
}

/// A reorg between the question for a block and the question for its events.
#[tokio::test]
async fn chain_that_changes_while_it_is_read_is_never_mixed() {
    let fork = Arc::new(Mutex::new(None::<(u64, u64)>));
    let pending = fork.clone();
    let (setup, devnet, l1) = behind(move |devnet, method, answer| {
        if method == "eth_getBlockByNumber" {
            let number = answer["number"].as_str().and_then(|n| u64::from_str_radix(&n[2..], 16).ok());
            let mut fork = pending.lock().expect("no panic");
            if let Some((snapshot, _)) = fork.filter(|(_, at)| number == Some(*at)) {
                // The block that was just handed out is gone before its events are asked for.
                assert!(devnet.revert(snapshot));
                devnet.set_next_timestamp(devnet.next_timestamp() + 50).expect("later");
                devnet.mine(5).expect("five blocks");
                *fork = None;
            }
        }
        answer
    })
    .await;
    let (mut follower, mut belief) = (Follower::new(l1, setup.start), Belief::default());
    belief.apply(follower.step().await.expect("read"));
    let before = belief.events.len();

    let snapshot = devnet.snapshot().expect("room");
    for amount in [300, 400, 500] {
        setup.deposit(setup.depositors[0], 1, amount).await;
    }
    *fork.lock().expect("no panic") = Some((snapshot, devnet.block_number() - 1));
    belief.apply(follower.step().await.expect("read"));
    assert!(fork.lock().expect("no panic").is_none(), "the reorg took place during the step");
    belief.apply(follower.step().await.expect("read"));
    assert_eq!(belief.rollbacks, 1);
    assert_eq!(belief.events.len(), before, "the three deposits are gone");
    let deposits = belief.events.iter().filter(|e| matches!(e.event, NovationEvents::Deposited(_))).count();
    assert_eq!(deposits, 2);
}

/// A node that takes a transaction and never mines it.
#[tokio::test]
async fn transaction_that_no_block_takes_is_reported_and_not_sent_again() {
    let asserter = Asserter::new();
    let provider: DynProvider = ProviderBuilder::new()
        .disable_recommended_fillers()
        .connect_client(RpcClient::mocked(asserter.clone()))
        .erased();
    let (chain, contract, token) = (31_337u64, Address::repeat_byte(1), Address::repeat_byte(2));
    asserter.push_success(&U256::from(chain));
    asserter.push_success(&B256::from(word(&Deployment::new(chain, contract.into()).id)));
    asserter.push_success(&token.into_word());
    let l1 = L1::attach(provider, contract).await.expect("the contract answers").with_wait(Duration::ZERO);
    let hash = B256::repeat_byte(3);
    asserter.push_success(&U256::from(50_000));
    asserter.push_success(&U256::ZERO);
    asserter.push_success(&hash);
    asserter.push_success(&Value::Null);
    match l1.claim(token, token).await {
        Err(L1Error::NotMined { hash: found, waited }) => assert_eq!((found, waited), (hash, Duration::ZERO)),
        other => panic!("{other:?}"),
    }
    assert!(asserter.pop_response().is_none(), "every answer was asked for once");
}
