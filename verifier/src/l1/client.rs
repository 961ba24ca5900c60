//! Calls and transactions.

use super::bindings::Novation::{self, NovationErrors};
use super::bindings::{Erc20, GovernanceTimelock, ICircuitKeys, INovation, Lanes};
use super::convert::{element, word};
use super::error::{L1Error, Revert};
use super::submission::{Known, Submission};
use crate::groth16::{key_words, VerifyingKey};
use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::aliases::{U24, U40, U96};
use alloy::primitives::{Address, Bytes, TxHash, B256, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol_types::{SolCall, SolConstructor, SolEvent};
use ark_bn254::Fr;
use novation_state::ledger::Deployment;
use novation_state::size::Size;
use std::time::{Duration, Instant};

/// Gas of a transaction at most (EIP-7825): what needs more cannot be mined.
pub const MAX_TRANSACTION_GAS: u64 = 1 << 24;

/// How long a sent transaction may stay out of a block before the caller is asked.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(300);

/// A circuit to register: a size and its verifying key.
#[derive(Debug, Clone)]
pub struct Circuit {
    /// The size; its lanes and its id go to the key table.
    pub size: Size,
    /// For three public inputs.
    pub key: VerifyingKey,
    /// Last block time at which a batch may use it, seconds since 1970.
    pub active_until: u64,
}

/// What a deployment is made of.
#[derive(Debug, Clone)]
pub struct DeployParams {
    /// ERC-20 with 6 decimals.
    pub collateral: Address,
    /// Who may propose to the timelock; meant to be a multi-signature account.
    pub proposers: Vec<Address>,
    /// Who may execute what has waited; the zero address lets anybody.
    pub executors: Vec<Address>,
    /// First holder of the operator role.
    pub operator: Address,
    /// First holder of the oracle role.
    pub oracle: Address,
    /// State root before the first batch.
    pub genesis_root: Fr,
    /// Circuits to start with.
    pub circuits: Vec<Circuit>,
}

/// A deposit to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositRequest {
    /// An account slot assigned earlier, or `None` for the next free one.
    pub slot: Option<u32>,
    /// An eighth of the owner key, x then y.
    pub owner_eighth: [Fr; 2],
    /// An eighth of the viewing key, x then y.
    pub viewing_eighth: [Fr; 2],
    /// Micro-units, below 2^96.
    pub amount: u128,
}

/// The contract on some chain, behind any alloy provider: in this process, over HTTP, or a public node.
///
/// Transactions are sent for the account that each method names; the provider's wallet, or the node, holds its key.
#[derive(Debug, Clone)]
pub struct L1 {
    provider: DynProvider,
    contract: Address,
    collateral: Address,
    deployment: Fr,
    chain: u64,
    wait: Duration,
}

impl L1 {
    /// Deploys timelock and contract.
    ///
    /// # Errors
    /// [`L1Error`]; [`L1Error::Reverted`] with the contract's reason, for instance a key that it refuses.
    pub async fn deploy(provider: DynProvider, from: Address, params: DeployParams) -> Result<Self, L1Error> {
        let keys = params.circuits.iter().map(key_spec).collect::<Result<_, _>>()?;
        let timelock = GovernanceTimelock::constructorCall { proposers: params.proposers, executors: params.executors };
        let code = [GovernanceTimelock::BYTECODE.to_vec(), timelock.abi_encode()].concat();
        let governance = create(&provider, from, code, DEFAULT_WAIT).await?;
        let novation = Novation::constructorCall {
            collateral: params.collateral,
            governance,
            operator: params.operator,
            oracle: params.oracle,
            genesisRoot: word(&params.genesis_root),
            keys,
        };
        let code = [Novation::BYTECODE.to_vec(), novation.abi_encode()].concat();
        let contract = create(&provider, from, code, DEFAULT_WAIT).await?;
        Self::attach(provider, contract).await
    }

