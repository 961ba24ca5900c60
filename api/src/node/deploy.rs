//! The contracts of a new venue: what every deployment has in common, and one on an L1 by URL.

use super::chain::{genesis_root, provider, signer};
use super::secrets::Secrets;
use super::settings::L1Settings;
use super::NodeError;
use alloy::network::EthereumWallet;
use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider};
use novation_state::size::Size;
use novation_verifier::devnet::deploy_token;
use novation_verifier::groth16::VerifyingKey;
use novation_verifier::l1::{Circuit, DeployParams, L1Error, L1};

/// The circuit with which a venue starts.
pub struct Start<'a> {
    /// Its size.
    pub size: Size,
    /// The key its proofs verify under.
    pub key: &'a VerifyingKey,
    /// Until when the contract takes proofs under it, Unix seconds.
    pub active_until: u64,
    /// Secrets of the node that will run it: the house's account is in the first root.
    pub secrets: &'a Secrets,
}

/// Who holds what.
pub struct Holders {
    /// ERC-20 with 6 decimals.
    pub collateral: Address,
    /// Who may propose to the timelock.
    pub proposers: Vec<Address>,
    /// Who may execute what has waited; empty lets anybody.
    pub executors: Vec<Address>,
    /// Submits batches.
    pub operator: Address,
    /// Posts markets.
    pub oracle: Address,
}

/// Deploys timelock and contract for `deployer`. Returns them with the block before.
///
/// # Errors
/// [`L1Error`].
pub async fn deploy(
    provider: DynProvider,
    deployer: Address,
    start: Start<'_>,
    holders: Holders,
) -> Result<(L1, u64), L1Error> {
    let from_block = provider.get_block_number().await?;
    let Start { size, key, active_until, secrets } = start;
    let Holders { collateral, proposers, mut executors, operator, oracle } = holders;
    if executors.is_empty() {
        executors.push(Address::ZERO);
    }
    let params = DeployParams {
        collateral,
        proposers,
        executors,
        operator,
        oracle,
        genesis_root: genesis_root(secrets),
        circuits: vec![Circuit { size, key: key.clone(), active_until }],
    };
    Ok((L1::deploy(provider, deployer, params).await?, from_block))
}

/// What whoever deploys on an L1 by URL chooses.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The collateral; `None` deploys a token that anybody may mint.
    pub collateral: Option<Address>,
    /// Who may propose to the timelock; empty for the deployer.
    pub proposers: Vec<Address>,
    /// Who may execute what has waited; empty for anybody.
    pub executors: Vec<Address>,
    /// For how long the contract takes proofs under the key, seconds.
    pub key_seconds: u64,
}

/// Deploys a venue on the L1 of the settings. `NOVATION_DEPLOYER_KEY` pays; the roles are those with whose keys the node will sign.
///
/// # Errors
/// [`NodeError`].
pub async fn deploy_by_url(
    settings: &L1Settings,
    choice: Choice,
    size: Size,
    key: &VerifyingKey,
    secrets: &Secrets,
) -> Result<(L1, u64), NodeError> {
    let deployer = signer("deployer", "NOVATION_DEPLOYER_KEY")?;
    let operator = signer("operator", "NOVATION_OPERATOR_KEY")?.address();
    let oracle = signer("oracle", "NOVATION_ORACLE_KEY")?.address();
    let from = deployer.address();
    let provider = provider(settings, EthereumWallet::from(deployer))?;
    let collateral = match choice.collateral {
        Some(token) => token,
        None => deploy_token(&provider, from).await?,
    };
    let latest = provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await.map_err(L1Error::from)?;
    let now = latest.map_or(0, |block| block.header.timestamp);
    let proposers = if choice.proposers.is_empty() { vec![from] } else { choice.proposers };
    let start = Start { size, key, active_until: now + choice.key_seconds, secrets };
    let holders = Holders { collateral, proposers, executors: choice.executors, operator, oracle };
    Ok(deploy(provider, from, start, holders).await?)
}
