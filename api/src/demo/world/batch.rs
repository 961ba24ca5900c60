//! Batches: the operator's clock asks for one; the node makes, proves and submits it; what L1 then shows is written down.

use super::{inspect, World};
use crate::calendar::show;
use crate::demo::report::BatchRecord;
use crate::demo::DemoError;
use crate::node::service::Service;
use alloy::consensus::Transaction as _;
use alloy::providers::Provider;
use cpu_time::ProcessTime;
use novation_sequencer::io::Item;
use novation_sequencer::jobs::Job;
use novation_sequencer::{Effect, Engine, Event};
use novation_state::trace::BatchTrace;
use novation_verifier::check::public_data_json;
use novation_verifier::groth16::snarkjs;
use novation_verifier::l1::{L1Error, Submission};
use std::path::Path;
use std::time::Instant;

/// What is left after a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Things that wait for the next one.
    pub waiting: usize,
    /// Commands that this one carried.
    pub commands: usize,
}

/// A batch that failed so often will fail again: circuit, key and witness stay what they are.
const ATTEMPTS: u64 = 3;

/// Gives up where the prover would try for ever, as it has to in a node.
async fn not_failing(service: &Service, batch: u64) -> Result<(), DemoError> {
    match service.job(batch).await? {
        Some(Job { failures, reason, .. }) if failures >= ATTEMPTS => {
            // None where each worker vanished without a word.
            let reason = reason.unwrap_or_else(|| "nothing was heard of its worker".to_owned());
            Err(DemoError::Proving { batch, failures, reason })
        }
        _ => Ok(()),
    }
}

impl World<'_> {
    /// Has the node make a batch and waits until L1 has accepted its proof. Then the auditor computes it again.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn batch(&mut self, title: &str) -> Result<BatchOutcome, DemoError> {
        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        let effects = self.event("a batch", Event::Batch)?;
        let mut outcome = BatchOutcome::default();
        let mut trace = None;
        for effect in effects {
            match effect {
                Effect::Auction(result) => {
                    let terms = self.oracle().terms(result.instrument).expect("it was listed");
                    let (price, coins) =
                        (terms.asset.show(result.price), result.lots as f64 / terms.asset.lots_per_coin() as f64);
                    let (window, fills) = (result.window, result.fills.len());
                    self.screen
                        .say(format!("  window {window}: {terms} clears {coins} coins at {price}, {fills} fills"));
                    self.records.lots += result.lots;
                }
                Effect::Waiting { item, reason } => {
                    let what = match item {
                        Item::Window(window) => format!("window {window}"),
                        Item::Deposit(index) => format!("deposit {index} and those behind it"),
                        Item::Command(position) => format!("the command at log position {position}"),
                    };
                    self.screen.say(format!("  not in this batch: {what}: {reason}"));
                    outcome.waiting += 1;
                }
                Effect::CommandDropped { position, reason } => {
                    return Err(DemoError::Story(format!("command {position} was dropped: {reason}")));
                }
                Effect::BatchReady(ready) => trace = Some(ready),
                _ => {}
            }
        }
        let trace = trace.expect("a batch that was not refused is ready");
        outcome.commands = trace.commands.len();
        let number = trace.header.batch;
        self.until("L1 to accept the batch", async |service| {
            not_failing(service, number).await?;
            Ok(inspect(service, Engine::unproven).await? == 0)
        })?;
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
        self.catch_up();
        self.record(title, &trace, wall, cpu)?;
        self.recompute()?;
        Ok(outcome)
    }

    /// Writes down what L1 shows of a batch that it has accepted.
    fn record(&mut self, title: &str, trace: &BatchTrace, wall: f64, cpu: f64) -> Result<(), DemoError> {
        let number = trace.header.batch;
        self.look()?;
        let seen = self.chain.batches.last().expect("L1 has accepted a batch");
        let header = &seen.submission.batch.header;
        if (u64::from(header.batch), header.new_root) != (number, trace.header.new_root) {
            return Err(DemoError::Root { batch: number });
        }
        let transaction = seen.transaction;
        let gas = self.receipt(transaction)?.gas_used;
        let sent =
            self.wait(async { self.l1.provider().get_transaction_by_hash(transaction).await.map_err(L1Error::from) })?;
        let missing = L1Error::Answer { what: "batch's transaction", reason: "not found".into() };
        let calldata = sent.ok_or(missing)?.input().len();
        if let Some(folder) = &self.dump {
            self.dump_batch(folder, trace, &seen.submission)?;
        }
        let windows = trace.header.window_last.get() - trace.header.window_first.get() + 1;
        let record = BatchRecord {
            number,
            title: title.to_owned(),
            time: show(trace.header.time.get()),
            windows,
            orders: trace.orders.len(),
            clearings: trace.clearings.len(),
            deposits: trace.deposits.len(),
            commands: trace.commands.len(),
            accounts: trace.accounts.iter().filter(|entry| entry.after.is_some()).count(),
            constraints: self.records.constraints,
            proving_cpu_seconds: cpu,
            proving_seconds: wall,
            gas,
            calldata_bytes: calldata,
        };
        self.screen.say(format!(
            "batch {number}, {title}: {} orders, {windows} windows; proven in {cpu:.1} CPU s, verified by the contract for {gas} gas",
            record.orders
        ));
        self.records.batches.push(record);
        Ok(())
    }

    /// Writes everything from which the batch can be proven and verified again. The witness is private.
    fn dump_batch(&self, folder: &Path, trace: &BatchTrace, submission: &Submission) -> Result<(), DemoError> {
        let io = |reason| DemoError::Io { what: format!("writing to {}", folder.display()), reason };
        std::fs::create_dir_all(folder).map_err(io)?;
        let number = trace.header.batch;
        let path = |what: &str| folder.join(format!("batch-{number}.{what}"));
        let prover = &self.node().service.prover;
        prover.dump(trace).save(&path("witness"))?;
        let data = submission.public_data();
        let key = snarkjs::verifying_key_json(prover.prover().verifying_key());
        std::fs::write(folder.join("verification_key.json"), key).map_err(io)?;
        std::fs::write(path("proof.json"), snarkjs::proof_json(&submission.proof)).map_err(io)?;
        std::fs::write(path("public.json"), snarkjs::public_inputs_json(&data.inputs())).map_err(io)?;
        std::fs::write(path("data.json"), public_data_json(&data)).map_err(io)
    }
}
