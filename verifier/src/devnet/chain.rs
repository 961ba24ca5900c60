//! Blocks: one per transaction, or empty ones on request; the clock; snapshots and the reorgs made of them.

use super::error::RpcError;
use super::execute::{self, Mode};
use super::state::{State, Undo, View};
use super::DevnetConfig;
use alloy::consensus::constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_RECEIPTS, EMPTY_TRANSACTIONS, EMPTY_WITHDRAWALS};
use alloy::consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy::consensus::transaction::{Recovered, Transaction as _, TxHashRef};
use alloy::consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope, TxEnvelope, TxReceipt};
use alloy::eips::eip1559::{BaseFeeParams, INITIAL_BASE_FEE};
use alloy::eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{keccak256, Address, Bloom, Log, Sealable, Sealed, B256, U256};
use std::collections::HashMap;

/// Who is paid the fees: an address of no account.
const FEE_RECIPIENT: Address = Address::repeat_byte(0xfe);

/// Open snapshots at most; a test that leaks them in a loop hears of it.
const MAX_SNAPSHOTS: usize = 1024;

/// Blocks mined by one request at most.
pub(super) const MAX_BLOCKS_PER_REQUEST: u64 = 10_000;

/// A transaction in its block.
#[derive(Debug)]
pub(super) struct Included {
    pub(super) tx: Recovered<TxEnvelope>,
    pub(super) receipt: ReceiptEnvelope<Log>,
    pub(super) contract: Option<Address>,
}

/// A block with at most one transaction.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) header: Sealed<Header>,
    pub(super) included: Option<Included>,
}

/// The chain.
#[derive(Debug)]
pub(super) struct Chain {
    config: DevnetConfig,
    state: State,
    blocks: Vec<Block>,
    /// `undos[i]` takes back block `i + 1`: the genesis cannot be taken back.
    undos: Vec<Undo>,
    hashes: Vec<B256>,
    by_tx: HashMap<B256, u64>,
    /// Time of the next block if the caller has set it, in seconds.
    next_time: Option<u64>,
    snapshots: Vec<Snapshot>,
    next_snapshot: u64,
}

#[derive(Debug)]
struct Snapshot {
    id: u64,
    block: u64,
    next_time: Option<u64>,
}

impl Chain {
    /// A chain of one block, which gives `funded` their balance.
    pub(super) fn new(config: DevnetConfig, funded: &[Address]) -> Self {
        let mut state = State::default();
        for &address in funded {
            state.fund(address, config.balance_wei);
        }
        let genesis = Header {
            timestamp: config.genesis_time,
            gas_limit: config.block_gas_limit,
            base_fee_per_gas: Some(INITIAL_BASE_FEE),
            ..empty_header()
        };
        let genesis = Block { header: genesis.seal_slow(), included: None };
        Self {
            config,
            state,
            hashes: vec![genesis.header.hash()],
            blocks: vec![genesis],
            undos: Vec::new(),
            by_tx: HashMap::new(),
            next_time: None,
            snapshots: Vec::new(),
            next_snapshot: 1,
        }
    }

    pub(super) fn config(&self) -> &DevnetConfig {
        &self.config
    }

    pub(super) fn tip(&self) -> &Block {
        self.blocks.last().expect("the genesis is never taken back")
    }

    pub(super) fn number(&self) -> u64 {
        self.tip().header.number
    }

    pub(super) fn block(&self, number: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    pub(super) fn block_by_hash(&self, hash: B256) -> Option<&Block> {
        self.blocks.iter().rev().find(|block| block.header.hash() == hash)
    }

    pub(super) fn block_of_tx(&self, hash: B256) -> Option<&Block> {
        self.by_tx.get(&hash).and_then(|&number| self.block(number))
    }

    /// The number that a tag means now. `pending` has none.
    pub(super) fn number_of(&self, tag: BlockNumberOrTag) -> Option<u64> {
        let tip = self.number();
        match tag {
            BlockNumberOrTag::Latest => Some(tip),
            BlockNumberOrTag::Safe => Some(tip.saturating_sub(self.config.safe_depth)),
            BlockNumberOrTag::Finalized => Some(tip.saturating_sub(self.config.finalized_depth)),
            BlockNumberOrTag::Earliest => Some(0),
            BlockNumberOrTag::Number(number) => (number <= tip).then_some(number),
            BlockNumberOrTag::Pending => None,
        }
    }

    /// Header and state that a read at `block` works on. Without a block it is the next one, as a transaction sent
    /// now would find it: with the simulated clock that differs from the latest by more than a number.
    pub(super) fn at(&self, block: Option<BlockId>) -> Result<(Header, View<'_>), RpcError> {
        let number = match block {
            None | Some(BlockId::Number(BlockNumberOrTag::Pending)) => {
                return Ok((self.next_header(self.next_timestamp()), self.view(self.number())));
            }
            Some(BlockId::Number(tag)) => self.number_of(tag).ok_or(RpcError::UnknownBlock)?,
            // A hash is only served while its block is canonical, which is what EIP-1898's requireCanonical asks.
            Some(BlockId::Hash(hash)) => {
                self.block_by_hash(hash.block_hash).ok_or(RpcError::UnknownBlock)?.header.number
            }
        };
        let header = self.block(number).ok_or(RpcError::UnknownBlock)?.header.inner().clone();
        Ok((header, self.view(number)))
    }

    fn view(&self, number: u64) -> View<'_> {
        let after = usize::try_from(number).expect("a block number of this chain");
        View { state: &self.state, undos: &self.undos[after..], hashes: &self.hashes }
    }

