//! What the routes refuse, and with which words.

use crate::worker::node::{witness, Node, TOKEN};
use novation_api::wire::ErrorBody;
use novation_sequencer::jobs::Stage;
use novation_verifier::groth16::proof_words;
use reqwest::{Client, Method, StatusCode};
use serde_json::{json, Value};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

struct Caller<'a>(&'a Node, Client);

impl<'a> Caller<'a> {
    fn new(node: &'a Node) -> Caller<'a> {
        Caller(node, Client::new())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> (StatusCode, Vec<u8>) {
        let mut request = self.1.request(method, format!("{}/worker/v1/{path}", self.0.url));
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap().to_vec())
    }

    async fn with_token(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Vec<u8>) {
        self.send(method, path, Some(&format!("Bearer {TOKEN}")), body).await
    }

    /// Status, code and field of a refusal.
    async fn refused(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, String, Option<String>) {
        let (status, body) = self.with_token(method, path, body).await;
        let error = serde_json::from_slice::<ErrorBody>(&body).unwrap().error;
        (status.as_u16(), error.code, error.field)
    }

    async fn claim(&self) -> Value {
        let (status, body) = self.with_token(Method::POST, "claim", Some(&json!({"worker": "ada"}))).await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_slice(&body).unwrap()
    }
}

fn as_json(proof: &novation_verifier::groth16::Proof) -> Value {
    let digits: String = proof_words(proof).concat().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"worker": "ada", "proof": format!("0x{digits}")})
}

fn refusal(status: u16, code: &str, field: Option<&str>) -> (u16, String, Option<String>) {
    (status, code.into(), field.map(Into::into))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_without_the_token() {
    let node = Node::start(1, LEASE).await;
    let caller = Caller::new(&node);
    assert_eq!(caller.claim().await, json!({"batch": 1, "attempt": 1, "lease_seconds": 60}));
    let routes = [
        (Method::GET, "circuit"),
        (Method::GET, "key"),
        (Method::POST, "claim"),
        (Method::GET, "jobs/1/1/witness"),
        (Method::POST, "jobs/1/1/heartbeat"),
        (Method::POST, "jobs/1/1/proof"),
        (Method::POST, "jobs/1/1/give_up"),
        (Method::POST, "jobs/1/1/hand_back"),
    ];
    let short = format!("Bearer {}", &TOKEN[..31]);
    let wrong = ["", "Bearer", "Bearer 00000000000000000000000000000000", short.as_str(), TOKEN];
    for (method, path) in &routes {
        for token in std::iter::once(None).chain(wrong.map(Some)) {
            let body = json!({"worker": "eve", "reason": "none", "proof": "0x"});
            let (status, body) = caller.send(method.clone(), path, token, Some(&body)).await;
            let error = serde_json::from_slice::<ErrorBody>(&body).unwrap().error;
            assert_eq!((status.as_u16(), error.code.as_str()), (401, "wrong_token"), "{path} with {token:?}");
        }
    }
    // With it, the witness comes byte for byte as it was stored.
    let job = node.job(1).await;
    assert_eq!((job.stage, job.attempt, job.failures), (Stage::Claimed, 1, 0));
    let (status, bytes) = caller.with_token(Method::GET, "jobs/1/1/witness", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(novation_prover::dump::Dump::from_bytes("it", bytes).unwrap(), witness(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_proofs_are_refused_and_open_the_job_again() {
    let node = Node::start(2, LEASE).await;
    let caller = Caller::new(&node);
    caller.claim().await;
    // A good proof, but of another batch.
    let other = as_json(&node.prove(2));
    let refused = caller.refused(Method::POST, "jobs/1/1/proof", Some(&other)).await;
    assert_eq!(refused, refusal(422, "wrong_proof", Some("proof")));
    assert_eq!(node.desk.proof(1).await.unwrap(), None);
    let job = node.job(1).await;
    assert_eq!((job.stage, job.failures), (Stage::Open, 1));
    assert_eq!(job.reason.as_deref(), Some("its proof did not verify"));
    for proof in ["0x".to_owned(), format!("0x{}", "00".repeat(256)), format!("0x{}", "11".repeat(255))] {
        let body = json!({"worker": "ada", "proof": proof});
        let refused = caller.refused(Method::POST, "jobs/1/1/proof", Some(&body)).await;
        assert_eq!(refused, refusal(422, "malformed_proof", Some("proof")));
    }
    assert_eq!(*node.told.lock().unwrap(), [0u64; 0]);
    // The right one is taken, although its lease is gone; another right one changes nothing.
    let (first, second) = (node.prove(1), node.prove(1));
    assert_ne!(first, second);
    for (proof, outcome) in [(first, "accepted"), (first, "known"), (second, "known")] {
        let (status, body) = caller.with_token(Method::POST, "jobs/1/1/proof", Some(&as_json(&proof))).await;
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status.as_u16(), answer), (200, json!({"outcome": outcome})));
    }
    assert_eq!(node.desk.proof(1).await.unwrap(), Some(first));
    assert_eq!(node.told.lock().unwrap().first(), Some(&1));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_get_the_rule_they_break() {
    let node = Node::start(2, LEASE).await;
    let caller = Caller::new(&node);
    let post = |path: &'static str, body: Value| {
        let caller = &caller;
        async move { caller.refused(Method::POST, path, Some(&body)).await }
    };
    for name in ["", "a b", "ä", "a/b", &"a".repeat(65)] {
        assert_eq!(post("claim", json!({"worker": name})).await, refusal(422, "worker_name", Some("worker")), "{name}");
    }
    assert_eq!(post("claim", json!({})).await, refusal(400, "malformed_body", None));
    assert_eq!(post("claim", json!({"worker": "ada", "more": 1})).await, refusal(400, "malformed_body", None));
    let long = json!({"worker": "a".repeat(20_000)});
    assert_eq!(post("claim", long).await, refusal(413, "body", None));
    assert_eq!(post("jobs/x/1/heartbeat", json!({})).await, refusal(400, "malformed_path", Some("batch")));
    assert_eq!(post("jobs/9/1/heartbeat", json!({})).await, refusal(404, "unknown_batch", Some("batch")));
    assert_eq!(post("jobs/1/1/heartbeat", json!({})).await, refusal(404, "unknown_attempt", Some("attempt")));
    let witness = || caller.refused(Method::GET, "jobs/1/1/witness", None);
    assert_eq!(witness().await, refusal(404, "unknown_attempt", Some("attempt")));
    // Whose job it is not any more gets no witness.
    caller.claim().await;
    let (status, _) = caller.with_token(Method::POST, "jobs/1/1/hand_back", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(witness().await, refusal(409, "job_over", Some("attempt")));
    assert_eq!(post("jobs/1/1/heartbeat", json!({})).await, refusal(409, "job_over", Some("attempt")));
    // Final batches have no witness.
    let claimed = caller.claim().await;
    assert_eq!((&claimed["batch"], &claimed["attempt"]), (&json!(1), &json!(2)));
    node.desk.finished(1).await.unwrap();
    let gone = caller.refused(Method::GET, "jobs/1/2/witness", None).await;
    assert_eq!(gone, refusal(404, "no_witness", None));
}
