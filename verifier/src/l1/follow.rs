//! Reading the contract's events in order, across reorgs.
//!
//! Blocks up to `finalized` are read by range, page by page; those after it one by one, each by its hash (EIP-234) and only
//! on top of its parent, so that a list of events never mixes two branches. Whoever applies the [`Step`]s in order has at
//! every moment the events of one chain.

use super::bindings::Novation::NovationEvents;
use super::client::L1;
use super::error::L1Error;
use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{TxHash, B256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Header, Log};
use alloy::sol_types::SolEventInterface;
use std::collections::VecDeque;

/// Blocks read with one request in the final part: below what public providers allow.
pub const DEFAULT_PAGE: u64 = 2_000;

/// Blocks after `finalized` that are kept at most. Ethereum finalizes after 64 to 96; a chain that does not finalize for
/// this long (4,096 blocks, 14 hours) is a case for a person, and the follower waits for it.
pub const MAX_UNFINAL: usize = 4_096;

/// A block by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: B256,
}

/// An event and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event of the contract.
    pub event: NovationEvents,
    /// Height of its block.
    pub block: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Its transaction.
    pub transaction: TxHash,
    /// Its place among the block's logs.
    pub log_index: u64,
}

/// What changed since the step before: first forget, then learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// All events of blocks above this height are void: their blocks are no longer part of the chain.
    pub rolled_back_to: Option<u64>,
    /// New events, in the chain's order.
    pub events: Vec<Event>,
    /// Up to this height everything is final.
    pub finalized: u64,
    /// Up to this height everything was read.
    pub read: u64,
}

/// The final part of the chain, read once.
#[derive(Debug, Clone)]
pub(super) struct FinalPart {
    /// The newest block that was read as final; `None` before the first.
    anchor: Option<BlockRef>,
    /// The first block to read next.
    next: u64,
    page: u64,
}

impl FinalPart {
    pub(super) fn new(from: u64, page: u64) -> Self {
        assert!(page >= 1, "a page holds a block");
        Self { anchor: None, next: from, page }
    }

    /// Fails if the newest block read as final is no longer part of the chain.
    async fn check(&self, l1: &L1) -> Result<(), L1Error> {
        let Some(anchor) = self.anchor else { return Ok(()) };
        match header(l1, anchor.number.into()).await? {
            Some(found) if found.hash == anchor.hash => Ok(()),
            _ => Err(L1Error::FinalityViolated { number: anchor.number }),
        }
    }

    /// Reads on to the finalized block: at most one page of events, and whether there is more.
    pub(super) async fn advance(&mut self, l1: &L1, finalized: u64) -> Result<(Vec<Event>, bool), L1Error> {
        self.check(l1).await?;
        if self.next > finalized {
            return Ok((Vec::new(), false));
        }
        let last = finalized.min(self.next.saturating_add(self.page - 1));
        let filter = Filter::new().address(l1.contract()).from_block(self.next).to_block(last);
        let events = decode(l1.provider().get_logs(&filter).await?)?;
        let end = header(l1, last.into()).await?;
        let end = end.ok_or(L1Error::FinalityViolated { number: last })?;
        self.anchor = Some(BlockRef { number: last, hash: end.hash });
        self.next = last + 1;
        Ok((events, last < finalized))
    }

    /// The first block that was not read as final.
    pub(super) fn next(&self) -> u64 {
        self.next
    }
}

/// Follows the contract from a block on.
#[derive(Debug, Clone)]
pub struct Follower {
    l1: L1,
    done: FinalPart,
    /// Blocks read that may still be replaced, oldest first, each the parent of the next.
    tail: VecDeque<BlockRef>,
}

impl Follower {
    /// Starts before the block `from`, normally that of the deployment.
    pub fn new(l1: L1, from: u64) -> Self {
        Self { l1, done: FinalPart::new(from, DEFAULT_PAGE), tail: VecDeque::new() }
    }

