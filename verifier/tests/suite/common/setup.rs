//! A deployment with a known-trapdoor circuit, depositors with funds, and valid batches to submit or to bend.

use super::batches::element;
use super::chains::{TestChain, GENESIS_TIME};
use super::trapdoor::TrapdoorKey;
use alloy::eips::BlockId;
use alloy::primitives::{Address, U256};
use ark_bn254::Fr;
use novation_state::crypto::babyjub::{Point, BASE8};
use novation_state::size::{Size, TINY};
use novation_verifier::batch::{Account, Batch, Deposit, Header, Withdrawal};
use novation_verifier::devnet::{deploy_token, mint};
use novation_verifier::l1::{Circuit, DeployParams, DepositRequest, Follower, QueuedDeposit, Submission, L1};
use std::collections::HashMap;

/// Micro-units that each depositor has and has approved.
pub const FUNDS: u128 = 1_000_000_000;

/// Public inputs of a batch proof.
const INPUTS: usize = 3;

/// A chain with everything deployed.
pub struct Setup {
    /// Where.
    pub chain: TestChain,
    /// The client.
    pub l1: L1,
    /// Proves anything.
    pub trapdoor: TrapdoorKey,
    /// Of the registered circuit.
    pub size: Size,
    /// Deploys.
    pub deployer: Address,
    /// Submits batches.
    pub operator: Address,
    /// Submits markets.
    pub oracle: Address,
    /// Have funds.
    pub depositors: [Address; 2],
    /// Height before the deployment.
    pub start: u64,
}

impl Setup {
    /// Deploys with the tiny circuit.
    pub async fn new(chain: TestChain) -> Self {
        Self::with_genesis(chain, TINY, |_| element("genesis", 0)).await
    }

    /// Deploys with a circuit, from a state root that may depend on the contract's own address.
    pub async fn with_genesis(chain: TestChain, size: Size, genesis: impl FnOnce(Address) -> Fr) -> Self {
        let [deployer, operator, oracle, alice, bob] =
            <[Address; 5]>::try_from(&chain.accounts[..5]).expect("at least five accounts");
        let token = deploy_token(&chain.provider, deployer).await.expect("deployed");
        let start = chain.height().await;
        let nonce = chain.provider_nonce(deployer).await;
        let trapdoor = TrapdoorKey::from_seed(21, INPUTS);
        let circuit = Circuit { size, key: trapdoor.key(), active_until: GENESIS_TIME + 1_000_000_000 };
        let params = DeployParams {
            collateral: token,
            proposers: vec![deployer],
            executors: vec![Address::ZERO],
            operator,
            oracle,
            // The timelock comes first, then the contract.
            genesis_root: genesis(deployer.create(nonce + 1)),
            circuits: vec![circuit],
        };
        let l1 = L1::deploy(chain.provider.clone(), deployer, params).await.expect("deployed");
        let depositors = [alice, bob];
        let setup = Self { chain, l1, trapdoor, size, deployer, operator, oracle, depositors, start };
        for who in depositors {
            setup.fund(who, FUNDS).await;
        }
        setup
    }

    /// Mints collateral for `who` and approves it.
    pub async fn fund(&self, who: Address, amount: u128) {
        let (provider, token) = (&self.chain.provider, self.l1.collateral());
        mint(provider, self.deployer, token, who, U256::from(amount)).await.expect("minted");
        self.l1.approve(who, U256::from(amount)).await.expect("approved");
    }

    /// Queues a deposit; `key` makes its keys.
    pub async fn deposit(&self, from: Address, key: u64, amount: u128) -> (u64, u32) {
        let request = deposit_request(key, amount);
        let (index, slot, _) = self.l1.deposit(from, &request).await.expect("queued");
        (index, slot)
    }

    /// Accepts the next markets root.
    pub async fn accept_markets(&self) {
        let (last, _) = self.l1.last_markets(BlockId::latest()).await.expect("answered");
        let (number, time) = (last + 1, self.chain.time().await);
        let root = element("markets root", number.into());
        self.l1.submit_markets(self.oracle, number, &root, time, &[]).await.expect("accepted");
    }

