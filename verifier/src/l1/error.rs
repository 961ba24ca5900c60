//! What can go wrong on the way to the contract and back.

use super::bindings::Novation::NovationErrors;
use alloy::primitives::{Address, Bytes, TxHash};
use alloy::sol_types::{Panic, Revert as RevertMessage, SolError, SolInterface};
use alloy::transports::TransportError;
use std::time::Duration;
use thiserror::Error;

/// Why the EVM reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revert {
    /// An error of our contract, with its arguments.
    Contract(Box<NovationErrors>),
    /// `revert("...")`, as older tokens do.
    Message(String),
    /// A Solidity panic, by its code.
    Panic(u64),
    /// Anything else: the raw data, empty for out of gas inside a call.
    Other(Bytes),
}

impl Revert {
    /// Recognises revert data.
    pub fn decode(data: &Bytes) -> Self {
        if let Ok(error) = NovationErrors::abi_decode_validate(data) {
            return Self::Contract(Box::new(error));
        }
        if let Ok(error) = RevertMessage::abi_decode_validate(data) {
            return Self::Message(error.reason);
        }
        if let Ok(error) = Panic::abi_decode_validate(data) {
            return Self::Panic(error.code.saturating_to());
        }
        Self::Other(data.clone())
    }
}

impl std::fmt::Display for Revert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Contract(error) => write!(f, "{error:?}"),
            Self::Message(reason) => f.write_str(reason),
            Self::Panic(code) => write!(f, "panic 0x{code:x}"),
            Self::Other(data) => write!(f, "data {data}"),
        }
    }
}

/// Why a request to L1 failed.
#[derive(Debug, Error)]
pub enum L1Error {
    /// The node refuses or cannot be reached.
    #[error("L1 node: {0}")]
    Node(#[source] TransportError),
    /// The contract refuses; nothing was sent.
    #[error("L1 reverts: {0}")]
    Reverted(Revert),
    /// The node's answer is not what the contract's interface says.
    #[error("L1 answer to {what}: {reason}")]
    Answer {
        /// What was asked.
        what: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// Sent, and not in a block after the time that the client waits: the pool dropped it, or a reorg did. The caller
    /// looks at the chain and decides whether to send again.
    #[error("transaction {hash} is in no block after {waited:?}")]
    NotMined {
        /// The transaction.
        hash: TxHash,
        /// How long was waited.
        waited: Duration,
    },
    /// In a block, and failed there although the estimate had succeeded.
    #[error("transaction {hash} failed in block {block}")]
    Failed {
        /// The transaction.
        hash: TxHash,
        /// Its block.
        block: u64,
    },
    /// The address holds no such contract of this chain.
    #[error("{address} is not the Novation contract of chain {chain}")]
    NotNovation {
        /// The address asked for.
        address: Address,
        /// The chain of the node.
        chain: u64,
    },
    /// A verifying key for another number of public inputs than a batch has.
    #[error("a key for {got} public inputs; a batch has 3")]
    KeyInputs {
        /// Inputs of the key.
        got: usize,
    },
    /// A final block was replaced: nothing that was believed final can be trusted before a person has looked.
    #[error("block {number}, which was final, was replaced on L1")]
    FinalityViolated {
        /// The block.
        number: u64,
    },
    /// The events of the deposit queue do not fit together or not the queue: the node lies, or the contract is another.
    #[error("deposit {index}: {reason}")]
    DepositQueue {
        /// Position in the queue.
        index: u64,
        /// What does not fit.
        reason: &'static str,
    },
}

impl From<TransportError> for L1Error {
    fn from(error: TransportError) -> Self {
        match error.as_error_resp().and_then(|payload| payload.as_revert_data()) {
            Some(data) => Self::Reverted(Revert::decode(&data)),
            None => Self::Node(error),
        }
    }
}
