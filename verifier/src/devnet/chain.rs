//! Blocks: one per transaction, or empty ones on request; the clock; snapshots and the reorgs made of them.
//!
//! An empty block is kept as its time, base fee and hash, 48 bytes: its header follows from these and its parent. A chain
//! with a block every few seconds for weeks has to fit.

use super::error::RpcError;
use super::execute::{self, Mode};
use super::journal::{Entry, Journal, JournalError, Reader};
use super::state::{State, Undo, View};
use super::DevnetConfig;
use alloy::consensus::constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_RECEIPTS, EMPTY_TRANSACTIONS, EMPTY_WITHDRAWALS};
use alloy::consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy::consensus::transaction::{Recovered, SignerRecoverable, Transaction as _, TxHashRef};
use alloy::consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope, TxEnvelope, TxReceipt};
use alloy::eips::eip1559::{BaseFeeParams, INITIAL_BASE_FEE};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{keccak256, Address, Bloom, Log, Sealable, Sealed, B256, U256};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

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
pub(super) struct Block<'a> {
    pub(super) header: Sealed<Header>,
    pub(super) included: Option<&'a Included>,
}

/// What is kept of every block beside its hash.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    time: u64,
    base_fee: u64,
}

/// What is kept of a block with a transaction besides.
#[derive(Debug)]
pub(super) struct Body {
    header: Sealed<Header>,
    included: Included,
    /// Takes the block back.
    pub(super) undo: Undo,
}

