//! A venue over real HTTP, without a prover: a small engine, a log in SQLite, traders with keys, a clock that tests move.

use novation_api::rest::{serve, ApiState, Books, Limits, Metrics, Publication, Venue};
use novation_api::wire::{Cadence, CommandRequest, OrderRequest};
use novation_sequencer::durable::{recover, Handle, Limits as WriterLimits, Observer, SqlStore, Writer};
use novation_sequencer::log::Head;
use novation_sequencer::{Config, Effect, Engine, Event, Execution, SignedOrder};
use novation_state::crypto::eddsa::SecretKey;
use novation_state::crypto::viewing::ViewingKey;
use novation_state::leaf::MarketLeaf;
use novation_state::ledger::{Deployment, Ledger};
use novation_state::markets::Markets;
use novation_state::message::{Action, Binding, Command, Order, Read, Side};
use novation_state::size::TINY;
use novation_state::testkit;
use novation_state::transition::{Deposit, SignedCommand};
use novation_state::units::{AccountSlot, Amount, Fee, InstrumentId, Lots, Ticks, Time};
use serde_json::Value;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Where the clock of tests starts.
pub const START: i64 = 1_800_000_000;
/// What every trader deposits: 1,000 dollars.
pub const CASH: i128 = 1_000_000_000;
/// The perpetual.
pub const PERP: i64 = 1;
/// A second perpetual, of another underlying.
pub const OTHER: i64 = 2;

/// A lot is worth a dollar, gains or loses a tenth of it in scenarios 0 and 1, and costs a fee of 10 micro-units.
pub fn perpetual(underlying: u8, mark_time: i64) -> MarketLeaf {
    let (mark_time, fee) = (Time::new(mark_time).unwrap(), Fee::new(10).unwrap());
    MarketLeaf { underlying, mark_time, fee, ..testkit::perpetual() }
}

/// Somebody with keys; slots count from 1.
pub struct Trader {
    pub slot: AccountSlot,
    pub key: SecretKey,
    pub viewing: ViewingKey,
}

impl Trader {
    pub fn new(slot: i64) -> Trader {
        let seed = [slot as u8; 32];
        let (key, viewing) = (SecretKey::from_seed(&seed), ViewingKey::from_seed(&seed));
        Trader { slot: AccountSlot::new(slot).unwrap(), key, viewing }
    }

    pub fn deposit(&self, amount: i128) -> Deposit {
        Deposit {
            account: self.slot,
            owner_eighth: self.key.public().eighth().unwrap(),
            viewing_eighth: self.viewing.public().eighth().unwrap(),
            amount: Amount::new(amount).unwrap(),
        }
    }

    pub fn binding(&self, order_slot: u8, nonce: u32) -> Binding {
        Binding { deployment: deployment().id, account: self.slot, order_slot, nonce, epoch: 0 }
    }

    pub fn sign(&self, order: Order, execution: Execution) -> OrderRequest {
        let signature = self.key.sign(order.hash());
        OrderRequest::from(&SignedOrder { order, signature, execution })
    }

    /// An order for the perpetual, valid for an hour, with nonce 1.
    pub fn order(&self, order_slot: u8, side: Side, lots: i64, limit: i64) -> Order {
        Order {
            binding: self.binding(order_slot, 1),
            instrument: InstrumentId::new(PERP).unwrap(),
            side,
            lots: Lots::new(lots).unwrap(),
            limit: Ticks::new(limit).unwrap(),
            peg_offset: None,
            valid_until: Time::new(START + 3_600).unwrap(),
            fee_cap: Fee::MAX,
            reduce_only: false,
        }
    }

    pub fn command(&self, order_slot: u8, nonce: u32, action: Action) -> CommandRequest {
        let command = Command { binding: self.binding(order_slot, nonce), action };
        let signature = self.key.sign(command.hash());
        CommandRequest::from(&SignedCommand { command, signature, possession: None })
    }

    /// The credential of a signed read.
    pub fn credential(&self, expires: i64) -> String {
        credential(&self.key, self.slot, deployment(), expires)
    }
}

