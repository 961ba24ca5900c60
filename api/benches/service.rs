//! What a running node takes: orders a second with durable receipts, how long receipts take, and how long it is from an order to L1's
//! finality. It speaks HTTP alone, as traders do; `.ci/soak.py` starts nodes for it.
//!
//! ```text
//! cargo bench -p novation-api --bench service -- receipts --url URL --l1 URL [--orders 20000] [--clients 64]
//! cargo bench -p novation-api --bench service -- flow --url URL --l1 URL [--seconds 60] [--rate 5]
//! ```
//!
//! `receipts`: orders that rest, signed beforehand; every client sends its next when it has the receipt of the one before. `flow`: traders
//! who cross the mark, at a rate; afterwards fills are laid beside the stages of their batches. Both check every receipt's signature,
//! after the clock has stopped. Figures are one JSON object on standard output. `--pid` adds CPU and memory of the node.

use alloy::primitives::U256;
use ark_bn254::Fr;
use clap::{Args, Parser, Subcommand};
use futures_util::future::try_join_all;
use novation_api::client::l1::{connect, deposit, Payer};
use novation_api::client::trader::check_receipt;
use novation_api::client::{Http, Journal, NewOrder, Rest, Retry, Trader, Wallet};
use novation_api::wire::{InstrumentView, OrderRequest, Receipt, StageName, Word};
use novation_sequencer::{Execution, SignedOrder};
use novation_state::message::{Binding, Order, Side};
use novation_state::units::{AccountSlot, Fee, InstrumentId, Lots, Ticks, Time};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use serde_json::{json, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Micro-units that each trader deposits: a million dollars.
const CASH: u128 = 1_000_000_000_000;
/// Order slots that an account's orders take in turn.
const SLOTS: u32 = 255;
/// Seconds for which orders are valid: an order rests, or is filled in the next window or two.
const RESTS: i64 = 3_000;
const CROSSES: i64 = 10;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Cargo says this to every bench.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum What {
    /// Durable receipts, as fast as they come.
    Receipts {
        #[command(flatten)]
        venue: VenueArgs,
        #[arg(long, default_value_t = 20_000)]
        orders: usize,
        #[arg(long, default_value_t = 64)]
        clients: usize,
    },
    /// A flow of orders that trade.
    Flow {
        #[command(flatten)]
        venue: VenueArgs,
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Orders a second, of all traders.
        #[arg(long, default_value_t = 5.0)]
        rate: f64,
    },
}

#[derive(Args, Clone)]
struct VenueArgs {
    #[arg(long)]
    url: String,
    /// A development L1: its accounts pay, and collateral is minted.
    #[arg(long)]
    l1: String,
    #[arg(long, default_value_t = 4)]
    traders: usize,
    /// The first of the L1's accounts that pays.
    #[arg(long, default_value_t = 8)]
    first: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The node's process.
    #[arg(long)]
    pid: Option<u32>,
}

impl VenueArgs {
    fn rest(&self) -> Outcome<Rest> {
        Ok(Rest::new(Http::new(&self.url, Retry::default())?))
    }
}

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        match Cli::parse().what {
            What::Receipts { venue, orders, clients } => receipts(&venue, orders, clients).await,
            What::Flow { venue, seconds, rate } => flow(&venue, seconds, rate).await,
        }
    })?;
    println!("{figures:#}");
    Ok(())
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

fn time(ahead: i64) -> Time {
    Time::new(now() as i64 + ahead).expect("a time of this century")
}