/// The chain.
#[derive(Debug)]
pub(super) struct Chain {
    config: DevnetConfig,
    state: State,
    stamps: Vec<Stamp>,
    hashes: Vec<B256>,
    /// Of the blocks with a transaction.
    bodies: BTreeMap<u64, Body>,
    /// Header of the newest block.
    tip: Sealed<Header>,
    by_tx: HashMap<B256, u64>,
    /// Time of the next block if the caller has set it, in seconds.
    next_time: Option<u64>,
    snapshots: Vec<Snapshot>,
    next_snapshot: u64,
    journal: Option<Journal>,
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
        let genesis = genesis.seal_slow();
        Self {
            config,
            state,
            stamps: vec![Stamp { time: genesis.timestamp, base_fee: INITIAL_BASE_FEE }],
            hashes: vec![genesis.hash()],
            bodies: BTreeMap::new(),
            tip: genesis,
            by_tx: HashMap::new(),
            next_time: None,
            snapshots: Vec::new(),
            next_snapshot: 1,
            journal: None,
        }
    }

    /// The chain of a journal, which goes on being written; a new one where there is no file.
    pub(super) fn open(config: DevnetConfig, funded: &[Address], path: &Path) -> Result<Self, JournalError> {
        let mut reader = Reader::open(path, &config)?;
        let mut chain = Self::new(config, funded);
        while let Some((record, entry)) = reader.next()? {
            let block = chain.number() + 1;
            let failed = |reason| JournalError::Execution { record, block, reason };
            let journal = match entry {
                Entry::Empty { time, blocks, hash } => {
                    chain.set_next_timestamp(time).map_err(failed)?;
                    chain.mine(blocks.into()).map_err(failed)?;
                    hash
                }
                Entry::Transaction { time, hash, raw } => {
                    chain.set_next_timestamp(time).map_err(failed)?;
                    let tx = TxEnvelope::decode_2718_exact(&raw).map_err(|e| RpcError::InvalidParams(e.to_string()));
                    let tx = tx.map_err(failed)?.try_into_recovered();
                    let tx = tx.map_err(|_| failed(RpcError::Rejected("invalid signature".into())))?;
                    chain.include(tx).map_err(failed)?;
                    hash
                }
            };
            let (block, executed) = (chain.number(), chain.tip.hash());
            if executed != journal {
                return Err(JournalError::Hash { record, block, journal, executed });
            }
        }
        chain.journal = Some(reader.finish()?);
        Ok(chain)
    }

    pub(super) fn config(&self) -> &DevnetConfig {
        &self.config
    }

    pub(super) fn number(&self) -> u64 {
        self.tip.number
    }

    pub(super) fn block(&self, number: u64) -> Option<Block<'_>> {
        let index = usize::try_from(number).ok()?;
        if let Some(body) = self.bodies.get(&number) {
            return Some(Block { header: body.header.clone(), included: Some(&body.included) });
        }
        let (stamp, hash) = (self.stamps.get(index)?, self.hashes[index]);
        let parent = index.checked_sub(1).map_or(B256::ZERO, |parent| self.hashes[parent]);
        let header = self.header(number, parent, *stamp);
        Some(Block { header: Sealed::new_unchecked(header, hash), included: None })
    }

    pub(super) fn block_by_hash(&self, hash: B256) -> Option<Block<'_>> {
        self.number_of_hash(hash).and_then(|number| self.block(number))
    }

    pub(super) fn number_of_hash(&self, hash: B256) -> Option<u64> {
        // From the newest: who asks by hash asks for what was just mined.
        self.hashes.iter().rposition(|known| *known == hash).map(|index| index as u64)
    }

    pub(super) fn block_of_tx(&self, hash: B256) -> Option<Block<'_>> {
        self.by_tx.get(&hash).and_then(|&number| self.block(number))
    }

    /// The blocks with a transaction from `first` to `last`.
    pub(super) fn transactions(&self, first: u64, last: u64) -> impl Iterator<Item = Block<'_>> {
        let bodies = self.bodies.range(first..=last.max(first)).filter(move |(number, _)| **number <= last);
        bodies.map(|(_, body)| Block { header: body.header.clone(), included: Some(&body.included) })
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
            Some(BlockId::Hash(hash)) => self.number_of_hash(hash.block_hash).ok_or(RpcError::UnknownBlock)?,
        };
        let header = self.block(number).ok_or(RpcError::UnknownBlock)?.header.inner().clone();
        Ok((header, self.view(number)))
    }

    fn view(&self, number: u64) -> View<'_> {
        View { state: &self.state, bodies: &self.bodies, number, hashes: &self.hashes }
    }

    /// Seconds at which the next block will be stamped.
    pub(super) fn next_timestamp(&self) -> u64 {
        self.next_time.unwrap_or(self.tip.timestamp + self.config.block_seconds)
    }

    /// Sets the time of the next block; those after it follow at the configured distance again.
    pub(super) fn set_next_timestamp(&mut self, seconds: u64) -> Result<(), RpcError> {
        let latest = self.tip.timestamp;
        if seconds <= latest {
            return Err(RpcError::InvalidParams(format!("time {seconds} is not after the latest block's {latest}")));
        }
        self.next_time = Some(seconds);
        Ok(())
    }

    fn next_header(&self, timestamp: u64) -> Header {
        self.header_after(&self.tip, timestamp)
    }

    fn header_after(&self, parent: &Sealed<Header>, time: u64) -> Header {
        let base_fee = parent.next_block_base_fee(BaseFeeParams::ethereum()).expect("every block has a base fee");
        self.header(parent.number + 1, parent.hash(), Stamp { time, base_fee })
    }

    /// The header of an empty block.
    fn header(&self, number: u64, parent_hash: B256, stamp: Stamp) -> Header {
        Header {
            parent_hash,
            number,
            timestamp: stamp.time,
            gas_limit: self.config.block_gas_limit,
            base_fee_per_gas: Some(stamp.base_fee),
            // Stands in for the beacon chain's randomness: fixed by the chain so that a run repeats.
            mix_hash: if number == 0 { B256::ZERO } else { keccak256(parent_hash) },
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
        let header = header.seal_slow();
        let (time, block) = (header.timestamp, header.hash());
        self.journal(|| Entry::Transaction { time, hash: block, raw: tx.inner().encoded_2718() })?;
        let undo = self.state.apply(run.state);
        let (hash, number) = (*tx.tx_hash(), header.number);
        self.append(header.clone());
        self.by_tx.insert(hash, number);
        self.bodies.insert(number, Body { header, included: Included { tx, receipt, contract }, undo });
        Ok(hash)
    }

    /// Adds empty blocks; a time the caller has set goes to the first.
    pub(super) fn mine(&mut self, blocks: u64) -> Result<(), RpcError> {
        if blocks > MAX_BLOCKS_PER_REQUEST {
            return Err(RpcError::Limit(format!("{blocks} blocks in one request, at most {MAX_BLOCKS_PER_REQUEST}")));
        }
        let Some(further) = blocks.checked_sub(1) else { return Ok(()) };
        let time = self.next_timestamp();
        let mut headers = vec![self.next_header(time).seal_slow()];
        for _ in 0..further {
            let parent = headers.last().expect("there is a first");
            headers.push(self.header_after(parent, parent.timestamp + self.config.block_seconds).seal_slow());
        }
        let hash = headers.last().expect("there is a first").hash();
        self.journal(|| Entry::Empty { time, blocks: headers.len() as u32, hash })?;
        headers.into_iter().for_each(|header| self.append(header));
        Ok(())
    }

    /// Writes a block before it counts.
    fn journal(&mut self, entry: impl FnOnce() -> Entry) -> Result<(), RpcError> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.append(&entry()).map_err(|error| RpcError::Internal(format!("journal: {error}")))
    }

    fn append(&mut self, header: Sealed<Header>) {
        assert_eq!(header.parent_hash, self.tip.hash());
        assert!(header.timestamp > self.tip.timestamp, "block times grow");
        let base_fee = header.base_fee_per_gas.expect("every block has a base fee");
        self.stamps.push(Stamp { time: header.timestamp, base_fee });
        self.hashes.push(header.hash());
        self.tip = header;
        self.next_time = None;
        assert_eq!(self.stamps.len() as u64, self.number() + 1);
    }

    /// Remembers the present block to come back to.
    pub(super) fn snapshot(&mut self) -> Result<u64, RpcError> {
        if self.journal.is_some() {
            return Err(RpcError::Rejected("a journaled chain makes no snapshots: its past does not change".into()));
        }
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
            let number = self.number();
            self.stamps.pop();
            self.hashes.pop();
            if let Some(body) = self.bodies.remove(&number) {
                self.by_tx.remove(body.included.tx.tx_hash());
                self.state.revert(body.undo);
            }
            self.tip = self.block(number - 1).expect("above the genesis").header;
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
