//! The auditor: accounts computed again from signed requests, announced fills and public data equal the ledger's; whatever is
//! announced wrongly is found.

use crate::common::trapdoor::TrapdoorKey;
use novation_state::leaf::AccountLeaf;
use novation_state::message::Action;
use novation_state::public_data::PublicData;
use novation_state::size::TINY;
use novation_state::testkit::World;
use novation_state::trace::BatchTrace;
use novation_state::transition::BatchInput;
use novation_state::units::{AccountSlot, Ticks};
use novation_verifier::batch::Batch;
use novation_verifier::l1::Submission;
use novation_verifier::watch::recompute::{Announced, Recomputation, RecomputeError};
use std::collections::BTreeMap;

/// The batch as L1 shows it. The auditor leaves proofs to the watcher, so any will do.
fn published(trace: &BatchTrace, key: &TrapdoorKey) -> Submission {
    let data = PublicData::of(trace);
    let batch = Batch::from_words(&data.words).expect("the ledger writes what the contract would");
    let depositors = vec![Default::default(); batch.deposits.len()];
    let proof = key.simulate(&data.inputs(), 1);
    Submission { markets_time: batch.header.time, batch, c: data.c, proof, depositors }
}

fn announced(input: &BatchInput) -> Announced {
    Announced { fills: input.fills.clone(), commands: input.commands.clone(), touches: input.touches.clone() }
}

fn leaves(world: &World) -> BTreeMap<AccountSlot, AccountLeaf> {
    world.ledger.accounts().map(|(slot, account)| (slot, account.leaf.clone())).collect()
}

fn vault(world: &World) -> u128 {
    let accounts: i128 = world.ledger.accounts().map(|(_, account)| account.leaf.cash.get()).sum();
    u128::try_from(accounts + world.ledger.house().total()).expect("nothing is created")
}

struct Run {
    world: World,
    auditor: Recomputation,
    key: TrapdoorKey,
}

impl Run {
    fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let world = World::genesis(seed, TINY);
        let auditor = Recomputation::new(world.ledger.deployment().id);
        Self { world, auditor, key: TrapdoorKey::from_seed(1, 3) }
    }

    /// Opens six accounts, two a batch.
    fn open(mut self) -> Self {
        for _ in 0..3 {
            let mut input = self.world.input();
            for _ in 0..TINY.deposits {
                let trader = self.world.newcomer();
                input.deposits.push(self.world.deposit(trader, 50_000_000_000));
            }
            let said = announced(&input);
            let batch = self.apply(input);
            self.auditor.batch(&batch, &said).expect("it happened");
        }
        self
    }

    fn apply(&mut self, input: BatchInput) -> Submission {
        let leaves: Vec<_> = self.world.markets.iter().map(|(id, leaf)| (id, leaf.clone())).collect();
        self.auditor.markets(self.world.markets.number(), leaves);
        published(&self.world.apply(input), &self.key)
    }

    fn compare(&self) -> Result<novation_verifier::watch::recompute::Totals, RecomputeError> {
        self.auditor.compare(&leaves(&self.world), self.world.ledger.house(), vault(&self.world))
    }
}

#[test]
fn accounts_computed_again_are_the_ledgers_after_every_random_batch() {
    let (mut fills, mut commands, mut settled, mut rolled, mut unannounced) = (0, 0, 0, 0, 0);
    for seed in 1..=4 {
        let mut run = Run::new(seed).open();
        for _ in 0..40 {
            let input = run.world.random_input();
            let mut said = announced(&input);
            (fills, commands) = (fills + said.fills.len(), commands + said.commands.len());
            let batch = run.apply(input);
            // Nobody announces touches: the leaves that the batch wrote tell of those that rolled something.
            let (number, after) = (batch.batch.header.markets_number, leaves(&run.world));
            let told = std::mem::take(&mut said.touches);
            said.touches =
                after.iter().filter(|(a, leaf)| run.auditor.rolled(**a, leaf, number)).map(|(a, _)| *a).collect();
            rolled += said.touches.len();
            unannounced += said.touches.iter().filter(|account| told.contains(account)).count();
            run.auditor.batch(&batch, &said).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            let totals = run.compare().unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            assert_eq!(totals.accounts + totals.house, vault(&run.world) as i128);
        }
        settled +=
            run.world.markets.iter().filter(|(_, leaf)| leaf.status == novation_state::leaf::Status::Settled).count();
    }
    assert!(
        fills > 50 && commands > 20 && settled > 0 && rolled > unannounced && unannounced > 0,
        "{fills} fills, {commands} commands, {settled} settled, {rolled} rolled, {unannounced} of them by touches: too little happened"
    );
}