/// Traders with money at the venue.
async fn traders(args: &VenueArgs) -> Outcome<Vec<Trader>> {
    let venue = args.rest()?.venue().await?;
    let mut accounts = Vec::new();
    for n in 0..args.traders {
        let mut seed = [0; 32];
        StdRng::seed_from_u64(args.seed << 16 | n as u64).fill(&mut seed);
        let wallet = Wallet::in_memory(seed);
        let (l1, payer) = connect(&args.l1, &venue, Payer::Development(args.first + n)).await?;
        let payer = payer.expect("a development account pays");
        novation_verifier::devnet::mint(l1.provider(), payer, l1.collateral(), payer, U256::from(CASH)).await?;
        let deposited = deposit(&l1, payer, &wallet, None, CASH).await?;
        accounts.push((wallet, AccountSlot::new(deposited.account.into())?));
    }
    let mut traders = Vec::new();
    for (wallet, account) in accounts {
        let mut trader = Trader::new(args.rest()?, venue.clone(), wallet, Journal::in_memory(), account);
        // Credited by a batch once the deposit is final.
        while trader.account_view(time(0)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        traders.push(trader);
    }
    Ok(traders)
}

/// The perpetual that is traded.
async fn instrument(rest: &Rest) -> Outcome<InstrumentView> {
    let found = rest.instruments().await?.into_iter().find(|instrument| instrument.name == "BTC-PERP");
    found.ok_or_else(|| "BTC-PERP is not listed".into())
}

async fn receipts(args: &VenueArgs, orders: usize, clients: usize) -> Outcome<Value> {
    let traders = traders(args).await?;
    let market = instrument(traders[0].rest()).await?;
    let sign = |n: usize| {
        let trader = &traders[n % traders.len()];
        let message = (n / traders.len()) as u32 + 1;
        // One tick inside the band and far from the mark: taken in, and met by nobody.
        let (side, limit) =
            if n.is_multiple_of(2) { (Side::Buy, market.band_low + 1) } else { (Side::Sell, market.band_high - 1) };
        let order = Order {
            binding: Binding {
                deployment: trader.deployment(),
                account: trader.account(),
                order_slot: (message % SLOTS) as u8,
                nonce: message,
                epoch: 0,
            },
            instrument: InstrumentId::new(market.id).expect("the venue's ids are ids"),
            side,
            lots: Lots::new(1).expect("one lot"),
            limit: Ticks::new(limit).expect("a price in the band"),
            peg_offset: None,
            valid_until: time(RESTS),
            fee_cap: Fee::MAX,
            reduce_only: false,
        };
        let hash = order.hash();
        let signed = SignedOrder { order, signature: trader.wallet().sign(hash), execution: Execution::UntilValid };
        (hash, serde_json::to_string(&OrderRequest::from(&signed)).expect("strings and numbers"))
    };
    let signed: Arc<Vec<_>> = Arc::new((0..orders).into_par_iter().map(sign).collect());
    novation_verifier::tls::ready();
    let http = reqwest::Client::builder().pool_max_idle_per_host(clients).build()?;
    let url = format!("{}/v1/orders", args.url.trim_end_matches('/'));
    let next = Arc::new(AtomicUsize::new(0));
    let before = args.pid.map(Process::read);
    let start = Instant::now();
    let client = || {
        let (http, url, signed, next) = (http.clone(), url.clone(), signed.clone(), next.clone());
        tokio::spawn(async move {
            let mut answers = Vec::new();
            while let Some((_, body)) = signed.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sent = Instant::now();
                let request = http.post(&url).header("content-type", "application/json").body(body.clone());
                let answer = request.send().await?;
                let status = answer.status().as_u16();
                answers.push((status, answer.bytes().await?, sent.elapsed()));
            }
            Ok::<_, reqwest::Error>(answers)
        })
    };
    let tasks: Vec<_> = (0..clients).map(|_| client()).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await??);
    }
    let wall = start.elapsed().as_secs_f64();
    let node = args.pid.map(Process::read);
    let refused = answers.iter().filter(|(status, ..)| *status != 200).count();
    if let Some((status, body, _)) = answers.iter().find(|(status, ..)| *status != 200) {
        eprintln!("{refused} refused, the first with {status}: {}", String::from_utf8_lossy(body));
    }
    let hashes: BTreeMap<String, _> =
        signed.iter().map(|(hash, _)| (novation_verifier::encoding::to_hex_word(hash), *hash)).collect();
    let (operator, deployment) = (traders[0].venue().operator.into(), traders[0].deployment());
    let good: Vec<_> = answers.into_iter().filter(|(status, ..)| *status == 200).collect();
    good.par_iter().try_for_each(|(_, body, _)| {
        let receipt: Receipt = serde_json::from_slice(body)?;
        let text = serde_json::to_value(&receipt)?["message"].as_str().unwrap_or_default().to_owned();
        let hash = hashes.get(&text).ok_or("a receipt for what was not sent")?;
        check_receipt(&receipt, *hash, &operator, &deployment)?;
        Outcome::Ok(())
    })?;
    let mut latencies: Vec<f64> = good.iter().map(|(_, _, took)| took.as_secs_f64() * 1e3).collect();
    let receipts = good.len();
    let mut figures = json!({
        "clients": clients,
        "receipts": receipts,
        "refused": refused,
        "seconds": round(wall),
        "receipts_per_second": (receipts as f64 / wall).round(),
        "receipt_ms": quantiles(&mut latencies),
    });
    if let (Some(before), Some(after)) = (before, node) {
        figures["node_cpu_us_per_order"] = json!(((after.cpu - before.cpu) * 1e6 / orders as f64).round());
        figures["node_peak_mib"] = json!(after.peak_mib);
    }
    Ok(figures)
}

