//! A batch: planned, checked by the ledger and by the circuit, and only then applied and announced.

use super::Engine;
use crate::io::{AuctionResult, Effect, Input};
use crate::log::{word, Outcome};
use crate::planner::{overflows, plan, Plan, Situation};
use crate::queues::{Cleared, QueuedWindow};
use crate::reason::Refused;
use ark_bn254::Fr;
use ark_ff::PrimeField;
use novation_state::crypto::viewing::EphemeralKey;
use novation_state::message::Action;
use novation_state::reject::Rejection;
use novation_state::trace::BatchTrace;
use novation_state::transition::{BatchInput, Deposit, Fill, SignedCommand};
use novation_state::units::{Time, Window};
use sha3::{Digest, Keccak256, Sha3_512};
use std::collections::BTreeMap;

impl Engine {
    /// Makes a batch. If the ledger or the circuit refuses it, nothing changes.
    pub(super) fn make_batch(&mut self, input: Input) -> Result<Vec<Effect>, Refused> {
        self.within_bounds()?;
        let (plan, content, trace) = self.plan_batch(&input)?;
        (self.config.circuit)(&trace).map_err(Refused::Unsatisfied)?;
        let applied = self.ledger.apply(self.config.size, &plan.markets, content);
        let applied = applied.expect("the ledger accepted the same batch a moment ago");
        debug_assert_eq!(applied.header, trace.header);

        let windows = self.queues.take(plan.windows);
        self.queues.deposits.drain(..plan.deposits);
        for position in &plan.commands {
            let signed = self.queues.commands.remove(position).expect("planned from the queue");
            if matches!(signed.command.action, Action::Epoch | Action::Rotate { .. }) {
                self.book.forget_nonces(signed.command.binding.account);
            }
        }
        self.activity.record(plan.active);

        let outcome = Outcome::Batch(trace.header.batch, trace.header.new_root);
        let mut effects = vec![self.enter(input, outcome)];
        effects.extend(plan.waiting.into_iter().map(|(item, reason)| Effect::Waiting { item, reason }));
        for (position, reason) in plan.dropped {
            self.queues.commands.remove(&position);
            effects.push(Effect::CommandDropped { position, reason });
        }
        effects.extend(windows.into_iter().flat_map(results).map(Effect::Auction));
        effects.push(Effect::BatchReady(Box::new(trace)));
        Ok(effects)
    }

    /// Plans until the ledger accepts. It judges commands by rules that the plan cannot know beforehand, so a command that it
    /// names is dropped and the rest planned again: at most once for each command of the batch.
    fn plan_batch(&self, input: &Input) -> Result<(Plan, BatchInput, BatchTrace), Refused> {
        let mut dropped = BTreeMap::new();
        loop {
            let plan = plan(&self.situation(input.time, &dropped));
            let content = self.content(&plan);
            match self.ledger.check(self.config.size, &plan.markets, content.clone()) {
                Ok(trace) => return Ok((plan, content, trace)),
                Err(broken) => {
                    let position = self.command_at_fault(&plan, &broken);
                    let position = position.ok_or_else(|| Refused::BatchRefused(broken.clone()))?;
                    dropped = plan.dropped;
                    dropped.insert(position, broken);
                }
            }
        }
    }

    fn situation<'a>(&'a self, time: Time, dropped: &'a BTreeMap<u64, Rejection>) -> Situation<'a> {
        let at: [u8; 32] = word(&self.log.root).try_into().expect("a word is 32 bytes");
        Situation {
            size: self.config.size,
            ledger: &self.ledger,
            queues: &self.queues,
            markets: &self.markets,
            time,
            activity: &self.activity,
            dropped,
            seed: self.derive(b"decoys", &at)[..32].try_into().expect("32 of 64 bytes"),
        }
    }

    /// Whether a batch planned now would leave a window, a deposit or a command waiting for want of room: then there is nothing
    /// to be gained by waiting with the batch. Says nothing of the bound on unproven batches. Takes about as long as
    /// planning does, which is much less than making the batch.
    pub fn batch_is_full(&self) -> bool {
        overflows(&self.situation(self.time, &BTreeMap::new()))
    }

    fn command_at_fault(&self, plan: &Plan, broken: &Rejection) -> Option<u64> {
        let account = broken.account()?;
        let of = |position: &&u64| self.queues.commands[*position].command.binding.account == account;
        plan.commands.iter().find(of).copied()
    }

