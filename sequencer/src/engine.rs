//! The engine: a pure state machine from inputs to effects.
//!
//! It owns the log's end, the book of resting orders, the queues of what waits for a batch, the markets and the ledger. It does no
//! I/O, reads no clock and draws no randomness: time comes with each input, secrets with the configuration. The same inputs give the
//! same effects and the same roots, so the log of accepted inputs is a complete backup.
//!
//! Nothing is announced that could turn out unprovable: a window's fills leave only with the batch that holds them, after the
//! whole batch has satisfied the circuit. Until then they count against their accounts as if they were final.

use crate::book::{Book, Resting};
use crate::decoys::Activity;
use crate::intake::Desk;
use crate::io::{Effect, Event, Execution, Input, Receipt, SignedOrder};
use crate::log::{self, Entry, Head, Outcome};
use crate::queues::{QueuedDeposit, Queues, MAX_WINDOWS};
use crate::reason::{Lapsed, Refused};
use ark_bn254::Fr;
use novation_state::leaf::MarketLeaf;
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::message::{Action, Order};
use novation_state::reject::Rejection;
use novation_state::size::Size;
use novation_state::trace::BatchTrace;
use novation_state::transition::{Deposit, SignedCommand};
use novation_state::units::{AccountSlot, InstrumentId, Lots, Time, Window};
use std::sync::Arc;
use zeroize::Zeroize;

mod batch;
mod what_if;
mod window;

pub use what_if::{NotAdmitted, WhatIf, HYPOTHETICAL};

/// The shell's check that a trace satisfies the circuit; the message says which constraint it does not.
pub type Circuit = Box<dyn Fn(&BatchTrace) -> Result<(), String> + Send + Sync>;

/// What an engine is set up with.
pub struct Config {
    /// Circuit size of every batch.
    pub size: Size,
    /// Most batches that may wait for their proofs, at least 1; at the bound windows and batches wait.
    pub max_unproven: u64,
    /// The operator's secret: ephemeral keys, blinding words and decoys derive from it. Wiped when dropped.
    pub secret: [u8; 32],
    /// Checks every batch before anything of it is announced.
    pub circuit: Circuit,
}

impl Drop for Config {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// How much waits for a batch, and for a proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Windows that traded and that no batch holds.
    pub windows: usize,
    /// Deposits that no batch holds.
    pub deposits: usize,
    /// Commands that no batch holds.
    pub commands: usize,
    /// Batches whose proofs L1 has not accepted.
    pub unproven: u64,
}

/// The sequencer's core.
pub struct Engine {
    config: Config,
    ledger: Ledger,
    markets: Arc<Markets>,
    log: Head,
    book: Book,
    queues: Queues,
    activity: Activity,
    /// Time of the last input taken in.
    time: Time,
    /// The last window that ended.
    window: Window,
    /// The last batch whose proof L1 accepted.
    proven: u64,
}

impl Engine {
    /// An engine that goes on from a ledger, with an empty book. `log_root` is the root of the log at the ledger's last entry:
    /// [`Head::genesis`]'s for a new deployment. Batches of the ledger count as proven.
    pub fn new(config: Config, ledger: Ledger, markets: Markets, log_root: Fr) -> Engine {
        config.size.assert_valid();
        assert!(config.max_unproven > 0, "an engine that may leave no batch unproven can make none");
        let head = ledger.head();
        Engine {
            config,
            log: Head { position: head.log, root: log_root },
            book: Book::default(),
            queues: Queues::default(),
            activity: Activity::default(),
            time: head.time.max(markets.time()),
            window: head.window,
            proven: head.batch,
            ledger,
            markets: Arc::new(markets),
        }
    }

    /// The ledger after the last batch.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The newest markets.
    pub fn markets(&self) -> &Markets {
        &self.markets
    }

    /// The end of the log.
    pub fn log(&self) -> Head {
        self.log
    }

    /// Time of the last input taken in: the least that the next may have.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Batches whose proofs L1 has not accepted.
    pub fn unproven(&self) -> u64 {
        self.ledger.head().batch - self.proven
    }

    /// What waits.
    pub fn backlog(&self) -> Backlog {
        let Queues { windows, deposits, commands, .. } = &self.queues;
        Backlog {
            windows: windows.len(),
            deposits: deposits.len(),
            commands: commands.len(),
            unproven: self.unproven(),
        }
    }

    /// Resting orders of an account by log position, each with the lots that no auction has filled.
    ///
    /// Auctioned fills that no batch has announced are taken off already: for the operator's eyes until then.
    pub fn resting(&self, account: AccountSlot) -> impl Iterator<Item = (u64, &Order, Lots)> {
        let mine = self.book.iter().filter(move |(_, resting)| resting.order.binding.account == account);
        mine.map(|(position, resting)| (position, &resting.order, resting.left))
    }

    /// Takes an input in again that the log has. As [`Engine::step`], but batches are not put to the circuit a second time: the log
    /// has only those that satisfied it.
    pub(crate) fn replay(&mut self, input: Input) -> Vec<Effect> {
        let circuit = std::mem::replace(&mut self.config.circuit, Box::new(|_| Ok(())));
        let effects = self.step(input);
        self.config.circuit = circuit;
        effects
    }