/// A run up to a batch that trades, with what was announced of it.
fn trading(seed: u64) -> (Run, Submission, Announced) {
    let mut run = Run::new(seed).open();
    for _ in 0..100 {
        let input = run.world.random_input();
        let said = announced(&input);
        let batch = run.apply(input);
        if said.fills.len() >= 2 {
            return (run, batch, said);
        }
        run.auditor.batch(&batch, &said).expect("it happened");
    }
    panic!("seed {seed}: no batch traded");
}

#[test]
fn whatever_is_announced_wrongly_is_found() {
    let (run, batch, said) = trading(5);
    let number = batch.batch.header.batch;
    let with = |change: &dyn Fn(&mut Announced)| {
        let (mut changed, mut auditor) = (said.clone(), run.auditor.clone());
        change(&mut changed);
        let taken = auditor.batch(&batch, &changed);
        taken.and_then(|()| {
            auditor.compare(&leaves(&run.world), run.world.ledger.house(), vault(&run.world)).map(|_| ())
        })
    };
    assert_eq!(with(&|_| {}), Ok(()));

    let first = &said.fills[0];
    let (account, instrument) = (first.order.binding.account, first.order.instrument);
    // A fill that is kept quiet: the lots of its auction no longer net to zero.
    match with(&|said| {
        said.fills.remove(0);
    }) {
        Err(RecomputeError::Auction { batch, instrument: found, net, .. }) => {
            assert_eq!((batch, found, net != 0), (number, instrument, true));
        }
        other => panic!("{other:?}"),
    }
    // Other prices for one side than for the other.
    match with(&|said| said.fills[0].price = Ticks::new(said.fills[0].price.get() + 1).expect("in range")) {
        Err(RecomputeError::Auction { prices, .. }) => assert_eq!(prices.len(), 2),
        other => panic!("{other:?}"),
    }
    // An order that its owner did not sign like this.
    let forged =
        with(&|said| said.fills[0].order.limit = Ticks::new(said.fills[0].order.limit.get() + 1).expect("in range"));
    assert_eq!(forged, Err(RecomputeError::Signature { batch: number, account }));
    // The whole batch kept quiet: the first account that traded shows it.
    match with(&|said| said.fills.clear()) {
        Err(RecomputeError::Account { what, .. }) => assert_eq!(what, "cash"),
        other => panic!("{other:?}"),
    }
    // The same fill twice, on both sides, is more than was signed or more than the leaves show.
    match with(&|said| said.fills.extend(said.fills.clone())) {
        Err(RecomputeError::Fill { rule: "more was filled than signed", .. } | RecomputeError::Account { .. }) => {}
        other => panic!("{other:?}"),
    }
    // Batches out of order.
    let mut auditor = run.auditor.clone();
    auditor.batch(&batch, &said).expect("it happened");
    let again = auditor.batch(&batch, &said);
    assert_eq!(again, Err(RecomputeError::Order { last: number, found: number }));
}

#[test]
fn withdrawals_that_l1_paid_and_nobody_signed_are_found() {
    let mut run = Run::new(6).open();
    let mut input = run.world.input();
    let action = run.world.withdrawal(0, 1_000_000);
    input.commands.push(run.world.command(0, action));
    let said = announced(&input);
    assert!(matches!(said.commands[0].command.action, Action::Withdraw { .. }));
    let number = run.world.ledger.head().batch as u32 + 1;
    let batch = run.apply(input);
    let quiet = run.auditor.batch(&batch, &Announced::default());
    assert_eq!(quiet, Err(RecomputeError::Withdrawals { batch: number, paid: 1, signed: 0 }));
    run.auditor.batch(&batch, &said).expect("it happened");
    run.compare().expect("as in the ledger");
    let wrong = run.auditor.compare(&leaves(&run.world), run.world.ledger.house(), vault(&run.world) + 1);
    let expected = vault(&run.world) as i128;
    assert_eq!(wrong, Err(RecomputeError::Vault { vault: expected + 1, expected }));
}