    /// The next batch on the present head: these deposits, the first of them credited and the rest refunded, and one
    /// withdrawal by command 0 if `withdraw` names one.
    pub async fn next_batch(&self, deposits: &[QueuedDeposit], withdraw: Option<(Address, u128)>) -> Submission {
        let head = self.l1.head(BlockId::latest()).await.expect("answered");
        let known = self.l1.known(BlockId::latest()).await.expect("answered");
        let (markets_number, markets_time) = self.l1.last_markets(BlockId::latest()).await.expect("answered");
        let number = head.batch + 1;
        let e = |name| element(name, number.into());
        let header = Header {
            deployment: known.deployment,
            circuit: self.size.circuit_id(),
            batch: number,
            old_root: known.old_root,
            new_root: e("new root"),
            markets_number,
            markets_root: element("markets root", markets_number.into()),
            time: self.chain.time().await,
            window_first: head.windowLast.to::<u64>() + 1,
            window_last: head.windowLast.to::<u64>() + 3,
            log_root: e("log root"),
            log_first: known.log_last + 1,
            log_last: known.log_last + 5,
            r_x: e("r.x"),
            r_y: e("r.y"),
            deposit_first: known.deposits_consumed,
        };
        let deposit = |(i, d): (usize, &QueuedDeposit)| Deposit {
            owner_eighth: d.owner_eighth,
            viewing_eighth: d.viewing_eighth,
            slot: d.slot,
            amount: d.amount,
            credited: i == 0,
        };
        let withdrawal = |(recipient, amount): (Address, u128)| Withdrawal {
            command: 0,
            chain: self.l1.chain(),
            recipient: recipient.into(),
            amount,
        };
        let account = |i: u32| Account {
            slot: i + 1,
            sealed: std::array::from_fn(|word| {
                element("account", u64::from(number) << 16 | (16 * i) as u64 | word as u64)
            }),
        };
        let batch = Batch {
            size: self.size,
            header,
            deposits: deposits.iter().enumerate().map(deposit).collect(),
            withdrawals: withdraw.map(withdrawal).into_iter().collect(),
            accounts: (0..self.size.accounts as u32).map(account).collect(),
            house: std::array::from_fn(|word| element("house", word as u64)),
        };
        let depositors = deposits.iter().map(|d| d.depositor).collect();
        self.prove(batch, e("c"), markets_time, depositors)
    }

    /// The submission with a proof of its public data as they are.
    pub fn prove(&self, batch: Batch, c: Fr, markets_time: u64, depositors: Vec<Address>) -> Submission {
        let inputs = novation_state::public_data::PublicData::from_words(batch.words(), c).inputs();
        Submission { batch, c, proof: self.trapdoor.simulate(&inputs, 5), markets_time, depositors }
    }

    /// The same submission, proven again after a change.
    pub fn prove_again(&self, submission: Submission) -> Submission {
        self.prove(submission.batch, submission.c, submission.markets_time, submission.depositors)
    }

    /// A follower from before the deployment.
    pub fn follower(&self) -> Follower {
        Follower::new(self.l1.clone(), self.start)
    }
}

impl TestChain {
    async fn provider_nonce(&self, account: Address) -> u64 {
        use alloy::providers::Provider;
        self.provider.get_transaction_count(account).await.expect("answered")
    }
}

/// A deposit whose keys are multiples of the base point.
pub fn deposit_request(key: u64, amount: u128) -> DepositRequest {
    let point = |k: u64| {
        let mut sum = Point::identity();
        for _ in 0..k {
            sum = sum.add(&BASE8);
        }
        [sum.x, sum.y]
    };
    DepositRequest { slot: None, owner_eighth: point(2 * key + 1), viewing_eighth: point(2 * key + 2), amount }
}

/// The first deposits of a queue, as a reader of final blocks sees them.
pub async fn final_deposits(setup: &Setup) -> Vec<QueuedDeposit> {
    setup.chain.finalize().await;
    let mut reader = novation_verifier::l1::DepositReader::new(setup.l1.clone(), setup.start);
    reader.poll().await.expect("a consistent queue")
}

/// What a consumer of a follower's steps believes: the events of one chain.
#[derive(Default)]
pub struct Belief {
    /// Events in order.
    pub events: Vec<novation_verifier::l1::Event>,
    /// How often something was taken back.
    pub rollbacks: usize,
}

impl Belief {
    /// Applies a step.
    pub fn apply(&mut self, step: novation_verifier::l1::Step) {
        if let Some(last) = step.rolled_back_to {
            self.events.retain(|event| event.block <= last);
            self.rollbacks += 1;
        }
        self.events.extend(step.events);
        let mut blocks = HashMap::new();
        for event in &self.events {
            let hash = *blocks.entry(event.block).or_insert(event.block_hash);
            assert_eq!(hash, event.block_hash, "events of two branches at height {}", event.block);
        }
        assert!(self.events.is_sorted_by_key(|event| (event.block, event.log_index)), "events out of order");
    }
}
