//! The deposit queue as the operator may rely on it: a deposit counts when its block is final, not before.
//!
//! SOUND: a deposit credited too early and then reorged away would be money from nothing. So this reader never
//! sees a block that can still be replaced, and it checks the node: places in the queue follow each other without a gap,
//! and each entry hashes to what the contract keeps.

use super::bindings::Novation::{self, NovationEvents};
use super::client::L1;
use super::convert::element;
use super::error::L1Error;
use super::follow::{header, FinalPart, DEFAULT_PAGE};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{keccak256, Address, B256, U256};
use alloy::sol_types::SolValue;
use ark_bn254::Fr;

/// An entry of the deposit queue, final on L1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedDeposit {
    /// Place in the queue, from 0 without gaps.
    pub index: u64,
    /// Account slot, below 2^24.
    pub slot: u32,
    /// Who paid; a refund goes there.
    pub depositor: Address,
    /// An eighth of the owner key, x then y: on the curve, as the contract checked.
    pub owner_eighth: [Fr; 2],
    /// An eighth of the viewing key, x then y.
    pub viewing_eighth: [Fr; 2],
    /// Micro-units, below 2^96, more than none.
    pub amount: u128,
    /// Height of its block.
    pub block: u64,
}

/// Reads final deposits in the queue's order.
#[derive(Debug, Clone)]
pub struct DepositReader {
    l1: L1,
    done: FinalPart,
    next_index: u64,
}

impl DepositReader {
    /// Starts before the block `from`, normally that of the deployment: the queue is read from its beginning.
    pub fn new(l1: L1, from: u64) -> Self {
        Self { l1, done: FinalPart::new(from, DEFAULT_PAGE), next_index: 0 }
    }

    /// The deposits that became final since the last call.
    ///
    /// # Errors
    /// [`L1Error::FinalityViolated`], [`L1Error::DepositQueue`], or a failure of the node, after which the next call
    /// goes on where this one began.
    pub async fn poll(&mut self) -> Result<Vec<QueuedDeposit>, L1Error> {
        let Some(finalized) = header(&self.l1, BlockNumberOrTag::Finalized).await? else { return Ok(Vec::new()) };
        let mut next = self.clone();
        let mut found = Vec::new();
        loop {
            let (events, more) = next.done.advance(&next.l1, finalized.number).await?;
            for event in events {
                if let NovationEvents::Deposited(deposit) = event.event {
                    found.push(next.accept(&deposit, event.block).await?);
                }
            }
            if !more {
                break;
            }
        }
        *self = next;
        Ok(found)
    }

    /// The place in the queue of the next deposit to become final.
    pub fn next_index(&self) -> u64 {
        self.next_index
    }

    async fn accept(&mut self, event: &Novation::Deposited, block: u64) -> Result<QueuedDeposit, L1Error> {
        let index = self.next_index;
        let refuse = |reason| L1Error::DepositQueue { index, reason };
        if event.index != U256::from(index) {
            return Err(refuse("the event before it is missing"));
        }
        // Entries are never changed, so the newest state serves, which every node has.
        let kept = self.l1.queue_hash(index, BlockId::latest()).await?;
        if kept != entry_hash(event) {
            return Err(refuse("the event does not hash to the queue's entry"));
        }
        self.next_index += 1;
        Ok(QueuedDeposit {
            index,
            slot: event.slot.to(),
            depositor: event.depositor,
            owner_eighth: [element("Deposited", event.ax8)?, element("Deposited", event.ay8)?],
            viewing_eighth: [element("Deposited", event.vx8)?, element("Deposited", event.vy8)?],
            amount: event.amount.to(),
            block,
        })
    }
}

/// What the queue keeps of an entry: keccak256 of its fields, a word each.
fn entry_hash(event: &Novation::Deposited) -> B256 {
    let fields = (
        event.index,
        U256::from(event.slot),
        event.ax8,
        event.ay8,
        event.vx8,
        event.vy8,
        U256::from(event.amount),
        event.depositor,
    );
    keccak256(fields.abi_encode())
}
