//! Batches of the real ledger on the real contract: deposits through the queue, trades, withdrawals, decoys, with the root
//! of the contract compared to the ledger's after each. Only the proofs are simulated.

use crate::common::chains::{on_every_chain, TestChain};
use crate::common::setup::{final_deposits, Setup};
use alloy::eips::BlockId;
use alloy::primitives::Address;
use novation_state::ledger::{Deployment, Ledger};
use novation_state::public_data::PublicData;
use novation_state::size::TINY;
use novation_state::testkit::{World, CHAIN};
use novation_state::trace::BatchTrace;
use novation_state::transition::BatchInput;
use novation_verifier::batch::Batch;
use novation_verifier::l1::{word, DepositRequest, Submission};

/// A world whose ledger signs for the contract at `contract`.
fn world(seed: u64, contract: Address) -> World {
    let mut world = World::genesis(seed, TINY);
    world.ledger = Ledger::genesis(Deployment::new(CHAIN, contract.into()), world.house_viewing.public());
    world
}

/// Leaves out deposits to slots that the contract has not assigned and would not assign next.
fn keep_assignable(input: &mut BatchInput, mut next_slot: u32) {
    input.deposits.retain(|deposit| {
        let slot = deposit.account.get() as u32;
        next_slot += u32::from(slot == next_slot);
        slot < next_slot
    });
}

/// Brings the world's markets and the batch's deposits to L1, and the batch after them.
async fn submit(setup: &Setup, world: &World, trace: &BatchTrace) {
    let (l1, chain) = (&setup.l1, &setup.chain);
    let time = world.time.get() as u64;
    if chain.time().await < time {
        chain.set_time(time).await;
        chain.mine(1).await;
    }
    let (number, _) = l1.last_markets(BlockId::latest()).await.expect("answered");
    if world.markets.number() > number {
        let leaves: Vec<_> = world.markets.iter().map(|(id, leaf)| (id.get() as u32, leaf.words().to_vec())).collect();
        let (root, time) = (world.markets.root(), world.markets.time().get() as u64);
        l1.submit_markets(setup.oracle, world.markets.number(), &root, time, &leaves).await.expect("accepted");
    }
    let payer = setup.depositors[0];
    for deposit in &trace.deposits {
        let (_, next_slot) = l1.queue_state(BlockId::latest()).await.expect("answered");
        let slot = deposit.account.get() as u32;
        let (a, v) = (&deposit.owner_eighth, &deposit.viewing_eighth);
        let request = DepositRequest {
            slot: (slot < next_slot).then_some(slot),
            owner_eighth: [a.x, a.y],
            viewing_eighth: [v.x, v.y],
            amount: deposit.amount.get() as u128,
        };
        let (_, assigned, _) = l1.deposit(payer, &request).await.expect("queued");
        assert_eq!(assigned, slot);
    }
    let data = PublicData::of(trace);
    let batch = Batch::from_words(&data.words).expect("the ledger writes what the contract would");
    assert_eq!(batch.words(), data.words);
    let submission = Submission {
        batch,
        c: data.c,
        proof: setup.trapdoor.simulate(&data.inputs(), 1),
        markets_time: world.markets.time().get() as u64,
        depositors: vec![payer; trace.deposits.len()],
    };
    l1.submit_batch(setup.operator, &submission).await.unwrap_or_else(|e| panic!("seed {}: {e}", world.seed));
    let head = l1.head(BlockId::latest()).await.expect("answered");
    let native = world.ledger.head();
    assert_eq!(head.root, word(&world.ledger.root()), "seed {}", world.seed);
    assert_eq!(
        (u64::from(head.batch), head.logLast, head.depositsConsumed.to()),
        (native.batch, native.log, native.deposits)
    );
}

async fn run(chain: TestChain, seed: u64) {
    println!("seed {seed}");
    let mut built = None;
    let setup = Setup::with_genesis(chain, TINY, |contract| {
        let world = world(seed, contract);
        let root = world.ledger.root();
        built = Some((world, contract));
        root
    });
    let setup = setup.await;
    let (mut world, contract) = built.expect("the genesis root was asked for");
    assert_eq!((setup.l1.contract(), setup.l1.deployment()), (contract, world.ledger.deployment().id));
    setup.fund(setup.depositors[0], u128::from(u64::MAX)).await;
    while world.traders.len() < TINY.accounts + 2 {
        let mut input = world.input();
        for _ in 0..TINY.deposits {
            let trader = world.newcomer();
            input.deposits.push(world.deposit(trader, 50_000_000_000));
        }
        let trace = world.apply(input);
        submit(&setup, &world, &trace).await;
    }
    for _ in 0..6 {
        let mut input = world.random_input();
        let (_, next_slot) = setup.l1.queue_state(BlockId::latest()).await.expect("answered");
        keep_assignable(&mut input, next_slot);
        let trace = world.apply(input);
        submit(&setup, &world, &trace).await;
    }
    // Nothing was refused and nothing is left over: the vault holds exactly what the ledger says.
    let (inside, owed) = setup.l1.balances(BlockId::latest()).await.expect("answered");
    let accounts: i128 = world.ledger.accounts().map(|(_, account)| account.leaf.cash.get()).sum();
    assert_eq!(inside as i128, accounts + world.ledger.house().total());
    let held = setup.l1.collateral_of(setup.l1.contract(), BlockId::latest()).await.expect("answered");
    assert_eq!(held.to::<u128>(), inside + owed);
    let queue = final_deposits(&setup).await;
    assert_eq!(queue.len() as u64, world.ledger.head().deposits);
}

#[tokio::test]
async fn ledger_and_contract_agree_on_random_batches() {
    on_every_chain(async |chain| run(chain, 1).await).await;
}