    /// A client of a contract that is there already.
    ///
    /// # Errors
    /// [`L1Error::NotNovation`] when the address does not answer with this chain's deployment id of itself.
    pub async fn attach(provider: DynProvider, contract: Address) -> Result<Self, L1Error> {
        let chain = provider.get_chain_id().await?;
        let deployment = Deployment::new(chain, contract.into()).id;
        let not_novation = L1Error::NotNovation { address: contract, chain };
        let mut client = Self { provider, contract, collateral: Address::ZERO, deployment, chain, wait: DEFAULT_WAIT };
        match client.call(&Novation::DEPLOYMENT_IDCall {}, BlockId::latest()).await {
            Ok(id) if id == word(&deployment) => {}
            Ok(_) | Err(L1Error::Answer { .. } | L1Error::Reverted(_)) => return Err(not_novation),
            Err(other) => return Err(other),
        }
        client.collateral = client.call(&Novation::COLLATERALCall {}, BlockId::latest()).await?;
        Ok(client)
    }

    /// The same client that waits longer or shorter for a transaction to be mined.
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The provider.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Address of the contract.
    pub fn contract(&self) -> Address {
        self.contract
    }

    /// Address of the collateral token.
    pub fn collateral(&self) -> Address {
        self.collateral
    }

    /// Binds signatures and proofs to this chain and contract.
    pub fn deployment(&self) -> Fr {
        self.deployment
    }

    /// Chain id (EIP-155).
    pub fn chain(&self) -> u64 {
        self.chain
    }

