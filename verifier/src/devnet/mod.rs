//! An L1 inside the process: revm under Osaka rules behind alloy's transport, and over HTTP on loopback.
//!
//! It is a chain to develop and demonstrate on, not a node, and says so in `web3_clientVersion`:
//!
//! - **The clock is simulated.** Blocks carry the time the caller sets ([`Devnet::set_next_timestamp`]), else the time of
//!   their parent plus [`DevnetConfig::block_seconds`]. No wall clock is read.
//! - A block per transaction, at once; there is no pool. A transaction that would wait (a nonce too high) is refused.
//! - `safe` and `finalized` trail the tip by configured distances. [`Devnet::snapshot`] and [`Devnet::revert`] make
//!   reorgs, also deeper than finality: what reads a chain has to notice that too.
//! - Headers are real (hash, parent, transaction and receipt roots) except for the state root, which is zero.
//! - A chain from [`Devnet::open`] is journaled: it outlives the process, and makes no reorgs.
//! - No consensus layer: no blobs, no withdrawals, no system contracts. No set-code transactions.

mod chain;
mod error;
mod execute;
mod http;
mod journal;
mod rpc;
mod state;
mod token;
mod transport;

pub use error::RpcError;
pub use http::{HttpError, HttpServer};
pub use journal::JournalError;
pub use rpc::{MAX_LOGS, MAX_LOG_BLOCKS};
pub use token::{deploy_token, mint};
pub use transport::DevnetTransport;

