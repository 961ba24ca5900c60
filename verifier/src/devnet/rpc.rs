//! The JSON-RPC methods: what each takes, and what it answers.

use super::chain::{Block, Chain, Included};
use super::error::RpcError;
use super::execute::{self, Mode};
use super::Accounts;
use alloy::consensus::transaction::{SignerRecoverable, Transaction as _, TransactionInfo, TxHashRef};
use alloy::consensus::TxEnvelope;
use alloy::eips::eip2718::Decodable2718;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Bytes, B256, U256, U64};
use alloy::rpc::types::{
    Block as RpcBlock, BlockTransactions, FeeHistory, Filter, FilterBlockOption, Header as RpcHeader, Log as RpcLog,
    Transaction as RpcTransaction, TransactionReceipt, TransactionRequest,
};
use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::value::{to_raw_value, RawValue};
use serde_json::Value;

/// Blocks that one `eth_getLogs` may span, as public providers limit it: a reader must page.
pub const MAX_LOG_BLOCKS: u64 = 10_000;

/// Logs that one `eth_getLogs` may return.
pub const MAX_LOGS: usize = 10_000;

/// Blocks that one `eth_feeHistory` may span (geth's limit).
const MAX_FEE_HISTORY: u64 = 1024;

/// Priority fee suggested, in wei: no transaction competes with another here.
const PRIORITY_FEE_WEI: u128 = 1;

/// The positional parameters of a request.
struct Params(Vec<Value>);

impl Params {
    fn parse(params: Option<&RawValue>) -> Result<Self, RpcError> {
        let Some(raw) = params else { return Ok(Self(Vec::new())) };
        let list: Option<Vec<Value>> =
            serde_json::from_str(raw.get()).map_err(|e| RpcError::InvalidParams(e.to_string()))?;
        Ok(Self(list.unwrap_or_default()))
    }

    fn optional<T: DeserializeOwned>(&self, index: usize) -> Result<Option<T>, RpcError> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(|e| RpcError::InvalidParams(format!("parameter {index}: {e}"))),
        }
    }

    fn required<T: DeserializeOwned>(&self, index: usize) -> Result<T, RpcError> {
        self.optional(index)?.ok_or_else(|| RpcError::InvalidParams(format!("parameter {index} is missing")))
    }

    /// Seconds or counts, which callers send as a number or as a hexadecimal string.
    fn number(&self, index: usize) -> Result<Option<u64>, RpcError> {
        match self.0.get(index) {
            Some(Value::Number(n)) => {
                n.as_u64().map(Some).ok_or_else(|| RpcError::InvalidParams(format!("parameter {index} is no count")))
            }
            _ => Ok(self.optional::<U64>(index)?.map(|n| n.to())),
        }
    }
}

/// Answers one request.
///
/// # Errors
/// [`RpcError`], to be sent as the response's error.
pub(super) fn handle(
    chain: &mut Chain,
    accounts: &Accounts,
    method: &str,
    params: Option<&RawValue>,
) -> Result<Box<RawValue>, RpcError> {
    let p = Params::parse(params)?;
    match method {
        "web3_clientVersion" => json(&concat!("novation-devnet/", env!("CARGO_PKG_VERSION"))),
        "net_version" => json(&chain.config().chain_id.to_string()),
        "eth_chainId" => json(&U64::from(chain.config().chain_id)),
        "eth_blockNumber" => json(&U64::from(chain.number())),
        "eth_accounts" => json(&accounts.addresses()),
        "eth_gasPrice" => json(&U256::from(next_base_fee(chain)? + PRIORITY_FEE_WEI)),
        "eth_maxPriorityFeePerGas" => json(&U256::from(PRIORITY_FEE_WEI)),
        "eth_feeHistory" => json(&fee_history(chain, &p)?),
        "eth_getBlockByNumber" => {
            let full = p.optional(1)?.unwrap_or(false);
            let block = chain.number_of(p.required(0)?).and_then(|number| chain.block(number));
            json(&block.map(|block| rpc_block(&block, full)))
        }
        "eth_getBlockByHash" => {
            let full = p.optional(1)?.unwrap_or(false);
            let block = chain.block_by_hash(p.required(0)?);
            json(&block.map(|block| rpc_block(&block, full)))
        }
        "eth_getTransactionByHash" => json(&included(chain, &p)?.map(|(block, tx)| rpc_transaction(&block, tx))),
        "eth_getTransactionReceipt" => json(&included(chain, &p)?.map(|(block, tx)| rpc_receipt(&block, tx))),
        "eth_getLogs" => json(&logs(chain, &p.required(0)?)?),
        "eth_getBalance" => {
            let (_, view) = chain.at(p.optional(1)?)?;
            json(&view.account(p.required(0)?).map_or(U256::ZERO, |account| account.balance))
        }
        "eth_getTransactionCount" => {
            let (_, view) = chain.at(p.optional(1)?)?;
            json(&U64::from(view.account(p.required(0)?).map_or(0, |account| account.nonce)))
        }
        "eth_getCode" => {
            let (_, view) = chain.at(p.optional(1)?)?;
            json(&view.code(p.required(0)?).original_bytes())
        }
        "eth_getStorageAt" => {
            let (_, view) = chain.at(p.optional(2)?)?;
            json(&B256::from(view.slot(p.required(0)?, p.required(1)?)))
        }
        "eth_call" => {
            let (header, view) = chain.at(p.optional(1)?)?;
            let chain_id = chain.config().chain_id;
            let env = execute::call_env(&p.required(0)?, chain_id, Mode::Call)?;
            json(&execute::success(execute::run(view, chain_id, &header, Mode::Call, env)?.result)?)
        }
        "eth_estimateGas" => json(&U64::from(estimate(chain, &p.required(0)?, p.optional(1)?)?)),
        "eth_sendRawTransaction" => json(&send_raw(chain, &p.required::<Bytes>(0)?)?),
        "eth_sendTransaction" => json(&send(chain, accounts, p.required(0)?)?),
        "evm_mine" => {
            if let Some(seconds) = p.number(0)? {
                chain.set_next_timestamp(seconds)?;
            }
            chain.mine(1)?;
            json(&"0x0")
        }
        "anvil_mine" | "hardhat_mine" => json(&chain.mine(p.number(0)?.unwrap_or(1))?),
        "evm_setNextBlockTimestamp" | "evm_setTime" => {
            let seconds = p.number(0)?.ok_or_else(|| RpcError::InvalidParams("a time in seconds".into()))?;
            json(&chain.set_next_timestamp(seconds)?)
        }
        "evm_increaseTime" => {
            let seconds = p.number(0)?.ok_or_else(|| RpcError::InvalidParams("a number of seconds".into()))?;
            let time = chain.next_timestamp().saturating_add(seconds);
            chain.set_next_timestamp(time)?;
            json(&U64::from(time))
        }
        "evm_snapshot" => json(&U64::from(chain.snapshot()?)),
        "evm_revert" => {
            let id = p.number(0)?.ok_or_else(|| RpcError::InvalidParams("the number of a snapshot".into()))?;
            json(&chain.restore(id))
        }
        other => Err(RpcError::UnknownMethod(other.chars().take(64).collect())),
    }
}