    /// The same with another number of blocks a page.
    ///
    /// # Panics
    /// For zero, or after the first step.
    #[must_use]
    pub fn with_page(mut self, page: u64) -> Self {
        assert!(self.done.anchor.is_none() && self.tail.is_empty(), "before the first step");
        self.done = FinalPart::new(self.done.next, page);
        self
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// [`L1Error::FinalityViolated`] when a block that was final is gone; otherwise a failure of the node, after which
    /// the next call goes on where this one began.
    pub async fn step(&mut self) -> Result<Step, L1Error> {
        // Work on a copy: an error half way must not lose events that were read and not returned.
        let mut next = self.clone();
        let step = next.advance().await?;
        *self = next;
        Ok(step)
    }

    async fn advance(&mut self) -> Result<Step, L1Error> {
        let finalized = header(&self.l1, BlockNumberOrTag::Finalized).await?.map_or(0, |header| header.number);
        self.done.check(&self.l1).await?;
        let rolled_back_to = self.drop_replaced().await?;
        // Blocks of the tail that became final were read by hash: they are not read again.
        let mut events = Vec::new();
        while self.tail.front().is_some_and(|block| block.number <= finalized) {
            let block = self.tail.pop_front().expect("there is a front");
            self.done.anchor = Some(block);
            self.done.next = block.number + 1;
        }
        if self.tail.is_empty() {
            loop {
                let (page, more) = self.done.advance(&self.l1, finalized).await?;
                events.extend(page);
                if !more {
                    break;
                }
            }
        }
        while self.tail.len() < MAX_UNFINAL {
            let number = self.next();
            let Some(block) = header(&self.l1, number.into()).await? else { break };
            let parent = self.tail.back().copied().or(self.done.anchor);
            if parent.is_some_and(|parent| block.parent_hash != parent.hash) {
                // The chain changed while it was read: the next step takes back what is void.
                break;
            }
            let filter = Filter::new().address(self.l1.contract()).at_block_hash(block.hash);
            let logs = match self.l1.provider().get_logs(&filter).await {
                Ok(logs) => logs,
                // The node answers that it does not know the block: replaced since its header was read.
                Err(error) if error.is_error_resp() => break,
                Err(error) => return Err(error.into()),
            };
            events.extend(decode(logs)?);
            self.tail.push_back(BlockRef { number, hash: block.hash });
        }
        Ok(Step { rolled_back_to, events, finalized, read: self.next().saturating_sub(1) })
    }

    /// The newest block that was read; `None` before the first.
    pub fn tip(&self) -> Option<BlockRef> {
        self.tail.back().copied().or(self.done.anchor)
    }

    fn next(&self) -> u64 {
        self.tail.back().map_or(self.done.next(), |block| block.number + 1)
    }

    /// Drops the blocks of the tail that are no longer part of the chain.
    async fn drop_replaced(&mut self) -> Result<Option<u64>, L1Error> {
        let mut dropped = None;
        while let Some(newest) = self.tail.back().copied() {
            match header(&self.l1, newest.number.into()).await? {
                Some(found) if found.hash == newest.hash => break,
                _ => {
                    self.tail.pop_back();
                    dropped = Some(newest.number - 1);
                }
            }
        }
        Ok(dropped)
    }
}

pub(super) async fn header(l1: &L1, block: BlockNumberOrTag) -> Result<Option<Header>, L1Error> {
    Ok(l1.provider().get_block_by_number(block).await?.map(|block| block.header))
}

fn decode(logs: Vec<Log>) -> Result<Vec<Event>, L1Error> {
    let answer = |reason: String| L1Error::Answer { what: "eth_getLogs", reason };
    let read = |log: Log| {
        let missing = || answer("a log without its block".into());
        // The contract emits nothing that its interface does not name.
        let event = NovationEvents::decode_log(&log.inner).map_err(|e| answer(e.to_string()))?;
        Ok(Event {
            event: event.data,
            block: log.block_number.ok_or_else(missing)?,
            block_hash: log.block_hash.ok_or_else(missing)?,
            transaction: log.transaction_hash.ok_or_else(missing)?,
            log_index: log.log_index.ok_or_else(missing)?,
        })
    };
    logs.into_iter().map(read).collect()
}
