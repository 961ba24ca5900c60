//! The real ledger on the real contract: markets, deposits and batches of a [`World`] brought to L1. Only the proofs are simulated.

use super::chains::TestChain;
use super::setup::Setup;
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

/// What a newcomer deposits, micro-units.
const DEPOSIT: i128 = 50_000_000_000;

/// A contract and the ledger that its batches come from.
pub struct Venue {
    /// The contract.
    pub setup: Setup,
    /// The ledger.
    pub world: World,
}

impl Venue {
    /// Deploys for a world without accounts.
    pub async fn new(chain: TestChain, seed: u64) -> Self {
        println!("seed {seed}");
        let mut built = None;
        let setup = Setup::with_genesis(chain, TINY, |contract| {
            let world = world(seed, contract);
            let root = world.ledger.root();
            built = Some((world, contract));
            root
        });
        let setup = setup.await;
        let (world, contract) = built.expect("the genesis root was asked for");
        assert_eq!((setup.l1.contract(), setup.l1.deployment()), (contract, world.ledger.deployment().id));
        setup.fund(setup.depositors[0], u128::from(u64::MAX)).await;
        Self { setup, world }
    }

    /// A batch that opens as many accounts as a batch can.
    pub fn newcomers(&mut self) -> BatchInput {
        let mut input = self.world.input();
        for _ in 0..TINY.deposits {
            let trader = self.world.newcomer();
            input.deposits.push(self.world.deposit(trader, DEPOSIT));
        }
        input
    }

    /// A batch of everything that may happen, with deposits that the contract would take.
    pub async fn random(&mut self) -> BatchInput {
        let mut input = self.world.random_input();
        let (_, mut next_slot) = self.setup.l1.queue_state(BlockId::latest()).await.expect("answered");
        // Leaves out deposits to slots that the contract has not assigned and would not assign next.
        input.deposits.retain(|deposit| {
            let slot = deposit.account.get() as u32;
            next_slot += u32::from(slot == next_slot);
            slot < next_slot
        });
        input
    }

    /// Applies a batch and brings it to L1 with the markets and deposits before it.
    pub async fn run(&mut self, input: BatchInput) -> Submission {
        let trace = self.world.apply(input);
        self.post_markets().await;
        self.post_deposits(&trace).await;
        let submission = self.submission(&trace);
        self.post(&submission).await;
        let head = self.setup.l1.head(BlockId::latest()).await.expect("answered");
        let native = self.world.ledger.head();
        assert_eq!(head.root, word(&self.world.ledger.root()), "seed {}", self.world.seed);
        assert_eq!(
            (u64::from(head.batch), head.logLast, head.depositsConsumed.to()),
            (native.batch, native.log, native.deposits)
        );
        submission
    }

    /// Lets L1's clock reach the world's, and brings the world's markets to L1 if they are newer.
    pub async fn post_markets(&self) {
        let (l1, chain, world) = (&self.setup.l1, &self.setup.chain, &self.world);
        let time = world.time.get() as u64;
        if chain.time().await < time {
            chain.set_time(time).await;
            chain.mine(1).await;
        }
        let (number, _) = l1.last_markets(BlockId::latest()).await.expect("answered");
        if world.markets.number() > number {
            let leaves: Vec<_> =
                world.markets.iter().map(|(id, leaf)| (id.get() as u32, leaf.words().to_vec())).collect();
            let (root, time) = (world.markets.root(), world.markets.time().get() as u64);
            l1.submit_markets(self.setup.oracle, world.markets.number(), &root, time, &leaves).await.expect("accepted");
        }
    }

    /// Queues a batch's deposits.
    pub async fn post_deposits(&self, trace: &BatchTrace) {
        let l1 = &self.setup.l1;
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
            let (_, assigned, _) = l1.deposit(self.setup.depositors[0], &request).await.expect("queued");
            assert_eq!(assigned, slot);
        }
    }

    /// The batch with a simulated proof.
    pub fn submission(&self, trace: &BatchTrace) -> Submission {
        let data = PublicData::of(trace);
        let batch = Batch::from_words(&data.words).expect("the ledger writes what the contract would");
        assert_eq!(batch.words(), data.words);
        Submission {
            batch,
            c: data.c,
            proof: self.setup.trapdoor.simulate(&data.inputs(), 1),
            markets_time: self.world.markets.time().get() as u64,
            depositors: vec![self.setup.depositors[0]; trace.deposits.len()],
        }
    }

    /// Has the contract accept a batch.
    pub async fn post(&self, submission: &Submission) {
        let sent = self.setup.l1.submit_batch(self.setup.operator, submission).await;
        sent.unwrap_or_else(|e| panic!("seed {}: {e}", self.world.seed));
    }
}

/// A world whose ledger signs for the contract at `contract`.
fn world(seed: u64, contract: Address) -> World {
    let mut world = World::genesis(seed, TINY);
    world.ledger = Ledger::genesis(Deployment::new(CHAIN, contract.into()), world.house_viewing.public());
    world
}
