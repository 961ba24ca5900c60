//! A journaled in-process L1 is found again after a kill, whatever the kill interrupted; other damage is named.

use crate::common::evm::{create, RECORDER};
use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, B256, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Block, Filter, Log, TransactionRequest};
use novation_verifier::devnet::{Devnet, DevnetConfig, JournalError, RpcError};
use std::path::{Path, PathBuf};

const START: u64 = 1_800_000_000;

/// A folder of the test's own, empty at its start.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("novation-journal-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("l1.journal")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config() -> DevnetConfig {
    DevnetConfig { genesis_time: START, safe_depth: 2, finalized_depth: 4, ..DevnetConfig::default() }
}

fn open(path: &Path) -> Devnet {
    Devnet::open(config(), path).unwrap_or_else(|error| panic!("{error}"))
}

async fn record(devnet: &Devnet, to: Address, value: u64) {
    let words = [B256::from(U256::from(value)), B256::from(U256::from(7))].concat();
    let from = devnet.signer(0).address();
    let request = TransactionRequest::default().with_from(from).with_to(to).with_input(Bytes::from(words));
    let pending = devnet.provider().send_transaction(request).await.expect("sent");
    assert!(pending.get_receipt().await.expect("mined").status());
}

/// Everything that a reader of the chain sees.
#[derive(Debug, PartialEq)]
struct Seen {
    blocks: Vec<Block>,
    logs: Vec<Log>,
    balance: U256,
    nonce: u64,
    slots: Vec<U256>,
}

async fn seen(provider: &DynProvider, account: Address, recorder: Address) -> Seen {
    let tip = provider.get_block_number().await.expect("answered");
    let (mut blocks, mut slots) = (Vec::new(), Vec::new());
    for number in 0..=tip {
        blocks.push(provider.get_block_by_number(number.into()).full().await.expect("answered").expect("a block"));
        let slot = provider.get_storage_at(recorder, U256::ZERO).block_id(BlockId::number(number));
        slots.push(slot.await.expect("answered"));
    }
    Seen {
        blocks,
        logs: provider.get_logs(&Filter::new().from_block(0)).await.expect("answered"),
        balance: provider.get_balance(account).await.expect("answered"),
        nonce: provider.get_transaction_count(account).await.expect("answered"),
        slots,
    }
}

/// A chain with transactions, runs of empty blocks and times from a clock.
async fn busy(path: &Path) -> (Seen, Address) {
    let devnet = open(path);
    let from = devnet.signer(0).address();
    let recorder = create(&devnet.provider(), from, &RECORDER).await;
    devnet.mine(5).expect("mined");
    record(&devnet, recorder, 10).await;
    for time in [START + 100, START + 107, START + 119] {
        devnet.set_next_timestamp(time).expect("later");
        devnet.mine(1).expect("mined");
    }
    devnet.set_next_timestamp(START + 200).expect("later");
    record(&devnet, recorder, 20).await;
    (seen(&devnet.provider(), from, recorder).await, recorder)
}

#[tokio::test]
async fn reopened_chain_is_the_chain_it_was_and_goes_on() {
    let folder = Folder::new("reopen");
    let (before, recorder) = busy(&folder.journal()).await;
    assert_eq!((before.blocks.len(), before.logs.len(), before.nonce), (12, 2, 3));
    assert_eq!(before.blocks[8].header.timestamp, START + 100);
    for round in 0..3u64 {
        let devnet = open(&folder.journal());
        let (provider, from) = (devnet.provider(), devnet.signer(0).address());
        let after = seen(&provider, from, recorder).await;
        assert_eq!(after.blocks[..12], before.blocks);
        assert_eq!(after.logs[..2], before.logs);
        assert_eq!(after.nonce, before.nonce + round);
        if round == 0 {
            assert_eq!(after, before);
        }
        record(&devnet, recorder, 30 + round).await;
    }
    assert_eq!(DevnetConfig::of_journal(&folder.journal()).expect("readable"), Some(config()));
    assert_eq!(DevnetConfig::of_journal(&folder.0.join("none")).expect("readable"), None);
}

#[tokio::test]
async fn cut_at_every_byte_of_the_last_record_loses_that_record_alone() {
    let folder = Folder::new("cut");
    let path = folder.journal();
    let (recorder, shorter) = {
        let devnet = open(&path);
        let recorder = create(&devnet.provider(), devnet.signer(0).address(), &RECORDER).await;
        devnet.mine(2).expect("mined");
        let shorter = std::fs::metadata(&path).expect("there").len() as usize;
        record(&devnet, recorder, 20).await;
        (recorder, shorter)
    };
    let whole = std::fs::read(&path).expect("there");
    for length in shorter..whole.len() {
        std::fs::write(&path, &whole[..length]).expect("written");
        let devnet = open(&path);
        assert_eq!(devnet.block_number(), 3, "cut at byte {length}");
        assert_eq!(std::fs::metadata(&path).expect("there").len() as usize, shorter, "cut at byte {length}");
        // What comes next stands where the torn record stood.
        if length % 16 == 0 {
            record(&devnet, recorder, 20).await;
            drop(devnet);
            assert_eq!(std::fs::read(&path).expect("there"), whole, "the same block gives the same record");
        }
    }
}

