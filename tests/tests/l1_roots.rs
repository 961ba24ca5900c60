//! Native root = circuit root = contract root: batches of a random world are proven and submitted to the contract on the
//! in-process L1, which moves its root to the ledger's; whatever is tampered with on the way is refused.

use alloy::eips::BlockId;
use alloy::primitives::{Address, U256};
use ark_bn254::Fr;
use novation_gpu::choose;
use novation_prover::batch::BatchProver;
use novation_prover::KeyStore;
use novation_state::ledger::{Deployment, Ledger};
use novation_state::message::Action;
use novation_state::size::TINY;
use novation_state::testkit::World;
use novation_state::trace::BatchTrace;
use novation_state::transition::BatchInput;
use novation_tests::auditor::audit;
use novation_verifier::batch::Batch;
use novation_verifier::devnet::{deploy_token, mint, Devnet, DevnetConfig};
use novation_verifier::l1::{Circuit, DeployParams, DepositRequest, Submission, L1};

const SEED: u64 = 11;

/// Who is who among the devnet's accounts.
struct People {
    operator: Address,
    oracle: Address,
    depositor: Address,
}

struct Venue {
    world: World,
    devnet: Devnet,
    l1: L1,
    prover: BatchProver,
    people: People,
    markets_sent: u32,
    vault_micro: i128,
}

impl Venue {
    async fn open() -> Venue {
        let keys = KeyStore::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/keys"));
        let backend = choose("auto").expect("the CPU is always there").backend;
        let prover = BatchProver::open(TINY, &keys, backend, &()).expect("tiny keys");
        let mut world = World::genesis(SEED, TINY);
        let devnet =
            Devnet::new(DevnetConfig { genesis_time: world.time.get() as u64 - 1_000, ..DevnetConfig::default() });
        let address = |i| devnet.signer(i).address();
        let people = People { operator: address(1), oracle: address(2), depositor: address(3) };
        let provider = devnet.provider();
        let token = deploy_token(&provider, address(0)).await.expect("token");
        mint(&provider, address(0), token, people.depositor, U256::from(1u64 << 60)).await.expect("mint");
        let house = world.house_viewing.public();
        let genesis_root = Ledger::genesis(Deployment::new(31_337, [0; 20]), house).root();
        let params = DeployParams {
            collateral: token,
            proposers: vec![address(0)],
            executors: vec![address(0)],
            operator: people.operator,
            oracle: people.oracle,
            genesis_root,
            circuits: vec![Circuit { size: TINY, key: prover.prover().verifying_key().clone(), active_until: 1 << 39 }],
        };
        let l1 = L1::deploy(provider, address(0), params).await.expect("deploy");
        world.ledger = Ledger::genesis(Deployment::new(l1.chain(), l1.contract().into_array()), house);
        assert_eq!(world.ledger.deployment().id, l1.deployment(), "both sides name the deployment alike");
        l1.approve(people.depositor, U256::MAX).await.expect("approve");
        Venue { world, devnet, l1, prover, people, markets_sent: 0, vault_micro: 0 }
    }

    /// Publishes the markets if they moved.
    async fn publish(&mut self) {
        let markets = &self.world.markets;
        if markets.number() == self.markets_sent {
            return;
        }
        assert_eq!(markets.number(), self.markets_sent + 1, "one update a batch");
        self.devnet.set_next_timestamp(self.world.time.get() as u64).ok();
        let leaves: Vec<(u32, Vec<Fr>)> =
            markets.iter().map(|(id, leaf)| (id.get() as u32, leaf.words().to_vec())).collect();
        let time = markets.time().get() as u64;
        self.l1
            .submit_markets(self.people.oracle, markets.number(), &markets.root(), time, &leaves)
            .await
            .expect("markets");
        self.markets_sent += 1;
    }

    /// Queues the batch's deposits on L1.
    async fn queue(&self, input: &BatchInput) {
        for deposit in &input.deposits {
            let (_, next) = self.l1.queue_state(BlockId::latest()).await.expect("queue");
            let slot = deposit.account.get() as u32;
            let request = DepositRequest {
                slot: (slot != next).then_some(slot),
                owner_eighth: [deposit.owner_eighth.x, deposit.owner_eighth.y],
                viewing_eighth: [deposit.viewing_eighth.x, deposit.viewing_eighth.y],
                amount: deposit.amount.get() as u128,
            };
            self.l1.deposit(self.people.depositor, &request).await.expect("deposit");
        }
    }