    /// Where the chain of batches stands at `block`.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn head(&self, block: BlockId) -> Result<INovation::Head, L1Error> {
        self.call(&Novation::headCall {}, block).await
    }

    /// The block in which the contract came into being, found by bisection.
    ///
    /// # Errors
    /// [`L1Error`]; a node without old state refuses to answer, and the block has to be named by the caller.
    pub async fn deployment_block(&self) -> Result<u64, L1Error> {
        let (mut before, mut there) = (None, self.provider.get_block_number().await?);
        while there > before.map_or(0, |block: u64| block + 1) {
            let middle = before.map_or(0, |block| block + 1) + (there - before.map_or(0, |block| block + 1)) / 2;
            let code = self.provider.get_code_at(self.contract).block_id(BlockId::number(middle)).await?;
            if code.is_empty() {
                before = Some(middle);
            } else {
                there = middle;
            }
        }
        Ok(there)
    }

    /// The state root before the first batch, as the contract had it at the end of `block`, that of its deployment.
    ///
    /// # Errors
    /// [`L1Error`]; [`L1Error::Answer`] when there was a batch in that block already.
    pub async fn genesis_root(&self, block: u64) -> Result<Fr, L1Error> {
        let head = self.head(BlockId::number(block)).await?;
        if head.batch != 0 {
            let reason = format!("batch {} at block {block}: name the genesis root or an earlier block", head.batch);
            return Err(L1Error::Answer { what: "head", reason });
        }
        element("head", head.root)
    }

    /// What a batch submitted after `block` builds on.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn known(&self, block: BlockId) -> Result<Known, L1Error> {
        let head = self.head(block).await?;
        Ok(Known {
            deployment: self.deployment,
            old_root: element("head", head.root)?,
            log_last: head.logLast,
            deposits_consumed: head.depositsConsumed.to(),
        })
    }

    /// Number and time of the last accepted markets root; number 0 before the first.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn last_markets(&self, block: BlockId) -> Result<(u32, u64), L1Error> {
        let last = self.call(&Novation::lastMarketsCall {}, block).await?;
        Ok((last.number, last.time.to()))
    }

    /// Deposits ever queued, and the slot that the next one without a slot will get.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn queue_state(&self, block: BlockId) -> Result<(u64, u32), L1Error> {
        let state = self.call(&Novation::queueStateCall {}, block).await?;
        Ok((state.queued.to(), state.nextSlot))
    }

    /// Hash of the queue entry at `index`; zero when there is none.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn queue_hash(&self, index: u64, block: BlockId) -> Result<B256, L1Error> {
        self.call(&Novation::queueHashCall { index: U256::from(index) }, block).await
    }

    /// Micro-units that consumed deposits brought in and that did not leave, and micro-units owed to claimants.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn balances(&self, block: BlockId) -> Result<(u128, u128), L1Error> {
        let balances = self.call(&Novation::balancesCall {}, block).await?;
        Ok((balances.inside, balances.owed))
    }

    /// Micro-units that `account` may claim.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn claimable(&self, account: Address, block: BlockId) -> Result<U256, L1Error> {
        self.call(&Novation::claimableCall { account }, block).await
    }

    /// Micro-units of the collateral token that `account` holds.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn collateral_of(&self, account: Address, block: BlockId) -> Result<U256, L1Error> {
        call(&self.provider, self.collateral, &Erc20::balanceOfCall { account }, block).await
    }

    /// Lets the contract take `amount` micro-units of collateral from `from`.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn approve(&self, from: Address, amount: U256) -> Result<TransactionReceipt, L1Error> {
        let call = Erc20::approveCall { spender: self.contract, amount };
        send(&self.provider, from, Some(self.collateral), call.abi_encode(), self.wait).await
    }

    /// Queues a deposit; the collateral was approved before. Returns its place in the queue and its account slot, which
    /// hold only once the block is final.
    ///
    /// # Errors
    /// [`L1Error`]; [`L1Error::Reverted`] with the contract's reason.
    ///
    /// # Panics
    /// When slot or amount is outside its documented range.
    pub async fn deposit(
        &self,
        from: Address,
        request: &DepositRequest,
    ) -> Result<(u64, u32, TransactionReceipt), L1Error> {
        let call = Novation::depositCall {
            slotOrZero: U24::from(request.slot.unwrap_or(0)),
            ax8: word(&request.owner_eighth[0]),
            ay8: word(&request.owner_eighth[1]),
            vx8: word(&request.viewing_eighth[0]),
            vy8: word(&request.viewing_eighth[1]),
            amount: U96::from(request.amount),
        };
        let receipt = self.send(from, &call).await?;
        let ours = receipt.logs().iter().filter(|log| log.address() == self.contract);
        let event = ours.filter_map(|log| Novation::Deposited::decode_log(&log.inner).ok()).next();
        let event = event.ok_or(L1Error::Answer { what: "deposit", reason: "no Deposited event".into() })?;
        Ok((event.index.saturating_to(), event.slot.to(), receipt))
    }

    /// Submits a markets root with the leaves that changed: ids strictly increasing, seven words a leaf.
    ///
    /// # Errors
    /// [`L1Error`]; [`L1Error::Reverted`] with the contract's reason.
    pub async fn submit_markets(
        &self,
        from: Address,
        number: u32,
        root: &Fr,
        time: u64,
        leaves: &[(u32, Vec<Fr>)],
    ) -> Result<TransactionReceipt, L1Error> {
        let call = Novation::submitMarketsCall {
            number,
            root: word(root),
            time: U40::from(time),
            ids: leaves.iter().map(|(id, _)| *id).collect(),
            leaves: leaves.iter().flat_map(|(_, words)| words.iter().map(word)).collect(),
        };
        self.send(from, &call).await
    }

    /// Submits a proven batch.
    ///
    /// # Errors
    /// [`L1Error`]; [`L1Error::Reverted`] with the contract's reason.
    ///
    /// # Panics
    /// When the submission does not name a depositor for each deposit.
    pub async fn submit_batch(&self, from: Address, submission: &Submission) -> Result<TransactionReceipt, L1Error> {
        let call = submission.call().expect("a depositor for each deposit");
        self.send(from, &call).await
    }

    /// Pays the whole claim of `from` to `to`.
    ///
    /// # Errors
    /// [`L1Error`]; [`L1Error::Reverted`] with `NothingToClaim` when there is none.
    pub async fn claim(&self, from: Address, to: Address) -> Result<TransactionReceipt, L1Error> {
        self.send(from, &Novation::claimCall { to }).await
    }

    /// The batch that a transaction submitted, read from its calldata; `known` is the state before it.
    ///
    /// # Errors
    /// [`L1Error::Answer`] when there is no such transaction or it is no `submitBatch` of this contract.
    pub async fn fetch_batch(&self, hash: TxHash, known: &Known) -> Result<Submission, L1Error> {
        use alloy::consensus::Transaction as _;
        let wrong = |reason: String| L1Error::Answer { what: "batch's transaction", reason };
        let tx = self.provider.get_transaction_by_hash(hash).await?.ok_or_else(|| wrong("not found".into()))?;
        if tx.to() != Some(self.contract) {
            return Err(wrong("not sent to the contract".into()));
        }
        let call = Novation::submitBatchCall::abi_decode_validate(tx.input()).map_err(|e| wrong(e.to_string()))?;
        Submission::from_call(&call, known).map_err(|e| wrong(e.to_string()))
    }

    async fn call<C: SolCall>(&self, request: &C, block: BlockId) -> Result<C::Return, L1Error> {
        call(&self.provider, self.contract, request, block).await
    }

    async fn send<C: SolCall>(&self, from: Address, request: &C) -> Result<TransactionReceipt, L1Error> {
        send(&self.provider, from, Some(self.contract), request.abi_encode(), self.wait).await
    }
}