async fn flow(args: &VenueArgs, seconds: u64, rate: f64) -> Outcome<Value> {
    let mut traders = traders(args).await?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let pause = Duration::from_secs_f64(traders.len() as f64 / rate);
    let before = args.pid.map(Process::read);
    let rest = args.rest()?;
    let seen: Seen = Arc::default();
    let looking = tokio::spawn(look(rest.clone(), seen.clone()));
    let trading =
        traders.iter_mut().enumerate().map(|(n, trader)| trade(trader, args.seed << 8 | n as u64, pause, end));
    let traded = try_join_all(trading).await?;
    let mut stages: [Vec<f64>; 4] = Default::default();
    let (mut fills, mut sent, mut refused, mut receipts) = (0, 0, 0, Vec::new());
    let mut batches = BTreeSet::new();
    for (trader, log) in traders.iter_mut().zip(&traded) {
        sent += log.sent.len();
        refused += log.refused;
        receipts.extend(log.sent.values().map(|sent| sent.took * 1e3));
        let credential = trader.credential(time(0));
        let listed: BTreeMap<u64, Word> =
            rest.orders(&credential).await?.iter().map(|order| (order.position, order.message)).collect();
        for (position, receipt) in &log.sent {
            if listed.get(position) != Some(&Word(receipt.message)) {
                return Err(format!("the receipt at log position {position} does not stand").into());
            }
        }
        for fill in rest.fills(&credential, 0).await? {
            let Some(Sent { sent: order_sent, .. }) = log.sent.get(&fill.position) else { continue };
            fills += 1;
            batches.insert(fill.batch);
            for (stage, reached) in stages.iter_mut().zip(settled(&seen, fill.batch).await) {
                stage.push(reached - order_sent);
            }
        }
    }
    looking.abort();
    let [made, proven, accepted, finalized] = &mut stages;
    let mut figures = json!({
        "orders": sent,
        "refused_or_uncertain": refused,
        "fills": fills,
        "batches": batches.len(),
        "receipts": "all stand",
        "receipt_ms": quantiles(&mut receipts),
        "seconds_from_order_to": {
            "batch": quantiles(made),
            "proof": quantiles(proven),
            "l1": quantiles(accepted),
            "final": quantiles(finalized),
        },
    });
    if let (Some(before), Some(after)) = (before, args.pid.map(Process::read)) {
        figures["node_cpu_seconds"] = json!(round(after.cpu - before.cpu));
        figures["node_peak_mib"] = json!(after.peak_mib);
    }
    Ok(figures)
}