fn json<T: Serialize>(value: &T) -> Result<Box<RawValue>, RpcError> {
    Ok(to_raw_value(value).expect("answers are plain data"))
}

fn next_base_fee(chain: &Chain) -> Result<u128, RpcError> {
    let (header, _) = chain.at(None)?;
    Ok(header.base_fee_per_gas.map_or(0, u128::from))
}

fn fee_history(chain: &Chain, p: &Params) -> Result<FeeHistory, RpcError> {
    let count = p.number(0)?.unwrap_or(1).clamp(1, MAX_FEE_HISTORY);
    let newest: BlockNumberOrTag = p.required(1)?;
    let newest = chain.number_of(newest).unwrap_or_else(|| chain.number());
    let percentiles: Option<Vec<f64>> = p.optional(2)?;
    let oldest = (newest + 1).saturating_sub(count);
    let mut history = FeeHistory { oldest_block: oldest, ..FeeHistory::default() };
    let headers: Vec<_> =
        (oldest..=newest).filter_map(|n| chain.block(n)).map(|block| block.header.inner().clone()).collect();
    for header in &headers {
        history.base_fee_per_gas.push(header.base_fee_per_gas.map_or(0, u128::from));
        history.gas_used_ratio.push(header.gas_used as f64 / header.gas_limit as f64);
        history.base_fee_per_blob_gas.push(1);
        history.blob_gas_used_ratio.push(0.0);
    }
    let after = match chain.block(newest + 1) {
        Some(block) => block.header.base_fee_per_gas.map_or(0, u128::from),
        None => next_base_fee(chain)?,
    };
    history.base_fee_per_gas.push(after);
    history.base_fee_per_blob_gas.push(1);
    history.reward = percentiles.map(|p| vec![vec![PRIORITY_FEE_WEI; p.len()]; headers.len()]);
    Ok(history)
}

fn estimate(chain: &Chain, request: &TransactionRequest, block: Option<BlockId>) -> Result<u64, RpcError> {
    let (header, view) = chain.at(block)?;
    let chain_id = chain.config().chain_id;
    let env = execute::call_env(request, chain_id, Mode::Estimate)?;
    execute::estimate(view, chain_id, &header, env)
}

fn send_raw(chain: &mut Chain, raw: &Bytes) -> Result<B256, RpcError> {
    let tx = TxEnvelope::decode_2718_exact(raw).map_err(|e| RpcError::InvalidParams(format!("transaction: {e}")))?;
    let tx = tx.try_into_recovered().map_err(|_| RpcError::Rejected("invalid signature".into()))?;
    chain.include(tx)
}