impl L1Error {
    /// The contract's error, when that is why it failed.
    pub fn contract_error(&self) -> Option<&NovationErrors> {
        match self {
            Self::Reverted(Revert::Contract(error)) => Some(error),
            _ => None,
        }
    }
}

fn key_spec(circuit: &Circuit) -> Result<ICircuitKeys::KeySpec, L1Error> {
    let words: Vec<U256> = key_words(&circuit.key).into_iter().map(U256::from_be_bytes).collect();
    let narrow = |lane: usize| u16::try_from(lane).expect("a lane is short");
    Ok(ICircuitKeys::KeySpec {
        circuitId: circuit.size.circuit_id(),
        activeUntil: U40::from(circuit.active_until),
        lanes: Lanes {
            accounts: narrow(circuit.size.accounts),
            deposits: narrow(circuit.size.deposits),
            commands: narrow(circuit.size.commands),
        },
        key: words.try_into().map_err(|_| L1Error::KeyInputs { got: circuit.key.public_inputs() })?,
    })
}

async fn call<C: SolCall>(
    provider: &DynProvider,
    to: Address,
    request: &C,
    block: BlockId,
) -> Result<C::Return, L1Error> {
    let input: Bytes = request.abi_encode().into();
    let answer = provider.call(TransactionRequest::default().with_to(to).with_input(input)).block(block).await?;
    C::abi_decode_returns_validate(&answer).map_err(|e| L1Error::Answer { what: C::SIGNATURE, reason: e.to_string() })
}

/// Creates a contract and returns its address.
pub(crate) async fn create(
    provider: &DynProvider,
    from: Address,
    code: Vec<u8>,
    wait: Duration,
) -> Result<Address, L1Error> {
    let receipt = send(provider, from, None, code, wait).await?;
    receipt.contract_address.ok_or(L1Error::Answer { what: "deployment", reason: "no contract address".into() })
}

/// Sends a transaction and waits for its block. The estimate runs first, so that a revert costs nothing and brings its
/// reason.
pub(crate) async fn send(
    provider: &DynProvider,
    from: Address,
    to: Option<Address>,
    input: Vec<u8>,
    wait: Duration,
) -> Result<TransactionReceipt, L1Error> {
    let request = TransactionRequest::default().with_from(from);
    let request = match to {
        Some(to) => request.with_to(to).with_input(input),
        None => request.with_deploy_code(input),
    };
    let estimate = provider.estimate_gas(request.clone()).await?;
    // What the next block changes may need a little more; what is not used is given back.
    let gas = (estimate + estimate / 8).min(MAX_TRANSACTION_GAS.max(estimate));
    // The node knows the nonce; a remembered one is wrong after a reorg.
    let nonce = provider.get_transaction_count(from).pending().await?;
    let pending = provider.send_transaction(request.with_gas_limit(gas).with_nonce(nonce)).await?;
    receipt(provider, *pending.tx_hash(), wait).await
}

async fn receipt(provider: &DynProvider, hash: TxHash, wait: Duration) -> Result<TransactionReceipt, L1Error> {
    let started = Instant::now();
    loop {
        if let Some(receipt) = provider.get_transaction_receipt(hash).await? {
            let block = receipt.block_number.unwrap_or_default();
            return if receipt.status() { Ok(receipt) } else { Err(L1Error::Failed { hash, block }) };
        }
        if started.elapsed() >= wait {
            return Err(L1Error::NotMined { hash, waited: wait });
        }
        tokio::time::sleep(provider.client().poll_interval()).await;
    }
}