/// An order with a receipt: when it was sent and how long the receipt took, in seconds, and its hash.
struct Sent {
    sent: f64,
    took: f64,
    message: Fr,
}

/// What a trader has sent, by log position.
#[derive(Default)]
struct Log {
    sent: BTreeMap<u64, Sent>,
    refused: usize,
}

/// Buys and sells in turn across the mark, so that positions stay small.
async fn trade(trader: &mut Trader, seed: u64, pause: Duration, end: Instant) -> Outcome<Log> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut log = Log::default();
    let mut buys = rng.gen_bool(0.5);
    while Instant::now() < end {
        tokio::time::sleep(pause.mul_f64(rng.gen_range(0.5..1.5))).await;
        let Ok(market) = instrument(trader.rest()).await else {
            log.refused += 1;
            continue;
        };
        let away = (market.mark / 1_000).max(1);
        let new = NewOrder {
            instrument: InstrumentId::new(market.id)?,
            side: if buys { Side::Buy } else { Side::Sell },
            lots: Lots::new(rng.gen_range(1..20))?,
            limit: Ticks::new(market.mark + if buys { away } else { -away })?,
            peg_offset: None,
            valid_until: time(CROSSES),
            fee_cap: Fee::MAX,
            reduce_only: false,
            execution: novation_api::wire::ExecutionName::UntilValid,
        };
        let (sent, begun) = (now(), Instant::now());
        match trader.order(&new, time(0)).await {
            Ok(placed) => {
                let receipt = placed.receipt.receipt;
                let took = begun.elapsed().as_secs_f64();
                log.sent.insert(receipt.position, Sent { sent, took, message: receipt.message });
                buys = !buys;
            }
            Err(error) => {
                eprintln!("{}: {error}", trader.account());
                log.refused += 1;
                drop(trader.resend().await);
            }
        }
    }
    Ok(log)
}

/// When each batch was first seen made, proven, accepted, final.
type Seen = Arc<Mutex<BTreeMap<u64, [Option<f64>; 4]>>>;

/// Looks at the batches all the time: a node that was started again no longer knows when what happened.
async fn look(rest: Rest, seen: Seen) {
    loop {
        // While the node is away nothing is seen.
        if let Ok(batches) = rest.batches().await {
            let now = now();
            let mut seen = seen.lock().expect("nobody panics holding it");
            for batch in batches {
                let reached = match batch.stage {
                    StageName::Made => 1,
                    StageName::Proven | StageName::Submitted => 2,
                    StageName::Accepted => 3,
                    StageName::Final => 4,
                };
                for stage in seen.entry(batch.number).or_default().iter_mut().take(reached) {
                    stage.get_or_insert(now);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The moments of a batch, once it has been seen final.
async fn settled(seen: &Seen, number: u64) -> [f64; 4] {
    loop {
        let found = seen.lock().expect("nobody panics holding it").get(&number).copied();
        if let Some([Some(made), Some(proven), Some(accepted), Some(finalized)]) = found {
            return [made, proven, accepted, finalized];
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// CPU seconds and peak memory of a process, as Linux says them; zeros elsewhere.
struct Process {
    cpu: f64,
    peak_mib: u64,
}

impl Process {
    fn read(pid: u32) -> Process {
        let text = |what: &str| std::fs::read_to_string(format!("/proc/{pid}/{what}")).unwrap_or_default();
        let stat = text("stat");
        // User and system time: fields 14 and 15, in hundredths of a second.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        let status = text("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|kib| kib.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0);
        Process { cpu: ticks as f64 / 100.0, peak_mib: kib / 1_024 }
    }
}

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

fn quantiles(values: &mut [f64]) -> Value {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((values.len().saturating_sub(1) as f64 * share) as usize).map(|x| round(*x));
    json!({ "p50": at(0.5), "p99": at(0.99), "most": at(1.0) })
}
