//! What durability costs: orders a second with durable receipts, how long a receipt takes, and how fast the log
//! recovers.
//!
//! `cargo bench -p novation-sequencer --bench durable -- [URL] [orders] [clients]`
//!
//! The URL is `sqlite:FILE`, by default in a temporary folder, or `postgres://...`; the log there must be empty. Each
//! client sends its next order when it has the receipt of the one before. Orders are signed beforehand; the clients
//! run in this process, so their work (signing receipts for the operator included) is counted.

#[path = "../tests/durable/load.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod load;

use load::{nobody, Load};
use novation_sequencer::durable::{recover, Limits, SqlStore};
use novation_sequencer::Event;
use novation_state::size::LARGE;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Orders of a trader rest in order slots of their own, and few enough for the windows' auctions not to matter.
const TRADERS: usize = 200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Cargo tells every bench that it is one.
    let argument = |n: usize| std::env::args().filter(|argument| argument != "--bench").nth(n);
    let number = |n: usize, or: usize| argument(n).map_or(Ok(or), |text| text.parse());
    let (orders, clients) = (number(2, 5_000)?, number(3, 64)?);
    let folder = tempfile::tempdir()?;
    let url = argument(1).unwrap_or_else(|| format!("sqlite:{}/log.db", folder.path().display()));
    let scheme = url.split(':').next().unwrap_or_default();

    let mut load = Load::new(7, LARGE, TRADERS);
    let (handle, task) = load.start(SqlStore::open(&url).await?, nobody(), Limits::default()).await;
    load.open(&handle).await;
    let signed = Arc::new(load.orders(orders, 1));
    let next = Arc::new(AtomicUsize::new(0));
    let cpu = cpu_seconds();
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (handle, signed, next) = (handle.clone(), signed.clone(), next.clone());
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(order) = signed.get(n) else {
                        return Ok::<_, novation_sequencer::durable::SubmitError>(taken);
                    };
                    let sent = Instant::now();
                    handle.order(*order).await?;
                    taken.push(sent.elapsed());
                }
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    latencies.sort_unstable();
    let at = |share: f64| milliseconds(latencies[((latencies.len() - 1) as f64 * share) as usize]);
    println!(
        "{scheme}, {clients} clients: {orders} durable receipts in {wall:.2} s wall and {cpu:.2} CPU s: {:.0} a second, {:.0} us CPU each; \
         receipt after p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
        orders as f64 / wall,
        cpu * 1e6 / orders as f64,
        at(0.5),
        at(0.99),
        at(1.0),
    );
    handle.event(Event::Window).await?;
    load.batch(&handle).await;
    drop(handle);
    let (engine, store) = task.await??;
    store.close().await?;

    let mut store = SqlStore::open(&url).await?;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let recovered = recover(&mut store, load.engine(), Some(engine.log()), &mut nobody()).await?;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let entries = recovered.entries;
    let scaled = 1e6 / entries as f64;
    println!(
        "{scheme}: recovery of {entries} entries to the same roots in {wall:.2} s wall and {cpu:.2} CPU s; \
         scaled to a million: {:.0} s wall, {:.0} CPU s",
        wall * scaled,
        cpu * scaled,
    );
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// CPU time of this process in seconds, user and system; 0 where there is no /proc.
fn cpu_seconds() -> f64 {
    // Fields 14 and 15, in hundredths of a second.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}
