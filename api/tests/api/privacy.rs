//! The privacy test: two traders with equal deposits swap strategies, and the public sees no difference.
//!
//! A node is run twice on a simulated clock, with proofs, an L1 and its public port. The second time whoever bought sells and the other way
//! round. Then everything that anybody can see is compared as text: every block of L1 with its transactions and events, every public
//! route, every event of the WebSocket. Masked are leaf hashes, ciphertexts with the point R that opens them, roots, c, z, y and proofs; and
//! what is a function of these: hashes of transactions and blocks, and gas, which counts zero bytes.

use alloy::consensus::Transaction as _;
use alloy::eips::BlockNumberOrTag;
use alloy::network::TransactionResponse as _;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::{SolCall, SolEvent};
use futures_util::StreamExt;
use novation_api::demo::screen::Screen;
use novation_api::instrument::Terms;
use novation_api::node::chain::FIRST_TRADER;
use novation_api::node::market;
use novation_api::node::rounds::Role;
use novation_api::node::secrets::Secrets;
use novation_api::node::service::{Drive, Options, Service};
use novation_api::node::settings::{Quotes, Settings};
use novation_sequencer::{Event, Execution, SignedOrder};
use novation_state::crypto::eddsa::SecretKey;
use novation_state::crypto::viewing::ViewingKey;
use novation_state::message::{Binding, Order, Side};
use novation_state::public_data::{ACCOUNT_WORDS, COMMAND_WORDS, DEPOSIT_WORDS, HEADER_WORDS, HOUSE_WORDS};
use novation_state::size::TINY;
use novation_state::units::{AccountSlot, Lots, Ticks, Time};
use novation_verifier::devnet::mint;
use novation_verifier::l1::bindings::Novation::{submitBatchCall, BatchAccepted};
use novation_verifier::l1::{DepositRequest, Submission};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// 2026-03-26 19:00 UTC.
const START: i64 = 1_774_551_600;
const DEPOSIT: u128 = 250_000_000_000;
/// Words of the header that are roots or R.
const MASKED_HEADER: [usize; 5] = [3, 4, 10, 13, 14];

/// What a trader does in the four windows: signed lots and ticks from the mark of `BTC-PERP`.
type Strategy = [(i64, i64); 4];
/// Buys, adds, lets an order rest that nobody meets, takes half off.
const RIDER: Strategy = [(40, 300), (20, 200), (5, -3_000), (-30, -300)];
/// The other side.
const MAKER: Strategy = [(-40, -300), (-20, -200), (-5, 3_000), (30, 300)];

struct Trader {
    key: SecretKey,
    viewing: ViewingKey,
    account: AccountSlot,
    strategy: Strategy,
}

struct Run {
    service: Service,
    role: Role,
    clock: Arc<AtomicI64>,
    traders: Vec<Trader>,
    _folder: tempfile::TempDir,
}

fn seed(name: u8) -> [u8; 32] {
    [name; 32]
}