pub fn credential(key: &SecretKey, account: AccountSlot, deployment: Deployment, expires: i64) -> String {
    let read = Read { deployment: deployment.id, account, expires: Time::new(expires).unwrap() };
    let bytes = key.sign(read.hash()).to_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("Novation {account}.{expires}.0x{hex}")
}

pub fn deployment() -> Deployment {
    Deployment::new(31_337, [7; 20])
}

pub fn operator() -> SecretKey {
    SecretKey::from_seed(&[0x0b; 32])
}

/// How a venue differs from the usual one.
pub struct Setup {
    pub limits: Limits,
    pub writer: WriterLimits,
    pub publication: Publication,
}

impl Default for Setup {
    fn default() -> Setup {
        // Tests ask often and from one address.
        let fast = novation_api::rest::Rate::new(1_000_000, 1_000_000);
        let limits = Limits { address: fast, account: fast, ..Limits::default() };
        Setup { limits, writer: WriterLimits::default(), publication: Publication::PricesAndLots }
    }
}

pub struct Server {
    pub url: String,
    pub handle: Handle,
    pub books: Books,
    pub metrics: Arc<Metrics>,
    pub traders: Vec<Trader>,
    pub clock: Arc<AtomicI64>,
    pub http: reqwest::Client,
    pub stop: Option<oneshot::Sender<()>>,
    pub served: tokio::task::JoinHandle<std::io::Result<()>>,
    deposits: u64,
    _folder: tempfile::TempDir,
}

impl Server {
    /// With three traders, money and two perpetuals.
    pub async fn start(setup: Setup) -> Server {
        let mut server = Server::listen(setup, "127.0.0.1:0", START).await;
        server.fund(3).await;
        server
    }

    /// The same, and every entry's effects go to `heard` as well.
    #[allow(dead_code)] // the example does not listen
    pub async fn start_observed(setup: Setup, heard: Sender<Vec<Effect>>) -> Server {
        let mut server = Server::open(setup, "127.0.0.1:0", START, Some(heard)).await;
        server.fund(3).await;
        server
    }

    /// With nobody and nothing, at a time.
    pub async fn listen(setup: Setup, address: &str, now: i64) -> Server {
        Server::open(setup, address, now, None).await
    }

