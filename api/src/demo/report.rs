//! What a run has shown: as a table for people, as JSON for programs.

use super::view::{self, usd, AccountView};
use super::world::{Audited, World};
use super::DemoError;
use novation_verifier::watch::audit::Audit;
use serde::Serialize;
use std::fmt::Write;

/// A proven batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchRecord {
    /// Number.
    pub number: u64,
    /// What it was made for.
    pub title: String,
    /// Batch time, of the simulated clock.
    pub time: String,
    /// Auction windows.
    pub windows: i64,
    /// Filled orders.
    pub orders: usize,
    /// Auctions that traded.
    pub clearings: usize,
    /// Deposits consumed.
    pub deposits: usize,
    /// Commands executed.
    pub commands: usize,
    /// Account slots rewritten, decoys included.
    pub accounts: usize,
    /// Constraints of the circuit.
    pub constraints: usize,
    /// CPU time of the process, all threads, from the request for the batch until the node has heard that L1 accepted it: the check against the
    /// circuit, the witness, the proof, and its verification by worker, node and contract.
    pub proving_cpu_seconds: f64,
    /// Wall time of the same.
    pub proving_seconds: f64,
    /// Gas of `submitBatch`.
    pub gas: u64,
    /// Length of its calldata.
    pub calldata_bytes: usize,
}

/// What is written down while the demo runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Records {
    /// Replays the run.
    pub seed: u64,
    /// Circuit size.
    pub size: &'static str,
    /// Where the node's public port was.
    pub node: String,
    /// Where L1 listened.
    pub url: String,
    /// The contract.
    pub contract: String,
    /// Chain id.
    pub chain: u64,
    /// What computed the proofs.
    pub backend: String,
    /// `generated` or `cached`.
    pub key_origin: String,
    /// Wall time until the node was ready: nearly all of it is for the key.
    pub key_seconds: f64,
    /// CPU time of the same.
    pub key_cpu_seconds: f64,
    /// Constraints of the circuit.
    pub constraints: usize,
    /// Batches, in order.
    pub batches: Vec<BatchRecord>,
    /// Auction windows held.
    pub windows: usize,
    /// Orders sent by traders.
    pub orders_sent: usize,
    /// Orders that the sequencer refused.
    pub orders_refused: usize,
    /// How often an order stayed out of a window for a new reason.
    pub orders_deferred: usize,
    /// Lots traded.
    pub lots: i128,
    /// Rounds of the oracle role.
    pub rounds: usize,
    /// Their gas.
    pub markets_gas: u64,
    /// Gas of each deposit on L1.
    pub deposit_gas: Vec<u64>,
    /// Gas of each claim on L1.
    pub claim_gas: Vec<u64>,
}

/// Sums over the batches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Batches proven and verified by the contract.
    pub batches: usize,
    /// Windows.
    pub windows: usize,
    /// Orders sent.
    pub orders: usize,
    /// Filled orders: a resting order counts once for each batch that fills it.
    pub fills: usize,
    /// Constraints proven.
    pub constraints: usize,
    /// CPU seconds of all proofs.
    pub proving_cpu_seconds: f64,
    /// Gas of all batches.
    pub gas: u64,
    /// Gas of a batch, on average.
    pub gas_per_batch: u64,
    /// Gas of a batch for each filled order, on average.
    pub gas_per_order: u64,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Says that blocks and windows carry simulated times.
    pub clock: &'static str,
    /// What was written down.
    #[serde(flatten)]
    pub records: Records,
    /// Sums.
    pub totals: Totals,
    /// One account from both sides.
    pub account: AccountView,
    /// What adds up; the run has failed if it does not.
    pub audit: Audit,
    /// What the independent auditor has computed; the run has failed if it is not what the accounts hold.
    pub auditor: Audited,
}

/// Closes a run: reads the chain once more, opens the account, checks the audit line.
///
/// # Errors
/// [`DemoError::Chain`] when the audit line is wrong.
pub fn finish(mut world: World, shown: &str) -> Result<Report, DemoError> {
    let audit = world.audit()?;
    let account = view::account(world.trader(shown), &world.chain, world.oracle())?;
    let auditor = world.auditor().audited.clone();
    let records = std::mem::take(&mut world.records);
    let batches = records.batches.len();
    let sum = |of: &dyn Fn(&BatchRecord) -> u64| records.batches.iter().map(of).sum::<u64>();
    let fills = sum(&|b| b.orders as u64);
    let gas = sum(&|b| b.gas);
    let totals = Totals {
        batches,
        windows: records.windows,
        orders: records.orders_sent,
        fills: fills as usize,
        constraints: sum(&|b| b.constraints as u64) as usize,
        proving_cpu_seconds: records.batches.iter().map(|b| b.proving_cpu_seconds).sum(),
        gas,
        gas_per_batch: gas / (batches.max(1) as u64),
        gas_per_order: gas / fills.max(1),
    };
    Ok(Report { clock: "simulated", records, totals, account, audit, auditor })
}

