//! L1 as a node sees it: embedded in the process, on a journal beside the log, or a node somewhere by URL.

use super::deploy::{deploy, ANYBODY};
use super::secrets::{write_private, Secrets};
use super::settings::L1Settings;
use super::{NodeError, Now};
use alloy::network::EthereumWallet;
use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use ark_bn254::Fr;
use novation_sequencer::log::Head;
use novation_state::ledger::{Deployment, Ledger};
use novation_state::size::Size;
use novation_verifier::devnet::{deploy_token, Devnet, DevnetConfig, HttpServer};
use novation_verifier::groth16::VerifyingKey;
use novation_verifier::l1::bindings::Novation::NovationEvents;
use novation_verifier::l1::{Circuit, DeployParams, Follower, L1};
use novation_verifier::tls;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Accounts of the embedded chain: deployer, operator, oracle role, and what is left for traders.
const ACCOUNTS: usize = 64;
/// The first account of the embedded chain that has no role.
pub const FIRST_TRADER: usize = 3;
/// How long the verifying key of an embedded deployment stays active, in seconds.
const KEY_LIFE: u64 = 10 * 365 * 86_400;

/// L1 with this node's roles.
pub struct Chain {
    /// The contract.
    pub l1: L1,
    /// Submits batches.
    pub operator: Address,
    /// Posts markets.
    pub oracle: Address,
    /// Block of the deployment, or one before it.
    pub from_block: u64,
    /// The embedded chain.
    pub embedded: Option<Embedded>,
}

/// The chain in this process.
pub struct Embedded {
    /// The chain.
    pub devnet: Devnet,
    http: HttpServer,
    now: Now,
}

/// What the data folder keeps of an embedded chain.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    contract: Address,
    from_block: u64,
}

impl Chain {
    /// Opens the chain that the settings name. On an embedded one the contracts are deployed at the first start.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn open(
        settings: &L1Settings,
        data: &Path,
        now: Now,
        size: Size,
        key: &VerifyingKey,
        secrets: &Secrets,
    ) -> Result<Chain, NodeError> {
        if settings.url.is_empty() {
            Chain::embedded(settings, data, now, size, key, secrets).await
        } else {
            Chain::attach(settings).await
        }
    }

    async fn attach(settings: &L1Settings) -> Result<Chain, NodeError> {
        let contract = settings.novation()?;
        let operator = signer("operator", "NOVATION_OPERATOR_KEY")?;
        let oracle = signer("oracle", "NOVATION_ORACLE_KEY")?;
        let (operator_address, oracle_address) = (operator.address(), oracle.address());
        let mut wallet = EthereumWallet::from(operator);
        wallet.register_signer(oracle);
        let l1 = L1::attach(provider(settings, wallet)?, contract).await?;
        Ok(Chain {
            l1,
            operator: operator_address,
            oracle: oracle_address,
            from_block: settings.from_block,
            embedded: None,
        })
    }

    async fn embedded(
        settings: &L1Settings,
        data: &Path,
        now: Now,
        size: Size,
        key: &VerifyingKey,
        secrets: &Secrets,
    ) -> Result<Chain, NodeError> {
        let file = data.join("chain.json");
        let kept = Kept::read(&file)?;
        let config = DevnetConfig {
            // Before the first block that carries the present time.
            genesis_time: now().max(1) as u64 - 1,
            finalized_depth: settings.finalized_depth,
            safe_depth: settings.finalized_depth / 2,
            accounts: ACCOUNTS,
            ..DevnetConfig::default()
        };
        // A chain keeps what it was started with.
        let journal = data.join("chain.journal");
        let config = DevnetConfig::of_journal(&journal)?.unwrap_or(config);
        let devnet = Devnet::open(config, &journal)?;
        let [deployer, operator, oracle] = [0, 1, 2].map(|i| devnet.signer(i).address());
        let http = devnet.serve_http(settings.port).await?;
        let embedded = Embedded { devnet, http, now };
        embedded.tick();
        let provider = embedded.devnet.provider();
        let (l1, from_block) = match kept {
            Some(Kept { contract, from_block }) => (L1::attach(provider, contract).await?, from_block),
            None => {
                let collateral = deploy_token(&provider, deployer).await?;
                let active_until = (embedded.now)() as u64 + KEY_LIFE;
                let params = DeployParams {
                    collateral,
                    proposers: vec![deployer],
                    executors: vec![ANYBODY],
                    operator,
                    oracle,
                    genesis_root: genesis_root(secrets),
                    circuits: vec![Circuit { size, key: key.clone(), active_until }],
                };
                let (l1, from_block) = deploy(provider, deployer, params).await?;
                Kept { contract: l1.contract(), from_block }.write(&file)?;
                (l1, from_block)
            }
        };
        Ok(Chain { l1, operator, oracle, from_block, embedded: Some(embedded) })
    }

    /// Lets the next block of an embedded chain carry the present time: what a node submits carries it too.
    pub fn tick(&self) {
        if let Some(embedded) = &self.embedded {
            embedded.tick();
        }
    }

    /// URL of the embedded chain.
    pub fn url(&self) -> Option<String> {
        self.embedded.as_ref().map(|embedded| embedded.http.url())
    }

    /// The log's head as the last accepted batch names it, `None` before the first: what the log is known to have reached.
    ///
    /// # Errors
    /// [`NodeError::L1`].
    pub async fn anchor(&self) -> Result<Option<Head>, NodeError> {
        let known = self.l1.known(alloy::eips::BlockId::latest()).await?;
        let mut last = None;
        for event in Follower::new(self.l1.clone(), self.from_block).step().await?.events {
            if let NovationEvents::BatchAccepted(_) = event.event {
                last = Some(event.transaction);
            }
        }
        let Some(transaction) = last else { return Ok(None) };
        let header = self.l1.fetch_batch(transaction, &known).await?.batch.header;
        Ok(Some(Head { position: header.log_last, root: header.log_root }))
    }
}