    async fn open(setup: Setup, address: &str, now: i64, heard: Option<Sender<Vec<Effect>>>) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqlStore::open(&format!("sqlite:{}/log.db", folder.path().display())).await.unwrap();
        let ledger = Ledger::genesis(deployment(), ViewingKey::from_seed(&[0xaa; 32]).public());
        let books = Books::new(&ledger, &Markets::new(), setup.publication);
        let circuit = Box::new(|_: &_| Ok(()));
        let config = Config { size: TINY, max_unproven: 1_000, secret: [0x5e; 32], circuit };
        let root = Head::genesis(ledger.deployment().id).root;
        let engine = Engine::new(config, ledger, Markets::new(), root);
        let mut tell = books.observer();
        let mut observer: Observer = Box::new(move |effects| {
            tell(effects);
            if let Some(heard) = &heard {
                heard.send(effects.to_vec()).unwrap();
            }
        });
        let recovered = recover(&mut store, engine, None, &mut observer).await.unwrap();
        let clock = Arc::new(AtomicI64::new(now));
        let read = |clock: &Arc<AtomicI64>| {
            let clock = clock.clone();
            move || Time::new(clock.load(Ordering::Relaxed)).unwrap()
        };
        let (handle, _writer) =
            Writer::spawn(store, recovered, operator(), Box::new(read(&clock)), observer, setup.writer);
        let venue = Venue {
            deployment: deployment(),
            contract: [7; 20],
            collateral: [8; 20],
            l1_url: None,
            operator: operator().public(),
            size: TINY,
            verifying_key: [9; 32],
            cadence: Cadence { window: 1, batch: 10, markets: 60 },
            max_unproven: 1_000,
        };
        let metrics = Arc::new(Metrics::new());
        let state =
            ApiState::new(handle.clone(), books.clone(), venue, Arc::new(read(&clock)), setup.limits, metrics.clone());
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, state, axum::Router::new(), async move { drop(stopped.await) }));
        novation_verifier::tls::ready();
        let http = reqwest::Client::new();
        Server {
            url,
            handle,
            books,
            metrics,
            traders: Vec::new(),
            clock,
            http,
            stop: Some(stop),
            served,
            deposits: 0,
            _folder: folder,
        }
    }

    /// Markets, and traders with money.
    pub async fn fund(&mut self, traders: i64) {
        let now = self.clock.load(Ordering::Relaxed);
        let leaves = [(PERP, perpetual(0, now)), (OTHER, perpetual(1, now))];
        let leaves = leaves.map(|(id, leaf)| (InstrumentId::new(id).unwrap(), leaf));
        self.event(Event::Markets(leaves.to_vec())).await;
        for slot in 1..=traders {
            self.traders.push(Trader::new(slot));
            self.deposit(slot as usize - 1, CASH).await;
        }
        for _ in 0..traders {
            self.batch().await;
        }
    }

    pub async fn deposit(&mut self, trader: usize, amount: i128) {
        let deposit = self.traders[trader].deposit(amount);
        self.event(Event::Deposit { index: self.deposits, deposit }).await;
        self.deposits += 1;
    }

    pub async fn event(&self, event: Event) -> Vec<Effect> {
        self.handle.event(event).await.unwrap()
    }

    pub async fn window(&self) {
        self.event(Event::Window).await;
    }

    /// Makes a batch; its number.
    pub async fn batch(&self) -> u64 {
        let effects = self.event(Event::Batch).await;
        let Some(Effect::BatchReady(trace)) = effects.last() else { panic!("no batch: {effects:?}") };
        trace.header.batch
    }

    /// Position of the log's last entry.
    pub async fn head(&self) -> Head {
        self.handle.inspect(|engine| engine.log()).await.unwrap()
    }

    pub fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The credential of a trader, good for half an hour.
    pub fn credential(&self, trader: usize) -> String {
        self.traders[trader].credential(self.clock.load(Ordering::Relaxed) + 1_800)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.answer(self.http.get(format!("{}{path}", self.url))).await
    }

    pub async fn get_as(&self, credential: &str, path: &str) -> (u16, Value) {
        self.answer(self.http.get(format!("{}{path}", self.url)).header("Authorization", credential)).await
    }

    /// A trader's own read.
    pub async fn read(&self, trader: usize, path: &str) -> (u16, Value) {
        self.get_as(&self.credential(trader), path).await
    }

    pub async fn post(&self, path: &str, body: &impl serde::Serialize) -> (u16, Value) {
        self.answer(self.http.post(format!("{}{path}", self.url)).json(body)).await
    }

    pub async fn post_as(&self, credential: &str, path: &str, body: &impl serde::Serialize) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url)).header("Authorization", credential);
        self.answer(request.json(body)).await
    }

    /// Sends an order that must be taken in; its position.
    pub async fn send(&self, trader: usize, order: Order, execution: Execution) -> u64 {
        let request = self.traders[trader].sign(order, execution);
        let (status, body) = self.post("/v1/orders", &request).await;
        assert_eq!(status, 200, "{body}");
        body["position"].as_u64().unwrap()
    }

    /// A trade of `lots` of the perpetual between the first two traders, in a window of its own and not in a batch.
    pub async fn trade(&self, order_slot: u8, lots: i64) -> [u64; 2] {
        let buy = self.traders[0].order(order_slot, Side::Buy, lots, 1_000);
        let sell = self.traders[1].order(order_slot, Side::Sell, lots, 1_000);
        let positions =
            [self.send(0, buy, Execution::UntilValid).await, self.send(1, sell, Execution::UntilValid).await];
        self.window().await;
        positions
    }
}

/// Code and field of an error.
pub fn error(body: &Value) -> (&str, &str) {
    let detail = &body["error"];
    assert!(!detail["message"].as_str().unwrap().is_empty());
    (detail["code"].as_str().unwrap(), detail["field"].as_str().unwrap_or(""))
}