    /// The ledger's input for a plan.
    fn content(&self, plan: &Plan) -> BatchInput {
        let head = self.ledger.head();
        let windows = || self.queues.windows.iter().take(plan.windows);
        let next = |window: Window, step: i64| Window::new(window.get() + step).expect("windows fit 40 bits");
        // Windows in which nothing traded belong to the batch of the last one that traded before them.
        let window_last = match self.queues.windows.get(plan.windows) {
            Some(waiting) => next(waiting.window, -1),
            None => self.window,
        };
        let fills: Vec<Fill> = windows().flat_map(fills).collect();
        let commands: Vec<SignedCommand> = plan.commands.iter().map(|p| self.queues.commands[p]).collect();
        let deposits: Vec<Deposit> = self.queues.deposits.iter().take(plan.deposits).map(|q| q.deposit).collect();
        let (window_first, log) = (next(head.window, 1), self.log);

        // PRIVACY: the ephemeral key derives from a digest of everything that the batch writes and of what it writes on. Two
        // batches that differ in anything must never share one, also not two attempts at the same number: pads would repeat.
        let mut bytes = Vec::new();
        let state = [self.ledger.deployment().id, self.ledger.root(), plan.markets.root(), log.root];
        let filled = windows().flat_map(|w| &w.clearings).flat_map(|c| &c.fills).map(|fill| fill.hash);
        let messages = filled.chain(commands.iter().map(|signed| signed.command.hash()));
        state.into_iter().chain(messages).for_each(|x| bytes.extend(word(&x)));
        let mut number = |n: i64| bytes.extend(n.to_be_bytes());
        let lengths = [fills.len(), commands.len(), plan.deposits, plan.touches.len(), plan.decoys.len()];
        [head.batch, head.deposits, log.position].into_iter().for_each(|n| number(n as i64));
        lengths.into_iter().for_each(|n| number(n as i64));
        [plan.time.get(), window_first.get(), window_last.get()].into_iter().for_each(&mut number);
        for fill in &fills {
            [fill.window.get(), fill.price.get(), fill.fill.get()].into_iter().for_each(&mut number);
        }
        plan.touches.iter().chain(&plan.decoys).for_each(|slot| number(slot.get()));
        for Deposit { account, owner_eighth, viewing_eighth, amount } in &deposits {
            bytes.extend(account.get().to_be_bytes());
            bytes.extend(amount.get().to_be_bytes());
            [owner_eighth.x, owner_eighth.y, viewing_eighth.x, viewing_eighth.y]
                .iter()
                .for_each(|x| bytes.extend(word(x)));
        }
        let digest: [u8; 32] = Keccak256::digest(&bytes).into();

        BatchInput {
            time: plan.time,
            window_first,
            window_last,
            deposits,
            fills,
            commands,
            touches: plan.touches.clone(),
            decoys: plan.decoys.clone(),
            extra_rows: Vec::new(),
            ephemeral: EphemeralKey::derive(&self.config.secret, &[&digest]).scalar(),
            blind: Fr::from_be_bytes_mod_order(&self.derive(b"blind", &digest)),
            log_root: log.root,
            log_last: log.position,
        }
    }

    /// Secret bytes for a purpose (5 bytes or 6, told apart by their length byte), bound to 32 public ones.
    fn derive(&self, purpose: &[u8], of: &[u8; 32]) -> [u8; 64] {
        let mut hasher = Sha3_512::new();
        hasher.update(b"novation sequencer 1");
        hasher.update([purpose.len() as u8]);
        hasher.update(purpose);
        hasher.update(self.config.secret);
        hasher.update(of);
        hasher.finalize().into()
    }
}

fn fills(window: &QueuedWindow) -> impl Iterator<Item = Fill> + '_ {
    window.clearings.iter().flat_map(|cleared| {
        cleared.fills.iter().map(|fill| Fill {
            order: fill.order,
            signature: fill.signature,
            window: window.window,
            price: cleared.price,
            fill: fill.report.lots,
        })
    })
}

fn results(window: QueuedWindow) -> impl Iterator<Item = AuctionResult> {
    let number = window.window;
    window.clearings.into_iter().map(move |Cleared { instrument, price, lots, fills }| AuctionResult {
        window: number,
        instrument,
        price,
        lots,
        fills: fills.into_iter().map(|fill| fill.report).collect(),
    })
}