    /// Seconds at which the next block will be stamped.
    pub(super) fn next_timestamp(&self) -> u64 {
        self.next_time.unwrap_or(self.tip().header.timestamp + self.config.block_seconds)
    }

    /// Sets the time of the next block; those after it follow at the configured distance again.
    pub(super) fn set_next_timestamp(&mut self, seconds: u64) -> Result<(), RpcError> {
        let latest = self.tip().header.timestamp;
        if seconds <= latest {
            return Err(RpcError::InvalidParams(format!("time {seconds} is not after the latest block's {latest}")));
        }
        self.next_time = Some(seconds);
        Ok(())
    }

    fn next_header(&self, timestamp: u64) -> Header {
        let parent = &self.tip().header;
        Header {
            parent_hash: parent.hash(),
            number: parent.number + 1,
            timestamp,
            gas_limit: self.config.block_gas_limit,
            base_fee_per_gas: parent.next_block_base_fee(BaseFeeParams::ethereum()),
            // Stands in for the beacon chain's randomness: fixed by the chain so that a run repeats.
            mix_hash: keccak256(parent.hash()),
            ..empty_header()
        }
    }

    /// Executes a signed transaction in a block of its own.
    pub(super) fn include(&mut self, tx: Recovered<TxEnvelope>) -> Result<B256, RpcError> {
        let env = execute::signed_env(&tx)?;
        let mut header = self.next_header(self.next_timestamp());
        let view = self.view(self.number());
        let run = execute::run(view, self.config.chain_id, &header, Mode::Transaction, env)?;

        let success = run.result.is_success();
        let gas_used = run.result.tx_gas_used();
        let contract = if success { tx.kind().is_create().then(|| tx.signer().create(tx.nonce())) } else { None };
        let receipt = Receipt {
            status: Eip658Value::Eip658(success),
            cumulative_gas_used: gas_used,
            logs: if success { run.result.into_logs() } else { Vec::new() },
        };
        let receipt = ReceiptEnvelope::from_typed(tx.tx_type(), receipt);
        header.gas_used = gas_used;
        header.logs_bloom = receipt.bloom();
        header.receipts_root = calculate_receipt_root(std::slice::from_ref(&receipt));
        header.transactions_root = calculate_transaction_root(&[tx.inner()]);
        let undo = self.state.apply(run.state);
        let hash = *tx.tx_hash();
        self.append(header, Some(Included { tx, receipt, contract }), undo);
        Ok(hash)
    }

    /// Adds empty blocks; a time the caller has set goes to the first.
    pub(super) fn mine(&mut self, blocks: u64) -> Result<(), RpcError> {
        if blocks > MAX_BLOCKS_PER_REQUEST {
            return Err(RpcError::Limit(format!("{blocks} blocks in one request, at most {MAX_BLOCKS_PER_REQUEST}")));
        }
        for _ in 0..blocks {
            let header = self.next_header(self.next_timestamp());
            self.append(header, None, Undo::default());
        }
        Ok(())
    }

    fn append(&mut self, header: Header, included: Option<Included>, undo: Undo) {
        let header = header.seal_slow();
        let parent = &self.tip().header;
        assert_eq!(header.parent_hash, parent.hash());
        assert!(header.timestamp > parent.timestamp, "block times grow");
        if let Some(included) = &included {
            self.by_tx.insert(*included.tx.tx_hash(), header.number);
        }
        self.hashes.push(header.hash());
        self.blocks.push(Block { header, included });
        self.undos.push(undo);
        self.next_time = None;
        assert_eq!(self.blocks.len(), self.undos.len() + 1);
    }

    /// Remembers the present block to come back to.
    pub(super) fn snapshot(&mut self) -> Result<u64, RpcError> {
        if self.snapshots.len() >= MAX_SNAPSHOTS {
            return Err(RpcError::Limit(format!("{MAX_SNAPSHOTS} snapshots are open")));
        }
        let id = self.next_snapshot;
        self.next_snapshot += 1;
        self.snapshots.push(Snapshot { id, block: self.number(), next_time: self.next_time });
        Ok(id)
    }

    /// Takes back every block after the snapshot: a reorg as soon as another block follows. Uses up the snapshot and
    /// those after it; false for one that is unknown or used up.
    pub(super) fn restore(&mut self, id: u64) -> bool {
        let Some(position) = self.snapshots.iter().position(|s| s.id == id) else { return false };
        let Snapshot { block, next_time, .. } = self.snapshots.swap_remove(position);
        self.snapshots.retain(|s| s.id < id);
        while self.number() > block {
            let gone = self.blocks.pop().expect("above the genesis");
            self.hashes.pop();
            if let Some(included) = gone.included {
                self.by_tx.remove(included.tx.tx_hash());
            }
            self.state.revert(self.undos.pop().expect("a record per block"));
        }
        self.next_time = next_time;
        true
    }
}

/// The parts that every block has alike. There is no consensus layer beneath: no withdrawals, no beacon root, none of
/// the system contracts. The state root is zero, for no proofs of state are served.
fn empty_header() -> Header {
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: FEE_RECIPIENT,
        state_root: B256::ZERO,
        transactions_root: EMPTY_TRANSACTIONS,
        receipts_root: EMPTY_RECEIPTS,
        logs_bloom: Bloom::ZERO,
        difficulty: U256::ZERO,
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
