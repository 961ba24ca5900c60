//! Batches with their stages, and leaves under their roots.

use super::{BytesHex, PointJson, Word};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// It satisfies the circuit: its fills are firm.
    Made,
    /// It has a proof.
    Proven,
    /// A transaction with the proof is under way.
    Submitted,
    /// L1 accepted the proof.
    Accepted,
    /// The block that accepted it is final.
    Final,
}

/// When a stage was reached, and where on L1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    /// Unix seconds.
    pub time: i64,
    /// Hash of the L1 transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx: Option<BytesHex>,
    /// L1 block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
}

/// The stages that a batch has reached. A reorganisation of L1 takes later ones away again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stages {
    /// It satisfies the circuit.
    pub made: Moment,
    /// It has a proof.
    pub proven: Option<Moment>,
    /// A transaction is under way.
    pub submitted: Option<Moment>,
    /// L1 accepted it.
    pub accepted: Option<Moment>,
    /// Its block is final.
    #[serde(rename = "final")]
    pub finalized: Option<Moment>,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchView {
    /// Number, from 1.
    pub number: u64,
    /// Batch time, Unix seconds.
    pub time: i64,
    /// Accounts root before.
    pub old_root: Word,
    /// Accounts root after.
    pub new_root: Word,
    /// Number of the markets root.
    pub markets_number: u32,
    /// Markets root.
    pub markets_root: Word,
    /// First window.
    pub window_first: i64,
    /// Last window; `window_first - 1` if there is none.
    pub window_last: i64,
    /// Commitment to the log up to `log_last`.
    pub log_root: Word,
    /// First log entry.
    pub log_first: u64,
    /// Last log entry.
    pub log_last: u64,
    /// Index of the first L1 deposit consumed.
    pub deposit_first: u64,
    /// Deposits consumed.
    pub deposits: u64,
    /// Account slots that were rewritten, decoys among them.
    pub slots: Vec<i64>,
    /// The furthest stage.
    pub stage: StageName,
    /// Stages with their times.
    pub stages: Stages,
}

/// The proof and its public inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofData {
    /// Commitment.
    pub c: Word,
    /// `keccak256(D, c) mod r`.
    pub z: Word,
    /// The value at z of the polynomial whose coefficients are D.
    pub y: Word,
    /// Eight words in the EVM's order: A, B, C of Groth16, coordinates below the base field's modulus.
    pub words: Vec<BytesHex>,
}

/// A batch with everything public about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchDetail {
    /// The batch.
    pub batch: BatchView,
    /// D, the public data, in the order of the circuit.
    pub public_data: Vec<Word>,
    /// The proof, once there is one.
    pub proof: Option<ProofData>,
}

/// A leaf of the accounts tree and its place under the root after the last batch. Whoever has the viewing key opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeafView {
    /// Account slot.
    pub slot: i64,
    /// The last batch.
    pub batch: u64,
    /// The accounts root after it.
    pub root: Word,
    /// The leaf's hash.
    pub leaf: Word,
    /// Siblings, leaf level first, three a level.
    pub path: Vec<Vec<Word>>,
    /// The batch that last rewrote the leaf.
    pub rewritten: u64,
    /// R of that batch: the viewing key times it is the secret of the ciphertext.
    pub ephemeral: PointJson,
    /// Eight words: cash and epoch, orders root, sixteen positions three to a word; each under its pad.
    pub ciphertext: Vec<Word>,
    /// Owner key that the last credited deposit named on L1. A later rotation is not public.
    pub owner: PointJson,
    /// Viewing key that it named.
    pub viewing: PointJson,
}

/// Where a deposit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DepositState {
    /// Final on L1, waits for a batch.
    Queued,
    /// A batch credited it.
    Credited,
}

/// A slot that a deposit names together with a key. Public on L1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DepositView {
    /// Account slot.
    pub slot: i64,
    /// Index of the first such deposit in the L1 queue.
    pub deposit: u64,
    /// Where it is.
    pub state: DepositState,
}
