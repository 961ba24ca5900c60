//! A venue on loopback. It reads requests and signs receipts like the real one, and each test says where it fails or lies.

use novation_api::client::{Http, Journal, Rest, Retry, Trader, Wallet};
use novation_api::wire::{CommandRequest, OrderRequest, VenueView};
use novation_sequencer::durable::SignedReceipt;
use novation_sequencer::io::Receipt;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::{self, SecretKey};
use novation_state::crypto::Fr;
use novation_state::ledger::Deployment;
use novation_state::message::Read;
use novation_state::units::{AccountSlot, Time};
use novation_verifier::encoding::to_hex_word;
use serde_json::{json, Value};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The time of the tests.
pub const NOW: i64 = 1_774_500_000;
/// The chain of the tests.
pub const CHAIN: u64 = 31_337;
const CONTRACT: [u8; 20] = [0xc0; 20];

/// The time of the tests, as a unit.
pub fn now() -> Time {
    Time::new(NOW).unwrap()
}

/// The account of the tests.
pub fn slot() -> AccountSlot {
    AccountSlot::new(7).unwrap()
}

/// The deployment of the tests.
pub fn deployment() -> Fr {
    Deployment::new(CHAIN, CONTRACT).id
}

/// The operator's key.
pub fn operator() -> SecretKey {
    SecretKey::from_seed(&[201; 32])
}

/// The trader's seed.
pub const SEED: [u8; 32] = [1; 32];

/// What the venue does with the next message.
#[derive(Clone, Debug)]
pub enum Say {
    /// Takes it in and hangs up.
    TakeAndHangUp,
    /// Hangs up.
    HangUp,
    /// A receipt for another message.
    AnotherMessage,
    /// A receipt signed by somebody else.
    AnotherKey,
    /// This status with this body.
    Status(u16, String),
}

/// What the venue knows. Messages are kept as they came.
pub struct State {
    /// What to do with the next messages; after that the truth is told.
    pub script: VecDeque<Say>,
    /// Bodies of every message that arrived, with the path.
    pub arrived: Vec<(String, String)>,
    /// Those that were taken in: position is the index plus 1.
    pub log: Vec<String>,
    /// The account's owner.
    pub owner: Point,
    /// The account's epoch.
    pub epoch: u32,
    /// Order slots with the next nonce, as the account view has them.
    pub nonces: Vec<(u8, Option<u32>)>,
    /// Answers of other paths.
    pub pages: Vec<(String, Value)>,
    /// `Authorization` headers that were good.
    pub credentials: Vec<String>,
}

/// The venue.
#[derive(Clone)]
pub struct Venue {
    /// What it knows.
    pub state: Arc<Mutex<State>>,
    /// Where it listens.
    pub url: String,
}

