//! Repeats every announced batch on a ledger of its own, and counts money and lots.

use novation_sequencer::Engine;
use novation_state::leaf::Status;
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::message::Action;
use novation_state::trace::{AccountTrace, BatchTrace, CommandTrace, DepositTrace, OrderTrace};
use novation_state::transition::{BatchInput, Deposit, Fill, SignedCommand};
use novation_state::units::{AccountSlot, InstrumentId};
use std::collections::{BTreeMap, BTreeSet};

/// Repeats batches on a ledger of its own and counts the money.
pub struct Auditor {
    ledger: Ledger,
    /// The markets by number.
    pub markets: BTreeMap<u32, Markets>,
    /// Deposits credited less withdrawals.
    outside: i128,
}

impl Auditor {
    pub fn new(ledger: Ledger) -> Auditor {
        Auditor { ledger, markets: BTreeMap::new(), outside: 0 }
    }

    /// Repeats a batch that the engine announced.
    pub fn audit(&mut self, trace: &BatchTrace, engine: &Engine) {
        let markets = &self.markets[&trace.header.markets_number];
        let repeated = self.ledger.apply(trace.size, markets, input_of(trace));
        let repeated = repeated.unwrap_or_else(|broken| panic!("batch {}: {broken}", trace.header.batch));
        assert_eq!(repeated.header, trace.header);
        assert_eq!(self.ledger.root(), engine.ledger().root());

        let credited = trace.deposits.iter().filter(|deposit| deposit.credited);
        self.outside += credited.map(|deposit| deposit.amount.wide()).sum::<i128>();
        for executed in &trace.commands {
            if let Action::Withdraw { amount, .. } = executed.command.action {
                self.outside -= amount.get();
            }
        }
        let cash: i128 = self.ledger.accounts().map(|(_, account)| account.leaf.cash.get()).sum();
        assert_eq!(cash + self.ledger.house().total(), self.outside, "money appeared or vanished");
        let mut net: BTreeMap<InstrumentId, i128> = BTreeMap::new();
        for (_, account) in self.ledger.accounts() {
            for position in account.leaf.positions.iter().filter(|p| !p.is_empty()) {
                *net.entry(position.id).or_default() += position.lots.wide();
            }
        }
        // Settled positions may have rolled on one side and not yet on the other.
        net.retain(|id, _| markets.get(*id).unwrap().status != Status::Settled);
        assert!(net.values().all(|lots| *lots == 0), "{net:?}");
    }
}

/// The input that a trace tells of.
fn input_of(trace: &BatchTrace) -> BatchInput {
    let fill = |o: &OrderTrace| {
        let clearing = trace.clearings[o.clearing];
        Fill { order: o.order, signature: o.signature, window: clearing.window, price: clearing.price, fill: o.fill }
    };
    let deposit = |d: &DepositTrace| Deposit {
        account: d.account,
        owner_eighth: d.owner_eighth,
        viewing_eighth: d.viewing_eighth,
        amount: d.amount,
    };
    let command =
        |c: &CommandTrace| SignedCommand { command: c.command, signature: c.signature, possession: c.possession };
    let (fills, commands): (Vec<Fill>, Vec<SignedCommand>) =
        (trace.orders.iter().map(fill).collect(), trace.commands.iter().map(command).collect());
    let deposits: Vec<Deposit> = trace.deposits.iter().map(deposit).collect();
    let acting: BTreeSet<AccountSlot> = (fills.iter().map(|f| f.order.binding.account))
        .chain(deposits.iter().map(|d| d.account))
        .chain(commands.iter().map(|c| c.command.binding.account))
        .collect();
    let touches: Vec<AccountSlot> = trace.accounts.iter().filter(|a| a.touch).map(|a| a.slot).collect();
    let still = |a: &&AccountTrace| a.before.is_some() && !a.touch && !acting.contains(&a.slot);
    BatchInput {
        time: trace.header.time,
        window_first: trace.header.window_first,
        window_last: trace.header.window_last,
        decoys: trace.accounts.iter().filter(still).map(|a| a.slot).collect(),
        deposits,
        fills,
        commands,
        touches,
        extra_rows: Vec::new(),
        ephemeral: trace.ephemeral,
        blind: trace.blind,
        log_root: trace.header.log_root,
        log_last: trace.header.log_last,
    }
}