/// The table.
pub fn table(report: &Report) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", text.trim_end());
    };
    line(format!(
        "{:>5}  {:<34} {:>7} {:>6} {:>8} {:>8} {:>9} {:>11} {:>7} {:>9} {:>9}",
        "batch",
        "",
        "windows",
        "orders",
        "deposits",
        "commands",
        "accounts",
        "constraints",
        "CPU s",
        "gas",
        "gas/order"
    ));
    for b in &report.records.batches {
        let per_order = if b.orders == 0 { "-".to_owned() } else { (b.gas / b.orders as u64).to_string() };
        line(format!(
            "{:>5}  {:<34} {:>7} {:>6} {:>8} {:>8} {:>9} {:>11} {:>7.1} {:>9} {:>9}",
            b.number,
            b.title,
            b.windows,
            b.orders,
            b.deposits,
            b.commands,
            b.accounts,
            b.constraints,
            b.proving_cpu_seconds,
            b.gas,
            per_order
        ));
    }
    let t = &report.totals;
    line(format!(
        "{:>5}  {:<34} {:>7} {:>6} {:>8} {:>8} {:>9} {:>11} {:>7.1} {:>9} {:>9}",
        "total", "", t.windows, t.fills, "", "", "", t.constraints, t.proving_cpu_seconds, t.gas, t.gas_per_order
    ));
    let r = &report.records;
    line(String::new());
    line(format!(
        "{} orders sent ({} refused), {} fills in {} batches, {} gas a batch; key {} in {:.0} s; {} oracle rounds, {} gas; clock {}",
        r.orders_sent,
        r.orders_refused,
        t.fills,
        t.batches,
        t.gas_per_batch,
        r.key_origin,
        r.key_seconds,
        r.rounds,
        r.markets_gas,
        report.clock
    ));
    line(String::new());
    for row in sides(&report.account) {
        line(row);
    }
    line(String::new());
    let a = &report.audit;
    let live = a.series.values().filter(|series| !series.settled).count();
    line(format!(
        "audit, from L1 and viewing keys alone: cash of accounts {} + house {} = vault {} USD; lots of {live} live series net to zero: holds",
        usd(a.cash_of_accounts),
        usd(a.house),
        usd(a.vault)
    ));
    let a = &report.auditor;
    line(format!(
        "auditor, from signed requests, announced fills and L1 alone: {} accounts, {} fills, open interest and collateral agree",
        a.accounts, a.fills
    ));
    out
}

/// Public and private view side by side.
fn sides(account: &AccountView) -> Vec<String> {
    const WIDTH: usize = 62;
    let (public, private) = (&account.public, &account.private);
    let short = |word: &String| format!("{}..{}", &word[..10], &word[word.len() - 6..]);
    let batches = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let money = |amounts: &[u128]| amounts.iter().map(|x| usd(*x as i128)).collect::<Vec<_>>().join(", ");
    let mut left = vec![
        format!("account slot {}, rewritten in batches {}", public.slot, batches(&public.rewritten_in)),
        format!("deposited {} USD", money(&public.deposits)),
        format!("  by {}", public.depositor),
    ];
    for (amount, to) in &public.withdrawals {
        left.push(format!("withdrawn {} USD", usd(*amount as i128)));
        left.push(format!("  to {to}"));
    }
    left.push(format!("leaf {}", short(&public.leaf_hash)));
    for pair in public.ciphertext.chunks(2) {
        left.push(format!("  {}", pair.iter().map(short).collect::<Vec<_>>().join("  ")));
    }
    let mut right = vec![
        format!("{}: equity {} USD", account.trader, usd(private.equity)),
        format!("initial margin {}, maintenance {}", usd(private.initial), usd(private.maintenance)),
        format!("withdrawable {}", usd(private.withdrawable)),
    ];
    for p in &private.positions {
        let state = if p.settled { " (settled)" } else { "" };
        right.push(format!("{:>8} lots {} at {}, worth {}{state}", p.lots, p.instrument, p.mark, usd(p.value)));
    }
    if private.positions.is_empty() {
        right.push("no positions".to_owned());
    }
    let rows = left.len().max(right.len());
    left.resize(rows, String::new());
    right.resize(rows, String::new());
    let mut out = vec![format!("{:<WIDTH$} | {}", "what everybody sees", "what the viewing key opens")];
    out.push("-".repeat(2 * WIDTH));
    out.extend(left.iter().zip(&right).map(|(l, r)| format!("{l:<WIDTH$} | {r}")));
    out
}
