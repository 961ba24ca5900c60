//! One transaction through revm: as part of a block, as a call, or to find the gas it needs.

use super::error::RpcError;
use super::state::View;
use alloy::consensus::transaction::{Recovered, Transaction as _};
use alloy::consensus::{Header, TxEnvelope, Typed2718};
use alloy::primitives::{TxKind, U256};
use alloy::rpc::types::TransactionRequest;
use revm::context::result::{ExecutionResult, ResultAndState};
use revm::context::{BlockEnv, CfgEnv, Context, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::database_interface::WrapDatabaseRef;
use revm::primitives::eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE;
use revm::primitives::eip7825::TX_GAS_LIMIT_CAP;
use revm::primitives::hardfork::SpecId;
use revm::{ExecuteEvm, MainBuilder, MainContext};

/// The rules of the chain: Osaka, with the gas cap on transactions of EIP-7825 and the calldata floor of EIP-7623.
const SPEC: SpecId = SpecId::OSAKA;

/// Gas of an `eth_call` that names none. A call is no transaction, so the cap of EIP-7825 does not bind it.
const CALL_GAS: u64 = 50_000_000;

/// Whether a run is a transaction, with all checks, or somebody asking what would happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Signed and to be included: nonce, balance, fee and gas cap are checked.
    Transaction,
    /// `eth_call`: no nonce, no balance, no fee, no gas cap.
    Call,
    /// `eth_estimateGas`: as a call, under the gas cap.
    Estimate,
}

fn config(chain_id: u64, mode: Mode) -> CfgEnv {
    let mut config = CfgEnv::new().with_chain_id(chain_id).with_spec_and_mainnet_gas_params(SPEC);
    if mode != Mode::Transaction {
        config.disable_nonce_check = true;
        config.disable_balance_check = true;
        config.disable_base_fee = true;
        config.disable_eip3607 = true;
    }
    if mode == Mode::Call {
        config.tx_gas_limit_cap = Some(u64::MAX);
    }
    config
}

fn block_env(header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        prevrandao: Some(header.mix_hash),
        // No blob transaction is served, so the blob gas price stays at its minimum.
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(0, BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE)),
        ..BlockEnv::default()
    }
}

/// Runs `tx` on the state `view` inside the block `header`.
pub(super) fn run(
    view: View<'_>,
    chain_id: u64,
    header: &Header,
    mode: Mode,
    tx: TxEnv,
) -> Result<ResultAndState, RpcError> {
    let mut block = block_env(header);
    if mode == Mode::Call {
        block.gas_limit = block.gas_limit.max(tx.gas_limit);
    }
    Context::mainnet()
        .with_db(WrapDatabaseRef(view))
        .with_cfg(config(chain_id, mode))
        .with_block(block)
        .build_mainnet()
        .transact(tx)
        .map_err(|error| RpcError::Rejected(error.to_string()))
}

/// A signed transaction as revm takes it.
pub(super) fn signed_env(tx: &Recovered<TxEnvelope>) -> Result<TxEnv, RpcError> {
    // Blobs need a consensus layer, set-code transactions wallets that delegate: neither is part of this chain.
    if tx.is_eip4844() || tx.is_eip7702() {
        return Err(RpcError::Rejected(format!("transaction type {} is not served by this devnet", tx.ty())));
    }
    Ok(TxEnv {
        tx_type: tx.ty(),
        caller: tx.signer(),
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        ..TxEnv::default()
    })
}

/// A call request as revm takes it; unset fields are zero, the gas is [`CALL_GAS`] or the cap.
pub(super) fn call_env(request: &TransactionRequest, chain_id: u64, mode: Mode) -> Result<TxEnv, RpcError> {
    let ceiling = if mode == Mode::Call { CALL_GAS } else { TX_GAS_LIMIT_CAP };
    let data = request.input.unique_input().map_err(|e| RpcError::InvalidParams(e.to_string()))?;
    Ok(TxEnv {
        caller: request.from.unwrap_or_default(),
        gas_limit: request.gas.unwrap_or(ceiling).min(ceiling),
        kind: request.to.unwrap_or(TxKind::Create),
        value: request.value.unwrap_or_default(),
        data: data.cloned().unwrap_or_default(),
        chain_id: Some(chain_id),
        access_list: request.access_list.clone().unwrap_or_default(),
        ..TxEnv::default()
    })
}

/// The least gas limit with which the transaction succeeds.
///
/// # Errors
/// [`RpcError::Reverted`] or [`RpcError::Rejected`] when it fails with all the gas there is.
pub(super) fn estimate(view: View<'_>, chain_id: u64, header: &Header, tx: TxEnv) -> Result<u64, RpcError> {
    let attempt = |gas_limit: u64| {
        let tx = TxEnv { gas_limit, ..tx.clone() };
        run(view, chain_id, header, Mode::Estimate, tx)
    };
    let most = attempt(tx.gas_limit)?.result;
    let (used, spent) = (most.tx_gas_used(), most.gas().total_gas_spent());
    success(most)?;
    // Less than was used is not enough. More may be needed: refunds are paid after the end, and a call gets at most 63/64
    // of what is left. So the likely answers are tried in order, and what remains is searched.
    let (mut fails, mut works) = (used.saturating_sub(1), tx.gas_limit);
    let narrow = |middle: u64, fails: &mut u64, works: &mut u64| {
        let succeeded = matches!(attempt(middle), Ok(run) if run.result.is_success());
        *(if succeeded { works } else { fails }) = middle;
    };
    for likely in [used, spent, spent + spent / 63 + 1] {
        if fails < likely && likely < works {
            narrow(likely, &mut fails, &mut works);
        }
    }
    while works - fails > 1 {
        narrow(fails + (works - fails) / 2, &mut fails, &mut works);
    }
    Ok(works)
}

/// The output of a successful run.
pub(super) fn success(result: ExecutionResult) -> Result<alloy::primitives::Bytes, RpcError> {
    match result {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(RpcError::Reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(RpcError::Rejected(format!("execution halted: {reason:?}"))),
    }
}
