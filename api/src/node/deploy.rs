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

/// As executor of the timelock: whoever wants to.
pub const ANYBODY: Address = Address::ZERO;

/// Deploys timelock and contract for `deployer`. Returns them with the block before.
///
/// # Errors
/// [`L1Error`].
pub async fn deploy(provider: DynProvider, deployer: Address, params: DeployParams) -> Result<(L1, u64), L1Error> {
    let from_block = provider.get_block_number().await?;
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
    let params = DeployParams {
        collateral,
        proposers: if choice.proposers.is_empty() { vec![from] } else { choice.proposers },
        executors: if choice.executors.is_empty() { vec![ANYBODY] } else { choice.executors },
        operator,
        oracle,
        genesis_root: genesis_root(secrets),
        circuits: vec![Circuit { size, key: key.clone(), active_until: now + choice.key_seconds }],
    };
    Ok(deploy(provider, from, params).await?)
}