#[tokio::test]
async fn flipped_byte_is_found_wherever_it_is() {
    let folder = Folder::new("flip");
    let path = folder.journal();
    busy(&path).await;
    let whole = std::fs::read(&path).expect("there");
    let magic = whole.iter().position(|byte| *byte == b'\n').expect("a first line") + 1;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).expect("written");
        match Devnet::open(config(), &path).map(|devnet| devnet.block_number()) {
            Err(JournalError::NotAJournal { path: named }) if at < magic => assert_eq!(named, path),
            Err(JournalError::Damaged { offset, .. }) if at >= magic => assert!(offset as usize <= at, "byte {at}"),
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(std::fs::read(&path).expect("there"), bytes, "a damaged journal is left as it is");
    }
}

/// The journal with the payload of its last record replaced, checksum and all.
fn rewritten(whole: &[u8], last: usize, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut payload = whole[last + 8..whole.len() - 4].to_vec();
    change(&mut payload);
    let length = payload.len() as u32;
    let sum = alloy::primitives::keccak256(&payload);
    [&whole[..last], &length.to_le_bytes(), &(!length).to_le_bytes(), &payload, &sum[..4]].concat()
}

#[tokio::test]
async fn records_that_execute_to_something_else_are_named() {
    let folder = Folder::new("other");
    let path = folder.journal();
    let last = {
        let devnet = open(&path);
        devnet.mine(1).expect("mined");
        let last = std::fs::metadata(&path).expect("there").len() as usize;
        devnet.mine(3).expect("mined");
        last
    };
    let whole = std::fs::read(&path).expect("there");
    let refused = |bytes: Vec<u8>| {
        std::fs::write(&path, bytes).expect("written");
        Devnet::open(config(), &path).map(|devnet| devnet.block_number()).expect_err("refused")
    };
    // The time of the blocks: another hash.
    match refused(rewritten(&whole, last, |payload| payload[1] += 1)) {
        JournalError::Hash { record: 2, block: 4, journal, executed } => assert_ne!(journal, executed),
        other => panic!("{other}"),
    }
    // A time before the parent's: no block at all.
    match refused(rewritten(&whole, last, |payload| payload[1..9].fill(0))) {
        JournalError::Execution { record: 2, block: 2, reason } => {
            let message = format!("time 0 is not after the latest block's {}", START + 1);
            assert_eq!(reason, RpcError::InvalidParams(message));
        }
        other => panic!("{other}"),
    }
    match refused(rewritten(&whole, last, |payload| payload[0] = 9)) {
        JournalError::Damaged { record: 2, offset, reason } => {
            assert_eq!((offset as usize, reason), (last, "no record of a known kind"));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn journal_in_use_or_of_another_chain_is_refused() {
    let folder = Folder::new("use");
    let path = folder.journal();
    let devnet = open(&path);
    match Devnet::open(config(), &path).expect_err("refused") {
        JournalError::InUse { path: named } => assert_eq!(named, path),
        other => panic!("{other}"),
    }
    drop(devnet);
    let other = DevnetConfig { genesis_time: START + 1, ..config() };
    match Devnet::open(other, &path).expect_err("refused") {
        JournalError::Config { field, journal, given } => {
            let expected = ("genesis_time".to_owned(), START.to_string(), (START + 1).to_string());
            assert_eq!((field, journal, given), expected);
        }
        other => panic!("{other}"),
    }
    assert_eq!(open(&path).block_number(), 0);
}

#[tokio::test]
async fn journaled_chain_makes_no_reorgs() {
    let folder = Folder::new("reorg");
    let devnet = open(&folder.journal());
    devnet.mine(1).expect("mined");
    let refusal = "a journaled chain makes no snapshots: its past does not change";
    assert_eq!(devnet.snapshot(), Err(RpcError::Rejected(refusal.into())));
    assert!(!devnet.revert(1));
    assert_eq!(devnet.block_number(), 1);
}

#[tokio::test]
async fn empty_blocks_are_cheap_on_disk_and_the_same_when_read_one_by_one() {
    let folder = Folder::new("empty");
    let path = folder.journal();
    let devnet = open(&path);
    let before = std::fs::metadata(&path).expect("there").len();
    devnet.mine(10_000).expect("mined");
    assert_eq!(std::fs::metadata(&path).expect("there").len() - before, 57);
    // Headers are not kept but made again: each must have the hash that the next one names.
    let provider = devnet.provider();
    let mut parent = provider.get_block_by_number(9_900.into()).await.expect("answered").expect("a block");
    for number in 9_901..=10_000u64 {
        let block = provider.get_block_by_number(number.into()).await.expect("answered").expect("a block");
        assert_eq!((block.header.parent_hash, block.header.hash), (parent.header.hash, block.header.inner.hash_slow()));
        parent = block;
    }
}