use alloy::consensus::{SignableTransaction, TxEnvelope, TypedTransaction};
use alloy::network::{EthereumWallet, TxSignerSync};
use alloy::primitives::{keccak256, Address, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::RpcClient;
use alloy::signers::local::PrivateKeySigner;
use chain::Chain;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a devnet starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevnetConfig {
    /// Chain id of EIP-155. The default is the 31337 of development chains.
    pub chain_id: u64,
    /// Time of the genesis block, in seconds since 1970.
    pub genesis_time: u64,
    /// Seconds between a block and the next when the caller sets no time; at least 1.
    pub block_seconds: u64,
    /// Gas of a block. The default is the 60 million of the main network in 2026.
    pub block_gas_limit: u64,
    /// Blocks by which `safe` trails the tip.
    pub safe_depth: u64,
    /// Blocks by which `finalized` trails the tip.
    pub finalized_depth: u64,
    /// Accounts with a key that everybody knows; at most [`MAX_ACCOUNTS`].
    pub accounts: usize,
    /// Balance of each of them at genesis, in wei.
    pub balance_wei: U256,
}

impl DevnetConfig {
    /// The configuration that the chain of a journal was started with; `None` where there is no file. What a first start
    /// took from the clock (the genesis time), a later one finds here.
    ///
    /// # Errors
    /// [`JournalError`], also while the journal is open.
    pub fn of_journal(path: &Path) -> Result<Option<Self>, JournalError> {
        match path.try_exists() {
            Ok(true) => journal::configuration(path).map(Some),
            Ok(false) => Ok(None),
            Err(source) => Err(JournalError::File { path: path.to_owned(), source }),
        }
    }

    fn check(&self) {
        assert!(self.accounts <= MAX_ACCOUNTS, "at most {MAX_ACCOUNTS} accounts");
        assert!(self.block_seconds >= 1, "blocks are at least a second apart");
        assert!(self.safe_depth <= self.finalized_depth, "safe is not behind finalized");
    }
}

/// Most accounts a devnet creates: each costs a key derivation at start.
pub const MAX_ACCOUNTS: usize = 1000;

impl Default for DevnetConfig {
    fn default() -> Self {
        Self {
            chain_id: 31_337,
            // 2026-01-01 00:00:00 UTC
            genesis_time: 1_767_225_600,
            block_seconds: 1,
            block_gas_limit: 60_000_000,
            // One and two epochs of 32 slots, as on the main network.
            safe_depth: 32,
            finalized_depth: 64,
            accounts: 10,
            balance_wei: U256::from(10u64).pow(U256::from(22u64)),
        }
    }
}

/// The devnet's own accounts. Their keys are derived from their number: worthless by design.
#[derive(Debug)]
struct Accounts(Vec<PrivateKeySigner>);

impl Accounts {
    fn new(count: usize) -> Self {
        let signer = |index: usize| {
            let seed = keccak256(format!("novation devnet account {index}"));
            PrivateKeySigner::from_bytes(&seed).expect("a hash is below the group order except with probability 2^-128")
        };
        Self((0..count).map(signer).collect())
    }

    fn addresses(&self) -> Vec<Address> {
        self.0.iter().map(PrivateKeySigner::address).collect()
    }

    fn sign(&self, from: Address, mut tx: TypedTransaction) -> Result<TxEnvelope, RpcError> {
        let signer = self.0.iter().find(|signer| signer.address() == from);
        let signer = signer.ok_or_else(|| RpcError::Rejected(format!("unknown account {from}")))?;
        let signature = signer.sign_transaction_sync(&mut tx).map_err(|e| RpcError::Rejected(e.to_string()))?;
        Ok(tx.into_signed(signature).into())
    }
}

/// A handle on a chain in this process; clones share the chain.
#[derive(Debug, Clone)]
pub struct Devnet {
    chain: Arc<Mutex<Chain>>,
    accounts: Arc<Accounts>,
}

impl Devnet {
    /// Starts a chain at its genesis block.
    ///
    /// # Panics
    /// On a configuration outside its documented ranges.
    pub fn new(config: DevnetConfig) -> Self {
        config.check();
        let accounts = Accounts::new(config.accounts);
        let chain = Chain::new(config, &accounts.addresses());
        Self { chain: Arc::new(Mutex::new(chain)), accounts: Arc::new(accounts) }
    }

    /// The chain of the journal at `path`, executed again block by block, or a new chain with a new journal. From here on a
    /// block is on disk before the request that made it is answered; a block that cannot be written is not made.
    ///
    /// Times that were set for a next block that never came are forgotten, and snapshots are refused.
    ///
    /// # Errors
    /// [`JournalError`].
    ///
    /// # Panics
    /// As [`Devnet::new`].
    pub fn open(config: DevnetConfig, path: &Path) -> Result<Self, JournalError> {
        config.check();
        let accounts = Accounts::new(config.accounts);
        let chain = Chain::open(config, &accounts.addresses(), path)?;
        Ok(Self { chain: Arc::new(Mutex::new(chain)), accounts: Arc::new(accounts) })
    }

    /// Answers one JSON-RPC request; `params` is the positional list.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn request(&self, method: &str, params: Option<&RawValue>) -> Result<Box<RawValue>, RpcError> {
        rpc::handle(&mut self.lock(), &self.accounts, method, params)
    }

    /// An alloy provider on this chain without keys: it signs nothing, and sends for the devnet's accounts.
    ///
    /// Must be called inside a tokio runtime, as every alloy provider that waits for receipts.
    pub fn provider(&self) -> DynProvider {
        let builder = ProviderBuilder::new().disable_recommended_fillers().with_gas_estimation();
        // alloy's default remembers nonces, and a reorg makes what it remembers wrong for ever.
        builder.with_simple_nonce_management().fetch_chain_id().connect_client(self.client()).erased()
    }

    /// An alloy provider that signs with `wallet`.
    pub fn provider_with(&self, wallet: impl Into<EthereumWallet>) -> DynProvider {
        let builder = ProviderBuilder::new().disable_recommended_fillers().with_gas_estimation();
        let builder = builder.with_simple_nonce_management().fetch_chain_id().wallet(wallet.into());
        builder.connect_client(self.client()).erased()
    }

    fn client(&self) -> RpcClient {
        let client = RpcClient::new(DevnetTransport::new(self.clone()), true);
        // A receipt is there as soon as the transaction was sent.
        client.set_poll_interval(std::time::Duration::from_millis(1));
        client
    }

    /// The key of the devnet's account `index`.
    ///
    /// # Panics
    /// If there are fewer accounts.
    pub fn signer(&self, index: usize) -> PrivateKeySigner {
        self.accounts.0[index].clone()
    }

    /// Sets the time of the next block, in seconds since 1970.
    ///
    /// # Errors
    /// [`RpcError::InvalidParams`] when it is not after the latest block's.
    pub fn set_next_timestamp(&self, seconds: u64) -> Result<(), RpcError> {
        self.lock().set_next_timestamp(seconds)
    }

    /// The time the next block will carry, in seconds since 1970.
    pub fn next_timestamp(&self) -> u64 {
        self.lock().next_timestamp()
    }

    /// The number of the newest block.
    pub fn block_number(&self) -> u64 {
        self.lock().number()
    }

    /// Adds empty blocks, for instance to make what came before them final.
    ///
    /// # Errors
    /// [`RpcError::Limit`] above 10,000 blocks.
    pub fn mine(&self, blocks: u64) -> Result<(), RpcError> {
        self.lock().mine(blocks)
    }

    /// Remembers the newest block to come back to.
    ///
    /// # Errors
    /// [`RpcError::Limit`] when 1,024 snapshots are open, [`RpcError::Rejected`] on a journaled chain.
    pub fn snapshot(&self) -> Result<u64, RpcError> {
        self.lock().snapshot()
    }

    /// Takes back all blocks after a snapshot and uses it up; false when there is no such snapshot (any more).
    pub fn revert(&self, snapshot: u64) -> bool {
        self.lock().restore(snapshot)
    }

    fn lock(&self) -> MutexGuard<'_, Chain> {
        // A panic while the chain was held may have left half a block: better to stop than to go on with it.
        self.chain.lock().expect("no earlier request panicked")
    }
}
