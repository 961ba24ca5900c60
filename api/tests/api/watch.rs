//! `novation watch` as an operator runs it: against a node over HTTP, once for a script and as a service, before and after a restart of L1.

use alloy::primitives::{Address, U256};
use novation_state::crypto::babyjub::BASE8;
use novation_state::ledger::{Deployment, Ledger};
use novation_verifier::devnet::{deploy_token, mint, Devnet, DevnetConfig, HttpServer};
use novation_verifier::encoding::to_hex_word;
use novation_verifier::l1::{DeployParams, DepositRequest, L1};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

fn novation(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_novation"));
    command.arg("watch").args(args);
    command
}

fn run(args: &[&str]) -> Output {
    novation(args).output().expect("the binary starts")
}

fn config() -> DevnetConfig {
    DevnetConfig { safe_depth: 1, finalized_depth: 2, ..DevnetConfig::default() }
}

/// A contract without circuits, and a deposit in its queue.
async fn deploy(devnet: &Devnet) -> L1 {
    let provider = devnet.provider();
    let [from, alice] = [0, 1].map(|index| devnet.signer(index).address());
    let collateral = deploy_token(&provider, from).await.expect("deployed");
    let params = DeployParams {
        collateral,
        proposers: vec![from],
        executors: vec![Address::ZERO],
        operator: from,
        oracle: from,
        genesis_root: Ledger::genesis(Deployment::new(31_337, [1; 20]), BASE8).root(),
        circuits: Vec::new(),
    };
    let l1 = L1::deploy(provider.clone(), from, params).await.expect("deployed");
    mint(&provider, from, collateral, alice, U256::from(1_000)).await.expect("minted");
    l1.approve(alice, U256::from(1_000)).await.expect("approved");
    let key = [BASE8.x, BASE8.y];
    let request = DepositRequest { slot: None, owner_eighth: key, viewing_eighth: key, amount: 700 };
    l1.deposit(alice, &request).await.expect("queued");
    devnet.mine(3).expect("mined");
    l1
}

/// Kills a service that a failed test would leave behind.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // It keeps nothing on disk.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> (String, Value) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: watch\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let status = head.split_whitespace().nth(1).expect("a status").to_owned();
    (status, serde_json::from_str(body).expect("JSON"))
}

fn serve(devnet: &Devnet, runtime: &tokio::runtime::Runtime) -> HttpServer {
    runtime.block_on(devnet.serve_http(0)).expect("a free port")
}

#[test]
fn watch_reads_a_chain_judges_it_and_finds_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("l1.journal");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let devnet = Devnet::open(config(), &journal).expect("a new journal");
    let server = serve(&devnet, &runtime);
    let l1 = runtime.block_on(deploy(&devnet));
    let (url, contract) = (server.url(), l1.contract().to_string());
    let once = ["--l1", &url, "--contract", &contract, "--once", "--json"];

    let output = run(&once);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let status = &report["status"];
    assert_eq!((&status["believed"], &status["synced"]), (&true.into(), &true.into()));
    assert_eq!((&status["waiting_deposits"], &status["waiting_micro"]), (&1.into(), &"700".into()));
    let root = Ledger::genesis(Deployment::new(31_337, [1; 20]), BASE8).root();
    assert_eq!(status["accepted"]["root"], to_hex_word(&root), "read from the contract, not typed in");

    // The process dies and L1 with it; both come back.
    drop((server, l1));
    drop(devnet);
    let runtime = {
        // The old server's connections hold the chain until its runtime is gone.
        runtime.shutdown_background();
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
    };
    let devnet = reopen(&journal);
    let server = serve(&devnet, &runtime);
    let url = server.url();
    let again = run(&["--l1", &url, "--contract", &contract, "--once", "--json"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), text, "the same chain, the same report");

    // Too long a wait is an error that a script hears of.
    devnet.set_next_timestamp(devnet.next_timestamp() + 100).expect("later");
    devnet.mine(1).expect("mined");
    let stalled = run(&["--l1", &url, "--contract", &contract, "--once", "--queue-seconds", "60"]);
    let (out, err) = (String::from_utf8_lossy(&stalled.stdout), String::from_utf8_lossy(&stalled.stderr));
    assert_eq!(stalled.status.code(), Some(1), "{out}");
    assert!(out.contains("error queue_stalled"), "{out}");
    assert_eq!(err.trim(), "error: 1 alarms stand: queue_stalled");

    let nobody = Address::repeat_byte(9).to_string();
    let wrong = run(&["--l1", &url, "--contract", &nobody, "--once"]);
    assert_eq!(wrong.status.code(), Some(1));
    let expected = format!("error: {nobody} is not the Novation contract of chain 31337");
    assert_eq!(String::from_utf8_lossy(&wrong.stderr).trim(), expected);

    // As a service.
    let mut command = novation(&["--l1", &url, "--contract", &contract, "--listen", "127.0.0.1:0", "--every", "1"]);
    let mut service = Service(command.stderr(Stdio::piped()).spawn().expect("the binary starts"));
    let mut lines = BufReader::new(service.0.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("serves http://").map(str::to_owned)).expect("it serves");
    let address = address.strip_suffix("/v1/status").expect("the status").to_owned();
    let synced = || get(&address, "/v1/status").1["synced"] == true;
    for _ in 0..600 {
        if synced() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(synced(), "a minute is enough for a dozen blocks");
    let (status, health) = get(&address, "/health");
    assert_eq!((status.as_str(), &health["believed"]), ("200", &true.into()));
}

/// The chain of the journal, as soon as the old process's last connection has let go of it.
fn reopen(journal: &std::path::Path) -> Devnet {
    use novation_verifier::devnet::JournalError;
    for _ in 0..600 {
        match Devnet::open(config(), journal) {
            Ok(devnet) => return devnet,
            Err(JournalError::InUse { .. }) => std::thread::sleep(std::time::Duration::from_millis(50)),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the journal stays in use");
}
