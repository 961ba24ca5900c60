//! The JSON between node and workers.

use crate::wire::BytesHex;
use novation_prover::CircuitId;
use serde::{Deserialize, Serialize};

/// What a worker may call itself.
pub const WORKER_NAME_RULE: &str = "1 to 64 letters, digits, `.`, `_` and `-`";

/// Whether a worker may call itself that.
pub(super) fn is_worker_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(good)
}

/// What proofs are wanted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitView {
    /// Version of the statement.
    pub version: u32,
    /// Name of the size.
    pub size: String,
    /// Checksum of the matrices, 32 bytes.
    pub matrices: BytesHex,
    /// Checksum of the verifying key, 32 bytes.
    pub verifying_key: BytesHex,
}

impl CircuitView {
    /// The circuit, if the checksum has its length.
    pub fn id(&self) -> Option<CircuitId> {
        let matrices = self.matrices.0[..].try_into().ok()?;
        Some(CircuitId { version: self.version, size: self.size.clone(), matrices })
    }
}

/// Who asks for a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimRequest {
    /// The worker's name: [`WORKER_NAME_RULE`].
    pub worker: String,
}

/// A claimed job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobView {
    /// The batch.
    pub batch: u64,
    /// Which claim of it.
    pub attempt: u64,
    /// Seconds for which it is the worker's.
    pub lease_seconds: u64,
}

/// A proof.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofRequest {
    /// Who brings it.
    pub worker: String,
    /// Eight words of 32 bytes, as the contract takes them.
    pub proof: BytesHex,
}

/// What became of it: `accepted` or `known`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofAnswer {
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is the batch's.
    Accepted,
    /// The batch had one already.
    Known,
}

/// Why a job is given up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GiveUpRequest {
    pub reason: String,
}
