//! `novation watch`.

use crate::cli::Watch;
use alloy::providers::{Provider, ProviderBuilder};
use anyhow::Context;
use novation_verifier::groth16::{snarkjs, VerifyingKey};
use novation_verifier::l1::L1;
use novation_verifier::tls;
use novation_verifier::watch::service::{follow, once, serve, serve_metrics, table};
use novation_verifier::watch::{Alarm, Limits, WatchConfig, Watcher};
use std::path::Path;
use std::time::Duration;

/// Watches once, or until stopped.
pub fn run(args: &Watch) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(watch(args))
}

async fn watch(args: &Watch) -> anyhow::Result<()> {
    let Ok(url) = args.l1.parse() else { anyhow::bail!("--l1: {} is no URL", args.l1) };
    tls::ready();
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(url).erased();
    let l1 = L1::attach(provider, args.contract).await?;
    let config = WatchConfig {
        from_block: args.from_block,
        genesis_root: args.genesis_root,
        keys: args.vk.iter().map(|path| key(path)).collect::<Result<_, _>>()?,
        limits: Limits {
            queue_seconds: args.queue_seconds,
            batch_seconds: args.batch_seconds,
            mark_seconds: args.mark_seconds,
            odd_percent: args.odd_percent,
            ..Limits::default()
        },
    };
    let started = Watcher::new(l1, config).await;
    let mut watcher = started.context("name --from-block and --genesis-root if the node does not keep old state")?;
    if args.once {
        let verdict = once(&mut watcher).await;
        let shared = watcher.shared();
        let picture = shared.read();
        if args.json {
            let report = serde_json::json!({ "status": picture.status(), "alarms": picture.alarms() });
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{}", table(&picture));
        }
        return Ok(verdict?);
    }
    let server = serve(watcher.shared(), args.listen).await?;
    eprintln!("serves http://{}/v1/status", server.address());
    let metrics = match args.metrics {
        Some(address) => Some(serve_metrics(watcher.shared(), address).await?),
        None => None,
    };
    if let Some(metrics) = &metrics {
        eprintln!("serves http://{}/metrics", metrics.address());
    }
    if args.vk.is_empty() {
        eprintln!("believes the contract's verifying keys: name yours with --vk");
    }
    follow(watcher, Duration::from_secs(args.every), say).await;
    Ok(())
}

fn key(path: &Path) -> anyhow::Result<VerifyingKey> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    snarkjs::verifying_key(&text).with_context(|| format!("{}", path.display()))
}

fn say(alarm: &Alarm) {
    let subject = if alarm.subject.is_empty() { String::new() } else { format!(" ({})", alarm.subject) };
    match alarm.cleared {
        Some(time) => eprintln!("cleared at {time}: {}{subject}", alarm.name),
        None => eprintln!("{} {}{subject}: {}; {}", alarm.severity.name(), alarm.name, alarm.message, alarm.action),
    }
}