impl Embedded {
    fn tick(&self) {
        let now = (self.now)().max(0) as u64;
        // A time that is not after the latest block's changes nothing: the block after it follows by a second.
        drop(self.devnet.set_next_timestamp(now));
    }

    /// Adds an empty block that carries the present time.
    ///
    /// # Errors
    /// [`NodeError::Rpc`] if the journal cannot be written.
    pub fn mine(&self, blocks: u64) -> Result<(), NodeError> {
        self.tick();
        Ok(self.devnet.mine(blocks)?)
    }
}

/// A client of the L1 that the settings name by URL, which signs with `wallet`.
///
/// # Errors
/// [`NodeError::Url`].
pub(super) fn provider(settings: &L1Settings, wallet: EthereumWallet) -> Result<DynProvider, NodeError> {
    let url = settings.url.parse().map_err(|_| NodeError::Url { url: settings.url.clone() })?;
    tls::ready();
    // A reorg makes remembered nonces wrong for ever: they are asked for each time.
    let builder = ProviderBuilder::new().disable_recommended_fillers().with_gas_estimation();
    let builder = builder.with_simple_nonce_management().fetch_chain_id().wallet(wallet);
    Ok(builder.connect_http(url).erased())
}

/// The key of a role on L1, from the environment.
///
/// # Errors
/// [`NodeError::RoleKey`].
pub(super) fn signer(role: &'static str, variable: &'static str) -> Result<PrivateKeySigner, NodeError> {
    let text = std::env::var(variable).map_err(|_| NodeError::RoleKey { role, variable, what: "is not set" })?;
    text.trim().parse().map_err(|_| NodeError::RoleKey { role, variable, what: "is no private key" })
}

/// The accounts root before the first batch: the house alone, which no deployment changes.
pub fn genesis_root(secrets: &Secrets) -> Fr {
    Ledger::genesis(Deployment::new(0, [0; 20]), secrets.house().public()).root()
}

impl Kept {
    fn read(file: &Path) -> Result<Option<Kept>, NodeError> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(NodeError::Io { what: file.display().to_string(), reason }),
        };
        let refused = |reason: serde_json::Error| NodeError::Kept { file: file.into(), reason: reason.to_string() };
        serde_json::from_str(&text).map(Some).map_err(refused)
    }

    /// All or nothing: a new file in its place.
    fn write(&self, file: &Path) -> Result<(), NodeError> {
        let io = |reason| NodeError::Io { what: file.display().to_string(), reason };
        let draft: PathBuf = file.with_extension("draft");
        if draft.exists() {
            fs::remove_file(&draft).map_err(io)?;
        }
        let text = serde_json::to_string_pretty(self).expect("an address and a number");
        write_private(&draft, &text).map_err(io)?;
        fs::rename(&draft, file).map_err(io)
    }
}