    /// Takes an input in, or refuses it: then the only effect is [`Effect::Refused`], and nothing changed.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        self.take(input).unwrap_or_else(|reason| vec![Effect::Refused(reason)])
    }

    fn take(&mut self, input: Input) -> Result<Vec<Effect>, Refused> {
        let (time, last) = (input.time, self.time);
        if time < last {
            return Err(Refused::TimeWentBack { time, last });
        }
        match &input.event {
            Event::Order(signed) => self.order(*signed, input),
            Event::Command(signed) => self.command(*signed, input),
            Event::Deposit { index, deposit } => self.deposit(*index, *deposit, input),
            Event::Markets(changes) => self.change_markets(changes.clone(), input),
            Event::Window => self.end_window(input),
            Event::Batch => self.make_batch(input),
            Event::Proven { batch } => self.accept_proof(*batch, input),
        }
    }

    /// Gives an input its place in the log.
    fn enter(&mut self, input: Input, outcome: Outcome) -> Effect {
        let digest = log::digest(&input, outcome);
        self.log = self.log.next(&digest);
        self.time = input.time;
        Effect::Logged(Box::new(Entry { position: self.log.position, input, digest, root: self.log.root }))
    }

    fn receipt(&self, message: Fr) -> Effect {
        let Head { position, root } = self.log;
        Effect::Accepted(Receipt { position, message, root, time: self.time })
    }

    fn desk(&self, time: Time) -> Desk<'_> {
        let Engine { config, ledger, markets, book, queues, .. } = self;
        Desk { size: config.size, time, ledger, markets, book, queues }
    }

    fn order(&mut self, signed: SignedOrder, input: Input) -> Result<Vec<Effect>, Refused> {
        let hash = self.desk(input.time).order(&signed)?;
        let logged = self.enter(input, Outcome::Message(hash));
        let mut effects = vec![logged, self.receipt(hash)];
        let SignedOrder { order, signature, execution } = signed;
        let (binding, by) = (order.binding, self.log.position);
        if let Some(position) = self.book.use_slot(binding.account, binding.order_slot, binding.nonce) {
            effects.push(Effect::Lapsed { position, reason: Lapsed::Replaced { by } });
        }
        let this_window = execution == Execution::ThisWindow;
        self.book.insert(by, Resting { order, hash, signature, left: order.lots, this_window, deferred: None });
        Ok(effects)
    }

    fn command(&mut self, signed: SignedCommand, input: Input) -> Result<Vec<Effect>, Refused> {
        let hash = self.desk(input.time).command(&signed)?;
        let logged = self.enter(input, Outcome::Message(hash));
        let mut effects = vec![logged, self.receipt(hash)];
        let (binding, by) = (signed.command.binding, self.log.position);
        if let Some(position) = self.book.use_slot(binding.account, binding.order_slot, binding.nonce) {
            effects.push(Effect::Lapsed { position, reason: Lapsed::Replaced { by } });
        }
        if matches!(signed.command.action, Action::Epoch | Action::Rotate { .. }) {
            let over = self.book.remove_account(binding.account);
            let lapsed = |position| Effect::Lapsed { position, reason: Lapsed::EpochOver { by } };
            effects.extend(over.into_iter().map(lapsed));
        }
        self.queues.commands.insert(by, signed);
        Ok(effects)
    }

    fn deposit(&mut self, index: u64, deposit: Deposit, input: Input) -> Result<Vec<Effect>, Refused> {
        self.desk(input.time).deposit(index, &deposit)?;
        let logged = self.enter(input, Outcome::Plain);
        self.queues.deposits.push_back(QueuedDeposit { position: self.log.position, index, deposit });
        Ok(vec![logged])
    }

    fn change_markets(
        &mut self,
        changes: Vec<(InstrumentId, MarketLeaf)>,
        input: Input,
    ) -> Result<Vec<Effect>, Refused> {
        // A queued window keeps the markets it used: this copies them if there is one.
        let update = Arc::make_mut(&mut self.markets).update(changes, input.time)?;
        Ok(vec![self.enter(input, Outcome::Markets(update.number, update.root))])
    }

    fn accept_proof(&mut self, batch: u64, input: Input) -> Result<Vec<Effect>, Refused> {
        let expected = self.proven + 1;
        if self.unproven() == 0 {
            return Err(Refused::NothingUnproven { batch });
        }
        if batch != expected {
            return Err(Refused::ProofOrder { batch, expected });
        }
        self.proven = batch;
        Ok(vec![self.enter(input, Outcome::Plain)])
    }

    /// Windows and batches wait while too much is unproven.
    fn within_bounds(&self) -> Result<(), Refused> {
        let (unproven, bound) = (self.unproven(), self.config.max_unproven);
        if unproven >= bound {
            return Err(Refused::Unproven { unproven, bound });
        }
        if self.markets.number() == 0 {
            return Err(Rejection::NoMarkets.into());
        }
        Ok(())
    }

    fn room_for_a_window(&self) -> Result<(), Refused> {
        let (windows, bound) = (self.queues.windows.len(), MAX_WINDOWS);
        if windows < bound {
            Ok(())
        } else {
            Err(Refused::Unbatched { windows, bound })
        }
    }
}
