//! Why the watcher stops believing the contract.

use crate::encoding::to_hex_word;
use crate::groth16::{KeyWordError, VerifyError};
use ark_bn254::Fr;
use novation_state::reject::Rejection;
use thiserror::Error;

/// Something on L1 that cannot be, if contract, circuit and this program are what they should be. What comes after it is not
/// read; what was believed before it is still served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Distrust {
    /// The contract verifies with a key that is malformed.
    #[error("the contract's key of circuit {circuit}: {reason}")]
    Key {
        /// Circuit id.
        circuit: u64,
        /// What is wrong with it.
        reason: KeyWordError,
    },
    /// The contract verifies with another key than the reader was given.
    #[error("the contract's key of circuit {circuit} is none of those that were given")]
    OtherKey {
        /// Circuit id.
        circuit: u64,
    },
    /// A batch of a circuit that has no key.
    #[error("batch {batch}: circuit {circuit} was never registered")]
    Circuit {
        /// The batch.
        batch: u32,
        /// Circuit id.
        circuit: u64,
    },
    /// The numbers of batches have a gap.
    #[error("batch {found} follows batch {last}")]
    Order {
        /// The last batch.
        last: u32,
        /// The one accepted after it.
        found: u32,
    },
    /// A proof does not verify.
    #[error("batch {batch} was accepted by L1, but its proof does not verify here: {reason}")]
    Proof {
        /// The batch.
        batch: u32,
        /// What is wrong.
        reason: VerifyError,
    },
    /// The contract announced another root or challenge than its calldata gives.
    #[error("batch {batch}: the contract announced the {what} {announced}, its calldata gives {computed}")]
    Announced {
        /// The batch.
        batch: u32,
        /// `root` or `challenge`.
        what: &'static str,
        /// In the event, as hexadecimal.
        announced: String,
        /// From calldata, as hexadecimal.
        computed: String,
    },
    /// The new leaves do not give the new root.
    #[error("batch {batch}: the leaves that it published give the root {rebuilt}, it claims {claimed}")]
    Root {
        /// The batch.
        batch: u32,
        /// From the leaves, as hexadecimal.
        rebuilt: String,
        /// In its public data, as hexadecimal.
        claimed: String,
    },
    /// A batch used markets that were never accepted.
    #[error("batch {batch} used markets {number}, which were accepted with another root or time, or never")]
    BatchMarkets {
        /// The batch.
        batch: u32,
        /// Number of the markets.
        number: u32,
    },
    /// A batch consumed a deposit that is not the queue's next.
    #[error("batch {batch} consumed deposit {index}, which is not what was queued there")]
    Deposit {
        /// The batch.
        batch: u32,
        /// Place in the queue.
        index: u64,
    },
    /// The queue of deposits has a gap.
    #[error("deposit {found} follows {queued} deposits")]
    Queue {
        /// Deposits so far, which is the next one's index.
        queued: u64,
        /// Index announced.
        found: u64,
    },
    /// More left than came in.
    #[error("batch {batch}: accounts hold {inside} micro-units, {leaving} leave")]
    Overdrawn {
        /// The batch.
        batch: u32,
        /// Micro-units inside.
        inside: u128,
        /// Micro-units withdrawn.
        leaving: u128,
    },
    /// Calldata of markets cannot be read.
    #[error("markets {number}: {reason}")]
    MarketsCalldata {
        /// Number of the update.
        number: u32,
        /// What is wrong.
        reason: String,
    },
    /// The leaves do not have the accepted root.
    #[error("markets {number}: the leaves give the root {rebuilt}, the contract accepted {claimed}")]
    MarketsRoot {
        /// Number of the update.
        number: u32,
        /// From the leaves, as hexadecimal.
        rebuilt: String,
        /// Accepted, as hexadecimal.
        claimed: String,
    },
    /// An update that the rules of markets forbid: terms changed, a settlement value written twice, ids out of order.
    #[error("markets {number}: {reason}")]
    MarketsRule {
        /// Number of the update.
        number: u32,
        /// The rule.
        reason: Rejection,
    },
    /// A claim was paid that nobody had.
    #[error("{account} was paid {paid} micro-units and was owed {owed}")]
    Claim {
        /// Claimant, as hexadecimal.
        account: String,
        /// Micro-units paid.
        paid: u128,
        /// Micro-units owed.
        owed: u128,
    },
    /// A final block was replaced.
    #[error("block {number}, which was final, was replaced on L1")]
    Finality {
        /// The block.
        number: u64,
    },
}

impl Distrust {
    /// Name of the alarm.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Key { .. } | Self::OtherKey { .. } | Self::Circuit { .. } => "verifying_key",
            Self::Order { .. } | Self::Announced { .. } => "batch_inconsistent",
            Self::Proof { .. } => "proof_invalid",
            Self::Root { .. } => "root_mismatch",
            Self::BatchMarkets { .. } => "batch_markets",
            Self::Deposit { .. } | Self::Queue { .. } => "deposit_queue",
            Self::Overdrawn { .. } | Self::Claim { .. } => "money_created",
            Self::MarketsCalldata { .. } => "markets_unreadable",
            Self::MarketsRoot { .. } => "markets_root_mismatch",
            Self::MarketsRule { reason: Rejection::TermsChanged { .. }, .. } => "terms_changed",
            Self::MarketsRule { reason: Rejection::SettledChanged { .. }, .. } => "settlement_rewritten",
            Self::MarketsRule { .. } => "markets_rule",
            Self::Finality { .. } => "finality_violated",
        }
    }

    /// What to do next.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Finality { .. } => "compare with another L1 node; after a real reorg of final blocks start afresh",
            Self::Key { .. } | Self::OtherKey { .. } | Self::Circuit { .. } => {
                "compare the key with the ceremony's; do not deposit until it is explained"
            }
            _ => "read the same block from another L1 node; if it says the same, do not deposit, withdraw, and tell others",
        }
    }
}

pub(super) fn hex(element: &Fr) -> String {
    to_hex_word(element)
}