impl Venue {
    /// Starts it on any free port.
    pub async fn start() -> Venue {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            script: VecDeque::new(),
            arrived: Vec::new(),
            log: Vec::new(),
            owner: SecretKey::from_seed(&SEED).public(),
            epoch: 3,
            nonces: Vec::new(),
            pages: Vec::new(),
            credentials: Vec::new(),
        };
        let venue = Venue { state: Arc::new(Mutex::new(state)), url };
        let serving = venue.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        venue
    }

    /// What it says of itself.
    pub fn view(&self) -> VenueView {
        let word = |byte: &str| format!("0x{}", byte.repeat(20));
        let key = operator().public();
        serde_json::from_value(json!({
            "deployment": to_hex_word(&deployment()),
            "chain": CHAIN,
            "contract": word("c0"),
            "collateral": word("dd"),
            "l1_url": null,
            "operator": { "x": to_hex_word(&key.x), "y": to_hex_word(&key.y) },
            "size": "tiny",
            "circuit_version": 1,
            "verifying_key": "0x00",
            "lanes": { "accounts": 4, "orders": 4, "rows": 8, "slots": 16, "clearings": 4, "deposits": 2, "commands": 2, "underlyings": 2 },
            "cadence": { "window": 5, "batch": 60, "markets": 300 },
            "max_unproven": 4,
            "time": NOW,
        }))
        .unwrap()
    }

    /// A trader in memory with retries that do not wait.
    pub fn trader(&self, journal: Journal) -> Trader {
        Trader::new(self.rest(), self.view(), Wallet::in_memory(SEED), journal, slot())
    }

    /// Requests to it, three attempts each.
    pub fn rest(&self) -> Rest {
        let wait = Duration::from_millis(1);
        Rest::new(Http::new(&self.url, Retry { attempts: 3, first_wait: wait, longest_wait: wait * 100 }).unwrap())
    }

    /// Says what comes next.
    pub fn will(&self, script: impl IntoIterator<Item = Say>) {
        self.state.lock().unwrap().script.extend(script);
    }

    /// Answers a path with a value.
    pub fn page(&self, path: &str, value: Value) {
        let mut state = self.state.lock().unwrap();
        state.pages.retain(|(known, _)| known != path);
        state.pages.push((path.to_owned(), value));
    }

    /// Bodies that arrived.
    pub fn arrived(&self) -> Vec<String> {
        self.state.lock().unwrap().arrived.iter().map(|(_, body)| body.clone()).collect()
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some((head, body)) = read_request(&mut stream).await else { return };
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let answer = match method.as_str() {
            "POST" if matches!(path.as_str(), "/v1/orders" | "/v1/commands") => self.take(&path, &body),
            _ => Some(self.read(&path, &head)),
        };
        let Some((status, text)) = answer else { return };
        let head =
            format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ");
        let _ = stream.write_all(format!("{head}{}\r\n\r\n{text}", text.len()).as_bytes()).await;
    }

    /// A message. `None` hangs up.
    fn take(&self, path: &str, body: &str) -> Option<(u16, String)> {
        let mut state = self.state.lock().unwrap();
        state.arrived.push((path.to_owned(), body.to_owned()));
        let hash = match path {
            "/v1/orders" => {
                let signed = serde_json::from_str::<OrderRequest>(body).unwrap().signed().unwrap();
                let hash = signed.order.hash();
                eddsa::verify(&state.owner, hash, &signed.signature).unwrap();
                hash
            }
            _ => {
                let signed = serde_json::from_str::<CommandRequest>(body).unwrap().signed().unwrap();
                let hash = signed.command.hash();
                eddsa::verify(&state.owner, hash, &signed.signature).unwrap();
                hash
            }
        };
        let (mut key, mut message) = (operator(), hash);
        let said = state.script.pop_front();
        match said {
            Some(Say::HangUp) => return None,
            Some(Say::Status(status, body)) => return Some((status, body)),
            Some(Say::AnotherMessage) => message += Fr::from(1),
            Some(Say::AnotherKey) => key = SecretKey::from_seed(&[202; 32]),
            Some(Say::TakeAndHangUp) | None => {}
        }
        let place = state.log.iter().position(|known| known == body).unwrap_or_else(|| {
            state.log.push(body.to_owned());
            state.log.len() - 1
        });
        if matches!(said, Some(Say::TakeAndHangUp)) {
            return None;
        }
        let receipt = Receipt { position: place as u64 + 1, message, root: Fr::from(place as u64), time: now() };
        let signed = SignedReceipt::sign(&key, &deployment(), receipt);
        Some((200, serde_json::to_string(&novation_api::wire::Receipt::from(signed)).unwrap()))
    }

    fn read(&self, path: &str, head: &str) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        let error = |code: &str| json!({ "error": { "code": code, "message": "said by the tests" } }).to_string();
        let path = path.split('?').next().expect("the part before it");
        if path.starts_with("/v1/account/") || path == "/v1/account" {
            let header = head.lines().find_map(|line| line.strip_prefix("authorization: "));
            let Some(header) = header.filter(|header| is_good(header, &state.owner)) else {
                return (401, error("unauthorized"));
            };
            state.credentials.push(header.to_owned());
        }
        if let Some((_, value)) = state.pages.iter().find(|(known, _)| known == path) {
            return (200, value.to_string());
        }
        if path == "/v1/venue" {
            return (200, serde_json::to_string(&self.view()).unwrap());
        }
        if path == "/v1/account" {
            let nonces: Vec<Value> = state.nonces.iter().map(|(s, n)| json!({ "order_slot": s, "next": n })).collect();
            let zero = json!({ "equity": "0", "initial": "0", "maintenance": "0", "withdrawable": "0" });
            let view = json!({
                "account": slot(), "batch": 1, "markets": 0, "epoch": state.epoch, "standing": zero, "positions": [],
                "scenarios": [], "charges": "0", "nonces": nonces,
            });
            return (200, view.to_string());
        }
        (404, error("not_found"))
    }
}

/// Whether a header is the owner's leave to read, good now and for at most an hour.
fn is_good(header: &str, owner: &Point) -> bool {
    let parts: Vec<&str> = header.strip_prefix("Novation ").unwrap_or("").split('.').collect();
    let [account, expires, signature] = parts[..] else { return false };
    let account = AccountSlot::new(account.parse().unwrap()).unwrap();
    let expires = Time::new(expires.parse().unwrap()).unwrap();
    let mut bytes = [0; 64];
    hex::decode_to_slice(signature.strip_prefix("0x").unwrap(), &mut bytes).unwrap();
    let read = Read { deployment: deployment(), account, expires };
    let signed = eddsa::verify(owner, read.hash(), &eddsa::Signature::from_bytes(&bytes).unwrap()).is_ok();
    signed && account == slot() && (NOW..=NOW + 3_600).contains(&expires.get())
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return Some((head, body.to_owned()));
            }
        }
        let mut chunk = [0; 4_096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Runs a test's future.
pub fn run<T>(future: impl std::future::Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}