    fn submission(&self, trace: &BatchTrace) -> Submission {
        let proven = self.prover.prove(trace, &()).expect("a valid batch is provable");
        Submission {
            batch: Batch::from_words(&proven.public.words).expect("words that the contract could have written"),
            c: proven.public.c,
            proof: proven.proved.proof,
            markets_time: self.world.markets.time().get() as u64,
            depositors: vec![self.people.depositor; trace.deposits.len()],
        }
    }

    /// Applies, proves and submits a batch; all three roots agree and the money adds up.
    async fn run(&mut self, input: BatchInput) -> Submission {
        self.publish().await;
        self.queue(&input).await;
        let trace = self.world.apply(input);
        let submission = self.submission(&trace);
        self.devnet.set_next_timestamp(self.world.time.get() as u64).ok();
        self.l1.submit_batch(self.people.operator, &submission).await.expect("the contract accepts");
        let head = self.l1.head(BlockId::latest()).await.expect("head");
        let root = novation_verifier::l1::word(&self.world.ledger.root());
        assert_eq!(head.root, root, "seed {SEED}, batch {}", trace.header.batch);
        for deposit in trace.deposits.iter().filter(|d| d.credited) {
            self.vault_micro += deposit.amount.get();
        }
        for command in &trace.commands {
            if let Action::Withdraw { amount, .. } = command.command.action {
                self.vault_micro -= amount.get();
            }
        }
        audit(&self.world.ledger, &self.world.markets).assert_balanced(self.vault_micro);
        submission
    }
}

#[tokio::test]
async fn random_batches_move_the_contract_to_the_ledgers_root() {
    println!("seed {SEED}");
    let mut venue = Venue::open().await;
    let mut input = venue.world.input();
    for amount in [90_000_000_000, 70_000_000_000] {
        let trader = venue.world.newcomer();
        input.deposits.push(venue.world.deposit(trader, amount));
    }
    venue.run(input).await;

    let mut done = 0;
    while done < 5 {
        let mut input = venue.world.random_input();
        // Accounts that L1 has not assigned yet come in order, one at a time.
        let opened = venue.l1.queue_state(BlockId::latest()).await.expect("queue").1;
        input.deposits.retain(|d| d.account.get() < i64::from(opened));
        if venue.world.ledger.check(TINY, &venue.world.markets, input.clone()).is_ok() {
            venue.run(input).await;
            done += 1;
        } else {
            venue.publish().await;
        }
    }
}

#[tokio::test]
async fn a_batch_tampered_with_after_proving_is_refused() {
    let mut venue = Venue::open().await;
    let mut input = venue.world.input();
    let trader = venue.world.newcomer();
    input.deposits.push(venue.world.deposit(trader, 1_000_000));
    venue.publish().await;
    venue.queue(&input).await;
    let trace = venue.world.apply(input);
    let honest = venue.submission(&trace);
    venue.devnet.set_next_timestamp(venue.world.time.get() as u64).ok();

    let one = Fr::from(1u64);
    let mut ciphertext = honest.clone();
    ciphertext.batch.accounts[0].sealed[1] += one;
    let mut root = honest.clone();
    root.batch.header.new_root += one;
    let mut refunded = honest.clone();
    refunded.batch.deposits[0].credited = false;
    let mut commitment = honest.clone();
    commitment.c += one;
    for (what, forged) in
        [("ciphertext", ciphertext), ("new root", root), ("outcome", refunded), ("commitment", commitment)]
    {
        let refused = venue.l1.submit_batch(venue.people.operator, &forged).await.expect_err(what);
        let reason = refused.contract_error().unwrap_or_else(|| panic!("{what}: {refused}"));
        assert!(format!("{reason:?}").contains("ProofRejected"), "{what}: {reason:?}");
    }
    venue.l1.submit_batch(venue.people.operator, &honest).await.expect("the honest batch still goes through");
}