/// Fills in what a request leaves open, signs with one of the devnet's own keys, and includes.
fn send(chain: &mut Chain, accounts: &Accounts, mut request: TransactionRequest) -> Result<B256, RpcError> {
    let from = request.from.ok_or_else(|| RpcError::InvalidParams("from is missing".into()))?;
    if request.nonce.is_none() {
        let (_, view) = chain.at(None)?;
        request.nonce = Some(view.account(from).map_or(0, |account| account.nonce));
    }
    if request.gas.is_none() {
        request.gas = Some(estimate(chain, &request, None)?);
    }
    if request.gas_price.is_none() {
        let tip = *request.max_priority_fee_per_gas.get_or_insert(PRIORITY_FEE_WEI);
        if request.max_fee_per_gas.is_none() {
            request.max_fee_per_gas = Some(2 * next_base_fee(chain)? + tip);
        }
    }
    request.chain_id.get_or_insert(chain.config().chain_id);
    // A request without recipient creates a contract; alloy wants that said.
    request.to.get_or_insert(alloy::primitives::TxKind::Create);
    let tx = request.build_typed_tx().map_err(|_| RpcError::InvalidParams("not a complete transaction".into()))?;
    let tx = accounts.sign(from, tx)?;
    let tx = tx.try_into_recovered().map_err(|_| RpcError::Rejected("invalid signature".into()))?;
    chain.include(tx)
}

fn included<'a>(chain: &'a Chain, p: &Params) -> Result<Option<(Block<'a>, &'a Included)>, RpcError> {
    let hash: B256 = p.required(0)?;
    Ok(chain.block_of_tx(hash).and_then(|block| block.included.map(|included| (block, included))))
}

fn rpc_block(block: &Block<'_>, full: bool) -> RpcBlock {
    let transactions = match (block.included, full) {
        (None, true) => BlockTransactions::Full(Vec::new()),
        (None, false) => BlockTransactions::Hashes(Vec::new()),
        (Some(tx), true) => BlockTransactions::Full(vec![rpc_transaction(block, tx)]),
        (Some(tx), false) => BlockTransactions::Hashes(vec![*tx.tx.tx_hash()]),
    };
    let header = RpcHeader::from_consensus(block.header.clone(), Some(U256::ZERO), None);
    RpcBlock::new(header, transactions).with_withdrawals(Some(Default::default()))
}

fn rpc_transaction(block: &Block<'_>, included: &Included) -> RpcTransaction {
    let info = TransactionInfo {
        hash: Some(*included.tx.tx_hash()),
        index: Some(0),
        block_hash: Some(block.header.hash()),
        block_number: Some(block.header.number),
        base_fee: block.header.base_fee_per_gas,
        block_timestamp: Some(block.header.timestamp),
    };
    RpcTransaction::from_transaction(included.tx.clone(), info)
}

fn rpc_receipt(block: &Block<'_>, included: &Included) -> TransactionReceipt {
    let tx = &included.tx;
    let mut index = 0u64;
    let inner = included.receipt.clone().map_logs(|log| {
        index += 1;
        rpc_log(block, included, index - 1, log)
    });
    TransactionReceipt {
        inner,
        transaction_hash: *tx.tx_hash(),
        transaction_index: Some(0),
        block_hash: Some(block.header.hash()),
        block_number: Some(block.header.number),
        gas_used: block.header.gas_used,
        effective_gas_price: tx.effective_gas_price(block.header.base_fee_per_gas),
        blob_gas_used: None,
        blob_gas_price: None,
        from: tx.signer(),
        to: tx.to(),
        contract_address: included.contract,
    }
}

fn rpc_log(block: &Block<'_>, included: &Included, index: u64, log: alloy::primitives::Log) -> RpcLog {
    RpcLog {
        inner: log,
        block_hash: Some(block.header.hash()),
        block_number: Some(block.header.number),
        block_timestamp: Some(block.header.timestamp),
        transaction_hash: Some(*included.tx.tx_hash()),
        transaction_index: Some(0),
        log_index: Some(index),
        removed: false,
    }
}

fn logs(chain: &Chain, filter: &Filter) -> Result<Vec<RpcLog>, RpcError> {
    let (first, last) = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let number = chain.number_of_hash(hash).ok_or(RpcError::UnknownBlock)?;
            (number, number)
        }
        FilterBlockOption::Range { from_block, to_block } => {
            let number = |tag: Option<BlockNumberOrTag>| match tag.unwrap_or_default() {
                // Beyond the tip there are no logs yet, which is not an error.
                BlockNumberOrTag::Number(number) => number,
                tag => chain.number_of(tag).unwrap_or_else(|| chain.number()),
            };
            (number(from_block), number(to_block))
        }
    };
    if first > last {
        return Err(RpcError::InvalidParams(format!("from block {first} is after to block {last}")));
    }
    if last - first >= MAX_LOG_BLOCKS {
        return Err(RpcError::Limit(format!("more than {MAX_LOG_BLOCKS} blocks")));
    }
    let mut found = Vec::new();
    for block in chain.transactions(first, last) {
        let Some(included) = block.included else { continue };
        for (index, log) in included.receipt.logs().iter().enumerate() {
            if filter.matches(log) {
                found.push(rpc_log(&block, included, index as u64, log.clone()));
            }
        }
        if found.len() > MAX_LOGS {
            return Err(RpcError::Limit(format!("more than {MAX_LOGS} logs")));
        }
    }
    Ok(found)
}
