//! The collateral of a development chain: a token that anybody mints.

use crate::l1::{create, send, L1Error, DEFAULT_WAIT};
use alloy::primitives::{Address, U256};
use alloy::providers::DynProvider;
use alloy::sol_types::SolCall;

/// Generated from the committed artefact.
#[allow(missing_docs)]
mod bindings {
    alloy::sol!(
        #[sol(all_derives)]
        TestToken,
        "artifacts/TestToken.json"
    );
}
use bindings::TestToken;

/// Deploys the test token (6 decimals) for the account `from`.
///
/// # Errors
/// [`L1Error`].
pub async fn deploy_token(provider: &DynProvider, from: Address) -> Result<Address, L1Error> {
    create(provider, from, TestToken::BYTECODE.to_vec(), DEFAULT_WAIT).await
}

/// Mints `amount` micro-units of the test token for `to`; `from` pays the gas.
///
/// # Errors
/// [`L1Error`].
pub async fn mint(
    provider: &DynProvider,
    from: Address,
    token: Address,
    to: Address,
    amount: U256,
) -> Result<(), L1Error> {
    let call = TestToken::mintCall { to, amount };
    send(provider, from, Some(token), call.abi_encode(), DEFAULT_WAIT).await.map(|_| ())
}
