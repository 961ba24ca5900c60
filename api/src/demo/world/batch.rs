//! Batches: made by the sequencer, proven, verified by the contract.

use super::World;
use crate::calendar::show;
use crate::demo::report::BatchRecord;
use crate::demo::DemoError;
use alloy::eips::BlockId;
use alloy::sol_types::SolCall;
use cpu_time::ProcessTime;
use novation_sequencer::io::Item;
use novation_sequencer::{Effect, Event};
use novation_state::trace::BatchTrace;
use novation_verifier::batch::Batch;
use novation_verifier::check::public_data_json;
use novation_verifier::groth16::snarkjs;
use novation_verifier::l1::Submission;
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

impl World<'_> {
    /// Makes a batch, proves it, and has the contract verify it.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn batch(&mut self, title: &str) -> Result<BatchOutcome, DemoError> {
        let effects = self.expect_step("a batch", Event::Batch)?;
        let mut outcome = BatchOutcome::default();
        let mut trace = None;
        for effect in effects {
            match effect {
                Effect::Auction(result) => {
                    let terms = self.oracle.terms(result.instrument).expect("it was listed");
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
        self.prove_and_submit(title, &trace)?;
        Ok(outcome)
    }

    fn prove_and_submit(&mut self, title: &str, trace: &BatchTrace) -> Result<(), DemoError> {
        let number = trace.header.batch;
        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        let proved = {
            let watch = self.screen.watch(format!("proving batch {number}"));
            self.prover.prove(trace, &watch).map_err(|reason| DemoError::Prove { batch: number, reason })?
        };
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
        let first = trace.header.deposit_first as usize;
        let submission = Submission {
            batch: Batch::from_words(&proved.public.words)?,
            c: proved.public.c,
            proof: proved.proved.proof,
            markets_time: self.markets_times[&trace.header.markets_number],
            depositors: self.depositors[first..first + trace.deposits.len()].to_vec(),
        };
        let calldata = submission.call().expect("a depositor for each deposit").abi_encode().len();
        let (l1, operator) = (self.l1.clone(), self.devnet.signer(1).address());
        let (gas, root) = self.wait(async {
            let receipt = l1.submit_batch(operator, &submission).await?;
            Ok::<_, DemoError>((receipt.gas_used, l1.known(BlockId::latest()).await?.old_root))
        })?;
        if root != trace.header.new_root {
            return Err(DemoError::Root { batch: number });
        }
        if let Some(folder) = self.dump.clone() {
            self.dump_batch(&folder, trace, &submission)?;
        }
        self.catch_up();
        self.expect_step("an accepted proof", Event::Proven { batch: number })?;
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
        self.prover.dump(trace).save(&path("witness"))?;
        let data = submission.public_data();
        let key = snarkjs::verifying_key_json(self.prover.prover().verifying_key());
        std::fs::write(folder.join("verification_key.json"), key).map_err(io)?;
        std::fs::write(path("proof.json"), snarkjs::proof_json(&submission.proof)).map_err(io)?;
        std::fs::write(path("public.json"), snarkjs::public_inputs_json(&data.inputs())).map_err(io)?;
        std::fs::write(path("data.json"), public_data_json(&data)).map_err(io)
    }
}