impl Run {
    async fn start(strategies: [Strategy; 2]) -> Run {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("operator.secret"), "07".repeat(32)).unwrap();
        let (secrets, made) = Secrets::open(&folder.path().join("operator.secret")).unwrap();
        assert!(!made && secrets.sequencer() == Secrets::of(seed(7)).sequencer());
        let mut settings = Settings { data: folder.path().into(), size: TINY.name.into(), ..Settings::default() };
        settings.listen.set_port(0);
        settings.metrics.set_port(0);
        settings.l1.port = 0;
        settings.quotes = Quotes::None;
        let clock = Arc::new(AtomicI64::new(START));
        let now = {
            let clock = clock.clone();
            Arc::new(move || clock.load(Ordering::SeqCst))
        };
        // Beside the build, as every test's.
        let keys = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys");
        let options = Options { keys: PathBuf::from(&keys), now, drive: Drive::Hand, progress: None };
        let service = Service::start(&settings, options, &Screen::Quiet).await.unwrap();
        let role = Role::new(service.handle.clone(), service.pipeline.clone());
        let trader = |(name, strategy)| Trader {
            key: SecretKey::from_seed(&seed(name)),
            viewing: ViewingKey::from_seed(&seed(name)),
            account: AccountSlot::ZERO,
            strategy,
        };
        let traders = (1..).zip(strategies).map(trader).collect();
        Run { service, role, clock, traders, _folder: folder }
    }

    fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
        self.service.chain.tick();
    }

    async fn deposit(&mut self) {
        let embedded = self.service.chain.embedded.as_ref().unwrap();
        let l1 = &self.service.chain.l1;
        let deployer = embedded.devnet.signer(0).address();
        for (i, trader) in self.traders.iter_mut().enumerate() {
            let from = embedded.devnet.signer(FIRST_TRADER + i).address();
            let eighth = |point: novation_state::crypto::babyjub::Point| {
                let eighth = point.eighth().unwrap();
                [eighth.x, eighth.y]
            };
            let request = DepositRequest {
                slot: None,
                owner_eighth: eighth(trader.key.public()),
                viewing_eighth: eighth(trader.viewing.public()),
                amount: DEPOSIT,
            };
            mint(l1.provider(), deployer, l1.collateral(), from, U256::from(DEPOSIT)).await.unwrap();
            l1.approve(from, U256::from(DEPOSIT)).await.unwrap();
            let (_, slot, _) = l1.deposit(from, &request).await.unwrap();
            trader.account = AccountSlot::new(slot.into()).unwrap();
        }
        embedded.mine(8).unwrap();
        let deposits = self.traders.len();
        self.until("deposits", |run| async move {
            run.service.handle.inspect(|engine| engine.backlog().deposits).await.unwrap() == deposits
        })
        .await;
    }

    async fn until<'a, F: std::future::Future<Output = bool>>(&'a self, what: &str, done: impl Fn(&'a Run) -> F) {
        for _ in 0..3_000 {
            if done(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not in five minutes: {what}");
    }

    /// A round of marks, and until L1 has it.
    async fn round(&mut self) {
        let now = self.now();
        let perp: Terms = "BTC-PERP".parse().unwrap();
        let new: Vec<Terms> = self.role.oracle().id(&perp).is_none().then_some(perp).into_iter().collect();
        let snapshot = market::snapshot(now, self.role.oracle(), &new);
        self.role.post(&snapshot, &new).await.unwrap();
        let number = self.service.handle.inspect(|engine| engine.markets().number()).await.unwrap();
        self.until("the round on L1", |run| async move {
            run.service.chain.l1.last_markets(alloy::eips::BlockId::latest()).await.unwrap().0 == number
        })
        .await;
    }

    async fn window(&mut self, window: usize) {
        let perp: Terms = "BTC-PERP".parse().unwrap();
        let instrument = self.role.oracle().id(&perp).unwrap();
        let deployment = self.service.chain.l1.deployment();
        let (mark, fee) = self
            .service
            .handle
            .inspect(move |engine| engine.markets().get(instrument).map(|leaf| (leaf.mark, leaf.fee)).unwrap())
            .await
            .unwrap();
        for trader in &self.traders {
            let (lots, away) = trader.strategy[window];
            let slot = u8::try_from(window).unwrap();
            let order = Order {
                binding: Binding { deployment, account: trader.account, order_slot: slot, nonce: 1, epoch: 0 },
                instrument,
                side: if lots > 0 { Side::Buy } else { Side::Sell },
                lots: Lots::new(lots.abs()).unwrap(),
                limit: Ticks::new(mark.get() + away).unwrap(),
                peg_offset: None,
                valid_until: Time::new(START + 86_400).unwrap(),
                fee_cap: fee,
                reduce_only: false,
            };
            let signature = trader.key.sign(order.hash());
            let execution = Execution::UntilValid;
            self.service.handle.order(SignedOrder { order, signature, execution }).await.unwrap();
        }
        self.advance(1);
        self.service.handle.event(Event::Window).await.unwrap();
    }

    /// A batch, and until L1 has accepted its proof.
    async fn batch(&mut self, number: u64) {
        self.advance(1);
        self.service.handle.event(Event::Batch).await.unwrap();
        self.until("an accepted batch", |run| async move {
            let batch = run.get(&format!("/v1/batches/{number}")).await;
            batch["batch"]["stage"] == "accepted"
        })
        .await;
        self.until("the engine hears of it", |run| async move {
            run.service.handle.inspect(|engine| engine.unproven()).await.unwrap() == 0
        })
        .await;
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("http://{}{path}", self.service.addresses.public);
        novation_verifier::tls::ready();
        let answer = reqwest::get(url).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

/// A run, and everything that anybody can see of it.
async fn transcript(strategies: [Strategy; 2]) -> (Vec<String>, Vec<i64>) {
    let mut run = Run::start(strategies).await;
    let socket = format!("ws://{}/v1/events", run.service.addresses.public);
    let (mut events, _) = tokio_tungstenite::connect_async(socket).await.unwrap();
    run.deposit().await;
    run.round().await;
    run.batch(1).await;
    let mut seen = public_port(&run).await;
    run.advance(30);
    run.round().await;
    run.window(0).await;
    run.window(1).await;
    run.batch(2).await;
    seen.extend(public_port(&run).await);
    run.window(2).await;
    run.window(3).await;
    run.batch(3).await;
    seen.extend(public_port(&run).await);
    seen.extend(chain(&run).await);
    while let Ok(Some(Ok(event))) = tokio::time::timeout(Duration::from_secs(1), events.next()).await {
        if let Ok(text) = event.into_text() {
            if !text.is_empty() {
                seen.push(format!("event {}", masked(serde_json::from_str(&text).unwrap())));
            }
        }
    }
    // What the public must not see did happen.
    let accounts: Vec<AccountSlot> = run.traders.iter().map(|trader| trader.account).collect();
    let held = run.service.handle.inspect(move |engine| {
        let lots = |slot: &AccountSlot| engine.ledger().account(*slot).unwrap().leaf.positions[0].lots.get();
        accounts.iter().map(lots).collect::<Vec<_>>()
    });
    let held = held.await.unwrap();
    let Run { service, role, .. } = run;
    drop(role);
    service.stop().await;
    (seen, held)
}

/// Every public route.
async fn public_port(run: &Run) -> Vec<String> {
    let mut paths: Vec<String> =
        ["/v1/venue", "/v1/health", "/v1/instruments", "/v1/instruments/1", "/v1/marks", "/v1/auctions", "/v1/batches"]
            .map(str::to_owned)
            .to_vec();
    let last = run.get("/v1/health").await["batch"].as_u64().unwrap();
    paths.extend((1..=last).map(|batch| format!("/v1/batches/{batch}")));
    paths.extend(run.traders.iter().map(|trader| format!("/v1/accounts/{}/leaf", trader.account)));
    let mut seen = Vec::new();
    for path in paths {
        seen.push(format!("GET {path} {}", masked(run.get(&path).await)));
    }
    seen
}

/// Every block of L1.
async fn chain(run: &Run) -> Vec<String> {
    let l1 = &run.service.chain.l1;
    let mut known = l1.known(BlockNumberOrTag::Number(run.service.chain.from_block).into()).await;
    let tip = l1.provider().get_block_number().await.unwrap();
    let mut seen = Vec::new();
    for number in 0..=tip {
        let block = l1.provider().get_block_by_number(number.into()).full().await.unwrap().unwrap();
        seen.push(format!("block {number} at {}", block.header.timestamp));
        for tx in block.transactions.into_transactions() {
            let input = match submitBatchCall::abi_decode_validate(tx.input()) {
                // What a batch builds on does not show in its calldata.
                Ok(call) => submission(&call, known.as_ref().ok()),
                Err(_) => tx.input().to_string(),
            };
            seen.push(format!("  from {} to {:?} value {} input {input}", tx.from(), tx.to(), tx.value()));
        }
        for log in l1.provider().get_logs(&Filter::new().select(number)).await.unwrap() {
            seen.push(match BatchAccepted::decode_log(&log.inner) {
                Ok(accepted) => format!("  batch {} accepted", accepted.batch),
                Err(_) => format!("  log of {} {:?} {}", log.address(), log.topics(), log.data().data),
            });
        }
        known = l1.known(BlockNumberOrTag::Number(number).into()).await;
    }
    seen
}

fn submission(call: &submitBatchCall, known: Option<&novation_verifier::l1::Known>) -> String {
    let submission = Submission::from_call(call, known.expect("a batch comes after the deployment")).unwrap();
    let words: Vec<String> = submission.batch.words().iter().map(novation_verifier::encoding::to_hex_word).collect();
    let length = call.abi_encode().len();
    format!("{length} bytes, {:?} {} {:?}", public_words(words), submission.markets_time, submission.depositors)
}

/// D without what is masked.
fn public_words(words: Vec<String>) -> Vec<String> {
    let accounts = HEADER_WORDS + DEPOSIT_WORDS * TINY.deposits + COMMAND_WORDS * TINY.commands;
    let house = accounts + ACCOUNT_WORDS * TINY.accounts;
    assert_eq!(words.len(), house + HOUSE_WORDS);
    let sealed = |i: usize| i >= house || (i >= accounts && !(i - accounts).is_multiple_of(ACCOUNT_WORDS));
    let mask = |(i, word)| if MASKED_HEADER.contains(&i) || sealed(i) { "masked".to_owned() } else { word };
    words.into_iter().enumerate().map(mask).collect()
}

/// JSON without what is masked: lengths and kinds stay.
fn masked(value: Value) -> Value {
    const MASKED: [&str; 13] = [
        "old_root",
        "new_root",
        "log_root",
        "root",
        "leaf",
        "path",
        "ciphertext",
        "ephemeral",
        "c",
        "z",
        "y",
        "words",
        "tx",
    ];
    match value {
        Value::Object(fields) => {
            let is_markets = fields.get("type").is_some_and(|kind| kind == "markets");
            let field = |(name, value): (String, Value)| {
                let value = match name.as_str() {
                    "public_data" => {
                        let words: Vec<String> = serde_json::from_value(value).unwrap();
                        serde_json::to_value(public_words(words)).unwrap()
                    }
                    // A port that the system chose.
                    "l1_url" => Value::Null,
                    // The root of the markets is public and has to be the same.
                    name if MASKED.contains(&name) && !is_markets => shape(value),
                    _ => masked(value),
                };
                (name, value)
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        plain => plain,
    }
}

/// How long and of what kind.
fn shape(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(format!("masked, {} characters", text.len())),
        Value::Array(items) => Value::Array(items.into_iter().map(shape).collect()),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, shape(value))).collect()),
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_strategies_leave_the_same_public_transcript() {
    let (first, held) = transcript([RIDER, MAKER]).await;
    let (second, swapped) = transcript([MAKER, RIDER]).await;
    assert_eq!(held, [30, -30], "the first trader ends long");
    assert_eq!(swapped, [-30, 30], "the second time short");
    assert!(first.len() > 50, "{} lines", first.len());
    for (line, (one, other)) in first.iter().zip(&second).enumerate() {
        assert_eq!(one, other, "line {line} of the transcript");
    }
    assert_eq!(first.len(), second.len());
}
